/* SPDX-License-Identifier: Apache-2.0 */
/* IDX bytes, and gzip bytes with IDX bytes in them. */
#include "storage/dataset.h"

#include "storage/gzip.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void parse(const uint8_t *bytes, size_t len)
{
    struct dataset_idx idx;
    char why[ERR_LEN];
    size_t n = 1;

    if (dataset_idx_parse(bytes, len, &idx, why) != ST_OK)
        return;
    for (unsigned d = 0; d < idx.n_dims; d++)
        n *= idx.dims[d];
    if (n != idx.len || idx.data < bytes || idx.data + n != bytes + len)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    uint8_t *unpacked;
    size_t unpacked_len;
    char why[ERR_LEN];

    parse(bytes, len);
    if (gzip_unpack(bytes, len, 1 << 20, &unpacked, &unpacked_len, why) != ST_OK)
        return 0;
    parse(unpacked, unpacked_len);
    free(unpacked);
    return 0;
}
