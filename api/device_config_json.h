/* SPDX-License-Identifier: Apache-2.0 */
/* device_config_json.h - what a model's array is made of: the bodies and answers of GET
 * and PUT device, and the presets. */
#ifndef API_DEVICE_CONFIG_JSON_H
#define API_DEVICE_CONFIG_JSON_H

#include "api/buf.h"
#include "api/problem.h"
#include "core/device.h"
#include "core/mram.h"
#include "core/network.h"

/* A new array of a device, with defects or without. */
struct device_request {
    bool new_array;              /* said so; else it is to be refused (409) */
    bool has_device;             /* false: the device that the array has now */
    struct device device;        /* ours */
    struct mram_defects defects; /* `listed` is ours */
    char *point_patch;           /* ours: a merge patch of the operating point, JSON text;
                                    NULL if not given. What suited the device before may
                                    be out of this one's reach */
};
/* 400 no JSON, 422 every violation, 503 memory. End with device_request_done, after a
 * failure too. */
MUST_CHECK enum status device_config_parse(const char *json, size_t len,
                                           const struct network *net,
                                           struct device_request *ret_request,
                                           struct problem *ret_problem);
/* The same of a body of Content-Type text/csv, which is the table of measured points;
 * `name` and `new_array` come with the query. name: NULL if not given. */
MUST_CHECK enum status device_config_parse_csv(const char *text, size_t len,
                                               const char *name, bool new_array,
                                               struct device_request *ret_request,
                                               struct problem *ret_problem);
void device_request_done(struct device_request *request);

/* GET device. All of it borrowed. */
struct device_view {
    const char *model;
    const struct network *net; /* layer names */
    const struct device *device;
    const struct mram_defects *defects;
};
void device_config_write(struct buf *buf, const struct device_view *view);

/* GET device/presets. */
void device_config_write_presets(struct buf *buf);

#endif
