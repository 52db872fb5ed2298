/* SPDX-License-Identifier: Apache-2.0 */
/* mram_write.c - one programming, tile by tile, section by section.
 *
 *   plan     what the write meets (mram_plan.c)
 *   strike   the first pulse: the wanted bits are stored, and what fails is flipped back
 *   retry    verify, and pulse again what failed
 *   forecast what was to be expected of it (mram_forecast.c)
 *   read     what the tile delivers now (mram_read.c)
 */
#include "core/mram_forecast.h"

#include <string.h>

/* -- Strike -- */

static double pulses_pj(const uint64_t n[2], const double pj[2])
{
    return (double)n[0] * pj[0] + (double)n[1] * pj[1];
}

/* Adds toggle and hold energy of a census by class. */
static void census_pj(const struct mram_census *census,
                      const struct mtj_class_table *classes, double *toggle_pj,
                      double *hold_pj)
{
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        const uint32_t *holds = census->n[c], *toggles = census->n[c] + 2;

        for (unsigned d = 0; d < 2; d++) {
            *hold_pj += holds[d] * classes->hold_pj[c][d];
            *toggle_pj += toggles[d] * classes->toggle_pj[c][d];
        }
    }
}

/* [AP2P] of what failed were meant to be P. */
struct failed {
    uint64_t n[2];
};

static struct failed flip_back(const struct mram_job *job, const struct mram_plan *plan,
                               const uint64_t *fail, uint64_t *stored)
{
    struct failed failed;
    uint64_t n =
        job->mram->kernel->flip(stored, fail, plan->tile.n_words, &failed.n[MTJ_AP2P]);

    failed.n[MTJ_P2AP] = n - failed.n[MTJ_AP2P];
    return failed;
}

/* Takes the census in device. */
static struct failed strike(const struct mram_job *job, const struct mram_plan *plan,
                            uint64_t *stored, struct mram_census *census,
                            struct mram_energy *energy)
{
    const struct mram_write *write = job->write;
    double toggle_pj = plan->dead_pj, hold_pj = 0.0;
    struct failed failed;

    if (write->mode == MRAM_DEVICE) {
        struct mram_draw draw = mram_plan_draw(job, plan, 0);
        uint64_t fail[MRAM_TILE_WORDS];

        mram_tile_classes(&draw, plan->living, plan->toggles, plan->target, census, fail);
        census_pj(census, write->classes, &toggle_pj, &hold_pj);
        failed = flip_back(job, plan, fail, stored);
    } else {
        mram_tile_fail(&plan->tile, job->mram->kernel, &job->odds, RNG_WRITE,
                       write->generation, plan->toggles, stored, failed.n);
        toggle_pj += pulses_pj(plan->n_toggles, write->toggle_pj);
        hold_pj += pulses_pj(plan->n_holds, write->hold_pj);
    }
    mram_plan_book(energy, plan, toggle_pj, hold_pj);
    return failed;
}

/* -- Retry -- */

/* Pulses the failed cells of `active` again. */
static struct failed pulse_again(const struct mram_job *job, const struct mram_plan *plan,
                                 unsigned attempt, const struct failed *before,
                                 const uint64_t *active, uint64_t *stored,
                                 struct mram_energy *energy)
{
    const struct mram_write *write = job->write;
    struct failed failed;
    double toggle_pj = 0.0, hold_pj = 0.0;

    for (size_t w = 0; w < plan->tile.n_words; w++)
        stored[w] ^= active[w];
    if (write->mode == MRAM_DEVICE) {
        struct mram_draw draw = mram_plan_draw(job, plan, attempt);
        struct mram_census census;
        uint64_t fail[MRAM_TILE_WORDS];

        mram_tile_few(&draw, active, plan->target, &census, fail);
        census_pj(&census, write->classes, &toggle_pj, &hold_pj);
        failed = flip_back(job, plan, fail, stored);
    } else {
        struct mram_tile again = plan->tile;

        again.number |= (uint64_t)attempt << MRAM_KEY_ATTEMPT_SHIFT;
        mram_tile_fail(&again, job->mram->kernel, &job->odds, RNG_WRITE,
                       write->generation, active, stored, failed.n);
        toggle_pj = pulses_pj(before->n, write->toggle_pj);
    }
    mram_plan_book(energy, plan, toggle_pj, hold_pj);
    return failed;
}

static void retry(const struct mram_job *job, const struct mram_plan *plan,
                  struct failed failed, uint64_t *stored, struct mram_result *result)
{
    const struct mram_write *write = job->write;
    uint64_t active[MRAM_TILE_WORDS];
    struct mram_counts n_read;

    memset(active, 0, sizeof(active));
    job->mram->kernel->count(stored, stored, plan->tile.n_words, &n_read);
    result->energy.verify_pj += mram_verify_pj(write, plan->tile.n_cells, n_read.old) +
                                mram_plan_dead_verify_pj(write, plan);
    result->retries += write->retries * (plan->n_dead_wrong[0] + plan->n_dead_wrong[1]);
    for (unsigned attempt = 1; attempt <= write->retries; attempt++) {
        uint64_t n = failed.n[0] + failed.n[1];

        if (n == 0)
            return;
        for (size_t w = 0; w < plan->tile.n_words; w++)
            active[w] = (stored[w] ^ plan->target[w]) &
                        ~(plan->dead.any ? mram_dead_word(&plan->dead, w) : 0);
        uint64_t to_p = failed.n[MTJ_AP2P];
        failed =
            pulse_again(job, plan, attempt, &failed, active, stored, &result->energy);
        result->retries += n;
        result->energy.verify_pj +=
            mram_verify_pj(write, n, to_p - failed.n[MTJ_AP2P] + failed.n[MTJ_P2AP]);
    }
}

/* -- One section, one tile -- */

/* outlook: NULL for no forecast. */
static void write_section(const struct mram_job *job, enum mram_section section,
                          struct mram_plan *plan, struct mram_result *result,
                          struct mram_outlook *outlook)
{
    uint64_t *stored = mram_tile_words(job->layer, job->number, section);
    struct mram_census census;

    mram_plan_section(job, section, stored, plan);
    for (unsigned d = 0; d < 2; d++) {
        result->toggles[d] += plan->n_toggles[d];
        result->holds[d] += plan->n_holds[d];
    }
    struct failed failed = strike(job, plan, stored, &census, &result->energy);
    if (outlook != NULL)
        mram_forecast_section(outlook, job, plan, &census);
    mram_hold_dead(&plan->dead, stored, plan->tile.n_words);
    for (unsigned d = 0; d < 2; d++)
        result->failures += failed.n[d] + plan->n_dead_wrong[d];
    if (job->write->retries > 0)
        retry(job, plan, failed, stored, result);
}

static void flip_section(const struct mram_job *job, enum mram_section section,
                         struct mram_plan *plan, struct mram_outlook *outlook)
{
    uint64_t *stored = mram_tile_words(job->layer, job->number, section);
    uint64_t cells[MRAM_TILE_WORDS], ignored[2];

    plan->section = section;
    plan->tile = mram_tile_of(job->mram, job->layer, job->number, section);
    memcpy(stored, job->target[section], plan->tile.n_words * sizeof(*stored));
    mram_tile_cells(&plan->tile, cells);
    mram_tile_fail(&plan->tile, job->mram->kernel, &job->odds, RNG_FLIP,
                   job->write->generation, cells, stored, ignored);
    mram_find_dead(job->mram, &plan->tile, job->number, section, &plan->dead);
    mram_hold_dead(&plan->dead, stored, plan->tile.n_words);
    if (outlook != NULL)
        mram_forecast_flips(outlook, job, plan);
}

static void write_tile(struct mram_job *job, struct mram_result *result,
                       struct mram_outlook *outlook)
{
    struct mram_result tile = { .failures = 0 };
    struct mram_plan plan;

    if (outlook != NULL)
        mram_forecast_tile(outlook, job);
    for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
        if (job->layer->section[s] == NULL)
            continue;
        if (job->write->mode == MRAM_IID)
            flip_section(job, (enum mram_section)s, &plan, outlook);
        else
            write_section(job, (enum mram_section)s, &plan, &tile, outlook);
    }
    if (outlook != NULL)
        mram_forecast_tile_end(outlook, job);
    if (job->write->mode == MRAM_IID)
        return;
    mram_job_book_encode(job, &tile.energy);
    *result = mram_result_sum((struct mram_result[]) { *result, tile }, 2);
}

/* Tiles first .. first + n - 1, of one layer. */
static void write_tiles(struct mram *mram, struct mram_job *job, size_t first, size_t n,
                        const uint64_t *wanted, struct mram_outlook *outlook,
                        struct mram_result *result, struct mram_state *state)
{
    const uint64_t *const target[2] = { job->target[MRAM_DATA], job->target[MRAM_CHECK] };
    struct mram_layer *layer = &mram->layers[mram_tile_layer(mram, first)];

    for (size_t t = first; t < first + n; t++) {
        mram_job_tile(job, t, wanted);
        write_tile(job, result, outlook);
        /* While it is still in the cache. */
        mram_read_tile(mram, layer, t, wanted, target, state);
    }
}

/* Are tiles first .. end - 1 all the tiles of some layers? */
static bool are_whole(const struct mram *mram, size_t first, size_t end)
{
    bool begins = first == mram->n_tiles, ends = end == mram->n_tiles;

    for (size_t l = 0; l < mram->n_layers; l++) {
        begins = begins || mram->layers[l].first_tile == first;
        ends = ends || mram->layers[l].first_tile == end;
    }
    return begins && ends;
}

enum status mram_program(struct mram *mram, const uint64_t *const *wanted,
                         const struct mram_write *writes, size_t first, size_t n,
                         struct mram_forecast *ret_forecasts,
                         struct mram_result *ret_results, struct mram_state *ret_states)
{
    struct mram_job job = { .mram = mram, .layer = NULL };
    struct mram_outlook outlook;

    if (!mram_job_in_range(mram, writes) || first > mram->n_tiles ||
        n > mram->n_tiles - first ||
        (ret_forecasts != NULL && !are_whole(mram, first, first + n)))
        return ST_RANGE;
    for (size_t end = first + n; first < end; first += n) {
        size_t l = mram_tile_layer(mram, first);
        const struct mram_layer *layer = &mram->layers[l];
        size_t left = layer->first_tile + layer->n_tiles - first;

        n = left < end - first ? left : end - first;
        mram_job_layer(&job, layer, &writes[l]);
        if (ret_forecasts == NULL) {
            write_tiles(mram, &job, first, n, wanted[l], NULL, &ret_results[l],
                        &ret_states[l]);
            continue;
        }
        mram_forecast_begin(&outlook, &job);
        write_tiles(mram, &job, first, n, wanted[l], &outlook, &ret_results[l],
                    &ret_states[l]);
        ret_forecasts[l] = mram_forecast_end(&outlook);
    }
    return ST_OK;
}
