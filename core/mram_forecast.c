/* SPDX-License-Identifier: Apache-2.0 */
/* mram_forecast.c - what a programming is expected to give: the plan of mram_write.c,
 * and mean rates where that one draws. */
#include "core/mram_plan.h"
#include "core/mram_risk.h"

#include <string.h>

/* What is expected of a section. */
struct outlook {
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

static void look_by_class(const struct mram_job *job, const struct mram_plan *plan,
                          struct outlook *look)
{
    const struct mtj_class_table *classes = job->write->classes;
    struct mram_draw draw = mram_plan_draw(job, plan, 0);
    struct mram_census census;

    mram_tile_classes(&draw, plan->living, plan->toggles, plan->target, &census, NULL);
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        for (unsigned d = 0; d < 2; d++) {
            double n = census.n[c][2 + d], p = classes->error_rate[c][d];
            double more = more_pulses(p, job->write->retries);

            look->errors[d] += n * last_power(p, job->write->retries);
            look->toggle_pj += n * (1.0 + more) * classes->toggle_pj[c][d];
            look->hold_pj += census.n[c][d] * classes->hold_pj[c][d];
            look->retries += n * more;
        }
    }
}

static void look_by_rate(const struct mram_job *job, const struct mram_plan *plan,
                         struct outlook *look)
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

static void forecast_section(const struct mram_job *job, const struct mram_plan *plan,
                             struct mram_risk *risk, struct mram_energy *energy)
{
    const struct mram_write *write = job->write;
    struct outlook look = { .toggle_pj = plan->dead_pj };

    if (write->mode == MRAM_DEVICE)
        look_by_class(job, plan, &look);
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
    mram_risk_section(risk, plan->section, plan->toggles, plan->target,
                      plan->dead.any ? &plan->dead : NULL, plan->n_toggles, look.errors);
}

/* In iid every living cell is at risk. */
static void expose_all(const struct mram_job *job, enum mram_section section,
                       struct mram_plan *plan, struct mram_risk *risk)
{
    const uint64_t *target = job->target[section];
    uint64_t n[2] = { 0, 0 };
    double errors[2];

    plan->tile = mram_tile_of(job->mram, job->layer, job->number, section);
    mram_tile_cells(&plan->tile, plan->toggles);
    mram_find_dead(job->mram, &plan->tile, job->number, section, &plan->dead);
    for (size_t w = 0; w < plan->tile.n_words; w++) {
        if (plan->dead.any)
            plan->toggles[w] &= ~mram_dead_word(&plan->dead, w);
        n[MTJ_P2AP] += (uint64_t)__builtin_popcountll(plan->toggles[w] & ~target[w]);
        n[MTJ_AP2P] += (uint64_t)__builtin_popcountll(plan->toggles[w] & target[w]);
    }
    for (unsigned d = 0; d < 2; d++)
        errors[d] = (double)n[d] * job->write->flip_rate[d];
    mram_risk_section(risk, section, plan->toggles, target,
                      plan->dead.any ? &plan->dead : NULL, n, errors);
}

static void forecast_tile(const struct mram_job *job, struct mram_risk *risk,
                          struct mram_energy *energy)
{
    struct mram_plan plan;
    uint64_t would[MRAM_TILE_WORDS];

    mram_risk_tile(risk, job->number);
    for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
        enum mram_section section = (enum mram_section)s;

        if (job->layer->section[s] == NULL)
            continue;
        if (job->write->mode == MRAM_IID) {
            expose_all(job, section, &plan, risk);
        } else {
            mram_plan_section(job, section, would, &plan);
            forecast_section(job, &plan, risk, energy);
        }
    }
    if (job->write->mode != MRAM_IID)
        mram_job_book_encode(job, energy);
    mram_risk_tile_end(risk);
}

enum status mram_predict(const struct mram *mram, const uint64_t *const *wanted,
                         const struct mram_write *writes,
                         struct mram_forecast *ret_forecasts)
{
    struct mram_job job = { .mram = mram, .layer = NULL };

    if (!mram_job_in_range(mram, writes))
        return ST_RANGE;
    for (size_t l = 0; l < mram->n_layers; l++) {
        const struct mram_layer *layer = &mram->layers[l];
        struct mram_forecast forecast = { .errors = 0.0 };
        struct mram_risk risk;

        mram_job_layer(&job, layer, &writes[l]);
        mram_risk_begin(mram, layer, &risk);
        for (size_t t = 0; t < layer->n_tiles; t++) {
            mram_job_tile(&job, layer->first_tile + t, wanted[l]);
            forecast_tile(&job, &risk, &forecast.energy);
        }
        forecast.errors = mram_risk_errors(&risk);
        forecast.wrong_bits = mram_risk_wrong_bits(&risk);
        ret_forecasts[l] = forecast;
    }
    return ST_OK;
}
