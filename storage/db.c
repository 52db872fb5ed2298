/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/db.h"

#include "storage/db_internal.h"
#include "storage/db_schema.h"
#include "storage/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 5000
/* A stop does not hang on somebody who reads. */
#define CLOSE_TIMEOUT_MS 500
/* The most pages that SQLite allows. */
#define NO_PAGE_LIMIT UINT64_C(4294967294)

/* Where SQLite keeps them in the first page, big-endian. */
enum { HEADER_LEN = 100, USER_VERSION_AT = 60, APPLICATION_ID_AT = 68 };

/* -- Errors -- */

/* ST_FORMAT: the file is corrupt. */
static enum status status_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
        return ST_OK;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ST_FORMAT;
    case SQLITE_NOMEM:
        return ST_NOMEM;
    default:
        return ST_IO;
    }
}

enum status db_failed(struct db *db)
{
    int rc = sqlite3_errcode(db->handle);

    /* SQLite knows of no error where we could not even ask it for want of memory. */
    if (rc == SQLITE_OK)
        rc = SQLITE_NOMEM;
    (void)snprintf(db->message, sizeof(db->message), "%s",
                   rc == SQLITE_NOMEM ? sqlite3_errstr(rc) : sqlite3_errmsg(db->handle));
    db->was_full = (rc & 0xff) == SQLITE_FULL;
    db->was_corrupt = db->was_corrupt || status_of(rc) == ST_FORMAT;
    return rc == SQLITE_NOMEM ? ST_NOMEM : ST_IO;
}

bool db_was_full(const struct db *db)
{
    return db->was_full;
}

bool db_was_corrupt(const struct db *db)
{
    return db->was_corrupt;
}

const char *db_message(const struct db *db)
{
    return db->message;
}

/* -- Looking before opening -- */

/* Makes an empty file of our mode, which the side files inherit. */
static enum status create_file(const char *path, bool *ret_created, char why[ERR_LEN])
{
    struct stat info;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);

    if (fd >= 0) {
        (void)close(fd); /* it is empty */
        *ret_created = true;
        return ST_OK;
    }
    if (errno != EEXIST || stat(path, &info) != 0)
        return file_fail(ST_IO, path, strerror(errno), why);
    if (!S_ISREG(info.st_mode))
        return file_fail(ST_IO, path, "not a regular file", why);
    *ret_created = info.st_size == 0;
    return ST_OK;
}

static uint32_t big_endian32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum status too_new(const char *path, uint32_t version, char why[ERR_LEN])
{
    (void)snprintf(why, ERR_LEN, "%.*s: schema version %u; this program knows up to %d",
                   FILE_SHOWN_PATH, path, version, DB_SCHEMA_VERSION);
    return ST_UNSUPPORTED;
}

/* Refuses what is not ours by the file's own header: SQLite would already write to it on
 * opening (WAL recovery). Our identity is in the header from the first commit on, since a
 * new database becomes WAL only afterwards. What has no header is left to SQLite. */
static enum status check_header(const char *path, char why[ERR_LEN])
{
    uint8_t head[HEADER_LEN];
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return file_fail(ST_IO, path, strerror(errno), why);
    ssize_t n = pread(fd, head, sizeof(head), 0);
    (void)close(fd); /* only read from */
    if (n != (ssize_t)sizeof(head) || memcmp(head, "SQLite format 3", 16) != 0)
        return ST_OK;
    uint32_t version = big_endian32(head + USER_VERSION_AT);
    if (big_endian32(head + APPLICATION_ID_AT) != DB_APPLICATION_ID)
        return file_fail(ST_UNSUPPORTED, path, "the database of another program", why);
    return version > DB_SCHEMA_VERSION ? too_new(path, version, why) : ST_OK;
}

/* -- Opening -- */

/* The first column of the first row, "" if there is none. Gives an SQLite result code. */
static int query_text(sqlite3 *handle, const char *sql, char *ret_text, size_t size)
{
    sqlite3_stmt *query = NULL;
    int rc = sqlite3_prepare_v2(handle, sql, -1, &query, NULL);

    if (rc != SQLITE_OK)
        return rc;
    ret_text[0] = '\0';
    if (sqlite3_step(query) == SQLITE_ROW && sqlite3_column_text(query, 0) != NULL)
        (void)snprintf(ret_text, size, "%s", (const char *)sqlite3_column_text(query, 0));
    return sqlite3_finalize(query);
}

static int configure(sqlite3 *handle)
{
    static const char pragmas[] = "PRAGMA synchronous = NORMAL;"
                                  "PRAGMA foreign_keys = ON;"
                                  "PRAGMA temp_store = MEMORY;"
                                  "PRAGMA secure_delete = OFF;"
                                  "PRAGMA journal_size_limit = 67108864;"
                                  "PRAGMA trusted_schema = OFF;";
    int rc = sqlite3_busy_timeout(handle, BUSY_TIMEOUT_MS);

    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* Until the file is known to be good, closing leaves it and its log as they are. */
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(handle, pragmas, NULL, NULL, NULL);
    return rc;
}

/* SQLITE_CORRUPT if the check finds something. */
static int quick_check(sqlite3 *handle)
{
    char found[64];
    int rc = query_text(handle, "PRAGMA quick_check(1)", found, sizeof(found));

    return rc == SQLITE_OK && strcmp(found, "ok") != 0 ? SQLITE_CORRUPT : rc;
}

/* Was it closed? If not, is it whole? Before anything is written to it. */
static int check_clean(sqlite3 *handle, bool *ret_unclean)
{
    char clean[8];
    int rc = query_text(handle, "SELECT value FROM meta WHERE key = 'clean'", clean,
                        sizeof(clean));

    if (rc != SQLITE_OK || strcmp(clean, "1") == 0)
        return rc;
    *ret_unclean = true;
    return quick_check(handle);
}

static enum status failed_open(const char *path, int rc, sqlite3 *handle,
                               char why[ERR_LEN])
{
    bool told = handle != NULL && sqlite3_errcode(handle) != SQLITE_OK;

    return file_fail(status_of(rc), path,
                     told ? sqlite3_errmsg(handle) : sqlite3_errstr(rc), why);
}

/* Brings a file that is sound to our schema and mode. From then on it counts as not
 * closed, and closing it merges its log again. */
static int make_usable(struct db *db, int version, bool *ret_wal)
{
    sqlite3 *handle = db->handle;
    char mode[16] = "";
    int rc = db_schema_migrate(handle, version);

    if (rc == SQLITE_OK)
        rc = query_text(handle, "PRAGMA journal_mode = WAL", mode, sizeof(mode));
    *ret_wal = strcmp(mode, "wal") == 0;
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(handle, "INSERT OR REPLACE INTO meta VALUES ('clean', '0')",
                          NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return rc;
}

/* Takes an open connection to a usable database. ST_FORMAT: corrupt. */
static enum status prepare(struct db *db, const char *path, struct db_opened *opened,
                           char why[ERR_LEN])
{
    char text[16] = "";
    bool wal = true;
    int rc = configure(db->handle);

    if (rc == SQLITE_OK)
        rc = query_text(db->handle, "PRAGMA user_version", text, sizeof(text));
    int version = atoi(text);
    if (rc == SQLITE_OK && version > DB_SCHEMA_VERSION)
        return too_new(path, (uint32_t)version, why);
    /* A writer that died while it made the file leaves nothing, after SQLite's roll-back.
     */
    if (rc == SQLITE_OK && version == 0)
        opened->created = true;
    if (rc == SQLITE_OK && version > 0)
        rc = check_clean(db->handle, &opened->unclean);
    if (rc == SQLITE_OK)
        rc = make_usable(db, version, &wal);
    if (rc == SQLITE_OK && !wal)
        return file_fail(ST_IO, path, "this file system cannot hold a WAL database", why);
    return rc == SQLITE_OK ? ST_OK : failed_open(path, rc, db->handle, why);
}

static const char *const side_endings[DB_SIDES] = { "-wal", "-shm" };

/* The path of a file beside the database; false: too long. */
static bool side_path(const struct db *db, unsigned side, char ret_path[4096])
{
    int n = snprintf(ret_path, 4096, "%s%s", sqlite3_db_filename(db->handle, "main"),
                     side_endings[side]);

    return n >= 0 && n < 4096;
}

/* One that is not there has the number 0, which no file has. */
static void remember_sides(struct db *db)
{
    char path[4096];

    for (unsigned side = 0; side < DB_SIDES; side++)
        if (!side_path(db, side, path) || stat(path, &db->sides[side]) != 0)
            db->sides[side].st_ino = 0;
}

static void free_db(struct db *db)
{
    for (size_t i = 0; i < DB_STATEMENTS; i++)
        (void)sqlite3_finalize(db->statements[i]); /* repeats an error already reported */
    (void)sqlite3_close(db->handle);               /* no statement is left open */
    free(db->context_ids);
    free(db);
}

static enum status open_once(const char *path, struct db **ret_db,
                             struct db_opened *opened, char why[ERR_LEN])
{
    enum status st = create_file(path, &opened->created, why);

    if (st == ST_OK && !opened->created)
        st = check_header(path, why);
    if (st != ST_OK)
        return st;

    struct db *db = calloc(1, sizeof(*db));
    if (db == NULL)
        return file_fail(ST_NOMEM, path, "not enough memory", why);
    int rc = sqlite3_open_v2(
        path, &db->handle,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    st = rc == SQLITE_OK ? prepare(db, path, opened, why)
                         : failed_open(path, rc, db->handle, why);
    if (st != ST_OK) {
        free_db(db);
        return st;
    }
    remember_sides(db);
    *ret_db = db;
    return ST_OK;
}

/* -- Corrupt files -- */

/* Renames PATH and its side files to NEW. */
static enum status rename_all(const char *path, const char *new, char why[ERR_LEN])
{
    static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
    char from[4096], to[4096];

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        int n = snprintf(from, sizeof(from), "%s%s", path, endings[i]);
        int m = snprintf(to, sizeof(to), "%s%s", new, endings[i]);
        if (n < 0 || (size_t)n >= sizeof(from) || m < 0 || (size_t)m >= sizeof(to))
            return file_fail(ST_IO, path, strerror(ENAMETOOLONG), why);
        if (rename(from, to) != 0 && (i == 0 || errno != ENOENT))
            return file_fail(ST_IO, from, strerror(errno), why);
    }
    return ST_OK;
}

static enum status set_aside(const char *path, struct db_opened *opened,
                             char why[ERR_LEN])
{
    char new[FILE_PATH_LEN];

    if (!file_corrupt_name(path, new))
        return file_fail(ST_IO, path, strerror(ENAMETOOLONG), why);
    enum status st = rename_all(path, new, why);
    if (st == ST_OK)
        (void)snprintf(opened->set_aside, sizeof(opened->set_aside), "%.*s", ERR_LEN - 1,
                       new);
    return st;
}

enum status db_open(const char *path, struct db **ret_db, struct db_opened *ret_opened,
                    char why[ERR_LEN])
{
    struct db_opened opened = { .created = false };
    enum status st = open_once(path, ret_db, &opened, why);

    if (st == ST_FORMAT) {
        struct db_opened again = { .created = false };

        st = set_aside(path, &opened, why);
        if (st == ST_OK)
            st = open_once(path, ret_db, &again, why);
        if (st == ST_FORMAT)
            st = ST_IO; /* a file we have just made: the disk is at fault */
    }
    if (st == ST_OK)
        *ret_opened = opened;
    return st;
}

/* -- Use -- */

sqlite3_stmt *db_prepared(struct db *db, enum db_statement which, const char *sql)
{
    sqlite3_stmt **statement = &db->statements[which];

    if (*statement == NULL &&
        sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, statement,
                           NULL) != SQLITE_OK)
        return NULL;
    return *statement;
}

void db_limit_pages(struct db *db, uint64_t n_pages)
{
    char sql[64];

    db->page_limit = n_pages;
    (void)snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %" PRIu64,
                   n_pages == 0 || n_pages > NO_PAGE_LIMIT ? NO_PAGE_LIMIT : n_pages);
    (void)sqlite3_exec(db->handle, sql, NULL, NULL, NULL); /* tests see whether it took */
}

/* Whatever of this fails is made up for by the next opening, which then finds an unclean
 * file or a log. */
static void merge_log(struct db *db)
{
    (void)sqlite3_busy_timeout(db->handle, CLOSE_TIMEOUT_MS);
    (void)sqlite3_exec(db->handle, "UPDATE meta SET value = '1' WHERE key = 'clean'",
                       NULL, NULL, NULL);
    (void)sqlite3_exec(db->handle, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
}

bool db_in_place(const struct db *db)
{
    int moved = 0;

    return sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) !=
               SQLITE_OK ||
           !moved;
}

static void remove_side(const char *path, const struct stat *ours)
{
    struct stat there;

    if (stat(path, &there) == 0 && there.st_ino == ours->st_ino &&
        there.st_dev == ours->st_dev)
        (void)unlink(path); /* SQLite, too, drops the log of a file without a page */
}

void db_abandon(struct db *db)
{
    char paths[DB_SIDES][4096];
    struct stat sides[DB_SIDES];

    if (db == NULL)
        return;
    merge_log(db);
    /* Or closing would look for the log by its name. */
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    memcpy(sides, db->sides, sizeof(sides));
    for (unsigned side = 0; side < DB_SIDES; side++)
        if (!side_path(db, side, paths[side]))
            paths[side][0] = '\0';
    free_db(db);
    for (unsigned side = 0; side < DB_SIDES; side++)
        remove_side(paths[side], &sides[side]);
}

void db_leave(struct db *db)
{
    if (db == NULL)
        return;
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    free_db(db);
}

void db_close(struct db *db)
{
    if (db == NULL)
        return;
    merge_log(db);
    (void)sqlite3_exec(db->handle, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    free_db(db);
}
