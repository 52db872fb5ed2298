/* SPDX-License-Identifier: Apache-2.0 */
/* notify.h - tells systemd how we are (sd_notify protocol), and takes its sockets. */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <stdint.h>

/* Sends e.g. "READY=1" to $NOTIFY_SOCKET; does nothing without one. */
void notify_send(const char *state);
/* Half of the interval that the watchdog wants a sign of life in, in ms; 0: no watchdog.
 */
uint64_t notify_watchdog_ms(void);
/* Number of listening sockets handed over, at descriptors 3, 4, ...; 0 if none are ours.
 */
unsigned notify_listen_fds(void);

#endif
