/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/body.h"

#include <stdio.h>

void body_init(struct body *body)
{
    body->json = json_object();
    body->failed = body->json == NULL;
}

void body_done(struct body *body)
{
    json_decref(body->json);
    *body = (struct body) { 0 };
}

void body_put(struct body *body, const char *name, json_t *value)
{
    /* json_object_set_new takes the value whether or not it succeeds. */
    if (json_object_set_new(body->json, name, value) != 0)
        body->failed = true;
}

void body_put_number(struct body *body, const char *name,
                     const struct option_value *value)
{
    if (value->given)
        body_put(body, name, json_real(value->number));
}

void body_put_text(struct body *body, const char *name, const struct option_value *value)
{
    if (value->given)
        body_put(body, name, json_string(value->text));
}

enum status body_text(const struct body *body, char **ret_text, char why[ERR_LEN])
{
    /* 15 digits: a number goes out as it was typed, 0.05 and not 0.050000000000000003. */
    char *text = body->failed
                     ? NULL
                     : json_dumps(body->json, JSON_COMPACT | JSON_REAL_PRECISION(15));

    if (text == NULL) {
        snprintf(why, ERR_LEN, "out of memory, or a text that is no UTF-8");
        return ST_NOMEM;
    }
    *ret_text = text;
    return ST_OK;
}
