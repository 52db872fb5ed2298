/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of what is done to arrays and devices; the first byte says which. */
#include "api/array_json.h"
#include "api/device_config_json.h"
#include "api/solve_json.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static char first_name[] = "fc1", last_name[] = "fc2";
static struct network_layer layers[] = {
    { .name = first_name, .n_in = 100, .n_out = 20 },
    { .name = last_name, .n_in = 20, .n_out = 10 },
};
static const struct network net = { .n_layers = 2, .layers = layers };
static struct problem problem;

/* What is refused says why. */
static bool taken(enum status st)
{
    if (st != ST_OK && (problem.status < 400 || problem.detail[0] == '\0'))
        abort();
    return st == ST_OK;
}

static void require(bool good)
{
    if (!good)
        abort();
}

static void require_place(size_t layer, size_t row, size_t column)
{
    require(layer < net.n_layers && row < layers[layer].n_out &&
            column < layers[layer].n_in);
}

static void age(const char *json, size_t len)
{
    static const struct device junction = { .kind = DEVICE_MTJ };
    struct array_age body;

    if (taken(array_json_parse_age(json, len, &junction, &body, &problem)))
        require(body.seconds >= 0.0 && body.seconds <= ARRAY_JSON_MAX_AGE_S &&
                (!body.has_temperature ||
                 (body.temperature_k >= 200.0 && body.temperature_k <= 450.0)));
}

static void inject(const char *json, size_t len)
{
    struct array_inject body;

    if (taken(array_json_parse_inject(json, len, &net, &body, &problem))) {
        require(body.n_places > 0 || body.has_share);
        require(!body.has_share || (body.share >= 0.0 && body.share <= 1.0));
        for (size_t i = 0; i < body.n_places; i++)
            require_place(body.places[i].layer, body.places[i].row,
                          body.places[i].column);
    }
    array_inject_done(&body);
}

static void check_device(const struct device *device)
{
    char why[ERR_LEN];

    require(device_check(device, why) == ST_OK);
    require(device->name[0] != '\0');
    require((device->kind == DEVICE_TABLE) == (device->table != NULL));
}

static void check_request(const struct device_request *request)
{
    struct buf buf = BUF_INIT;

    for (size_t i = 0; i < request->defects.n_listed; i++)
        require_place(request->defects.listed[i].layer, request->defects.listed[i].row,
                      request->defects.listed[i].column);
    if (!request->has_device)
        return;
    check_device(&request->device);
    const struct device_view view = { "fuzz", &net, &request->device, &request->defects };
    device_config_write(&buf, &view);
    require(!buf.failed);
    buf_free(&buf);
}

static void device(const char *json, size_t len)
{
    struct device_request request;

    if (taken(device_config_parse(json, len, &net, &request, &problem)))
        check_request(&request);
    device_request_done(&request);
}

static void table(const char *text, size_t len)
{
    struct device_request request;

    if (taken(device_config_parse_csv(text, len, NULL, true, &request, &problem)))
        check_request(&request);
    device_request_done(&request);
}

static void solve(const char *json, size_t len)
{
    struct solve_body body;

    if (taken(solve_json_parse(json, len, &body, &problem))) {
        require(body.request.target_error_rate > 0.0 &&
                body.request.target_error_rate < 1.0);
        if (body.model[0] == '\0')
            check_device(&body.device);
        else
            require(network_name_ok(body.model));
    }
    solve_body_done(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *body = (const char *)bytes + 1;

    if (len == 0)
        return 0;
    switch (bytes[0]) {
    case 'a':
        age(body, len - 1);
        break;
    case 'i':
        inject(body, len - 1);
        break;
    case 'd':
        device(body, len - 1);
        break;
    case 't':
        table(body, len - 1);
        break;
    case 's':
        solve(body, len - 1);
        break;
    default:
        (void)taken(array_json_parse_empty(body, len - 1, &problem));
    }
    return 0;
}
