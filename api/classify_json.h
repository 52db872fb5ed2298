/* SPDX-License-Identifier: Apache-2.0 */
/* classify_json.h - the JSON of classify: a pull parser for pictures, a writer for
 * answers.
 *
 * {"images":[{"b64":"..."} | {"pixels":[0,..,255]}, ...], "labels":[7, ...]}
 * b64 (RFC 4648, padding optional, URL alphabet accepted) holds a picture file or raw
 * pixels; `pixels` holds integers 0..255, flat or nested (rows, then channels), height *
 * width * channels in all. Unknown members are ignored, duplicate ones refused, nesting
 * is limited to 32. Numbers go straight into the pixel rows; no tree is built. Any
 * thread.
 */
#ifndef API_CLASSIFY_JSON_H
#define API_CLASSIFY_JSON_H

#include "api/buf.h"
#include "api/problem.h"
#include "core/energy.h"
#include "core/network.h"

/* Pictures of one request. Reusable: keeps its memory between parses. */
struct classify_input {
    size_t n;        /* pictures */
    uint8_t *pixels; /* ours; n rows of network_inputs() bytes */
    int32_t *labels; /* ours; [n], -1 where no label was given */
    size_t cap;      /* bytes of `pixels` */
    size_t cap_labels;
};

void classify_input_done(struct classify_input *input);
/* Makes room for n pictures of `inputs` bytes each. */
MUST_CHECK enum status classify_input_reserve(struct classify_input *input, size_t n,
                                              size_t inputs);
/* Copies all pictures of `more` behind those of `input`. ST_NOMEM: nothing was added. */
MUST_CHECK enum status classify_input_append(struct classify_input *input,
                                             const struct classify_input *more,
                                             size_t inputs);

/* ST_FORMAT/ST_RANGE/ST_UNSUPPORTED/ST_NOMEM with `ret_problem` filled: 400 for broken
 * JSON (byte offset), 422 with a pointer such as /images/3/pixels for a wrong value, 413
 * for more than max_images. */
MUST_CHECK enum status classify_json_parse(const char *json, size_t len,
                                           const struct network *net, size_t max_images,
                                           struct classify_input *ret_input,
                                           struct problem *ret_problem);

struct classify_score {
    uint32_t class_index;
    float probability, logit;
};

/* What one answer says. */
struct classify_memory {
    uint64_t weights, cells, wrong_bits; /* wrong: delivered so */
};
/* The text of the conditions that were written last: they are a third of an answer's
 * numbers and stay the same for long. Begins as zeros. One thread. */
struct classify_memo {
    struct classify_memory memory;
    struct energy energy;
    size_t len;
    char text[384];
};
struct classify_answer {
    const struct network *net;
    uint64_t generation;
    uint64_t request_id;
    size_t n_images, top, stride;        /* stride >= top: scores of each picture */
    const struct classify_score *scores; /* [n_images][stride], best first */
    const float *logits;                 /* [n_images][n_classes] */
    struct classify_memory memory;       /* of the generation that answered */
    struct energy energy;                /* of the whole request */
    double queue_us, total_us;
    double compute_us;          /* of the pass, which other requests may have shared */
    struct classify_memo *memo; /* borrowed; NULL: none */
};
void classify_json_write(struct buf *buf, const struct classify_answer *answer);
/* The members `memory` and `energy` alone, without braces around them. */
void classify_json_conditions(struct buf *buf, const struct classify_memory *memory,
                              const struct energy *energy);

#endif
