/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mram_plan.h"

#include <float.h>
#include <string.h>

/* -- What programming is asked for -- */

static bool is_rate(double p)
{
    return p >= 0.0 && p <= 1.0; /* false for a NaN */
}

static bool is_energy(double pj)
{
    return pj >= 0.0 && pj <= DBL_MAX;
}

static bool are_energies(const double *pj, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_energy(pj[i]))
            return false;
    return true;
}

static bool classes_in_range(const struct mtj_class_table *classes)
{
    if (classes == NULL)
        return false;
    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        if (!is_rate(classes->error_rate[c][0]) || !is_rate(classes->error_rate[c][1]) ||
            !are_energies(classes->toggle_pj[c], 2) ||
            !are_energies(classes->hold_pj[c], 2))
            return false;
    return true;
}

static bool stuck_in_range(const struct device_stuck_energy *stuck)
{
    return are_energies(stuck->stuck_p_pj, 2) && are_energies(stuck->stuck_ap_pj, 2) &&
           are_energies(stuck->shorted_pj, 2);
}

static bool write_in_range(const struct mram_write *write)
{
    if (write->generation == 0 || write->generation > RNG_MAX_GENERATION)
        return false;
    if (write->mode == MRAM_IID)
        return is_rate(write->flip_rate[0]) && is_rate(write->flip_rate[1]);
    if (write->over < MRAM_OVER_PRESENT || write->over > MRAM_OVER_ERASED_AP ||
        write->retries > MRAM_MAX_RETRIES || !are_energies(write->read_pj, 2) ||
        !stuck_in_range(&write->stuck))
        return false;
    if (write->mode == MRAM_DEVICE)
        return classes_in_range(write->classes);
    return write->mode == MRAM_UNIFORM && is_rate(write->error_rate[0]) &&
           is_rate(write->error_rate[1]) && are_energies(write->toggle_pj, 2) &&
           are_energies(write->hold_pj, 2);
}

bool mram_job_in_range(const struct mram *mram, const struct mram_write *writes)
{
    for (size_t l = 0; l < mram->n_layers; l++)
        if (!write_in_range(&writes[l]))
            return false;
    return true;
}

/* -- The job -- */

void mram_job_layer(struct mram_job *job, const struct mram_layer *layer,
                    const struct mram_write *write)
{
    job->layer = layer;
    job->write = write;
    /* What lies past the check bits of a tile is no tile's. */
    memset(job->target[MRAM_CHECK], 0, sizeof(job->target[MRAM_CHECK]));
    if (write->mode == MRAM_DEVICE)
        mram_class_odds_init(write->classes->error_rate, &job->by_class);
    else
        mram_odds_init(write->mode == MRAM_IID ? write->flip_rate : write->error_rate,
                       &job->odds);
}

/* `words` may be `ret_words`. */
static void complement(const struct mram *mram, size_t number, enum mram_section section,
                       const uint64_t *words, uint64_t *ret_words)
{
    uint64_t cells[MRAM_TILE_WORDS];

    mram_cells(mram, number, section, cells);
    for (size_t w = 0; w < MRAM_TILE_WORDS; w++)
        ret_words[w] = cells[w] ^ words[w];
}

void mram_job_tile(struct mram_job *job, size_t number, const uint64_t *wanted)
{
    const struct mram *mram = job->mram;
    const struct mram_layer *layer = job->layer;

    job->number = number;
    mram_tile_targets(mram, layer, number, wanted, job->target[MRAM_DATA],
                      job->target[MRAM_CHECK]);
    for (unsigned s = MRAM_DATA_PARTNER; s < MRAM_SECTIONS; s++)
        if (layer->section[s] != NULL)
            complement(mram, number, (enum mram_section)s,
                       job->target[s - MRAM_DATA_PARTNER], job->target[s]);
}

/* -- Plan -- */

/* What the write goes over; `buffer` has room for it. A partner was written with its
 * cell.
 */
static const uint64_t *old_of(const struct mram_job *job, const struct mram_plan *plan,
                              uint64_t *buffer)
{
    enum mram_section section = plan->section;
    struct mram_tile tile = plan->tile;

    switch (job->write->over) {
    case MRAM_OVER_PRESENT:
        return mram_tile_words(job->layer, job->number, section);
    case MRAM_OVER_RANDOM:
        if (mram_section_is_partner(section))
            tile = mram_tile_of(job->mram, job->layer, job->number,
                                (enum mram_section)(section - MRAM_DATA_PARTNER));
        mram_tile_random(&tile, job->mram->kernel, RNG_CONTENTS, job->write->generation,
                         buffer);
        if (mram_section_is_partner(section))
            complement(job->mram, job->number, section, buffer, buffer);
        break;
    case MRAM_OVER_COMPLEMENT:
        complement(job->mram, job->number, section, plan->target, buffer);
        break;
    case MRAM_OVER_ERASED_P:
        mram_tile_cells(&tile, buffer);
        break;
    case MRAM_OVER_ERASED_AP:
        memset(buffer, 0, MRAM_TILE_WORDS * sizeof(*buffer));
        break;
    }
    return buffer;
}

static const double *stuck_pj(const struct device_stuck_energy *stuck, unsigned kind)
{
    return kind == MRAM_STUCK_P    ? stuck->stuck_p_pj
           : kind == MRAM_STUCK_AP ? stuck->stuck_ap_pj
                                   : stuck->shorted_pj;
}

/* Dead cells of one word: they get their pulses, the wrong ones the retries too. */
static void plan_dead(const struct mram_job *job, struct mram_plan *plan, size_t w)
{
    uint64_t want = plan->target[w];
    double pulses = 1.0 + job->write->retries;

    for (unsigned kind = 0; kind < MRAM_DEFECT_KINDS; kind++) {
        uint64_t cells = plan->dead.kind[kind][w];
        uint64_t wrong = kind == MRAM_STUCK_AP ? cells & want : cells & ~want;
        const double *pj = stuck_pj(&job->write->stuck, kind);
        uint64_t to_ap = cells & ~want, to_p = cells & want;

        plan->n_dead_wrong[MTJ_P2AP] += (uint64_t)__builtin_popcountll(to_ap & wrong);
        plan->n_dead_wrong[MTJ_AP2P] += (uint64_t)__builtin_popcountll(to_p & wrong);
        plan->dead_pj += __builtin_popcountll(to_ap & ~wrong) * pj[MTJ_P2AP] +
                         __builtin_popcountll(to_p & ~wrong) * pj[MTJ_AP2P] +
                         pulses * __builtin_popcountll(to_ap & wrong) * pj[MTJ_P2AP] +
                         pulses * __builtin_popcountll(to_p & wrong) * pj[MTJ_AP2P];
    }
}

static void bury(const struct mram_job *job, struct mram_plan *plan)
{
    for (size_t w = 0; w < plan->tile.n_words; w++) {
        uint64_t dead = mram_dead_word(&plan->dead, w);
        uint64_t want = plan->target[w], toggles = plan->toggles[w];

        if (dead == 0)
            continue;
        plan->living[w] &= ~dead;
        plan->toggles[w] &= ~dead;
        plan->n_toggles[MTJ_P2AP] -=
            (uint64_t)__builtin_popcountll(dead & toggles & ~want);
        plan->n_toggles[MTJ_AP2P] -=
            (uint64_t)__builtin_popcountll(dead & toggles & want);
        plan->n_holds[MTJ_P2AP] -=
            (uint64_t)__builtin_popcountll(dead & ~toggles & ~want);
        plan->n_holds[MTJ_AP2P] -= (uint64_t)__builtin_popcountll(dead & ~toggles & want);
        plan_dead(job, plan, w);
    }
}

void mram_plan_section(const struct mram_job *job, enum mram_section section,
                       uint64_t *stored, struct mram_plan *plan)
{
    uint64_t buffer[MRAM_TILE_WORDS];
    struct mram_counts n;

    plan->section = section;
    plan->tile = mram_tile_of(job->mram, job->layer, job->number, section);
    plan->target = job->target[section];
    plan->dead_pj = 0.0;
    memset(plan->n_dead_wrong, 0, sizeof(plan->n_dead_wrong));
    job->mram->kernel->write(stored, old_of(job, plan, buffer), plan->target,
                             plan->tile.n_words, plan->toggles, &n);
    memset(plan->toggles + plan->tile.n_words, 0,
           (MRAM_TILE_WORDS - plan->tile.n_words) * sizeof(plan->toggles[0]));
    plan->n_toggles[MTJ_P2AP] = n.old - n.both;
    plan->n_toggles[MTJ_AP2P] = n.wanted - n.both;
    plan->n_holds[MTJ_P2AP] = plan->tile.n_cells - n.old - n.wanted + n.both;
    plan->n_holds[MTJ_AP2P] = n.both;
    mram_find_dead(job->mram, &plan->tile, job->number, section, &plan->dead);
    /* Only these need to know every cell. */
    if (job->write->mode == MRAM_DEVICE || plan->dead.any)
        mram_tile_cells(&plan->tile, plan->living);
    if (plan->dead.any)
        bury(job, plan);
}

struct mram_draw mram_plan_draw(const struct mram_job *job, const struct mram_plan *plan,
                                unsigned attempt)
{
    return (struct mram_draw) {
        .tile = &plan->tile,
        .kernel = job->mram->kernel,
        .classes = &job->mram->classes,
        .odds = &job->by_class,
        .purpose = RNG_WRITE,
        .generation = job->write->generation,
        .attempt = attempt,
    };
}

/* -- Energies -- */

void mram_plan_book(struct mram_energy *energy, const struct mram_plan *plan,
                    double toggle_pj, double hold_pj)
{
    if (mram_section_is_check(plan->section)) {
        energy->check_pj += toggle_pj + hold_pj;
        return;
    }
    energy->toggle_pj += toggle_pj;
    energy->hold_pj += hold_pj;
}

void mram_job_book_encode(const struct mram_job *job, struct mram_energy *energy)
{
    energy->encode_pj += (double)mram_words_in(job->layer, job->number) *
                         ecc_encode_pj(job->layer->layout.ecc);
}

double mram_verify_pj(const struct mram_write *write, uint64_t n_cells, uint64_t n_p)
{
    return (double)n_p * write->read_pj[MTJ_P2AP] +
           (double)(n_cells - n_p) * write->read_pj[MTJ_AP2P];
}

double mram_plan_dead_verify_pj(const struct mram_write *write,
                                const struct mram_plan *plan)
{
    const uint64_t *wrong = plan->n_dead_wrong;

    return write->retries * mram_verify_pj(write, wrong[0] + wrong[1], wrong[MTJ_P2AP]);
}
