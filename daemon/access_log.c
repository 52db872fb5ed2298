/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/access_log.h"

#include "daemon/log.h"

#include <inttypes.h>
#include <stdio.h>

/* Whose client left has failed, too. */
static bool has_failed(const struct http_done *done)
{
    return done->status == 0 || done->status >= 400;
}

void access_log(const struct daemon *daemon, const struct http_done *done)
{
    uint64_t sample = daemon->settings.access_log_sample;
    const struct http_call *call = done->call;
    char id[17], peer[HTTP_PEER_LEN], client[PROXIES_CLIENT_LEN];
    struct log_fields line;

    /* Ids count up in each data thread. */
    if (sample == 0 || (!has_failed(done) && http_call_id(call) % sample != 0) ||
        !log_begin(&line, done->status >= 500 ? LOG_WARNING : LOG_INFO, "request"))
        return;
    (void)snprintf(id, sizeof(id), "%016" PRIx64, http_call_id(call));
    http_call_peer(call, peer);
    log_text(&line, "request_id", id);
    log_text(&line, "method", done->method);
    log_text(&line, "route",
             done->route < n_routes ? routes[done->route].pattern : "_other");
    log_number(&line, "status", done->status);
    log_number(&line, "duration_us", done->duration_ns / 1000);
    log_number(&line, "bytes", done->bytes);
    log_text(&line, "peer", peer);
    if (proxies_client(&daemon->proxies, peer, http_call_forwarded(call), client))
        log_text(&line, "client", client);
    log_text(&line, "token", http_call_token(call));
    log_text(&line, "traceparent", http_call_traceparent(call));
    /* Last, because it is what may be long. */
    log_text(&line, "path", http_call_path(call));
    log_end(&line);
}
