/* SPDX-License-Identifier: Apache-2.0 */
/* assemble.h - the parts of a daemon, put together and taken apart again.
 *
 *   assemble_init -> config_new -> catalogue_load -> sockets -> assemble_arrays ->
 * assemble_parts -> serve and back with assemble_free. Threads inherit the caller's
 * signal mask.
 */
#ifndef DAEMON_ASSEMBLE_H
#define DAEMON_ASSEMBLE_H

#include "daemon/daemon.h"

/* A daemon with these settings and nothing else. ST_RANGE: this machine has no kernel of
 * that name. */
MUST_CHECK enum status assemble_init(struct daemon *daemon,
                                     const struct settings *settings, char why[ERR_LEN]);
/* The pools; opens the database and brings the array of each model back, or programs a
 * new one. The
 * state folder and its folder `arrays` are there. */
MUST_CHECK enum status assemble_arrays(struct daemon *daemon, char why[ERR_LEN]);
/* Everything that serves, but for the sockets. */
MUST_CHECK enum status assemble_parts(struct daemon *daemon, char why[ERR_LEN]);
/* Ends the threads, writes what was counted, frees. No connection is left; a half-made
 * daemon is fine. */
void assemble_free(struct daemon *daemon);

#endif
