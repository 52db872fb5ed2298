/* SPDX-License-Identifier: Apache-2.0 */
/* oip_repository.h - bodies of the model repository extension of the Open Inference
 * Protocol. */
#ifndef API_OIP_REPOSITORY_H
#define API_OIP_REPOSITORY_H

#include "api/buf.h"
#include "api/problem.h"

/* The body of index: nothing, or an object. ret_ready: only models that are ready are
 * asked for. ST_FORMAT with a 400. */
MUST_CHECK enum status oip_index_parse(const char *body, size_t len, bool *ret_ready,
                                       struct problem *ret_problem);
/* The body of load or unload: nothing, or an object. Parameters that would bring another
 * configuration or file are refused, others ignored. ST_FORMAT with a 400. */
MUST_CHECK enum status oip_load_parse(const char *body, size_t len,
                                      struct problem *ret_problem);

/* One member of the list that index answers. `state`: "READY", "UNAVAILABLE", "LOADING";
 * `reason`: "" without one. */
void oip_index_write(struct buf *buf, const char *name, uint32_t version,
                     const char *state, const char *reason);

#endif
