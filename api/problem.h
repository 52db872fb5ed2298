/* SPDX-License-Identifier: Apache-2.0 */
/* problem.h - what went wrong with a request, for people and for programs (RFC 9457).
 *
 * Under /v2 the same becomes {"error": detail}, as the Open Inference Protocol wants it.
 */
#ifndef API_PROBLEM_H
#define API_PROBLEM_H

#include "api/buf.h"

#define PROBLEM_MAX_ERRORS 16

struct problem {
    unsigned status;  /* HTTP status, 400..599 */
    const char *code; /* stable machine word, static: "invalid_json" */
    char detail[ERR_LEN];
    size_t n_errors; /* further ones are dropped */
    struct {
        char pointer[64]; /* RFC 6901, "/pulse_ns" */
        char detail[ERR_LEN];
    } errors[PROBLEM_MAX_ERRORS];
    unsigned retry_after_s; /* 0: none */
};

/* Starts a problem. Values from outside that go into a detail are cut short and escaped
 * when written. */
void problem_set(struct problem *problem, unsigned status, const char *code,
                 const char *format, ...) PRINTF_LIKE(4, 5);
/* 503, the same wherever memory is missing. */
void problem_out_of_memory(struct problem *problem);
/* Adds one violation; all violations of a body are reported, not just the first. With the
 * first one added to a problem without detail, the detail becomes the same text. */
void problem_add(struct problem *problem, const char *pointer, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Writes the body; `instance` is the request id. */
void problem_write(const struct problem *problem, const char *instance, bool v2,
                   struct buf *ret_body);

#endif
