/* SPDX-License-Identifier: Apache-2.0 */
/* listen.h - listening sockets from text: HOST:PORT, [IPV6]:PORT, unix:PATH. */
#ifndef DAEMON_LISTEN_H
#define DAEMON_LISTEN_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>

#define LISTEN_MAX 16

struct listen_socket {
    int fd;         /* ours; non-blocking, listening */
    char name[160]; /* as bound, with the port that was given out for port 0 */
    char path[108]; /* of a Unix socket, "" else; unlinked on close */
    bool local;     /* other machines cannot reach it */
};

/* Opens one address. ST_RANGE: not understood; ST_BUSY: in use; ST_IO: anything else.
 * `why` begins with the address; which setting it is of the caller knows. */
MUST_CHECK enum status listen_open(const char *address, struct listen_socket *ret_socket,
                                   char why[ERR_LEN]);
/* Judges an address as listen_open would, without opening it: would other machines reach
 * it? */
MUST_CHECK enum status listen_check(const char *address, bool *ret_local,
                                    char why[ERR_LEN]);
/* A socket that was handed over already listening. */
MUST_CHECK enum status listen_adopt(int fd, struct listen_socket *ret_socket,
                                    char why[ERR_LEN]);
void listen_close(struct listen_socket *socket);

#endif
