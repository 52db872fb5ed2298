/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - a whole file as bytes. Internal to storage/. Any thread. */
#ifndef STORAGE_FILE_H
#define STORAGE_FILE_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads a regular file of at most `max` bytes; the caller frees *ret_bytes, which is
 * never NULL on success. ST_NOT_FOUND, ST_IO, ST_FORMAT (larger than max), ST_NOMEM;
 * `why` begins with the path. */
MUST_CHECK enum status file_read(const char *path, size_t max, uint8_t **ret_bytes,
                                 size_t *ret_len, char why[ERR_LEN]);
/* Writes PATH.tmp, syncs it and renames it over `path`: a reader sees the whole old file
 * or the whole new one. ST_IO; `why` begins with the path. */
MUST_CHECK enum status file_write(const char *path, const uint8_t *bytes, size_t len,
                                  char why[ERR_LEN]);
/* The name that a corrupt file gets, PATH.corrupt-TIME, which no file has yet; UTC.
 * False: too long. */
#define FILE_PATH_LEN 4096
bool file_corrupt_name(const char *path, char ret_name[FILE_PATH_LEN]);
/* Makes what was renamed or removed at `path` outlive a power cut. Gives errno, 0 on
 * success. */
int file_sync_folder(const char *path);
/* Fills `why` with "PATH: reason" and gives `st`. A long path is cut, the reason never
 * is. */
#define FILE_SHOWN_PATH 160
enum status file_fail(enum status st, const char *path, const char *reason,
                      char why[ERR_LEN]);
/* Puts "PATH: " before what `why` says. */
void file_prefix(const char *path, char why[ERR_LEN]);

#endif
