/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - options as tables: the parser, its errors and --help all read the same
 * rows.
 *
 * `--name value`, `--name=value`, `-x value`, `-xvalue`; `--` ends the options; a lone
 * `-` is an argument. Ranges here are those of the command line's own numbers; what the
 * daemon checks is left to the daemon, so that a limit is stated once.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,   /* the last one given counts */
    OPTION_LIST,   /* every one counts, up to OPTION_MAX_LIST */
    OPTION_CHOICE, /* one of `choices` */
    OPTION_COUNT,  /* an integer, min .. max, at most 2^53 */
    OPTION_NUMBER, /* finite, min .. max */
};
#define OPTION_MAX_LIST 64
/* Global options and those of a command, together. */
#define OPTION_MAX_TABLE 32

struct option {
    const char *name; /* without dashes; NULL ends a table */
    char letter;      /* 0: none */
    enum option_kind kind;
    const char *value;          /* what --help calls the value; NULL for a flag */
    double min, max;            /* OPTION_COUNT, OPTION_NUMBER; both 0: no limit */
    const char *const *choices; /* NULL-terminated, OPTION_CHOICE */
    const char *help;           /* wrapped by options_help */
};

struct option_value {
    bool given;
    const char *text;                  /* as given, borrowed from argv */
    uint64_t count;                    /* OPTION_COUNT */
    double number;                     /* OPTION_COUNT, OPTION_NUMBER */
    const char *list[OPTION_MAX_LIST]; /* OPTION_LIST */
    size_t n_list;
};

/* A table and where its values go: one per row, kept as they are where not given. */
struct option_set {
    const struct option *table;
    struct option_value *values;
};

/* Reads argv[0 .. n - 1] into n_sets sets. Arguments that are no options are moved to the
 * front of argv, in order, and counted in ret_n_args. With `stop_at_first` parsing ends
 * at the first argument, which then stays argv[*ret_n_used]. ST_RANGE or ST_NOT_FOUND
 * with `why`, which offers the nearest name. */
MUST_CHECK enum status options_parse(const struct option_set *sets, size_t n_sets,
                                     char **argv, size_t n, bool stop_at_first,
                                     size_t *ret_n_args, size_t *ret_n_used,
                                     char why[ERR_LEN]);

/* ", did you mean `x`?" for the closest of `names`, "" if none is close. */
void options_suggest(const char *word, const char *const *names, char *ret_text,
                     size_t size);

/* Aligned lines for --help. */
void options_help(FILE *out, const struct option *table);

#endif
