/* SPDX-License-Identifier: Apache-2.0 */
#include "api/feedback_json.h"

#include "api/json_body.h"
#include "core/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LABEL ((double)(NETWORK_MAX_CLASSES - 1))

static const char *const item_members[] = { "request_id", "label", "labels", NULL };
static const char *const body_members[] = { "feedback", NULL };

void feedback_list_done(struct feedback_list *list)
{
    free(list->items);
    free(list->labels);
    *list = (struct feedback_list) { 0 };
}

static bool hex_id(const char *text, uint64_t *ret_id)
{
    uint64_t id = 0;

    if (strlen(text) != 16)
        return false;
    for (unsigned i = 0; i < 16; i++) {
        static const char digits[] = "0123456789abcdef";
        char c = text[i];
        if (c >= 'A' && c <= 'F')
            c = (char)(c - 'A' + 'a');
        const char *digit = strchr(digits, c);
        if (digit == NULL)
            return false;
        id = id << 4 | (uint64_t)(digit - digits);
    }
    *ret_id = id;
    return true;
}

static void read_id(const json_t *value, const char *base, struct violations *violations,
                    uint64_t *ret_id)
{
    char pointer[VIOLATION_POINTER_LEN], found[JSON_BODY_SHOWN] = "nothing";

    if (json_is_string(value) && hex_id(json_string_value(value), ret_id))
        return;
    if (value != NULL)
        json_body_show(value, found);
    violation_pointer(pointer, base, "request_id");
    violation_add(violations, ST_FORMAT, pointer,
                  "expected the request_id of an answer, 16 hexadecimal digits, found %s",
                  found);
}

/* Labels that an item names; what is wrong with it is said when it is read. */
static size_t count_labels(const json_t *item)
{
    if (json_object_get(item, "label") != NULL)
        return 1;
    return json_array_size(json_object_get(item, "labels"));
}

static void read_label(const json_t *value, const char *pointer,
                       struct violations *violations, uint32_t *ret_label)
{
    uint64_t label = 0;

    if (json_body_integer(value, 0.0, MAX_LABEL, violations, pointer, &label))
        *ret_label = (uint32_t)label;
}

static void read_labels(const json_t *list, const char *base,
                        struct violations *violations, uint32_t *ret_labels)
{
    char pointer[VIOLATION_POINTER_LEN];

    if (json_array_size(list) == 0) {
        violation_pointer(pointer, base, "labels");
        violation_add(violations, ST_FORMAT, pointer, "expected a list of labels");
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        snprintf(pointer, sizeof(pointer), "%.30s/labels/%zu", base, i);
        read_label(json_array_get(list, i), pointer, violations, &ret_labels[i]);
    }
}

static void read_item(json_t *item, const char *base, struct violations *violations,
                      struct feedback *ret_item)
{
    const json_t *label = json_object_get(item, "label");
    const json_t *labels = json_object_get(item, "labels");
    char pointer[VIOLATION_POINTER_LEN], found[JSON_BODY_SHOWN];

    if (!json_is_object(item)) {
        json_body_show(item, found);
        violation_add(violations, ST_FORMAT, base, "expected an object, found %s", found);
        return;
    }
    read_id(json_object_get(item, "request_id"), base, violations, &ret_item->request_id);
    json_body_known(item, item_members, base, violations);
    if ((label == NULL) == (labels == NULL)) {
        violation_pointer(pointer, base, "label");
        violation_add(violations, ST_FORMAT, pointer,
                      "expected label or labels, found %s",
                      label == NULL ? "neither" : "both");
        return;
    }
    violation_pointer(pointer, base, "label");
    if (label != NULL)
        read_label(label, pointer, violations, ret_item->labels);
    else
        read_labels(labels, base, violations, ret_item->labels);
}

/* Memory for n items and all labels of `list`, or of the one `item` where list is NULL.
 */
static enum status make_room(const json_t *list, const json_t *item, size_t n,
                             struct feedback_list *ret_list)
{
    size_t n_labels = 0;

    for (size_t i = 0; i < n; i++)
        n_labels += count_labels(list == NULL ? item : json_array_get(list, i));
    ret_list->items = calloc(n, sizeof(*ret_list->items));
    ret_list->labels = calloc(n_labels + 1, sizeof(*ret_list->labels));
    return ret_list->items == NULL || ret_list->labels == NULL ? ST_NOMEM : ST_OK;
}

static void read_items(json_t *list, json_t *item, size_t n,
                       struct violations *violations, struct feedback_list *ret_list)
{
    uint32_t *labels = ret_list->labels;

    for (size_t i = 0; i < n; i++) {
        struct feedback *out = &ret_list->items[i];
        char base[VIOLATION_POINTER_LEN] = "";
        json_t *value = list == NULL ? item : json_array_get(list, i);

        if (list != NULL)
            snprintf(base, sizeof(base), "/feedback/%zu", i);
        out->labels = labels;
        out->n_labels = count_labels(value);
        labels += out->n_labels;
        read_item(value, base, violations, out);
    }
    ret_list->n = n;
}

/* How many items the body holds; 0 after a violation. */
static size_t count_items(json_t *body, const json_t *list, struct violations *violations)
{
    char found[JSON_BODY_SHOWN];
    size_t n = json_array_size(list);

    if (list == NULL)
        return 1;
    json_body_known(body, body_members, "", violations);
    if (!json_is_array(list)) {
        json_body_show(list, found);
        violation_add(violations, ST_FORMAT, "/feedback", "expected a list, found %s",
                      found);
        return 0;
    }
    if (n == 0 || n > FEEDBACK_MAX) {
        violation_add(violations, ST_RANGE, "/feedback",
                      "expected 1..%d items, found %zu", FEEDBACK_MAX, n);
        return 0;
    }
    return n;
}

enum status feedback_json_parse(const char *json, size_t len,
                                struct feedback_list *ret_list,
                                struct problem *ret_problem)
{
    struct violations violations = { ret_problem, ST_OK };
    struct feedback_list read = { 0 };
    json_t *body = NULL;

    *ret_list = read;
    enum status st = json_body_load(json, len, &body, ret_problem);
    if (st != ST_OK)
        return st;

    json_t *list = json_object_get(body, "feedback");
    size_t n = count_items(body, list, &violations);
    if (n > 0) {
        st = make_room(list, body, n, &read);
        if (st == ST_OK)
            read_items(list, body, n, &violations, &read);
        else
            problem_out_of_memory(ret_problem);
    }
    json_decref(body);
    if (st == ST_OK)
        st = violations.st;
    if (st != ST_OK) {
        feedback_list_done(&read);
        return st;
    }
    *ret_list = read;
    return ST_OK;
}
