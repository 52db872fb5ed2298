/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - what can be set: one table for flags, environment, file and help.
 *
 * Defaults < file < environment (SPINBNN_STATE_DIR) < flags (--state-dir). The file is
 * one flat JSON object with the names of the table ("state_dir").
 */
#ifndef DAEMON_SETTINGS_H
#define DAEMON_SETTINGS_H

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SETTINGS_TEXT_LEN 1024

struct settings {
    char listen[SETTINGS_TEXT_LEN]; /* comma-separated HOST:PORT, [V6]:PORT, unix:PATH */
    char state_dir[SETTINGS_TEXT_LEN]; /* arrays and database */
    char model_dir[SETTINGS_TEXT_LEN]; /* *.sbnn besides the built-in ones; "" none */
    uint64_t threads;                  /* data threads; 0 = cores */
    uint64_t workers;                  /* compute threads; 0 = cores */
    uint64_t queue;                    /* jobs that may wait */
    char kernel[SETTINGS_TEXT_LEN];    /* "auto" or a name of kernel_list */
    uint64_t max_connections;
    uint64_t idle_timeout_s;
    uint64_t head_timeout_s;   /* for the head of a request, from its first byte */
    uint64_t inline_budget_us; /* work predicted to take longer goes to the workers */
    uint64_t drain_delay_s;    /* keep accepting after SIGTERM; for load balancers */
    uint64_t drain_timeout_s;  /* then answers in flight get this long */
    char
        device[SETTINGS_TEXT_LEN]; /* a preset's name; of arrays that have no image yet */
    uint64_t scrub_interval_s;     /* arrays are scrubbed so often; 0: never */
    uint64_t snapshot_interval_s;  /* the database is copied so often; 0: never */
    double bit_operation_fj;       /* compute energy, see infer.h */
    double threshold_fj;
    double logit_fj;
    char log_level[SETTINGS_TEXT_LEN];
};

/* What the command line asks for besides serving. */
enum settings_action {
    SETTINGS_SERVE,
    SETTINGS_PRINT_HELP,
    SETTINGS_PRINT_VERSION,
    SETTINGS_PRINT_CONFIG,
};

/* Where a value came from, in a person's words. */
struct settings_origin {
    char text[SETTINGS_TEXT_LEN + 32];
};
#define SETTINGS_MAX 32

struct settings_result {
    struct settings settings;
    struct settings_origin origin[SETTINGS_MAX]; /* by row of the table */
    enum settings_action action;
    bool usage_error; /* of the command line, not of file or environment */
};

/* Reads all four sources. `environ` as in environ(7). ST_RANGE/ST_FORMAT/ST_IO with
 * `why`: where, the name, the value, what is expected, the nearest name of an unknown
 * one. */
MUST_CHECK enum status settings_read(int argc, char *const *argv,
                                     char *const *environment,
                                     struct settings_result *ret_result,
                                     char why[ERR_LEN]);

void settings_print_help(FILE *out);
void settings_print_config(const struct settings_result *result, FILE *out);

#endif
