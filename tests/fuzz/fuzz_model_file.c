/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes as they are, and again with a length and a checksum that are true, without
 * which hardly an input would get past the header. */
#include "storage/model_file.h"

#include "tests/lib/sbnn_writer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void parse(const uint8_t *bytes, size_t len)
{
    struct network *net;
    char why[ERR_LEN];

    if (model_file_parse(bytes, len, &net, why) != ST_OK)
        return;
    if (network_check(net, why) != ST_OK)
        abort();
    network_free(net);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    parse(bytes, len);
    uint8_t *copy = malloc(len + 1);
    if (copy == NULL)
        return 0;
    memcpy(copy, bytes, len);
    sbnn_seal(copy, len);
    parse(copy, len);
    free(copy);
    return 0;
}
