/* SPDX-License-Identifier: Apache-2.0 */
/* image.h - a picture in a file's bytes, fitted to what a network takes.
 *
 * PNG (libspng; every colour type and depth), JPEG (libturbojpeg; baseline and
 * progressive, grey, YCbCr or RGB), PBM, PGM and PPM (P1 to P6, maxval up to 65535) by
 * their first bytes; anything else is raw pixels and must have exactly the contract's
 * length. Raw pixels are the network's input as it is, blue first where the network
 * wants it so; pictures are brought there, in this order: alpha over black; RGB to grey
 * by Rec. 601 luma (0.299 R + 0.587 G + 0.114 B) or grey to RGB by copying; then, if the
 * size differs, scaling with the aspect kept (area average down, bilinear up), either
 * until the whole just fits, centred on black (NETWORK_LETTERBOX), or until the shorter
 * side is the contract's `resize`, of which the middle is cut out (NETWORK_CROP); last
 * red and blue change places where blue comes first. Light and dark are never swapped:
 * networks say in their description what is background. Pure; any thread; allocates
 * while it decodes.
 */
#ifndef API_IMAGE_H
#define API_IMAGE_H

#include "core/network.h"

/* Largest side of a picture that is read, and of pixels in all. */
#define IMAGE_MAX_SIDE   16384
#define IMAGE_MAX_PIXELS ((size_t)1 << 26)
/* Of a JPEG, scans; and pixels where there are several, as all of their coefficients are
 * in memory then, up to six bytes a pixel. */
#define IMAGE_MAX_SCANS       100
#define IMAGE_MAX_SCAN_PIXELS ((size_t)1 << 25)

enum image_type { IMAGE_RAW, IMAGE_PNG, IMAGE_JPEG, IMAGE_PNM };
/* By the first bytes; IMAGE_RAW if none is known. */
enum image_type image_sniff(const uint8_t *bytes, size_t len);

/* Decodes and fits. ret_pixels: network_inputs() bytes, rows top down, channels
 * interleaved; on failure what they hold is unspecified.
 * ST_FORMAT (broken file, wrong raw length), ST_RANGE (too large), ST_UNSUPPORTED (a
 * format that is recognised but not read, such as GIF or a JPEG in CMYK), ST_NOMEM; `why`
 * says what was found and what is expected. */
MUST_CHECK enum status image_fit(const uint8_t *bytes, size_t len,
                                 const struct network_input *input, uint8_t *ret_pixels,
                                 char why[ERR_LEN]);

#endif
