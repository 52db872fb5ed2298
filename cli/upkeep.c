/* SPDX-License-Identifier: Apache-2.0 */
/* upkeep.c - `spinbnn program`, `scrub`, `age` and `inject`: what happens to an array
 * whose conditions stay. */
#include "cli/upkeep.h"

#include "cli/ask.h"
#include "cli/body.h"
#include "cli/output.h"
#include "cli/point.h"
#include "cli/report.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define DAY_S         86400.0
#define YEAR_S        (365.25 * DAY_S)
#define CELSIUS_0_K   273.15
#define MAX_LAYER_LEN 128

static const struct option no_options[] = { { .name = NULL } };

/* Posts `body` to `path` of the model. */
static int post(const struct cli *cli, const char *path, const char *body,
                ask_print *print)
{
    const struct ask ask = { .method = "POST",
                             .path = path,
                             .content_type = "application/json",
                             .body = body,
                             .len = strlen(body),
                             .print = print };

    return ask_run(cli, &ask);
}

/* -- age: the body -- */

const struct option age_options[AGE_OPTIONS + 1] = {
    [AGE_SECONDS] = { .name = "seconds",
                      .kind = OPTION_NUMBER,
                      .value = "S",
                      .help = "how long nothing is written" },
    [AGE_DAYS] = { .name = "days",
                   .kind = OPTION_NUMBER,
                   .value = "D",
                   .help = "the same in days" },
    [AGE_YEARS] = { .name = "years",
                    .kind = OPTION_NUMBER,
                    .value = "Y",
                    .help = "the same in years" },
    [AGE_TEMPERATURE] = { .name = "temperature-k",
                          .letter = 't',
                          .kind = OPTION_NUMBER,
                          .value = "K",
                          .help = "temperature meanwhile; default that of the operating "
                                  "point" },
    [AGE_CELSIUS] = { .name = "celsius",
                      .kind = OPTION_NUMBER,
                      .value = "C",
                      .help = "the same in degrees Celsius" },
    [AGE_OPTIONS] = { .name = NULL },
};

enum status age_body(const struct option_value values[AGE_OPTIONS], char **ret_text,
                     char why[ERR_LEN])
{
    static const double unit_s[] = {
        [AGE_SECONDS] = 1.0, [AGE_DAYS] = DAY_S, [AGE_YEARS] = YEAR_S
    };
    struct body body;
    size_t n = 0;
    double seconds = 0.0;

    for (size_t i = AGE_SECONDS; i <= AGE_YEARS; i++) {
        n += values[i].given;
        seconds += values[i].given ? values[i].number * unit_s[i] : 0.0;
    }
    if (n != 1) {
        snprintf(why, ERR_LEN, "how long? say one of --seconds, --days and --years");
        return ST_RANGE;
    }
    if (values[AGE_TEMPERATURE].given && values[AGE_CELSIUS].given) {
        snprintf(why, ERR_LEN, "say --temperature-k or --celsius, not both");
        return ST_RANGE;
    }

    body_init(&body);
    body_put(&body, "seconds", json_real(seconds));
    body_put_number(&body, "temperature_k", &values[AGE_TEMPERATURE]);
    if (values[AGE_CELSIUS].given)
        body_put(&body, "temperature_k",
                 json_real(values[AGE_CELSIUS].number + CELSIUS_0_K));
    enum status st = body_text(&body, ret_text, why);
    body_done(&body);
    return st;
}

/* -- inject: the body -- */

const struct option inject_options[INJECT_OPTIONS + 1] = {
    [INJECT_SHARE] = { .name = "share",
                       .kind = OPTION_NUMBER,
                       .value = "P",
                       .help = "flip every cell with this probability" },
    [INJECT_SEED] = { .name = "seed",
                      .kind = OPTION_COUNT,
                      .value = "N",
                      .help =
                          "of the draw: in the same generation it flips the same cells" },
    [INJECT_BIT] = { .name = "bit",
                     .kind = OPTION_LIST,
                     .value = "LAYER:ROW:COLUMN",
                     .help = "flip this one (ROW: output, COLUMN: input, from 0); may be "
                             "repeated" },
    [INJECT_OPTIONS] = { .name = NULL },
};

static bool read_index(const char *text, char end, json_int_t *ret_index)
{
    char *at = NULL;

    if (text[0] < '0' || text[0] > '9')
        return false;
    *ret_index = strtoll(text, &at, 10); /* the largest one is out of every range, too */
    return *at == end;
}

/* Names of layers may have colons: the last two count. NULL if it is no place. */
static json_t *bit_of(const char *text)
{
    const char *column = strrchr(text, ':'), *row = column;
    json_int_t row_index, column_index;
    char layer[MAX_LAYER_LEN];

    if (column == NULL || column == text)
        return NULL;
    do
        row--;
    while (row > text && *row != ':');
    /* Here "a:1:2" has its row at ":1". */
    if (row <= text || (size_t)(row - text) >= sizeof(layer))
        return NULL;
    if (!read_index(row + 1, ':', &row_index) ||
        !read_index(column + 1, '\0', &column_index))
        return NULL;
    snprintf(layer, sizeof(layer), "%.*s", (int)(row - text), text);
    return json_pack("{s:s, s:I, s:I}", "layer", layer, "row", row_index, "column",
                     column_index);
}

static enum status put_bits(struct body *body, const struct option_value *bits,
                            char why[ERR_LEN])
{
    json_t *list = json_array();

    for (size_t i = 0; i < bits->n_list; i++) {
        json_t *bit = bit_of(bits->list[i]);

        if (bit == NULL) {
            char quoted[64];

            output_clean(bits->list[i], quoted, sizeof(quoted));
            snprintf(why, ERR_LEN, "--bit: %s is not LAYER:ROW:COLUMN, as in fc1:0:12",
                     quoted);
            json_decref(list);
            return ST_RANGE;
        }
        body->failed |= json_array_append_new(list, bit) != 0;
    }
    body_put(body, "bits", list);
    return ST_OK;
}

enum status inject_body(const struct option_value values[INJECT_OPTIONS], char **ret_text,
                        char why[ERR_LEN])
{
    struct body body;
    enum status st = ST_OK;

    if (!values[INJECT_SHARE].given && !values[INJECT_BIT].given) {
        snprintf(why, ERR_LEN, "what is to be flipped? say --share or --bit");
        return ST_RANGE;
    }
    body_init(&body);
    body_put_number(&body, "share", &values[INJECT_SHARE]);
    if (values[INJECT_SEED].given)
        body_put(&body, "seed", json_integer((json_int_t)values[INJECT_SEED].count));
    if (values[INJECT_BIT].given)
        st = put_bits(&body, &values[INJECT_BIT], why);
    if (st == ST_OK)
        st = body_text(&body, ret_text, why);
    body_done(&body);
    return st;
}

/* -- The commands -- */

static int run_program(const struct cli *cli, const struct option_value *values,
                       char **args, size_t n_args)
{
    (void)values;
    (void)args;
    (void)n_args;
    return post(cli, "/program", "{}", point_print);
}

static int run_scrub(const struct cli *cli, const struct option_value *values,
                     char **args, size_t n_args)
{
    (void)values;
    (void)args;
    (void)n_args;
    return post(cli, "/scrub", "{}", scrub_print);
}

static int run_age(const struct cli *cli, const struct option_value *values, char **args,
                   size_t n_args)
{
    char *body = NULL, why[ERR_LEN];

    (void)args;
    (void)n_args;
    if (age_body(values, &body, why) != ST_OK)
        return report(EX_USAGE, "age: %s", why);

    int code = post(cli, "/age", body, age_print);
    free(body);
    return code;
}

static int run_inject(const struct cli *cli, const struct option_value *values,
                      char **args, size_t n_args)
{
    char *body = NULL, why[ERR_LEN];

    (void)args;
    (void)n_args;
    if (inject_body(values, &body, why) != ST_OK)
        return report(EX_USAGE, "inject: %s", why);

    int code = post(cli, "/inject", body, inject_print);
    free(body);
    return code;
}

const struct command program_command = {
    .name = "program",
    .args = "",
    .summary = "write a model's weights again under the same conditions",
    .about =
        "Programs the whole array once more, with new luck: what was predicted stays,\n"
        "what happens differs. Says what `operating-point get` says.\n",
    .examples = "  spinbnn program -m mnist\n"
                "  for i in 1 2 3; do spinbnn --json program -m mnist |\n"
                "      jq .result.wrong_bits; done\n",
    .options = no_options,
    .run = run_program,
};

const struct command scrub_command = {
    .name = "scrub",
    .args = "",
    .summary = "write a model's array again from the model's own copy",
    .about =
        "Reads every word, says how many bits are wrong, and writes the array again\n"
        "from the model's own copy of its weights, at the operating point in force. No\n"
        "code is needed. What is right only holds; wrong bits have to toggle, and some\n"
        "of these writes fail, too. The pulses go to the energy ledger.\n",
    .examples = "  spinbnn operating-point set -m mnist --ecc secded --target 1e-4\n"
                "  spinbnn age -m mnist --years 1 --celsius 60\n"
                "  spinbnn scrub -m mnist\n",
    .options = no_options,
    .run = run_scrub,
};

const struct command age_command = {
    .name = "age",
    .args = "",
    .summary = "let simulated time pass: cells lose their bits by themselves",
    .about =
        "Heat flips the junctions; the barrier of each cell and the temperature say\n"
        "how often. A junction made for cheap writing does not hold its bits for long\n"
        "when warm: see `spinbnn device presets`. Prints what flipped and how much was\n"
        "expected. Not in mode iid, which has no physics.\n",
    .examples = "  spinbnn age -m mnist --years 10 --celsius 85\n"
                "  spinbnn age -m mnist --seconds 3600 --temperature-k 400\n",
    .options = age_options,
    .run = run_age,
};

const struct command inject_command = {
    .name = "inject",
    .args = "",
    .summary = "flip cells of a model's array on purpose",
    .about = "Flips each cell with the probability --share, or the ones that are named,\n"
             "or both. Cells that are stuck do not flip. `program` puts them right.\n",
    .examples = "  spinbnn inject -m mnist --share 1e-3 --seed 7\n"
                "  spinbnn inject -m mnist --bit fc3:0:12 --bit fc3:1:12\n",
    .options = inject_options,
    .run = run_inject,
};
