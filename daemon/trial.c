/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/trial.h"

#include <stdio.h>
#include <stdlib.h>

/* Of a new array. */
#define FIRST_GENERATION 1

void trial_describe(const struct network *net, const struct conditions *conditions,
                    const struct cells_outcome *outcome, struct job_trial *ret_trial)
{
    size_t n = net->n_layers, base = conditions_base_layer(conditions);
    struct mram_forecast forecast = mram_forecast_sum(outcome->forecasts, n);
    struct mram_result result = mram_result_sum(outcome->results, n);
    struct mram_state state = mram_state_sum(outcome->states, n);
    struct operating_point op = operating_points_at(&conditions->points, base);
    const struct mtj_mean *mean = conditions->resolved[base]->mean;

    ret_trial->seed = conditions->points.base.seed;
    ret_trial->write_error_rate = op.mode == MRAM_IID
                                      ? (op.bit_error_rate[0] + op.bit_error_rate[1]) / 2
                                      : (mean[0].error_rate + mean[1].error_rate) / 2;
    ret_trial->weights = state.weights;
    ret_trial->cells = state.cells;
    ret_trial->predicted_wrong_bits = forecast.wrong_bits;
    ret_trial->wrong_bits = mram_wrong(&state);
    ret_trial->predicted_energy_pj = mram_energy_sum(&forecast.energy);
    ret_trial->energy_pj = mram_energy_sum(&result.energy);
    ret_trial->has_energy = false;
    for (size_t l = 0; l < n; l++)
        if (operating_points_at(&conditions->points, l).mode != MRAM_IID)
            ret_trial->has_energy = true;
}

/* Writes, and lays out what is read back. */
static enum status write_cells(struct mram *mram, const struct network *net,
                               const struct kernel *kernel,
                               const struct conditions *conditions,
                               struct job_trial *trial,
                               struct infer_weights **ret_weights)
{
    struct mram_forecast forecasts[NETWORK_MAX_LAYERS];
    struct mram_result results[NETWORK_MAX_LAYERS];
    struct mram_state states[NETWORK_MAX_LAYERS];
    const struct cells_outcome outcome = { forecasts, results, states };
    enum status st = cells_fit(mram, &conditions->points);

    if (st == ST_OK)
        st = cells_write(mram, net, conditions, FIRST_GENERATION, false, 0, net->n_layers,
                         &outcome);
    if (st == ST_OK)
        st = cells_deliver(mram, net, kernel, ret_weights);
    if (st == ST_OK)
        trial_describe(net, conditions, &outcome, trial);
    return st;
}

enum status trial_write(const struct network *net, const struct kernel *kernel,
                        const struct operating_points *points,
                        const struct device *device, struct job_trial *ret_trial,
                        struct infer_weights **ret_weights, char why[ERR_LEN])
{
    struct conditions *conditions;
    struct mram *mram = NULL;
    const char *field;
    size_t layer;
    enum status st =
        conditions_new(points, device, NULL, &conditions, &layer, &field, why);

    if (st != ST_OK)
        return st;
    (void)snprintf(why, ERR_LEN, "out of memory");
    st = cells_new(net, points->base.seed, NULL, &mram);
    if (st == ST_OK)
        st = write_cells(mram, net, kernel, conditions, ret_trial, ret_weights);
    mram_free(mram);
    conditions_drop(conditions);
    return st;
}
