/* SPDX-License-Identifier: Apache-2.0 */
/* ask.h - one question and its answer: what most commands come to. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "cli/cli.h"

#include <jansson.h>
#include <stdio.h>

/* Shows an answer as text; `model` is NULL where none was asked about. ST_NOMEM. */
typedef enum status ask_print(FILE *out, const char *model, const json_t *answer);

struct ask {
    const char *method;
    const char *path;  /* "/operating-point", behind the model's; may have a query */
    const char *layer; /* the query is ?layer=, NULL: none */
    const char *what;  /* not of a model: `path` is whole, failures are called this */
    const char *content_type; /* NULL without body */
    const void *body;         /* borrowed */
    size_t len;
    const char *header;
    ask_print *print;
};

/* Asks and prints, as JSON if the command line wants it; returns the exit code. */
int ask_run(const struct cli *cli, const struct ask *ask);

/* Gets bytes and writes them to `file`; "-" is standard output. Of `ask` path
 * and header count.
 */
int ask_save(const struct cli *cli, const struct ask *ask, const char *file);

/* EX_USAGE: `verb` is none of `verbs`. Says so and offers the nearest. */
int ask_unknown_verb(const char *command, const char *verb, const char *const *verbs);

/* EX_USAGE if one of the options was given that `verb` has no use for: all from `first`
 * on, `n` of them; else EXIT_SUCCESS. */
int ask_refuse(const char *verb, const struct option *options,
               const struct option_value *values, size_t first, size_t n);

#endif
