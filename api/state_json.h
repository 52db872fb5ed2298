/* SPDX-License-Identifier: Apache-2.0 */
/* state_json.h - what several answers tell of an array: its state, what a programming
 * did, energies, places in time.
 *
 * Each writes a value or members; commas and braces around it are the caller's unless its
 * comment says otherwise. Rates have as many digits as they need, energies three
 * decimals: a femtojoule is less than one cell costs.
 */
#ifndef API_STATE_JSON_H
#define API_STATE_JSON_H

#include "api/buf.h"
#include "core/energy.h"
#include "core/mram.h"
#include "core/network.h"

/* `lead` begins with the comma and ends with the colon: ",\"pulse_ns\":". Not finite:
 * null. */
void state_json_number(struct buf *buf, const char *lead, double value);
void state_json_count(struct buf *buf, const char *lead, uint64_t count);
void state_json_text(struct buf *buf, const char *lead, const char *text);
void state_json_flag(struct buf *buf, const char *lead, bool flag);
/* {"model":..,"version":..: how answers about an array begin. */
void state_json_model(struct buf *buf, const char *model, const struct network *net);
/* RFC 3339, UTC; null where a calendar does not reach. */
void state_json_time(struct buf *buf, const char *lead, int64_t at_s);
/* {"p2ap":..,"ap2p":..} by enum mtj_direction, or under two other names. */
void state_json_directions(struct buf *buf, const char *lead, const double values[2]);
void state_json_pair(struct buf *buf, const char *lead, const char *const names[2],
                     const double values[2]);
void state_json_counts(struct buf *buf, const char *lead, const char *const names[2],
                       const uint64_t counts[2]);
extern const char *const state_json_direction_names[2]; /* "p2ap", "ap2p" */
extern const char *const state_json_origin_names[2];    /* "from_p", "from_ap" */

/* ,"energy_pj":..,"energy":{..} of a write; nulls where there is no physics. */
void state_json_energy(struct buf *buf, const struct mram_energy *energy, bool physics);
/* ,"energy":{..} alone. */
void state_json_energy_parts(struct buf *buf, const struct mram_energy *energy,
                             bool physics);

/* Members of a state, "weights":..,..,"code":..; `pairs`: of 2T2R cells. */
void state_json_members(struct buf *buf, const struct mram_state *state, bool pairs);
/* The same with braces. */
void state_json_write(struct buf *buf, const char *lead, const struct mram_state *state,
                      bool pairs);
/* Members of an outcome: a state, and what the programming before it did. */
void state_json_outcome(struct buf *buf, const struct mram_state *state,
                        const struct mram_result *result, bool pairs, bool physics);

#endif
