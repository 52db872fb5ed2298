/* SPDX-License-Identifier: Apache-2.0 */
/* feedback.h - remembers what was answered, so that true labels may come afterwards.
 *
 * Each data thread has a ring of its last FEEDBACK_ANSWERS pictures, found by request id.
 */
#ifndef DAEMON_FEEDBACK_H
#define DAEMON_FEEDBACK_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEEDBACK_ANSWERS 65536

struct feedback_memory;

MUST_CHECK enum status feedback_memory_new(unsigned n_threads,
                                           struct feedback_memory **ret_memory);
void feedback_memory_free(struct feedback_memory *memory);

/* One answered request: the class given to each of its n pictures. labels[i] >= 0: the
 * label came with the request already. Any thread. */
void feedback_note(struct feedback_memory *memory, uint64_t request_id, uint32_t model,
                   uint64_t generation, const uint32_t *classes, const int32_t *labels,
                   size_t n);

typedef size_t feedback_classes(void *ctx, uint32_t model);

/* What late labels come to. */
struct feedback_match {
    uint32_t model; /* its id */
    uint64_t generation;
    uint32_t labelled, correct;
};

/* Matches labels with the pictures of a request, in order, once. Any thread.
 * n_classes_of: of the model with an id; labels at or above it are refused, all of them
 * if it is 0: the model is gone. ST_NOT_FOUND: not remembered. ST_CONFLICT: labelled
 * before. ST_RANGE: another number of pictures, or a label that is no class; `why` says
 * which. Only ST_OK changes anything.
 */
MUST_CHECK enum status feedback_match(struct feedback_memory *memory, uint64_t request_id,
                                      const uint32_t *labels, size_t n,
                                      feedback_classes *n_classes_of, void *ctx,
                                      struct feedback_match *ret_match,
                                      char why[ERR_LEN]);

#endif
