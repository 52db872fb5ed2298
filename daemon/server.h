/* SPDX-License-Identifier: Apache-2.0 */
/* server.h - the main thread: listening sockets, signals, timers, the drain.
 *
 *   running    accept, hand connections to the data threads
 *   draining   after TERM or INT: readiness says no, every answer closes its
 *              connection; still accepting for drain_delay_s
 *   closing    listeners closed, idle connections shut; requests in flight end
 *   stopped    no connection left
 * A second signal, or drain_timeout_s, shuts the connections that are left.
 */
#ifndef DAEMON_SERVER_H
#define DAEMON_SERVER_H

#include "daemon/daemon.h"

struct server;

/* Opens the sockets of settings.listen, or takes those that systemd handed over, and
 * those of settings.admin_listen; the daemon has its config. ST_BUSY: an address is in
 * use; ST_RANGE: an address that cannot be understood; ST_IO.
 */
MUST_CHECK enum status server_new(struct daemon *daemon, struct server **ret_server,
                                  char why[ERR_LEN]);
/* Judges the addresses of both without opening anything. */
MUST_CHECK enum status server_check(struct config *config,
                                    const struct settings *settings, char why[ERR_LEN]);
/* The i-th address as bound, with the port that was given out for port 0; NULL: there are
 * not so many. */
const char *server_address(const struct server *server, size_t i);
/* Serves until stopped by a signal. Signals must be unblocked in this thread alone. */
MUST_CHECK enum status server_run(struct server *server);
void server_free(struct server *server);

#endif
