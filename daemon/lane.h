/* SPDX-License-Identifier: Apache-2.0 */
/* lane.h - the working memory of one thread that classifies, and the computing of a
 * batch.
 *
 * A lane is its thread's alone. A batch on a worker's lane is computed by all workers
 * that are idle: each in its own working memory, what comes out goes to the lane of the
 * batch.
 */
#ifndef DAEMON_LANE_H
#define DAEMON_LANE_H

#include "api/classify_json.h"
#include "daemon/daemon.h"

#define LANE_MAX_IMAGES 1024 /* of one request */

struct lane_scratch;

struct lane {
    unsigned index;
    struct classify_input read;  /* of the request that is being read */
    struct classify_input input; /* of all requests of the pass */
    size_t top;                  /* scores of each picture */
    struct classify_score
        *scores;                  /* [input.n][top]: the best of each picture, in order */
    float *logits;                /* [input.n][classes of the model] */
    uint32_t *classes;            /* [input.n]: the best of each picture */
    struct classify_memo memo;    /* of answers */
    struct lane_scratch *scratch; /* lane.c's */
    size_t cap_scores, cap_logits, cap_classes;
};

MUST_CHECK enum status lane_new(unsigned index, struct lane **ret_lane);
void lane_free(struct lane *lane);

/* Moves the pictures of lane->read behind those of lane->input. ST_NOMEM: nothing moved.
 */
MUST_CHECK enum status lane_join(struct lane *lane, const struct model *model);
/* Room to compute lane->input with this model and keep the `top` best. ST_NOMEM. */
MUST_CHECK enum status lane_reserve(struct lane *lane, const struct model *model,
                                    size_t top);
/* When a batch was computed; busy: of all threads together. CLOCK_MONOTONIC. */
struct lane_time {
    uint64_t began_ns, ended_ns, busy_ns;
};
/* Runs all pictures of lane->input; fills lane->scores, logits and classes. Reserved
 * before. `began_ns` is now. */
struct lane_time lane_compute(struct daemon *daemon, struct lane *lane,
                              const struct generation *generation, uint64_t began_ns);

#endif
