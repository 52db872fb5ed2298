/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "P5\n65535 65535\n255\n" */
#define MAX_HEADER 32
/* {"b64":""}, around one picture, and ,255 for its label */
#define WRAPPING 16
/* {"images":[],"labels":[]} */
#define FRAME 32

static size_t picture_bytes(const struct batch_shape *shape)
{
    return shape->height * shape->width * shape->channels;
}

/* Bytes of the body that one picture takes at most. */
static size_t picture_room(const struct batch_shape *shape)
{
    return (picture_bytes(shape) + MAX_HEADER + 2) / 3 * 4 + WRAPPING;
}

size_t batch_capacity(const struct batch_shape *shape)
{
    size_t fit = (BATCH_MAX_BYTES - FRAME) / picture_room(shape);

    return fit < BATCH_MAX_PICTURES ? fit : BATCH_MAX_PICTURES;
}

/* Every picture format starts with a letter or a byte above ASCII; what starts otherwise
 * can only be pixels. */
static bool may_be_a_file(uint8_t first)
{
    return first >= 0x80 || (first >= 'A' && first <= 'Z') ||
           (first >= 'a' && first <= 'z');
}

static char *put_base64(char *to, const uint8_t *bytes, size_t len)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < len; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;

        if (i + 1 < len)
            three |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < len)
            three |= bytes[i + 2];
        *to++ = digits[three >> 18];
        *to++ = digits[three >> 12 & 63];
        *to++ = i + 1 < len ? digits[three >> 6 & 63] : '=';
        *to++ = i + 2 < len ? digits[three & 63] : '=';
    }
    return to;
}

static char *put_text(char *to, const char *text)
{
    size_t len = strlen(text);

    memcpy(to, text, len);
    return to + len;
}

/* `file` has room for MAX_HEADER and a picture. */
static char *put_picture(char *to, const struct batch_shape *shape, const uint8_t *pixels,
                         uint8_t *file)
{
    size_t len = picture_bytes(shape), header = 0;

    if (!shape->raw || may_be_a_file(pixels[0])) {
        header = (size_t)snprintf((char *)file, MAX_HEADER, "P%c\n%zu %zu\n255\n",
                                  shape->channels == 3 ? '6' : '5', shape->width,
                                  shape->height);
    }
    memcpy(file + header, pixels, len);
    to = put_text(to, "{\"b64\":\"");
    to = put_base64(to, file, header + len);
    return put_text(to, "\"}");
}

enum status batch_body(const struct dataset *set, const struct batch_shape *shape,
                       size_t first, size_t n, char **ret_body, size_t *ret_len)
{
    char *body = malloc(FRAME + n * picture_room(shape));
    uint8_t *file = malloc(MAX_HEADER + picture_bytes(shape));
    char *to = body;

    if (body == NULL || file == NULL) {
        free(file);
        free(body);
        return ST_NOMEM;
    }
    to = put_text(to, "{\"images\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            *to++ = ',';
        to = put_picture(to, shape, set->pixels + (first + i) * picture_bytes(shape),
                         file);
    }
    to = put_text(to, "],\"labels\":[");
    for (size_t i = 0; i < n; i++)
        to += sprintf(to, i ? ",%u" : "%u", set->labels[first + i]);
    to = put_text(to, "]}");
    free(file);
    *ret_body = body;
    *ret_len = (size_t)(to - body);
    return ST_OK;
}
