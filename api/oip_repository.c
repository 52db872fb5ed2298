/* SPDX-License-Identifier: Apache-2.0 */
#include "api/oip_repository.h"

#include "api/oip_reader.h"

#include <string.h>

typedef void member_reader(struct oip_reader *r, const struct json_pull_text *name,
                           void *ctx);

/* Gives each member of the object to `read`, which takes its value. */
static enum status read_object(const char *body, size_t len, member_reader *read,
                               void *ctx, struct problem *ret_problem)
{
    struct oip_reader r = { .problem = ret_problem };
    struct json_members seen;
    struct json_pull_text name;

    seen.n = 0;
    if (len == 0)
        return ST_OK;
    json_pull_init(&r.pull, body, len);
    if (oip_expect(&r, JSON_PULL_OBJECT, OIP_BODY) && json_pull_object(&r.pull))
        while (oip_going_on(&r) && json_members_next(&r.pull, &seen, &name))
            read(&r, &name, ctx);
    return oip_end(&r);
}

/* -- index -- */

static void read_index_member(struct oip_reader *r, const struct json_pull_text *name,
                              void *ctx)
{
    if (!json_pull_text_is(name, "ready"))
        (void)json_pull_skip(&r->pull); /* the error stays in the reader */
    else if (!oip_is_null(r) && oip_expect(r, JSON_PULL_BOOLEAN, "ready"))
        (void)json_pull_boolean(&r->pull, ctx); /* likewise */
}

enum status oip_index_parse(const char *body, size_t len, bool *ret_ready,
                            struct problem *ret_problem)
{
    *ret_ready = false;
    return read_object(body, len, read_index_member, ret_ready, ret_problem);
}

void oip_index_write(struct buf *buf, const char *name, uint32_t version,
                     const char *state, const char *reason)
{
    buf_text(buf, "{\"name\":");
    buf_json_string(buf, name);
    buf_text(buf, ",\"version\":\"");
    buf_u64(buf, version);
    buf_text(buf, "\",\"state\":\"");
    buf_text(buf, state);
    buf_text(buf, "\",\"reason\":");
    buf_json_string(buf, reason);
    buf_char(buf, '}');
}

/* -- load and unload -- */

static void take_load_parameter(struct oip_reader *r, const char *where,
                                const struct oip_parameter *p, void *ctx)
{
    static const char file[] = "file:";

    (void)ctx;
    if (oip_parameter_is(p, "config") ||
        (p->name.len >= sizeof(file) - 1 &&
         memcmp(p->name.text, file, sizeof(file) - 1) == 0))
        oip_refuse(r,
                   "%s: parameter \"%.*s\" is not supported; PUT /api/v1/models/{name} "
                   "takes a model",
                   where, oip_shown(&p->name), p->name.text);
}

static void read_load_member(struct oip_reader *r, const struct json_pull_text *name,
                             void *ctx)
{
    if (json_pull_text_is(name, "parameters"))
        oip_parameters(r, OIP_BODY, take_load_parameter, ctx);
    else
        (void)json_pull_skip(&r->pull); /* the error stays in the reader */
}

enum status oip_load_parse(const char *body, size_t len, struct problem *ret_problem)
{
    return read_object(body, len, read_load_member, NULL, ret_problem);
}
