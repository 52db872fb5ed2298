/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_body.h"

#include "core/nearest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The name of the member whose value ends at `end`, to say which one was meant: jansson
 * tells only the place. Writes "" if there is none, as in a list. */
static void member_before(const char *json, size_t end, char ret_name[JSON_BODY_SHOWN])
{
    size_t close = end;

    ret_name[0] = '\0';
    while (close > 0 && strchr("\"{[,", json[close - 1]) == NULL)
        close--;
    if (close < 2 || json[close - 1] != '"')
        return;
    size_t open = close - 1;
    while (open > 0 && json[open - 1] != '"')
        open--;
    (void)snprintf(ret_name, JSON_BODY_SHOWN, "%.*s: ", (int)(close - 1 - open),
                   json + open);
}

static enum status refuse(const char *json, size_t len, const json_error_t *error,
                          struct problem *ret_problem)
{
    char member[JSON_BODY_SHOWN];
    size_t at = error->position > 0 && (size_t)error->position <= len
                    ? (size_t)error->position
                    : 0;

    switch (json_error_code(error)) {
    case json_error_out_of_memory:
        problem_set(ret_problem, 503, "out_of_memory", "there is no memory for the body");
        ret_problem->retry_after_s = 1;
        return ST_NOMEM;
    case json_error_numeric_overflow:
        member_before(json, at, member);
        problem_set(ret_problem, 422, "invalid_value",
                    "%sa number that is too large, at line %d, column %d", member,
                    error->line, error->column);
        return ST_RANGE;
    default:
        problem_set(ret_problem, 400, "invalid_json",
                    "invalid JSON at line %d, column %d: %s", error->line, error->column,
                    error->text);
        return ST_FORMAT;
    }
}

static bool only_space(const char *json, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (json[i] == '\0' || strchr(" \t\r\n", json[i]) == NULL)
            return false;
    }
    return true;
}

enum status json_body_load(const char *json, size_t len, json_t **ret_object,
                           struct problem *ret_problem)
{
    json_error_t error;

    if (only_space(json, len)) {
        problem_set(ret_problem, 400, "invalid_json",
                    "the body is empty; expected a JSON object");
        return ST_FORMAT;
    }
    if (len >= 3 && memcmp(json, "\xEF\xBB\xBF", 3) == 0) {
        problem_set(ret_problem, 400, "invalid_json",
                    "the body begins with a byte order mark; JSON is sent without one");
        return ST_FORMAT;
    }
    json_t *root = json_loadb(
        json, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL,
        &error);
    if (root == NULL)
        return refuse(json, len, &error, ret_problem);
    if (!json_is_object(root)) {
        char found[JSON_BODY_SHOWN];
        json_body_show(root, found);
        problem_set(ret_problem, 400, "invalid_json", "expected a JSON object, found %s",
                    found);
        json_decref(root);
        return ST_FORMAT;
    }
    *ret_object = root;
    return ST_OK;
}

/* As it was written, most likely: in as few digits as name the same double. */
static void show_number(double number, char ret_text[JSON_BODY_SHOWN])
{
    snprintf(ret_text, JSON_BODY_SHOWN, "%.15g", number);
    if (strtod(ret_text, NULL) != number)
        snprintf(ret_text, JSON_BODY_SHOWN, "%.17g", number);
}

void json_body_show(const json_t *value, char ret_text[JSON_BODY_SHOWN])
{
    const char *text = "null";

    switch (json_typeof(value)) {
    case JSON_OBJECT:
        text = "an object";
        break;
    case JSON_ARRAY:
        text = "a list";
        break;
    case JSON_STRING:
        snprintf(ret_text, JSON_BODY_SHOWN, "\"%.32s\"%s", json_string_value(value),
                 json_string_length(value) > 32 ? "..." : "");
        return;
    case JSON_INTEGER:
    case JSON_REAL:
        show_number(json_number_value(value), ret_text);
        return;
    case JSON_TRUE:
        text = "true";
        break;
    case JSON_FALSE:
        text = "false";
        break;
    case JSON_NULL:
        break;
    }
    snprintf(ret_text, JSON_BODY_SHOWN, "%s", text);
}

bool json_body_number(const json_t *value, struct violations *violations,
                      const char *pointer, double *ret_number)
{
    char found[JSON_BODY_SHOWN];

    if (json_is_number(value)) {
        *ret_number = json_number_value(value) + 0.0; /* no negative zero */
        return true;
    }
    json_body_show(value, found);
    violation_add(violations, ST_FORMAT, pointer, "expected a number, found %s", found);
    return false;
}

bool json_body_integer(const json_t *value, double least, double most,
                       struct violations *violations, const char *pointer,
                       uint64_t *ret_integer)
{
    char found[JSON_BODY_SHOWN];
    double number = json_is_number(value) ? json_number_value(value) : NAN;

    if (number >= least && number <= most && floor(number) == number) {
        *ret_integer = (uint64_t)number;
        return true;
    }
    json_body_show(value, found);
    violation_add(violations, json_is_number(value) ? ST_RANGE : ST_FORMAT, pointer,
                  "expected an integer %.0f..%.0f, found %s", least, most, found);
    return false;
}

bool json_body_range(const json_t *value, double least, double most,
                     struct violations *violations, const char *pointer,
                     double *ret_number)
{
    double number;

    if (!json_body_number(value, violations, pointer, &number))
        return false;
    if (number >= least && number <= most) {
        *ret_number = number;
        return true;
    }
    violation_add(violations, ST_RANGE, pointer, "%.15g is outside %.10g .. %.10g",
                  number, least, most);
    return false;
}

bool json_body_flag(const json_t *value, struct violations *violations,
                    const char *pointer, bool *ret_flag)
{
    char found[JSON_BODY_SHOWN];

    if (json_is_boolean(value)) {
        *ret_flag = json_is_true(value);
        return true;
    }
    json_body_show(value, found);
    violation_add(violations, ST_FORMAT, pointer, "expected true or false, found %s",
                  found);
    return false;
}

bool json_body_is_object(const json_t *value, struct violations *violations,
                         const char *pointer)
{
    char found[JSON_BODY_SHOWN];

    if (json_is_object(value))
        return true;
    json_body_show(value, found);
    violation_add(violations, ST_FORMAT, pointer, "expected an object, found %s", found);
    return false;
}

bool json_body_list(const json_t *value, size_t least, size_t most, const char *items,
                    struct violations *violations, const char *pointer)
{
    char found[JSON_BODY_SHOWN] = "nothing";
    size_t n = json_array_size(value);

    if (!json_is_array(value)) {
        if (value != NULL)
            json_body_show(value, found);
        violation_add(violations, ST_FORMAT, pointer, "expected a list, found %s", found);
        return false;
    }
    if (n >= least && n <= most)
        return true;
    violation_add(violations, ST_RANGE, pointer, "expected %zu..%zu %s, found %zu", least,
                  most, items, n);
    return false;
}

void json_body_missing(struct violations *violations, const char *base, const char *name)
{
    char pointer[VIOLATION_POINTER_LEN];

    violation_pointer(pointer, base, name);
    violation_add(violations, ST_FORMAT, pointer, "is missing");
}

enum status json_body_no_memory(struct problem *problem, const char *for_what)
{
    problem_set(problem, 503, "out_of_memory", "there is no memory for the %s", for_what);
    problem->retry_after_s = 1;
    return ST_NOMEM;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(name, *names) == 0)
            return true;
    }
    return false;
}

void json_body_known(json_t *object, const char *const *names, const char *base,
                     struct violations *violations)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        char pointer[VIOLATION_POINTER_LEN];
        if (is_one_of(name, names))
            continue;
        const char *near = nearest_name(name, names);
        violation_pointer(pointer, base, name);
        if (near != NULL)
            violation_add(violations, ST_FORMAT, pointer,
                          "unknown member; did you mean %s?", near);
        else
            violation_add(violations, ST_FORMAT, pointer, "unknown member");
    }
}
