/* SPDX-License-Identifier: Apache-2.0 */
/* solve_json.h - the body and answer of POST solve: from a wanted error rate to a write.
 */
#ifndef API_SOLVE_JSON_H
#define API_SOLVE_JSON_H

#include "api/buf.h"
#include "api/problem.h"
#include "core/network.h"
#include "core/solve.h"

#define SOLVE_JSON_MODEL_LEN 65 /* of a network's name, the final zero included */

struct solve_body {
    struct solve_request request; /* target and pulse within their ranges, 300 K if not
                                     given */
    char model[SOLVE_JSON_MODEL_LEN]; /* whose device it is; "": `device` */
    struct device device;             /* ours; the preset "default" if none is given */
};
/* 400 no JSON, 422 every violation, 503 memory. End with solve_body_done, after a failure
 * too. */
MUST_CHECK enum status solve_json_parse(const char *json, size_t len,
                                        struct solve_body *ret_body,
                                        struct problem *ret_problem);
void solve_body_done(struct solve_body *body);

/* `device`: the one that was solved for. */
void solve_json_write(struct buf *buf, const struct device *device,
                      const struct solve_request *request,
                      const struct solve_answer *answer);

#endif
