/* SPDX-License-Identifier: Apache-2.0 */
/* device_body.h - a device as bodies state it: {"preset"} or {"preset","parameters"} or
 * {"table_csv"}, with a "name" or without. */
#ifndef API_DEVICE_BODY_H
#define API_DEVICE_BODY_H

#include "api/json_body.h"
#include "core/device.h"

/* The members, for a list of known names. */
#define DEVICE_BODY_MEMBERS "preset", "parameters", "table_csv", "name"

/* Is one of preset, parameters and table_csv given? */
bool device_body_given(const json_t *object);

/* The preset of a name; else a violation with the nearest. */
bool device_body_preset(const char *name, const char *pointer,
                        struct violations *violations, struct device *ret_device);

/* Reads the members of `object`, which may have others. Parameters change those of the
 * preset, by default of "default", in the units of device_fields. A device without a name
 * gets that of the preset that it is the same as, else "custom" or "table". What is wrong
 * is added to `violations`; `ret_device` is then untouched, else the caller's to end with
 * device_done. ST_NOMEM (the 503 is in the problem), else ST_OK. `base`: pointer of the
 * object. */
MUST_CHECK enum status device_body_read(json_t *object, const char *base,
                                        struct violations *violations,
                                        struct device *ret_device);

/* A table of measured points and its name; NULL: "table". `pointer` of the text, "" if it
 * is the whole body. As above. */
MUST_CHECK enum status device_body_table(const char *text, size_t len, const char *name,
                                         const char *pointer,
                                         struct violations *violations,
                                         struct device *ret_device);

/* ,"parameters":{..} in the units of device_fields. */
void device_body_write_params(struct buf *buf, const struct mtj_params *params);

#endif
