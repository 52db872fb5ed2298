/* SPDX-License-Identifier: Apache-2.0 */
/* violation.h - what is wrong with the values of a body, collected into one 422. */
#ifndef API_VIOLATION_H
#define API_VIOLATION_H

#include "api/problem.h"

struct violations {
    struct problem *problem; /* borrowed */
    enum status st;          /* of the first one, ST_OK while there is none */
};

/* Adds one. The first starts the problem: its pointer and text become the detail. */
void violation_add(struct violations *violations, enum status st, const char *pointer,
                   const char *format, ...) PRINTF_LIKE(4, 5);

/* Size of a pointer, the final zero included. */
#define VIOLATION_POINTER_LEN 64

/* `base` followed by "/" and `name` with ~ and / escaped (RFC 6901); cut to fit. */
void violation_pointer(char ret_pointer[VIOLATION_POINTER_LEN], const char *base,
                       const char *name);

#endif
