/* SPDX-License-Identifier: Apache-2.0 */
#include "api/proxies.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

/* An address of either family without anything around it; its bits in its own family. */
static bool read_address(const char *text, uint8_t ret_address[16], unsigned *ret_n_bits)
{
    if (inet_pton(AF_INET, text, ret_address + 12) == 1) {
        memcpy(ret_address, mapped, sizeof(mapped));
        *ret_n_bits = 32;
        return true;
    }
    *ret_n_bits = 128;
    return inet_pton(AF_INET6, text, ret_address) == 1;
}

/* Without leading and trailing blanks; false if it does not fit. */
static bool trim(const char *text, size_t len, char *ret_text, size_t size)
{
    while (len > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        len--;
    }
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    if (len >= size)
        return false;
    memcpy(ret_text, text, len);
    ret_text[len] = '\0';
    return true;
}

/* -- Whose word is taken -- */

/* One or two or three digits, at most `most`. */
static bool read_bits(const char *text, unsigned most, unsigned *ret_bits)
{
    size_t len = strspn(text, "0123456789");

    if (len == 0 || len > 3 || text[len] != '\0')
        return false;
    *ret_bits = (unsigned)strtoul(text, NULL, 10);
    return *ret_bits <= most;
}

static bool read_net(char *text, struct proxies *proxies)
{
    char *slash = strchr(text, '/');
    unsigned most, bits;
    size_t n = proxies->n_nets;

    if (strcmp(text, "unix") == 0) {
        proxies->local = true;
        return true;
    }
    if (slash != NULL)
        *slash = '\0';
    if (n == PROXIES_MAX || !read_address(text, proxies->nets[n].address, &most))
        return false;
    bits = most;
    if (slash != NULL && !read_bits(slash + 1, most, &bits))
        return false;
    proxies->nets[n].n_bits = bits + (128 - most);
    proxies->n_nets++;
    return true;
}

enum status proxies_parse(const char *text, struct proxies *ret_proxies,
                          char why[ERR_LEN])
{
    struct proxies proxies = { .n_nets = 0 };
    char one[PROXIES_CLIENT_LEN + 4];

    while (*text != '\0') {
        size_t len = strcspn(text, ",");

        if (!trim(text, len, one, sizeof(one)) || !read_net(one, &proxies)) {
            (void)snprintf(why, ERR_LEN,
                           "trusted_proxies: \"%.*s\": expected an address, ADDRESS/BITS "
                           "or unix, up to %d of them",
                           len < 60 ? (int)len : 60, text, PROXIES_MAX);
            return ST_RANGE;
        }
        text += len + (text[len] == ',');
    }
    *ret_proxies = proxies;
    return ST_OK;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned n_bits)
{
    unsigned whole = n_bits / 8, rest = n_bits % 8;
    uint8_t mask = (uint8_t)(0xff00u >> rest);

    return memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

static bool is_trusted(const struct proxies *proxies, const char *client)
{
    uint8_t address[16];
    unsigned n_bits;

    if (strcmp(client, "unix") == 0)
        return proxies->local;
    if (!read_address(client, address, &n_bits))
        return false;
    for (size_t i = 0; i < proxies->n_nets; i++)
        if (same_bits(address, proxies->nets[i].address, proxies->nets[i].n_bits))
            return true;
    return false;
}

/* -- Who asks -- */

/* As proxies write it: an address, IPV4:PORT, [IPV6] or [IPV6]:PORT. Written anew, so
 * that what is logged is an address and nothing else. */
static bool read_client(const char *text, size_t len, char ret_client[PROXIES_CLIENT_LEN])
{
    char one[PROXIES_CLIENT_LEN + 8]; /* brackets and a port */
    char *begin = one, *colon;
    uint8_t address[16];
    unsigned n_bits;

    if (!trim(text, len, one, sizeof(one)))
        return false;
    if (one[0] == '[') {
        begin = one + 1;
        begin[strcspn(begin, "]")] = '\0';
    } else if ((colon = strchr(one, ':')) != NULL && strchr(colon + 1, ':') == NULL) {
        *colon = '\0';
    }
    if (!read_address(begin, address, &n_bits))
        return false;
    return inet_ntop(n_bits == 32 ? AF_INET : AF_INET6,
                     n_bits == 32 ? address + 12 : address, ret_client,
                     PROXIES_CLIENT_LEN) != NULL;
}

bool proxies_client(const struct proxies *proxies, const char *peer,
                    const char *forwarded, char ret_client[PROXIES_CLIENT_LEN])
{
    size_t end = strlen(forwarded);
    const char *client = peer;
    bool found = false;

    while (end > 0 && is_trusted(proxies, client)) {
        size_t begin = end;

        while (begin > 0 && forwarded[begin - 1] != ',')
            begin--;
        char before[PROXIES_CLIENT_LEN];
        if (!read_client(forwarded + begin, end - begin, before))
            return found;
        strcpy(ret_client, before);
        client = ret_client;
        found = true;
        end = begin > 0 ? begin - 1 : 0;
    }
    return found;
}
