/* SPDX-License-Identifier: Apache-2.0 */
/* A body of feedback: labels of every item lie within the list. */
#include "api/feedback_json.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct feedback_list list;
    struct problem problem;

    if (feedback_json_parse((const char *)bytes, len, &list, &problem) != ST_OK) {
        if (list.items != NULL || problem.status < 400 || problem.detail[0] == '\0')
            abort();
        return 0;
    }
    if (list.n == 0 || list.n > FEEDBACK_MAX)
        abort();
    for (size_t i = 0; i < list.n; i++) {
        for (size_t k = 0; k < list.items[i].n_labels; k++) {
            if (list.items[i].labels[k] > 65535)
                abort();
        }
    }
    feedback_list_done(&list);
    return 0;
}
