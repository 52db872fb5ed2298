/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/book.h"

#include "daemon/log.h"
#include "storage/array_image.h"
#include "storage/version_book.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

/* Room for a folder of the settings and a name in it. */
#define PATH_LEN (SETTINGS_TEXT_LEN + 300)

static void book_path(const struct daemon *daemon, char ret_path[PATH_LEN])
{
    (void)snprintf(ret_path, PATH_LEN, "%s/versions", daemon->settings.state_dir);
}

enum status book_save(struct daemon *daemon, char why[ERR_LEN])
{
    char path[PATH_LEN];

    book_path(daemon, path);
    return version_book_save(daemon->versions, path, why);
}

void book_save_if_possible(struct daemon *daemon)
{
    char why[ERR_LEN];

    if (book_save(daemon, why) != ST_OK)
        log_line(LOG_WARNING, "versions", "not saved: %.240s", why);
}

/* -- One that is broken -- */

static int is_array(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot != NULL && strcmp(dot, ".array") == 0;
}

/* "net@12.array" is of the version 12 of net, "net.array" of its version 1; 0: neither.
 * The name is cut off from what is behind it. */
static uint32_t split_name(char *file)
{
    char *at = strchr(file, '@');
    char *end = strrchr(file, '.');
    unsigned long version = 1;

    if (at != NULL) {
        char *digits_end;

        version = at[1] >= '1' && at[1] <= '9' ? strtoul(at + 1, &digits_end, 10) : 0;
        if (version < 2 || version >= UINT32_MAX || digits_end != end)
            return 0;
        end = at;
    }
    *end = '\0';
    return network_name_ok(file) ? (uint32_t)version : 0;
}

/* An array that cannot be read tells nothing. */
static enum status learn_from(struct daemon *daemon, const char *folder, const char *file)
{
    char path[PATH_LEN], name[256], why[ERR_LEN];
    uint32_t checksum;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
    (void)snprintf(name, sizeof(name), "%s", file);
    uint32_t version = split_name(name);
    if (version == 0 || array_image_whose(path, &checksum, why) != ST_OK)
        return ST_OK;
    enum status st = version_book_add(daemon->versions, name, version, checksum);
    return st == ST_NOMEM ? st : ST_OK;
}

/* In the order of versions, as the book wants them. */
static enum status learn_from_arrays(struct daemon *daemon)
{
    char folder[PATH_LEN];
    struct dirent **entries;
    enum status st = ST_OK;

    (void)snprintf(folder, sizeof(folder), "%s/arrays", daemon->settings.state_dir);
    int n = scandir(folder, &entries, is_array, versionsort);
    if (n < 0)
        return ST_OK; /* there are none */
    for (int i = 0; i < n; i++) {
        if (st == ST_OK)
            st = learn_from(daemon, folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return st;
}

static enum status begin_anew(struct daemon *daemon, const char *path, char why[ERR_LEN])
{
    char aside[ERR_LEN], wrong[ERR_LEN];

    memcpy(wrong, why, ERR_LEN);
    enum status st = version_book_set_aside(path, aside, why);
    if (st != ST_OK)
        return st;
    log_line(LOG_ERROR, "versions",
             "%.200s; it is now %.200s, and a new one is begun with what the files of "
             "models and arrays tell",
             wrong, aside);
    (void)snprintf(why, ERR_LEN, "%.180s: out of memory", path);
    st = version_book_new(&daemon->versions);
    return st == ST_OK ? learn_from_arrays(daemon) : st;
}

enum status book_open(struct daemon *daemon, char why[ERR_LEN])
{
    char path[PATH_LEN];

    book_path(daemon, path);
    enum status st = version_book_load(path, &daemon->versions, why);
    return st == ST_FORMAT ? begin_anew(daemon, path, why) : st;
}
