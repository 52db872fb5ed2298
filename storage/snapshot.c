/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/snapshot.h"

#include "storage/db_schema.h"
#include "storage/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 2000

static enum status failed(sqlite3 *handle, int rc, const char *path, char why[ERR_LEN])
{
    return file_fail(rc == SQLITE_NOMEM ? ST_NOMEM : ST_IO, path,
                     handle != NULL ? sqlite3_errmsg(handle) : sqlite3_errstr(rc), why);
}

/* Compact, and without a log beside it. Gives an SQLite result code. */
static int vacuum_into(sqlite3 *handle, const char *to)
{
    sqlite3_stmt *vacuum = NULL;
    int rc = sqlite3_busy_timeout(handle, BUSY_MS);

    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(handle, "VACUUM INTO ?1", -1, &vacuum, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(vacuum, 1, to, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK && sqlite3_step(vacuum) != SQLITE_DONE)
        rc = SQLITE_ERROR;
    int last = sqlite3_finalize(vacuum);
    return last != SQLITE_OK ? last : rc;
}

static enum status copy(const char *path, const char *to, char why[ERR_LEN])
{
    sqlite3 *handle = NULL;
    enum status st = ST_OK;
    int rc =
        sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc == SQLITE_OK && !db_schema_is_ours(handle))
        st = file_fail(ST_IO, path, "the database of another program, or broken", why);
    if (rc == SQLITE_OK && st == ST_OK)
        rc = vacuum_into(handle, to);
    if (rc != SQLITE_OK)
        st = failed(handle, rc, path, why);
    (void)sqlite3_close(handle); /* no statement is left open */
    return st;
}

/* Everything of the file on the disk, and readable by its group. */
static enum status settle(const char *path, uint64_t *ret_bytes, char why[ERR_LEN])
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool done =
        fd >= 0 && fchmod(fd, 0640) == 0 && fsync(fd) == 0 && fstat(fd, &info) == 0;
    int error = errno;

    if (fd >= 0)
        (void)close(fd); /* it was synced */
    if (!done)
        return file_fail(ST_IO, path, strerror(error), why);
    *ret_bytes = (uint64_t)info.st_size;
    return ST_OK;
}

enum status snapshot_write(const char *path, const char *to, uint64_t *ret_bytes,
                           char why[ERR_LEN])
{
    char new[4096];
    uint64_t bytes = 0;

    if (access(path, F_OK) != 0 && errno == ENOENT)
        return file_fail(ST_NOT_FOUND, path, strerror(ENOENT), why);
    if ((size_t)snprintf(new, sizeof(new), "%s.new", to) >= sizeof(new))
        return file_fail(ST_IO, to, strerror(ENAMETOOLONG), why);
    (void)unlink(new); /* left by a process that was killed; VACUUM wants none there */
    enum status st = copy(path, new, why);
    if (st == ST_OK)
        st = settle(new, &bytes, why);
    if (st == ST_OK && rename(new, to) != 0)
        st = file_fail(ST_IO, to, strerror(errno), why);
    if (st != ST_OK) {
        (void)unlink(new);
        return st;
    }
    (void)file_sync_folder(
        to); /* an older copy after a power cut is a copy all the same */
    *ret_bytes = bytes;
    return ST_OK;
}
