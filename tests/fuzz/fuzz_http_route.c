/* SPDX-License-Identifier: Apache-2.0 */
/* A request target: its path is split and looked up, its query decoded. */
#include "api/http_route.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct http_route routes[] = {
    { "GET", "/", 0, 0, NULL, NULL, NULL },
    { "GET", "/a/{x}", 0, 0, NULL, NULL, NULL },
    { "POST", "/a/{x}/b/{y}", 1, 0, NULL, NULL, NULL },
    { "GET", "/a/list", 0, 0, NULL, NULL, NULL },
};

/* `text` is a copy of ours of exactly this length. */
static void look_up(char *text, size_t len)
{
    struct http_route_table *table = NULL;
    struct http_route_path path;
    struct http_route_match match;
    char allow[HTTP_ROUTE_ALLOW_LEN], why[ERR_LEN];

    if (http_route_table_new(routes, sizeof(routes) / sizeof(routes[0]), &table, why) !=
        ST_OK)
        return;
    if (http_route_split(text, &path) == ST_OK) {
        for (size_t i = 0; i < path.n; i++)
            if (path.segment[i] < text ||
                path.segment[i] + strlen(path.segment[i]) > text + len)
                abort();
        if (http_route_find(table, "POST", &path, &match) == ST_OK)
            for (size_t i = 0; i < match.n_params; i++)
                if (match.param[i][0] == '\0')
                    abort();
        http_route_allow(table, &path, allow);
        if (strlen(allow) < strlen("OPTIONS"))
            abort();
    }
    http_route_table_free(table);
}

static void decode(char *room, size_t len)
{
    size_t n = http_route_decode_query(room);
    const char *at = room;

    for (size_t i = 0; i < 2 * n; i++)
        at += strlen(at) + 1;
    if (at > room + 2 * len + 2)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1);
    char *room = malloc(2 * len + 2);

    if (text != NULL && room != NULL) {
        memcpy(text, bytes, len);
        text[len] = '\0';
        size_t text_len = strlen(text);
        memcpy(room, text, text_len + 1);
        look_up(text, text_len);
        decode(room, len);
    }
    free(room);
    free(text);
    return 0;
}
