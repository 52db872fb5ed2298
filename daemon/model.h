/* SPDX-License-Identifier: Apache-2.0 */
/* model.h - one hosted network: its array, and the generation of weights that serves now.
 *
 * A generation is one state of the array's contents. It is complete before anybody sees
 * it and never changes afterwards but for what is counted; publishing one is the swap of
 * a pointer. Requests take the current generation, use it to their end and drop it; the
 * last drop frees it.
 *
 * A model is counted likewise: by the registry, by whoever looked it up, and by every
 * reference to one of its generations but its own to the current one. So a model that was
 * taken out of the registry serves on until the last request has ended.
 */
#ifndef DAEMON_MODEL_H
#define DAEMON_MODEL_H

#include "api/classify_json.h"
#include "core/energy.h"
#include "core/infer.h"
#include "daemon/conditions.h"
#include "daemon/tally.h"
#include "daemon/wrong_map.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

struct model;

struct generation {
    atomic_uint refs;
    struct model *model; /* every reference of others keeps it */
    uint64_t number;
    enum mram_cause cause;
    int64_t changed_at_s;          /* when it came about */
    int64_t programmed_at_s;       /* the last program or scrub, as the image says */
    double age_s;                  /* simulated seconds since then */
    double duration_ms;            /* of making it */
    bool durable;                  /* its array image is on disk */
    struct conditions *conditions; /* a reference of ours */
    /* Ours, [n_layers] each. Forecast and result are of the last programming. */
    struct mram_forecast *forecasts;
    struct mram_result *results;
    struct mram_state *states;
    struct energy *per_image; /* of reading and computing one picture */
    struct mram_state total;
    struct energy total_per_image;
    struct infer_weights *weights; /* ours */
    struct tally *tallies;         /* ours, [n_lanes] */
    unsigned n_lanes;
    /* The record's, under its mutex: its list, what it has taken from the tallies, and
     * the labels that came afterwards. */
    struct generation *next_watched;
    struct tally_sum collected, late;
};

/* Where a model came from, and with it who may take it away. */
enum model_origin {
    MODEL_BUILTIN,
    MODEL_FOLDER,   /* model_dir */
    MODEL_UPLOADED, /* PUT; its file lies in the state folder */
};

struct record_model;

#define MODEL_PATH_LEN 1200

struct model {
    /* What every request writes, in one line of the cache: it goes from core to core. */
    alignas(64) atomic_uint refs;
    pthread_mutex_t mutex;
    struct generation *current;      /* one reference is ours; under mutex */
    _Atomic uint64_t ns_per_picture; /* moving average of the compute time */
    /* In the next line. */
    alignas(64) uint32_t id; /* unique in the life of the process */
    size_t slot; /* below REGISTRY_MAX; reused after it has gone from the registry */
    enum model_origin origin;
    struct network *net;         /* ours */
    struct record_model *record; /* the record's */
    /* Of the array; of an uploaded model file. */
    char image_path[MODEL_PATH_LEN], file_path[MODEL_PATH_LEN];
    /* The programming thread's alone. */
    struct mram *mram;                /* ours; NULL after a change that broke off */
    struct mram_defects lost_defects; /* ours; of an array that was lost */
    struct device device;             /* ours; of new arrays that nobody asked for */
    struct wrong_map *kept[WRONG_MAP_KEPT]; /* ours; by generation modulo that */
    _Atomic uint64_t images_accounted; /* of the reads that have worn on the cells; any
                                          thread may look */
    _Atomic int64_t imported_at_s;     /* the last time; 0 never */
    _Atomic bool upkeep_queued;        /* upkeep.c: one at a time */
    _Atomic bool retired; /* deleted or replaced: its array must not be changed any more,
                             the files may be another model's by now */
};

/* Where the array and the file of a version lie: NAME.array, from the version 2 on
 * NAME@VERSION.array. */
void model_paths(const char *state_dir, const char *name, uint32_t version,
                 char ret_image[MODEL_PATH_LEN], char ret_file[MODEL_PATH_LEN]);

/* Takes `net`; `device`, of new arrays, is copied. One reference, the caller's. */
MUST_CHECK enum status model_new(struct network *net, enum model_origin origin,
                                 const char *state_dir, const struct device *device,
                                 struct model **ret_model);
void model_keep(struct model *model);
/* NULL is fine. Any thread. */
void model_drop(struct model *model);

/* A generation with one reference, for the maker to fill in. */
MUST_CHECK enum status generation_new(struct model *model, unsigned n_lanes,
                                      struct generation **ret_generation);
/* The generation that serves now, with a reference of the caller's. Any thread. */
struct generation *generation_take(struct model *model);
/* One more reference to a generation already held. */
void generation_keep(struct generation *generation);
/* NULL is fine. Any thread. */
void generation_drop(struct generation *generation);
/* Takes the caller's reference, NULL for none; the generation before loses the model's.
 */
void model_publish(struct model *model, struct generation *generation);

/* Weights of a generation that are delivered wrong. */
uint64_t generation_wrong_bits(const struct generation *generation);
struct classify_memory generation_memory(const struct generation *generation);
/* Sum over lanes. Any thread. */
struct tally_sum generation_tally(const struct generation *generation);

/* Folds a measurement into the model's cost. Any thread; a lost update is harmless. */
void model_cost_update(struct model *model, uint64_t ns, size_t n_pictures);

#endif
