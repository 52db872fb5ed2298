/* SPDX-License-Identifier: Apache-2.0 */
#include "api/state_json.h"

#include <math.h>
#include <time.h>

#define ENERGY_DECIMALS 3

const char *const state_json_direction_names[2] = { "p2ap", "ap2p" };
const char *const state_json_origin_names[2] = { "from_p", "from_ap" };

/* wrong[0] are -1 delivered as +1. */
static const char *const wrong_names[2] = { "minus_to_plus", "plus_to_minus" };

/* -- Members -- */

void state_json_number(struct buf *buf, const char *lead, double value)
{
    buf_text(buf, lead);
    buf_number(buf, value);
}

void state_json_count(struct buf *buf, const char *lead, uint64_t count)
{
    buf_text(buf, lead);
    buf_u64(buf, count);
}

void state_json_text(struct buf *buf, const char *lead, const char *text)
{
    buf_text(buf, lead);
    buf_json_string(buf, text);
}

void state_json_flag(struct buf *buf, const char *lead, bool flag)
{
    buf_text(buf, lead);
    buf_text(buf, flag ? "true" : "false");
}

void state_json_model(struct buf *buf, const char *model, const struct network *net)
{
    state_json_text(buf, "{\"model\":", model);
    state_json_count(buf, ",\"version\":\"", net->version);
    buf_char(buf, '"');
}

void state_json_time(struct buf *buf, const char *lead, int64_t at_s)
{
    time_t at = (time_t)at_s;
    struct tm utc;
    char text[40];

    buf_text(buf, lead);
    if (gmtime_r(&at, &utc) == NULL ||
        strftime(text, sizeof(text), "\"%Y-%m-%dT%H:%M:%SZ\"", &utc) == 0) {
        buf_text(buf, "null");
        return;
    }
    buf_text(buf, text);
}

static void open_member(struct buf *buf, char before, const char *name)
{
    buf_char(buf, before);
    buf_json_string(buf, name);
    buf_char(buf, ':');
}

void state_json_pair(struct buf *buf, const char *lead, const char *const names[2],
                     const double values[2])
{
    buf_text(buf, lead);
    for (unsigned d = 0; d < 2; d++) {
        open_member(buf, d == 0 ? '{' : ',', names[d]);
        buf_number(buf, values[d]);
    }
    buf_char(buf, '}');
}

void state_json_directions(struct buf *buf, const char *lead, const double values[2])
{
    state_json_pair(buf, lead, state_json_direction_names, values);
}

void state_json_counts(struct buf *buf, const char *lead, const char *const names[2],
                       const uint64_t counts[2])
{
    buf_text(buf, lead);
    for (unsigned d = 0; d < 2; d++) {
        open_member(buf, d == 0 ? '{' : ',', names[d]);
        buf_u64(buf, counts[d]);
    }
    buf_char(buf, '}');
}

/* -- Energy -- */

static void put_pj(struct buf *buf, const char *lead, double energy_pj)
{
    buf_text(buf, lead);
    buf_fixed(buf, energy_pj, ENERGY_DECIMALS);
}

void state_json_energy_parts(struct buf *buf, const struct mram_energy *energy,
                             bool physics)
{
    if (!physics) {
        buf_text(buf, ",\"energy\":null");
        return;
    }
    put_pj(buf, ",\"energy\":{\"toggle_pj\":", energy->toggle_pj);
    put_pj(buf, ",\"hold_pj\":", energy->hold_pj);
    put_pj(buf, ",\"check_pj\":", energy->check_pj);
    put_pj(buf, ",\"encode_pj\":", energy->encode_pj);
    put_pj(buf, ",\"verify_pj\":", energy->verify_pj);
    put_pj(buf, ",\"total_pj\":", mram_energy_sum(energy));
    buf_char(buf, '}');
}

void state_json_energy(struct buf *buf, const struct mram_energy *energy, bool physics)
{
    put_pj(buf, ",\"energy_pj\":", physics ? mram_energy_sum(energy) : (double)NAN);
    state_json_energy_parts(buf, energy, physics);
}

/* -- State -- */

static double share(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0.0 : (double)part / (double)whole;
}

static void put_code(struct buf *buf, const struct mram_state *state)
{
    if (state->words == 0) {
        buf_text(buf, ",\"code\":null");
        return;
    }
    state_json_count(buf, ",\"code\":{\"words\":", state->words);
    state_json_count(buf, ",\"corrected\":", state->corrected);
    state_json_count(buf, ",\"detected\":", state->detected);
    state_json_count(buf, ",\"miscorrected\":", state->miscorrected);
    buf_char(buf, '}');
}

void state_json_members(struct buf *buf, const struct mram_state *state, bool pairs)
{
    uint64_t wrong_bits = mram_wrong(state), cell_errors = mram_errors(state);

    state_json_count(buf, "\"weights\":", state->weights);
    state_json_count(buf, ",\"cells\":", state->cells);
    state_json_count(buf, ",\"wrong_bits\":", wrong_bits);
    state_json_number(buf, ",\"bit_error_rate\":", share(wrong_bits, state->weights));
    state_json_counts(buf, ",\"wrong\":", wrong_names, state->wrong);
    state_json_count(buf, ",\"cell_errors\":", cell_errors);
    state_json_number(buf, ",\"cell_error_rate\":", share(cell_errors, state->cells));
    state_json_counts(buf, ",\"errors\":", state_json_direction_names, state->errors);
    state_json_count(buf, ",\"stuck_cells\":", state->stuck);
    state_json_count(buf, ",\"stuck_errors\":", state->stuck_errors);
    if (pairs)
        state_json_count(buf, ",\"equal_pairs\":", state->equal_pairs);
    else
        buf_text(buf, ",\"equal_pairs\":null");
    put_code(buf, state);
}

void state_json_write(struct buf *buf, const char *lead, const struct mram_state *state,
                      bool pairs)
{
    buf_text(buf, lead);
    buf_char(buf, '{');
    state_json_members(buf, state, pairs);
    buf_char(buf, '}');
}

void state_json_outcome(struct buf *buf, const struct mram_state *state,
                        const struct mram_result *result, bool pairs, bool physics)
{
    state_json_members(buf, state, pairs);
    state_json_energy(buf, &result->energy, physics);
    state_json_counts(buf, ",\"toggles\":", state_json_direction_names, result->toggles);
    state_json_counts(buf, ",\"holds\":", state_json_direction_names, result->holds);
    state_json_count(buf, ",\"failures\":", result->failures);
    state_json_count(buf, ",\"retries\":", result->retries);
}
