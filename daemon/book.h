/* SPDX-License-Identifier: Apache-2.0 */
/* book.h - the book of versions (storage/version_book.h) in the state folder.
 *
 * One that is broken is set aside, and a new one begun with what the saved arrays tell:
 * their names have the version, and they say whose they are. The files of networks that
 * were sent tell theirs when they are read (catalogue.h).
 *
 * The programming thread's alone, but at the start.
 */
#ifndef DAEMON_BOOK_H
#define DAEMON_BOOK_H

#include "daemon/daemon.h"

/* Makes daemon->versions. ST_IO, ST_NOMEM; `why` begins with the file. */
MUST_CHECK enum status book_open(struct daemon *daemon, char why[ERR_LEN]);
MUST_CHECK enum status book_save(struct daemon *daemon, char why[ERR_LEN]);
/* Where a restart can do without: it would number the same networks alike. */
void book_save_if_possible(struct daemon *daemon);

#endif
