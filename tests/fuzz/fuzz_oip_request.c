/* SPDX-License-Identifier: Apache-2.0 */
/* A body of infer: two bytes say how long its JSON is (65535: there is no header), the
 * rest is the body. What is taken gets an answer, whose JSON must be JSON. */
#include "api/oip_answer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define MAX_IMAGES 8
#define N_CLASSES  3

static char name[] = "net", label[] = "a \"label\"";
static char *labels[N_CLASSES] = { label, label, label };
static const struct network net = { .name = name,
                                    .input = { .height = 2, .width = 3, .channels = 1 },
                                    .n_classes = N_CLASSES,
                                    .labels = labels };

static void answer(const struct oip_request *request, size_t n)
{
    static const struct classify_score scores[MAX_IMAGES * N_CLASSES];
    static const float logits[MAX_IMAGES * N_CLASSES] = { 1.5f, -1e-9f, 3e30f };
    struct classify_answer a = {
        .net = &net,
        .n_images = n,
        .top = request->classification,
        .stride = N_CLASSES,
        .scores = scores,
        .logits = logits,
    };
    struct buf buf = BUF_INIT;
    struct json_pull pull;
    size_t json_len = oip_answer_write(&buf, request, &a);

    if (buf.failed || (json_len != 0) != request->binary || json_len > buf.len)
        abort();
    json_pull_init(&pull, buf.data, json_len != 0 ? json_len : buf.len);
    if (!json_pull_skip(&pull) || !json_pull_end(&pull))
        abort();
    buf_free(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct classify_input input = { 0 };
    struct oip_request request;
    struct problem problem;
    char header[8];

    if (len < 2)
        return 0;
    unsigned json_len = bytes[0] | (unsigned)bytes[1] << 8;
    (void)snprintf(header, sizeof(header), "%u", json_len);
    enum status st =
        oip_request_parse(bytes + 2, len - 2, json_len == 65535 ? NULL : header, &net,
                          MAX_IMAGES, &input, &request, &problem);
    if (st != ST_OK &&
        (problem.status < 400 || problem.detail[0] == '\0' || input.n != 0))
        abort();
    if (st == ST_OK) {
        if (input.n == 0 || input.n > MAX_IMAGES || request.classification > N_CLASSES)
            abort();
        answer(&request, input.n);
    }
    classify_input_done(&input);
    return 0;
}
