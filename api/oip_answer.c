/* SPDX-License-Identifier: Apache-2.0 */
#include "api/oip_answer.h"

#include "api/oip_model.h"

#include <endian.h>
#include <string.h>

#define PUT(buf, literal) buf_bytes(buf, literal, sizeof(literal) - 1)

/* -- The tensor -- */

static void put_numbers(struct buf *buf, const float *values, size_t n)
{
    PUT(buf, ",\"data\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_char(buf, ',');
        buf_float(buf, values[i]);
    }
    buf_char(buf, ']');
}

static void put_floats(struct buf *buf, const float *values, size_t n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    buf_bytes(buf, values, n * sizeof(*values));
#else
    for (size_t i = 0; i < n; i++) {
        uint32_t word;

        memcpy(&word, &values[i], sizeof(word));
        word = htole32(word);
        buf_bytes(buf, &word, sizeof(word));
    }
#endif
}

/* -- Classification: texts "value:class:label", best first -- */

static void put_text(struct buf *buf, const struct network *net,
                     const struct classify_score *score)
{
    buf_float(buf, score->logit);
    buf_char(buf, ':');
    buf_u64(buf, score->class_index);
    buf_char(buf, ':');
    buf_text(buf, net->labels[score->class_index]);
}

static size_t n_texts(const struct classify_answer *answer)
{
    return answer->n_images * answer->top;
}

static const struct classify_score *score_at(const struct classify_answer *answer,
                                             size_t i)
{
    return &answer->scores[i / answer->top * answer->stride + i % answer->top];
}

static void put_strings(struct buf *buf, const struct classify_answer *answer)
{
    struct buf text = BUF_INIT;

    PUT(buf, ",\"data\":[");
    for (size_t i = 0; i < n_texts(answer); i++) {
        if (i > 0)
            buf_char(buf, ',');
        buf_clear(&text);
        put_text(&text, answer->net, score_at(answer, i));
        buf_char(&text, '\0');
        if (text.failed)
            break;
        buf_json_string(buf, text.data);
    }
    buf_char(buf, ']');
    buf->failed = buf->failed || text.failed;
    buf_free(&text);
}

/* Each behind its length in four bytes. */
static void put_bytes(struct buf *buf, const struct classify_answer *answer)
{
    for (size_t i = 0; i < n_texts(answer); i++) {
        size_t at = buf->len;

        buf_bytes(buf, "\0\0\0", 4);
        put_text(buf, answer->net, score_at(answer, i));
        if (buf->failed)
            return;
        uint32_t len = htole32((uint32_t)(buf->len - at - 4));
        memcpy(buf->data + at, &len, sizeof(len));
    }
}

/* -- The whole -- */

static void put_shape(struct buf *buf, const char *datatype, size_t n, size_t width)
{
    PUT(buf, "\"outputs\":[{\"name\":\"" OIP_OUTPUT "\",\"datatype\":\"");
    buf_text(buf, datatype);
    PUT(buf, "\",\"shape\":[");
    buf_u64(buf, n);
    buf_char(buf, ',');
    buf_u64(buf, width);
    buf_char(buf, ']');
}

static void put_head(struct buf *buf, const struct oip_request *request,
                     const struct classify_answer *answer)
{
    PUT(buf, "{\"model_name\":");
    buf_json_string(buf, answer->net->name);
    PUT(buf, ",\"model_version\":\"");
    buf_u64(buf, answer->net->version);
    PUT(buf, "\",");
    if (request->id.text != NULL) {
        PUT(buf, "\"id\":\"");
        buf_bytes(buf, request->id.text, request->id.len);
        PUT(buf, "\",");
    }
    PUT(buf, "\"parameters\":{\"generation\":");
    buf_u64(buf, answer->generation);
    PUT(buf, ",\"wrong_bits\":");
    buf_u64(buf, answer->memory.wrong_bits);
    PUT(buf, ",\"energy_pj\":");
    buf_fixed(buf, energy_sum(&answer->energy), 3);
    PUT(buf, "},");
}

/* The end of the JSON where a blob of so many bytes follows. */
static size_t put_blob_size(struct buf *buf, size_t len)
{
    PUT(buf, ",\"parameters\":{\"binary_data_size\":");
    buf_u64(buf, len);
    PUT(buf, "}}]}");
    return buf->len;
}

static size_t put_tensor(struct buf *buf, bool binary,
                         const struct classify_answer *answer)
{
    size_t n_classes = answer->net->n_classes, n = answer->n_images * n_classes;

    put_shape(buf, "FP32", answer->n_images, n_classes);
    if (!binary) {
        put_numbers(buf, answer->logits, n);
        PUT(buf, "}]}");
        return 0;
    }
    size_t json_len = put_blob_size(buf, n * sizeof(float));
    put_floats(buf, answer->logits, n);
    return json_len;
}

static size_t put_classification(struct buf *buf, bool binary,
                                 const struct classify_answer *answer)
{
    put_shape(buf, "BYTES", answer->n_images, answer->top);
    if (!binary) {
        put_strings(buf, answer);
        PUT(buf, "}]}");
        return 0;
    }
    struct buf blob = BUF_INIT;
    put_bytes(&blob, answer);
    size_t json_len = put_blob_size(buf, blob.len);
    buf_bytes(buf, blob.data, blob.len);
    buf->failed = buf->failed || blob.failed;
    buf_free(&blob);
    return json_len;
}

size_t oip_answer_write(struct buf *buf, const struct oip_request *request,
                        const struct classify_answer *answer)
{
    put_head(buf, request, answer);
    return request->classification != 0 ? put_classification(buf, request->binary, answer)
                                        : put_tensor(buf, request->binary, answer);
}
