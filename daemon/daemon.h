/* SPDX-License-Identifier: Apache-2.0 */
/* daemon.h - what all flows share. Fixed once the server runs, but for what says
 * otherwise. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "api/http.h"
#include "api/proxies.h"
#include "daemon/config.h"
#include "daemon/events.h"
#include "daemon/feedback.h"
#include "daemon/model.h"
#include "daemon/pool.h"
#include "daemon/record.h"
#include "daemon/registry.h"
#include "daemon/settings.h"
#include "daemon/traffic.h"
#include "daemon/turn.h"

struct datasets_seen;
struct jobs;
struct lane;
struct version_book;

struct daemon {
    struct settings settings; /* as at start, but for numbers that a reload changes */
    struct config *config;
    const struct kernel *kernel;
    struct device device; /* of new arrays; a preset */
    struct infer_costs costs;
    unsigned n_threads, n_workers;
    struct registry *registry;
    struct version_book *versions; /* catalogue.c's; the programming thread's alone */
    struct lane **lanes;           /* [daemon_classifiers]: data threads, then workers */
    struct feedback_memory *feedback;
    struct record *record;
    struct events *events;
    struct traffic *traffic;
    struct http_server *http;
    struct pool *workers;     /* long inferences */
    struct pool *programming; /* one thread: programmings happen one after the other */
    struct pool *reader;      /* one thread: history queries */
    struct history *history;  /* the reader thread's */
    struct datasets_seen *datasets_seen; /* likewise */
    struct jobs *jobs;
    uint64_t last_snapshot_ns; /* snapshot.c's, on the main thread */
    /* program.c's memory of the last conditions; the programming thread's alone,
     * start.c's until anybody serves. */
    struct conditions *last_conditions;
    struct proxies proxies;
    uint64_t began_ns;
    int64_t began_s;
    _Atomic bool ready, draining;
    /* Connections, and pauses of accepting. The main thread counts. */
    _Atomic uint64_t accepted, refused, accept_pauses;
};

/* Is one of the data threads, the last, for settings.admin_listen alone? */
static inline bool daemon_has_admin(const struct daemon *daemon)
{
    return daemon->settings.admin_listen[0] != '\0';
}

/* Threads that classify, each with a struct lane. */
static inline unsigned daemon_classifiers(const struct daemon *daemon)
{
    return daemon->n_threads + daemon->n_workers;
}

/* Lanes, which count (tally.h): theirs, and the last that of the main thread, which
 * answers who waited too long. */
static inline unsigned daemon_lanes(const struct daemon *daemon)
{
    return daemon_classifiers(daemon) + 1;
}

static inline unsigned daemon_main_lane(const struct daemon *daemon)
{
    return daemon_lanes(daemon) - 1;
}

/* The model named by the first path parameter, in this version, NULL: the highest, with a
 * reference of the caller's; answers 404, or 503 while it is being loaded, and gives NULL
 * otherwise. */
struct model *daemon_take_version_or_404(const struct daemon *daemon,
                                         struct http_call *call, const char *version);
/* The same with the version that the query argument `version` names, if there is one. */
struct model *daemon_take_or_404(const struct daemon *daemon, struct http_call *call);

/* May the body be JSON by its Content-Type? One that is absent is taken for it, and so is
 * curl's default for --data. `also`: another type that is read here, or NULL. False after
 * a 415. */
bool daemon_json_or_415(struct http_call *call, const char *also);
bool daemon_is_json(const struct http_call *call, const char *also);

/* The reader thread's connection to the database, opened when first needed. The
 * reader thread. */
MUST_CHECK enum status daemon_history(struct daemon *daemon, char why[ERR_LEN]);

/* The other form of series and of results of jobs (RFC 4180). */
#define DAEMON_CSV_TYPE "text/csv; charset=utf-8; header=present"

/* The route table, routes.c. Handlers get the daemon as ctx. */
extern const struct http_route routes[];
extern const size_t n_routes;

/* -- Handlers, one file per flow -- */
http_handler classify_handle; /* classify.c */
http_handler infer_handle;    /* infer.c */
http_handler program_get;     /* program.c */
http_handler program_patch;
http_handler program_delete;
http_handler program_again;
http_handler upkeep_age; /* upkeep.c */
http_handler upkeep_scrub;
http_handler upkeep_inject;
http_handler look_memory; /* look.c */
http_handler look_tile;
http_handler transfer_get; /* transfer.c */
http_handler transfer_put;
http_handler transfer_diff;
http_handler chip_get; /* chip.c */
http_handler chip_put;
http_handler chip_presets;
http_handler solve_handle;    /* solve.c */
http_handler ledger_handle;   /* ledger.c */
http_handler device_handle;   /* device.c */
http_handler feedback_handle; /* feedback.c */
http_handler config_handle;   /* config.c */
http_handler config_reload_handle;
http_handler describe_models; /* describe.c */
http_handler describe_model;
http_handler upload_put; /* upload.c */
http_handler upload_delete;
http_handler repository_index; /* repository.c */
http_handler repository_load;
http_handler repository_unload;
http_handler status_handle; /* status.c */
http_handler status_live;
http_handler status_ready;
http_handler scrape_handle;     /* scrape.c */
http_handler series_handle;     /* series.c */
http_handler inferences_handle; /* inferences.c */
http_handler page_handle;       /* page.c */
http_handler snapshot_handle;   /* snapshot.c */
http_handler events_handle;     /* events.c */
http_handler datasets_handle;   /* datasets.c */
http_handler jobs_post;         /* job_calls.c */
http_handler jobs_list;
http_handler jobs_get;
http_handler jobs_delete;
http_handler jobs_results;
http_handler v2_server; /* v2.c */
http_handler v2_models;
http_handler v2_model;
http_handler v2_model_ready;
http_handler v2_config;
http_handler v2_stats;
http_handler v2_stats_of_all;
http_handler v2_logging;
http_handler v2_set_logging;

/* The body of GET /api/v1/status, one line without its end. status.c. */
void status_write(const struct daemon *daemon, struct buf *body);
/* Tells the status to those who follow. Main thread, each second. */
void events_tick(struct daemon *daemon);

/* Logs the state, a line for each part. Main thread, on SIGQUIT. dump.c. */
void dump_state(const struct daemon *daemon);

/* Queues what is due: scrubs by the clock, reads that have worn. Main thread, each
 * second. */
void upkeep_tick(struct daemon *daemon);
/* Queues a copy of the database if one is due. Main thread, each second. */
void snapshot_tick(struct daemon *daemon);

#endif
