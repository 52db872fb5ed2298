/* SPDX-License-Identifier: Apache-2.0 */
/* exam.h - labelled pictures that weights are asked about. One thread. */
#ifndef DAEMON_EXAM_H
#define DAEMON_EXAM_H

#include "core/infer.h"
#include "storage/dataset.h"

/* A label counts as found also among so many best classes. */
#define EXAM_TOP 5

struct exam;

/* Takes the pictures of `set`, the first `limit` of them, 0 for all; `set` is empty
 * afterwards. `net` is borrowed. ST_NOMEM; ST_CONFLICT: what the set calls its classes is
 * in another order in the network. */
MUST_CHECK enum status exam_new(const struct network *net, struct dataset *set,
                                uint64_t limit, struct exam **ret_exam,
                                char why[ERR_LEN]);
void exam_free(struct exam *exam);
size_t exam_pictures(const struct exam *exam);

struct exam_marks {
    uint64_t images, correct, correct_top;
};
/* After each slice of `n` pictures, some ms: others may have their turn. False: no more
 * of them. */
typedef bool exam_go_on(void *ctx, size_t n);
/* ST_BUSY: told to stop. ST_FORMAT, ST_IO, ..: a picture file cannot be read. */
MUST_CHECK enum status exam_run(struct exam *exam, const struct infer_weights *weights,
                                exam_go_on *go_on, void *ctx,
                                struct exam_marks *ret_marks, char why[ERR_LEN]);

#endif
