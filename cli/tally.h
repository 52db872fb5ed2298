/* SPDX-License-Identifier: Apache-2.0 */
/* tally.h - what the answers to a labelled set add up to. Pure but for its memory. */
#ifndef CLI_TALLY_H
#define CLI_TALLY_H

#include "core/status.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* The memory changes while we ask: every generation is counted by itself. */
struct tally_generation {
    uint64_t generation;
    uint64_t n, correct;      /* pictures */
    double wrong_bits, cells; /* NaN if the daemon did not say */
};

struct tally {
    uint64_t n, correct;
    uint64_t correct_top; /* the label is among the best classes that were asked for */
    double energy_pj;     /* of all of them; NaN once an answer lacked it */
    struct tally_generation *generations; /* ours; by first answer */
    size_t n_generations, cap;
};

/* All zero is an empty tally. */
void tally_done(struct tally *tally);

/* Adds the answer to a request with n pictures for the `top` best classes of each.
 * ST_FORMAT with `why` if it has not n results with so many; ST_NOMEM. The tally is then
 * as it was. */
MUST_CHECK enum status tally_add(struct tally *tally, const json_t *answer,
                                 const uint32_t *labels, size_t n, size_t top,
                                 char why[ERR_LEN]);

#endif
