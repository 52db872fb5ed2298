/* SPDX-License-Identifier: Apache-2.0 */
/* job.c - `spinbnn job`: experiments that the daemon runs in the background. */
#include "cli/job.h"

#include "cli/client.h"
#include "cli/field.h"
#include "cli/output.h"
#include "cli/report.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define JOBS "/api/v1/jobs"
/* Between two looks at a job that runs. */
#define LOOK_NS    250000000
#define PATH_ROOM  64
#define IS_A_START 3 /* the first verbs are kinds of jobs */

static const char *const verbs[] = { "evaluate", "sweep", "minimise-energy",
                                     "list",     "show",  "results",
                                     "stop",     NULL };

/* -- What is there -- */

static int look(const struct cli *cli, const char *path, ask_print *print)
{
    const struct ask ask = {
        .method = "GET", .path = path, .what = "job", .print = print
    };

    return ask_run(cli, &ask);
}

/* An answer without a body: what had ended is forgotten. */
static int stop(const struct cli *cli, const char *path)
{
    const struct request request = { .method = "DELETE", .path = path, .once = true };
    struct client *client = NULL;
    struct reply reply = { 0 };
    int code = client_open(cli, &client);

    if (code != EXIT_SUCCESS)
        return code;
    if (!client_call(client, &request, false, "job", &reply))
        code = reply.exit_code;
    else if (reply.json == NULL)
        puts("it had ended, and is forgotten");
    else if (cli->json)
        code = output_json(stdout, reply.json, false) == ST_OK ? code : EXIT_FAILURE;
    else
        (void)job_print(stdout, NULL, reply.json); /* it needs no memory */
    reply_done(&reply);
    client_close(client);
    return code;
}

/* -- Starting one -- */

static bool has_ended(const json_t *job)
{
    const char *state = field_text(job, "state", "");

    return strcmp(state, "queued") != 0 && strcmp(state, "running") != 0;
}

/* On a terminal how far it is, on one line. */
static void show_progress(const json_t *job)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER];

    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s of %s ", output_count(field_number(job, "done"), a),
                output_count(field_number(job, "total"), b));
}

/* Looks until it has ended; `path` is the job's. */
static int wait_for(struct client *client, const char *path)
{
    const struct timespec pause = { 0, LOOK_NS };
    const struct request request = { .method = "GET", .path = path };
    int code = EXIT_SUCCESS;

    for (bool ended = false; !ended && code == EXIT_SUCCESS;) {
        struct reply reply;

        if (!client_call(client, &request, true, "job", &reply)) {
            code = reply.exit_code;
        } else {
            ended = has_ended(reply.json);
            show_progress(reply.json);
        }
        reply_done(&reply);
        if (!ended && code == EXIT_SUCCESS)
            nanosleep(&pause, NULL);
    }
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    return code;
}

/* The job that was made, or what came of it. */
static int after_start(const struct cli *cli, struct client *client, const json_t *job,
                       bool wait)
{
    char path[PATH_ROOM], id[OUTPUT_NUMBER];

    output_id(field_number(job, "id"), id);
    if (!wait && cli->json)
        return output_json(stdout, job, false) == ST_OK ? EXIT_SUCCESS : EXIT_FAILURE;
    if (!wait) {
        (void)job_print(stdout, NULL, job); /* it needs no memory */
        printf("\nWhat comes of it: spinbnn job results %s\n", id);
        return EXIT_SUCCESS;
    }
    snprintf(path, sizeof(path), JOBS "/%.20s", id);
    int code = wait_for(client, path);
    if (code != EXIT_SUCCESS)
        return code;
    snprintf(path, sizeof(path), JOBS "/%.20s/results", id);
    return look(cli, path, job_print_results);
}

static int post(const struct cli *cli, struct client *client, const char *body, bool wait)
{
    const struct request request = {
        .method = "POST",
        .path = JOBS,
        .content_type = "application/json",
        .body = body,
        .len = strlen(body),
        .once = true,
    };
    struct reply reply;
    int code = client_call(client, &request, true, "job", &reply)
                   ? after_start(cli, client, reply.json, wait)
                   : reply.exit_code;

    reply_done(&reply);
    return code;
}

static int start(const struct cli *cli, const char *kind,
                 const struct option_value *values)
{
    struct client *client = NULL;
    char *model = NULL, *body = NULL, why[ERR_LEN];
    int code = client_open(cli, &client);

    if (code == EXIT_SUCCESS)
        code = client_pick_model(client, &model);
    if (code == EXIT_SUCCESS && job_body(kind, model, values, &body, why) != ST_OK)
        code = report(EX_USAGE, "job %s: %s", kind, why);
    if (code == EXIT_SUCCESS)
        code = post(cli, client, body, values[JOB_WAIT].given);
    free(body);
    free(model);
    client_close(client);
    return code;
}

/* -- The verbs -- */

static bool is_number(const char *text)
{
    size_t len = strspn(text, "0123456789");

    return len > 0 && len <= 18 && text[len] == '\0';
}

static int with_number(const struct cli *cli, const char *verb, const char *id,
                       const struct option_value *values)
{
    char path[PATH_ROOM];

    if (!is_number(id))
        return report(EX_USAGE, "job %s: which one? `spinbnn job list` has the numbers",
                      verb);
    snprintf(path, sizeof(path), JOBS "/%.20s", id);
    if (strcmp(verb, "show") == 0)
        return look(cli, path, job_print);
    if (strcmp(verb, "stop") == 0)
        return stop(cli, path);
    snprintf(path, sizeof(path), JOBS "/%.20s/results", id);
    const struct ask csv = { .path = path, .what = "job", .header = "Accept: text/csv" };
    return values[JOB_CSV].given ? ask_save(cli, &csv, values[JOB_CSV].text)
                                 : look(cli, path, job_print_results);
}

static int run(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    size_t v = 0;

    while (verbs[v] != NULL && strcmp(verbs[v], args[0]) != 0)
        v++;
    if (verbs[v] == NULL)
        return ask_unknown_verb("job", args[0], verbs);
    if (v < IS_A_START)
        return n_args == 1 ? start(cli, verbs[v], values)
                           : report(EX_USAGE, "job %s takes options alone", verbs[v]);
    int code = ask_refuse(verbs[v], job_options, values, 0, JOB_CSV);
    if (code != EXIT_SUCCESS)
        return code;
    if (strcmp(verbs[v], "list") == 0)
        return look(cli, JOBS, job_print_list);
    return with_number(cli, verbs[v], n_args > 1 ? args[1] : "", values);
}

const struct command job_command = {
    .name = "job",
    .args = "evaluate|sweep|minimise-energy|list|show|results|stop [JOB]",
    .summary = "experiments in the background, on arrays of their own",
    .about =
        "The daemon writes the model into arrays of their own, one for each operating\n"
        "point and seed, and asks them about labelled pictures; what serves is not\n"
        "touched. One job runs at a time.\n"
        "\n"
        "`evaluate` measures accuracy as the model serves, or with --at at an operating\n"
        "point. `sweep` does so for every combination of --axis; without --dataset it\n"
        "tells wrong bits and energy alone. `minimise-energy` looks for the cheapest\n"
        "write whose accuracy is near enough to that without errors, by default without\n"
        "a code and with SECDED.\n"
        "\n"
        "`show` tells how far a job is, `results` what came of it so far. `stop` "
        "cancels\n"
        "a job, and forgets one that has ended.\n",
    .examples =
        "  spinbnn job sweep -m mnist --axis target_write_error_rate=1e-6,1e-4,1e-2 \\\n"
        "      --axis ecc=none,secded --wait\n"
        "  spinbnn job sweep -m mnist -d mnist --at mode=iid \\\n"
        "      --axis bit_error_rate=0,1e-3,1e-2,1e-1 --seeds 8\n"
        "  spinbnn job minimise-energy -m mnist -d mnist --tolerance 0.005 --seeds 3\n"
        "  spinbnn job results 2 --csv accuracy.csv\n",
    .options = job_options,
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
