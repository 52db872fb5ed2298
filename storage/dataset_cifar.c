/* SPDX-License-Identifier: Apache-2.0 */
/* CIFAR-10's "binary version": A. Krizhevsky, Learning Multiple Layers of Features from
 * Tiny Images, 2009; https://www.cs.toronto.edu/~kriz/cifar.html. */
#include "storage/dataset_internal.h"

#include "storage/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, RECORD = 1 + 3 * PLANE, BATCHES = 5 };

/* Lines of the file of names. */
#define MAX_NAMES 256

static enum status no_memory(char why[ERR_LEN])
{
    (void)snprintf(why, ERR_LEN, "out of memory");
    return ST_NOMEM;
}

static enum status make_room(struct dataset *set, size_t n)
{
    uint8_t *pixels = realloc(set->pixels, n * 3 * PLANE);
    if (pixels == NULL)
        return ST_NOMEM;
    set->pixels = pixels;

    uint32_t *labels = realloc(set->labels, n * sizeof(*labels));
    if (labels == NULL)
        return ST_NOMEM;
    set->labels = labels;
    return ST_OK;
}

enum status dataset_cifar_parse(const uint8_t *bytes, size_t len, struct dataset *set,
                                char why[ERR_LEN])
{
    if (len == 0 || len % RECORD != 0) {
        (void)snprintf(why, ERR_LEN, "expected records of %d bytes, found %zu bytes",
                       RECORD, len);
        return ST_FORMAT;
    }
    size_t n = len / RECORD;
    if (make_room(set, set->n + n) != ST_OK)
        return no_memory(why);

    uint8_t *to = set->pixels + set->n * 3 * PLANE;
    for (const uint8_t *at = bytes; at < bytes + len; at += RECORD) {
        set->labels[set->n++] = at[0];
        for (size_t i = 0; i < PLANE; i++) {
            for (size_t c = 0; c < 3; c++)
                *to++ = at[1 + c * PLANE + i];
        }
    }
    set->height = set->width = SIDE;
    set->channels = 3;
    return ST_OK;
}

static enum status load_batch(const char *dir, const char *name, struct dataset *set,
                              char why[ERR_LEN])
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum status st = dataset_read(dir, name, true, &bytes, &len, why);

    if (st != ST_OK)
        return st;
    st = dataset_cifar_parse(bytes, len, set, why);
    free(bytes);
    if (st == ST_FORMAT)
        file_prefix(name, why);
    return st;
}

/* One name a line. */
static enum status parse_names(char *text, struct dataset *set)
{
    char *rest = NULL;

    set->names = calloc(MAX_NAMES, sizeof(*set->names));
    if (set->names == NULL)
        return ST_NOMEM;
    for (char *line = strtok_r(text, "\r\n", &rest);
         line != NULL && set->n_names < MAX_NAMES; line = strtok_r(NULL, "\r\n", &rest)) {
        char *name = strdup(line);

        if (name == NULL)
            return ST_NOMEM;
        set->names[set->n_names++] = name;
    }
    return ST_OK;
}

static enum status load_names(const char *dir, struct dataset *set, char why[ERR_LEN])
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum status st = dataset_read(dir, "batches.meta.txt", false, &bytes, &len, why);

    if (st != ST_OK)
        return st == ST_NOT_FOUND ? ST_OK : st; /* a set need not have names */
    char *text = malloc(len + 1);
    if (text == NULL) {
        free(bytes);
        return no_memory(why);
    }
    memcpy(text, bytes, len);
    text[len] = '\0';
    free(bytes);
    st = parse_names(text, set);
    free(text);
    return st == ST_OK ? ST_OK : no_memory(why);
}

enum status dataset_cifar_load(const char *dir, bool train, struct dataset *set,
                               char why[ERR_LEN])
{
    enum status st =
        load_batch(dir, train ? "data_batch_1.bin" : "test_batch.bin", set, why);

    for (int i = 2; train && st == ST_OK && i <= BATCHES; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "data_batch_%d.bin", i);
        st = load_batch(dir, name, set, why);
    }
    return st == ST_OK ? load_names(dir, set, why) : st;
}
