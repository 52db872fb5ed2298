/* SPDX-License-Identifier: Apache-2.0 */
#include "api/point_json.h"

#include "api/json_body.h"
#include "api/place_body.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define MAX_SEED 9007199254740991.0 /* 2^53 - 1: what a JSON number holds exactly */

static const char *const members[] = {
    "mode",     "program_over",   "bit_error_rate",
    "ecc",      "cell",           "write_voltage_v",
    "polarity", "verify_retries", "target_write_error_rate",
    "pulse_ns", "temperature_k",  "seed",
    "layers",   "read_disturb",   NULL,
};
/* By enum mtj_direction, as json_body_known wants them. */
static const char *const directions[] = { "p2ap", "ap2p", NULL };
static const char *const outcomes[] = { "to_p", "to_ap", NULL };

/* A patch of the base, or of one layer. */
struct patch {
    json_t *body;                                   /* borrowed */
    const char *at;                                 /* its pointer */
    const struct device *device;                    /* borrowed */
    const struct operating_point_resolved *present; /* borrowed, may be NULL */
    struct operating_point op;                      /* what it comes to */
    struct operating_point fallback; /* what null means: the default, or the base */
    unsigned set;                    /* members stated, of enum operating_member */
    struct violations *violations;   /* borrowed */
};

static json_t *member(const struct patch *patch, const char *name)
{
    return json_object_get(patch->body, name);
}

/* Present and not null. */
static bool gives(const struct patch *patch, const char *name)
{
    const json_t *value = member(patch, name);

    return value != NULL && !json_is_null(value);
}

static bool takes_back(const struct patch *patch, const char *name)
{
    return json_is_null(member(patch, name));
}

/* The member goes back to its default, or is inherited again. */
static void fall_back(struct patch *patch, enum operating_member which)
{
    operating_point_take(&patch->op, which, &patch->fallback);
    patch->set &= ~(unsigned)which;
}

static void state(struct patch *patch, enum operating_member which)
{
    patch->set |= which;
}

static void point_at(const struct patch *patch, const char *name,
                     char ret_pointer[VIOLATION_POINTER_LEN])
{
    violation_pointer(ret_pointer, patch->at, name);
}

/* -- Members that are one of some names -- */

static bool parse_mode(const char *name, struct operating_point *op)
{
    return operating_point_mode_from_name(name, &op->mode);
}

static bool parse_over(const char *name, struct operating_point *op)
{
    return operating_point_over_from_name(name, &op->over);
}

static bool parse_ecc(const char *name, struct operating_point *op)
{
    return ecc_from_name(name, &op->ecc);
}

static bool parse_cell(const char *name, struct operating_point *op)
{
    return operating_point_cell_from_name(name, &op->pairs);
}

static bool parse_polarity(const char *name, struct operating_point *op)
{
    return operating_point_polarity_from_name(name, &op->polarity);
}

struct choice {
    const char *name;
    enum operating_member which;
    bool (*parse)(const char *name, struct operating_point *op);
    const char *expected;
};
static const struct choice mode_choice = { "mode", OPERATING_MODE, parse_mode,
                                           "\"device\", \"uniform\" or \"iid\"" };
static const struct choice over_choice = {
    "program_over", OPERATING_OVER, parse_over,
    "\"present\", \"random\", \"complement\", \"erased_p\" or \"erased_ap\""
};
static const struct choice layout_choices[] = {
    { "ecc", OPERATING_ECC, parse_ecc, "\"none\", \"secded\" or \"bch2\"" },
    { "cell", OPERATING_CELL, parse_cell, "\"1t1r\" or \"2t2r\"" },
    { "polarity", OPERATING_POLARITY, parse_polarity,
      "\"none\", \"odd_columns\", \"odd_rows\" or \"seeded\"" },
};

/* False if it is given and none of the names. */
static bool patch_choice(struct patch *patch, const struct choice *choice)
{
    const json_t *value = member(patch, choice->name);
    char pointer[VIOLATION_POINTER_LEN], found[JSON_BODY_SHOWN];

    if (value == NULL)
        return true;
    if (json_is_null(value)) {
        fall_back(patch, choice->which);
        return true;
    }
    if (json_is_string(value) && choice->parse(json_string_value(value), &patch->op)) {
        state(patch, choice->which);
        return true;
    }
    json_body_show(value, found);
    point_at(patch, choice->name, pointer);
    violation_add(patch->violations, ST_FORMAT, pointer, "expected %s, found %s",
                  choice->expected, found);
    return false;
}

/* -- Numbers -- */

/* True if the member was given and is a number. */
static bool read_number(struct patch *patch, const char *name, double *field)
{
    char pointer[VIOLATION_POINTER_LEN];

    if (!gives(patch, name))
        return false;
    point_at(patch, name, pointer);
    return json_body_number(member(patch, name), patch->violations, pointer, field);
}

static void patch_temperature(struct patch *patch)
{
    if (takes_back(patch, "temperature_k"))
        fall_back(patch, OPERATING_TEMPERATURE);
    else if (read_number(patch, "temperature_k", &patch->op.temperature_k))
        state(patch, OPERATING_TEMPERATURE);
}

static void patch_retries(struct patch *patch)
{
    char pointer[VIOLATION_POINTER_LEN];
    uint64_t retries;

    if (takes_back(patch, "verify_retries"))
        fall_back(patch, OPERATING_RETRIES);
    if (!gives(patch, "verify_retries"))
        return;
    point_at(patch, "verify_retries", pointer);
    if (!json_body_integer(member(patch, "verify_retries"), 0.0, MRAM_MAX_RETRIES,
                           patch->violations, pointer, &retries))
        return;
    patch->op.verify_retries = (unsigned)retries;
    state(patch, OPERATING_RETRIES);
}

/* Values by direction, as an object of one or both; the others stay as in `values`, or
 * are missing where `complete` is false. */
static void read_directions(struct patch *patch, const char *name,
                            const char *const *names, bool complete, double values[2])
{
    json_t *given = member(patch, name);
    char base[VIOLATION_POINTER_LEN], found[JSON_BODY_SHOWN];

    point_at(patch, name, base);
    if (!json_is_object(given) || json_object_size(given) == 0) {
        json_body_show(given, found);
        violation_add(patch->violations, ST_FORMAT, base,
                      "expected an object with %s, %s or both, found %s%s", names[0],
                      names[1], found, json_is_object(given) ? " without any" : "");
        return;
    }
    json_body_known(given, names, base, patch->violations);
    for (unsigned d = 0; d < 2; d++) {
        const json_t *value = json_object_get(given, names[d]);
        char pointer[VIOLATION_POINTER_LEN];

        violation_pointer(pointer, base, names[d]);
        if (value != NULL)
            (void)json_body_number(value, patch->violations, pointer, &values[d]);
        else if (!complete)
            violation_add(patch->violations, ST_FORMAT, pointer,
                          "is missing, and no voltage is in force");
    }
}

static void patch_bit_error_rate(struct patch *patch)
{
    double *rate = patch->op.bit_error_rate;

    if (takes_back(patch, "bit_error_rate"))
        fall_back(patch, OPERATING_BIT_ERROR_RATE);
    if (!gives(patch, "bit_error_rate"))
        return;
    if (json_is_object(member(patch, "bit_error_rate"))) {
        read_directions(patch, "bit_error_rate", outcomes, true, rate);
    } else {
        if (!read_number(patch, "bit_error_rate", &rate[0]))
            return;
        rate[1] = rate[0];
    }
    state(patch, OPERATING_BIT_ERROR_RATE);
}

/* -- Voltages with a pulse, or a target -- */

/* The voltages in force, which a patch of one of them is completed from; NULL if none. */
static const double *voltages_in_force(const struct patch *patch)
{
    const struct operating_point_resolved *present = patch->present;

    if (!patch->op.has_target)
        return patch->op.voltage_v;
    if (present != NULL &&
        (present->pulse.voltage_v[0] > 0.0 || present->pulse.voltage_v[1] > 0.0))
        return present->pulse.voltage_v;
    return NULL;
}

static void patch_voltages(struct patch *patch)
{
    const double *in_force = voltages_in_force(patch);
    double voltage_v[2] = { 0.0, 0.0 };

    if (in_force != NULL)
        memcpy(voltage_v, in_force, sizeof(voltage_v));
    read_directions(patch, "write_voltage_v", directions, in_force != NULL, voltage_v);
    memcpy(patch->op.voltage_v, voltage_v, sizeof(voltage_v));
    patch->op.has_target = false;
    state(patch, OPERATING_DRIVE);
}

static void patch_drive(struct patch *patch)
{
    struct operating_point *op = &patch->op;
    bool voltages = gives(patch, "write_voltage_v");
    bool target = gives(patch, "target_write_error_rate");
    char pointer[VIOLATION_POINTER_LEN];

    if (voltages && target) {
        point_at(patch, "write_voltage_v", pointer);
        violation_add(patch->violations, ST_CONFLICT, pointer,
                      "is given together with target_write_error_rate; give one of them");
        return;
    }
    if (voltages) {
        patch_voltages(patch);
        return;
    }
    /* Taking back the one that is not in force changes nothing. */
    if (takes_back(patch, op->has_target ? "target_write_error_rate" : "write_voltage_v"))
        fall_back(patch, OPERATING_DRIVE);
    if (read_number(patch, "target_write_error_rate", &op->target_write_error_rate)) {
        op->has_target = true;
        state(patch, OPERATING_DRIVE);
    }
}

/* Voltages are in force and need a pulse that nobody gave. */
static void complete_pulse(struct patch *patch)
{
    struct operating_point *op = &patch->op;
    double pulse_s = patch->present == NULL ? 0.0 : patch->present->pulse.pulse_s;
    char pointer[VIOLATION_POINTER_LEN];

    if (!(pulse_s > 0.0)) {
        point_at(patch, "pulse_ns", pointer);
        violation_add(patch->violations, ST_FORMAT, pointer,
                      "is missing: write voltages need a pulse, and none is in force");
        return;
    }
    op->has_pulse = true;
    op->pulse_ns = pulse_s * 1e9;
    state(patch, OPERATING_PULSE);
}

static void patch_pulse(struct patch *patch)
{
    struct operating_point *op = &patch->op;
    char pointer[VIOLATION_POINTER_LEN];

    point_at(patch, "pulse_ns", pointer);
    if (gives(patch, "pulse_ns")) {
        op->has_pulse = read_number(patch, "pulse_ns", &op->pulse_ns);
        state(patch, OPERATING_PULSE);
        return;
    }
    if (takes_back(patch, "pulse_ns"))
        fall_back(patch, OPERATING_PULSE);
    if (op->has_target || op->has_pulse || !device_has_pulse(patch->device))
        return;
    if (takes_back(patch, "pulse_ns"))
        violation_add(patch->violations, ST_FORMAT, pointer,
                      "null, the cheapest pulse, goes with a target_write_error_rate; "
                      "write voltages need a pulse");
    else
        complete_pulse(patch);
}

/* -- All together -- */

/* False, with a violation, if the member is given and the mode has no use for it. */
static bool used(struct patch *patch, const char *name, bool applies, const char *modes)
{
    char pointer[VIOLATION_POINTER_LEN];

    if (applies || !gives(patch, name))
        return true;
    point_at(patch, name, pointer);
    violation_add(patch->violations, ST_CONFLICT, pointer,
                  "applies to %s; mode is %s; give mode in the same patch to change it",
                  modes, operating_point_mode_name(patch->op.mode));
    return false;
}

/* What the device's error rate depends on, besides the direction. */
static const char *dependence(const struct device *device)
{
    bool temperature =
        device->kind == DEVICE_MTJ || device_table_has_temperature(device->table);
    bool pulse = device_has_pulse(device), voltage = device_has_voltage(device);

    if (voltage)
        return temperature ? "direction, voltage and temperature"
                           : "direction and voltage";
    if (pulse)
        return temperature ? "direction, pulse width and temperature"
                           : "direction and pulse width";
    return temperature ? "direction and temperature" : "direction";
}

/* The same for the device. */
static bool has_use(struct patch *patch, const char *name, bool has)
{
    char pointer[VIOLATION_POINTER_LEN];

    if (has || !gives(patch, name))
        return true;
    point_at(patch, name, pointer);
    violation_add(patch->violations, ST_CONFLICT, pointer,
                  "the error rate of device %.63s depends on %s only",
                  patch->device->name, dependence(patch->device));
    return false;
}

static void patch_conditions(struct patch *patch, bool physics)
{
    static const char with_physics[] = "modes device and uniform";
    static const char *const names[] = { "write_voltage_v", "target_write_error_rate",
                                         "pulse_ns" };
    const bool has[] = { device_has_voltage(patch->device),
                         device_has_voltage(patch->device),
                         device_has_pulse(patch->device) };
    bool good = true;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        good &= used(patch, names[i], physics, with_physics) &&
                has_use(patch, names[i], has[i]);
    if (good) {
        patch_drive(patch);
        patch_pulse(patch);
    }
    if (used(patch, "program_over", physics, with_physics))
        (void)patch_choice(patch, &over_choice); /* a violation is noted */
    if (used(patch, "verify_retries", physics, with_physics))
        patch_retries(patch);
}

static void patch_members(struct patch *patch)
{
    bool mode_known = patch_choice(patch, &mode_choice);
    bool iid = patch->op.mode == MRAM_IID;

    patch_conditions(patch, !iid || !mode_known);
    if (used(patch, "bit_error_rate", iid || !mode_known, "mode iid"))
        patch_bit_error_rate(patch);
    patch_temperature(patch);
    for (size_t i = 0; i < sizeof(layout_choices) / sizeof(layout_choices[0]); i++)
        (void)patch_choice(patch, &layout_choices[i]); /* likewise */
}

/* -- What is of the whole array -- */

static void patch_seed(struct patch *patch)
{
    const json_t *value = member(patch, "seed");

    if (json_is_null(value))
        patch->op.seed = patch->fallback.seed;
    else if (value != NULL)
        /* A violation is noted; nothing else hangs on the seed. */
        (void)json_body_integer(value, 0.0, MAX_SEED, patch->violations, "/seed",
                                &patch->op.seed);
}

static void patch_read_disturb(struct patch *patch)
{
    const json_t *value = member(patch, "read_disturb");

    if (json_is_null(value))
        patch->op.read_disturb = patch->fallback.read_disturb;
    else if (value != NULL)
        (void)json_body_flag(value, patch->violations, "/read_disturb",
                             &patch->op.read_disturb); /* likewise */
}

static void refuse_base_members(struct patch *patch)
{
    static const char *const names[] = { "seed", "read_disturb", "layers" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char pointer[VIOLATION_POINTER_LEN];

        if (member(patch, names[i]) == NULL)
            continue;
        point_at(patch, names[i], pointer);
        violation_add(patch->violations, ST_CONFLICT, pointer,
                      "is of the whole array; a layer has none of its own");
    }
}

/* -- Base and layers -- */

/* One body and what it is about. */
struct request {
    const struct network *net;
    const struct operating_point_resolved *const *present;
    const struct device *device;
    struct operating_points points; /* what it comes to */
    struct violations violations;
};

bool point_json_plain_layer(const struct operating_points *points, size_t *ret_layer)
{
    for (size_t l = 0; l < points->n_layers; l++) {
        if (points->layers[l].set == 0) {
            *ret_layer = l;
            return true;
        }
    }
    return false;
}

static void patch_base(struct request *request, json_t *body)
{
    size_t layer = 0;
    struct patch patch = {
        .body = body,
        .at = "",
        .device = request->device,
        .op = request->points.base,
        .fallback = operating_point_default(),
        .violations = &request->violations,
    };

    /* Without a plain layer the first one is as good as any. */
    (void)point_json_plain_layer(&request->points, &layer);
    if (request->present != NULL)
        patch.present = request->present[layer];
    patch_members(&patch);
    patch_seed(&patch);
    patch_read_disturb(&patch);
    json_body_known(body, members, "", patch.violations);
    request->points.base = patch.op;
}

static void patch_layer(struct request *request, json_t *body, const char *at,
                        size_t layer)
{
    struct patch patch = {
        .body = body,
        .at = at,
        .device = request->device,
        .present = request->present == NULL ? NULL : request->present[layer],
        .op = operating_points_at(&request->points, layer),
        .fallback = request->points.base,
        .set = request->points.layers[layer].set,
        .violations = &request->violations,
    };

    patch_members(&patch);
    refuse_base_members(&patch);
    json_body_known(body, members, at, patch.violations);
    request->points.layers[layer].op = patch.op;
    request->points.layers[layer].set = patch.set;
}

static void inherit_all(struct request *request, size_t layer)
{
    memset(&request->points.layers[layer], 0, sizeof(request->points.layers[layer]));
}

static void patch_layers(struct request *request, const json_t *body)
{
    json_t *layers = json_object_get(body, "layers"), *value;
    const char *name;

    if (layers == NULL)
        return;
    if (json_is_null(layers)) {
        for (size_t l = 0; l < request->points.n_layers; l++)
            inherit_all(request, l);
        return;
    }
    if (!json_body_is_object(layers, &request->violations, "/layers"))
        return;
    json_object_foreach(layers, name, value)
    {
        char pointer[VIOLATION_POINTER_LEN];
        size_t layer;

        violation_pointer(pointer, "/layers", name);
        if (!place_body_layer(name, request->net, pointer, &request->violations, &layer))
            continue;
        if (json_is_null(value))
            inherit_all(request, layer);
        else if (json_body_is_object(value, &request->violations, pointer))
            patch_layer(request, value, pointer, layer);
    }
}

/* -- Ranges -- */

static bool reported(const struct violations *violations, const char *pointer)
{
    const struct problem *problem = violations->problem;

    if (violations->st == ST_OK)
        return false;
    for (size_t i = 0; i < problem->n_errors; i++)
        if (strcmp(problem->errors[i].pointer, pointer) == 0)
            return true;
    return false;
}

/* Adds what is out of range to what is of the wrong type, so that one answer says all.
 * What the layer inherits is told once, of the base. */
static void check_point(struct request *request, const struct operating_point *op,
                        const char *at, bool of_layer)
{
    struct operating_point_fault faults[OPERATING_POINT_MAX_FAULTS];
    size_t n = operating_point_check(op, request->device, faults);
    bool one_rate = op->bit_error_rate[0] == op->bit_error_rate[1];

    for (size_t i = 0; i < n; i++) {
        const char *field = faults[i].field;
        char pointer[VIOLATION_POINTER_LEN], of_base[VIOLATION_POINTER_LEN];

        if (one_rate && strncmp(field, "bit_error_rate/", 15) == 0)
            field = "bit_error_rate";
        (void)snprintf(pointer, sizeof(pointer), "%s/%s", at, field);
        (void)snprintf(of_base, sizeof(of_base), "/%s", field);
        if (!reported(&request->violations, pointer) &&
            !(of_layer && reported(&request->violations, of_base)))
            violation_add(&request->violations, ST_RANGE, pointer, "%s", faults[i].why);
    }
}

static void check_all(struct request *request)
{
    check_point(request, &request->points.base, "", false);
    for (size_t l = 0; l < request->points.n_layers; l++) {
        struct operating_point op = operating_points_at(&request->points, l);
        char at[VIOLATION_POINTER_LEN];

        if (request->points.layers[l].set == 0)
            continue;
        violation_pointer(at, "/layers", request->net->layers[l].name);
        check_point(request, &op, at, true);
    }
}

enum status point_json_patch(const char *json, size_t len, const struct network *net,
                             const struct operating_point_resolved *const *present,
                             const struct device *device, size_t layer,
                             struct operating_points *points, struct problem *ret_problem)
{
    struct request request = {
        .net = net,
        .present = present,
        .device = device,
        .points = *points,
        .violations = { ret_problem, ST_OK },
    };
    json_t *body = NULL;

    assert(points->n_layers == net->n_layers);
    enum status st = json_body_load(json, len, &body, ret_problem);
    if (st != ST_OK)
        return st;

    if (layer == POINT_JSON_BASE) {
        patch_base(&request, body);
        patch_layers(&request, body);
        check_all(&request);
    } else {
        patch_layer(&request, body, "", layer);
        struct operating_point op = operating_points_at(&request.points, layer);
        check_point(&request, &op, "", false);
    }
    json_decref(body);
    if (request.violations.st == ST_OK)
        *points = request.points;
    return request.violations.st;
}
