/* SPDX-License-Identifier: Apache-2.0 */
/* json_members.h - the members of one JSON object, read with json_pull.h, none twice. */
#ifndef API_JSON_MEMBERS_H
#define API_JSON_MEMBERS_H

#include "api/json_pull.h"

/* Of one object; more would make looking for repeated names slow. */
#define JSON_MEMBERS_MAX 64

struct json_members {
    size_t n; /* so far; 0 to begin with */
    struct json_pull_text names[JSON_MEMBERS_MAX];
};

/* To the next member of the object that was opened: true and standing at its value, or
 * false at its end or after an error, which names that repeat are. */
bool json_members_next(struct json_pull *pull, struct json_members *seen,
                       struct json_pull_text *ret_name);

#endif
