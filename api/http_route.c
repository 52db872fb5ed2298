/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http_route.h"

#include "api/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One segment of a pattern; text is NULL where a parameter stands. */
struct piece {
    const char *text; /* borrowed from the route's pattern */
    size_t len;
};

struct row {
    size_t n;
    struct piece piece[HTTP_ROUTE_MAX_SEGMENTS];
};

/* Most rows are told from a path by the length of the last segment alone: a look-up goes
 * along these, which lie side by side. */
struct key {
    uint32_t row;
    uint32_t len; /* 0: a parameter */
};

struct http_route_table {
    const struct http_route *routes; /* borrowed */
    size_t n_routes;
    /* Keys of rows with n segments: first[n] .. first[n + 1], in the order of the table.
     */
    size_t first[HTTP_ROUTE_MAX_SEGMENTS + 2];
    struct key *keys;  /* ours, [n_routes] */
    struct row rows[]; /* [n_routes] */
};

/* -- The table -- */

static enum status compile(const char *pattern, struct row *ret_row)
{
    size_t n_params = 0;

    ret_row->n = 0;
    if (pattern[0] != '/')
        return ST_FORMAT;
    while (*pattern == '/') {
        const char *text = ++pattern;
        size_t len = strcspn(text, "/");
        pattern += len;

        bool param = len >= 2 && text[0] == '{' && text[len - 1] == '}';
        if (!param && strcspn(text, "{}") < len)
            return ST_FORMAT;
        if (ret_row->n == HTTP_ROUTE_MAX_SEGMENTS ||
            (param && ++n_params > HTTP_ROUTE_MAX_PARAMS))
            return ST_FORMAT;
        ret_row->piece[ret_row->n++] =
            (struct piece) { .text = param ? NULL : text, .len = len };
    }
    return ST_OK;
}

static void list_keys(struct http_route_table *table)
{
    size_t at = 0;

    for (size_t n = 0; n <= HTTP_ROUTE_MAX_SEGMENTS; n++) {
        table->first[n] = at;
        for (size_t i = 0; i < table->n_routes; i++) {
            const struct row *row = &table->rows[i];
            const struct piece *last = n > 0 ? &row->piece[n - 1] : NULL;

            if (row->n == n)
                table->keys[at++] =
                    (struct key) { (uint32_t)i, last == NULL || last->text == NULL
                                                    ? 0
                                                    : (uint32_t)last->len };
        }
    }
    table->first[HTTP_ROUTE_MAX_SEGMENTS + 1] = at;
}

enum status http_route_table_new(const struct http_route *routes, size_t n_routes,
                                 struct http_route_table **ret_table, char why[ERR_LEN])
{
    struct http_route_table *table =
        calloc(1, sizeof(*table) + n_routes * sizeof(table->rows[0]));
    struct key *keys = calloc(n_routes + 1, sizeof(*keys));
    if (table == NULL || keys == NULL) {
        free(keys);
        free(table);
        (void)snprintf(why, ERR_LEN, "no memory for %zu routes", n_routes);
        return ST_NOMEM;
    }

    table->routes = routes;
    table->n_routes = n_routes;
    table->keys = keys;
    for (size_t i = 0; i < n_routes; i++) {
        if (compile(routes[i].pattern, &table->rows[i]) != ST_OK) {
            (void)snprintf(why, ERR_LEN, "route pattern is malformed: %s",
                           routes[i].pattern);
            http_route_table_free(table);
            return ST_FORMAT;
        }
    }
    list_keys(table);
    *ret_table = table;
    return ST_OK;
}

void http_route_table_free(struct http_route_table *table)
{
    if (table != NULL)
        free(table->keys);
    free(table);
}

/* -- Paths -- */

/* The byte that "%XX" at text stands for, or -1. */
static int escape_value(const char *text)
{
    int high = hex_digit(text[1]);
    int low = high < 0 ? -1 : hex_digit(text[2]);

    return low < 0 ? -1 : high * 16 + low;
}

/* Decodes up to the next '/' or the end; *at moves there. */
static enum status decode_segment(char **at, size_t *ret_len)
{
    const char *begin = *at;
    char *from = *at, *to = *at;

    for (; *from != '/' && *from != '\0'; to++) {
        if (*from != '%') {
            *to = *from++;
            continue;
        }
        int value = escape_value(from);
        if (value <= 0 || value == '/')
            return ST_FORMAT;
        *to = (char)value;
        from += 3;
    }
    *at = from;
    *ret_len = (size_t)(to - begin);
    if (to != from)
        *to = '\0';
    return ST_OK;
}

enum status http_route_split(char *path, struct http_route_path *ret_path)
{
    char *at = path;
    size_t n = 0;

    while (*at == '/') {
        if (n == HTTP_ROUTE_MAX_SEGMENTS)
            return ST_RANGE;
        *at++ = '\0';
        ret_path->segment[n] = at;
        if (decode_segment(&at, &ret_path->len[n++]) != ST_OK)
            return ST_FORMAT;
    }
    ret_path->n = n;
    return ST_OK;
}

static bool row_fits(const struct row *row, const struct http_route_path *path)
{
    if (row->n != path->n)
        return false;
    /* From the end: patterns differ there more than at their common root. */
    for (size_t i = row->n; i-- > 0;) {
        const struct piece *piece = &row->piece[i];

        if (piece->text == NULL
                ? path->len[i] == 0
                : path->len[i] != piece->len ||
                      memcmp(path->segment[i], piece->text, piece->len) != 0)
            return false;
    }
    return true;
}

static void take_params(const struct row *row, const struct http_route_path *path,
                        struct http_route_match *ret_match)
{
    ret_match->n_params = 0;
    for (size_t i = 0; i < row->n; i++)
        if (row->piece[i].text == NULL)
            ret_match->param[ret_match->n_params++] = path->segment[i];
}

enum status http_route_find(const struct http_route_table *table, const char *method,
                            const struct http_route_path *path,
                            struct http_route_match *ret_match)
{
    enum status st = ST_NOT_FOUND;

    if (strcmp(method, "HEAD") == 0)
        method = "GET";
    size_t last_len = path->n > 0 ? path->len[path->n - 1] : 0;

    for (size_t k = table->first[path->n]; k < table->first[path->n + 1]; k++) {
        size_t i = table->keys[k].row, len = table->keys[k].len;

        if ((len != 0 && len != last_len) || !row_fits(&table->rows[i], path))
            continue;
        if (strcmp(table->routes[i].method, method) != 0) {
            st = ST_UNSUPPORTED;
            continue;
        }
        ret_match->route = i;
        take_params(&table->rows[i], path, ret_match);
        return ST_OK;
    }
    return st;
}

/* Adds `method` unless it is there. */
static void allow_add(char allow[HTTP_ROUTE_ALLOW_LEN], const char *method)
{
    size_t len = strlen(method);

    for (const char *at = strstr(allow, method); at != NULL; at = strstr(at + 1, method))
        if ((at == allow || at[-1] == ' ') && (at[len] == ',' || at[len] == '\0'))
            return;
    size_t used = strlen(allow);
    if (used + len + 3 > HTTP_ROUTE_ALLOW_LEN)
        return;
    (void)snprintf(allow + used, HTTP_ROUTE_ALLOW_LEN - used, "%s%s",
                   used == 0 ? "" : ", ", method);
}

void http_route_allow(const struct http_route_table *table,
                      const struct http_route_path *path,
                      char ret_allow[HTTP_ROUTE_ALLOW_LEN])
{
    ret_allow[0] = '\0';
    for (size_t i = 0; i < table->n_routes; i++) {
        if (path != NULL && !row_fits(&table->rows[i], path))
            continue;
        allow_add(ret_allow, table->routes[i].method);
        if (strcmp(table->routes[i].method, "GET") == 0)
            allow_add(ret_allow, "HEAD");
    }
    allow_add(ret_allow, "OPTIONS");
}

/* -- Queries -- */

/* Decodes len bytes of `from` to `to` and ends them with a zero. */
static char *decode_arg(char *to, const char *from, size_t len)
{
    const char *end = from + len;

    while (from < end) {
        int value = *from == '%' && end - from >= 3 ? escape_value(from) : -1;

        if (value > 0) {
            *to++ = (char)value;
            from += 3;
            continue;
        }
        *to++ = *from == '+' ? ' ' : *from;
        from++;
    }
    *to++ = '\0';
    return to;
}

size_t http_route_decode_query(char *query)
{
    size_t len = strlen(query), n = 0;
    /* An argument without '=' grows by an empty value, so the raw text first moves out of
     * the way, to the end of the room. */
    const char *from = memmove(query + len + 1, query, len + 1);
    char *to = query;

    while (*from != '\0') {
        size_t len_arg = strcspn(from, "&");
        size_t len_name = strcspn(from, "=&");

        if (len_arg != 0) {
            size_t skip = len_name < len_arg ? len_name + 1 : len_name;
            to = decode_arg(to, from, len_name);
            to = decode_arg(to, from + skip, len_arg - skip);
            n++;
        }
        from += len_arg;
        from += *from == '&';
    }
    return n;
}
