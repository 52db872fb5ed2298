/* SPDX-License-Identifier: Apache-2.0 */
#include "api/oip_logging.h"

#include "api/oip_reader.h"

#define FORMAT "default"

/* A setting that has one value only. */
static void expect_text(struct oip_reader *r, const char *name, const char *wanted)
{
    struct json_pull_text text;

    if (!oip_expect(r, JSON_PULL_STRING, name) || !json_pull_string(&r->pull, &text))
        return;
    if (!json_pull_text_is(&text, wanted))
        oip_refuse(r, "%s: \"%.*s\" is not supported; the log goes to standard error",
                   name, oip_shown(&text), text.text);
}

static void read_flag(struct oip_reader *r, const char *name, bool *ret_flag)
{
    if (oip_expect(r, JSON_PULL_BOOLEAN, name))
        (void)json_pull_boolean(&r->pull, ret_flag); /* the error stays in the reader */
}

static void read_level(struct oip_reader *r, const char *name, uint64_t *ret_level)
{
    struct json_pull_number number;

    if (!oip_expect(r, JSON_PULL_NUMBER, name) || !json_pull_number(&r->pull, &number))
        return;
    if (number.is_integer && number.integer >= 0)
        *ret_level = (uint64_t)number.integer;
    else
        oip_refuse(r, "%s: expected an integer of at least 0", name);
}

static void read_member(struct oip_reader *r, const struct json_pull_text *name,
                        struct oip_logging *logging)
{
    if (json_pull_text_is(name, "log_error"))
        read_flag(r, "log_error", &logging->error);
    else if (json_pull_text_is(name, "log_warning"))
        read_flag(r, "log_warning", &logging->warning);
    else if (json_pull_text_is(name, "log_info"))
        read_flag(r, "log_info", &logging->info);
    else if (json_pull_text_is(name, "log_verbose_level"))
        read_level(r, "log_verbose_level", &logging->verbose_level);
    else if (json_pull_text_is(name, "log_file"))
        expect_text(r, "log_file", "");
    else if (json_pull_text_is(name, "log_format"))
        expect_text(r, "log_format", FORMAT);
    else
        oip_refuse(r, "there is no setting \"%.*s\"", oip_shown(name), name->text);
}

static void check(struct oip_reader *r, const struct oip_logging *logging)
{
    if (!logging->error)
        oip_refuse(r, "log_error: errors are always logged");
    else if (logging->info && !logging->warning)
        oip_refuse(r, "log_info needs log_warning");
    else if (logging->verbose_level > 0 && !logging->info)
        oip_refuse(r, "log_verbose_level needs log_info");
}

enum status oip_logging_parse(const char *body, size_t len, struct oip_logging *logging,
                              struct problem *ret_problem)
{
    struct oip_reader r = { .problem = ret_problem };
    struct oip_logging changed = *logging;
    struct json_members seen;
    struct json_pull_text name;

    seen.n = 0;
    json_pull_init(&r.pull, body, len);
    if (oip_expect(&r, JSON_PULL_OBJECT, OIP_BODY) && json_pull_object(&r.pull))
        while (oip_going_on(&r) && json_members_next(&r.pull, &seen, &name))
            read_member(&r, &name, &changed);
    if (oip_going_on(&r))
        check(&r, &changed);
    enum status st = oip_end(&r);
    if (st == ST_OK)
        *logging = changed;
    return st;
}

static void write_flag(struct buf *buf, const char *name, bool flag)
{
    buf_printf(buf, ",\"%s\":%s", name, flag ? "true" : "false");
}

void oip_logging_write(struct buf *buf, const struct oip_logging *logging)
{
    buf_text(buf, "{\"log_file\":\"\"");
    write_flag(buf, "log_info", logging->info);
    write_flag(buf, "log_warning", logging->warning);
    write_flag(buf, "log_error", logging->error);
    buf_text(buf, ",\"log_verbose_level\":");
    buf_u64(buf, logging->verbose_level);
    buf_text(buf, ",\"log_format\":\"" FORMAT "\"}\n");
}
