/* SPDX-License-Identifier: Apache-2.0 */
/* gzip.h - unpacks bytes in memory, up to a limit: gzip, and zlib's format, which HTTP
 * calls deflate. */
#ifndef STORAGE_GZIP_H
#define STORAGE_GZIP_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool gzip_is(const uint8_t *bytes, size_t len);
/* Unpacks one or more members that fill `bytes`; the caller frees *ret_bytes, which is
 * never NULL on success. `why` does not say which of the two it was: the caller knows.
 * ST_FORMAT: cut, altered or followed by something else; ST_RANGE: more than `max` bytes
 * unpacked; ST_NOMEM. */
MUST_CHECK enum status gzip_unpack(const uint8_t *bytes, size_t len, size_t max,
                                   uint8_t **ret_bytes, size_t *ret_len,
                                   char why[ERR_LEN]);

#endif
