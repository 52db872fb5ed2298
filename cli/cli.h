/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h - what every command of `spinbnn` gets, and the table that they are in.
 *
 * Exit codes: EXIT_SUCCESS; EXIT_FAILURE, something failed on the server or with a file;
 * and of <sysexits.h> EX_USAGE (64), EX_DATAERR (65, a model or data set is broken) and
 * EX_UNAVAILABLE (69, the daemon cannot be reached). 130 after Ctrl-C.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/options.h"

#include <stdbool.h>
#include <stddef.h>

#define CLI_INTERRUPTED 130

#define CLI_DEFAULT_URL "http://127.0.0.1:8080"

/* The global options. */
struct cli {
    const char *url;
    const char *model;      /* NULL: the only one */
    const char *token_file; /* holds the token to send; NULL: none */
    const char
        *ca_file;     /* who may have signed the daemon's certificate; NULL: as usual */
    double timeout_s; /* of one request */
    bool json;
};

/* One row of the table; texts are static. */
struct command {
    const char *name;
    const char *args;     /* as the usage line shows them: "FILE..." */
    const char *summary;  /* one line, no full stop */
    const char *about;    /* the paragraphs of --help */
    const char *examples; /* indented lines */
    const struct option *options;
    size_t min_args, max_args;
    /* values: one per row of `options`. Returns the exit code. */
    int (*run)(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args);
};

/* Each in the file of its name; program, scrub, age and inject in upkeep.c, put and
 * delete in upload.c. */
extern const struct command age_command;
extern const struct command array_command;
extern const struct command classify_command;
extern const struct command delete_command;
extern const struct command device_command;
extern const struct command energy_command;
extern const struct command evaluate_command;
extern const struct command health_command;
extern const struct command inject_command;
extern const struct command import_command;
extern const struct command job_command;
extern const struct command inspect_command;
extern const struct command memory_command;
extern const struct command models_command;
extern const struct command operating_point_command;
extern const struct command program_command;
extern const struct command put_command;
extern const struct command scrub_command;
extern const struct command solve_command;
extern const struct command status_command;
extern const struct command token_command;

#endif
