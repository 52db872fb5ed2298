/* SPDX-License-Identifier: Apache-2.0 */
/* model.h - one hosted network: its array, and the generation of weights that serves now.
 *
 * A generation is what one programming gave. It is complete before anybody sees it and
 * never changes afterwards but for what is counted; publishing one is the swap of a
 * pointer. Requests take the current generation, use it to their end and drop it; the
 * last drop frees it.
 */
#ifndef DAEMON_MODEL_H
#define DAEMON_MODEL_H

#include "core/infer.h"
#include "core/operating_point.h"
#include "daemon/tally.h"

#include <pthread.h>
#include <stdatomic.h>

struct model;

struct generation {
    atomic_uint refs;
    const struct model *model; /* borrowed; outlives every generation */
    uint64_t number;
    int64_t programmed_at_s;
    double duration_ms; /* of the programming */
    bool durable;       /* its array image is on disk */
    struct operating_point op;
    struct operating_point_resolved resolved;
    struct mram_forecast forecast;
    struct mram_result *results; /* ours, [n_layers] */
    struct mram_result total;
    struct infer_weights *weights; /* ours */
    double read_pj, compute_pj;    /* per picture */
    struct tally *tallies;         /* ours, [n_lanes] */
    unsigned n_lanes;
    /* record.c's, under its mutex: its list, what it has taken from the tallies, and the
     * labels that came afterwards. */
    struct generation *next_watched;
    struct tally_sum collected, late;
};

struct model {
    struct network *net; /* ours */
    size_t index;        /* in the registry */
    char image_path[1200];
    struct mram *mram; /* ours; the programming thread's alone */
    pthread_mutex_t mutex;
    struct generation *current;      /* one reference is ours; under mutex */
    _Atomic uint64_t ns_per_picture; /* moving average of the compute time */
};

/* Takes `net`. */
MUST_CHECK enum status model_new(struct network *net, size_t index, const char *state_dir,
                                 struct model **ret_model);
/* No request may run any more. */
void model_free(struct model *model);

/* A generation with one reference, for the maker to fill in. */
MUST_CHECK enum status generation_new(const struct model *model, unsigned n_lanes,
                                      struct generation **ret_generation);
/* The generation that serves now, with a reference of the caller's. Any thread. */
struct generation *generation_take(struct model *model);
/* One more reference to a generation already held. */
void generation_keep(struct generation *generation);
/* NULL is fine. Any thread. */
void generation_drop(struct generation *generation);
/* Takes the caller's reference; the generation before loses the model's. */
void model_publish(struct model *model, struct generation *generation);

/* Wrong bits of a generation, both directions. */
uint64_t generation_wrong_bits(const struct generation *generation);
/* Sum over lanes. Any thread. */
struct tally_sum generation_tally(const struct generation *generation);

/* Folds a measurement into the model's cost. Any thread; a lost update is harmless. */
void model_cost_update(struct model *model, uint64_t ns, size_t n_pictures);

#endif
