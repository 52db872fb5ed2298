/* SPDX-License-Identifier: Apache-2.0 */
/* The body of PUT device; the answers are device_answer.c. */
#include "api/device_config_json.h"

#include "api/device_body.h"
#include "api/place_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SHARE 0.5

static const char *const body_members[] = { "new_array", DEVICE_BODY_MEMBERS, "defects",
                                            "operating_point", NULL };
/* By enum mram_defect_kind, then the list. */
static const char *const defect_members[] = { "stuck_p", "stuck_ap", "shorted", "cells",
                                              NULL };
static const char *const cell_members[] = { "layer",   "row",  "column",
                                            "partner", "kind", NULL };

static bool is_given(const json_t *value)
{
    return value != NULL && !json_is_null(value);
}

void device_request_done(struct device_request *request)
{
    device_done(&request->device);
    free(request->defects.listed);
    free(request->point_patch);
    *request = (struct device_request) { 0 };
}

/* -- Defects -- */

static void read_kind(const json_t *object, const char *base,
                      struct violations *violations, enum mram_defect_kind *ret_kind)
{
    const json_t *value = json_object_get(object, "kind");
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    char pointer[VIOLATION_POINTER_LEN], found[JSON_BODY_SHOWN];

    if (value == NULL) {
        json_body_missing(violations, base, "kind");
        return;
    }
    for (unsigned kind = 0; kind < MRAM_DEFECT_KINDS; kind++) {
        if (strcmp(text, defect_members[kind]) == 0) {
            *ret_kind = (enum mram_defect_kind)kind;
            return;
        }
    }
    json_body_show(value, found);
    violation_pointer(pointer, base, "kind");
    violation_add(violations, ST_FORMAT, pointer,
                  "expected \"stuck_p\", \"stuck_ap\" or \"shorted\", found %s", found);
}

static void read_cell(json_t *object, const struct network *net, const char *base,
                      struct violations *violations, struct mram_defect *ret_defect)
{
    struct place place = { 0 };
    char pointer[VIOLATION_POINTER_LEN];

    if (!json_body_is_object(object, violations, base))
        return;
    (void)place_body_read(object, net, base, violations, &place); /* noted */
    ret_defect->layer = place.layer;
    ret_defect->row = place.row;
    ret_defect->column = place.column;

    const json_t *partner = json_object_get(object, "partner");
    violation_pointer(pointer, base, "partner");
    if (is_given(partner))
        (void)json_body_flag(partner, violations, pointer, &ret_defect->partner);
    read_kind(object, base, violations, &ret_defect->kind);
    json_body_known(object, cell_members, base, violations);
}

/* A cell has one defect. */
static enum status check_distinct(const struct mram_defects *defects,
                                  struct violations *violations)
{
    struct place_cell *cells = calloc(defects->n_listed, sizeof(*cells));

    if (cells == NULL)
        return json_body_no_memory(violations->problem, "defects");
    for (size_t i = 0; i < defects->n_listed; i++) {
        const struct mram_defect *defect = &defects->listed[i];

        cells[i] = (struct place_cell) {
            .place = { defect->layer, defect->row, defect->column },
            .partner = defect->partner,
            .index = i,
        };
    }
    place_body_distinct(cells, defects->n_listed, "/defects/cells", violations);
    free(cells);
    return ST_OK;
}

static enum status read_cells(const json_t *list, const struct network *net,
                              struct violations *violations,
                              struct mram_defects *ret_defects)
{
    size_t n = json_array_size(list);

    if (!json_body_list(list, 0, MRAM_MAX_LISTED, "cells", violations, "/defects/cells"))
        return ST_OK;
    if (n == 0)
        return ST_OK;
    ret_defects->listed = calloc(n, sizeof(*ret_defects->listed));
    if (ret_defects->listed == NULL)
        return json_body_no_memory(violations->problem, "defects");
    ret_defects->n_listed = n;
    for (size_t i = 0; i < n; i++) {
        char base[VIOLATION_POINTER_LEN];

        (void)snprintf(base, sizeof(base), "/defects/cells/%zu", i);
        read_cell(json_array_get(list, i), net, base, violations,
                  &ret_defects->listed[i]);
    }
    return violations->st == ST_OK ? check_distinct(ret_defects, violations) : ST_OK;
}

static void read_shares(const json_t *object, struct violations *violations,
                        double ret_share[MRAM_DEFECT_KINDS])
{
    double sum = 0.0;

    for (unsigned kind = 0; kind < MRAM_DEFECT_KINDS; kind++) {
        const json_t *value = json_object_get(object, defect_members[kind]);
        char pointer[VIOLATION_POINTER_LEN];

        violation_pointer(pointer, "/defects", defect_members[kind]);
        if (is_given(value))
            (void)json_body_range(value, 0.0, MAX_SHARE, violations, pointer,
                                  &ret_share[kind]);
        sum += ret_share[kind];
    }
    if (sum > MAX_SHARE)
        violation_add(violations, ST_RANGE, "/defects",
                      "the shares add up to %.10g, above %g", sum, MAX_SHARE);
}

static enum status read_defects(json_t *object, const struct network *net,
                                struct violations *violations,
                                struct mram_defects *ret_defects)
{
    if (!json_body_is_object(object, violations, "/defects"))
        return ST_OK;
    read_shares(object, violations, ret_defects->share);
    json_body_known(object, defect_members, "/defects", violations);

    const json_t *cells = json_object_get(object, "cells");
    return is_given(cells) ? read_cells(cells, net, violations, ret_defects) : ST_OK;
}

/* Read when the device is known: see point_json.h. */
static enum status keep_patch(const json_t *patch, struct violations *violations,
                              char **ret_patch)
{
    if (!is_given(patch) || !json_body_is_object(patch, violations, "/operating_point"))
        return ST_OK;
    *ret_patch = json_dumps(patch, JSON_COMPACT);
    return *ret_patch != NULL
               ? ST_OK
               : json_body_no_memory(violations->problem, "operating_point");
}

/* -- All together -- */

static enum status read_request(json_t *body, const struct network *net,
                                struct violations *violations,
                                struct device_request *ret_request)
{
    const json_t *new_array = json_object_get(body, "new_array");
    json_t *defects = json_object_get(body, "defects");
    enum status st = ST_OK;

    if (is_given(new_array))
        (void)json_body_flag(new_array, violations, "/new_array",
                             &ret_request->new_array); /* noted */
    json_body_known(body, body_members, "", violations);
    if (device_body_given(body)) {
        st = device_body_read(body, "", violations, &ret_request->device);
        ret_request->has_device = violations->st == ST_OK;
    } else if (is_given(json_object_get(body, "name"))) {
        violation_add(violations, ST_CONFLICT, "/name",
                      "goes with a preset, parameters or a table_csv");
    }
    if (st == ST_OK && is_given(defects))
        st = read_defects(defects, net, violations, &ret_request->defects);
    if (st == ST_OK)
        st = keep_patch(json_object_get(body, "operating_point"), violations,
                        &ret_request->point_patch);
    return st != ST_OK ? st : violations->st;
}

enum status device_config_parse(const char *json, size_t len, const struct network *net,
                                struct device_request *ret_request,
                                struct problem *ret_problem)
{
    struct violations violations = { ret_problem, ST_OK };
    json_t *body = NULL;

    *ret_request = (struct device_request) { 0 };
    enum status st = json_body_load(json, len, &body, ret_problem);
    if (st != ST_OK)
        return st;
    st = read_request(body, net, &violations, ret_request);
    json_decref(body);
    return st;
}

enum status device_config_parse_csv(const char *text, size_t len, const char *name,
                                    bool new_array, struct device_request *ret_request,
                                    struct problem *ret_problem)
{
    struct violations violations = { ret_problem, ST_OK };

    *ret_request = (struct device_request) { .new_array = new_array };
    enum status st =
        device_body_table(text, len, name, "", &violations, &ret_request->device);
    if (st != ST_OK)
        return st;
    ret_request->has_device = violations.st == ST_OK;
    return violations.st;
}
