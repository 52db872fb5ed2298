/* SPDX-License-Identifier: Apache-2.0 */
/* job.h - experiments that the daemon runs: options to a body, answers to text. */
#ifndef CLI_JOB_H
#define CLI_JOB_H

#include "cli/ask.h"
#include "cli/options.h"

enum {
    JOB_DATASET,
    JOB_SPLIT,
    JOB_LIMIT,
    JOB_AT,
    JOB_AXIS,
    JOB_SEEDS,
    JOB_TOLERANCE,
    JOB_CONFIDENCE,
    JOB_WAIT, /* from here on no part of the body */
    JOB_CSV,
    JOB_OPTIONS
};
extern const struct option job_options[JOB_OPTIONS + 1];

/* The body of a job of that kind. ST_RANGE with `why`: an option is not MEMBER=VALUE;
 * ST_NOMEM. Free the text with free(). */
MUST_CHECK enum status job_body(const char *kind, const char *model,
                                const struct option_value values[JOB_OPTIONS],
                                char **ret_text, char why[ERR_LEN]);

/* Answers as text: one job, the list of them, trials by operating point. */
ask_print job_print;
ask_print job_print_list;
ask_print job_print_results;

#endif
