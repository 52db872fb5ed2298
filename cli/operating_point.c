/* SPDX-License-Identifier: Apache-2.0 */
/* operating_point.c - `spinbnn operating-point get|set|reset`: read and turn the knob. */
#include "cli/ask.h"
#include "cli/point.h"
#include "cli/report.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum verb { GET, SET, RESET, N_VERBS };
static const char *const verbs[N_VERBS + 1] = { "get", "set", "reset", NULL };

static enum verb verb_of(const char *word)
{
    enum verb verb = GET;

    while (verb < N_VERBS && strcmp(word, verbs[verb]) != 0)
        verb++;
    return verb;
}

/* Conditions are for `set`: the others take a layer at most, `reset` --if-match too. */
static int refuse_options(enum verb verb, const struct option_value *values)
{
    for (size_t i = 0; i < POINT_OPTIONS; i++)
        if (values[i].given && i != POINT_LAYER &&
            !(verb == RESET && i == POINT_IF_MATCH))
            return report(EX_USAGE,
                          "operating-point %s takes no --%s; did you mean "
                          "operating-point set?",
                          verbs[verb], point_options[i].name);
    return EXIT_SUCCESS;
}

static int exchange(const struct cli *cli, enum verb verb,
                    const struct option_value *values, const char *patch)
{
    struct ask ask = { .method = verb == GET   ? "GET"
                                 : verb == SET ? "PATCH"
                                               : "DELETE",
                       .path = "/operating-point",
                       .print = point_print };
    char header[64];

    if (values[POINT_LAYER].given)
        ask.layer = values[POINT_LAYER].text;
    if (patch != NULL) {
        ask.content_type = "application/merge-patch+json";
        ask.body = patch;
        ask.len = strlen(patch);
    }
    if (values[POINT_IF_MATCH].given) {
        snprintf(header, sizeof(header), "If-Match: \"%llu\"",
                 (unsigned long long)values[POINT_IF_MATCH].count);
        ask.header = header;
    }
    return ask_run(cli, &ask);
}

static int run(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    enum verb verb = verb_of(args[0]);
    char *patch = NULL, why[ERR_LEN];
    int code = EXIT_SUCCESS;

    (void)n_args;
    if (verb == N_VERBS)
        return ask_unknown_verb("operating-point", args[0], verbs);
    if (verb != SET)
        code = refuse_options(verb, values);
    else if (point_patch(values, &patch, why) != ST_OK)
        code = report(EX_USAGE, "operating-point set: %s", why);
    if (code == EXIT_SUCCESS)
        code = exchange(cli, verb, values, patch);
    free(patch);
    return code;
}

const struct command operating_point_command = {
    .name = "operating-point",
    .args = "get|set|reset",
    .summary = "read or turn the write conditions of a model's memory",
    .about =
        "The operating point is how the weights are written into the MRAM cells.\n"
        "`set` changes what you name, keeps the rest, and programs the whole array\n"
        "again at once; requests are served from the old weights until the new ones\n"
        "are complete. `get` shows the present one. Both print what was predicted and\n"
        "what really happened. `reset` puts everything back to its default.\n"
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
        "energies).\n"
        "\n"
        "Protection costs cells and energy: a code (--ecc), two junctions a weight\n"
        "(--cell 2t2r), or reading back what was written (--verify-retries). `spinbnn\n"
        "solve` compares them.\n"
        "\n"
        "With --layer, `set` changes one layer and `reset` lets it inherit again.\n"
        "Layers with conditions of their own are marked with * and listed.\n",
    .examples =
        "  spinbnn operating-point get -m mnist\n"
        "  spinbnn operating-point set -m mnist --target 1e-3 --over random\n"
        "  spinbnn operating-point set -m mnist --target 1e-6 --pulse-ns 10\n"
        "  spinbnn operating-point set -m mnist --mode uniform --voltage-p2ap 0.57 \\\n"
        "                              --voltage-ap2p 0.49 --pulse-ns 10 --over random\n"
        "  spinbnn operating-point set -m mnist --mode iid --bit-error-rate 1e-3\n"
        "  spinbnn operating-point set -m mnist --layer fc3 --target 1e-6 --ecc secded\n"
        "  spinbnn operating-point set -m mnist --default target --default pulse-ns\n"
        "  spinbnn operating-point reset -m mnist --layer fc3\n",
    .options = point_options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
