/* SPDX-License-Identifier: Apache-2.0 */
/* IDX bytes, gzip bytes with IDX bytes in them, a list of files, and CIFAR-10 records. */
#include "storage/dataset.h"

#include "storage/gzip.h"

#include <stdlib.h>
#include <string.h>

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

static void parse_list(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1), why[ERR_LEN];
    struct dataset_row *rows;
    size_t n;

    if (text == NULL)
        abort();
    memcpy(text, bytes, len);
    if (dataset_csv_parse(text, len, &rows, &n, why) == ST_OK) {
        for (size_t i = 0; i < n; i++)
            if (rows[i].file < text || rows[i].file + strlen(rows[i].file) > text + len ||
                rows[i].file[0] == '/' || rows[i].file[0] == '\0')
                abort();
        free(rows);
    }
    free(text);
}

static void parse_records(const uint8_t *bytes, size_t len)
{
    struct dataset set = { .n = 0 };
    char why[ERR_LEN];

    if (dataset_cifar_parse(bytes, len, &set, why) == ST_OK && set.n * 3073 != len)
        abort();
    dataset_done(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    uint8_t *unpacked;
    size_t unpacked_len;
    char why[ERR_LEN];

    parse_list(bytes, len);
    parse_records(bytes, len);
    parse(bytes, len);
    if (gzip_unpack(bytes, len, 1 << 20, &unpacked, &unpacked_len, why) != ST_OK)
        return 0;
    parse(unpacked, unpacked_len);
    free(unpacked);
    return 0;
}
