/* SPDX-License-Identifier: Apache-2.0 */
/* datasets.c - GET /api/v1/datasets: which data sets there are, and what they are like.
 *
 *   datasets_handle   data thread     queue
 *   answer_list       reader thread   the folder, each split looked at, the answer
 */
#include "daemon/datasets.h"

#include "daemon/daemon.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Folders that are listed, and looks that are remembered. */
#define MAX_LISTED 64
#define MAX_SEEN   (2 * MAX_LISTED)

static const char *const splits[] = { "test", "train" };

struct datasets_seen {
    size_t n, next; /* the next one is written over when all are taken */
    struct dataset_look looks[MAX_SEEN];
};

void datasets_free(struct datasets_seen *seen)
{
    free(seen);
}

/* -- One data set -- */

/* Its folder; ST_NOT_FOUND with the reason. Names have no slash and begin with no dot. */
static enum status find_folder(const struct daemon *daemon, const char *name,
                               char *ret_path, size_t size, struct stat *ret_status,
                               char why[ERR_LEN])
{
    const char *data = daemon->settings.data;

    if (data[0] == '\0') {
        (void)snprintf(why, ERR_LEN,
                       "there is no data set \"%.64s\"; the setting data names no folder",
                       name);
        return ST_NOT_FOUND;
    }
    (void)snprintf(ret_path, size, "%s/%s", data, name);
    if (network_name_ok(name) && stat(ret_path, ret_status) == 0 &&
        S_ISDIR(ret_status->st_mode))
        return ST_OK;
    (void)snprintf(why, ERR_LEN,
                   "there is no data set \"%.64s\"; GET /api/v1/datasets lists them",
                   name);
    return ST_NOT_FOUND;
}

enum status datasets_load(const struct daemon *daemon, const char *name,
                          const char *split, struct dataset *ret_set, char why[ERR_LEN])
{
    char path[SETTINGS_TEXT_LEN + JOB_NAME_LEN + 1];
    struct stat status;
    enum status st = find_folder(daemon, name, path, sizeof(path), &status, why);

    return st == ST_OK ? dataset_load(path, split, ret_set, why) : st;
}

struct dataset_look datasets_describe(const char *name, const char *split,
                                      const struct dataset *set)
{
    struct dataset_look look = {
        .n = set->n,
        .height = set->height,
        .width = set->width,
        .channels = set->channels,
    };

    (void)snprintf(look.name, sizeof(look.name), "%s", name);
    (void)snprintf(look.split, sizeof(look.split), "%s", split);
    for (size_t i = 0; i < set->n; i++)
        if (set->labels[i] >= look.n_classes)
            look.n_classes = set->labels[i] + 1;
    return look;
}

static bool is_same(const struct dataset_look *look, const char *name, const char *split)
{
    return strcmp(look->name, name) == 0 && strcmp(look->split, split) == 0;
}

/* The place of this look, or one for it; NULL without memory. */
static struct dataset_look *place_of(struct daemon *daemon, const char *name,
                                     const char *split)
{
    struct datasets_seen *seen = daemon->datasets_seen;

    if (seen == NULL)
        seen = daemon->datasets_seen = calloc(1, sizeof(*seen));
    if (seen == NULL)
        return NULL;
    for (size_t i = 0; i < seen->n; i++)
        if (is_same(&seen->looks[i], name, split))
            return &seen->looks[i];
    if (seen->n < MAX_SEEN)
        return &seen->looks[seen->n++];
    seen->next = (seen->next + 1) % MAX_SEEN;
    return &seen->looks[seen->next];
}

void datasets_look(struct daemon *daemon, const char *name, const char *split,
                   struct dataset_look *ret_look)
{
    char path[SETTINGS_TEXT_LEN + JOB_NAME_LEN + 1], why[ERR_LEN];
    struct dataset set = { 0 };
    struct stat status;

    *ret_look = (struct dataset_look) { 0 };
    ret_look->st = find_folder(daemon, name, path, sizeof(path), &status, ret_look->why);
    if (ret_look->st != ST_OK)
        return;
    struct dataset_look *place = place_of(daemon, name, split);
    if (place != NULL && is_same(place, name, split) &&
        place->changed.tv_sec == status.st_mtim.tv_sec &&
        place->changed.tv_nsec == status.st_mtim.tv_nsec) {
        *ret_look = *place;
        return;
    }
    enum status st = dataset_load(path, split, &set, why);
    *ret_look = datasets_describe(name, split, &set); /* of none where it failed */
    dataset_done(&set);
    ret_look->st = st;
    ret_look->changed = status.st_mtim;
    if (st != ST_OK)
        (void)snprintf(ret_look->why, ERR_LEN, "%s", why);
    if (place != NULL && st != ST_NOMEM)
        *place = *ret_look;
}

enum status datasets_fit(const struct dataset_look *look, const struct network *net,
                         char why[ERR_LEN])
{
    const struct network_input *input = &net->input;

    if (look->n_classes > net->n_classes) {
        (void)snprintf(why, ERR_LEN,
                       "data set \"%s\" has labels up to %u, but %s knows only %zu "
                       "classes",
                       look->name, look->n_classes - 1, net->name, net->n_classes);
        return ST_CONFLICT;
    }
    if (look->channels == 0 ||
        (look->height == input->height && look->width == input->width &&
         look->channels == input->channels))
        return ST_OK;
    (void)snprintf(
        why, ERR_LEN,
        "data set \"%s\" has pictures of %zu x %zu x %zu, but %s takes %u x %u "
        "x %u (height x width x channels)",
        look->name, look->height, look->width, look->channels, net->name, input->height,
        input->width, input->channels);
    return ST_CONFLICT;
}

/* -- The list -- */

static int is_name(const struct dirent *entry)
{
    return network_name_ok(entry->d_name);
}

static void write_look(struct buf *body, const struct dataset_look *look)
{
    buf_text(body, "{\"split\":");
    buf_json_string(body, look->split);
    if (look->st != ST_OK) {
        buf_text(body, ",\"error\":");
        buf_json_string(body, look->why);
    } else if (look->channels == 0) {
        buf_printf(body, ",\"images\":%zu,\"classes\":%u,\"shape\":null", look->n,
                   look->n_classes);
    } else {
        buf_printf(body, ",\"images\":%zu,\"classes\":%u,\"shape\":[%zu,%zu,%zu]",
                   look->n, look->n_classes, look->height, look->width, look->channels);
    }
    buf_char(body, '}');
}

/* A folder that holds no split is none. True: it was one. */
static bool write_set(struct daemon *daemon, struct buf *body, const char *name,
                      const char *before)
{
    bool found = false;

    for (size_t s = 0; s < sizeof(splits) / sizeof(splits[0]); s++) {
        struct dataset_look look;

        datasets_look(daemon, name, splits[s], &look);
        if (look.st == ST_NOT_FOUND)
            continue;
        if (!found) {
            buf_text(body, before);
            buf_text(body, "{\"name\":");
            buf_json_string(body, name);
            buf_text(body, ",\"splits\":[");
        } else {
            buf_char(body, ',');
        }
        write_look(body, &look);
        found = true;
    }
    if (found)
        buf_text(body, "]}");
    return found;
}

static void write_list(struct daemon *daemon, struct buf *body)
{
    struct dirent **names = NULL;
    const char *data = daemon->settings.data;
    int n = data[0] != '\0' ? scandir(data, &names, is_name, alphasort) : 0;
    size_t n_listed = 0;

    buf_text(body, "{\"datasets\":[");
    for (int i = 0; i < n; i++) {
        if (n_listed < MAX_LISTED)
            n_listed +=
                write_set(daemon, body, names[i]->d_name, n_listed > 0 ? "," : "");
        free(names[i]);
    }
    free(names);
    buf_text(body, "]}\n");
}

static void answer_list(struct daemon *daemon, struct http_call *call)
{
    struct buf body = BUF_INIT;

    write_list(daemon, &body);
    http_reply(call, 200, "application/json", &body);
}

void datasets_handle(void *ctx, struct http_call *call)
{
    struct daemon *daemon = ctx;

    turn_queue_call(daemon, call, answer_list, daemon->reader, "data sets");
}
