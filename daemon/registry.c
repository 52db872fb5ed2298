/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/registry.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct note {
    struct note *next;
    struct registry_note is;
    size_t n_versions; /* that are not served */
    uint32_t versions[REGISTRY_VERSIONS];
    char name[];
};

struct registry {
    pthread_mutex_t mutex;
    struct note *notes; /* ours */
    size_t n;
    struct model *models[REGISTRY_MAX]; /* in order; a reference of ours each */
    bool taken[REGISTRY_MAX];           /* which slots are somebody's */
};

/* The versions of one name; under the mutex, as all that has one. */
struct span {
    size_t at, n;
};

static bool is_at(const struct registry *registry, size_t i, const char *name)
{
    return i < registry->n && strcmp(registry->models[i]->net->name, name) == 0;
}

static struct span find(const struct registry *registry, const char *name)
{
    struct span span = { 0, 0 };

    while (span.at < registry->n && !is_at(registry, span.at, name))
        span.at++;
    while (is_at(registry, span.at + span.n, name))
        span.n++;
    return span;
}

/* -- Looking up -- */

/* Under the mutex; 0: the highest. */
static struct model *take(struct registry *registry, struct span span, uint32_t version)
{
    for (size_t i = span.at; i < span.at + span.n; i++)
        if (version == 0 || registry->models[i]->net->version == version) {
            model_keep(registry->models[i]);
            return registry->models[i];
        }
    return NULL;
}

struct model *registry_take(struct registry *registry, const char *name)
{
    return registry_take_version(registry, name, 0);
}

struct model *registry_take_version(struct registry *registry, const char *name,
                                    uint32_t version)
{
    (void)pthread_mutex_lock(&registry->mutex);
    struct model *found = take(registry, find(registry, name), version);
    (void)pthread_mutex_unlock(&registry->mutex);
    return found;
}

struct model *registry_take_id(struct registry *registry, uint32_t id)
{
    struct model *found = NULL;

    (void)pthread_mutex_lock(&registry->mutex);
    for (size_t i = 0; i < registry->n && found == NULL; i++)
        if (registry->models[i]->id == id)
            found = registry->models[i];
    if (found != NULL)
        model_keep(found);
    (void)pthread_mutex_unlock(&registry->mutex);
    return found;
}

static size_t hand_out(struct registry *registry, struct span span,
                       struct model **ret_models)
{
    for (size_t i = 0; i < span.n; i++) {
        ret_models[i] = registry->models[span.at + i];
        model_keep(ret_models[i]);
    }
    return span.n;
}

size_t registry_versions(struct registry *registry, const char *name,
                         struct model *ret_models[REGISTRY_VERSIONS])
{
    (void)pthread_mutex_lock(&registry->mutex);
    size_t n = hand_out(registry, find(registry, name), ret_models);
    (void)pthread_mutex_unlock(&registry->mutex);
    return n;
}

size_t registry_list(struct registry *registry, struct model *ret_models[REGISTRY_MAX])
{
    (void)pthread_mutex_lock(&registry->mutex);
    size_t n = hand_out(registry, (struct span) { 0, registry->n }, ret_models);
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
    note->n_versions = 0;
    (void)snprintf(note->is.reason, sizeof(note->is.reason), "%s", reason);
    memcpy(note->name, name, len);
    return note;
}

static void add_version(struct note *note, uint32_t version)
{
    note->versions[note->n_versions++] = version;
}

static void put_note(struct registry *registry, struct note *note)
{
    forget_note(registry, note->name);
    note->next = registry->notes;
    registry->notes = note;
}

enum status registry_note(struct registry *registry, const char *name, uint32_t version,
                          enum registry_state state, const char *reason)
{
    struct note *note = new_note(name, state, reason);

    if (note == NULL)
        return ST_NOMEM;
    (void)pthread_mutex_lock(&registry->mutex);
    const struct note *before = *find_note(registry, name);
    for (size_t i = 0; before != NULL && i < before->n_versions; i++)
        add_version(note, before->versions[i]);
    if (before == NULL && find(registry, name).n == 0)
        add_version(note, version);
    put_note(registry, note);
    (void)pthread_mutex_unlock(&registry->mutex);
    return ST_OK;
}

struct model *registry_look(struct registry *registry, const char *name, uint32_t version,
                            struct registry_note *ret_note)
{
    static const struct registry_note unknown = { REGISTRY_UNKNOWN, "" },
                                      served = { REGISTRY_READY, "" };

    (void)pthread_mutex_lock(&registry->mutex);
    struct span span = find(registry, name);
    struct model *found = take(registry, span, version);

    if (found == NULL) {
        const struct note *note = *find_note(registry, name);

        *ret_note = span.n > 0 ? served : note != NULL ? note->is : unknown;
    }
    (void)pthread_mutex_unlock(&registry->mutex);
    return found;
}

void registry_visit(struct registry *registry, registry_visitor *visit, void *ctx)
{
    (void)pthread_mutex_lock(&registry->mutex);
    for (size_t i = 0; i < registry->n; i++) {
        const struct network *net = registry->models[i]->net;
        const struct note *note = *find_note(registry, net->name);

        visit(ctx, net->name, net->version, REGISTRY_READY,
              note != NULL ? note->is.reason : "");
    }
    for (const struct note *note = registry->notes; note != NULL; note = note->next)
        for (size_t i = 0; i < note->n_versions; i++)
            visit(ctx, note->name, note->versions[i], note->is.state, note->is.reason);
    (void)pthread_mutex_unlock(&registry->mutex);
}

/* -- Changing -- */

static bool is_among(const struct model *model, struct model *const *models, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (models[i] == model)
            return true;
    return false;
}

static void take_slot(struct registry *registry, struct model *model)
{
    size_t slot = 0;

    while (registry->taken[slot])
        slot++;
    registry->taken[slot] = true;
    model->slot = slot;
}

/* Where a name that is new begins. */
static size_t place_for(const struct registry *registry, const struct model *model)
{
    size_t at = 0;

    while (at < registry->n && registry->models[at]->origin <= model->origin)
        at++;
    return at;
}

/* Puts n models where those of the span were. */
static void splice(struct registry *registry, struct span span,
                   struct model *const *models, size_t n)
{
    memmove(&registry->models[span.at + n], &registry->models[span.at + span.n],
            (registry->n - span.at - span.n) * sizeof(registry->models[0]));
    if (n > 0)
        memcpy(&registry->models[span.at], models, n * sizeof(registry->models[0]));
    registry->n = registry->n - span.n + n;
}

/* As registry_set, under the mutex. */
static enum status set(struct registry *registry, const char *name,
                       struct model *const *models, size_t n,
                       struct model *ret_gone[REGISTRY_VERSIONS], size_t *ret_n_gone)
{
    struct span span = find(registry, name);
    struct model *before[REGISTRY_VERSIONS];
    size_t n_gone = 0;

    assert(span.n <= REGISTRY_VERSIONS && n <= REGISTRY_VERSIONS);
    if (registry->n - span.n + n > REGISTRY_MAX)
        return ST_RANGE;
    for (size_t i = 0; i < span.n; i++) {
        before[i] = registry->models[span.at + i];
        if (is_among(before[i], models, n))
            continue;
        registry->taken[before[i]->slot] = false;
        ret_gone[n_gone++] = before[i];
    }
    for (size_t i = 0; i < n; i++)
        if (!is_among(models[i], before, span.n)) {
            take_slot(registry, models[i]);
            model_keep(models[i]);
        }
    if (span.n == 0 && n > 0)
        span.at = place_for(registry, models[0]);
    splice(registry, span, models, n);
    forget_note(registry, name);
    *ret_n_gone = n_gone;
    return ST_OK;
}

enum status registry_set(struct registry *registry, const char *name,
                         struct model *const *models, size_t n,
                         struct model *ret_gone[REGISTRY_VERSIONS], size_t *ret_n_gone)
{
    (void)pthread_mutex_lock(&registry->mutex);
    enum status st = set(registry, name, models, n, ret_gone, ret_n_gone);
    (void)pthread_mutex_unlock(&registry->mutex);
    return st;
}

enum status registry_add(struct registry *registry, struct model *model, size_t keep)
{
    struct model *models[REGISTRY_VERSIONS + 1], *gone[REGISTRY_VERSIONS];
    size_t n = 0, n_gone = 0;
    bool added = false;

    (void)pthread_mutex_lock(&registry->mutex);
    struct span span = find(registry, model->net->name);
    for (size_t i = 0; i < span.n; i++) {
        struct model *other = registry->models[span.at + i];

        if (!added && other->net->version <= model->net->version) {
            models[n++] = model;
            added = true;
        }
        if (other->net->version != model->net->version)
            models[n++] = other;
    }
    if (!added)
        models[n++] = model;
    enum status st =
        set(registry, model->net->name, models, n < keep ? n : keep, gone, &n_gone);
    (void)pthread_mutex_unlock(&registry->mutex);
    registry_drop_list(gone, n_gone);
    return st;
}

enum status registry_park(struct registry *registry, const char *name, const char *reason,
                          struct model *ret_gone[REGISTRY_VERSIONS], size_t *ret_n_gone)
{
    struct note *note = new_note(name, REGISTRY_UNAVAILABLE, reason);

    if (note == NULL)
        return ST_NOMEM;
    (void)pthread_mutex_lock(&registry->mutex);
    enum status st = set(registry, name, NULL, 0, ret_gone, ret_n_gone);
    for (size_t i = 0; i < *ret_n_gone; i++)
        add_version(note, ret_gone[i]->net->version);
    put_note(registry, note);
    (void)pthread_mutex_unlock(&registry->mutex);
    return st;
}

/* -- Begin and end -- */

enum status registry_new(struct registry **ret_registry)
{
    *ret_registry = calloc(1, sizeof(**ret_registry));
    if (*ret_registry == NULL)
        return ST_NOMEM;
    (void)pthread_mutex_init(&(*ret_registry)->mutex, NULL);
    return ST_OK;
}

void registry_free(struct registry *registry)
{
    if (registry == NULL)
        return;
    registry_drop_list(registry->models, registry->n);
    while (registry->notes != NULL)
        forget_note(registry, registry->notes->name);
    (void)pthread_mutex_destroy(&registry->mutex);
    free(registry);
}
