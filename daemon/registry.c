/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/registry.h"

#include "daemon/builtin.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "storage/model_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct registry {
    pthread_mutex_t mutex;
    size_t n_slots; /* that were ever used: looking up is done for every request */
    struct model *slots[REGISTRY_MAX]; /* a reference of ours each; NULL: free */
};

/* -- Looking up -- */

struct model *registry_take(struct registry *registry, const char *name)
{
    struct model *found = NULL;

    (void)pthread_mutex_lock(&registry->mutex);
    for (size_t i = 0; i < registry->n_slots && found == NULL; i++)
        if (registry->slots[i] != NULL &&
            strcmp(registry->slots[i]->net->name, name) == 0)
            found = registry->slots[i];
    if (found != NULL)
        model_keep(found);
    (void)pthread_mutex_unlock(&registry->mutex);
    return found;
}

struct model *registry_take_id(struct registry *registry, uint32_t id)
{
    struct model *found = NULL;

    (void)pthread_mutex_lock(&registry->mutex);
    for (size_t i = 0; i < registry->n_slots && found == NULL; i++)
        if (registry->slots[i] != NULL && registry->slots[i]->id == id)
            found = registry->slots[i];
    if (found != NULL)
        model_keep(found);
    (void)pthread_mutex_unlock(&registry->mutex);
    return found;
}

size_t registry_list(struct registry *registry, struct model *ret_models[REGISTRY_MAX])
{
    size_t n = 0;

    (void)pthread_mutex_lock(&registry->mutex);
    for (size_t i = 0; i < registry->n_slots; i++) {
        if (registry->slots[i] == NULL)
            continue;
        model_keep(registry->slots[i]);
        ret_models[n++] = registry->slots[i];
    }
    (void)pthread_mutex_unlock(&registry->mutex);
    return n;
}

void registry_drop_list(struct model *const *models, size_t n)
{
    for (size_t i = 0; i < n; i++)
        model_drop(models[i]);
}

/* -- Changing -- */

/* The slot of a name, else a free one, else REGISTRY_MAX. Under the mutex. */
static size_t slot_for(const struct registry *registry, const char *name)
{
    size_t slot = REGISTRY_MAX;

    for (size_t i = REGISTRY_MAX; i-- > 0;) {
        if (registry->slots[i] == NULL)
            slot = i;
        else if (strcmp(registry->slots[i]->net->name, name) == 0)
            return i;
    }
    return slot;
}

enum status registry_put(struct registry *registry, struct model *model,
                         struct model **ret_before)
{
    (void)pthread_mutex_lock(&registry->mutex);
    size_t slot = slot_for(registry, model->net->name);

    if (slot < REGISTRY_MAX) {
        *ret_before = registry->slots[slot];
        model->slot = slot;
        registry->slots[slot] = model;
        if (registry->n_slots <= slot)
            registry->n_slots = slot + 1;
    }
    (void)pthread_mutex_unlock(&registry->mutex);
    return slot < REGISTRY_MAX ? ST_OK : ST_RANGE;
}

bool registry_remove(struct registry *registry, struct model *model)
{
    (void)pthread_mutex_lock(&registry->mutex);
    bool there = registry->slots[model->slot] == model;

    if (there)
        registry->slots[model->slot] = NULL;
    (void)pthread_mutex_unlock(&registry->mutex);
    return there;
}

/* -- At start -- */

/* Takes `net`; one of the same name goes. */
static enum status add(struct daemon *daemon, struct network *net,
                       enum model_origin origin)
{
    struct model *model, *before = NULL;
    enum status st =
        model_new(net, origin, daemon->settings.state_dir, &daemon->device, &model);

    if (st != ST_OK)
        return st;
    st = registry_put(daemon->registry, model, &before);
    model_drop(st == ST_OK ? before : model);
    return st;
}

static enum status load_builtin(struct daemon *daemon, char why[ERR_LEN])
{
    for (size_t i = 0; i < builtin_n_models; i++) {
        const struct builtin_model *builtin = &builtin_models[i];
        struct network *net;
        char reason[ERR_LEN];
        enum status st = model_file_parse(
            builtin->bytes, (size_t)(builtin->end - builtin->bytes), &net, reason);

        if (st != ST_OK) {
            (void)snprintf(why, ERR_LEN, "%s: %.200s", builtin->name, reason);
            return st;
        }
        st = add(daemon, net, MODEL_BUILTIN);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

static int is_model_file(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return entry->d_name[0] != '.' && dot != NULL && strcmp(dot, ".sbnn") == 0;
}

/* A name that this folder has had already. */
static bool is_double(struct daemon *daemon, const struct network *net,
                      enum model_origin origin)
{
    struct model *before = registry_take(daemon->registry, net->name);
    bool is = before != NULL && before->origin == origin;

    model_drop(before);
    return is;
}

static enum status load_file(struct daemon *daemon, const char *folder, const char *name,
                             enum model_origin origin, char why[ERR_LEN])
{
    char path[SETTINGS_TEXT_LEN + 300];
    struct network *net;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    enum status st = model_file_load(path, &net, why);
    if (st != ST_OK)
        return st;
    if (is_double(daemon, net, origin)) {
        (void)snprintf(why, ERR_LEN,
                       "%.140s: another file of the folder has a model \"%.64s\" too",
                       path, net->name);
        network_free(net);
        return ST_RANGE;
    }
    st = add(daemon, net, origin);
    if (st == ST_RANGE)
        (void)snprintf(why, ERR_LEN, "%.180s: more than %d models", path, REGISTRY_MAX);
    else if (st != ST_OK)
        (void)snprintf(why, ERR_LEN, "out of memory");
    return st;
}

/* *ret_n: files that were loaded. */
static enum status load_folder(struct daemon *daemon, const char *folder,
                               enum model_origin origin, int *ret_n, char why[ERR_LEN])
{
    struct dirent **entries;
    enum status st = ST_OK;
    int n = scandir(folder, &entries, is_model_file, alphasort);

    if (n < 0)
        return ST_IO;
    for (int i = 0; i < n; i++) {
        if (st == ST_OK)
            st = load_file(daemon, folder, entries[i]->d_name, origin, why);
        free(entries[i]);
    }
    free(entries);
    *ret_n = n;
    return st;
}

static enum status load_model_dir(struct daemon *daemon, char why[ERR_LEN])
{
    const char *folder = daemon->settings.model_dir;
    int n = -1;
    enum status st = load_folder(daemon, folder, MODEL_FOLDER, &n, why);

    if (n < 0 && st == ST_IO)
        (void)snprintf(why, ERR_LEN, "model_dir: %.150s: %s", folder, strerror(errno));
    if (n == 0)
        log_line(LOG_WARNING, "model_dir", "path=\"%.200s\" has no .sbnn file", folder);
    return st;
}

/* Without a folder nothing was ever uploaded. */
static enum status load_uploaded(struct daemon *daemon, char why[ERR_LEN])
{
    char folder[SETTINGS_TEXT_LEN + 16];
    int n = -1;

    (void)snprintf(folder, sizeof(folder), "%s/models", daemon->settings.state_dir);
    enum status st = load_folder(daemon, folder, MODEL_UPLOADED, &n, why);
    if (n >= 0 || st != ST_IO || errno == ENOENT)
        return n < 0 ? ST_OK : st;
    (void)snprintf(why, ERR_LEN, "%.180s: %s", folder, strerror(errno));
    return ST_IO;
}

enum status registry_new(struct registry **ret_registry)
{
    *ret_registry = calloc(1, sizeof(**ret_registry));
    if (*ret_registry == NULL)
        return ST_NOMEM;
    (void)pthread_mutex_init(&(*ret_registry)->mutex, NULL);
    return ST_OK;
}

enum status registry_load(struct daemon *daemon, char why[ERR_LEN])
{
    (void)snprintf(why, ERR_LEN, "out of memory");
    enum status st = registry_new(&daemon->registry);
    if (st == ST_OK)
        st = load_builtin(daemon, why);
    if (st == ST_OK && daemon->settings.model_dir[0] != '\0')
        st = load_model_dir(daemon, why);
    if (st == ST_OK)
        st = load_uploaded(daemon, why);
    return st;
}

void registry_free(struct registry *registry)
{
    if (registry == NULL)
        return;
    for (size_t i = 0; i < REGISTRY_MAX; i++)
        model_drop(registry->slots[i]);
    (void)pthread_mutex_destroy(&registry->mutex);
    free(registry);
}
