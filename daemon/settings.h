/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - what can be set: one table for flags, environment, file and help.
 *
 * Defaults < file < environment (SPINBNN_STATE_DIR) < flags (--state-dir). The file is
 * one flat JSON object with the names of the table ("state_dir").
 */
#ifndef DAEMON_SETTINGS_H
#define DAEMON_SETTINGS_H

#include "core/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SETTINGS_TEXT_LEN 1024

/* Numbers are atomic because a reload changes some of them under threads that read: those
 * whose row says so. Each stands for itself, so that no reader needs two of one reload.
 * Texts and switches stay as they were at start but in config.c. */
struct settings {
    char listen[SETTINGS_TEXT_LEN]; /* comma-separated HOST:PORT, [V6]:PORT, unix:PATH */
    char admin_listen[SETTINGS_TEXT_LEN]; /* the same, served by a thread of its own */
    char state_dir[SETTINGS_TEXT_LEN];    /* arrays and database */
    char model_dir[SETTINGS_TEXT_LEN];    /* *.sbnn besides the built-in ones; "" none */
    char data[SETTINGS_TEXT_LEN];         /* a folder for each data set; "" none */
    _Atomic uint64_t threads;             /* data threads; 0 = cores */
    _Atomic uint64_t workers;             /* compute threads; 0 = cores */
    _Atomic uint64_t queue;               /* jobs that may wait */
    char kernel[SETTINGS_TEXT_LEN];       /* "auto" or a name of kernel_list */
    _Atomic uint64_t body_memory_mb;      /* of bodies together */
    _Atomic uint64_t max_connections;
    _Atomic uint64_t idle_timeout_s;
    _Atomic uint64_t head_timeout_s; /* for the head of a request, from its first byte */
    _Atomic uint64_t
        inline_budget_us; /* work predicted to take longer goes to the workers */
    _Atomic uint64_t request_timeout_ms; /* see turn.h; 0: none */
    _Atomic uint64_t drain_delay_s; /* keep accepting after SIGTERM; for load balancers */
    _Atomic uint64_t drain_timeout_s; /* then answers in flight get this long */
    char
        device[SETTINGS_TEXT_LEN]; /* a preset's name; of arrays that have no image yet */
    _Atomic uint64_t max_cells;    /* weights of all networks; 0: no limit */
    _Atomic uint64_t keep_versions;       /* of a model, 1 .. REGISTRY_VERSIONS */
    _Atomic uint64_t scrub_interval_s;    /* arrays are scrubbed so often; 0: never */
    _Atomic uint64_t snapshot_interval_s; /* the database is copied so often; 0: never */
    _Atomic uint64_t request_rows; /* one request in so many is a row of it; 0: none */
    _Atomic uint64_t request_rows_max;   /* how many of those are kept */
    _Atomic uint64_t request_rows_hours; /* and how long */
    _Atomic uint64_t db_max_mb;          /* of the database's file; 0: no limit */
    double bit_operation_fj;             /* compute energy, see infer.h */
    double threshold_fj;
    double logit_fj;
    char log_level[SETTINGS_TEXT_LEN];
    _Atomic uint64_t access_log_sample; /* see access_log.h */
    bool log_json;
    char tokens_file[SETTINGS_TEXT_LEN]; /* see api/token.h; "": nobody is asked */
    bool insecure_bind;                  /* others may reach us, and nobody is asked */
    char tls_certificate[SETTINGS_TEXT_LEN]; /* "": without TLS */
    char tls_key[SETTINGS_TEXT_LEN];
    char allowed_hosts[SETTINGS_TEXT_LEN];   /* see api/access.h */
    char trusted_proxies[SETTINGS_TEXT_LEN]; /* see api/proxies.h */
};

/* What the command line asks for besides serving. */
enum settings_action {
    SETTINGS_SERVE,
    SETTINGS_PRINT_HELP,
    SETTINGS_PRINT_VERSION,
    SETTINGS_PRINT_CONFIG,
    SETTINGS_PRINT_SCHEMA,
    SETTINGS_CHECK_CONFIG,
};

/* Where a value came from, in a person's words. */
struct settings_origin {
    char text[SETTINGS_TEXT_LEN + 32];
};
#define SETTINGS_MAX 64

/* Where settings come from; borrowed from main(). */
struct settings_source {
    int argc;
    char *const *argv;
    char *const *environment;
};

struct settings_result {
    struct settings settings;
    struct settings_origin origin[SETTINGS_MAX]; /* by row of the table */
    enum settings_action action;
    bool usage_error; /* of the command line, not of file or environment */
};

/* Reads all four sources. ST_RANGE/ST_FORMAT/ST_IO/ST_PERMISSION with `why`: where, the
 * name, the value, what is expected, the nearest name of an unknown one. */
MUST_CHECK enum status settings_read(const struct settings_source *source,
                                     struct settings_result *ret_result,
                                     char why[ERR_LEN]);

/* One row of the table, as people and programs are told of it. */
struct settings_row {
    const char *name, *unit, *origin;
    char value[SETTINGS_TEXT_LEN + 2];
    bool is_text; /* the value is no JSON by itself */
    bool live;    /* a reload changes it */
};
/* The i-th row; false beyond the last. */
bool settings_row(const struct settings_result *result, size_t i,
                  struct settings_row *ret_row);
/* Takes over the rows that a reload changes. */
void settings_take_live(struct settings_result *into, const struct settings_result *from);
/* Sets a row of that name while serving; the value is one that its row allows. */
void settings_override(struct settings_result *result, const char *name,
                       const char *value, const char *origin);
/* Stores every number, while other threads read them. */
void settings_publish(struct settings *into, const struct settings *from);

void settings_print_help(FILE *out);
void settings_print_config(const struct settings_result *result, FILE *out);
/* JSON Schema (2020-12) of the file. */
void settings_print_schema(FILE *out);

#endif
