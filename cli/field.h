/* SPDX-License-Identifier: Apache-2.0 */
/* field.h - members of answers, by path: "memory.wrong_bits".
 *
 * What is absent, null or of another type is NULL, NaN or the stand-in given, never an
 * error: a newer daemon may add members, an older one lacks some.
 */
#ifndef CLI_FIELD_H
#define CLI_FIELD_H

#include <jansson.h>
#include <stdbool.h>

/* Borrowed from `object`. */
json_t *field(const json_t *object, const char *path);
/* Borrowed from `object`. */
const char *field_text(const json_t *object, const char *path, const char *otherwise);
double field_number(const json_t *object, const char *path);
bool field_true(const json_t *object, const char *path);

#endif
