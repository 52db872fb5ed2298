/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_members.h"

bool json_members_next(struct json_pull *pull, struct json_members *seen,
                       struct json_pull_text *ret_name)
{
    if (!json_pull_member(pull, seen->n == 0, ret_name))
        return false;
    for (size_t i = 0; i < seen->n; i++) {
        if (json_pull_text_same(&seen->names[i], ret_name)) {
            json_pull_fail(pull, ret_name->text, "a member name for the second time");
            return false;
        }
    }
    if (seen->n == JSON_MEMBERS_MAX) {
        json_pull_fail(pull, ret_name->text, "more than 64 members in one object");
        return false;
    }
    seen->names[seen->n++] = *ret_name;
    return true;
}
