/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/state_dir.h"

#include "daemon/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* Room for a folder of the settings and a name in it. */
#define PATH_LEN (SETTINGS_TEXT_LEN + 16)

/* Calls `take` with each folder of a path, from the top, as long as it returns 0. */
static int each_folder(const char *path, int (*take)(const char *folder))
{
    char part[PATH_LEN];

    (void)snprintf(part, sizeof(part), "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int taken = take(part);
        if (taken != 0)
            return taken;
        *slash = '/';
    }
    return take(part);
}

static int make(const char *folder)
{
    return mkdir(folder, 0750) != 0 && errno != EEXIST ? -1 : 0;
}

/* 0: it is there; 1: it would be made, and so would what lies in it; -1 with errno. */
static int would_make(const char *folder)
{
    char parent[PATH_LEN];
    struct stat there;

    if (stat(folder, &there) == 0)
        return 0;
    if (errno != ENOENT)
        return -1;
    (void)snprintf(parent, sizeof(parent), "%s", folder);
    char *slash = strrchr(parent, '/');
    (void)strcpy(slash == NULL || slash == parent ? parent : slash, slash == NULL ? "."
                                                                    : slash == parent
                                                                        ? "/"
                                                                        : "");
    return faccessat(AT_FDCWD, parent, W_OK | X_OK, AT_EACCESS) == 0 ? 1 : -1;
}

static int failed(const char *path, char why[ERR_LEN])
{
    int code = errno == EACCES || errno == EPERM ? EX_NOPERM : EX_CANTCREAT;

    (void)snprintf(why, ERR_LEN, "state_dir: %.150s: %s", path, strerror(errno));
    return code;
}

int state_dir_take(const char *dir, int *ret_lock, char why[ERR_LEN])
{
    char path[PATH_LEN];

    (void)snprintf(path, sizeof(path), "%s/arrays", dir);
    if (each_folder(path, make) != 0)
        return failed(path, why);
    (void)snprintf(path, sizeof(path), "%s/lock", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return failed(path, why);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)snprintf(why, ERR_LEN, "state_dir: %.150s is in use by another spinbnnd",
                       dir);
        (void)close(fd);
        return EX_CANTCREAT;
    }
    *ret_lock = fd;
    return EX_OK;
}

int state_dir_check(const char *dir, char why[ERR_LEN])
{
    char path[PATH_LEN];

    (void)snprintf(path, sizeof(path), "%s/arrays", dir);
    int would = each_folder(path, would_make);
    if (would < 0)
        return failed(path, why);
    (void)snprintf(path, sizeof(path), "%s/lock", dir);
    if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0)
        return EX_OK;
    /* It is made in a folder that would be ours, or is one that we may write to. */
    if (errno == ENOENT &&
        (would == 1 || faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) == 0))
        return EX_OK;
    return failed(path, why);
}
