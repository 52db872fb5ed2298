/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEN_MAX ((size_t)1 << 20)

static enum status fail(const char *setting, const char *path, char why[ERR_LEN])
{
    enum status st = errno == EACCES || errno == EPERM ? ST_PERMISSION : ST_IO;

    (void)snprintf(why, ERR_LEN, "%s: %.150s: %s", setting, path, strerror(errno));
    return st;
}

/* Reads what is there, at most `size` bytes. */
static ssize_t read_all(int fd, char *text, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t n = read(fd, text + len, size - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static enum status read_open(int fd, const char *setting, const char *path, bool secret,
                             char **ret_text, size_t *ret_len, char why[ERR_LEN])
{
    struct stat file;

    if (fstat(fd, &file) != 0)
        return fail(setting, path, why);
    if (!S_ISREG(file.st_mode)) {
        (void)snprintf(why, ERR_LEN, "%s: %.150s is no plain file", setting, path);
        return ST_IO;
    }
    if (secret && (file.st_mode & S_IRWXO) != 0) {
        (void)snprintf(why, ERR_LEN,
                       "%s: %.150s is open to every user (mode %04o); take that away: "
                       "chmod o= FILE",
                       setting, path, (unsigned)(file.st_mode & 07777));
        return ST_RANGE;
    }

    char *text = malloc(LEN_MAX + 1);
    if (text == NULL) {
        (void)snprintf(why, ERR_LEN, "%s: out of memory", setting);
        return ST_NOMEM;
    }
    ssize_t len = read_all(fd, text, LEN_MAX);
    if (len < 0 || (size_t)len == LEN_MAX) {
        free(text);
        if (len < 0)
            return fail(setting, path, why);
        (void)snprintf(why, ERR_LEN, "%s: %.150s is longer than 1 MiB", setting, path);
        return ST_RANGE;
    }
    text[len] = '\0';
    *ret_text = text;
    *ret_len = (size_t)len;
    return ST_OK;
}

enum status credential_read(const char *setting, const char *path, bool secret,
                            char **ret_text, size_t *ret_len, char why[ERR_LEN])
{
    /* Not to wait for a writer if it is a pipe. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return fail(setting, path, why);
    enum status st = read_open(fd, setting, path, secret, ret_text, ret_len, why);
    (void)close(fd);
    return st;
}
