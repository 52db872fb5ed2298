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
#include <unistd.h>

struct note {
    struct note *next;
    struct registry_note is;
    char name[];
};

struct registry {
    pthread_mutex_t mutex;
    struct note *notes; /* ours */
    size_t n_slots;     /* that were ever used: looking up is done for every request */
    struct model *slots[REGISTRY_MAX]; /* a reference of ours each; NULL: free */
};

/* -- Looking up -- */

/* Under the mutex. */
static struct model *take(struct registry *registry, const char *name)
{
    struct model *found = NULL;

    for (size_t i = 0; i < registry->n_slots && found == NULL; i++)
        if (registry->slots[i] != NULL &&
            strcmp(registry->slots[i]->net->name, name) == 0)
            found = registry->slots[i];
    if (found != NULL)
        model_keep(found);
    return found;
}

struct model *registry_take(struct registry *registry, const char *name)
{
    (void)pthread_mutex_lock(&registry->mutex);
    struct model *found = take(registry, name);
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

/* -- Names that are known -- */

/* Under the mutex, as all of these. The place where the note of a name is linked, or
 * would be. */
static struct note **find_note(struct registry *registry, const char *name)
{
    struct note **at = &registry->notes;

    while (*at != NULL && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

static void forget_note(struct registry *registry, const char *name)
{
    struct note **at = find_note(registry, name), *note = *at;

    if (note == NULL)
        return;
    *at = note->next;
    free(note);
}

static struct note *new_note(const char *name, enum registry_state state,
                             const char *reason)
{
    size_t len = strlen(name) + 1;
    struct note *note = malloc(sizeof(*note) + len);

    if (note == NULL)
        return NULL;
    note->is.state = state;
    (void)snprintf(note->is.reason, sizeof(note->is.reason), "%s", reason);
    memcpy(note->name, name, len);
    return note;
}

static void put_note(struct registry *registry, struct note *note)
{
    forget_note(registry, note->name);
    note->next = registry->notes;
    registry->notes = note;
}

enum status registry_note(struct registry *registry, const char *name,
                          enum registry_state state, const char *reason)
{
    struct note *note = new_note(name, state, reason);

    if (note == NULL)
        return ST_NOMEM;
    (void)pthread_mutex_lock(&registry->mutex);
    put_note(registry, note);
    (void)pthread_mutex_unlock(&registry->mutex);
    return ST_OK;
}

struct model *registry_look(struct registry *registry, const char *name,
                            struct registry_note *ret_note)
{
    static const struct registry_note unknown = { REGISTRY_UNKNOWN, "" };

    (void)pthread_mutex_lock(&registry->mutex);
    struct model *found = take(registry, name);

    if (found == NULL) {
        const struct note *note = *find_note(registry, name);

        *ret_note = note != NULL ? note->is : unknown;
    }
    (void)pthread_mutex_unlock(&registry->mutex);
    return found;
}

static bool is_served(const struct registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->n_slots; i++)
        if (registry->slots[i] != NULL &&
            strcmp(registry->slots[i]->net->name, name) == 0)
            return true;
    return false;
}

void registry_visit(struct registry *registry, registry_visitor *visit, void *ctx)
{
    (void)pthread_mutex_lock(&registry->mutex);
    for (size_t i = 0; i < registry->n_slots; i++) {
        if (registry->slots[i] == NULL)
            continue;
        const char *name = registry->slots[i]->net->name;
        const struct note *note = *find_note(registry, name);
        visit(ctx, name, REGISTRY_READY, note != NULL ? note->is.reason : "");
    }
    for (const struct note *note = registry->notes; note != NULL; note = note->next)
        if (!is_served(registry, note->name))
            visit(ctx, note->name, note->is.state, note->is.reason);
    (void)pthread_mutex_unlock(&registry->mutex);
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
        forget_note(registry, model->net->name);
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

    if (there) {
        registry->slots[model->slot] = NULL;
        forget_note(registry, model->net->name);
    }
    (void)pthread_mutex_unlock(&registry->mutex);
    return there;
}

enum status registry_park(struct registry *registry, struct model *model,
                          const char *reason)
{
    struct note *note = new_note(model->net->name, REGISTRY_UNAVAILABLE, reason);

    if (note == NULL)
        return ST_NOMEM;
    (void)pthread_mutex_lock(&registry->mutex);
    registry->slots[model->slot] = NULL;
    put_note(registry, note);
    (void)pthread_mutex_unlock(&registry->mutex);
    return ST_OK;
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

static enum status parse_builtin(const struct builtin_model *builtin,
                                 struct network **ret_net, char why[ERR_LEN])
{
    char reason[ERR_LEN];
    enum status st = model_file_parse(
        builtin->bytes, (size_t)(builtin->end - builtin->bytes), ret_net, reason);

    if (st != ST_OK)
        (void)snprintf(why, ERR_LEN, "built-in %s: %.200s", builtin->name, reason);
    return st;
}

static enum status load_builtin(struct daemon *daemon, char why[ERR_LEN])
{
    for (size_t i = 0; i < builtin_n_models; i++) {
        struct network *net;
        enum status st = parse_builtin(&builtin_models[i], &net, why);

        if (st == ST_OK)
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

/* -- Once more -- */

/* The file of this network: the one of its name, else another one of the folder. A file
 * that cannot be read is an error only if it has the name. */
static enum status read_from_folder(const char *folder, const char *name,
                                    struct network **ret_net, char why[ERR_LEN])
{
    char path[SETTINGS_TEXT_LEN + 300];
    struct dirent **entries;
    enum status st = ST_NOT_FOUND;

    (void)snprintf(path, sizeof(path), "%s/%s.sbnn", folder, name);
    if (access(path, F_OK) == 0) {
        st = model_file_load(path, ret_net, why);
        if (st != ST_OK || strcmp((*ret_net)->name, name) == 0)
            return st;
        network_free(*ret_net);
        st = ST_NOT_FOUND;
    }
    int n = scandir(folder, &entries, is_model_file, alphasort);
    for (int i = 0; i < n; i++) {
        char reason[ERR_LEN];

        (void)snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        free(entries[i]);
        if (st == ST_OK || model_file_load(path, ret_net, reason) != ST_OK)
            continue;
        if (strcmp((*ret_net)->name, name) == 0)
            st = ST_OK;
        else
            network_free(*ret_net);
    }
    if (n >= 0)
        free(entries);
    return st;
}

static enum status read_builtin(const char *name, struct network **ret_net,
                                char why[ERR_LEN])
{
    for (size_t i = 0; i < builtin_n_models; i++)
        if (strcmp(builtin_models[i].name, name) == 0)
            return parse_builtin(&builtin_models[i], ret_net, why);
    return ST_NOT_FOUND;
}

enum status registry_read(const struct daemon *daemon, const char *name,
                          struct network **ret_net, enum model_origin *ret_origin,
                          char why[ERR_LEN])
{
    char folder[SETTINGS_TEXT_LEN + 16];

    (void)snprintf(folder, sizeof(folder), "%s/models", daemon->settings.state_dir);
    *ret_origin = MODEL_UPLOADED;
    enum status st = read_from_folder(folder, name, ret_net, why);
    if (st == ST_NOT_FOUND && daemon->settings.model_dir[0] != '\0') {
        *ret_origin = MODEL_FOLDER;
        st = read_from_folder(daemon->settings.model_dir, name, ret_net, why);
    }
    if (st == ST_NOT_FOUND) {
        *ret_origin = MODEL_BUILTIN;
        st = read_builtin(name, ret_net, why);
    }
    return st;
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
    while (registry->notes != NULL)
        forget_note(registry, registry->notes->name);
    (void)pthread_mutex_destroy(&registry->mutex);
    free(registry);
}
