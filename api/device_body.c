/* SPDX-License-Identifier: Apache-2.0 */
#include "api/device_body.h"

#include "core/nearest.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAMES 64 /* of presets or parameters, more than there are */
/* Digits that survive the way to SI units and back. */
#define USER_DIGITS 14

static bool is_given(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return value != NULL && !json_is_null(value);
}

bool device_body_given(const json_t *object)
{
    return is_given(object, "preset") || is_given(object, "parameters") ||
           is_given(object, "table_csv");
}

/* -- Names -- */

/* The text of a member; NULL with a violation if it is none. */
static const char *read_text(const json_t *object, const char *name, const char *base,
                             struct violations *violations)
{
    const json_t *value = json_object_get(object, name);
    char pointer[VIOLATION_POINTER_LEN], found[JSON_BODY_SHOWN];

    if (json_is_string(value))
        return json_string_value(value);
    json_body_show(value, found);
    violation_pointer(pointer, base, name);
    violation_add(violations, ST_FORMAT, pointer, "expected a text, found %s", found);
    return NULL;
}

static bool is_plain_text(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

/* A preset's name is kept for what it names. */
static void take_name(const char *name, const char *pointer,
                      struct violations *violations, struct device *device)
{
    const struct device_preset *preset = device_preset(name);
    size_t len = strlen(name);

    if (len == 0 || len >= DEVICE_NAME_LEN || !is_plain_text(name)) {
        violation_add(violations, ST_RANGE, pointer,
                      "expected 1..%d bytes of text in one line, found %zu",
                      DEVICE_NAME_LEN - 1, len);
        return;
    }
    if (preset != NULL) {
        struct device named = { .kind = DEVICE_MTJ, .params = preset->params };

        if (!device_same(device, &named)) {
            violation_add(violations, ST_CONFLICT, pointer,
                          "is the name of a preset that this device is not");
            return;
        }
    }
    (void)snprintf(device->name, sizeof(device->name), "%s", name);
}

/* Without a name of its owner's. */
static void name_device(struct device *device)
{
    size_t n;
    const struct device_preset *presets = device_presets(&n);
    const char *name = device->kind == DEVICE_TABLE ? "table" : "custom";

    for (size_t i = n; i-- > 0;) {
        struct device preset = { .kind = DEVICE_MTJ, .params = presets[i].params };

        if (device_same(device, &preset))
            name = presets[i].name;
    }
    (void)snprintf(device->name, sizeof(device->name), "%s", name);
}

/* -- Preset and parameters -- */

bool device_body_preset(const char *name, const char *pointer,
                        struct violations *violations, struct device *ret_device)
{
    const char *names[MAX_NAMES + 1];
    size_t n;
    const struct device_preset *presets = device_presets(&n);

    assert(n <= MAX_NAMES);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(presets[i].name, name) == 0) {
            *ret_device =
                (struct device) { .kind = DEVICE_MTJ, .params = presets[i].params };
            (void)snprintf(ret_device->name, sizeof(ret_device->name), "%s", name);
            return true;
        }
        names[i] = presets[i].name;
    }
    names[n] = NULL;
    const char *near = nearest_name(name, names);
    if (near != NULL)
        violation_add(violations, ST_NOT_FOUND, pointer,
                      "there is no such preset; did you mean %s?", near);
    else
        violation_add(violations, ST_NOT_FOUND, pointer, "there is no preset \"%.64s\"",
                      name);
    return false;
}

static void read_preset(const json_t *object, const char *base,
                        struct violations *violations, struct device *device)
{
    const char *name = read_text(object, "preset", base, violations);
    char pointer[VIOLATION_POINTER_LEN];

    violation_pointer(pointer, base, "preset");
    if (name != NULL)
        (void)device_body_preset(name, pointer, violations, device); /* noted */
}

static double *field_of(struct mtj_params *params, const struct device_field *field)
{
    return (double *)((char *)params + field->offset);
}

/* Scales are powers of ten, of which only those from 1 up are exact: dividing by them
 * rounds once, so that the end of a range in one unit is its end in the other. */
static double to_si(double value, double scale)
{
    return scale < 1.0 ? value / round(1.0 / scale) : value * scale;
}

static double from_si(double value, double scale)
{
    char text[40];

    value = scale < 1.0 ? value * round(1.0 / scale) : value / scale;
    (void)snprintf(text, sizeof(text), "%.*g", USER_DIGITS, value);
    return strtod(text, NULL);
}

static void read_field(const json_t *value, const struct device_field *field,
                       const char *base, struct violations *violations,
                       struct mtj_params *params)
{
    char pointer[VIOLATION_POINTER_LEN];
    double number;

    violation_pointer(pointer, base, field->name);
    if (!json_body_number(value, violations, pointer, &number))
        return;
    if (number > field->max || number < field->min ||
        (field->above && !(number > field->min))) {
        violation_add(violations, ST_RANGE, pointer, "%.15g is outside %.10g%s .. %.10g",
                      number, field->min, field->above ? " (excluded)" : "", field->max);
        return;
    }
    *field_of(params, field) = to_si(number, field->scale);
}

static void read_parameters(const json_t *object, const char *base,
                            struct violations *violations, struct mtj_params *params)
{
    json_t *parameters = json_object_get(object, "parameters");
    const char *names[MAX_NAMES + 1];
    char pointer[VIOLATION_POINTER_LEN];
    size_t n;
    const struct device_field *fields = device_fields(&n);

    violation_pointer(pointer, base, "parameters");
    if (!json_body_is_object(parameters, violations, pointer))
        return;
    assert(n <= MAX_NAMES);
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_object_get(parameters, fields[i].name);

        names[i] = fields[i].name;
        if (value != NULL && !json_is_null(value))
            read_field(value, &fields[i], pointer, violations, params);
    }
    names[n] = NULL;
    json_body_known(parameters, names, pointer, violations);
}

static void read_junction(const json_t *object, const char *base,
                          struct violations *violations, struct device *ret_device)
{
    char pointer[VIOLATION_POINTER_LEN], why[ERR_LEN];
    struct device device = device_default();

    if (is_given(object, "preset"))
        read_preset(object, base, violations, &device);
    if (is_given(object, "parameters"))
        read_parameters(object, base, violations, &device.params);
    if (violations->st == ST_OK && device_check(&device, why) != ST_OK) {
        violation_pointer(pointer, base, "parameters");
        violation_add(violations, ST_RANGE, pointer, "%s", why);
    }
    name_device(&device);
    *ret_device = device;
}

/* -- Tables -- */

enum status device_body_table(const char *text, size_t len, const char *name,
                              const char *pointer, struct violations *violations,
                              struct device *ret_device)
{
    struct device device = device_default();
    char why[ERR_LEN];
    enum status st = device_table_parse(text, len, &device.table, why);

    if (st == ST_NOMEM)
        return json_body_no_memory(violations->problem, "table");
    if (st != ST_OK) {
        violation_add(violations, st, pointer, "%s", why);
        return ST_OK;
    }
    device.kind = DEVICE_TABLE;
    name_device(&device);
    if (name != NULL)
        take_name(name, "/name", violations, &device);
    if (violations->st != ST_OK)
        device_done(&device);
    else
        *ret_device = device;
    return ST_OK;
}

static enum status read_table(const json_t *object, const char *base,
                              struct violations *violations, struct device *ret_device)
{
    const json_t *value = json_object_get(object, "table_csv");
    const char *text = read_text(object, "table_csv", base, violations);
    char pointer[VIOLATION_POINTER_LEN];

    violation_pointer(pointer, base, "table_csv");
    if (is_given(object, "preset") || is_given(object, "parameters"))
        violation_add(violations, ST_CONFLICT, pointer,
                      "is given together with %s; a table has no parameters",
                      is_given(object, "preset") ? "preset" : "parameters");
    if (text == NULL)
        return ST_OK;
    return device_body_table(text, json_string_length(value), NULL, pointer, violations,
                             ret_device);
}

/* -- Either -- */

enum status device_body_read(json_t *object, const char *base,
                             struct violations *violations, struct device *ret_device)
{
    struct device device = device_default();
    char pointer[VIOLATION_POINTER_LEN];

    if (is_given(object, "table_csv")) {
        enum status st = read_table(object, base, violations, &device);
        if (st != ST_OK)
            return st;
    } else {
        read_junction(object, base, violations, &device);
    }
    if (is_given(object, "name")) {
        const char *name = read_text(object, "name", base, violations);

        violation_pointer(pointer, base, "name");
        if (name != NULL)
            take_name(name, pointer, violations, &device);
    }
    if (violations->st != ST_OK) {
        device_done(&device);
        return ST_OK;
    }
    *ret_device = device;
    return ST_OK;
}

/* -- And back -- */

void device_body_write_params(struct buf *buf, const struct mtj_params *params)
{
    struct mtj_params copy = *params;
    size_t n;
    const struct device_field *fields = device_fields(&n);

    buf_text(buf, ",\"parameters\":{");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_char(buf, ',');
        buf_json_string(buf, fields[i].name);
        buf_char(buf, ':');
        buf_number(buf, from_si(*field_of(&copy, &fields[i]), fields[i].scale));
    }
    buf_char(buf, '}');
}
