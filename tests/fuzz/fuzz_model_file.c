/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes as they are, and again with a length and a checksum that are true, without
 * which hardly an input would get past the header. */
#include "storage/model_file.h"

#include "tests/lib/sbnn_writer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* What was read can be written, and comes back as the same bytes. */
static void write_again(const struct network *net)
{
    struct network *read = NULL;
    uint8_t *bytes = NULL, *again = NULL;
    size_t len, len_again;
    char why[ERR_LEN];

    if (model_file_bytes(net, &bytes, &len) != ST_OK ||
        model_file_parse(bytes, len, &read, why) != ST_OK ||
        model_file_bytes(read, &again, &len_again) != ST_OK)
        abort();
    if (len != len_again || memcmp(bytes, again, len) != 0)
        abort();
    network_free(read);
    free(again);
    free(bytes);
}

static void parse(const uint8_t *bytes, size_t len)
{
    struct network *net;
    char why[ERR_LEN];

    if (model_file_parse(bytes, len, &net, why) != ST_OK)
        return;
    if (network_check(net, why) != ST_OK)
        abort();
    write_again(net);
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
