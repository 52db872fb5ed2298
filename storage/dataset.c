/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/dataset.h"

#include "storage/dataset_internal.h"
#include "storage/file.h"
#include "storage/gzip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    if (st != ST_OK) {
        file_prefix("gzip", why);
        file_prefix(path, why);
    }
    free(packed);
    return st;
}

enum status dataset_path(const char *dir, const char *name, char path[DATASET_PATH],
                         char why[ERR_LEN])
{
    int n = snprintf(path, DATASET_PATH, "%s/%s", dir, name);

    if (n >= 0 && n < DATASET_PATH)
        return ST_OK;
    (void)snprintf(why, ERR_LEN, "the folder's name is too long");
    return ST_RANGE;
}

enum status dataset_read(const char *dir, const char *name, bool may_end_gz,
                         uint8_t **ret_bytes, size_t *ret_len, char why[ERR_LEN])
{
    char path[DATASET_PATH], packed[DATASET_PATH];
    enum status st = dataset_path(dir, name, path, why);

    if (st == ST_OK)
        st = read_unpacked(path, ret_bytes, ret_len, why);
    if (st != ST_NOT_FOUND || !may_end_gz)
        return st;
    int n = snprintf(packed, sizeof(packed), "%s.gz", path);
    if (n < 0 || (size_t)n >= sizeof(packed))
        return st;
    return read_unpacked(packed, ret_bytes, ret_len, why);
}

/* -- IDX -- */

/* Names a split goes by at the head of its files' names. */
static const char *const test_heads[] = { "t10k", "test", NULL };
static const char *const train_heads[] = { "train", NULL };

/* The IDX array of the first file there is, moved to the front of its bytes. */
static enum status load_idx(const char *dir, const char *const *heads, const char *what,
                            uint8_t **ret_bytes, struct dataset_idx *ret_idx,
                            char why[ERR_LEN])
{
    char name[64];
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum status st = ST_NOT_FOUND;

    for (size_t i = 0; heads[i] != NULL && st == ST_NOT_FOUND; i++) {
        (void)snprintf(name, sizeof(name), "%s-%s", heads[i], what);
        st = dataset_read(dir, name, true, &bytes, &len, why);
    }
    if (st == ST_NOT_FOUND)
        (void)snprintf(why, ERR_LEN, "no %s-%s (or .gz) in %.100s", heads[0], what, dir);
    if (st != ST_OK)
        return st;

    st = dataset_idx_parse(bytes, len, ret_idx, why);
    if (st != ST_OK) {
        char path[DATASET_PATH], too_long[ERR_LEN];

        if (dataset_path(dir, name, path, too_long) == ST_OK)
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

static enum status widen_labels(struct dataset *set, const uint8_t *labels,
                                char why[ERR_LEN])
{
    set->labels = malloc(set->n * sizeof(*set->labels));
    if (set->labels == NULL) {
        (void)snprintf(why, ERR_LEN, "out of memory");
        return ST_NOMEM;
    }
    for (size_t i = 0; i < set->n; i++)
        set->labels[i] = labels[i];
    return ST_OK;
}

static enum status idx_load(const char *dir, const char *const *heads,
                            struct dataset *set, char why[ERR_LEN])
{
    struct dataset_idx images, labels;
    uint8_t *label_bytes = NULL;
    enum status st =
        load_idx(dir, heads, "images-idx3-ubyte", &set->pixels, &images, why);

    if (st != ST_OK)
        return st;
    set->n = images.dims[0];
    st = load_idx(dir, heads, "labels-idx1-ubyte", &label_bytes, &labels, why);
    if (st == ST_OK)
        st = check_shapes(dir, &images, &labels, why);
    if (st == ST_OK)
        st = widen_labels(set, label_bytes, why);
    free(label_bytes);
    if (st != ST_OK)
        return st;
    set->height = images.dims[1];
    set->width = images.dims[2];
    set->channels = images.n_dims == 4 ? images.dims[3] : 1;
    return ST_OK;
}

/* -- Folders -- */

static bool is_there(const char *dir, const char *name)
{
    char path[DATASET_PATH], why[ERR_LEN];

    return dataset_path(dir, name, path, why) == ST_OK && access(path, F_OK) == 0;
}

/* No form fits: says what was looked for, and what only has to be unpacked. */
static void nothing_found(const char *dir, bool train, char why[ERR_LEN])
{
    const char *batch = train ? "data_batch_1.bin.xz" : "test_batch.bin.xz";

    if (is_there(dir, batch)) {
        (void)snprintf(why, ERR_LEN, "%.150s/%s: unpack it, xz -dk", dir, batch);
        return;
    }
    (void)snprintf(why, ERR_LEN,
                   train ? "no train-images-idx3-ubyte (or .gz), data_batch_1.bin or "
                           "train.csv in %.100s"
                         : "no t10k-images-idx3-ubyte or test-images-idx3-ubyte (or "
                           ".gz), test_batch.bin, test.csv or labels.csv in %.100s",
                   dir);
}

enum status dataset_load(const char *dir, const char *split, struct dataset *ret_dataset,
                         char why[ERR_LEN])
{
    bool train = strcmp(split, "train") == 0;
    struct dataset set = { .n = 0 };

    if (!train && strcmp(split, "test") != 0) {
        (void)snprintf(why, ERR_LEN, "split: expected test or train, found \"%.32s\"",
                       split);
        return ST_RANGE;
    }
    enum status st = idx_load(dir, train ? train_heads : test_heads, &set, why);
    if (st == ST_NOT_FOUND && set.n == 0)
        st = dataset_cifar_load(dir, train, &set, why);
    if (st == ST_NOT_FOUND && set.n == 0)
        st = dataset_csv_load(dir, train, &set, why);
    if (st == ST_OK) {
        *ret_dataset = set;
        return ST_OK;
    }
    if (st == ST_NOT_FOUND && set.n == 0)
        nothing_found(dir, train, why);
    dataset_done(&set);
    return st;
}

void dataset_done(struct dataset *dataset)
{
    if (dataset == NULL)
        return;
    for (size_t i = 0; dataset->files != NULL && i < dataset->n; i++)
        free(dataset->files[i].path);
    for (size_t i = 0; i < dataset->n_names; i++)
        free(dataset->names[i]);
    free(dataset->names);
    free(dataset->files);
    free(dataset->pixels);
    free(dataset->labels);
    *dataset = (struct dataset) { .n = 0 };
}

enum status dataset_read_file(const struct dataset_file *file, uint8_t **ret_bytes,
                              size_t *ret_len, char why[ERR_LEN])
{
    return file_read(file->path, file->len, ret_bytes, ret_len, why);
}
