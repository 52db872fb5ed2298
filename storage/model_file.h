/* SPDX-License-Identifier: Apache-2.0 */
/* model_file.h - reads and writes .sbnn, the native model file: one bit per weight.
 *
 * The format is written down in storage/README.md. Every length, count and sum is checked
 * before it is believed; a file that is cut, padded, altered or hostile gives ST_FORMAT
 * with what, expected, found and the byte offset, and leaks nothing.
 */
#ifndef STORAGE_MODEL_FILE_H
#define STORAGE_MODEL_FILE_H

#include "core/network.h"

/* Version 1 knows chains of dense layers only; it is read and never written. */
#define MODEL_FILE_OLDEST    1
#define MODEL_FILE_VERSION   2
#define MODEL_FILE_MAX_BYTES ((size_t)512 << 20)

/* The network comes back checked (network_check). Bytes are borrowed for the call.
 * ST_FORMAT; ST_UNSUPPORTED: another version of the format; ST_NOMEM. */
MUST_CHECK enum status model_file_parse(const uint8_t *bytes, size_t len,
                                        struct network **ret_net, char why[ERR_LEN]);
/* The same from a file. ST_NOT_FOUND, ST_IO; `why` begins with the path. */
MUST_CHECK enum status model_file_load(const char *path, struct network **ret_net,
                                       char why[ERR_LEN]);

/* The bytes of a network that network_check accepts; net->checksum is not looked at. The
 * caller frees *ret_bytes. ST_NOMEM; ST_RANGE: more than MODEL_FILE_MAX_BYTES, or a text
 * of more than 65535 bytes. */
MUST_CHECK enum status model_file_bytes(const struct network *net, uint8_t **ret_bytes,
                                        size_t *ret_len);
/* The same into a file, which is replaced as a whole. ST_NOMEM, ST_RANGE, ST_IO; `why`
 * begins with the path. */
MUST_CHECK enum status model_file_save(const char *path, const struct network *net,
                                       char why[ERR_LEN]);
/* Do they begin as a model file does? */
bool model_file_is(const uint8_t *bytes, size_t len);
/* Puts the file at `from` in the place of whatever is at `to`, for good: a power cut does
 * not undo it. ST_IO: it was not done; `why` begins with the path. With ST_OK `why` is
 * empty, or says why a power cut could undo it. */
MUST_CHECK enum status model_file_move(const char *from, const char *to,
                                       char why[ERR_LEN]);
/* Removes it for good; that it is not there is fine. Else as model_file_move. */
MUST_CHECK enum status model_file_remove(const char *path, char why[ERR_LEN]);

#endif
