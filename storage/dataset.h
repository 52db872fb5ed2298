/* SPDX-License-Identifier: Apache-2.0 */
/* dataset.h - labelled pictures out of a folder: IDX files, CIFAR-10's binary batches, or
 * picture files that a CSV names. The forms are described in storage/README.md. */
#ifndef STORAGE_DATASET_H
#define STORAGE_DATASET_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DATASET_MAX_BYTES ((size_t)1 << 30) /* unpacked */

/* A picture file, PNG, JPEG or PNM; nobody has looked into it. */
struct dataset_file {
    char *path; /* ours */
    size_t len;
};

struct dataset {
    size_t n; /* pictures, and labels */
    /* Pixels, or NULL and zero: */
    size_t height, width, channels;
    uint8_t *pixels; /* ours; n rows of height * width * channels, colours interleaved */
    /* then files, else NULL. */
    struct dataset_file *files; /* ours; [n] */
    uint32_t *labels;           /* ours; [n], below NETWORK_MAX_CLASSES */
    size_t n_names;
    char **names; /* ours; what the set calls its classes, if it says so */
};

/* An IDX array of bytes: magic 0x00 0x00 0x08 n_dims, big-endian sizes, data. */
struct dataset_idx {
    unsigned n_dims;
    size_t dims[4];
    const uint8_t *data; /* borrowed from the bytes */
    size_t len;
};
/* Plain IDX bytes. ST_FORMAT, ST_UNSUPPORTED (another element type) with `why`. */
MUST_CHECK enum status dataset_idx_parse(const uint8_t *bytes, size_t len,
                                         struct dataset_idx *ret_idx, char why[ERR_LEN]);

/* Records of CIFAR-10: a label, then 32 x 32 bytes each of red, green and blue. Appends
 * them to a set of that shape or to an empty one. ST_FORMAT, ST_NOMEM. */
MUST_CHECK enum status dataset_cifar_parse(const uint8_t *bytes, size_t len,
                                           struct dataset *set, char why[ERR_LEN]);

/* A row of a CSV. */
struct dataset_row {
    const char *file; /* borrowed from the text; relative, without ".." */
    uint32_t label;
    size_t line; /* from 1 */
};
/* CSV (RFC 4180) with a header that names a column `file` and one `label` or `class`;
 * others are passed over. Works in place: the text is changed, and has room for one byte
 * behind its end. Free *ret_rows. ST_FORMAT with the line, ST_NOMEM. */
MUST_CHECK enum status dataset_csv_parse(char *text, size_t len,
                                         struct dataset_row **ret_rows, size_t *ret_n,
                                         char why[ERR_LEN]);

/* Loads the pictures and labels of `split` ("test" or "train") from folder `dir`.
 * ST_NOT_FOUND names what was looked for. */
MUST_CHECK enum status dataset_load(const char *dir, const char *split,
                                    struct dataset *ret_dataset, char why[ERR_LEN]);
void dataset_done(struct dataset *dataset);
/* The bytes of a picture file, the caller's. ST_NOT_FOUND, ST_IO, ST_FORMAT (longer than
 * it was), ST_NOMEM; `why` begins with the path. */
MUST_CHECK enum status dataset_read_file(const struct dataset_file *file,
                                         uint8_t **ret_bytes, size_t *ret_len,
                                         char why[ERR_LEN]);

#endif
