/* SPDX-License-Identifier: Apache-2.0 */
/* dataset_internal.h - the forms of a folder; for storage/dataset*.c only. */
#ifndef STORAGE_DATASET_INTERNAL_H
#define STORAGE_DATASET_INTERNAL_H

#include "storage/dataset.h"

#define DATASET_PATH 4096

/* DIR/NAME in `path`; ST_RANGE if that is too long. */
MUST_CHECK enum status dataset_path(const char *dir, const char *name,
                                    char path[DATASET_PATH], char why[ERR_LEN]);
/* A file of the folder, unpacked if it is packed, whatever its name says; free() it. With
 * `may_end_gz` NAME.gz will do too. */
MUST_CHECK enum status dataset_read(const char *dir, const char *name, bool may_end_gz,
                                    uint8_t **ret_bytes, size_t *ret_len,
                                    char why[ERR_LEN]);

/* Each fills an empty set, and leaves what it has to dataset_done() if it fails.
 * ST_NOT_FOUND with set->n == 0: the folder is not of this form. */
MUST_CHECK enum status dataset_cifar_load(const char *dir, bool train,
                                          struct dataset *set, char why[ERR_LEN]);
MUST_CHECK enum status dataset_csv_load(const char *dir, bool train, struct dataset *set,
                                        char why[ERR_LEN]);

#endif
