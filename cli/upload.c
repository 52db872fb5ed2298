/* SPDX-License-Identifier: Apache-2.0 */
/* upload.c - `spinbnn put` and `spinbnn delete`: networks that come and go while the
 * daemon serves others. */
#include "cli/upload.h"

#include "cli/ask.h"
#include "cli/client.h"
#include "cli/contract.h"
#include "cli/field.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/report.h"

#include <stdlib.h>
#include <sysexits.h>

/* Far beyond what the daemon takes: its answer says its limit. */
#define MAX_FILE ((size_t)2 << 30)

/* Both change what is served under a name, which is therefore said and not guessed. */
static int refuse_model(const struct cli *cli, const char *command)
{
    if (cli->model == NULL)
        return EXIT_SUCCESS;
    return report(EX_USAGE,
                  "%s: the model is an argument, not --model; spinbnn %s --help "
                  "explains",
                  command, command);
}

/* -- put -- */

static const struct option put_options[] = {
    CONTRACT_ROWS(0),
    [CONTRACT_OPTIONS] = { .name = NULL },
};

static void print_remark(FILE *out, const json_t *remark)
{
    const char *node = field_text(remark, "node", "");

    fputs("  remark  ", out);
    if (node[0] != '\0') {
        output_text(out, node);
        fputs(": ", out);
    }
    output_text(out, field_text(remark, "text", "?"));
    fputc('\n', out);
}

enum status upload_print(FILE *out, const char *model, const json_t *answer)
{
    double dropped = field_number(answer, "remarks_dropped");
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER];
    const json_t *remark;
    size_t i;

    output_text(out, model);
    fputs(": version ", out);
    output_text(out, field_text(answer, "model.version", "-"));
    fprintf(out, ", %s cells in %zu layers, generation %s\n",
            output_count(field_number(answer, "model.cells"), a),
            json_array_size(field(answer, "model.layers")),
            output_id(field_number(answer, "model.generation"), b));
    json_array_foreach(field(answer, "remarks"), i, remark) print_remark(out, remark);
    if (dropped > 0)
        fprintf(out, "  and %s remarks more\n", output_count(dropped, a));
    return ST_OK;
}

static int put(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    struct cli named = *cli;
    uint8_t *bytes = NULL;
    size_t len = 0;
    char why[ERR_LEN];

    (void)n_args;
    if (refuse_model(cli, "put") != EXIT_SUCCESS)
        return EX_USAGE;
    if (input_read(args[1], MAX_FILE, &bytes, &len, why) != ST_OK)
        return report(EXIT_FAILURE, "%s: %s", args[1], why);

    named.model = args[0];
    char *query = contract_query(put_options, values, CONTRACT_OPTIONS);
    const struct ask ask = { .method = "PUT",
                             .path = query,
                             .content_type = "application/octet-stream",
                             .body = bytes,
                             .len = len,
                             .print = upload_print };
    int code =
        query != NULL ? ask_run(&named, &ask) : report(EXIT_FAILURE, "out of memory");
    free(query);
    free(bytes);
    return code;
}

const struct command put_command = {
    .name = "put",
    .args = "MODEL FILE",
    .summary = "send a network to the daemon, which serves it at once",
    .about =
        "FILE is an ONNX file or a model file (.sbnn); \"-\" is standard input. The "
        "daemon\n"
        "serves it under the name MODEL, as the next version of what it serves under "
        "that\n"
        "name, and keeps it over restarts. What a pixel is to the network stands in no "
        "ONNX file:\n"
        "say it with --range, --mean and --std. What the import understood and had to\n"
        "assume comes back as remarks; what it cannot prove is refused, with the node.\n",
    .examples = "  spinbnn put mine cnv.onnx --range 0..1 --mean 0.5 --std 0.5\n"
                "  spinbnn put mine mine.sbnn\n"
                "  spinbnn evaluate -m mine -d cifar-10-batches-bin\n",
    .options = put_options,
    .min_args = 2,
    .max_args = 2,
    .run = put,
};

/* -- delete -- */

static const struct option delete_options[] = { { .name = NULL } };

static int ask_delete(const struct cli *cli, struct client *client, const char *model)
{
    char *path = client_model_path(client, model, "");
    struct reply reply;

    if (path == NULL)
        return report(EXIT_FAILURE, "out of memory");

    const struct request request = { .method = "DELETE", .path = path, .once = true };
    int code = client_call(client, &request, false, model, &reply) ? EXIT_SUCCESS
                                                                   : reply.exit_code;
    /* The answer is empty, and so is --json. */
    if (code == EXIT_SUCCESS && !cli->json) {
        output_text(stdout, model);
        puts(": is served no more");
    }
    reply_done(&reply);
    free(path);
    return code;
}

static int delete (const struct cli *cli, const struct option_value *values, char **args,
                   size_t n_args)
{
    struct client *client = NULL;

    (void)values;
    (void)n_args;
    if (refuse_model(cli, "delete") != EXIT_SUCCESS)
        return EX_USAGE;

    int code = client_open(cli, &client);
    if (code == EXIT_SUCCESS)
        code = ask_delete(cli, client, args[0]);
    client_close(client);
    return code;
}

const struct command delete_command = {
    .name = "delete",
    .args = "MODEL",
    .summary = "take a network that was sent away again",
    .about =
        "The daemon serves MODEL no more, in any version, or MODEL:VERSION alone;\n"
        "requests that are under way end. Its file and its array go, its history stays.\n"
        "When the highest version goes the next one answers. Networks that are built in\n"
        "or lie in the daemon's model folder stay; one whose place MODEL took comes "
        "back\n"
        "when the daemon starts again.\n",
    .examples = "  spinbnn delete mine\n"
                "  spinbnn delete mine:3\n",
    .options = delete_options,
    .min_args = 1,
    .max_args = 1,
    .run = delete,
};
