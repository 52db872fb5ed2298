/* SPDX-License-Identifier: Apache-2.0 */
/* refusal.h - bodies that must be refused, and what has to be said of them. */
#ifndef TESTS_LIB_REFUSAL_H
#define TESTS_LIB_REFUSAL_H

#include "api/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct refusal {
    const char *body;
    unsigned status;
    const char *pointer; /* of the first violation; NULL: there is none */
    const char *words;   /* in the detail */
};

static inline void expect_refusal(const struct refusal *c, enum status st,
                                  const struct problem *problem)
{
    if (st == ST_OK)
        fail_msg("%s: taken", c->body);
    if (problem->status != c->status || strstr(problem->detail, c->words) == NULL)
        fail_msg("%s: %u \"%s\"", c->body, problem->status, problem->detail);
    if ((problem->n_errors > 0) != (c->pointer != NULL))
        fail_msg("%s: %zu violations", c->body, problem->n_errors);
    if (c->pointer != NULL && strcmp(problem->errors[0].pointer, c->pointer) != 0)
        fail_msg("%s: at %s", c->body, problem->errors[0].pointer);
}

#endif
