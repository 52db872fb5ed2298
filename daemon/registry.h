/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h - which networks are served, each by its name and its version. Any thread;
 * what is handed out is referenced. catalogue.h knows where they come from.
 *
 * Of one name several versions may be served at once; without a version the highest one
 * is meant. The versions of a name change together and at once: who looks sees those
 * before or those after.
 */
#ifndef DAEMON_REGISTRY_H
#define DAEMON_REGISTRY_H

#include "daemon/model.h"

#define REGISTRY_MAX      1024 /* models, of all names */
#define REGISTRY_VERSIONS 16   /* of one name */

struct registry;

/* Without models. */
MUST_CHECK enum status registry_new(struct registry **ret_registry);
/* Takes NULL. */
void registry_free(struct registry *registry);

/* The highest version of that name, with a reference of the caller's; NULL if there is
 * none. */
struct model *registry_take(struct registry *registry, const char *name);
/* This version; 0: the highest. */
struct model *registry_take_version(struct registry *registry, const char *name,
                                    uint32_t version);
struct model *registry_take_id(struct registry *registry, uint32_t id);
/* The versions of a name, the highest first, with a reference each; returns how many. */
size_t registry_versions(struct registry *registry, const char *name,
                         struct model *ret_models[REGISTRY_VERSIONS]);
/* All of them, with a reference each; returns how many. Built-in ones come first, then
 * those of the folder; versions of a name are side by side, the highest first. */
size_t registry_list(struct registry *registry, struct model *ret_models[REGISTRY_MAX]);
void registry_drop_list(struct model *const *models, size_t n);

/* From now on these are the versions of the name, n of them and the highest first; the
 * registry has a reference of its own to each. Those that go are ret_gone, with the
 * registry's references. ST_RANGE: there is no room; nothing has changed. */
MUST_CHECK enum status registry_set(struct registry *registry, const char *name,
                                    struct model *const *models, size_t n,
                                    struct model *ret_gone[REGISTRY_VERSIONS],
                                    size_t *ret_n_gone);
/* Adds a model that nobody uses yet, in place of one of its name and version, and lets
 * those beyond the highest `keep` of its name go, maybe itself. ST_RANGE as before. */
MUST_CHECK enum status registry_add(struct registry *registry, struct model *model,
                                    size_t keep);
/* Takes all versions of the name out, with a note that they are unavailable. ST_NOMEM:
 * they stay. */
MUST_CHECK enum status registry_park(struct registry *registry, const char *name,
                                     const char *reason,
                                     struct model *ret_gone[REGISTRY_VERSIONS],
                                     size_t *ret_n_gone);

/* -- Names that are known without being served -- */

enum registry_state {
    REGISTRY_READY,
    REGISTRY_LOADING,
    REGISTRY_UNAVAILABLE,
    REGISTRY_UNKNOWN, /* nothing is told of it */
};

/* What is told of a name from now on, until its versions are set: that it is not served,
 * or of one that is, why it could not be loaded again. `version`: of a name of which none
 * was ever told, the one that comes. ST_NOMEM. */
MUST_CHECK enum status registry_note(struct registry *registry, const char *name,
                                     uint32_t version, enum registry_state state,
                                     const char *reason);
struct registry_note {
    enum registry_state state;
    char reason[ERR_LEN];
};
/* registry_take_version, and where that gives NULL, what is told of the name at that
 * moment; REGISTRY_READY: other versions of it are served. */
struct model *registry_look(struct registry *registry, const char *name, uint32_t version,
                            struct registry_note *ret_note);
/* Shows the models and the names besides; `visit` must be quick. */
typedef void registry_visitor(void *ctx, const char *name, uint32_t version,
                              enum registry_state state, const char *reason);
void registry_visit(struct registry *registry, registry_visitor *visit, void *ctx);

#endif
