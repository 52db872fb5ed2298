/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/dataset.h"

#include "storage/file.h"
#include "storage/gzip.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Element types of the IDX format. */
enum { IDX_BYTE = 0x08, IDX_DOUBLE = 0x0e };

static size_t big_endian32(const uint8_t *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

static enum status parse_magic(const uint8_t *bytes, size_t len, char why[ERR_LEN])
{
    if (len < 4 || bytes[0] != 0 || bytes[1] != 0 || bytes[2] < IDX_BYTE ||
        bytes[2] > IDX_DOUBLE) {
        (void)snprintf(why, ERR_LEN,
                       "byte 0: expected an IDX file (00 00 08 and the "
                       "number of dimensions)");
        return ST_FORMAT;
    }
    if (bytes[2] != IDX_BYTE) {
        (void)snprintf(why, ERR_LEN,
                       "byte 2: element type 0x%02x; only unsigned bytes (0x08) are read",
                       (unsigned)bytes[2]);
        return ST_UNSUPPORTED;
    }
    if (bytes[3] < 1 || bytes[3] > 4) {
        (void)snprintf(why, ERR_LEN, "byte 3: expected 1..4 dimensions, found %u",
                       (unsigned)bytes[3]);
        return ST_UNSUPPORTED;
    }
    return ST_OK;
}

enum status dataset_idx_parse(const uint8_t *bytes, size_t len,
                              struct dataset_idx *ret_idx, char why[ERR_LEN])
{
    struct dataset_idx idx = { .n_dims = 0 };
    enum status st = parse_magic(bytes, len, why);

    if (st != ST_OK)
        return st;
    idx.n_dims = bytes[3];
    size_t head = 4 + 4 * (size_t)idx.n_dims;
    if (len < head) {
        (void)snprintf(why, ERR_LEN, "byte %zu: the file ends inside its %u sizes", len,
                       idx.n_dims);
        return ST_FORMAT;
    }
    size_t n = 1;
    for (unsigned d = 0; d < idx.n_dims; d++) {
        idx.dims[d] = big_endian32(bytes + 4 + 4 * (size_t)d);
        if (idx.dims[d] != 0 && n > DATASET_MAX_BYTES / idx.dims[d]) {
            (void)snprintf(why, ERR_LEN, "byte %zu: more than %zu elements",
                           4 + 4 * (size_t)d, DATASET_MAX_BYTES);
            return ST_FORMAT;
        }
        n *= idx.dims[d];
    }
    if (len - head != n) {
        (void)snprintf(why, ERR_LEN, "byte %zu: expected %zu bytes of data, found %zu",
                       head, n, len - head);
        return ST_FORMAT;
    }
    idx.data = bytes + head;
    idx.len = n;
    *ret_idx = idx;
    return ST_OK;
}

/* Reads a file and unpacks it if it is packed, whatever its name says. */
static enum status read_unpacked(const char *path, uint8_t **ret_bytes, size_t *ret_len,
                                 char why[ERR_LEN])
{
    enum status st = file_read(path, DATASET_MAX_BYTES, ret_bytes, ret_len, why);

    if (st != ST_OK || !gzip_is(*ret_bytes, *ret_len))
        return st;
    uint8_t *packed = *ret_bytes;
    st = gzip_unpack(packed, *ret_len, DATASET_MAX_BYTES, ret_bytes, ret_len, why);
    if (st != ST_OK)
        file_prefix(path, why);
    free(packed);
    return st;
}

/* Names a split goes by at the head of its files' names. NULL: no such split. */
static const char *const *split_names(const char *split)
{
    static const char *const test[] = { "t10k", "test", NULL };
    static const char *const train[] = { "train", NULL };

    if (strcmp(split, "test") == 0)
        return test;
    return strcmp(split, "train") == 0 ? train : NULL;
}

/* The IDX array of the first file there is, moved to the front of its bytes. */
static enum status load_idx(const char *dir, const char *const *names, const char *what,
                            uint8_t **ret_bytes, struct dataset_idx *ret_idx,
                            char why[ERR_LEN])
{
    static const char *const endings[] = { "", ".gz" };
    char path[4096];
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum status st = ST_NOT_FOUND;

    for (size_t i = 0; names[i] != NULL && st == ST_NOT_FOUND; i++) {
        for (size_t e = 0; e < 2 && st == ST_NOT_FOUND; e++) {
            int n = snprintf(path, sizeof(path), "%s/%s-%s%s", dir, names[i], what,
                             endings[e]);
            if (n < 0 || (size_t)n >= sizeof(path)) {
                (void)snprintf(why, ERR_LEN, "the folder's name is too long");
                return ST_RANGE;
            }
            st = read_unpacked(path, &bytes, &len, why);
        }
    }
    if (st == ST_NOT_FOUND)
        (void)snprintf(why, ERR_LEN, "no %s-%s%s%s%s%s (or .gz) in %s", names[0], what,
                       names[1] != NULL ? " and no " : "",
                       names[1] != NULL ? names[1] : "", names[1] != NULL ? "-" : "",
                       names[1] != NULL ? what : "", dir);
    if (st != ST_OK)
        return st;

    st = dataset_idx_parse(bytes, len, ret_idx, why);
    if (st != ST_OK) {
        file_prefix(path, why);
        free(bytes);
        return st;
    }
    memmove(bytes, ret_idx->data, ret_idx->len);
    ret_idx->data = bytes;
    *ret_bytes = bytes;
    return ST_OK;
}

static enum status check_shapes(const char *dir, const struct dataset_idx *images,
                                const struct dataset_idx *labels, char why[ERR_LEN])
{
    bool planar = images->n_dims == 3;
    bool coloured = images->n_dims == 4 && (images->dims[3] == 1 || images->dims[3] == 3);

    if (!planar && !coloured) {
        (void)snprintf(why, ERR_LEN,
                       "%s: images: expected n x height x width, found %u dimensions",
                       dir, images->n_dims);
        return ST_FORMAT;
    }
    if (images->len == 0) {
        (void)snprintf(why, ERR_LEN, "%s: images: there are none", dir);
        return ST_FORMAT;
    }
    if (labels->n_dims != 1 || labels->len != images->dims[0]) {
        (void)snprintf(why, ERR_LEN, "%s: %zu images but %zu labels", dir,
                       images->dims[0], labels->len);
        return ST_FORMAT;
    }
    return ST_OK;
}

enum status dataset_load(const char *dir, const char *split, struct dataset *ret_dataset,
                         char why[ERR_LEN])
{
    const char *const *names = split_names(split);
    struct dataset set = { .n = 0 };
    struct dataset_idx images, labels;

    if (names == NULL) {
        (void)snprintf(why, ERR_LEN, "split: expected test or train, found \"%.32s\"",
                       split);
        return ST_RANGE;
    }
    enum status st = load_idx(dir, names, "images-idx3-ubyte", &set.pixels, &images, why);
    if (st == ST_OK)
        st = load_idx(dir, names, "labels-idx1-ubyte", &set.labels, &labels, why);
    if (st == ST_OK)
        st = check_shapes(dir, &images, &labels, why);
    if (st != ST_OK) {
        dataset_done(&set);
        return st;
    }
    set.n = images.dims[0];
    set.height = images.dims[1];
    set.width = images.dims[2];
    set.channels = images.n_dims == 4 ? images.dims[3] : 1;
    *ret_dataset = set;
    return ST_OK;
}

void dataset_done(struct dataset *dataset)
{
    if (dataset == NULL)
        return;
    free(dataset->pixels);
    free(dataset->labels);
    *dataset = (struct dataset) { .n = 0 };
}
