/* SPDX-License-Identifier: Apache-2.0 */
/* A body of index, and the same of load and of logging. */
#include "api/oip_logging.h"
#include "api/oip_repository.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(enum status st, const struct problem *problem)
{
    if (st != ST_OK && (problem->status != 400 || problem->detail[0] == '\0'))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct problem problem;
    struct oip_logging logging = { .error = true };
    bool ready;

    check(oip_index_parse((const char *)bytes, len, &ready, &problem), &problem);
    check(oip_load_parse((const char *)bytes, len, &problem), &problem);
    check(oip_logging_parse((const char *)bytes, len, &logging, &problem), &problem);
    if (!logging.error || (logging.info && !logging.warning))
        abort();
    return 0;
}
