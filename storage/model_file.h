/* SPDX-License-Identifier: Apache-2.0 */
/* model_file.h - reads .sbnn, the native model file: one bit per weight.
 *
 * The format is written down in storage/README.md. Every length, count and sum is checked
 * before it is believed; a file that is cut, padded, altered or hostile gives ST_FORMAT
 * with what, expected, found and the byte offset, and leaks nothing.
 */
#ifndef STORAGE_MODEL_FILE_H
#define STORAGE_MODEL_FILE_H

#include "core/network.h"

#define MODEL_FILE_VERSION   1
#define MODEL_FILE_MAX_BYTES ((size_t)512 << 20)

/* The network comes back checked (network_check). Bytes are borrowed for the call.
 * ST_FORMAT; ST_UNSUPPORTED: another version of the format; ST_NOMEM. */
MUST_CHECK enum status model_file_parse(const uint8_t *bytes, size_t len,
                                        struct network **ret_net, char why[ERR_LEN]);
/* The same from a file. ST_NOT_FOUND, ST_IO; `why` begins with the path. */
MUST_CHECK enum status model_file_load(const char *path, struct network **ret_net,
                                       char why[ERR_LEN]);

#endif
