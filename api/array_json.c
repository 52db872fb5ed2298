/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies; the answers are array_answer.c. */
#include "api/array_json.h"

#include "api/place_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SEED     9007199254740991.0 /* 2^53 - 1: what a JSON number holds exactly */
#define DEFAULT_SEED 1

static const char *const no_members[] = { NULL };
static const char *const age_members[] = { "seconds", "temperature_k", NULL };
static const char *const inject_members[] = { "bits", "share", "seed", NULL };
static const char *const place_members[] = { "layer", "row", "column", NULL };

static bool is_given(const json_t *value)
{
    return value != NULL && !json_is_null(value);
}

enum status array_json_parse_empty(const char *json, size_t len,
                                   struct problem *ret_problem)
{
    struct violations violations = { ret_problem, ST_OK };
    json_t *body = NULL;

    if (len == 0)
        return ST_OK;
    enum status st = json_body_load(json, len, &body, ret_problem);
    if (st != ST_OK)
        return st;
    json_body_known(body, no_members, "", &violations);
    json_decref(body);
    return violations.st;
}

/* -- age -- */

static void read_age(json_t *body, const struct device *device,
                     struct violations *violations, struct array_age *ret_age)
{
    const json_t *seconds = json_object_get(body, "seconds");
    const json_t *temperature = json_object_get(body, "temperature_k");
    const struct device_temperatures range = device_temperatures(device);

    if (seconds == NULL)
        json_body_missing(violations, "", "seconds");
    else
        (void)json_body_range(seconds, 0.0, ARRAY_JSON_MAX_AGE_S, violations, "/seconds",
                              &ret_age->seconds); /* a violation is noted */
    if (is_given(temperature))
        ret_age->has_temperature =
            json_body_range(temperature, range.min_k, range.max_k, violations,
                            "/temperature_k", &ret_age->temperature_k);
    json_body_known(body, age_members, "", violations);
}

enum status array_json_parse_age(const char *json, size_t len,
                                 const struct device *device, struct array_age *ret_age,
                                 struct problem *ret_problem)
{
    struct violations violations = { ret_problem, ST_OK };
    struct array_age age = { 0 };
    json_t *body = NULL;
    enum status st = json_body_load(json, len, &body, ret_problem);

    if (st != ST_OK)
        return st;
    read_age(body, device, &violations, &age);
    json_decref(body);
    if (violations.st == ST_OK)
        *ret_age = age;
    return violations.st;
}

/* -- inject -- */

void array_inject_done(struct array_inject *inject)
{
    free(inject->places);
    *inject = (struct array_inject) { 0 };
}

/* A cell flipped twice would be as it was. */
static enum status check_distinct(const struct array_inject *inject,
                                  struct violations *violations)
{
    struct place_cell *cells = calloc(inject->n_places, sizeof(*cells));

    if (cells == NULL)
        return json_body_no_memory(violations->problem, "bits");
    for (size_t i = 0; i < inject->n_places; i++)
        cells[i] = (struct place_cell) { .place = inject->places[i], .index = i };
    place_body_distinct(cells, inject->n_places, "/bits", violations);
    free(cells);
    return ST_OK;
}

static enum status read_places(const json_t *list, const struct network *net,
                               struct violations *violations,
                               struct array_inject *ret_inject)
{
    size_t n = json_array_size(list);

    if (!json_body_list(list, 1, ARRAY_JSON_MAX_PLACES, "bits", violations, "/bits"))
        return ST_OK;
    ret_inject->places = calloc(n, sizeof(*ret_inject->places));
    if (ret_inject->places == NULL)
        return json_body_no_memory(violations->problem, "bits");
    ret_inject->n_places = n;
    for (size_t i = 0; i < n; i++) {
        json_t *item = json_array_get(list, i);
        char base[VIOLATION_POINTER_LEN];

        (void)snprintf(base, sizeof(base), "/bits/%zu", i);
        if (!json_body_is_object(item, violations, base))
            continue;
        (void)place_body_read(item, net, base, violations,
                              &ret_inject->places[i]); /* a violation is noted */
        json_body_known(item, place_members, base, violations);
    }
    return violations->st == ST_OK ? check_distinct(ret_inject, violations) : ST_OK;
}

static void read_share(const json_t *body, struct violations *violations,
                       struct array_inject *ret_inject)
{
    const json_t *share = json_object_get(body, "share");
    const json_t *seed = json_object_get(body, "seed");

    if (is_given(share))
        ret_inject->has_share =
            json_body_range(share, 0.0, 1.0, violations, "/share", &ret_inject->share);
    if (!is_given(seed))
        return;
    if (!is_given(share))
        violation_add(violations, ST_CONFLICT, "/seed", "goes with a share");
    else
        (void)json_body_integer(seed, 0.0, MAX_SEED, violations, "/seed",
                                &ret_inject->seed); /* likewise */
}

static enum status read_inject(json_t *body, const struct network *net,
                               struct violations *violations,
                               struct array_inject *ret_inject)
{
    const json_t *bits = json_object_get(body, "bits");
    enum status st = ST_OK;

    if (is_given(bits))
        st = read_places(bits, net, violations, ret_inject);
    if (st != ST_OK)
        return st;
    if (!is_given(bits) && !is_given(json_object_get(body, "share")))
        violation_add(violations, ST_FORMAT, "", "expected bits, a share, or both");
    read_share(body, violations, ret_inject);
    json_body_known(body, inject_members, "", violations);
    return violations->st;
}

enum status array_json_parse_inject(const char *json, size_t len,
                                    const struct network *net,
                                    struct array_inject *ret_inject,
                                    struct problem *ret_problem)
{
    struct violations violations = { ret_problem, ST_OK };
    json_t *body = NULL;

    *ret_inject = (struct array_inject) { .seed = DEFAULT_SEED };
    enum status st = json_body_load(json, len, &body, ret_problem);
    if (st != ST_OK)
        return st;
    st = read_inject(body, net, &violations, ret_inject);
    json_decref(body);
    return st;
}
