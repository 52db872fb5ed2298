/* SPDX-License-Identifier: Apache-2.0 */
/* body.h - the JSON body of a request, put together member by member.
 *
 * A failed allocation is kept and told at the end.
 */
#ifndef CLI_BODY_H
#define CLI_BODY_H

#include "cli/options.h"

#include <jansson.h>

struct body {
    json_t *json; /* ours; an object, NULL if there was no memory for it */
    bool failed;
};

void body_init(struct body *body);
void body_done(struct body *body);
/* Takes `value`; NULL is a failed allocation. */
void body_put(struct body *body, const char *name, json_t *value);
/* Nothing where the option was not given. */
void body_put_number(struct body *body, const char *name,
                     const struct option_value *value);
void body_put_text(struct body *body, const char *name, const struct option_value *value);
/* The text; free it with free(). ST_NOMEM with `why`. */
MUST_CHECK enum status body_text(const struct body *body, char **ret_text,
                                 char why[ERR_LEN]);

#endif
