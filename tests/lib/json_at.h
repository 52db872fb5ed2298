/* SPDX-License-Identifier: Apache-2.0 */
/* json_at.h - looks into a written answer: tests name its members by path. */
#ifndef TESTS_LIB_JSON_AT_H
#define TESTS_LIB_JSON_AT_H

#include "api/buf.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The answer as a tree, and the buffer freed. It must be JSON, each name once. */
static inline json_t *json_of(struct buf *buf)
{
    json_error_t error;

    assert_false(buf->failed);
    json_t *root = json_loadb(buf->data, buf->len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        fail_msg("%s in %.*s", error.text, (int)buf->len, buf->data);
    buf_free(buf);
    return root;
}

/* Member by a path such as "result/errors/p2ap"; list indexes are digits. */
static inline json_t *json_at(json_t *root, const char *path)
{
    char copy[100], *rest = NULL;

    strcpy(copy, path);
    for (char *step = strtok_r(copy, "/", &rest); step != NULL;
         step = strtok_r(NULL, "/", &rest)) {
        root = json_is_array(root) ? json_array_get(root, (size_t)atoi(step))
                                   : json_object_get(root, step);
        if (root == NULL)
            fail_msg("%s: no %s", path, step);
    }
    return root;
}

static inline void expect_number(json_t *root, const char *path, double expected)
{
    const json_t *value = json_at(root, path);

    if (!json_is_number(value) ||
        fabs(json_number_value(value) - expected) > 1e-12 * fmax(1.0, fabs(expected)))
        fail_msg("%s: %g, expected %g", path, json_number_value(value), expected);
}

static inline void expect_null(json_t *root, const char *path)
{
    if (!json_is_null(json_at(root, path)))
        fail_msg("%s: not null", path);
}

static inline void expect_text(json_t *root, const char *path, const char *expected)
{
    const char *text = json_string_value(json_at(root, path));

    if (text == NULL || strcmp(text, expected) != 0)
        fail_msg("%s: %s, expected %s", path, text == NULL ? "no text" : text, expected);
}

static inline void expect_flag(json_t *root, const char *path, bool expected)
{
    const json_t *value = json_at(root, path);

    if (!json_is_boolean(value) || json_is_true(value) != expected)
        fail_msg("%s: not %s", path, expected ? "true" : "false");
}

static inline void expect_size(json_t *root, const char *path, size_t expected)
{
    const json_t *value = json_at(root, path);
    size_t n = json_is_array(value) ? json_array_size(value) : json_object_size(value);

    if (n != expected)
        fail_msg("%s: %zu, expected %zu", path, n, expected);
}

static inline void expect_counts(json_t *root, const char *path, double p2ap, double ap2p)
{
    expect_number(json_at(root, path), "p2ap", p2ap);
    expect_number(json_at(root, path), "ap2p", ap2p);
}

#endif
