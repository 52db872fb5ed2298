/* SPDX-License-Identifier: Apache-2.0 */
/* job_json.c - what an experiment is asked to do. */
#include "api/job_json.h"

#include "api/json_body.h"
#include "core/network.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SEED  9007199254740991.0 /* 2^53 - 1: what a JSON number holds exactly */
#define MAX_LIMIT 1e9

#define DEFAULT_TOLERANCE  0.005
#define DEFAULT_CONFIDENCE 0.95
#define MIN_TOLERANCE      1e-6
#define MAX_CONFIDENCE     0.999999

#define SHARED "kind", "model", "dataset", "split", "limit", "operating_point", "seeds"
static const char *const members[JOB_KINDS][16] = {
    [JOB_EVALUATE] = { SHARED },
    [JOB_SWEEP] = { SHARED, "points", "axes" },
    [JOB_MINIMISE] = { SHARED, "points", "axes", "tolerance", "confidence", "reference" },
};

struct reading {
    json_t *body; /* borrowed */
    struct violations *violations;
    struct job_request *request;
    bool starved; /* an allocation failed */
};

static const json_t *member(const struct reading *r, const char *name)
{
    const json_t *value = json_object_get(r->body, name);

    return json_is_null(value) ? NULL : value;
}

/* -- Back to text -- */

static void put_value(struct buf *buf, const json_t *value);

static void put_object(struct buf *buf, const json_t *object)
{
    const char *name;
    json_t *value;
    char before = '{';

    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        buf_char(buf, before);
        buf_json_string(buf, name);
        buf_char(buf, ':');
        put_value(buf, value);
        before = ',';
    }
    buf_text(buf, before == '{' ? "{}" : "}");
}

static void put_list(struct buf *buf, const json_t *list)
{
    buf_char(buf, '[');
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (i > 0)
            buf_char(buf, ',');
        put_value(buf, json_array_get(list, i));
    }
    buf_char(buf, ']');
}

/* Numbers in as few digits as name the same double; jansson's own writer has seventeen.
 */
static void put_value(struct buf *buf, const json_t *value)
{
    if (json_is_object(value))
        put_object(buf, value);
    else if (json_is_array(value))
        put_list(buf, value);
    else if (json_is_string(value))
        buf_json_string(buf, json_string_value(value));
    else if (json_is_number(value))
        buf_number(buf, json_number_value(value));
    else
        buf_text(buf, json_is_true(value)    ? "true"
                      : json_is_false(value) ? "false"
                                             : "null");
}

/* NULL without memory. */
static char *text_of(const json_t *value)
{
    struct buf buf = BUF_INIT;

    put_value(&buf, value);
    buf_char(&buf, '\0');
    if (!buf.failed)
        return buf.data;
    buf_free(&buf);
    return NULL;
}

/* -- Points -- */

/* The members of `patch` over those of `into`; false without memory. */
static bool overlay(json_t *into, json_t *patch)
{
    const char *name;
    json_t *value;

    json_object_foreach(patch, name, value)
    {
        json_t *there = json_object_get(into, name);

        if (json_is_object(there) && json_is_object(value)) {
            if (!overlay(there, value))
                return false;
        } else if (json_object_set_new(into, name, json_deep_copy(value)) != 0) {
            return false;
        }
    }
    return true;
}

/* Each of `points` with each of the patches: `values`, or objects with one member `name`
 * that has them. NULL without memory. */
static json_t *combine(const json_t *points, const json_t *values, const char *name)
{
    json_t *all = json_array();

    for (size_t p = 0; all != NULL && p < json_array_size(points); p++)
        for (size_t v = 0; v < json_array_size(values); v++) {
            json_t *point = json_deep_copy(json_array_get(points, p));
            json_t *value = json_array_get(values, v);
            json_t *patch =
                name != NULL ? json_pack("{s:O}", name, value) : json_incref(value);
            bool whole = point != NULL && patch != NULL && overlay(point, patch);

            json_decref(patch);
            if (json_array_append_new(all, point) != 0 || !whole) {
                json_decref(all);
                return NULL;
            }
        }
    return all;
}

static size_t most_points(const struct reading *r)
{
    return r->request->kind == JOB_MINIMISE ? JOB_JSON_MAX_CANDIDATES
                                            : JOB_JSON_MAX_TRIALS;
}

/* Takes `points` and gives what came of it, NULL after a violation or without memory. */
static json_t *multiply(struct reading *r, json_t *points, const json_t *values,
                        const char *name, const char *pointer)
{
    size_t most = most_points(r);
    json_t *all = NULL;

    if (points == NULL)
        return NULL;
    if (!json_body_list(values, 1, most, "values", r->violations, pointer)) {
        json_decref(points);
        return NULL;
    }
    if (json_array_size(points) * json_array_size(values) > most)
        violation_add(r->violations, ST_RANGE, pointer,
                      "makes more than %zu operating points", most);
    else if ((all = combine(points, values, name)) == NULL)
        r->starved = true;
    json_decref(points);
    return all;
}

static bool are_objects(struct reading *r, const json_t *list, const char *base)
{
    char pointer[VIOLATION_POINTER_LEN];

    for (size_t i = 0; i < json_array_size(list); i++) {
        (void)snprintf(pointer, sizeof(pointer), "%s/%zu", base, i);
        if (!json_body_is_object(json_array_get(list, i), r->violations, pointer))
            return false;
    }
    return true;
}

static json_t *with_axes(struct reading *r, json_t *points)
{
    json_t *axes = json_object_get(r->body, "axes"), *values;
    char pointer[VIOLATION_POINTER_LEN];
    const char *name;

    if (member(r, "axes") == NULL)
        return points;
    if (!json_body_is_object(axes, r->violations, "/axes")) {
        json_decref(points);
        return NULL;
    }
    json_object_foreach(axes, name, values)
    {
        violation_pointer(pointer, "/axes", name);
        points = multiply(r, points, values, name, pointer);
    }
    return points;
}

static json_t *base_point(struct reading *r)
{
    const json_t *base = member(r, "operating_point");
    json_t *point;

    if (base != NULL && !json_body_is_object(base, r->violations, "/operating_point"))
        return NULL;
    point = base != NULL ? json_deep_copy(base) : json_object();
    json_t *points = point != NULL ? json_pack("[o]", point) : NULL;
    r->starved = r->starved || points == NULL;
    return points;
}

/* They are kept with each trial. */
static bool is_short(struct reading *r, const char *text)
{
    size_t len = strlen(text);

    if (len > JOB_JSON_MAX_POINT)
        violation_add(r->violations, ST_RANGE, "/operating_point",
                      "an operating point of %zu bytes; expected at most %d", len,
                      JOB_JSON_MAX_POINT);
    return len <= JOB_JSON_MAX_POINT;
}

static void keep_points(struct reading *r, const json_t *points)
{
    struct job_request *request = r->request;
    size_t n = json_array_size(points);
    bool goes_on = true;

    request->points = calloc(n, sizeof(char *));
    r->starved = r->starved || request->points == NULL;
    for (size_t i = 0; i < n && !r->starved && goes_on; i++) {
        char *text = text_of(json_array_get(points, i));

        r->starved = text == NULL;
        if (text == NULL)
            return;
        request->points[request->n_points++] = text;
        goes_on = is_short(r, text);
    }
}

static void read_points(struct reading *r)
{
    const json_t *list = member(r, "points");
    json_t *ways = NULL;

    if (r->request->kind == JOB_EVALUATE && member(r, "operating_point") == NULL)
        return; /* as the model serves */
    /* The question of the paper: weak writes without a code, or stronger ones with it? */
    if (r->request->kind == JOB_MINIMISE && list == NULL && member(r, "axes") == NULL)
        list = ways = json_pack("[{s:s}, {s:s}]", "ecc", "none", "ecc", "secded");
    json_t *points = base_point(r);
    if (list != NULL && !are_objects(r, list, "/points")) {
        json_decref(points);
        points = NULL;
    } else if (list != NULL) {
        points = multiply(r, points, list, NULL, "/points");
    }
    points = points != NULL ? with_axes(r, points) : NULL;
    if (points != NULL)
        keep_points(r, points);
    json_decref(points);
    json_decref(ways);
}

char *job_json_with_target(const char *point, double target)
{
    json_t *object = json_loads(point, JSON_DECODE_INT_AS_REAL, NULL);
    char *text = NULL;

    if (object != NULL &&
        json_object_set_new(object, "target_write_error_rate", json_real(target)) == 0)
        text = text_of(object);
    json_decref(object);
    return text;
}

/* -- The other members -- */

static void read_name(struct reading *r, const char *name, bool needed,
                      char ret_name[JOB_NAME_LEN])
{
    const json_t *value = member(r, name);
    char found[JSON_BODY_SHOWN], pointer[VIOLATION_POINTER_LEN];

    if (value == NULL) {
        if (needed)
            json_body_missing(r->violations, "", name);
        return;
    }
    if (json_is_string(value) && network_name_ok(json_string_value(value))) {
        (void)snprintf(ret_name, JOB_NAME_LEN, "%s", json_string_value(value));
        return;
    }
    json_body_show(value, found);
    violation_pointer(pointer, "", name);
    violation_add(r->violations, ST_FORMAT, pointer, "expected a name, found %s", found);
}

static void read_split(struct reading *r)
{
    const json_t *value = member(r, "split");
    const char *text = value != NULL ? json_string_value(value) : "test";
    char found[JSON_BODY_SHOWN];

    if (text != NULL && (strcmp(text, "test") == 0 || strcmp(text, "train") == 0)) {
        (void)snprintf(r->request->split, sizeof(r->request->split), "%s", text);
        return;
    }
    json_body_show(value, found);
    violation_add(r->violations, ST_FORMAT, "/split",
                  "expected \"test\" or \"train\", found %s", found);
}

static void read_pictures(struct reading *r)
{
    const json_t *limit = member(r, "limit");

    read_name(r, "dataset", r->request->kind != JOB_SWEEP, r->request->dataset);
    read_split(r);
    if (limit != NULL)
        (void)json_body_integer(limit, 1, MAX_LIMIT, r->violations, "/limit",
                                &r->request->limit);
}

static void read_seeds(struct reading *r)
{
    const json_t *seeds = member(r, "seeds");
    char pointer[VIOLATION_POINTER_LEN];

    if (seeds == NULL)
        return;
    if (r->request->kind == JOB_EVALUATE && member(r, "operating_point") == NULL)
        violation_add(r->violations, ST_CONFLICT, "/seeds",
                      "an array that serves has its seed; give an operating_point");
    if (!json_body_list(seeds, 1, JOB_JSON_MAX_SEEDS, "seeds", r->violations, "/seeds"))
        return;
    r->request->n_seeds = json_array_size(seeds);
    for (size_t i = 0; i < r->request->n_seeds; i++) {
        (void)snprintf(pointer, sizeof(pointer), "/seeds/%zu", i);
        (void)json_body_integer(json_array_get(seeds, i), 0, MAX_SEED, r->violations,
                                pointer, &r->request->seeds[i]);
    }
}

static void read_search(struct reading *r)
{
    const json_t *tolerance = member(r, "tolerance"),
                 *confidence = member(r, "confidence"),
                 *reference = member(r, "reference");
    json_t *standard = json_object();

    r->request->tolerance = DEFAULT_TOLERANCE;
    r->request->confidence = DEFAULT_CONFIDENCE;
    if (tolerance != NULL)
        (void)json_body_range(tolerance, MIN_TOLERANCE, 1.0, r->violations, "/tolerance",
                              &r->request->tolerance);
    if (confidence != NULL)
        (void)json_body_range(confidence, 0.5, MAX_CONFIDENCE, r->violations,
                              "/confidence", &r->request->confidence);
    if (reference == NULL ||
        json_body_is_object(reference, r->violations, "/reference")) {
        r->request->reference = text_of(reference != NULL ? reference : standard);
        r->starved = r->starved || r->request->reference == NULL;
    }
    json_decref(standard);
}

/* -- The whole -- */

static bool read_kind(struct reading *r)
{
    const json_t *value = member(r, "kind");
    const char *name = json_string_value(value);
    char found[JSON_BODY_SHOWN] = "nothing";

    if (name != NULL && job_kind_from_name(name, &r->request->kind))
        return true;
    if (value != NULL)
        json_body_show(value, found);
    violation_add(r->violations, ST_FORMAT, "/kind",
                  "expected \"evaluate\", \"sweep\" or \"minimise-energy\", found %s",
                  found);
    return false;
}

static void read_body(struct reading *r)
{
    struct job_request *request = r->request;

    if (!read_kind(r))
        return;
    json_body_known(r->body, members[request->kind], "", r->violations);
    read_name(r, "model", true, request->model);
    read_pictures(r);
    read_seeds(r);
    if (request->kind == JOB_MINIMISE)
        read_search(r);
    read_points(r);
    if (request->n_points * request->n_seeds > JOB_JSON_MAX_TRIALS)
        violation_add(r->violations, ST_RANGE, "/seeds",
                      "%zu operating points with %zu seeds each are more than %d",
                      request->n_points, request->n_seeds, JOB_JSON_MAX_TRIALS);
    request->text = text_of(r->body);
    r->starved = r->starved || request->text == NULL;
}

enum status job_json_parse(const char *json, size_t len, struct job_request *ret_request,
                           struct problem *ret_problem)
{
    struct violations violations = { ret_problem, ST_OK };
    struct reading reading = { .violations = &violations, .request = ret_request };

    *ret_request = (struct job_request) { .kind = JOB_EVALUATE };
    enum status st = json_body_load(json, len, &reading.body, ret_problem);
    if (st != ST_OK)
        return st;
    read_body(&reading);
    json_decref(reading.body);
    if (reading.starved)
        return json_body_no_memory(ret_problem, "job");
    return violations.st;
}

void job_request_done(struct job_request *request)
{
    for (size_t i = 0; i < request->n_points; i++)
        free(request->points[i]);
    free(request->points);
    free(request->reference);
    free(request->text);
    *request = (struct job_request) { .kind = JOB_EVALUATE };
}
