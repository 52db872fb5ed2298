/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of an operating point as text. */
#include "cli/point.h"

#include "cli/field.h"
#include "cli/state.h"

#include <math.h>
#include <string.h>

/* -- One condition as text -- */

enum shape { SHAPE_TEXT, SHAPE_RATE, SHAPE_NUMBER };

/* What a layer or the whole array can state. A pair of numbers has two names. */
static const struct condition {
    const char *member, *title;
    enum shape shape;
    const char *unit;
    const char *members[2], *names[2];
} conditions[] = {
    { "mode", "mode", SHAPE_TEXT, "", { NULL }, { NULL } },
    { "target_write_error_rate", "target", SHAPE_RATE, "", { NULL }, { NULL } },
    { "bit_error_rate",
      "bit error rate",
      SHAPE_RATE,
      "",
      { "to_p", "to_ap" },
      { "to P", "to AP" } },
    { "write_voltage_v",
      "write voltage",
      SHAPE_NUMBER,
      "V",
      { "p2ap", "ap2p" },
      { "P to AP", "AP to P" } },
    { "pulse_ns", "pulse", SHAPE_NUMBER, "ns", { NULL }, { NULL } },
    { "temperature_k", "temperature", SHAPE_NUMBER, "K", { NULL }, { NULL } },
    { "program_over", "written over", SHAPE_TEXT, "", { NULL }, { NULL } },
    { "ecc", "code", SHAPE_TEXT, "", { NULL }, { NULL } },
    { "cell", "cell", SHAPE_TEXT, "", { NULL }, { NULL } },
    { "verify_retries", "verify retries", SHAPE_NUMBER, "", { NULL }, { NULL } },
    { "polarity", "polarity", SHAPE_TEXT, "", { NULL }, { NULL } },
};
#define N_CONDITIONS (sizeof(conditions) / sizeof(conditions[0]))

/* `size` as snprintf; returns what is written without the final zero. */
static size_t one_value(const struct condition *condition, const json_t *value,
                        char *ret_text, size_t size)
{
    char text[OUTPUT_NUMBER];
    double number = json_is_number(value) ? json_number_value(value) : (double)NAN;
    int len = snprintf(ret_text, size, "%s",
                       json_is_string(value) ? json_string_value(value)
                       : condition->shape == SHAPE_RATE
                           ? output_rate(number, text)
                           : output_number(number, condition->unit, text));

    return (size_t)len < size ? (size_t)len : size - 1;
}

static void value_text(const struct condition *condition, const json_t *value,
                       char *ret_text, size_t size)
{
    size_t used = 0, n = 0;

    ret_text[0] = '\0';
    if (!json_is_object(value)) {
        (void)one_value(condition, value, ret_text, size);
        return;
    }
    for (size_t i = 0; i < 2 && condition->members[i] != NULL; i++) {
        const json_t *part = field(value, condition->members[i]);

        if (part == NULL)
            continue;
        used += (size_t)snprintf(ret_text + used, size - used, "%s", n++ > 0 ? ", " : "");
        used += one_value(condition, part, ret_text + used, size - used);
        int len = snprintf(ret_text + used, size - used, " %s", condition->names[i]);
        used = used + (size_t)len < size ? used + (size_t)len : size - 1;
    }
}

/* -- The conditions of all -- */

static const char *explain_mode(const char *mode)
{
    if (strcmp(mode, "device") == 0)
        return " (every cell as fabricated)";
    if (strcmp(mode, "uniform") == 0)
        return " (every cell like the mean)";
    return strcmp(mode, "iid") == 0 ? " (bits flipped at random, no physics)" : "";
}

/* " (solved)" behind what the daemon worked out from the target. */
static const char *solved(const json_t *point, const char *name)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(field(point, "solved"), i, entry)
    {
        if (json_is_string(entry) && strcmp(json_string_value(entry), name) == 0)
            return " (solved)";
    }
    return "";
}

/* Is it worth a line? No retries are none; without a code, pairs or inversion nothing is
 * said of them. */
static bool is_plain(const char *member, const json_t *value)
{
    const char *text = json_string_value(value);

    if (strcmp(member, "verify_retries") == 0)
        return json_number_value(value) == 0.0;
    if (strcmp(member, "ecc") == 0 || strcmp(member, "polarity") == 0)
        return text != NULL && strcmp(text, "none") == 0;
    return strcmp(member, "cell") == 0 && text != NULL && strcmp(text, "1t1r") == 0;
}

static void print_condition(FILE *out, const json_t *point,
                            const struct condition *condition)
{
    const json_t *value = field(point, condition->member);
    bool physics = strcmp(field_text(point, "mode", ""), "iid") != 0;
    char text[128], line[200];

    if (!physics && strcmp(condition->member, "program_over") == 0)
        return;
    if (value == NULL || is_plain(condition->member, value))
        return;
    value_text(condition, value, text, sizeof(text));
    if (text[0] == '\0')
        return;
    snprintf(line, sizeof(line), "%s%s", text,
             strcmp(condition->member, "mode") == 0 ? explain_mode(text)
                                                    : solved(point, condition->member));
    output_line(out, condition->title, line);
}

static void print_conditions(FILE *out, const json_t *point)
{
    char a[OUTPUT_NUMBER];

    for (size_t i = 0; i < N_CONDITIONS; i++)
        print_condition(out, point, &conditions[i]);
    output_line(out, "seed", output_id(field_number(point, "seed"), a));
    if (field_true(point, "read_disturb"))
        output_line(out, "read disturb", "on: reading wears on the bits");
    if (field(point, "device") != NULL)
        output_line(out, "device", field_text(point, "device", "-"));
    if (field(point, "programmed_at") != NULL)
        output_line(out, "programmed at", field_text(point, "programmed_at", "-"));
    if (field_number(point, "age_s") > 0.0)
        output_line(out, "since written",
                    output_duration(field_number(point, "age_s"), a));
    double rate = field_number(point, "predicted.write_error_rate");
    if (isfinite(rate))
        output_line(out, "write error rate", output_rate(rate, a));
    if (field(point, "remark") != NULL)
        output_line(out, "remark", field_text(point, "remark", "-"));
}

/* -- The table -- */

static double sum_of(const json_t *object, const char *a, const char *b)
{
    return field_number(object, a) + field_number(object, b);
}

static bool has_own(const json_t *point, const char *layer)
{
    return json_object_size(json_object_get(field(point, "layers"), layer)) > 0;
}

static void add_result(struct table *table, const char *name, bool own,
                       const json_t *result, bool code)
{
    char marked[128], text[OUTPUT_NUMBER];

    snprintf(marked, sizeof(marked), "%s *", name);
    state_add(table, own ? marked : name, result, code);
    table_add(table, output_energy(field_number(result, "energy_pj"), text));
}

static void add_prediction(struct table *table, const json_t *point, bool code)
{
    char text[OUTPUT_NUMBER];
    double weights = field_number(point, "result.weights");
    double rate = field_number(point, "predicted.stored_bit_error_rate");
    double wrong = field_number(point, "predicted.wrong_bits");

    /* What a code delivers is not what is stored. */
    if (isfinite(wrong) && weights > 0.0)
        rate = wrong / weights;
    table_add(table, "predicted");
    table_add(table, output_count(weights, text));
    table_add(table, output_expected(isfinite(wrong) ? wrong : rate * weights, text));
    table_add(table, output_rate(rate, text));
    table_add(table, output_count(field_number(point, "result.cells"), text));
    table_add(table, output_expected(field_number(point, "predicted.cell_errors"), text));
    for (size_t i = 0; code && i < 3; i++)
        table_add(table, "");
    table_add(table, output_energy(field_number(point, "predicted.energy_pj"), text));
}

/* `one`: the answer is of this layer; NULL: of all. */
static enum status print_results(FILE *out, const json_t *point, const char *one)
{
    const json_t *result = field(point, "result"), *layer;
    bool code = state_has_code(result);
    struct table table;
    size_t i;

    state_table_init(&table, code, "|>WRITE ENERGY");
    json_array_foreach(field(result, "layers"), i, layer)
    {
        const char *name = field_text(layer, "name", "?");

        add_result(&table, name, has_own(point, name), layer, code);
    }
    add_result(&table, one != NULL ? one : "all", one != NULL && has_own(point, one),
               result, code);
    add_prediction(&table, point, code);

    enum status st = table_print(&table, out, 2);
    table_done(&table);
    return st;
}

/* -- Layers with conditions of their own -- */

static void print_own(FILE *out, const char *layer, const json_t *own)
{
    char name[64], line[600] = "", text[128];
    size_t used = 0;

    for (size_t i = 0; i < N_CONDITIONS && used < sizeof(line); i++) {
        const json_t *value = json_object_get(own, conditions[i].member);

        if (value == NULL)
            continue;
        if (json_is_null(value))
            snprintf(text, sizeof(text), "solved");
        else
            value_text(&conditions[i], value, text, sizeof(text));
        used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s %s",
                                 used > 0 ? "; " : "", conditions[i].title, text);
    }
    output_clean(layer, name, sizeof(name));
    output_line(out, name, line);
}

static void print_all_own(FILE *out, const json_t *point)
{
    json_t *layers = field(point, "layers"), *own;
    const char *name;
    bool any = false;

    json_object_foreach(layers, name, own)
    {
        if (json_object_size(own) == 0)
            continue;
        if (!any)
            fputs("\n* with conditions of their own:\n", out);
        any = true;
        print_own(out, name, own);
    }
}

/* -- All of it -- */

static void print_heading(FILE *out, const char *model, const json_t *point,
                          const char *layer)
{
    const char *cause = field_text(point, "cause", "program");
    char text[OUTPUT_NUMBER];
    double generation = field_number(point, "result.generation");

    if (!isfinite(generation))
        generation = field_number(point, "generation");
    fputs("operating point of ", out);
    output_text(out, model);
    if (layer != NULL) {
        fputs(", layer ", out);
        output_text(out, layer);
    }
    fprintf(out, ", generation %s", output_id(generation, text));
    if (strcmp(cause, "program") != 0) {
        fputs(" (by ", out);
        output_text(out, cause);
        fputc(')', out);
    }
    fputc('\n', out);
}

enum status point_print(FILE *out, const char *model, const json_t *point)
{
    const char *layer = field_text(point, "layer", NULL);
    const json_t *result = field(point, "result");

    print_heading(out, model, point, layer);
    print_conditions(out, point);
    fputc('\n', out);
    if (print_results(out, point, layer) != ST_OK)
        return ST_NOMEM;
    print_all_own(out, point);
    fputc('\n', out);
    state_details(out, result);
    state_changes(out, result);
    state_energy(out, field(result, "energy"));
    /* Without physics nothing is said of energies. */
    if (field(result, "energy_pj") != NULL &&
        sum_of(result, "toggles.p2ap", "toggles.ap2p") == 0.0)
        fputs("\n  No cell had to change its state, so none could fail. --over random "
              "writes\n"
              "  over other contents.\n",
              out);
    return ST_OK;
}
