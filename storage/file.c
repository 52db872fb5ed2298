/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum status file_fail(enum status st, const char *path, const char *reason,
                      char why[ERR_LEN])
{
    (void)snprintf(why, ERR_LEN, "%.*s: %s", FILE_SHOWN_PATH, path, reason);
    return st;
}

void file_prefix(const char *path, char why[ERR_LEN])
{
    char reason[ERR_LEN];

    memcpy(reason, why, ERR_LEN);
    reason[ERR_LEN - 1] = '\0';
    (void)file_fail(ST_OK, path, reason, why);
}

static enum status read_all(int fd, const char *path, uint8_t *bytes, size_t len,
                            char why[ERR_LEN])
{
    size_t at = 0;

    while (at < len) {
        ssize_t n = read(fd, bytes + at, len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_fail(ST_IO, path, strerror(errno), why);
        if (n == 0)
            return file_fail(ST_IO, path, "became shorter while it was read", why);
        at += (size_t)n;
    }
    return ST_OK;
}

static enum status read_open(int fd, const char *path, size_t max, uint8_t **ret_bytes,
                             size_t *ret_len, char why[ERR_LEN])
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return file_fail(ST_IO, path, strerror(errno), why);
    if (!S_ISREG(info.st_mode))
        return file_fail(ST_IO, path, "not a regular file", why);
    if ((uint64_t)info.st_size > max) {
        (void)snprintf(why, ERR_LEN, "%.*s: %lld bytes; the limit is %zu",
                       FILE_SHOWN_PATH, path, (long long)info.st_size, max);
        return ST_FORMAT;
    }

    size_t len = (size_t)info.st_size;
    uint8_t *bytes = malloc(len == 0 ? 1 : len);
    if (bytes == NULL)
        return file_fail(ST_NOMEM, path, "not enough memory", why);
    enum status st = read_all(fd, path, bytes, len, why);
    if (st != ST_OK) {
        free(bytes);
        return st;
    }
    *ret_bytes = bytes;
    *ret_len = len;
    return ST_OK;
}

enum status file_read(const char *path, size_t max, uint8_t **ret_bytes, size_t *ret_len,
                      char why[ERR_LEN])
{
    /* Not blocking: opening a pipe for reading would wait for its writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return file_fail(errno == ENOENT ? ST_NOT_FOUND : ST_IO, path, strerror(errno),
                         why);
    enum status st = read_open(fd, path, max, ret_bytes, ret_len, why);
    (void)close(fd); /* only read from: there is nothing to lose */
    return st;
}

bool file_corrupt_name(const char *path, char ret_name[FILE_PATH_LEN])
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm utc;

    (void)gmtime_r(&now, &utc); /* fails only beyond the year 2^31 */
    (void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
    for (unsigned nth = 0;; nth++) {
        int n = nth == 0 ? snprintf(ret_name, FILE_PATH_LEN, "%s.corrupt-%s", path, stamp)
                         : snprintf(ret_name, FILE_PATH_LEN, "%s.corrupt-%s-%u", path,
                                    stamp, nth);
        if (n < 0 || n >= FILE_PATH_LEN)
            return false;
        if (access(ret_name, F_OK) != 0)
            return true;
    }
}

int file_sync_folder(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);

    memcpy(folder, slash == NULL ? "." : path, len);
    folder[len] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    /* EINVAL: a file system whose folders need no sync. */
    int error = fsync(fd) != 0 && errno != EINVAL ? errno : 0;
    (void)close(fd); /* nothing was written through it */
    return error;
}

/* Gives errno, 0 on success. */
static int write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR)
            return errno;
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
    return fdatasync(fd) == 0 ? 0 : errno;
}

enum status file_write(const char *path, const uint8_t *bytes, size_t len,
                       char why[ERR_LEN])
{
    char scratch[4096];
    int n = snprintf(scratch, sizeof(scratch), "%s.tmp", path);

    if (n < 0 || (size_t)n >= sizeof(scratch))
        return file_fail(ST_IO, path, strerror(ENAMETOOLONG), why);
    if (unlink(scratch) != 0 && errno != ENOENT)
        return file_fail(ST_IO, scratch, strerror(errno), why);
    int fd = open(scratch, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return file_fail(ST_IO, scratch, strerror(errno), why);

    int error = write_all(fd, bytes, len);
    if (close(fd) != 0 && error == 0)
        error = errno;
    if (error == 0 && rename(scratch, path) != 0)
        error = errno;
    if (error == 0)
        return ST_OK;
    (void)unlink(scratch); /* if it stays, the next write removes it */
    return file_fail(ST_IO, path, strerror(error), why);
}
