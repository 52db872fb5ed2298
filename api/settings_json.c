/* SPDX-License-Identifier: Apache-2.0 */
#include "api/settings_json.h"

#include <jansson.h>
#include <stdio.h>

/* The text of a scalar, in `room` where it is not a string. NULL: not a scalar. */
static const char *scalar_text(const json_t *value, char *room, size_t room_len)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return json_string_value(value);
    case JSON_INTEGER:
        (void)snprintf(room, room_len, "%" JSON_INTEGER_FORMAT,
                       json_integer_value(value));
        return room;
    case JSON_REAL:
        (void)snprintf(room, room_len, "%.17g", json_real_value(value));
        return room;
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    default:
        return NULL;
    }
}

static enum settings_json_kind kind_of(const json_t *value)
{
    return json_is_string(value)   ? SETTINGS_JSON_TEXT
           : json_is_number(value) ? SETTINGS_JSON_NUMBER
                                   : SETTINGS_JSON_SWITCH;
}

enum status settings_json_parse(const char *text, size_t len,
                                settings_json_member *member, void *ctx,
                                char why[ERR_LEN])
{
    json_error_t error;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);

    if (root == NULL) {
        (void)snprintf(why, ERR_LEN, "line %d, column %d: %s", error.line, error.column,
                       error.text);
        return json_error_code(&error) == json_error_out_of_memory ? ST_NOMEM : ST_FORMAT;
    }

    enum status st = ST_OK;
    const char *key;
    json_t *value;

    if (!json_is_object(root)) {
        (void)snprintf(why, ERR_LEN, "expected one JSON object");
        st = ST_FORMAT;
    }
    /* Does nothing if root is no object. */
    json_object_foreach(root, key, value)
    {
        char room[40];
        const char *scalar = scalar_text(value, room, sizeof(room));

        if (scalar == NULL) {
            (void)snprintf(why, ERR_LEN,
                           "%.60s: expected a string, a number or a boolean", key);
            st = ST_FORMAT;
            break;
        }
        st = member(ctx, key, scalar, kind_of(value), why);
        if (st != ST_OK)
            break;
    }
    json_decref(root);
    return st;
}
