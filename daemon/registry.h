/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h - which networks are served: the built-in ones, those of the model folder
 * and those that were uploaded. Any thread; what is handed out is referenced. */
#ifndef DAEMON_REGISTRY_H
#define DAEMON_REGISTRY_H

#include "daemon/model.h"

#define REGISTRY_MAX 1024

struct registry;
struct daemon;

/* Without models. */
MUST_CHECK enum status registry_new(struct registry **ret_registry);
/* Makes daemon->registry of all that is served at the start. A model of the folder takes
 * the place of a built-in one of the same name, an uploaded one that of both. A file that
 * cannot be read is an error: a model that silently is not there is worse; so are two
 * files of one model name. `why` begins with the file. */
MUST_CHECK enum status registry_load(struct daemon *daemon, char why[ERR_LEN]);
/* Takes NULL. */
void registry_free(struct registry *registry);

/* The model of that name, with a reference of the caller's; NULL if there is none. */
struct model *registry_take(struct registry *registry, const char *name);
struct model *registry_take_id(struct registry *registry, uint32_t id);
/* All of them in the order of their slots, with a reference each; returns how many. */
size_t registry_list(struct registry *registry, struct model *ret_models[REGISTRY_MAX]);
void registry_drop_list(struct model *const *models, size_t n);

/* Takes the caller's reference. A model of the same name goes, and is *ret_before with
 * the registry's reference, else NULL. ST_RANGE: there is no room. */
MUST_CHECK enum status registry_put(struct registry *registry, struct model *model,
                                    struct model **ret_before);
/* Takes it out; the registry's reference is the caller's then. False if it is not there.
 */
bool registry_remove(struct registry *registry, struct model *model);
/* The same with a note that it is unavailable. The model is there. ST_NOMEM: it stays. */
MUST_CHECK enum status registry_park(struct registry *registry, struct model *model,
                                     const char *reason);

/* -- Names that are known without being served -- */

enum registry_state {
    REGISTRY_READY,
    REGISTRY_LOADING,
    REGISTRY_UNAVAILABLE,
    REGISTRY_UNKNOWN, /* nothing is told of it */
};

/* What is told of a name from now on, until a model of that name is put in or taken out:
 * that it is not served, or of one that is, why it could not be loaded again. ST_NOMEM.
 */
MUST_CHECK enum status registry_note(struct registry *registry, const char *name,
                                     enum registry_state state, const char *reason);
struct registry_note {
    enum registry_state state;
    char reason[ERR_LEN];
};
/* registry_take, and where that gives NULL, what is told of the name at that moment. */
struct model *registry_look(struct registry *registry, const char *name,
                            struct registry_note *ret_note);
/* Shows the models and the names besides; `visit` must be quick. */
typedef void registry_visitor(void *ctx, const char *name, enum registry_state state,
                              const char *reason);
void registry_visit(struct registry *registry, registry_visitor *visit, void *ctx);

/* The network that a start would serve under the name, read again. ST_NOT_FOUND, or
 * another status with `why`, which begins with the file. */
MUST_CHECK enum status registry_read(const struct daemon *daemon, const char *name,
                                     struct network **ret_net,
                                     enum model_origin *ret_origin, char why[ERR_LEN]);

#endif
