/* SPDX-License-Identifier: Apache-2.0 */
/* memory.c - `spinbnn memory`: what a model's array holds, and pictures of its tiles. */
#include "cli/memory.h"

#include "cli/ask.h"
#include "cli/report.h"

#include <string.h>
#include <sysexits.h>

static const char *const sections[] = { "data", "check", "data_partner", "check_partner",
                                        NULL };

const struct option memory_options[MEMORY_OPTIONS + 1] = {
    [MEMORY_WEAKEST] = { .name = "weakest",
                         .letter = 'w',
                         .kind = OPTION_COUNT,
                         .value = "N",
                         .help = "show the N cells that fail most often; default 10" },
    [MEMORY_TILE] = { .name = "tile",
                      .kind = OPTION_COUNT,
                      .value = "ID",
                      .help =
                          "draw this tile into the file of --output, a pixel a cell" },
    [MEMORY_OUTPUT] = { .name = "output",
                        .letter = 'o',
                        .kind = OPTION_TEXT,
                        .value = "FILE",
                        .help = "PNG, or PGM if the name ends so; - is standard output" },
    [MEMORY_SECTION] = { .name = "section",
                         .kind = OPTION_CHOICE,
                         .value = "SECTION",
                         .choices = sections,
                         .help =
                             "which cells of the tile: data, check (of the code), "
                             "data_partner and check_partner (of 2t2r); default data" },
    [MEMORY_OPTIONS] = { .name = NULL },
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcasecmp(text + len - end_len, end) == 0;
}

enum status memory_path(const struct option_value values[MEMORY_OPTIONS],
                        char ret_path[MEMORY_PATH_LEN], char why[ERR_LEN])
{
    const struct option_value *tile = &values[MEMORY_TILE];
    const struct option_value *section = &values[MEMORY_SECTION];

    if (tile->given != values[MEMORY_OUTPUT].given) {
        snprintf(why, ERR_LEN, "--tile ID and --output FILE go together");
        return ST_RANGE;
    }
    if (section->given && !tile->given) {
        snprintf(why, ERR_LEN, "--section is of a tile: say --tile ID --output FILE");
        return ST_RANGE;
    }
    if (tile->given)
        snprintf(ret_path, MEMORY_PATH_LEN, "/memory/tiles/%llu.%s%s%s",
                 (unsigned long long)tile->count,
                 ends_with(values[MEMORY_OUTPUT].text, ".pgm") ? "pgm" : "png",
                 section->given ? "?section=" : "", section->given ? section->text : "");
    else if (values[MEMORY_WEAKEST].given)
        snprintf(ret_path, MEMORY_PATH_LEN, "/memory?weakest=%llu",
                 (unsigned long long)values[MEMORY_WEAKEST].count);
    else
        snprintf(ret_path, MEMORY_PATH_LEN, "/memory");
    return ST_OK;
}

static int run(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    char path[MEMORY_PATH_LEN], why[ERR_LEN];
    const struct ask ask = { .method = "GET", .path = path, .print = memory_print };

    (void)args;
    (void)n_args;
    if (memory_path(values, path, why) != ST_OK)
        return report(EX_USAGE, "memory: %s", why);
    return values[MEMORY_TILE].given ? ask_save(cli, &ask, values[MEMORY_OUTPUT].text)
                                     : ask_run(cli, &ask);
}

const struct command memory_command = {
    .name = "memory",
    .args = "",
    .summary = "show what a model's array holds: layers, tiles, weak cells",
    .about =
        "Layer by layer where its weights lie, how many are wrong in which direction,\n"
        "how often its cells fail, as a histogram, and which fail most. The array is\n"
        "made of tiles of 256 x 256 cells; --tile draws one: right cells dark, wrong\n"
        "ones white, wrong and defect ones light grey.\n",
    .examples = "  spinbnn memory -m mnist\n"
                "  spinbnn memory -m mnist --weakest 100 --json | jq .layers[0].weakest\n"
                "  spinbnn memory -m mnist --tile 7 --output tile.png\n"
                "  spinbnn memory -m mnist --tile 7 --section check -o check.pgm\n",
    .options = memory_options,
    .run = run,
};
