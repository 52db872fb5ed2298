/* SPDX-License-Identifier: Apache-2.0 */
/* oip_logging.h - bodies of the logging extension of the Open Inference Protocol. */
#ifndef API_OIP_LOGGING_H
#define API_OIP_LOGGING_H

#include "api/buf.h"
#include "api/problem.h"

/* What is logged. Each kind of line is only there with those before it. */
struct oip_logging {
    bool error, warning, info;
    uint64_t verbose_level; /* above 0: details too */
};

/* Changes what the body states of `logging`. ST_FORMAT with a 400: nothing has changed.
 */
MUST_CHECK enum status oip_logging_parse(const char *body, size_t len,
                                         struct oip_logging *logging,
                                         struct problem *ret_problem);
void oip_logging_write(struct buf *buf, const struct oip_logging *logging);

#endif
