/* SPDX-License-Identifier: Apache-2.0 */
/* oip_request.h - the body of an infer request of the Open Inference Protocol (V2, REST),
 * read once: numbers go straight into the pixel rows, no tree is built. Any thread.
 *
 * A model has one input, OIP_INPUT, of the shape [n, height, width, channels] or [n,
 * height * width * channels]. Its data are pixels 0..255, as UINT8 or as FP32 with whole
 * numbers: nothing is rounded, scaled or cut off in silence.
 */
#ifndef API_OIP_REQUEST_H
#define API_OIP_REQUEST_H

#include "api/classify_json.h"
#include "api/json_pull.h"

#define OIP_ID_LEN 256 /* bytes of an id, escapes undone */

/* What is asked for, besides the pictures. */
struct oip_request {
    struct json_pull_text id; /* as it stands in the body, which it is borrowed from; its
                                 text is NULL where none was given */
    size_t classification;    /* the best classes in place of the tensor, at most
                                 n_classes; 0: the tensor */
    bool binary;              /* the output follows the JSON of the answer */
    uint64_t timeout_us;      /* that it may wait to be computed; 0: as long as any */
};

/* `header_length`: value of the header Inference-Header-Content-Length, the bytes of JSON
 * in front of binary tensors; NULL without one. Not ST_OK: `ret_problem` is filled; 400,
 * 413 for more than max_images, 503. */
MUST_CHECK enum status oip_request_parse(const uint8_t *body, size_t len,
                                         const char *header_length,
                                         const struct network *net, size_t max_images,
                                         struct classify_input *ret_input,
                                         struct oip_request *ret_request,
                                         struct problem *ret_problem);

#endif
