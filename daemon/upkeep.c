/* SPDX-License-Identifier: Apache-2.0 */
/* upkeep.c - what happens to an array between programmings: it is left alone, it is read,
 * faults are put in, and it is written again.
 *
 *   upkeep_age, ..     data thread          queue
 *   age_work, ..       programming thread   the next generation, and the answer
 *   upkeep_tick        main thread          what is due by the clock, queued
 *   due_work           programming thread   a scrub, or reads that have worn
 */
#include "api/array_json.h"
#include "daemon/array.h"
#include "daemon/wall.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Reads are accounted for in the background once so many cells are expected to have
 * flipped; a change of the array does it in any case. */
#define DISTURB_FLIPS 1.0
/* And no oftener than this, s: each makes a generation. */
#define DISTURB_EVERY_S 10

/* What an answer says of the change; the views of api/array_json.h borrow from it. */
struct change {
    struct mram_state before[NETWORK_MAX_LAYERS];
    struct mram_drifted drifted[NETWORK_MAX_LAYERS];
};

/* The cells as they are before the change proper: reads have worn on them. */
static enum status settle(struct daemon *daemon, struct model *model,
                          const struct generation *current, struct generation *next,
                          struct change *change)
{
    memset(change, 0, sizeof(*change));
    array_account_reads(daemon, model, current, next->number);
    enum status st = array_read(model, next);
    if (st == ST_OK)
        memcpy(change->before, next->states,
               model->net->n_layers * sizeof(change->before[0]));
    return st;
}

static struct array_view view_of(const struct generation *next,
                                 const struct change *change)
{
    return (struct array_view) {
        .model = next->model->net->name,
        .net = next->model->net,
        .points = &next->conditions->points,
        .generation = next->number,
        .before = change->before,
        .states = next->states,
        .durable = next->durable,
    };
}

/* -- Age -- */

static bool has_physics(const struct operating_points *points, size_t layer)
{
    return operating_points_at(points, layer).mode != MRAM_IID;
}

/* Each layer at the temperature asked for, else at its own. Layers in iid stay as they
 * are: they know no devices. */
static enum status drift_layers(struct model *model, const struct generation *next,
                                const struct array_age *asked,
                                struct mram_drifted *drifted)
{
    const struct conditions *conditions = next->conditions;
    struct mram_drift drifts[NETWORK_MAX_LAYERS];
    struct device_flips flips;
    enum status st = ST_OK;

    for (size_t l = 0; l < conditions->n_layers && st == ST_OK; l++) {
        struct operating_point op = operating_points_at(&conditions->points, l);

        if (op.mode == MRAM_IID)
            continue;
        device_retention(&conditions->device, asked->seconds,
                         asked->has_temperature ? asked->temperature_k : op.temperature_k,
                         &flips);
        for (size_t i = 0; i < conditions->n_layers; i++)
            drifts[i] = (struct mram_drift) { RNG_RETENTION, next->number,
                                              op.mode == MRAM_DEVICE, &flips };
        st = mram_drift(model->mram, drifts, mram_first_tile(model->mram, l),
                        mram_layer_tiles(model->mram, l), drifted);
    }
    return st;
}

/* Without physics anywhere there are no devices that could lose their state. */
static bool any_physics(const struct generation *generation, struct problem *problem)
{
    const struct operating_points *points = &generation->conditions->points;

    for (size_t l = 0; l < points->n_layers; l++)
        if (has_physics(points, l))
            return true;
    problem_set(problem, 409, "no_physics",
                "every layer is in mode iid, which knows no devices: nothing ages there; "
                "choose mode device or uniform");
    return false;
}

/* The temperature of all layers with physics; NAN if they differ. */
static double common_temperature(const struct operating_points *points)
{
    double common = (double)NAN;
    bool found = false;

    for (size_t l = 0; l < points->n_layers; l++) {
        double own = operating_points_at(points, l).temperature_k;

        if (!has_physics(points, l))
            continue;
        if (found && own != common)
            return (double)NAN;
        common = own;
        found = true;
    }
    return common;
}

static enum status age(struct daemon *daemon, struct model *model,
                       const struct generation *current, struct generation *next,
                       const struct array_age *asked, struct change *change)
{
    uint64_t began = wall_monotonic_ns();
    enum status st = settle(daemon, model, current, next, change);

    if (st == ST_OK)
        st = drift_layers(model, next, asked, change->drifted);
    if (st == ST_OK)
        st = array_read(model, next);
    next->age_s += asked->seconds;
    if (st == ST_OK)
        return array_publish(daemon, model, next, began);
    array_lose(model);
    return st;
}

static bool age_possible(struct http_call *call, const struct generation *current,
                         struct array_age *ret_asked, struct problem *problem)
{
    const struct conditions *conditions = current->conditions;
    size_t len;
    const char *body = (const char *)http_call_body(call, &len);
    char why[ERR_LEN];

    if (!any_physics(current, problem) ||
        array_json_parse_age(body, len, &conditions->device, ret_asked, problem) != ST_OK)
        return false;
    if (!ret_asked->has_temperature) {
        ret_asked->temperature_k = common_temperature(&conditions->points);
        return true;
    }
    if (device_check_temperature(&conditions->device, ret_asked->temperature_k, why) ==
        ST_OK)
        return true;
    problem_set(problem, 422, "out_of_range", "the device does not exist there");
    problem_add(problem, "/temperature_k", "%s", why);
    return false;
}

static void age_work(struct daemon *daemon, struct model *model, struct http_call *call)
{
    struct generation *current, *next;
    struct array_age asked;
    struct change change;
    struct problem problem;

    if (!array_begin(daemon, model, call, MRAM_AGED, &current, &next))
        return;
    if (!age_possible(call, current, &asked, &problem)) {
        http_reply_problem(call, &problem);
    } else if (age(daemon, model, current, next, &asked, &change) != ST_OK) {
        array_reply_no_memory(call);
    } else {
        struct array_view view = view_of(next, &change);
        const struct array_aged aged = { asked.seconds, asked.temperature_k,
                                         change.drifted, next->age_s };
        struct buf body = BUF_INIT;

        array_json_write_age(&body, &view, &aged);
        array_set_tag(call, next);
        http_reply(call, 200, "application/json", &body);
    }
    generation_drop(next);
    generation_drop(current);
}

void upkeep_age(void *ctx, struct http_call *call)
{
    if (daemon_json_or_415(call, NULL))
        array_defer(ctx, call, age_work);
}

/* -- Scrub -- */

static enum status scrub(struct daemon *daemon, struct model *model,
                         const struct generation *current, struct generation *next,
                         struct change *change)
{
    uint64_t began = wall_monotonic_ns();
    enum status st = settle(daemon, model, current, next, change);

    if (st == ST_OK)
        st = array_write(model, next);
    if (st == ST_OK)
        return array_publish(daemon, model, next, began);
    array_lose(model);
    return st;
}

/* Wrong before and right now; new errors are not held against it. */
static uint64_t restored(const struct change *change, const struct generation *next)
{
    uint64_t n = 0;

    for (size_t l = 0; l < next->conditions->n_layers; l++) {
        const struct mram_result *result = &next->results[l];
        const struct mram_state *before = &change->before[l], *after = &next->states[l];
        uint64_t was = mram_errors(before) - before->stuck_errors;
        uint64_t toggles = result->toggles[0] + result->toggles[1];
        uint64_t left = mram_errors(after) - after->stuck_errors;

        /* iid has no toggles: every wrong cell was written anew. */
        if (!has_physics(&next->conditions->points, l))
            n += was > left ? was - left : 0;
        else
            n += toggles > left ? toggles - left : 0;
    }
    return n;
}

static void scrub_work(struct daemon *daemon, struct model *model, struct http_call *call)
{
    struct generation *current, *next;
    struct change change;
    struct problem problem;
    size_t len;
    const char *given = (const char *)http_call_body(call, &len);

    if (array_json_parse_empty(given, len, &problem) != ST_OK) {
        http_reply_problem(call, &problem);
        return;
    }
    if (!array_begin(daemon, model, call, MRAM_SCRUBBED, &current, &next))
        return;
    if (scrub(daemon, model, current, next, &change) != ST_OK) {
        array_reply_no_memory(call);
    } else {
        struct array_view view = view_of(next, &change);
        const struct array_scrubbed scrubbed = { next->results, restored(&change, next) };
        struct buf body = BUF_INIT;

        array_json_write_scrub(&body, &view, &scrubbed);
        array_set_tag(call, next);
        http_reply(call, 200, "application/json", &body);
    }
    generation_drop(next);
    generation_drop(current);
}

void upkeep_scrub(void *ctx, struct http_call *call)
{
    if (daemon_json_or_415(call, NULL))
        array_defer(ctx, call, scrub_work);
}

/* -- Inject -- */

static void put_faults(struct model *model, const struct generation *next,
                       const struct array_inject *asked, struct array_injected *injected)
{
    if (asked->has_share)
        mram_inject(model->mram, asked->share, asked->seed, next->number,
                    &injected->flipped);
    for (size_t i = 0; i < asked->n_places; i++) {
        const struct place *place = &asked->places[i];
        unsigned wanted = mram_layout(model->mram, place->layer).pairs ? 2 : 1;
        unsigned flipped =
            mram_inject_bit(model->mram, place->layer, place->row, place->column);

        injected->flipped += flipped;
        injected->stuck += flipped < wanted;
    }
}

static enum status inject(struct daemon *daemon, struct model *model,
                          const struct generation *current, struct generation *next,
                          const struct array_inject *asked, struct change *change,
                          struct array_injected *injected)
{
    uint64_t began = wall_monotonic_ns();
    enum status st = settle(daemon, model, current, next, change);

    if (st == ST_OK) {
        put_faults(model, next, asked, injected);
        st = array_read(model, next);
    }
    if (st == ST_OK)
        return array_publish(daemon, model, next, began);
    array_lose(model);
    return st;
}

static void inject_work(struct daemon *daemon, struct model *model,
                        struct http_call *call)
{
    struct generation *current, *next;
    struct array_inject asked = { .n_places = 0 };
    struct array_injected injected = { 0, 0 };
    struct change change;
    struct problem problem;
    size_t len;
    const char *body = (const char *)http_call_body(call, &len);

    if (!array_begin(daemon, model, call, MRAM_INJECTED, &current, &next))
        return;
    if (array_json_parse_inject(body, len, model->net, &asked, &problem) != ST_OK) {
        http_reply_problem(call, &problem);
    } else if (inject(daemon, model, current, next, &asked, &change, &injected) !=
               ST_OK) {
        array_reply_no_memory(call);
    } else {
        struct array_view view = view_of(next, &change);
        struct buf answer = BUF_INIT;

        array_json_write_inject(&answer, &view, &injected);
        array_set_tag(call, next);
        http_reply(call, 200, "application/json", &answer);
    }
    array_inject_done(&asked);
    generation_drop(next);
    generation_drop(current);
}

void upkeep_inject(void *ctx, struct http_call *call)
{
    if (daemon_json_or_415(call, NULL))
        array_defer(ctx, call, inject_work);
}

/* -- By the clock -- */

/* Are the reads since the last time expected to have flipped so many cells? */
static bool wear_due(struct daemon *daemon, const struct model *model,
                     const struct generation *generation)
{
    const struct conditions *conditions = generation->conditions;
    double per_read = 0.0;

    for (size_t l = 0; l < conditions->n_layers; l++)
        per_read += (double)generation->states[l].parallel * conditions->disturb[l];
    return per_read > 0.0 &&
           wall_seconds() - generation->changed_at_s >= DISTURB_EVERY_S &&
           per_read * (double)array_pending_reads(daemon, model) >= DISTURB_FLIPS;
}

static bool scrub_due(const struct daemon *daemon, const struct generation *generation)
{
    uint64_t interval_s = daemon->settings.scrub_interval_s;

    int64_t written_s = generation->programmed_at_s;

    /* An image that is old already was brought here for what it holds. */
    if (written_s < generation->model->imported_at_s)
        written_s = generation->model->imported_at_s;
    return interval_s > 0 && wall_seconds() - written_s >= (int64_t)interval_s;
}

static enum status disturb(struct daemon *daemon, struct model *model,
                           const struct generation *current, struct generation *next)
{
    uint64_t began = wall_monotonic_ns();

    array_account_reads(daemon, model, current, next->number);
    enum status st = array_read(model, next);
    if (st == ST_OK)
        return array_publish(daemon, model, next, began);
    array_lose(model);
    return st;
}

struct due {
    struct daemon *daemon;
    struct model *model;
};

static void due_work(struct daemon *daemon, struct model *model)
{
    struct generation *serving = generation_take(model), *current, *next;
    bool scrubs = scrub_due(daemon, serving);
    /* What came before us on this thread may have done it already. */
    bool is_due = scrubs || wear_due(daemon, model, serving);
    enum mram_cause cause = scrubs ? MRAM_SCRUBBED : MRAM_DISTURBED;
    struct change change;

    generation_drop(serving);
    if (!is_due || !array_begin(daemon, model, NULL, cause, &current, &next))
        return; /* the clock will ask again */
    enum status st = scrubs ? scrub(daemon, model, current, next, &change)
                            : disturb(daemon, model, current, next);
    if (st != ST_OK)
        record_event(daemon->record, METRICS_WARNING, "upkeep", model,
                     "not enough memory for generation %llu",
                     (unsigned long long)next->number);
    generation_drop(next);
    generation_drop(current);
}

static void run_due(void *arg, unsigned worker)
{
    struct due *due = arg;

    (void)worker;
    due_work(due->daemon, due->model);
    atomic_store(&due->model->upkeep_queued, false);
    model_drop(due->model);
    free(due);
}

static void queue_due(struct daemon *daemon, struct model *model)
{
    struct due *due = malloc(sizeof(*due));

    if (due != NULL) {
        *due = (struct due) { daemon, model };
        model_keep(model);
        if (pool_submit(daemon->programming, run_due, due) == ST_OK)
            return;
        model_drop(model);
    }
    free(due);
    atomic_store(&model->upkeep_queued, false);
}

void upkeep_tick(struct daemon *daemon)
{
    struct model *models[REGISTRY_MAX];
    size_t n = registry_list(daemon->registry, models);

    for (size_t i = 0; i < n; i++) {
        struct generation *generation = generation_take(models[i]);
        bool is_due =
            scrub_due(daemon, generation) || wear_due(daemon, models[i], generation);

        generation_drop(generation);
        if (is_due && !atomic_exchange(&models[i]->upkeep_queued, true))
            queue_due(daemon, models[i]);
    }
    registry_drop_list(models, n);
}
