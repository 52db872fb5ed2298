/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/serving.h"

#include "core/rng.h"
#include "daemon/program.h"
#include "storage/model_file.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* -- An array beside another -- */

static void begin_beside(struct model *model)
{
    size_t len = strlen(model->image_path);

    (void)snprintf(model->image_path + len, sizeof(model->image_path) - len, ".new");
    (void)unlink(model->image_path); /* of an upload that was killed */
}

static bool is_beside(const struct model *model)
{
    return strcmp(strrchr(model->image_path, '.'), ".new") == 0;
}

static void end_beside(struct daemon *daemon, struct model *model)
{
    char path[sizeof(model->image_path)], why[ERR_LEN];

    if (!is_beside(model))
        return;
    (void)snprintf(path, sizeof(path), "%s", model->image_path);
    *strrchr(model->image_path, '.') = '\0';
    if (model_file_move(path, model->image_path, why) != ST_OK || why[0] != '\0')
        record_event(daemon->record, METRICS_ERROR, "array", model,
                     "the array may not be on disk: %.180s", why);
}

/* -- Into service -- */

/* Weights of all that is served but `without`. */
static uint64_t cells_served(const struct daemon *daemon, const struct model *without)
{
    struct model *models[REGISTRY_MAX];
    size_t n = registry_list(daemon->registry, models);
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        if (models[i] != without)
            sum += network_cells(models[i]->net);
    registry_drop_list(models, n);
    return sum;
}

/* Only this thread adds models: what fits now fits when it is published. */
static bool has_room(const struct daemon *daemon, const struct network *net,
                     const struct model *served, struct problem *problem)
{
    uint64_t most = daemon->settings.max_cells, taken = cells_served(daemon, served);
    uint64_t cells = network_cells(net);

    if (most == 0 || (taken <= most && cells <= most - taken))
        return true;
    problem_set(problem, 409, "too_many_cells",
                "the network has %" PRIu64 " cells, the others that are served %" PRIu64
                "; max_cells is %" PRIu64,
                cells, taken, most);
    return false;
}

/* One name, one row of generations: who knows the last one of the model before sees that
 * this is another. */
static uint64_t first_generation(struct model *before)
{
    struct generation *last = before != NULL ? generation_take(before) : NULL;
    uint64_t first =
        last != NULL && last->number < RNG_MAX_GENERATION ? last->number + 1 : 1;

    generation_drop(last);
    return first;
}

static enum status start(struct daemon *daemon, struct model *model, uint64_t first,
                         struct problem *problem)
{
    char why[ERR_LEN];
    enum status st = record_add_model(daemon->record, model, why);

    if (st == ST_OK) {
        st = program_start(daemon, model, first, why);
        if (st != ST_OK)
            record_remove_model(daemon->record, model);
    }
    if (st != ST_OK)
        problem_set(problem, st == ST_UNREACHABLE ? 422 : 503, "model_not_started", "%s",
                    why);
    return st;
}

/* Of a model that nobody serves. */
static void leave(struct model *model)
{
    if (is_beside(model))
        (void)unlink(model->image_path); /* if it stays, it is an array of nobody's */
    model_drop(model);
}

enum status serving_begin(struct daemon *daemon, struct network *net,
                          enum model_origin origin, struct model *served, bool beside,
                          struct model **ret_model, struct problem *ret_problem)
{
    struct model *model;

    if (!has_room(daemon, net, served, ret_problem)) {
        network_free(net);
        return ST_RANGE;
    }
    if (model_new(net, origin, daemon->settings.state_dir, &daemon->device, &model) !=
        ST_OK) {
        problem_out_of_memory(ret_problem);
        return ST_NOMEM;
    }
    if (beside)
        begin_beside(model);
    enum status st = start(daemon, model, first_generation(served), ret_problem);
    if (st == ST_OK) {
        *ret_model = model;
        return ST_OK;
    }
    leave(model);
    return st;
}

enum status serving_publish(struct daemon *daemon, struct model *model,
                            struct problem *ret_problem)
{
    struct model *before = NULL;

    model_keep(model);
    enum status st = registry_put(daemon->registry, model, &before);
    if (st != ST_OK) {
        problem_set(ret_problem, 409, "too_many_models", "more than %d models",
                    REGISTRY_MAX);
        model_drop(model);
        return st;
    }
    serving_end(daemon, before);
    end_beside(daemon, model);
    return ST_OK;
}

void serving_abandon(struct daemon *daemon, struct model *model)
{
    record_remove_model(daemon->record, model);
    leave(model);
}

void serving_end(struct daemon *daemon, struct model *model)
{
    if (model == NULL)
        return;
    model->retired = true;
    record_remove_model(daemon->record, model);
    model_drop(model);
}
