/* SPDX-License-Identifier: Apache-2.0 */
/* output.h - numbers, texts and tables for people; JSON for scripts.
 *
 * Nothing that came from outside reaches a terminal raw: control characters, direction
 * overrides and broken UTF-8 are shown as escapes.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "core/status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Holds every number that the functions below format, unit included. */
#define OUTPUT_NUMBER 40

/* Copies `text` so that it can be shown on one line: harmless UTF-8 as it is, everything
 * else as \xNN. Cut at a whole character where `size` ends. */
void output_clean(const char *text, char *ret_text, size_t size);
/* Prints it so, whatever its length. */
void output_text(FILE *out, const char *text);

/* Each writes into `ret_text` [OUTPUT_NUMBER] and returns it; NaN is "-". */
char *output_count(double value, char *ret_text);    /* 1,861,632 */
char *output_expected(double count, char *ret_text); /* 1,862; 12.3; 0.0025 */
char *output_id(double value, char *ret_text);       /* 1861632 */
char *output_percent(double ratio, char *ret_text);  /* 98.50 %; 1 is 100.00 % */
char *output_rate(double rate, char *ret_text);      /* 1.02e-03; 0 is "0" */
char *output_number(double value, const char *unit, char *ret_text); /* 0.571 V */
char *output_energy(double energy_pj, char *ret_text);               /* 2.31 nJ */
char *output_bytes(double bytes, char *ret_text);                    /* 229 KiB */
char *output_duration(double seconds, char *ret_text); /* 1 h 02 min; 10.0 years */

/* `value` as JSON on `out`, only printable bytes, ending with a newline; on one line or
 * indented. ST_IO, ST_NOMEM. */
MUST_CHECK enum status output_json(FILE *out, const json_t *value, bool one_line);

/* -- Tables: cells are collected, columns are as wide as their widest cell -- */

#define TABLE_MAX_COLUMNS 12

struct table {
    size_t n_columns;
    bool right[TABLE_MAX_COLUMNS]; /* numbers stand right */
    char **cells;                  /* ours */
    size_t n_cells, cap;
    bool failed; /* an allocation failed; table_print says so */
};

/* `columns`: titles separated by '|'; one that starts with '>' stands right. */
void table_init(struct table *table, const char *columns);
void table_done(struct table *table);
/* Adds the next cell, cleaned. Rows fill up from left to right. */
void table_add(struct table *table, const char *text);
/* Prints every line after `indent` blanks. ST_NOMEM if a cell could not be kept. */
MUST_CHECK enum status table_print(const struct table *table, FILE *out, int indent);

/* Prints `text` cleaned, in lines of up to `width` columns that begin at column `indent`,
 * where the cursor stands already. Ends the line. */
void output_wrapped(FILE *out, const char *text, size_t indent, size_t width);
/* "name   value" in a listing; `value` is cleaned and wrapped. */
void output_line(FILE *out, const char *name, const char *value);

#endif
