/* SPDX-License-Identifier: Apache-2.0 */
/* The setting of trusted proxies, and what anybody may send as X-Forwarded-For: the first
 * line is the setting, the rest the header. What comes out is an address. */
#include "api/proxies.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void expect_address(const struct proxies *proxies, const char *forwarded)
{
    static const char *const peers[] = { "unix", "127.0.0.1", "::1", "" };
    char client[PROXIES_CLIENT_LEN];
    uint8_t address[16];

    for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
        if (proxies_client(proxies, peers[i], forwarded, client) &&
            inet_pton(AF_INET, client, address) != 1 &&
            inet_pton(AF_INET6, client, address) != 1)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct proxies proxies;
    char why[ERR_LEN];
    char *text = malloc(len + 1);

    if (text == NULL)
        return 0;
    memcpy(text, bytes, len);
    text[len] = '\0';
    char *line_end = strchr(text, '\n');
    if (line_end != NULL)
        *line_end = '\0';
    if (proxies_parse(text, &proxies, why) == ST_OK)
        expect_address(&proxies, line_end != NULL ? line_end + 1 : "");
    if (proxies_parse("unix,::/0,0.0.0.0/0", &proxies, why) != ST_OK)
        abort();
    expect_address(&proxies, line_end != NULL ? line_end + 1 : text);
    free(text);
    return 0;
}
