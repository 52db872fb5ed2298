/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/field.h"

#include <math.h>
#include <string.h>

json_t *field(const json_t *object, const char *path)
{
    json_t *at = NULL;

    for (;;) {
        size_t len = strcspn(path, ".");

        at = json_object_getn(object, path, len);
        if (at == NULL || path[len] == '\0')
            return json_is_null(at) ? NULL : at;
        object = at;
        path += len + 1;
    }
}

const char *field_text(const json_t *object, const char *path, const char *otherwise)
{
    const char *text = json_string_value(field(object, path));

    return text != NULL ? text : otherwise;
}

double field_number(const json_t *object, const char *path)
{
    const json_t *value = field(object, path);

    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

bool field_true(const json_t *object, const char *path)
{
    return json_is_true(field(object, path));
}
