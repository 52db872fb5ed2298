/* SPDX-License-Identifier: Apache-2.0 */
/* Images of one small network: the bytes as they are, and again with a length and a
 * checksum that are true. */
#include "storage/array_image.h"

#include "tests/lib/sbnn_writer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* What was read can be written, and then read for ever after. */
static void write_again(const struct network *net, const struct array_image *image,
                        const struct mram *mram)
{
    struct array_image again;
    struct mram *same;
    uint8_t *bytes;
    size_t len;
    char why[ERR_LEN];

    if (array_image_bytes(image, mram, &bytes, &len) != ST_OK)
        return;
    if (array_image_parse(bytes, len, net, &again, &same, why) != ST_OK)
        abort();
    if (!operating_points_same(&again.points, &image->points) ||
        !device_same(&again.device, &image->device))
        abort();
    mram_free(same);
    array_image_done(&again);
    free(bytes);
}

static void parse(const struct network *net, const uint8_t *bytes, size_t len)
{
    struct array_image image;
    struct mram *mram;
    char why[ERR_LEN];

    if (array_image_parse(bytes, len, net, &image, &mram, why) != ST_OK)
        return;
    if (mram_weights(mram) != network_cells(net) || image.n_layers != net->n_layers)
        abort();
    write_again(net, &image, mram);
    mram_free(mram);
    array_image_done(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct sbnn_shape shape = {
        "small", { 2, 3, 1, NETWORK_BINARY, .threshold = 128 }, 2, { 9, 3 }
    };
    struct network *net = sbnn_random(&shape, 1);
    uint8_t *copy = malloc(len + 1);

    parse(net, bytes, len);
    if (copy != NULL) {
        memcpy(copy, bytes, len);
        sbnn_seal(copy, len);
        parse(net, copy, len);
    }
    free(copy);
    network_free(net);
    return 0;
}
