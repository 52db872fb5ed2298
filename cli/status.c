/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - `spinbnn status`: how the daemon does, and each of its models since start.
 */
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/field.h"
#include "cli/output.h"
#include "cli/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct option no_options[] = { { .name = NULL } };

static void print_daemon(const json_t *status)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], line[256];
    bool draining = field_true(status, "draining");
    bool degraded = field_true(status, "database.degraded");
    double dropped = field_number(status, "database.rows_dropped");

    snprintf(line, sizeof(line), "%.40s %.40s, up %s, %s",
             field_text(status, "name", "spinbnnd"), field_text(status, "version", "?"),
             output_duration(field_number(status, "uptime_s"), a),
             draining                      ? "draining"
             : field_true(status, "ready") ? "ready"
                                           : "not ready");
    output_line(stdout, "daemon", line);
    snprintf(line, sizeof(line), "%.40s kernel, %s data threads",
             field_text(status, "kernel", "?"),
             output_count(field_number(status, "threads"), a));
    output_line(stdout, "compute", line);
    snprintf(line, sizeof(line), "%s requests, %s connections now",
             output_count(field_number(status, "requests"), a),
             output_count(field_number(status, "connections"), b));
    output_line(stdout, "served", line);
    snprintf(line, sizeof(line), "%.120s, %s%s", field_text(status, "database.path", "-"),
             output_bytes(field_number(status, "database.size_bytes"), a),
             degraded ? ", DEGRADED: it cannot be written" : "");
    output_line(stdout, "database", line);
    if (isfinite(dropped) && dropped > 0.0) {
        snprintf(line, sizeof(line), "%s rows could not be kept",
                 output_count(dropped, a));
        output_line(stdout, "", line);
    }
}

static void add_model(struct table *table, const json_t *model)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], line[2 * OUTPUT_NUMBER + 4];

    table_add(table, field_text(model, "name", "?"));
    table_add(table, field_text(model, "version", "-"));
    table_add(table, output_id(field_number(model, "generation"), a));
    table_add(table, output_count(field_number(model, "images"), a));
    table_add(table, output_count(field_number(model, "labelled"), a));
    table_add(table, output_percent(field_number(model, "accuracy"), a));
    table_add(table, output_count(field_number(model, "wrong_bits"), a));
    table_add(table, output_rate(field_number(model, "bit_error_rate"), a));
    table_add(table, output_energy(field_number(model, "inference_energy_pj"), a));
    table_add(table, output_energy(field_number(model, "programming_energy_pj"), a));
    snprintf(line, sizeof(line), "%s / %s",
             output_number(field_number(model, "latency_us.p50"), "", a),
             output_number(field_number(model, "latency_us.p99"), "us", b));
    table_add(table, line);
}

/* By NAME or NAME:VERSION. */
static bool is_asked_for(const json_t *model, const char *asked)
{
    const char *name = field_text(model, "name", "");
    size_t len = strlen(name);

    return asked == NULL ||
           (strncmp(asked, name, len) == 0 &&
            (asked[len] == '\0' ||
             (asked[len] == ':' &&
              strcmp(asked + len + 1, field_text(model, "version", "")) == 0)));
}

/* Every model, or only the one called `name`. */
static int print_status(const json_t *status, const char *name)
{
    struct table table;
    const json_t *model;
    size_t i, n = 0;

    table_init(&table,
               "MODEL|>VERSION|>GENERATION|>PICTURES|>LABELLED|>ACCURACY|>WRONG BITS|"
               ">BIT ERROR RATE|>INFERENCE|>PROGRAMMING|>P50 / P99");
    json_array_foreach(field(status, "models"), i, model)
    {
        if (is_asked_for(model, name)) {
            add_model(&table, model);
            n++;
        }
    }
    if (n == 0 && name != NULL) {
        table_done(&table);
        return report(EXIT_FAILURE, "status: there is no model %s", name);
    }

    print_daemon(status);
    putchar('\n');
    enum status st = table_print(&table, stdout, 0);
    table_done(&table);
    if (st != ST_OK)
        return report(EXIT_FAILURE, "out of memory");
    puts("\nPictures since the daemon started, energies since the database was begun; "
         "accuracy "
         "of labelled pictures.");
    return EXIT_SUCCESS;
}

static int run(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    const struct request ask = { .method = "GET", .path = "/api/v1/status" };
    struct client *client = NULL;
    struct reply reply;

    (void)values;
    (void)args;
    (void)n_args;
    int code = client_open(cli, &client);
    if (code != EXIT_SUCCESS)
        return code;
    if (!client_call(client, &ask, true, "status", &reply))
        code = reply.exit_code;
    else if (cli->json)
        code =
            output_json(stdout, reply.json, false) == ST_OK ? EXIT_SUCCESS : EXIT_FAILURE;
    else
        code = print_status(reply.json, cli->model);
    reply_done(&reply);
    client_close(client);
    return code;
}

const struct command status_command = {
    .name = "status",
    .args = "",
    .summary = "show the daemon and what its models did since start",
    .about =
        "Version, uptime, load and database of the daemon; per model the pictures,\n"
        "the accuracy of those that came with a label, the wrong bits in memory now,\n"
        "the energies of inference and programming, and latency in the daemon.\n",
    .examples = "  spinbnn status\n"
                "  spinbnn status --json | jq .models[0].accuracy\n",
    .options = no_options,
    .run = run,
};
