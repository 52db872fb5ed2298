/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/point.h"

#include <string.h>

static const char *const modes[] = { "device", "uniform", "iid", NULL };
static const char *const overs[] = { "present",  "random",    "complement",
                                     "erased_p", "erased_ap", NULL };
static const char *const codes[] = { "none", "secded", "bch2", NULL };
static const char *const cells[] = { "1t1r", "2t2r", NULL };
static const char *const polarities[] = { "none", "odd_columns", "odd_rows", "seeded",
                                          NULL };
static const char *const switches[] = { "on", "off", NULL };

const struct option point_options[POINT_OPTIONS + 1] = {
    [POINT_MODE] = { .name = "mode",
                     .kind = OPTION_CHOICE,
                     .value = "MODE",
                     .choices = modes,
                     .help = "device, uniform or iid" },
    [POINT_TARGET] = { .name = "target",
                       .kind = OPTION_NUMBER,
                       .value = "RATE",
                       .help =
                           "write error rate to reach, of cells that must change; the "
                           "voltages are solved for" },
    [POINT_PULSE] = { .name = "pulse-ns",
                      .kind = OPTION_NUMBER,
                      .value = "NS",
                      .help =
                          "width of the write pulse; with --target and without this the "
                          "cheapest pulse is taken" },
    [POINT_P2AP] = { .name = "voltage-p2ap",
                     .kind = OPTION_NUMBER,
                     .value = "V",
                     .help = "write voltage from P to AP (weight +1 to -1)" },
    [POINT_AP2P] = { .name = "voltage-ap2p",
                     .kind = OPTION_NUMBER,
                     .value = "V",
                     .help = "write voltage from AP to P (weight -1 to +1)" },
    [POINT_BIT_ERROR_RATE] = { .name = "bit-error-rate",
                               .kind = OPTION_NUMBER,
                               .value = "RATE",
                               .help =
                                   "mode iid: probability that a stored bit is wrong" },
    [POINT_BER_TO_P] = { .name = "ber-to-p",
                         .kind = OPTION_NUMBER,
                         .value = "RATE",
                         .help = "mode iid: the same, of bits that should be AP alone" },
    [POINT_BER_TO_AP] = { .name = "ber-to-ap",
                          .kind = OPTION_NUMBER,
                          .value = "RATE",
                          .help = "mode iid: the same, of bits that should be P alone" },
    [POINT_TEMPERATURE] = { .name = "temperature-k",
                            .kind = OPTION_NUMBER,
                            .value = "K",
                            .help = "temperature of the cells while they are written" },
    [POINT_OVER] = { .name = "over",
                     .kind = OPTION_CHOICE,
                     .value = "CONTENTS",
                     .choices = overs,
                     .help = "what is written over: present (what is there), random, "
                             "complement (all cells must change), erased_p, erased_ap" },
    [POINT_ECC] = { .name = "ecc",
                    .kind = OPTION_CHOICE,
                    .value = "CODE",
                    .choices = codes,
                    .help = "code over every 64 weights: none, secded (mends one bit), "
                            "bch2 (mends two)" },
    [POINT_CELL] = { .name = "cell",
                     .kind = OPTION_CHOICE,
                     .value = "CELL",
                     .choices = cells,
                     .help = "1t1r: a weight is one junction; 2t2r: two that are "
                             "written opposite and compared" },
    [POINT_RETRIES] = { .name = "verify-retries",
                        .kind = OPTION_COUNT,
                        .value = "N",
                        .help = "read back after writing, and write again what failed, "
                                "up to N times" },
    [POINT_POLARITY] = { .name = "polarity",
                         .kind = OPTION_CHOICE,
                         .value = "RULE",
                         .choices = polarities,
                         .help = "which weights are stored inverted: none, odd_columns, "
                                 "odd_rows, seeded (half of them, drawn)" },
    [POINT_SEED] = { .name = "seed",
                     .kind = OPTION_COUNT,
                     .value = "N",
                     .help =
                         "of the simulated devices and their luck: the same seed gives "
                         "the same wrong bits" },
    [POINT_READ_DISTURB] = { .name = "read-disturb",
                             .kind = OPTION_CHOICE,
                             .value = "ON",
                             .choices = switches,
                             .help = "on: reading wears on the bits, as in a real array; "
                                     "off" },
    [POINT_DEFAULT] = { .name = "default",
                        .kind = OPTION_LIST,
                        .value = "FIELD",
                        .help =
                            "put this one back to its default (of a layer: to what the "
                            "model has); may be repeated" },
    [POINT_LAYER] = { .name = "layer",
                      .kind = OPTION_TEXT,
                      .value = "NAME",
                      .help = "only this layer; what it does not state it inherits" },
    [POINT_IF_MATCH] = { .name = "if-match",
                         .kind = OPTION_COUNT,
                         .value = "GENERATION",
                         .help = "only if the memory still holds this generation" },
    [POINT_OPTIONS] = { .name = NULL },
};

/* What each option is called in JSON; "object.member" one level down. */
static const char *const fields[POINT_OPTIONS] = {
    [POINT_MODE] = "mode",
    [POINT_TARGET] = "target_write_error_rate",
    [POINT_PULSE] = "pulse_ns",
    [POINT_P2AP] = "write_voltage_v.p2ap",
    [POINT_AP2P] = "write_voltage_v.ap2p",
    [POINT_BIT_ERROR_RATE] = "bit_error_rate",
    [POINT_BER_TO_P] = "bit_error_rate.to_p",
    [POINT_BER_TO_AP] = "bit_error_rate.to_ap",
    [POINT_TEMPERATURE] = "temperature_k",
    [POINT_OVER] = "program_over",
    [POINT_ECC] = "ecc",
    [POINT_CELL] = "cell",
    [POINT_RETRIES] = "verify_retries",
    [POINT_POLARITY] = "polarity",
    [POINT_SEED] = "seed",
    [POINT_READ_DISTURB] = "read_disturb",
};

/* -- The patch -- */

/* Takes `value`. ST_RANGE if the member is there already. */
static enum status put(json_t *patch, const char *path, json_t *value)
{
    size_t len = strcspn(path, ".");
    json_t *object = patch;
    enum status st = ST_OK;

    if (path[len] == '.') {
        object = json_object_getn(patch, path, len);
        if (object == NULL && json_object_setn_new(patch, path, len, json_object()) == 0)
            object = json_object_getn(patch, path, len);
        path += len + 1;
    }
    if (object == NULL || value == NULL)
        st = ST_NOMEM;
    else if (!json_is_object(object) || json_object_get(object, path) != NULL)
        st = ST_RANGE;
    else if (json_object_set(object, path, value) != 0)
        st = ST_NOMEM;
    json_decref(value);
    return st;
}

/* The value of option `i` as JSON; NULL if memory ran out. */
static json_t *json_of(size_t i, const struct option_value *value)
{
    if (i == POINT_READ_DISTURB)
        return json_boolean(strcmp(value->text, "on") == 0);
    if (point_options[i].kind == OPTION_CHOICE)
        return json_string(value->text);
    if (point_options[i].kind == OPTION_COUNT)
        return json_integer((json_int_t)value->count);
    return json_real(value->number);
}

static enum status put_given(json_t *patch, const struct option_value *values,
                             char why[ERR_LEN])
{
    for (size_t i = 0; i < POINT_OPTIONS; i++) {
        if (!values[i].given || fields[i] == NULL)
            continue;

        enum status st = put(patch, fields[i], json_of(i, &values[i]));
        if (st == ST_RANGE)
            snprintf(why, ERR_LEN, "--%s: the field is given a second time",
                     point_options[i].name);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

/* The JSON member that --default FIELD means: its own name, or the option's. */
static const char *default_member(const char *name)
{
    if (strcmp(name, "write_voltage_v") == 0 || strncmp(name, "voltage", 7) == 0)
        return "write_voltage_v"; /* the two voltages go together */
    if (strncmp(name, "ber-to", 6) == 0)
        return "bit_error_rate"; /* and so do these */
    for (size_t i = 0; i < POINT_OPTIONS; i++)
        if (fields[i] != NULL &&
            (strcmp(name, fields[i]) == 0 || strcmp(name, point_options[i].name) == 0))
            return fields[i];
    return NULL;
}

static enum status put_defaults(json_t *patch, const struct option_value *defaults,
                                char why[ERR_LEN])
{
    static const char *const names[] = {
        "mode",          "target", "pulse-ns",     "voltage", "bit-error-rate",
        "temperature-k", "over",   "ecc",          "cell",    "verify-retries",
        "polarity",      "seed",   "read-disturb", NULL,
    };

    for (size_t i = 0; i < defaults->n_list; i++) {
        const char *member = default_member(defaults->list[i]);

        if (member == NULL) {
            char suggestion[64];

            options_suggest(defaults->list[i], names, suggestion, sizeof(suggestion));
            snprintf(why, ERR_LEN, "--default: there is no field %.60s%s",
                     defaults->list[i], suggestion);
            return ST_RANGE;
        }
        enum status st = put(patch, member, json_null());
        if (st == ST_RANGE)
            snprintf(why, ERR_LEN, "--default %.60s: the field is given a second time",
                     defaults->list[i]);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

enum status point_patch(const struct option_value values[POINT_OPTIONS], char **ret_patch,
                        char why[ERR_LEN])
{
    json_t *patch = json_object();
    enum status st = patch != NULL ? ST_OK : ST_NOMEM;

    snprintf(why, ERR_LEN, "out of memory");
    if (st == ST_OK)
        st = put_given(patch, values, why);
    if (st == ST_OK)
        st = put_defaults(patch, &values[POINT_DEFAULT], why);
    if (st == ST_OK && json_object_size(patch) == 0) {
        snprintf(why, ERR_LEN, "nothing to set; --help lists what can be set");
        st = ST_RANGE;
    }
    if (st == ST_OK) {
        /* 15 digits: a number goes out as it was typed, 0.05 and not
         * 0.050000000000000003. */
        char *text = json_dumps(patch, JSON_COMPACT | JSON_REAL_PRECISION(15));

        if (text != NULL)
            *ret_patch = text;
        else
            st = ST_NOMEM;
    }
    json_decref(patch);
    return st;
}
