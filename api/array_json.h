/* SPDX-License-Identifier: Apache-2.0 */
/* array_json.h - what is done to an array besides patching its operating point:
 * programmed again, scrubbed, aged, injected with faults, compared, and what it has cost.
 *
 * Parsers report every violation (400 no JSON, 422 values, 503 memory). Lists of views
 * have net->n_layers entries, and everything in a view is borrowed.
 */
#ifndef API_ARRAY_JSON_H
#define API_ARRAY_JSON_H

#include "api/buf.h"
#include "api/place.h"
#include "api/problem.h"
#include "core/energy.h"
#include "core/operating_point.h"

/* -- Bodies -- */

/* POST program and scrub: no body, or an empty object. */
MUST_CHECK enum status array_json_parse_empty(const char *json, size_t len,
                                              struct problem *ret_problem);

/* POST age. */
#define ARRAY_JSON_MAX_AGE_S 1e12
struct array_age {
    double seconds; /* 0 .. ARRAY_JSON_MAX_AGE_S */
    bool has_temperature;
    double temperature_k; /* within device_temperatures */
};
MUST_CHECK enum status array_json_parse_age(const char *json, size_t len,
                                            const struct device *device,
                                            struct array_age *ret_age,
                                            struct problem *ret_problem);

/* POST inject: places, a share, or both. */
#define ARRAY_JSON_MAX_PLACES 65536
struct array_inject {
    size_t n_places;
    struct place *places; /* ours */
    bool has_share;
    double share;  /* 0 .. 1 */
    uint64_t seed; /* 0 .. 2^53 - 1; 1 if left out */
};
/* End with array_inject_done, after a failure too. */
MUST_CHECK enum status array_json_parse_inject(const char *json, size_t len,
                                               const struct network *net,
                                               struct array_inject *ret_inject,
                                               struct problem *ret_problem);
void array_inject_done(struct array_inject *inject);

/* -- Answers -- */

/* What all changes tell. */
struct array_view {
    const char *model;
    const struct network *net;
    const struct operating_points *points;
    uint64_t generation; /* that it made */
    const struct mram_state *before;
    const struct mram_state *states; /* afterwards */
    bool durable;
};

struct array_scrubbed {
    const struct mram_result *results; /* of the writes */
    uint64_t restored_cells;           /* wrong before, right now */
};
void array_json_write_scrub(struct buf *buf, const struct array_view *view,
                            const struct array_scrubbed *scrubbed);

struct array_aged {
    double seconds;
    double temperature_k; /* NAN: layers had different ones */
    const struct mram_drifted *drifted;
    double age_s; /* since programmed, these seconds included */
};
void array_json_write_age(struct buf *buf, const struct array_view *view,
                          const struct array_aged *aged);

struct array_injected {
    uint64_t flipped; /* cells */
    uint64_t stuck;   /* places named whose cell did not change */
};
void array_json_write_inject(struct buf *buf, const struct array_view *view,
                             const struct array_injected *injected);

/* Two generations, weight by weight. */
struct array_difference {
    uint64_t wrong_a, wrong_b; /* weights delivered wrong */
    uint64_t both;             /* the same weight in both */
    size_t n_places;           /* of `both`; as many as were asked for */
    const struct place *places;
};
struct array_diff {
    const char *model;
    const struct network *net;
    uint64_t a, b; /* generations */
    const struct array_difference *layers;
};
void array_json_write_diff(struct buf *buf, const struct array_diff *diff);

/* GET energy. */
struct array_energy {
    const char *model;
    const struct network *net;
    int64_t since_s;             /* UTC: when the ledger began */
    const struct energy *layers; /* spent since, pJ */
    struct energy per_image;     /* of one picture: read, decode, compute */
    double bit_operation_fj, threshold_fj, logit_fj;
};
void array_json_write_energy(struct buf *buf, const struct array_energy *energy);

#endif
