/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - a network on labelled pictures, here and not by a daemon: does it see what it
 * was trained to see? A wrong input contract brings down the accuracy and nothing else.
 */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "core/network.h"
#include "storage/dataset.h"

#include <stdio.h>

/* The first so many of a set: they tell chance from anything else. */
#define CHECK_PICTURES 1000

struct check {
    size_t n, correct;
};

/* Classifies with the wanted weights. ST_UNSUPPORTED with `why`: the set has files, other
 * sizes or more classes than the network. ST_NOMEM. */
MUST_CHECK enum status check_run(const struct network *net, const struct dataset *set,
                                 struct check *ret_check, char why[ERR_LEN]);
/* Is it so near to chance that the input contract is most likely wrong? Below twice
 * chance, or, of few classes, nearer to chance than to all right. */
bool check_doubtful(const struct check *check, size_t n_classes);
/* A line, and a second one where it is doubtful. */
void check_print(FILE *out, const struct check *check, size_t n_classes);

#endif
