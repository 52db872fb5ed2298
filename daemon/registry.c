/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/registry.h"

#include "daemon/builtin.h"
#include "daemon/log.h"
#include "storage/model_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MODELS 1024

/* Takes `net`; one of the same name goes. */
static enum status add(struct daemon *daemon, struct network *net)
{
    struct model *before = daemon_model(daemon, net->name);
    size_t index = before != NULL ? before->index : daemon->n_models;
    struct model *model;

    enum status st =
        model_new(net, index, daemon->settings.state_dir, &daemon->device, &model);
    if (st != ST_OK)
        return st;
    model_free(before);
    daemon->models[index] = model;
    if (before == NULL)
        daemon->n_models++;
    return ST_OK;
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
        st = add(daemon, net);
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

/* `from_folder`: [MAX_MODELS], which models are not built in. */
static enum status load_file(struct daemon *daemon, const char *name, bool *from_folder,
                             char why[ERR_LEN])
{
    char path[SETTINGS_TEXT_LEN + 260];
    struct network *net;

    (void)snprintf(path, sizeof(path), "%s/%s", daemon->settings.model_dir, name);
    enum status st = model_file_load(path, &net, why);
    if (st != ST_OK)
        return st;

    const struct model *before = daemon_model(daemon, net->name);
    size_t index = before != NULL ? before->index : daemon->n_models;
    if (index == MAX_MODELS || from_folder[index]) {
        if (index == MAX_MODELS)
            (void)snprintf(why, ERR_LEN, "%.180s: more than %d models", path, MAX_MODELS);
        else
            (void)snprintf(why, ERR_LEN,
                           "%.140s: another file of the folder has a model \"%.64s\" too",
                           path, net->name);
        network_free(net);
        return ST_RANGE;
    }
    from_folder[index] = true;
    st = add(daemon, net);
    if (st != ST_OK)
        (void)snprintf(why, ERR_LEN, "out of memory");
    return st;
}

static enum status load_folder(struct daemon *daemon, char why[ERR_LEN])
{
    bool from_folder[MAX_MODELS] = { false };
    struct dirent **entries;
    int n = scandir(daemon->settings.model_dir, &entries, is_model_file, alphasort);

    if (n < 0) {
        (void)snprintf(why, ERR_LEN, "model_dir: %.150s: %s", daemon->settings.model_dir,
                       strerror(errno));
        return ST_IO;
    }
    if (n == 0)
        log_line(LOG_WARNING, "model_dir", "path=\"%.200s\" has no .sbnn file",
                 daemon->settings.model_dir);
    enum status st = ST_OK;
    for (int i = 0; i < n; i++) {
        if (st == ST_OK)
            st = load_file(daemon, entries[i]->d_name, from_folder, why);
        free(entries[i]);
    }
    free(entries);
    return st;
}

enum status registry_load(struct daemon *daemon, char why[ERR_LEN])
{
    (void)snprintf(why, ERR_LEN, "out of memory");
    daemon->models = calloc(MAX_MODELS, sizeof(struct model *));
    if (daemon->models == NULL)
        return ST_NOMEM;
    enum status st = load_builtin(daemon, why);
    if (st == ST_OK && daemon->settings.model_dir[0] != '\0')
        st = load_folder(daemon, why);
    return st;
}

void registry_free(struct daemon *daemon)
{
    for (size_t i = 0; i < daemon->n_models; i++)
        model_free(daemon->models[i]);
    free(daemon->models);
    daemon->models = NULL;
    daemon->n_models = 0;
}
