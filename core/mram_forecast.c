/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mram_forecast.h"

/* What is expected of a section. */
struct expected {
    double errors[2]; /* cells that fail after all retries, by direction */
    double toggle_pj; /* pulses on cells that toggle, those of retries too */
    double hold_pj;
    double retries; /* pulses given again, over all cells */
};

/* 1 + p + .. + p^retries - 1. */
static double more_pulses(double p, unsigned retries)
{
    double sum = 0.0, power = 1.0;

    for (unsigned i = 0; i < retries; i++)
        sum += power *= p;
    return sum;
}

static double last_power(double p, unsigned retries)
{
    double power = p;

    for (unsigned i = 0; i < retries; i++)
        power *= p;
    return power;
}

static void look_by_class(const struct mram_job *job, const struct mram_census *census,
                          struct expected *look)
{
    const struct mtj_class_table *classes = job->write->classes;

    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        for (unsigned d = 0; d < 2; d++) {
            double n = census->n[c][2 + d], p = classes->error_rate[c][d];
            double more = more_pulses(p, job->write->retries);

            look->errors[d] += n * last_power(p, job->write->retries);
            look->toggle_pj += n * (1.0 + more) * classes->toggle_pj[c][d];
            look->hold_pj += census->n[c][d] * classes->hold_pj[c][d];
            look->retries += n * more;
        }
    }
}

static void look_by_rate(const struct mram_job *job, const struct mram_plan *plan,
                         struct expected *look)
{
    const struct mram_write *write = job->write;

    for (unsigned d = 0; d < 2; d++) {
        double n = (double)plan->n_toggles[d], p = write->error_rate[d];
        double more = more_pulses(p, write->retries);

        look->errors[d] = n * last_power(p, write->retries);
        look->toggle_pj += n * (1.0 + more) * write->toggle_pj[d];
        look->hold_pj += (double)plan->n_holds[d] * write->hold_pj[d];
        look->retries += n * more;
    }
}

void mram_forecast_section(struct mram_outlook *outlook, const struct mram_job *job,
                           const struct mram_plan *plan, const struct mram_census *census)
{
    const struct mram_write *write = job->write;
    struct mram_energy *energy = &outlook->energy;
    struct expected look = { .toggle_pj = plan->dead_pj };

    if (write->mode == MRAM_DEVICE)
        look_by_class(job, census, &look);
    else
        look_by_rate(job, plan, &look);
    mram_plan_book(energy, plan, look.toggle_pj, look.hold_pj);
    if (write->retries > 0) {
        struct mram_counts n;

        job->mram->kernel->count(plan->target, plan->target, plan->tile.n_words, &n);
        energy->verify_pj += mram_verify_pj(write, plan->tile.n_cells, n.old) +
                             mram_plan_dead_verify_pj(write, plan) +
                             look.retries * 0.5 * (write->read_pj[0] + write->read_pj[1]);
    }
    mram_risk_section(&outlook->risk, plan->section, plan->toggles, plan->target,
                      plan->dead.any ? &plan->dead : NULL, plan->n_toggles, look.errors);
}

void mram_forecast_flips(struct mram_outlook *outlook, const struct mram_job *job,
                         struct mram_plan *plan)
{
    const uint64_t *target = job->target[plan->section];
    uint64_t n[2] = { 0, 0 };
    double errors[2];

    mram_tile_cells(&plan->tile, plan->toggles);
    for (size_t w = 0; w < plan->tile.n_words; w++) {
        if (plan->dead.any)
            plan->toggles[w] &= ~mram_dead_word(&plan->dead, w);
        n[MTJ_P2AP] += (uint64_t)__builtin_popcountll(plan->toggles[w] & ~target[w]);
        n[MTJ_AP2P] += (uint64_t)__builtin_popcountll(plan->toggles[w] & target[w]);
    }
    for (unsigned d = 0; d < 2; d++)
        errors[d] = (double)n[d] * job->write->flip_rate[d];
    mram_risk_section(&outlook->risk, plan->section, plan->toggles, target,
                      plan->dead.any ? &plan->dead : NULL, n, errors);
}

void mram_forecast_begin(struct mram_outlook *outlook, const struct mram_job *job)
{
    outlook->energy = (struct mram_energy) { .toggle_pj = 0.0 };
    mram_risk_begin(job->mram, job->layer, &outlook->risk);
}

void mram_forecast_tile(struct mram_outlook *outlook, const struct mram_job *job)
{
    mram_risk_tile(&outlook->risk, job->number);
}

void mram_forecast_tile_end(struct mram_outlook *outlook, const struct mram_job *job)
{
    if (job->write->mode != MRAM_IID)
        mram_job_book_encode(job, &outlook->energy);
    mram_risk_tile_end(&outlook->risk);
}

struct mram_forecast mram_forecast_end(const struct mram_outlook *outlook)
{
    return (struct mram_forecast) {
        .errors = mram_risk_errors(&outlook->risk),
        .wrong_bits = mram_risk_wrong_bits(&outlook->risk),
        .energy = outlook->energy,
    };
}
