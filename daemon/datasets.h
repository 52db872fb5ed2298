/* SPDX-License-Identifier: Apache-2.0 */
/* datasets.h - labelled pictures that experiments may use: each folder inside the one
 * that the setting `data` names, under its name. */
#ifndef DAEMON_DATASETS_H
#define DAEMON_DATASETS_H

#include "core/job.h"
#include "core/network.h"
#include "storage/dataset.h"

#include <time.h>

struct daemon;

/* What a split of a data set is like. */
struct dataset_look {
    char name[JOB_NAME_LEN];
    char split[8];
    struct timespec changed; /* the folder; what was read before is read again then */
    enum status st;          /* of reading it; ST_NOT_FOUND: there is no such split */
    char why[ERR_LEN];
    size_t n;                       /* pictures */
    size_t height, width, channels; /* 0: picture files of any size */
    uint32_t n_classes;             /* the highest label and one */
};

/* ST_NOT_FOUND: there is no data set of this name. Reads all of it. Any thread. */
MUST_CHECK enum status datasets_load(const struct daemon *daemon, const char *name,
                                     const char *split, struct dataset *ret_set,
                                     char why[ERR_LEN]);
/* The same without the pictures; what was looked at is remembered. On the reader thread.
 */
void datasets_look(struct daemon *daemon, const char *name, const char *split,
                   struct dataset_look *ret_look);
/* ST_CONFLICT, and what of the shape or the labels does not fit. */
MUST_CHECK enum status datasets_fit(const struct dataset_look *look,
                                    const struct network *net, char why[ERR_LEN]);
/* Of a set that is loaded; `name` and `split` go into the text. */
struct dataset_look datasets_describe(const char *name, const char *split,
                                      const struct dataset *set);

/* What was looked at; NULL is fine. */
struct datasets_seen;
void datasets_free(struct datasets_seen *seen);

#endif
