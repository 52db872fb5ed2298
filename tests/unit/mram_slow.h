/* SPDX-License-Identifier: Apache-2.0 */
/* mram_slow.h - the array again, cell after cell: what mram.h and the comments on its
 * draws say, put down as plainly as can be. For tests to compare with. */
#ifndef TESTS_MRAM_SLOW_H
#define TESTS_MRAM_SLOW_H

#include "tests/unit/mram_fixture.h"

/* A copy of what an array holds, and what became of it. */
struct slow {
    const struct mram *mram; /* borrowed */
    size_t n_layers;
    uint64_t *words[MAX_LAYERS][MRAM_SECTIONS]; /* ours */
    uint64_t *delivered[MAX_LAYERS];            /* ours */
};

void slow_begin(struct slow *slow, const struct fixture *f);
void slow_end(struct slow *slow);
/* Takes over the cells of another copy of the same array. */
void slow_copy(struct slow *slow, const struct slow *other);

/* As mram.h; `ret_...` are added to. */
void slow_program(struct slow *slow, const uint64_t *const *wanted,
                  const struct mram_write *writes, struct mram_result *ret_results,
                  struct mram_state *ret_states);
void slow_read(struct slow *slow, const uint64_t *const *wanted,
               struct mram_state *ret_states);
void slow_drift(struct slow *slow, const struct mram_drift *drifts,
                struct mram_drifted *ret_drifted);
void slow_inject(struct slow *slow, double share, uint64_t seed, uint64_t generation,
                 uint64_t *ret_flipped);

/* Fails unless the array holds the same bits. */
void slow_assert_contents(const struct slow *slow, const struct mram *mram);
void slow_assert_delivered(const struct slow *slow, const struct fixture *f);
/* Puts the copy into an array of the same layouts. */
void slow_put(const struct slow *slow, struct mram *mram);

void slow_assert_result(const struct mram_result *got, const struct mram_result *want);
void slow_assert_state(const struct mram_state *got, const struct mram_state *want);

/* -- One cell: `tile` of all layers; `cell` of the section's positions in that tile -- */

bool slow_is_cell(const struct mram *mram, size_t layer, size_t tile,
                  enum mram_section section, size_t cell);
/* Does the layout of the layer have it? */
bool slow_has_section(const struct mram *mram, size_t layer, unsigned section);
unsigned slow_class(const struct mram *mram, size_t tile, enum mram_section section,
                    size_t cell);

#endif
