/* SPDX-License-Identifier: Apache-2.0 */
/* feedback_json.h - true labels that come after the answer.
 *
 * {"feedback":[{"request_id":"16 hex digits","label":7} |
 *              {"request_id":"...","labels":[7,1]}, ...]}, or one such object by itself.
 */
#ifndef API_FEEDBACK_JSON_H
#define API_FEEDBACK_JSON_H

#include "api/buf.h"
#include "api/problem.h"

#define FEEDBACK_MAX 10000

struct feedback {
    uint64_t request_id;
    size_t n_labels;
    uint32_t *labels; /* borrowed from the list */
};
struct feedback_list {
    size_t n;
    struct feedback *items; /* ours */
    uint32_t *labels;       /* ours */
};
MUST_CHECK enum status feedback_json_parse(const char *json, size_t len,
                                           struct feedback_list *ret_list,
                                           struct problem *ret_problem);
void feedback_list_done(struct feedback_list *list);

#endif
