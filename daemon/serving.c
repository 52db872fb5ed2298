/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/serving.h"

#include "daemon/catalogue.h"
#include "daemon/start.h"

#include <inttypes.h>
#include <string.h>

/* -- Room -- */

/* How many are served under other names, and their weights. */
static size_t count_others(const struct daemon *daemon, const char *name,
                           uint64_t *ret_cells)
{
    struct model *models[REGISTRY_MAX];
    size_t n = registry_list(daemon->registry, models), n_others = 0;

    *ret_cells = 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(models[i]->net->name, name) != 0) {
            *ret_cells += network_cells(models[i]->net);
            n_others++;
        }
    registry_drop_list(models, n);
    return n_others;
}

static void set_too_many(struct problem *problem)
{
    problem_set(problem, 409, "too_many_models", "more than %d models", REGISTRY_MAX);
}

/* Only this thread adds models: what fits now fits when it is published. */
bool serving_has_room(const struct daemon *daemon, const char *name,
                      struct model *const *models, size_t n, struct problem *ret_problem)
{
    uint64_t most = daemon->settings.max_cells, taken, cells = 0;

    if (count_others(daemon, name, &taken) + n > REGISTRY_MAX) {
        set_too_many(ret_problem);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        cells += network_cells(models[i]->net);
    if (most == 0 || (taken <= most && cells <= most - taken))
        return true;
    problem_set(ret_problem, 409, "too_many_cells",
                "%s has %" PRIu64 " cells, the others that are served %" PRIu64
                "; max_cells is %" PRIu64,
                n == 1 ? "the network" : "the network with the versions beside it", cells,
                taken, most);
    return false;
}

/* -- Into service -- */

enum status serving_begin(struct daemon *daemon, struct model *model,
                          struct problem *ret_problem)
{
    char why[ERR_LEN];
    enum status st = record_add_model(daemon->record, model, why);

    if (st == ST_OK) {
        st = start_array(daemon, model, why);
        if (st != ST_OK)
            record_remove_model(daemon->record, model);
    }
    if (st != ST_OK)
        problem_set(ret_problem, st == ST_UNREACHABLE ? 422 : 503, "model_not_started",
                    "%s", why);
    return st;
}

static bool has_version(struct model *const *models, size_t n, uint32_t version)
{
    for (size_t i = 0; i < n; i++)
        if (models[i]->net->version == version)
            return true;
    return false;
}

enum status serving_publish(struct daemon *daemon, const char *name,
                            struct model *const *models, size_t n,
                            struct problem *ret_problem)
{
    struct model *gone[REGISTRY_VERSIONS];
    size_t n_gone;
    enum status st = registry_set(daemon->registry, name, models, n, gone, &n_gone);

    if (st != ST_OK) {
        set_too_many(ret_problem);
        return st;
    }
    for (size_t i = 0; i < n_gone; i++) {
        gone[i]->retired = true; /* nobody writes its files again */
        if (!has_version(models, n, gone[i]->net->version))
            catalogue_remove(daemon, gone[i]);
        serving_end(daemon, gone[i]);
    }
    return ST_OK;
}

void serving_abandon(struct daemon *daemon, struct model *model)
{
    record_remove_model(daemon->record, model);
}

void serving_end(struct daemon *daemon, struct model *model)
{
    model->retired = true;
    record_remove_model(daemon->record, model);
    model_drop(model);
}
