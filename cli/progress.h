/* SPDX-License-Identifier: Apache-2.0 */
/* progress.h - a bar on a terminal; nothing anywhere else. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PROGRESS_LINE 80

struct progress {
    FILE *out;
    bool shown; /* is `out` a terminal? */
    double drawn_at_s;
};

/* "[######....]  4,032 of 10,000  98.44 %  12,345 pictures/s"; done <= total. */
void progress_line(uint64_t done, uint64_t total, uint64_t correct, double per_s,
                   char ret_line[PROGRESS_LINE]);

void progress_start(struct progress *progress, FILE *out);
/* Draws at most ten times a second; now_s is any clock that does not go back. */
void progress_show(struct progress *progress, double now_s, uint64_t done, uint64_t total,
                   uint64_t correct, double per_s);
/* Takes the bar away. */
void progress_end(struct progress *progress);

#endif
