/* SPDX-License-Identifier: Apache-2.0 */
/* access.h - may whoever sent this head have what the route gives?
 *
 * Three questions, in this order:
 * host     Without tokens it is the loopback that keeps others out, and a page of theirs
 *          in a browser of ours gets past it by giving its own name our address (DNS
 *          rebinding). What the browser then says is the page's name: only addresses,
 *          localhost and names that were listed are let in, but for what everybody may.
 * origin   A page elsewhere may make a browser POST to us without asking (forms, simple
 *          fetches). Browsers say where such a request comes from; what changes state
 *          must come from our own page, or from no page at all.
 * token    Where there are tokens: is one presented, known, and enough for the route?
 *
 * Pure functions; an access is immutable.
 */
#ifndef API_ACCESS_H
#define API_ACCESS_H

#include "api/token.h"
#include "core/status.h"

#include <stdbool.h>

struct access {
    struct token_list *tokens; /* ours; NULL: nobody is asked who he is */
    bool any_host;             /* the host is not asked for */
    char *hosts; /* ours; names besides, comma-separated, in any case; may be NULL */
};

/* What the head says; NULL where it does not. */
struct access_claim {
    const char *host;          /* Host */
    const char *origin;        /* Origin */
    const char *fetch_site;    /* Sec-Fetch-Site */
    const char *authorization; /* Authorization */
    bool changes;              /* the method is neither GET nor HEAD */
};

enum access_verdict {
    ACCESS_OK,
    ACCESS_HOST,     /* a name that is not ours */
    ACCESS_ORIGIN,   /* a page elsewhere */
    ACCESS_NO_TOKEN, /* none was presented */
    ACCESS_TOKEN,    /* one that is not known */
    ACCESS_SCOPE,    /* one that does not suffice */
};

/* `scope` is what the route needs, 0: no token. *ret_token is whose token it was,
 * borrowed from the access, NULL if nobody was asked; written in every case. */
enum access_verdict access_judge(const struct access *access,
                                 const struct access_claim *claim, unsigned scope,
                                 const struct token **ret_token);

/* Judges a list for access.hosts. ST_RANGE with `why`: the first that is no name as a
 * browser would send it, or bears what is not compared, such as a port. */
MUST_CHECK enum status access_check_hosts(const char *hosts, char why[ERR_LEN]);

/* NULL is fine; `access` was made with malloc. */
void access_free(struct access *access);

#endif
