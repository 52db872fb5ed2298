/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch.h"

#include "cli/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "P5\n65535 65535\n255\n" */
#define MAX_HEADER 32
/* {"b64":""}, around one picture, and ,65535 for its label */
#define WRAPPING 20
/* {"images":[],"labels":[]} */
#define FRAME 32

static size_t picture_bytes(const struct batch_shape *shape)
{
    return shape->height * shape->width * shape->channels;
}

/* Bytes of the body that picture `i` takes at most. */
static size_t picture_room(const struct dataset *set, const struct batch_shape *shape,
                           size_t i)
{
    size_t len =
        set->files != NULL ? set->files[i].len : picture_bytes(shape) + MAX_HEADER;

    /* Longer files do not fit anyway. */
    len = len < BATCH_MAX_BYTES ? len : BATCH_MAX_BYTES;
    return (len + 2) / 3 * 4 + WRAPPING;
}

size_t batch_count(const struct dataset *set, const struct batch_shape *shape,
                   size_t first, size_t n)
{
    size_t room = BATCH_MAX_BYTES - FRAME, count = 0;

    n = n < BATCH_MAX_PICTURES ? n : BATCH_MAX_PICTURES;
    for (; count < n; count++) {
        size_t needed = picture_room(set, shape, first + count);

        if (needed > room)
            break;
        room -= needed;
    }
    return count;
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

static char *put_bytes(char *to, const uint8_t *bytes, size_t len)
{
    to = put_text(to, "{\"b64\":\"");
    to = put_base64(to, bytes, len);
    return put_text(to, "\"}");
}

/* `file` has room for MAX_HEADER and a picture. */
static char *put_pixels(char *to, const struct batch_shape *shape, const uint8_t *pixels,
                        uint8_t *file)
{
    size_t len = picture_bytes(shape), header = 0;

    if (!shape->raw || may_be_a_file(pixels[0])) {
        header = (size_t)snprintf((char *)file, MAX_HEADER, "P%c\n%zu %zu\n255\n",
                                  shape->channels == 3 ? '6' : '5', shape->width,
                                  shape->height);
    }
    memcpy(file + header, pixels, len);
    return put_bytes(to, file, header + len);
}

/* NULL, with the status and the reason: the file cannot be read. */
static char *put_file(char *to, const struct dataset_file *file, enum status *ret_st,
                      char why[ERR_LEN])
{
    char reason[ERR_LEN];
    uint8_t *bytes = NULL;
    size_t len = 0;

    *ret_st = input_read(file->path, file->len, &bytes, &len, reason);
    if (*ret_st != ST_OK) {
        snprintf(why, ERR_LEN, "%.160s %s", file->path, reason);
        return NULL;
    }
    to = put_bytes(to, bytes, len);
    free(bytes);
    return to;
}

enum status batch_body(const struct dataset *set, const struct batch_shape *shape,
                       size_t first, size_t n, char **ret_body, size_t *ret_len,
                       char why[ERR_LEN])
{
    size_t room = FRAME;
    enum status st = ST_OK;

    for (size_t i = 0; i < n; i++)
        room += picture_room(set, shape, first + i);
    char *body = malloc(room);
    uint8_t *file = malloc(MAX_HEADER + picture_bytes(shape));
    char *to = body;

    if (body == NULL || file == NULL) {
        snprintf(why, ERR_LEN, "out of memory");
        st = ST_NOMEM;
        goto failed;
    }
    to = put_text(to, "{\"images\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            *to++ = ',';
        if (set->files != NULL)
            to = put_file(to, &set->files[first + i], &st, why);
        else
            to = put_pixels(to, shape, set->pixels + (first + i) * picture_bytes(shape),
                            file);
        if (st != ST_OK)
            goto failed;
    }
    to = put_text(to, "],\"labels\":[");
    for (size_t i = 0; i < n; i++)
        to += sprintf(to, i ? ",%lu" : "%lu", (unsigned long)set->labels[first + i]);
    to = put_text(to, "]}");
    free(file);
    *ret_body = body;
    *ret_len = (size_t)(to - body);
    return ST_OK;

failed:
    free(file);
    free(body);
    return st;
}
