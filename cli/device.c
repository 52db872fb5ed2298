/* SPDX-License-Identifier: Apache-2.0 */
/* device.c - `spinbnn device [show|presets|set]`: what the cells are made of. */
#include "cli/device.h"

#include "cli/ask.h"
#include "cli/body.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/point.h"
#include "cli/report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* Of a table; the daemon's own limit is below it. */
#define MAX_TABLE ((size_t)4 << 20)

const struct option device_options[DEVICE_OPTIONS + 1] = {
    [DEVICE_NEW_ARRAY] = { .name = "new-array",
                           .help = "set: yes, throw the array away and make a new one" },
    [DEVICE_PRESET] = { .name = "preset",
                        .kind = OPTION_TEXT,
                        .value = "NAME",
                        .help = "set: start from this device; `device presets` lists "
                                "them" },
    [DEVICE_SET] = { .name = "set",
                     .kind = OPTION_LIST,
                     .value = "FIELD=VALUE",
                     .help = "set: one parameter of the junction; may be repeated" },
    [DEVICE_TABLE_FILE] = { .name = "table",
                            .kind = OPTION_TEXT,
                            .value = "FILE.csv",
                            .help = "set: measured error rates and energies in place of "
                                    "a junction" },
    [DEVICE_NAME] = { .name = "name",
                      .kind = OPTION_TEXT,
                      .value = "TEXT",
                      .help = "set: what the device is called" },
    [DEVICE_STUCK_P] = { .name = "stuck-p",
                         .kind = OPTION_NUMBER,
                         .value = "SHARE",
                         .help = "set: share of cells that are stuck in P" },
    [DEVICE_STUCK_AP] = { .name = "stuck-ap",
                          .kind = OPTION_NUMBER,
                          .value = "SHARE",
                          .help = "set: share of cells that are stuck in AP" },
    [DEVICE_SHORTED] = { .name = "shorted",
                         .kind = OPTION_NUMBER,
                         .value = "SHARE",
                         .help = "set: share of cells whose barrier is shorted" },
    [DEVICE_TARGET] = { .name = "target",
                        .kind = OPTION_NUMBER,
                        .value = "RATE",
                        .help = "set: write error rate to reach with the new device" },
    [DEVICE_PULSE] = { .name = "pulse-ns",
                       .kind = OPTION_NUMBER,
                       .value = "NS",
                       .help = "set: width of its write pulse" },
    [DEVICE_OVER] = { .name = "over",
                      .kind = OPTION_TEXT,
                      .value = "CONTENTS",
                      .help = "set: what it is written over, as in operating-point" },
    [DEVICE_OPTIONS] = { .name = NULL },
};

/* -- The body -- */

static enum status put_parameters(struct body *body, const struct option_value *set,
                                  char why[ERR_LEN])
{
    json_t *parameters = json_object();

    for (size_t i = 0; i < set->n_list; i++) {
        const char *text = set->list[i];
        size_t len = strcspn(text, "=");
        char *end = NULL, quoted[64];
        double value = text[len] == '=' ? strtod(text + len + 1, &end) : 0.0;

        if (len == 0 || end == NULL || end == text + len + 1 || *end != '\0' ||
            !isfinite(value)) {
            output_clean(text, quoted, sizeof(quoted));
            snprintf(why, ERR_LEN, "--set: %s is not FIELD=NUMBER, as in diameter_nm=35",
                     quoted);
            json_decref(parameters);
            return ST_RANGE;
        }
        body->failed |=
            json_object_setn_new(parameters, text, len, json_real(value)) != 0;
    }
    body_put(body, "parameters", parameters);
    return ST_OK;
}

static void put_defects(struct body *body, const struct option_value *values)
{
    struct body defects;

    body_init(&defects);
    body_put_number(&defects, "stuck_p", &values[DEVICE_STUCK_P]);
    body_put_number(&defects, "stuck_ap", &values[DEVICE_STUCK_AP]);
    body_put_number(&defects, "shorted", &values[DEVICE_SHORTED]);
    body->failed |= defects.failed;
    body_put(body, "defects", json_incref(defects.json));
    body_done(&defects);
}

/* What the old device was written with may be out of the new one's reach. */
static void put_point(struct body *body, const struct option_value *values)
{
    struct body point;

    body_init(&point);
    body_put_number(&point, "target_write_error_rate", &values[DEVICE_TARGET]);
    body_put_number(&point, "pulse_ns", &values[DEVICE_PULSE]);
    body_put_text(&point, "program_over", &values[DEVICE_OVER]);
    body->failed |= point.failed;
    if (json_object_size(point.json) > 0)
        body_put(body, "operating_point", json_incref(point.json));
    body_done(&point);
}

enum status device_body(const struct option_value values[DEVICE_OPTIONS],
                        const char *table, char **ret_text, char why[ERR_LEN])
{
    bool defects = values[DEVICE_STUCK_P].given || values[DEVICE_STUCK_AP].given ||
                   values[DEVICE_SHORTED].given;
    struct body body;
    enum status st = ST_OK;

    if (table != NULL && (values[DEVICE_PRESET].given || values[DEVICE_SET].given)) {
        snprintf(why, ERR_LEN, "--table is a device of its own: no --preset or --set");
        return ST_RANGE;
    }
    body_init(&body);
    body_put_text(&body, "preset", &values[DEVICE_PRESET]);
    body_put_text(&body, "name", &values[DEVICE_NAME]);
    if (values[DEVICE_SET].given)
        st = put_parameters(&body, &values[DEVICE_SET], why);
    if (table != NULL)
        body_put(&body, "table_csv", json_string(table));
    if (defects)
        put_defects(&body, values);
    put_point(&body, values);
    /* Without it the daemon says what would be lost. */
    if (values[DEVICE_NEW_ARRAY].given)
        body_put(&body, "new_array", json_true());
    if (st == ST_OK && json_object_size(body.json) == 0) {
        snprintf(why, ERR_LEN, "nothing to set; spinbnn device --help lists what can be");
        st = ST_RANGE;
    }
    if (st == ST_OK)
        st = body_text(&body, ret_text, why);
    body_done(&body);
    return st;
}

/* -- The verbs -- */

static int show(const struct cli *cli)
{
    const struct ask ask = { .method = "GET", .path = "/device", .print = device_print };

    return ask_run(cli, &ask);
}

static int presets(const struct cli *cli)
{
    const struct ask ask = { .method = "GET",
                             .path = "/api/v1/device/presets",
                             .what = "presets",
                             .print = device_print_presets };

    return ask_run(cli, &ask);
}

/* The file as a text; a zero byte inside would end it early. */
static int read_table(const char *file, char **ret_text)
{
    uint8_t *bytes = NULL;
    char why[ERR_LEN];
    size_t len = 0;

    if (input_read(file, MAX_TABLE, &bytes, &len, why) != ST_OK)
        return report(EXIT_FAILURE, "%s: %s", file, why);
    if (memchr(bytes, 0, len) != NULL) {
        free(bytes);
        return report(EX_DATAERR, "%s: is no text", file);
    }
    *ret_text = strndup((const char *)bytes, len);
    free(bytes);
    return *ret_text != NULL ? EXIT_SUCCESS : report(EXIT_FAILURE, "out of memory");
}

static int put(const struct cli *cli, const char *body)
{
    const struct ask ask = { .method = "PUT",
                             .path = "/device",
                             .content_type = "application/json",
                             .body = body,
                             .len = strlen(body),
                             .print = point_print };

    return ask_run(cli, &ask);
}

static int set(const struct cli *cli, const struct option_value *values)
{
    char *table = NULL, *body = NULL, why[ERR_LEN];
    int code = values[DEVICE_TABLE_FILE].given
                   ? read_table(values[DEVICE_TABLE_FILE].text, &table)
                   : EXIT_SUCCESS;

    if (code == EXIT_SUCCESS && device_body(values, table, &body, why) != ST_OK)
        code = report(EX_USAGE, "device set: %s", why);
    if (code == EXIT_SUCCESS)
        code = put(cli, body);
    free(body);
    free(table);
    return code;
}

static int run(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    static const char *const verbs[] = { "show", "presets", "set", NULL };
    const char *verb = n_args == 0 ? "show" : args[0];

    if (strcmp(verb, "set") == 0)
        return set(cli, values);
    if (strcmp(verb, "show") != 0 && strcmp(verb, "presets") != 0)
        return ask_unknown_verb("device", verb, verbs);

    int code = ask_refuse(strcmp(verb, "show") == 0 ? "device show" : "device presets",
                          device_options, values, 0, DEVICE_OPTIONS);
    if (code != EXIT_SUCCESS)
        return code;
    return strcmp(verb, "show") == 0 ? show(cli) : presets(cli);
}

const struct command device_command = {
    .name = "device",
    .args = "[show|presets|set]",
    .summary = "show or choose what a model's memory cells are made of",
    .about =
        "`show` prints the device of a model's array: the parameters of its junction,\n"
        "what follows from them, or the table that was measured; and its defects.\n"
        "`presets` lists devices by name, with their sources, and every parameter.\n"
        "\n"
        "`set` makes a new array of another device and programs it: the old cells, what\n"
        "they held and their wear are gone, so --new-array has to be said. Parameters\n"
        "that are not named are those of the preset. A table is CSV with a row for each\n"
        "measured write: direction,voltage_v,pulse_ns,temperature_k,error_rate,\n"
        "toggle_pj,hold_pj; only direction and error_rate are needed.\n",
    .examples =
        "  spinbnn device -m mnist\n"
        "  spinbnn device presets\n"
        "  spinbnn device set -m mnist --new-array --preset retention\n"
        "  spinbnn device set -m mnist --new-array --preset scaled \\\n"
        "                     --set diameter_nm=28 --set tmr=1.8 --name mine\n"
        "  spinbnn device set -m mnist --new-array --table measured.csv \\\n"
        "                     --target 1e-3 --pulse-ns 10\n"
        "  spinbnn device set -m mnist --new-array --stuck-p 1e-4 --shorted 1e-5\n",
    .options = device_options,
    .max_args = 1,
    .run = run,
};
