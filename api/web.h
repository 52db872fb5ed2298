/* SPDX-License-Identifier: Apache-2.0 */
/* web.h - the dashboard page, what it loads, and openapi.json, embedded in the binary.
 *
 * Constant data for the life of the process; any thread. The page needs nothing from
 * elsewhere: it is meant to be served with
 * `Content-Security-Policy: default-src 'self'; img-src 'self' data:` (the icon is data).
 */
#ifndef API_WEB_H
#define API_WEB_H

#include <stddef.h>
#include <stdint.h>

struct web_file {
    const char *path; /* "/", "/app.js", "/style.css", "/chart.js", "/openapi.json" */
    const char *content_type; /* with charset where it is text */
    const uint8_t *bytes;
    size_t len;
    const char *etag; /* in quotes, from the content's SHA-256 */
};

extern const struct web_file web_files[];
extern const size_t web_n_files;

#endif
