/* SPDX-License-Identifier: Apache-2.0 */
/* json_body.h - a small JSON body as a jansson tree, and words for what is in it.
 *
 * Integers become reals, so that a number too long for 64 bits is a value out of range
 * and not a broken body.
 */
#ifndef API_JSON_BODY_H
#define API_JSON_BODY_H

#include "api/problem.h"
#include "api/violation.h"

#include <jansson.h>

/* The body as an object; repeated names are refused. ST_FORMAT with a 400, ST_NOMEM with
 * a 503 in ret_problem. End with json_decref. */
MUST_CHECK enum status json_body_load(const char *json, size_t len, json_t **ret_object,
                                      struct problem *ret_problem);

/* "a list", "true", ... and of numbers and strings the value, cut short: for messages. */
#define JSON_BODY_SHOWN 48
void json_body_show(const json_t *value, char ret_text[JSON_BODY_SHOWN]);

/* Each adds a violation and returns false if `value` is something else. */
bool json_body_number(const json_t *value, struct violations *violations,
                      const char *pointer, double *ret_number);
/* A number from least to most, ends included; both at most 2^53 in size. */
bool json_body_integer(const json_t *value, double least, double most,
                       struct violations *violations, const char *pointer,
                       uint64_t *ret_integer);

/* A number from least to most, ends included. */
bool json_body_range(const json_t *value, double least, double most,
                     struct violations *violations, const char *pointer,
                     double *ret_number);
bool json_body_flag(const json_t *value, struct violations *violations,
                    const char *pointer, bool *ret_flag);
bool json_body_is_object(const json_t *value, struct violations *violations,
                         const char *pointer);
/* A list of least .. most items; `items` says of what. NULL is a violation too. */
bool json_body_list(const json_t *value, size_t least, size_t most, const char *items,
                    struct violations *violations, const char *pointer);

void json_body_missing(struct violations *violations, const char *base, const char *name);
/* The 503 of an allocation that failed; ST_NOMEM. */
enum status json_body_no_memory(struct problem *problem, const char *for_what);

/* Adds a violation for each member of `object` that is not in `names` (ended by NULL),
 * with the nearest of them. `base`: pointer of the object. */
void json_body_known(json_t *object, const char *const *names, const char *base,
                     struct violations *violations);

#endif
