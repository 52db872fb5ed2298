/* SPDX-License-Identifier: Apache-2.0 */
#include "api/oip_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void PRINTF_LIKE(4, 0) end_with(struct oip_reader *r, unsigned status,
                                       const char *code, const char *format, va_list args)
{
    char text[ERR_LEN];

    if (r->st != ST_OK)
        return;
    (void)vsnprintf(text, sizeof(text), format, args);
    r->st = status == 413 ? ST_RANGE : ST_FORMAT;
    problem_set(r->problem, status, code, "%s", text);
}

void oip_refuse(struct oip_reader *r, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    end_with(r, 400, "invalid_request", format, args);
    va_end(args);
}

void oip_too_many(struct oip_reader *r, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    end_with(r, 413, "too_many_images", format, args);
    va_end(args);
}

void oip_no_memory(struct oip_reader *r)
{
    if (r->st != ST_OK)
        return;
    r->st = ST_NOMEM;
    problem_out_of_memory(r->problem);
}

bool oip_going_on(const struct oip_reader *r)
{
    return r->st == ST_OK && r->pull.error == NULL;
}

enum status oip_end(struct oip_reader *r)
{
    if (r->st == ST_OK && !json_pull_end(&r->pull))
        oip_refuse(r, "invalid JSON at byte %zu: %s", json_pull_offset(&r->pull),
                   r->pull.error);
    return r->st;
}

bool oip_expect(struct oip_reader *r, enum json_pull_kind kind, const char *where)
{
    return oip_expect_member(r, kind, where, "");
}

bool oip_expect_member(struct oip_reader *r, enum json_pull_kind kind, const char *where,
                       const char *member)
{
    enum json_pull_kind found = json_pull_peek(&r->pull);

    if (found == kind)
        return true;
    if (found != JSON_PULL_BROKEN)
        oip_refuse(r, "%s%s%s: expected %s, found %s", where,
                   member[0] != '\0' ? ": " : "", member, json_pull_kind_name(kind),
                   json_pull_kind_name(found));
    return false;
}

bool oip_is_null(struct oip_reader *r)
{
    return json_pull_peek(&r->pull) == JSON_PULL_NULL && json_pull_skip(&r->pull);
}

void oip_text(struct oip_reader *r, const char *where, const char *member,
              struct json_pull_text *ret)
{
    if (oip_expect_member(r, JSON_PULL_STRING, where, member))
        (void)json_pull_string(&r->pull, ret); /* the error stays in the reader */
}

int oip_shown(const struct json_pull_text *text)
{
    return text->len < 60 ? (int)text->len : 60;
}

/* Is there a value? Null is none: clients that write down their whole objects send it for
 * what was not given, and objects for what is their server's own. */
static bool read_parameter(struct oip_reader *r, struct oip_parameter *p)
{
    struct json_pull_text text;

    p->kind = json_pull_peek(&r->pull);
    switch (p->kind) {
    case JSON_PULL_STRING:
        return json_pull_string(&r->pull, &text);
    case JSON_PULL_NUMBER:
        return json_pull_number(&r->pull, &p->number);
    case JSON_PULL_BOOLEAN:
        return json_pull_boolean(&r->pull, &p->boolean);
    case JSON_PULL_OBJECT:
    case JSON_PULL_LIST:
        return json_pull_skip(&r->pull);
    case JSON_PULL_NULL:
        (void)json_pull_skip(&r->pull); /* the error stays in the reader */
        break;
    case JSON_PULL_BROKEN:
        break;
    }
    return false;
}

bool oip_parameter_is(const struct oip_parameter *p, const char *name)
{
    return json_pull_text_is(&p->name, name);
}

void oip_boolean(struct oip_reader *r, const char *where, const struct oip_parameter *p,
                 bool *ret)
{
    if (p->kind == JSON_PULL_BOOLEAN)
        *ret = p->boolean;
    else
        oip_refuse(r, "%s: parameter \"%.*s\": expected true or false, found %s", where,
                   oip_shown(&p->name), p->name.text, json_pull_kind_name(p->kind));
}

bool oip_integer(struct oip_reader *r, const char *where, const struct oip_parameter *p,
                 int64_t least, uint64_t *ret)
{
    if (p->kind == JSON_PULL_NUMBER && p->number.is_integer &&
        p->number.integer >= least) {
        *ret = (uint64_t)p->number.integer;
        return true;
    }
    bool is_number = p->kind == JSON_PULL_NUMBER;
    const char *found = is_number ? p->number.text : json_pull_kind_name(p->kind);
    size_t len = is_number ? p->number.len : strlen(found);
    oip_refuse(r, "%s: parameter \"%.*s\": expected an integer %d..2^53-1, found %.*s",
               where, oip_shown(&p->name), p->name.text, (int)least,
               len < 24 ? (int)len : 24, found);
    return false;
}

void oip_parameters(struct oip_reader *r, const char *where, oip_parameter_taker *take,
                    void *ctx)
{
    struct json_members seen;
    struct oip_parameter p;

    seen.n = 0;
    if (oip_is_null(r) || !oip_expect_member(r, JSON_PULL_OBJECT, where, "parameters") ||
        !json_pull_object(&r->pull))
        return;
    while (oip_going_on(r) && json_members_next(&r->pull, &seen, &p.name))
        if (read_parameter(r, &p))
            take(r, where, &p, ctx);
}
