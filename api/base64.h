/* SPDX-License-Identifier: Apache-2.0 */
/* base64.h - RFC 4648 base64, both alphabets, padding optional. Pure; any thread. */
#ifndef API_BASE64_H
#define API_BASE64_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes that `len` characters come to if they are base64; padding is not counted. An
 * upper bound for any text of that length. */
size_t base64_decoded_len(const char *text, size_t len);

/* Writes base64_decoded_len() bytes. ST_FORMAT with the place in `why` for a character
 * outside both alphabets (line breaks too), a wrong length, or bits behind the last byte
 * that are not zero; ret_bytes is then unspecified. */
MUST_CHECK enum status base64_decode(const char *text, size_t len, uint8_t *ret_bytes,
                                     char why[ERR_LEN]);

#endif
