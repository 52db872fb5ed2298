/* SPDX-License-Identifier: Apache-2.0 */
/* json_pull.h - reads JSON (RFC 8259) forwards, value by value, building nothing.
 *
 * The caller walks: json_pull_peek says what comes, one of the other calls takes it. The
 * first violation of the grammar sets `error` and `at`; every later call fails too, so it
 * is enough to look where a loop ends. Strict: UTF-8 is checked, escapes, control
 * characters, surrogates, leading zeros, trailing commas and bytes. The text is borrowed
 * and not changed. One thread per reader.
 */
#ifndef API_JSON_PULL_H
#define API_JSON_PULL_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_PULL_MAX_DEPTH 32

struct json_pull {
    const char *text, *end; /* borrowed */
    const char *at;         /* the next byte; at an error, the byte that is wrong */
    unsigned depth;         /* open objects and lists */
    const char *error;      /* static text, NULL while all is well */
};

enum json_pull_kind {
    JSON_PULL_BROKEN,
    JSON_PULL_OBJECT,
    JSON_PULL_LIST,
    JSON_PULL_STRING,
    JSON_PULL_NUMBER,
    JSON_PULL_BOOLEAN,
    JSON_PULL_NULL,
};

/* A string as it stands between its quotes, checked but with its escapes. */
struct json_pull_text {
    const char *text; /* borrowed from the body */
    size_t len;
    bool escaped; /* has a backslash */
};

struct json_pull_number {
    const char *text; /* borrowed from the body */
    size_t len;
    /* Its exact decimal value is an integer of at most 2^53 - 1 either way (so are 1e2,
     * 255.0 and -0): then `integer` is it. */
    bool is_integer;
    int64_t integer;
};

/* An empty text and a byte order mark are errors at once. */
void json_pull_init(struct json_pull *pull, const char *text, size_t len);
/* Skips white space and says what the next value is by its first byte. */
enum json_pull_kind json_pull_peek(struct json_pull *pull);
/* "a list", "a number" and so on, for messages. */
const char *json_pull_kind_name(enum json_pull_kind kind);

/* Take '{' or '['. False after an error. */
bool json_pull_object(struct json_pull *pull);
bool json_pull_list(struct json_pull *pull);
/* To the next member or element: true and standing at its value, or false because the end
 * was taken or after an error. `first`: nothing of the object or list was taken yet. */
bool json_pull_member(struct json_pull *pull, bool first,
                      struct json_pull_text *ret_name);
bool json_pull_element(struct json_pull *pull, bool first);

/* Take one value of the kind that peek has said. */
bool json_pull_string(struct json_pull *pull, struct json_pull_text *ret_text);
bool json_pull_number(struct json_pull *pull, struct json_pull_number *ret_number);
bool json_pull_boolean(struct json_pull *pull, bool *ret_value);
/* Takes one value of any kind, checking its grammar (not whether its names repeat). */
bool json_pull_skip(struct json_pull *pull);
/* Only white space is left? */
bool json_pull_end(struct json_pull *pull);

/* Sets the error, unless there is one. */
void json_pull_fail(struct json_pull *pull, const char *at, const char *error);
/* Offset of the next (or wrong) byte. */
size_t json_pull_offset(const struct json_pull *pull);

/* Compare after undoing escapes. */
bool json_pull_text_is(const struct json_pull_text *text, const char *name);
bool json_pull_text_same(const struct json_pull_text *a, const struct json_pull_text *b);
/* Undoes escapes into ret_bytes, which has room for text->len bytes; returns how many
 * were written. */
size_t json_pull_text_decode(const struct json_pull_text *text, char *ret_bytes);

#endif
