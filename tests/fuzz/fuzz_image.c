/* SPDX-License-Identifier: Apache-2.0 */
/* A picture file of any kind, fitted to a grey network, to colours, and to blue first
 * with the middle cut out. */
#include "api/image.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void fit(const uint8_t *bytes, size_t len, const struct network_input *input)
{
    size_t n = (size_t)input->height * input->width * input->channels;
    uint8_t *first = malloc(n), *second = malloc(n);
    char why[ERR_LEN] = "";

    if (first == NULL || second == NULL)
        abort();
    enum status st = image_fit(bytes, len, input, first, why);
    if (st != ST_OK && why[0] == '\0')
        abort();
    /* The same bytes once more, over other leftovers: nothing may be left unwritten. */
    memset(second, 0xA5, n);
    if (image_fit(bytes, len, input, second, why) != st)
        abort();
    if (st == ST_OK && memcmp(first, second, n) != 0)
        abort();
    free(first);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct network_input grey = { .height = 5, .width = 7, .channels = 1 };
    static const struct network_input rgb = { .height = 28, .width = 28, .channels = 3 };
    static const struct network_input crop = {
        .height = 9,
        .width = 16,
        .channels = 3,
        .bgr = true,
        .fit = NETWORK_CROP,
        .resize = 20,
    };

    fit(bytes, len, &grey);
    fit(bytes, len, &rgb);
    fit(bytes, len, &crop);
    return 0;
}
