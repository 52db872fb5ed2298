/* SPDX-License-Identifier: Apache-2.0 */
#include "api/access.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 255

/* Letters, digits, and what else stands in names and addresses. */
static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '.' || c == '_';
}

/* Nothing, or a colon and a number. */
static bool is_port(const char *text)
{
    return text[0] == '\0' ||
           (text[0] == ':' && text[1 + strspn(text + 1, "0123456789")] == '\0');
}

/* "Example.org.:8080" without port, brackets and the dot of the root; false: no host. */
static bool host_name(const char *authority, char ret_name[HOST_MAX + 1])
{
    bool bracketed = authority[0] == '[';
    size_t len = 0;

    authority += bracketed;
    while (is_host_char(authority[len]) || (bracketed && authority[len] == ':'))
        len++;
    if ((bracketed && authority[len] != ']') || !is_port(authority + len + bracketed))
        return false;
    if (len > 0 && authority[len - 1] == '.')
        len--;
    if (len == 0 || len > HOST_MAX)
        return false;
    memcpy(ret_name, authority, len);
    ret_name[len] = '\0';
    return true;
}

/* An address is nobody's name: who is asked by it is who was meant. */
static bool is_address(const char *name)
{
    struct in6_addr room;

    return inet_pton(AF_INET, name, &room) == 1 || inet_pton(AF_INET6, name, &room) == 1;
}

/* localhost and what is below it never leave the machine (RFC 6761, 6.3). */
static bool is_localhost(const char *name)
{
    static const char localhost[] = "localhost";
    size_t len = strlen(name), tail = sizeof(localhost) - 1;

    return len >= tail && strcasecmp(name + len - tail, localhost) == 0 &&
           (len == tail || name[len - tail - 1] == '.');
}

static bool is_listed(const char *name, const char *hosts)
{
    size_t len = strlen(name);

    for (const char *at = hosts; at != NULL && *at != '\0';) {
        at += strspn(at, ", ");
        size_t len_listed = strcspn(at, ", ");
        if (len_listed == len && strncasecmp(at, name, len) == 0)
            return true;
        at += len_listed;
    }
    return false;
}

static bool host_is_ours(const struct access *access, const char *host)
{
    char name[HOST_MAX + 1];

    /* Without a Host (HTTP/1.0) it is no browser. */
    if (access->any_host || access->tokens != NULL || host == NULL)
        return true;
    return host_name(host, name) &&
           (is_address(name) || is_localhost(name) || is_listed(name, access->hosts));
}

/* The origin's authority is the host that was asked, or one that was listed (a proxy may
 * have another name towards us). */
static bool origin_is_ours(const struct access *access, const char *origin,
                           const char *host)
{
    const char *authority = strstr(origin, "://");
    char name[HOST_MAX + 1];

    if (authority == NULL) /* "null" */
        return false;
    authority += 3;
    return (host != NULL && strcasecmp(authority, host) == 0) ||
           (host_name(authority, name) && is_listed(name, access->hosts));
}

/* Sec-Fetch-Site is the browser's own comparison, which no proxy confuses; "same-site" is
 * another port of this machine, so another's page. */
static bool page_is_ours(const struct access *access, const struct access_claim *claim)
{
    if (!claim->changes)
        return true;
    if (claim->fetch_site != NULL)
        return strcmp(claim->fetch_site, "same-origin") == 0 ||
               strcmp(claim->fetch_site, "none") == 0;
    return claim->origin == NULL || origin_is_ours(access, claim->origin, claim->host);
}

/* The token of "Bearer TOKEN"; NULL for anything else. */
static const char *bearer(const char *authorization)
{
    static const char scheme[] = "Bearer ";
    size_t len = sizeof(scheme) - 1;

    if (authorization == NULL || strncasecmp(authorization, scheme, len) != 0)
        return NULL;
    return authorization + len + strspn(authorization + len, " ");
}

enum access_verdict access_judge(const struct access *access,
                                 const struct access_claim *claim, unsigned scope,
                                 const struct token **ret_token)
{
    *ret_token = NULL;
    if (scope != 0 && !host_is_ours(access, claim->host))
        return ACCESS_HOST;
    if (!page_is_ours(access, claim))
        return ACCESS_ORIGIN;
    if (access->tokens == NULL || scope == 0)
        return ACCESS_OK;

    const char *text = bearer(claim->authorization);
    if (text == NULL)
        return ACCESS_NO_TOKEN;
    *ret_token = token_list_find(access->tokens, text);
    if (*ret_token == NULL)
        return ACCESS_TOKEN;
    return ((*ret_token)->scopes & scope) != 0 ? ACCESS_OK : ACCESS_SCOPE;
}

enum status access_check_hosts(const char *hosts, char why[ERR_LEN])
{
    char host[HOST_MAX + 2], name[HOST_MAX + 1];

    for (const char *at = hosts + strspn(hosts, ", "); *at != '\0';
         at += strspn(at, ", ")) {
        size_t len = strcspn(at, ", ");

        (void)snprintf(host, sizeof(host), "%.*s", (int)len, at);
        if (!host_name(host, name) || strcmp(host, name) != 0) {
            (void)snprintf(why, ERR_LEN,
                           "\"%.100s\" is no name of a host: expected letters, digits, "
                           "'-', '_' and '.' alone, such as bnn.example",
                           host);
            return ST_RANGE;
        }
        at += len;
    }
    return ST_OK;
}

void access_free(struct access *access)
{
    if (access == NULL)
        return;
    token_list_free(access->tokens);
    free(access->hosts);
    free(access);
}
