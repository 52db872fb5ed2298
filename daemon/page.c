/* SPDX-License-Identifier: Apache-2.0 */
/* page.c - the dashboard's files and the API's description, out of the binary. */
#include "api/etag.h"
#include "api/web.h"
#include "daemon/daemon.h"

#include <string.h>

void page_handle(void *ctx, struct http_call *call)
{
    const char *none_match = http_call_header(call, "If-None-Match");

    (void)ctx;
    for (size_t i = 0; i < web_n_files; i++) {
        const struct web_file *file = &web_files[i];

        if (strcmp(file->path, http_call_path(call)) != 0)
            continue;
        const char *const types[] = { file->content_type, NULL };
        if (!http_accepts_or_406(call, types))
            return;
        http_set_header(call, "ETag", file->etag);
        http_set_header(call, "Cache-Control", "no-cache");
        http_set_header(call, "Content-Security-Policy",
                        "default-src 'self'; "
                        "img-src 'self' blob: data:; base-uri 'none'; "
                        "form-action 'none'; frame-ancestors 'none'");
        if (none_match != NULL && etag_matches(none_match, file->etag, true))
            http_reply_static(call, 304, NULL, "", 0);
        else
            http_reply_static(call, 200, file->content_type, file->bytes, file->len);
        return;
    }

    struct problem problem;

    problem_set(&problem, 404, "not_found", "there is nothing at this path");
    http_reply_problem(call, &problem);
}
