/* SPDX-License-Identifier: Apache-2.0 */
/* cells.h - what conditions make of the cells of an array: laid out, written, read.
 * Arrays that serve (array.h) and those of experiments (trial.h) go the same way. */
#ifndef DAEMON_CELLS_H
#define DAEMON_CELLS_H

#include "core/infer.h"
#include "daemon/conditions.h"

/* The wanted bits, as the array takes them: [net->n_layers]. */
void cells_wanted(const struct network *net, const uint64_t **ret_wanted);
/* A new array for the network; `defects`: NULL for none. ST_NOMEM. */
MUST_CHECK enum status cells_new(const struct network *net, uint64_t seed,
                                 const struct mram_defects *defects,
                                 struct mram **ret_mram);
/* Layouts change section by section. ST_NOMEM. */
MUST_CHECK enum status cells_fit(struct mram *mram,
                                 const struct operating_points *points);

/* What a programming was expected to do and did: [net->n_layers] each, borrowed. */
struct cells_outcome {
    struct mram_forecast *forecasts;
    struct mram_result *results;
    struct mram_state *states;
};
/* Writes the wanted bits of layers first .. first + n - 1, n > 0; `scrub`: over what is
 * there, whatever the conditions say. Layers may be written on different threads at once:
 * the outcome is the same. */
MUST_CHECK enum status cells_write(struct mram *mram, const struct network *net,
                                   const struct conditions *conditions,
                                   uint64_t generation, bool scrub, size_t first,
                                   size_t n, const struct cells_outcome *ret_outcome);
/* What they deliver, laid out for the kernel. ST_NOMEM. */
MUST_CHECK enum status cells_deliver(const struct mram *mram, const struct network *net,
                                     const struct kernel *kernel,
                                     struct infer_weights **ret_weights);

#endif
