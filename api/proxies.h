/* SPDX-License-Identifier: Apache-2.0 */
/* proxies.h - whose word on X-Forwarded-For is taken.
 *
 * Each proxy appends the address it was asked from, so only the right end of the list is
 * worth something, and only as far as those who appended are ours: the rest is what a
 * client likes to say of itself.
 */
#ifndef API_PROXIES_H
#define API_PROXIES_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROXIES_MAX 32
/* The longest address as text, with its zero. */
#define PROXIES_CLIENT_LEN 46

struct proxies {
    struct {
        uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
        unsigned n_bits;     /* that count, 0..128 */
    } nets[PROXIES_MAX];
    size_t n_nets;
    bool local; /* whoever comes over a Unix socket */
};

/* Reads a comma-separated list of addresses, ADDRESS/BITS, and "unix"; "" is nobody.
 * ST_RANGE with `why`. */
MUST_CHECK enum status proxies_parse(const char *text, struct proxies *ret_proxies,
                                     char why[ERR_LEN]);
/* The client of a request that came from `peer` (an address, or "unix") with the list
 * `forwarded`: the last address that none of ours has. False if that is the peer, who
 * then is the client, or if whoever appended last before it said no address. */
bool proxies_client(const struct proxies *proxies, const char *peer,
                    const char *forwarded, char ret_client[PROXIES_CLIENT_LEN]);

#endif
