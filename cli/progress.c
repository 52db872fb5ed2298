/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include "cli/output.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#define BAR      28
#define REDRAW_S 0.1
/* To the beginning of the line, and clear to its end. */
#define CLEAR_LINE "\r\033[K"

void progress_line(uint64_t done, uint64_t total, uint64_t correct, double per_s,
                   char ret_line[PROGRESS_LINE])
{
    char bar[BAR + 1], a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], c[OUTPUT_NUMBER],
        d[OUTPUT_NUMBER];
    size_t full = total == 0 ? BAR : (size_t)((double)done / (double)total * BAR);

    memset(bar, '.', BAR);
    memset(bar, '#', full < BAR ? full : BAR);
    bar[BAR] = '\0';
    snprintf(ret_line, PROGRESS_LINE, "[%s]  %s of %s  %s  %s/s", bar,
             output_count((double)done, a), output_count((double)total, b),
             output_percent(done == 0 ? (double)NAN : (double)correct / (double)done, c),
             output_count(per_s, d));
}

void progress_start(struct progress *progress, FILE *out)
{
    *progress = (struct progress) { .out = out, .drawn_at_s = -(double)INFINITY };
    progress->shown = isatty(fileno(out)) == 1;
}

void progress_show(struct progress *progress, double now_s, uint64_t done, uint64_t total,
                   uint64_t correct, double per_s)
{
    char line[PROGRESS_LINE];

    if (!progress->shown || now_s - progress->drawn_at_s < REDRAW_S)
        return;
    progress->drawn_at_s = now_s;
    progress_line(done, total, correct, per_s, line);
    fprintf(progress->out, CLEAR_LINE "%s", line);
    fflush(progress->out);
}

void progress_end(struct progress *progress)
{
    if (!progress->shown)
        return;
    fputs(CLEAR_LINE, progress->out);
    fflush(progress->out);
}
