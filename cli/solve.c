/* SPDX-License-Identifier: Apache-2.0 */
/* solve.c - `spinbnn solve`: the paper's question, answered for one error rate. */
#include "cli/solve.h"

#include "cli/ask.h"
#include "cli/body.h"
#include "cli/field.h"
#include "cli/output.h"
#include "cli/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define TEXT_WIDTH 78

/* -- The request -- */

const struct option solve_options[SOLVE_OPTIONS + 1] = {
    [SOLVE_TARGET] = { .name = "target",
                       .kind = OPTION_NUMBER,
                       .value = "RATE",
                       .help = "error rate to deliver, of bits that must change" },
    [SOLVE_PULSE] = { .name = "pulse-ns",
                      .kind = OPTION_NUMBER,
                      .value = "NS",
                      .help = "width of the write pulse; default the cheapest" },
    [SOLVE_TEMPERATURE] = { .name = "temperature-k",
                            .letter = 't',
                            .kind = OPTION_NUMBER,
                            .value = "K",
                            .help = "temperature of the cells" },
    [SOLVE_DEVICE] = { .name = "device",
                       .kind = OPTION_TEXT,
                       .value = "PRESET",
                       .help = "a device of `spinbnn device presets`; or --model: that "
                               "model's" },
    [SOLVE_OPTIONS] = { .name = NULL },
};

enum status solve_body(const struct option_value values[SOLVE_OPTIONS], const char *model,
                       char **ret_text, char why[ERR_LEN])
{
    struct body body;

    if (!values[SOLVE_TARGET].given) {
        snprintf(why, ERR_LEN, "which error rate? say --target RATE");
        return ST_RANGE;
    }
    if (model != NULL && values[SOLVE_DEVICE].given) {
        snprintf(why, ERR_LEN, "say --device or --model, not both");
        return ST_RANGE;
    }
    body_init(&body);
    body_put_number(&body, "target_error_rate", &values[SOLVE_TARGET]);
    body_put_number(&body, "pulse_ns", &values[SOLVE_PULSE]);
    body_put_number(&body, "temperature_k", &values[SOLVE_TEMPERATURE]);
    body_put_text(&body, "device", &values[SOLVE_DEVICE]);
    if (model != NULL)
        body_put(&body, "device", json_pack("{s:s}", "model", model));
    enum status st = body_text(&body, ret_text, why);
    body_done(&body);
    return st;
}

/* -- The answer: the write -- */

static void voltages_text(const json_t *object, char *ret_text, size_t size)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER];

    snprintf(ret_text, size, "%s P to AP, %s AP to P",
             output_number(field_number(object, "write_voltage_v.p2ap"), "V", a),
             output_number(field_number(object, "write_voltage_v.ap2p"), "V", b));
}

static void print_write(FILE *out, const json_t *answer)
{
    const json_t *cheapest = field(answer, "cheapest");
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], volts[3 * OUTPUT_NUMBER],
        line[6 * OUTPUT_NUMBER];

    /* A table may have neither voltages nor pulses. */
    if (field(answer, "write_voltage_v") != NULL) {
        voltages_text(answer, volts, sizeof(volts));
        output_line(out, "write voltage", volts);
    }
    if (field(answer, "pulse_ns") != NULL)
        output_line(out, "pulse",
                    output_number(field_number(answer, "pulse_ns"), "ns", a));
    output_line(out, "toggle energy",
                output_energy(field_number(answer, "toggle_energy_pj"), a));
    if (cheapest != NULL && field(cheapest, "pulse_ns") != NULL) {
        voltages_text(cheapest, volts, sizeof(volts));
        snprintf(line, sizeof(line), "%s at %s, %s",
                 output_energy(field_number(cheapest, "toggle_energy_pj"), a),
                 output_number(field_number(cheapest, "pulse_ns"), "ns", b), volts);
        output_line(out, "cheapest pulse", line);
    }
    if (field(answer, "remark") != NULL)
        output_line(out, "remark", field_text(answer, "remark", "-"));
}

/* -- The answer: the schemes -- */

static const char *basis_text(const char *basis)
{
    if (strcmp(basis, "equal_delivered") == 0)
        return "delivers the target";
    return strcmp(basis, "practice") == 0 ? "as in practice" : basis;
}

static void add_scheme(struct table *table, const json_t *scheme)
{
    char text[OUTPUT_NUMBER];

    table_add(table, field_text(scheme, "scheme", "?"));
    table_add(table, basis_text(field_text(scheme, "basis", "?")));
    if (json_is_false(field(scheme, "reachable"))) {
        table_add(table, "unreachable");
        for (size_t i = 0; i < 6; i++)
            table_add(table, "-");
        return;
    }
    table_add(table, output_rate(field_number(scheme, "raw_error_rate"), text));
    table_add(table, output_rate(field_number(scheme, "delivered_error_rate"), text));
    table_add(table,
              output_number(field_number(scheme, "write_voltage_v.p2ap"), "V", text));
    table_add(table,
              output_number(field_number(scheme, "write_voltage_v.ap2p"), "V", text));
    table_add(table, output_number(field_number(scheme, "cells_per_data_bit"), "", text));
    table_add(table, output_energy(field_number(scheme, "energy_per_data_bit_pj"), text));
    table_add(table, output_number(field_number(scheme, "relative"), "", text));
}

static enum status print_schemes(FILE *out, const json_t *schemes)
{
    struct table table;
    const json_t *scheme;
    size_t i;

    table_init(&table,
               "SCHEME|WRITTEN SO THAT IT|>CELLS FAIL|>DELIVERED|>P TO AP|>AP TO P|"
               ">CELLS A BIT|>ENERGY A BIT|>RELATIVE");
    json_array_foreach(schemes, i, scheme) add_scheme(&table, scheme);
    fputc('\n', out);

    enum status st = table_print(&table, out, 2);
    table_done(&table);
    return st;
}

/* -- The answer: what it comes to -- */

/* NULL where there is none, or no voltage reaches it. */
static const json_t *find_scheme(const json_t *schemes, const char *name,
                                 const char *basis)
{
    const json_t *scheme;
    size_t i;

    json_array_foreach(schemes, i, scheme)
    {
        if (strcmp(field_text(scheme, "scheme", ""), name) == 0 &&
            strcmp(field_text(scheme, "basis", ""), basis) == 0)
            return json_is_false(field(scheme, "reachable")) ? NULL : scheme;
    }
    return NULL;
}

/* "12 % more than", "2.71 times as much as": the other energy beside that of weak writes.
 */
static void against(double weak_pj, double other_pj, char *ret_text, size_t size)
{
    double percent = 100.0 * (other_pj / weak_pj - 1.0);

    if (!isfinite(percent))
        snprintf(ret_text, size, "not comparable with");
    else if (percent >= 100.0)
        snprintf(ret_text, size, "%.3g times as much as", other_pj / weak_pj);
    else if (fabs(percent) < 0.05)
        snprintf(ret_text, size, "as much as");
    else
        snprintf(ret_text, size, "%.3g %% %s than", fabs(percent),
                 percent > 0.0 ? "more" : "less");
}

static void print_comparison(FILE *out, const json_t *answer)
{
    const json_t *schemes = field(answer, "schemes");
    const json_t *weak = find_scheme(schemes, "none", "equal_delivered");
    const json_t *strong = find_scheme(schemes, "secded", "practice");
    const json_t *equal = find_scheme(schemes, "secded", "equal_delivered");
    double weak_pj = field_number(weak, "energy_per_data_bit_pj");
    double strong_pj = field_number(strong, "energy_per_data_bit_pj");
    double equal_pj = field_number(equal, "energy_per_data_bit_pj");
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], c[OUTPUT_NUMBER], d[OUTPUT_NUMBER],
        ratio[64], line[400];

    if (weak == NULL)
        return;
    output_rate(field_number(weak, "raw_error_rate"), a);
    output_energy(weak_pj, b);
    /* Against the customary strong write only where the target is the weaker one. */
    if (strong != NULL && field_number(strong, "raw_error_rate") <
                              field_number(answer, "target_error_rate")) {
        against(weak_pj, strong_pj, ratio, sizeof(ratio));
        snprintf(line, sizeof(line),
                 "Strong writes at %s with SECDED, as is practice, take %s a bit, %s "
                 "weak writes at %s without a code, which take %s.",
                 output_rate(field_number(strong, "raw_error_rate"), c),
                 output_energy(strong_pj, d), ratio, a, b);
        fputs("\n  ", out);
        output_wrapped(out, line, 2, TEXT_WIDTH);
    }
    if (equal != NULL) {
        against(weak_pj, equal_pj, ratio, sizeof(ratio));
        snprintf(
            line, sizeof(line),
            "Where both deliver %s, SECDED over cells that fail at %s takes %s a bit, "
            "%s bare cells.",
            output_rate(field_number(answer, "target_error_rate"), a),
            output_rate(field_number(equal, "raw_error_rate"), c),
            output_energy(equal_pj, d), ratio);
        fputs("\n  ", out);
        output_wrapped(out, line, 2, TEXT_WIDTH);
    }
}

enum status solve_print(FILE *out, const char *model, const json_t *answer)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER];

    (void)model;
    fprintf(out, "writes that fail at %s, device ",
            output_rate(field_number(answer, "target_error_rate"), a));
    output_text(out, field_text(answer, "device", "?"));
    fprintf(out, " at %s\n",
            output_number(field_number(answer, "temperature_k"), "K", b));
    print_write(out, answer);
    if (print_schemes(out, field(answer, "schemes")) != ST_OK)
        return ST_NOMEM;
    print_comparison(out, answer);
    return ST_OK;
}

/* -- The command -- */

static int run(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    char *body = NULL, why[ERR_LEN];

    (void)args;
    (void)n_args;
    if (solve_body(values, cli->model, &body, why) != ST_OK)
        return report(EX_USAGE, "solve: %s", why);

    const struct ask ask = { .method = "POST",
                             .path = "/api/v1/solve",
                             .what = "solve",
                             .content_type = "application/json",
                             .body = body,
                             .len = strlen(body),
                             .print = solve_print };
    int code = ask_run(cli, &ask);
    free(body);
    return code;
}

const struct command solve_command = {
    .name = "solve",
    .args = "",
    .summary = "find the write for an error rate, and what codes would cost",
    .about =
        "Solves for the voltages at which writes fail as often as --target says, and\n"
        "compares the ways to deliver that error rate: bare cells, codes over cells\n"
        "that are written more weakly, writes that are read back and repeated, two\n"
        "cells a bit; and the same codes over writes as strong as is practice. No array\n"
        "is touched.\n",
    .examples = "  spinbnn solve --target 1e-3\n"
                "  spinbnn solve --target 1e-4 --pulse-ns 10 --device retention\n"
                "  spinbnn solve --target 1e-3 -m mnist --json | jq .schemes\n",
    .options = solve_options,
    .run = run,
};
