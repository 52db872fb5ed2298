/* SPDX-License-Identifier: Apache-2.0 */
/* oip_answer.h - the answer of infer of the Open Inference Protocol (V2, REST). */
#ifndef API_OIP_ANSWER_H
#define API_OIP_ANSWER_H

#include "api/oip_request.h"

/* Appends the answer. Where its output is binary returns the bytes of JSON in front of
 * it, for the header Inference-Header-Content-Length; else 0. answer->logits is read, or
 * for a classification answer->scores, of which answer->top are there. */
size_t oip_answer_write(struct buf *buf, const struct oip_request *request,
                        const struct classify_answer *answer);

#endif
