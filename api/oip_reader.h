/* SPDX-License-Identifier: Apache-2.0 */
/* oip_reader.h - what the readers of Open Inference Protocol bodies share: json_pull.h
 * with the rules of the protocol. Reading ends with the first mistake, which is what is
 * answered. */
#ifndef API_OIP_READER_H
#define API_OIP_READER_H

#include "api/json_members.h"
#include "api/problem.h"

#define OIP_BODY "the body" /* where what belongs to nothing else is */

struct oip_reader {
    struct json_pull pull;
    struct problem *problem; /* borrowed; filled in when `st` is not ST_OK */
    enum status st;
};

/* Ends the reading with a 400, unless it has ended already. */
void oip_refuse(struct oip_reader *r, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same with a 413 and a 503. */
void oip_too_many(struct oip_reader *r, const char *format, ...) PRINTF_LIKE(2, 3);
void oip_no_memory(struct oip_reader *r);
bool oip_going_on(const struct oip_reader *r);
/* Is nothing behind the value that was read? What was wrong with the JSON becomes a 400.
 */
MUST_CHECK enum status oip_end(struct oip_reader *r);

/* Is the next value of this kind? `where` is what it belongs to, for the refusal. */
bool oip_expect(struct oip_reader *r, enum json_pull_kind kind, const char *where);
/* The same of a member of what `where` names. */
bool oip_expect_member(struct oip_reader *r, enum json_pull_kind kind, const char *where,
                       const char *member);
/* Steps over an explicit null, which equals leaving the member out. */
bool oip_is_null(struct oip_reader *r);
void oip_text(struct oip_reader *r, const char *where, const char *member,
              struct json_pull_text *ret_text);
/* Bytes of a text from outside that go into a message. */
int oip_shown(const struct json_pull_text *text);

/* One member of `parameters`. */
struct oip_parameter {
    struct json_pull_text name;
    enum json_pull_kind kind;       /* any but null, which is as good as no member */
    bool boolean;                   /* of JSON_PULL_BOOLEAN */
    struct json_pull_number number; /* of JSON_PULL_NUMBER */
};

typedef void oip_parameter_taker(struct oip_reader *r, const char *where,
                                 const struct oip_parameter *p, void *ctx);
/* Reads the object that comes, the member `parameters` of what `where` names, or null. */
void oip_parameters(struct oip_reader *r, const char *where, oip_parameter_taker *take,
                    void *ctx);
bool oip_parameter_is(const struct oip_parameter *p, const char *name);
/* The value, or a refusal. */
void oip_boolean(struct oip_reader *r, const char *where, const struct oip_parameter *p,
                 bool *ret_value);
bool oip_integer(struct oip_reader *r, const char *where, const struct oip_parameter *p,
                 int64_t least, uint64_t *ret_value);

#endif
