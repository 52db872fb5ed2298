/* SPDX-License-Identifier: Apache-2.0 */
/* A body of classify. What is taken must be taken again with white space after commas. */
#include "api/classify_json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define MAX_IMAGES 8

static const struct network net = { .input = { .height = 2, .width = 3, .channels = 1 },
                                    .n_classes = 5 };

static enum status parse(const char *json, size_t len, struct classify_input *ret_input)
{
    struct problem problem;
    enum status st =
        classify_json_parse(json, len, &net, MAX_IMAGES, ret_input, &problem);

    if (st == ST_OK && (ret_input->n == 0 || ret_input->n > MAX_IMAGES))
        abort();
    if (st != ST_OK && (problem.status < 400 || problem.detail[0] == '\0'))
        abort();
    for (size_t i = 0; st == ST_OK && i < ret_input->n; i++) {
        if (ret_input->labels[i] < -1 || ret_input->labels[i] >= (int32_t)net.n_classes)
            abort();
    }
    return st;
}

/* The same value in another dress: two spaces after each comma outside strings. */
static char *spread(const char *json, size_t len, size_t *ret_len)
{
    char *out = malloc(3 * len + 1);
    bool inside = false;
    size_t n = 0;

    if (out == NULL)
        abort();
    for (size_t i = 0; i < len; i++) {
        out[n++] = json[i];
        if (json[i] == '"')
            inside = !inside;
        if (json[i] == '\\' && inside && i + 1 < len)
            out[n++] = json[++i];
        if (json[i] == ',' && !inside) {
            out[n++] = ' ';
            out[n++] = ' ';
        }
    }
    *ret_len = n;
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct classify_input one = { 0 }, other = { 0 };
    size_t spread_len;

    enum status st = parse((const char *)bytes, len, &one);
    char *dressed = spread((const char *)bytes, len, &spread_len);
    if (parse(dressed, spread_len, &other) != st)
        abort();
    if (st == ST_OK &&
        (one.n != other.n || memcmp(one.pixels, other.pixels, one.n * 6) != 0))
        abort();
    free(dressed);
    classify_input_done(&one);
    classify_input_done(&other);
    return 0;
}
