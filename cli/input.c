/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/input.h"

#include "cli/report.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define FIRST_READ ((size_t)65536)

static enum status fail(enum status st, const char *what, char why[ERR_LEN])
{
    snprintf(why, ERR_LEN, "%s", what);
    return st;
}

/* Reads until the end, or one byte past `max`. */
static enum status read_all(FILE *in, size_t max, uint8_t **bytes, size_t *ret_len,
                            char why[ERR_LEN])
{
    size_t len = 0, cap = 0;

    while (len <= max && !feof(in)) {
        if (len == cap) {
            cap = cap == 0 ? FIRST_READ : 2 * cap;
            uint8_t *grown = realloc(*bytes, cap);

            if (grown == NULL)
                return fail(ST_NOMEM, "out of memory", why);
            *bytes = grown;
        }
        len += fread(*bytes + len, 1, cap - len, in);
        if (ferror(in))
            return fail(ST_IO, strerror(errno), why);
    }
    if (len == 0)
        return fail(ST_RANGE, "is empty", why);
    if (len > max) {
        snprintf(why, ERR_LEN, "is longer than %zu bytes", max);
        return ST_RANGE;
    }
    *ret_len = len;
    return ST_OK;
}

enum status input_read(const char *path, size_t max, uint8_t **ret_bytes, size_t *ret_len,
                       char why[ERR_LEN])
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(path, "rb");
    uint8_t *bytes = NULL;

    if (in == NULL)
        return fail(errno == ENOENT ? ST_NOT_FOUND : ST_IO, strerror(errno), why);

    enum status st = read_all(in, max, &bytes, ret_len, why);
    if (!is_stdin)
        fclose(in); /* opened for reading: nothing can be lost */
    if (st != ST_OK) {
        free(bytes);
        return st;
    }
    *ret_bytes = bytes;
    return ST_OK;
}

int input_dataset(const char *dir, const char *split, struct dataset *ret_set)
{
    char why[ERR_LEN];
    enum status st = dataset_load(dir, split, ret_set, why);

    if (st == ST_OK)
        return EXIT_SUCCESS;
    if (st == ST_NOMEM)
        return report(EXIT_FAILURE, "%s: out of memory", dir);
    return report(st == ST_NOT_FOUND || st == ST_IO ? EXIT_FAILURE : EX_DATAERR, "%s",
                  why);
}
