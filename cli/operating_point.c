/* SPDX-License-Identifier: Apache-2.0 */
/* operating_point.c - `spinbnn operating-point get|set`: read and turn the knob. */
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/output.h"
#include "cli/point.h"
#include "cli/report.h"
#include "core/nearest.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static int unknown_verb(const char *verb)
{
    static const char *const verbs[] = { "get", "set", NULL };
    const char *near = nearest_name(verb, verbs);

    return report(EX_USAGE, "operating-point: %.64s is neither get nor set%s%s%s", verb,
                  near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                  near != NULL ? "?" : "");
}

/* Checks `get`: no option of `set` makes sense with it. */
static int refuse_options(const struct option_value *values)
{
    for (size_t i = 0; point_options[i].name != NULL; i++)
        if (values[i].given)
            return report(
                EX_USAGE,
                "operating-point get changes nothing and takes no --%s; did you "
                "mean operating-point set?",
                point_options[i].name);
    return EXIT_SUCCESS;
}

/* Asks and prints. `patch` NULL: get. */
static int exchange(const struct cli *cli, struct client *client, const char *model,
                    const char *patch, const struct option_value *if_match)
{
    char *path = client_model_path(client, model, "/operating-point");
    char header[64];
    struct reply reply;
    int code;

    if (path == NULL)
        return report(EXIT_FAILURE, "out of memory");

    struct request ask = { .method = "GET", .path = path };
    if (patch != NULL)
        ask = (struct request) { .method = "PATCH",
                                 .path = path,
                                 .content_type = "application/merge-patch+json",
                                 .body = patch,
                                 .len = strlen(patch) };
    if (if_match->given) {
        snprintf(header, sizeof(header), "If-Match: \"%llu\"",
                 (unsigned long long)if_match->count);
        ask.header = header;
    }
    if (!client_call(client, &ask, true, model, &reply))
        code = reply.exit_code;
    else if (cli->json)
        code =
            output_json(stdout, reply.json, false) == ST_OK ? EXIT_SUCCESS : EXIT_FAILURE;
    else
        code = point_print(stdout, model, reply.json) == ST_OK
                   ? EXIT_SUCCESS
                   : report(EXIT_FAILURE, "out of memory");
    reply_done(&reply);
    free(path);
    return code;
}

static int run(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    bool set = strcmp(args[0], "set") == 0;
    struct client *client = NULL;
    char *patch = NULL, *model = NULL, why[ERR_LEN];
    int code = EXIT_SUCCESS;

    (void)n_args;
    if (!set && strcmp(args[0], "get") != 0)
        return unknown_verb(args[0]);
    if (!set)
        code = refuse_options(values);
    else if (point_patch(values, &patch, why) != ST_OK)
        code = report(EX_USAGE, "operating-point set: %s", why);
    if (code == EXIT_SUCCESS)
        code = client_open(cli, &client);
    if (code == EXIT_SUCCESS)
        code = client_pick_model(client, &model);
    if (code == EXIT_SUCCESS)
        code = exchange(cli, client, model, patch, &values[POINT_IF_MATCH]);
    free(model);
    free(patch);
    client_close(client);
    return code;
}

const struct command operating_point_command = {
    .name = "operating-point",
    .args = "get|set",
    .summary = "read or turn the write conditions of a model's memory",
    .about =
        "The operating point is how the weights are written into the MRAM cells.\n"
        "`set` changes what you name, keeps the rest, and programs the whole array\n"
        "again at once; requests are served from the old weights until the new ones\n"
        "are complete. `get` shows the present one. Both print what was predicted and\n"
        "what really happened.\n"
        "\n"
        "Ask for an error rate (--target) and the daemon solves for the voltages;\n"
        "with --pulse-ns at that pulse, else at the cheapest pulse. Or give the\n"
        "voltages. A write from P to AP and one from AP to P need different voltages.\n"
        "Less voltage or a shorter pulse is less energy and more wrong bits. Cold\n"
        "cells are harder to write.\n"
        "\n"
        "Only a cell that must change its state can fail to. Writing the same weights\n"
        "over themselves therefore makes no errors: --over random writes over random\n"
        "contents, as if another network had been there, so that half of the cells\n"
        "must change.\n"
        "\n"
        "Modes: device, every cell is a little different, as fabricated; uniform, all\n"
        "cells are like the mean; iid, no physics, each stored bit is flipped with\n"
        "the probability --bit-error-rate (what most published studies do; no\n"
        "energies).\n",
    .examples =
        "  spinbnn operating-point get -m mnist\n"
        "  spinbnn operating-point set -m mnist --target 1e-3 --over random\n"
        "  spinbnn operating-point set -m mnist --target 1e-6 --pulse-ns 10\n"
        "  spinbnn operating-point set -m mnist --mode uniform --voltage-p2ap 0.57 \\\n"
        "                              --voltage-ap2p 0.49 --pulse-ns 10 --over random\n"
        "  spinbnn operating-point set -m mnist --mode iid --bit-error-rate 1e-3\n"
        "  spinbnn operating-point set -m mnist --default target --default pulse-ns "
        "--mode "
        "device\n",
    .options = point_options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
