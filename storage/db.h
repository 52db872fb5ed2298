/* SPDX-License-Identifier: Apache-2.0 */
/* db.h - the SQLite database: opening, schema, closing. Tables in storage/README.md.
 *
 * One connection writes (metrics.h), by one thread; history.h reads on a connection of
 * its own. WAL, synchronous NORMAL: after kill -9 committed transactions are there, after
 * a power cut the last second may be missing, and the file is never corrupt.
 */
#ifndef STORAGE_DB_H
#define STORAGE_DB_H

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

#define DB_SCHEMA_VERSION 7

struct db;

/* What opening found. */
struct db_opened {
    bool created;            /* there was no file, or an empty one */
    bool unclean;            /* the last writer did not close it; it was checked */
    char set_aside[ERR_LEN]; /* "" or the new name (cut if long) of a corrupt file */
};

/* Opens or creates (mode 0640). A corrupt file is renamed to PATH.corrupt-TIME, its -wal
 * and -shm with it, and a new one begun. ST_IO with `why`; ST_NOMEM; ST_UNSUPPORTED: the
 * file's schema is newer than ours, or it is another program's database (it is left
 * alone). */
MUST_CHECK enum status db_open(const char *path, struct db **ret_db,
                               struct db_opened *ret_opened, char why[ERR_LEN]);
/* Checkpoints and leaves one plain file that a reader without write permission can open.
 * Close our own readers (history.h) first: while anybody reads, the file stays in WAL
 * mode. Takes NULL. */
void db_close(struct db *db);
/* Is the file still at its path? False: it was deleted, moved away or replaced, and what
 * is written goes where nobody finds it. A look at the folder, no more. */
bool db_in_place(const struct db *db);
/* Closes such a file. One that was moved away is whole then; what is left of its own
 * beside the path goes, so that it is not taken for another file's. Takes NULL. */
void db_abandon(struct db *db);
/* Why the last call on `db` failed. Borrowed until the next call. */
const char *db_message(const struct db *db);
/* Upper limit of the file, in pages (DB_PAGE bytes each of a file that we made); 0: none.
 * Beyond it writing fails as on a full disk. A file that is larger already stays. */
#define DB_PAGE 4096
void db_limit_pages(struct db *db, uint64_t n_pages);
/* Did the last call on `db` that failed do so for want of room, on the disk or under that
 * limit? */
bool db_was_full(const struct db *db);
/* Did any call on `db` find that the file is corrupt? */
bool db_was_corrupt(const struct db *db);
/* Lets such a file go as a crash would: whoever opens it next checks it. Takes NULL. */
void db_leave(struct db *db);

#endif
