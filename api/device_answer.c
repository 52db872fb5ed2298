/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of GET device and of the presets. */
#include "api/device_body.h"
#include "api/device_config_json.h"
#include "api/state_json.h"

#include <stdlib.h>

#define DERIVED_K 300.0

static const char *const kind_names[] = {
    [DEVICE_MTJ] = "mtj",
    [DEVICE_TABLE] = "table",
};
static const char *const defect_names[MRAM_DEFECT_KINDS] = {
    [MRAM_STUCK_P] = "stuck_p",
    [MRAM_STUCK_AP] = "stuck_ap",
    [MRAM_SHORTED] = "shorted",
};

/* -- A junction -- */

static void put_junction(struct buf *buf, const struct device *device)
{
    struct mtj mtj;
    char why[ERR_LEN];

    device_body_write_params(buf, &device->params);
    /* It need not be stable at 300 K to be useful elsewhere. */
    if (mtj_init(&device->params, DERIVED_K, &mtj, why) != ST_OK) {
        buf_text(buf, ",\"derived\":null");
        return;
    }
    state_json_number(buf, ",\"derived\":{\"delta\":", mtj.delta);
    state_json_number(buf, ",\"critical_current_ua\":", mtj.critical_a * 1e6);
    state_json_number(buf, ",\"critical_voltage_v\":", mtj.critical_v);
    state_json_number(buf, ",\"parallel_ohm\":", mtj.parallel_ohm);
    state_json_number(buf, ",\"tmr\":", mtj.tmr);
    state_json_number(buf, ",\"damping_ns\":", mtj.damping_s * 1e9);
    buf_char(buf, '}');
}

/* -- A table -- */

static void put_csv(struct buf *buf, const struct device_table *table)
{
    size_t len = device_table_print(table, NULL, 0);
    char *text = malloc(len + 1);

    if (text == NULL) {
        buf->failed = true;
        return;
    }
    (void)device_table_print(table, text, len + 1);
    state_json_text(buf, ",\"csv\":", text);
    free(text);
}

static void put_table(struct buf *buf, const struct device_table *table)
{
    buf_text(buf, ",\"parameters\":null,\"derived\":null");
    state_json_count(buf, ",\"table\":{\"rows\":", device_table_rows(table));
    put_csv(buf, table);
    state_json_text(buf, ",\"remarks\":", device_table_remarks(table));
    buf_char(buf, '}');
}

/* -- Defects -- */

static void put_defect(struct buf *buf, const struct network *net,
                       const struct mram_defect *defect)
{
    state_json_text(buf, "{\"layer\":", net->layers[defect->layer].name);
    state_json_count(buf, ",\"row\":", defect->row);
    state_json_count(buf, ",\"column\":", defect->column);
    state_json_flag(buf, ",\"partner\":", defect->partner);
    state_json_text(buf, ",\"kind\":", defect_names[defect->kind]);
    buf_char(buf, '}');
}

static void put_defects(struct buf *buf, const struct network *net,
                        const struct mram_defects *defects)
{
    buf_text(buf, ",\"defects\":{");
    for (unsigned kind = 0; kind < MRAM_DEFECT_KINDS; kind++) {
        if (kind > 0)
            buf_char(buf, ',');
        buf_json_string(buf, defect_names[kind]);
        state_json_number(buf, ":", defects->share[kind]);
    }
    buf_text(buf, ",\"cells\":[");
    for (size_t i = 0; i < defects->n_listed; i++) {
        if (i > 0)
            buf_char(buf, ',');
        put_defect(buf, net, &defects->listed[i]);
    }
    buf_text(buf, "]}");
}

/* -- All together -- */

void device_config_write(struct buf *buf, const struct device_view *view)
{
    const struct device *device = view->device;

    state_json_model(buf, view->model, view->net);
    state_json_text(buf, ",\"device\":", device->name);
    state_json_text(buf, ",\"kind\":", kind_names[device->kind]);
    if (device->kind == DEVICE_TABLE) {
        put_table(buf, device->table);
    } else {
        put_junction(buf, device);
        buf_text(buf, ",\"table\":null");
    }
    put_defects(buf, view->net, view->defects);
    buf_char(buf, '}');
}

static void put_fields(struct buf *buf)
{
    size_t n;
    const struct device_field *fields = device_fields(&n);

    buf_text(buf, ",\"fields\":[");
    for (size_t i = 0; i < n; i++) {
        state_json_text(buf, i == 0 ? "{\"name\":" : ",{\"name\":", fields[i].name);
        state_json_text(buf, ",\"unit\":", fields[i].unit);
        state_json_text(buf, ",\"what\":", fields[i].what);
        state_json_number(buf, ",\"min\":", fields[i].min);
        state_json_number(buf, ",\"max\":", fields[i].max);
        state_json_flag(buf, ",\"min_excluded\":", fields[i].above);
        buf_char(buf, '}');
    }
    buf_char(buf, ']');
}

void device_config_write_presets(struct buf *buf)
{
    size_t n;
    const struct device_preset *presets = device_presets(&n);

    buf_text(buf, "{\"presets\":[");
    for (size_t i = 0; i < n; i++) {
        state_json_text(buf, i == 0 ? "{\"name\":" : ",{\"name\":", presets[i].name);
        state_json_text(buf, ",\"what\":", presets[i].what);
        state_json_text(buf, ",\"source\":", presets[i].source);
        device_body_write_params(buf, &presets[i].params);
        buf_char(buf, '}');
    }
    buf_char(buf, ']');
    put_fields(buf);
    buf_char(buf, '}');
}
