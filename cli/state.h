/* SPDX-License-Identifier: Apache-2.0 */
/* state.h - what many answers tell of an array: rows of tables, and lines of a listing.
 *
 * A "state" is what the array holds, by its members in the answer; an "outcome" is a
 * state and what the programming before it took.
 */
#ifndef CLI_STATE_H
#define CLI_STATE_H

#include "cli/output.h"

#include <jansson.h>
#include <stdio.h>

/* Is there a code on any of its layers? `result`: a state with "layers". */
bool state_has_code(const json_t *result);

/* LAYER, WEIGHTS, WRONG BITS, BIT ERROR RATE, CELLS, CELL ERRORS; with `code` CORRECTED,
 * DETECTED, MISCORRECTED; then the columns `more` ("|>WRITE ENERGY", or ""). */
void state_table_init(struct table *table, bool code, const char *more);
/* These cells of a row, the cells of `more` not included. */
void state_add(struct table *table, const char *name, const json_t *state, bool code);

/* "920 of 1,861,632 weights wrong (4.94e-04), 1,204 of 2,094,336 cells" */
void state_line(FILE *out, const char *name, const json_t *state);
/* In which direction weights and cells are wrong; stuck cells, equal pairs and words that
 * the code could not mend, if there are any. */
void state_details(FILE *out, const json_t *state);
/* How many cells changed, how many pulses failed. Nothing without physics. */
void state_changes(FILE *out, const json_t *outcome);
/* Energy by kind, if there is more than toggle and hold. `energy`: an answer's member. */
void state_energy(FILE *out, const json_t *energy);

/* "12 from P, 3,456 from AP" of an object with from_p and from_ap. */
void state_flips(const json_t *flips, char *ret_text, size_t size);
/* The sum of both, NaN if absent. */
double state_flips_sum(const json_t *flips);

/* -- Parts of an answer -- */

/* "NAME, generation N" with `lead` before it, and a newline. */
void state_heading(FILE *out, const char *lead, const char *model, const json_t *answer);

#endif
