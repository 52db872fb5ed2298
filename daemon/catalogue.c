/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/catalogue.h"

#include "daemon/book.h"
#include "daemon/builtin.h"
#include "daemon/log.h"
#include "storage/model_file.h"
#include "storage/version_book.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Room for a folder of the settings and a name in it. */
#define PATH_LEN (SETTINGS_TEXT_LEN + 300)

size_t catalogue_keep(const struct daemon *daemon)
{
    return (size_t)daemon->settings.keep_versions;
}

/* -- The book -- */

uint32_t catalogue_next(const struct daemon *daemon, const char *name)
{
    return version_book_next(daemon->versions, name);
}

static enum status give_number(struct daemon *daemon, struct network *net,
                               uint32_t version, char why[ERR_LEN])
{
    enum status st =
        version_book_add(daemon->versions, net->name, version, net->checksum);

    if (st == ST_OK)
        net->version = version;
    else
        (void)snprintf(why, ERR_LEN, "%s",
                       st == ST_NOMEM ? "out of memory"
                                      : "there are no further versions or names");
    return st;
}

/* -- Numbers of what lies there -- */

/* "net@12.sbnn" is the version 12 of net, "net.sbnn" its version 1; 0: neither. */
static uint32_t version_in(const char *file)
{
    const char *at = strchr(file, '@');
    char *end;

    if (at == NULL)
        return 1;
    unsigned long version = strtoul(at + 1, &end, 10);
    return at[1] >= '1' && at[1] <= '9' && strcmp(end, ".sbnn") == 0 &&
                   version <= UINT32_MAX
               ? (uint32_t)version
               : 0;
}

/* The version that its file says, unless another network had that. */
static enum status number_sent(struct daemon *daemon, struct network *net,
                               const char *file, char why[ERR_LEN])
{
    uint32_t version = version_in(file), checksum;
    uint32_t next = catalogue_next(daemon, net->name);

    if (version_book_checksum(daemon->versions, net->name, version, &checksum) &&
        checksum == net->checksum) {
        net->version = version;
        return ST_OK;
    }
    return give_number(daemon, net, next != 0 && version > next ? version : next, why);
}

/* The version that it has, or the next if there is nothing of its name; else 0. */
static enum status number_other(struct daemon *daemon, struct registry *into,
                                struct network *net, char why[ERR_LEN])
{
    struct model *before = registry_take(into, net->name);

    net->version = version_book_find(daemon->versions, net->name, net->checksum);
    bool is_new = net->version == 0 && before == NULL;
    model_drop(before);
    return is_new ? give_number(daemon, net, catalogue_next(daemon, net->name), why)
                  : ST_OK;
}

enum status catalogue_number(struct daemon *daemon, struct network *net, bool *ret_fresh,
                             char why[ERR_LEN])
{
    struct model *served[REGISTRY_VERSIONS];
    size_t n = registry_versions(daemon->registry, net->name, served);
    uint32_t last = version_book_find(daemon->versions, net->name, net->checksum);

    *ret_fresh = false;
    for (size_t i = 0; i < n && i < catalogue_keep(daemon); i++)
        if (served[i]->net->checksum == net->checksum)
            net->version = served[i]->net->version;
    registry_drop_list(served, n);
    if (net->version != 0)
        return ST_OK;
    if (last != 0 && last == catalogue_next(daemon, net->name) - 1) {
        net->version = last;
        return ST_OK;
    }
    *ret_fresh = true;
    enum status st = give_number(daemon, net, catalogue_next(daemon, net->name), why);
    if (st == ST_OK) {
        st = book_save(daemon, why);
        if (st != ST_OK)
            version_book_forget(daemon->versions, net->name, net->version);
    }
    return st;
}

/* -- Reading -- */

/* What is read, into which registry. */
struct reading {
    struct daemon *daemon;
    struct registry *into;
    const char *name; /* NULL: all */
    char *why;        /* [ERR_LEN] */
};

/* A file that was put there by hand may have another name, or that of a version that was
 * another network. If it cannot be moved it is served from where it is. */
static void put_in_place(struct model *model, const char *path)
{
    char why[ERR_LEN] = "there is a file already";

    if (strcmp(path, model->file_path) == 0)
        return;
    if (access(model->file_path, F_OK) == 0 ||
        model_file_move(path, model->file_path, why) != ST_OK) {
        log_line(LOG_WARNING, "model", "\"%.120s\" is not moved: %.200s", path, why);
        (void)snprintf(model->file_path, sizeof(model->file_path), "%s", path);
    }
}

/* Takes `net`, which has its version; 0: it is passed over. `path`: its file, or NULL. */
static enum status add(struct reading *r, struct network *net, enum model_origin origin,
                       const char *path)
{
    struct daemon *daemon = r->daemon;
    struct model *model = net->version != 0
                              ? registry_take_version(r->into, net->name, net->version)
                              : NULL;

    if (net->version == 0 || model != NULL) {
        model_drop(model);
        network_free(net);
        return ST_OK;
    }
    (void)snprintf(r->why, ERR_LEN, "out of memory");
    enum status st =
        model_new(net, origin, daemon->settings.state_dir, &daemon->device, &model);
    if (st != ST_OK)
        return st;
    if (origin == MODEL_UPLOADED)
        put_in_place(model, path);
    st = registry_add(r->into, model, catalogue_keep(daemon));
    if (st == ST_RANGE)
        (void)snprintf(r->why, ERR_LEN, "%.180s: more than %d models",
                       path != NULL ? path : model->net->name, REGISTRY_MAX);
    model_drop(model);
    return st;
}

static enum status load_builtin(struct reading *r, const struct builtin_model *builtin)
{
    struct network *net;
    char reason[ERR_LEN];
    enum status st = model_file_parse(
        builtin->bytes, (size_t)(builtin->end - builtin->bytes), &net, reason);

    if (st != ST_OK) {
        (void)snprintf(r->why, ERR_LEN, "built-in %s: %.200s", builtin->name, reason);
        return st;
    }
    st = number_other(r->daemon, r->into, net, r->why);
    if (st == ST_OK)
        return add(r, net, MODEL_BUILTIN, NULL);
    network_free(net);
    return st;
}

static enum status load_builtins(struct reading *r)
{
    enum status st = ST_OK;

    for (size_t i = 0; i < builtin_n_models && st == ST_OK; i++)
        if (r->name == NULL || strcmp(builtin_models[i].name, r->name) == 0)
            st = load_builtin(r, &builtin_models[i]);
    return st;
}

/* A network of the model folder whose name another one there has already. */
static bool is_double(struct reading *r, const struct network *net)
{
    struct model *models[REGISTRY_VERSIONS];
    size_t n = registry_versions(r->into, net->name, models);
    bool is = false;

    for (size_t i = 0; i < n; i++)
        is = is || models[i]->origin == MODEL_FOLDER;
    registry_drop_list(models, n);
    return is;
}

/* Of a file of the model folder or, `sent`, of the state folder. Takes `net`. */
static enum status add_from_file(struct reading *r, struct network *net, const char *path,
                                 bool sent)
{
    enum status st;

    if (sent) {
        st = number_sent(r->daemon, net, strrchr(path, '/') + 1, r->why);
    } else if (is_double(r, net)) {
        (void)snprintf(r->why, ERR_LEN,
                       "%.140s: another file of the folder has a model \"%.64s\" too",
                       path, net->name);
        st = ST_RANGE;
    } else {
        st = number_other(r->daemon, r->into, net, r->why);
    }
    if (st == ST_OK)
        return add(r, net, sent ? MODEL_UPLOADED : MODEL_FOLDER, path);
    network_free(net);
    return st;
}

/* Is it a file that bears this name: NAME.sbnn or NAME@VERSION.sbnn? */
static bool is_named(const char *file, const char *name)
{
    size_t len = strlen(name);

    return strncmp(file, name, len) == 0 &&
           (strcmp(file + len, ".sbnn") == 0 || file[len] == '@');
}

/* Of one name, a file that does not bear it may be broken and may be another's. */
static enum status load_file(struct reading *r, const char *folder, const char *file,
                             bool sent)
{
    char path[PATH_LEN], reason[ERR_LEN];
    struct network *net;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
    enum status st = model_file_load(path, &net, reason);
    if (st != ST_OK) {
        bool matters = r->name == NULL || is_named(file, r->name);

        if (matters)
            memcpy(r->why, reason, ERR_LEN);
        return matters ? st : ST_OK;
    }
    if (r->name == NULL || strcmp(net->name, r->name) == 0)
        return add_from_file(r, net, path, sent);
    network_free(net);
    return ST_OK;
}

static int is_model_file(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return entry->d_name[0] != '.' && dot != NULL && strcmp(dot, ".sbnn") == 0;
}

static bool is_enough(const struct reading *r)
{
    struct model *models[REGISTRY_VERSIONS];
    size_t n = r->name != NULL ? registry_versions(r->into, r->name, models) : 0;

    registry_drop_list(models, n);
    return n >= catalogue_keep(r->daemon);
}

/* The files that bear the name first: then the others need not be read. */
static enum status load_files(struct reading *r, const char *folder,
                              struct dirent *const *entries, int n, bool sent)
{
    enum status st = ST_OK;

    for (int i = 0; i < n && st == ST_OK; i++)
        if (r->name == NULL || is_named(entries[i]->d_name, r->name))
            st = load_file(r, folder, entries[i]->d_name, sent);
    if (r->name == NULL || is_enough(r))
        return st;
    for (int i = 0; i < n && st == ST_OK; i++)
        if (!is_named(entries[i]->d_name, r->name))
            st = load_file(r, folder, entries[i]->d_name, sent);
    return st;
}

/* *ret_n: files that there are; -1 without a folder, then errno is set. */
static enum status load_folder(struct reading *r, const char *folder, bool sent,
                               int *ret_n)
{
    struct dirent **entries;

    *ret_n = scandir(folder, &entries, is_model_file, versionsort);
    if (*ret_n < 0)
        return ST_IO;
    enum status st = load_files(r, folder, entries, *ret_n, sent);
    for (int i = 0; i < *ret_n; i++)
        free(entries[i]);
    free(entries);
    return st;
}

static enum status load_model_dir(struct reading *r)
{
    const char *folder = r->daemon->settings.model_dir;
    int n;

    if (folder[0] == '\0')
        return ST_OK;
    enum status st = load_folder(r, folder, false, &n);
    if (n < 0)
        (void)snprintf(r->why, ERR_LEN, "model_dir: %.150s: %s", folder, strerror(errno));
    if (n == 0)
        log_line(LOG_WARNING, "model_dir", "path=\"%.200s\" has no .sbnn file", folder);
    return st;
}

/* Without a folder nothing was ever sent. */
static enum status load_sent(struct reading *r)
{
    char folder[PATH_LEN];
    int n;

    (void)snprintf(folder, sizeof(folder), "%s/models", r->daemon->settings.state_dir);
    enum status st = load_folder(r, folder, true, &n);
    if (n >= 0 || errno == ENOENT)
        return n < 0 ? ST_OK : st;
    (void)snprintf(r->why, ERR_LEN, "%.180s: %s", folder, strerror(errno));
    return ST_IO;
}

static enum status load_all(struct reading *r)
{
    enum status st = load_sent(r);

    if (st == ST_OK)
        st = load_model_dir(r);
    if (st == ST_OK)
        st = load_builtins(r);
    return st;
}

enum status catalogue_load(struct daemon *daemon, char why[ERR_LEN])
{
    (void)snprintf(why, ERR_LEN, "out of memory");
    enum status st = registry_new(&daemon->registry);
    if (st == ST_OK)
        st = book_open(daemon, why);
    struct reading all = { daemon, daemon->registry, NULL, why };
    if (st == ST_OK)
        st = load_all(&all);
    if (st == ST_OK)
        book_save_if_possible(daemon);
    return st;
}

enum status catalogue_check(struct daemon *daemon, char why[ERR_LEN])
{
    (void)snprintf(why, ERR_LEN, "out of memory");
    enum status st = registry_new(&daemon->registry);
    struct reading all = { daemon, daemon->registry, NULL, why };
    if (st == ST_OK)
        st = version_book_new(&daemon->versions);
    if (st == ST_OK)
        st = load_model_dir(&all);
    if (st == ST_OK)
        st = load_builtins(&all);
    registry_free(daemon->registry);
    version_book_free(daemon->versions);
    return st;
}

enum status catalogue_read(struct daemon *daemon, const char *name,
                           struct registry **ret_registry, char why[ERR_LEN])
{
    struct registry *registry;

    (void)snprintf(why, ERR_LEN, "out of memory");
    if (registry_new(&registry) != ST_OK)
        return ST_NOMEM;
    struct reading one = { daemon, registry, name, why };
    enum status st = load_all(&one);
    struct model *model = registry_take(registry, name);
    if (st == ST_OK && model == NULL)
        st = ST_NOT_FOUND;
    model_drop(model);
    if (st == ST_OK && book_save(daemon, why) != ST_OK) {
        log_line(LOG_ERROR, "versions", "not saved: %.240s", why);
        (void)snprintf(why, ERR_LEN, "its version cannot be remembered");
        st = ST_IO;
    }
    if (st == ST_OK)
        *ret_registry = registry;
    else
        registry_free(registry);
    return st;
}

/* -- Removing -- */

/* An array of nobody's does no harm: it is not used for another network. */
static void remove_array(const char *path)
{
    char scratch[MODEL_PATH_LEN + 8];

    (void)snprintf(scratch, sizeof(scratch), "%s.tmp",
                   path); /* of a save that was killed */
    (void)unlink(scratch);
    if (unlink(path) != 0 && errno != ENOENT)
        log_line(LOG_WARNING, "array", "\"%.200s\" stays: %s", path, strerror(errno));
}

/* A file that stays comes back with a start that serves more versions. */
static void remove_sent(struct daemon *daemon, const char *name, uint32_t version,
                        const char *path)
{
    char why[ERR_LEN];

    if (model_file_remove(path, why) == ST_OK)
        version_book_forget(daemon->versions, name, version);
    if (why[0] != '\0')
        log_line(LOG_WARNING, "model", "%.240s", why);
}

void catalogue_remove(struct daemon *daemon, const struct model *model)
{
    if (model->origin == MODEL_UPLOADED)
        remove_sent(daemon, model->net->name, model->net->version, model->file_path);
    remove_array(model->image_path);
    book_save_if_possible(daemon);
}

void catalogue_take_back(struct daemon *daemon, const struct model *model)
{
    version_book_take_back(daemon->versions, model->net->name, model->net->version);
    catalogue_remove(daemon, model);
}

void catalogue_sweep(struct daemon *daemon, const char *name, uint32_t below)
{
    uint32_t versions[VERSION_BOOK_NUMBERS];
    size_t n = version_book_list(daemon->versions, name, versions);

    for (size_t i = 0; i < n && versions[i] < below; i++) {
        char file[MODEL_PATH_LEN], array[MODEL_PATH_LEN];
        struct model *served = registry_take_version(daemon->registry, name, versions[i]);

        if (served == NULL) {
            model_paths(daemon->settings.state_dir, name, versions[i], array, file);
            if (access(file, F_OK) == 0)
                remove_sent(daemon, name, versions[i], file);
            remove_array(array);
        }
        model_drop(served);
    }
    book_save_if_possible(daemon);
}
