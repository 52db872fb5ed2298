/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of classify. Decimals: a probability is a float, six of them are its own
 * resolution; logits of one network differ by far more than 1e-4; energies to a
 * femtojoule, less than one read of one cell; times to a tenth of a microsecond. */
#include "api/classify_json.h"

#include <string.h>

#define PUT(buf, literal) buf_bytes(buf, literal, sizeof(literal) - 1)

static void put_id(struct buf *buf, uint64_t id)
{
    char text[16];

    for (int i = 15; i >= 0; i--) {
        text[i] = "0123456789abcdef"[id & 15];
        id >>= 4;
    }
    buf_bytes(buf, text, sizeof(text));
}

/* Nine digits that count, also of small rates. buf_number, whose text is exact, would
 * take longer than all the rest of the answer. */
static void put_rate(struct buf *buf, double rate)
{
    unsigned tens = 0;

    if (rate == 0.0) {
        buf_char(buf, '0');
        return;
    }
    if (rate >= 0.1) {
        buf_fixed(buf, rate, 9);
        return;
    }
    for (; rate < 1.0; rate *= 10.0)
        tens++;
    buf_fixed(buf, rate, 8);
    PUT(buf, "e-");
    buf_u64(buf, tens);
}

static void put_class(struct buf *buf, const struct network *net, uint32_t class_index)
{
    PUT(buf, "{\"class\":");
    buf_u64(buf, class_index);
    PUT(buf, ",\"label\":");
    buf_json_string(buf, net->labels[class_index]);
}

static void put_result(struct buf *buf, const struct network *net,
                       const struct classify_score *scores, size_t top)
{
    put_class(buf, net, scores[0].class_index);
    PUT(buf, ",\"scores\":[");
    for (size_t i = 0; i < top; i++) {
        if (i > 0)
            buf_char(buf, ',');
        put_class(buf, net, scores[i].class_index);
        PUT(buf, ",\"probability\":");
        buf_fixed(buf, (double)scores[i].probability, 6);
        PUT(buf, ",\"logit\":");
        buf_fixed(buf, (double)scores[i].logit, 4);
        buf_char(buf, '}');
    }
    PUT(buf, "]}");
}

void classify_json_conditions(struct buf *buf, const struct classify_memory *memory,
                              const struct energy *energy)
{
    PUT(buf, "\"memory\":{\"cells\":");
    buf_u64(buf, memory->cells);
    PUT(buf, ",\"weights\":");
    buf_u64(buf, memory->weights);
    PUT(buf, ",\"wrong_bits\":");
    buf_u64(buf, memory->wrong_bits);
    PUT(buf, ",\"bit_error_rate\":");
    put_rate(buf, memory->weights == 0
                      ? 0.0
                      : (double)memory->wrong_bits / (double)memory->weights);
    PUT(buf, "},\"energy\":{\"read_pj\":");
    buf_fixed(buf, energy->pj[ENERGY_READ], 3);
    PUT(buf, ",\"decode_pj\":");
    buf_fixed(buf, energy->pj[ENERGY_DECODE], 3);
    PUT(buf, ",\"compute_pj\":");
    buf_fixed(buf, energy->pj[ENERGY_COMPUTE], 3);
    PUT(buf, ",\"total_pj\":");
    buf_fixed(buf, energy_sum(energy), 3);
    buf_char(buf, '}');
}

static bool is_known(const struct classify_memo *memo,
                     const struct classify_answer *answer)
{
    return memo->len > 0 &&
           memcmp(&memo->memory, &answer->memory, sizeof(memo->memory)) == 0 &&
           memcmp(&memo->energy, &answer->energy, sizeof(memo->energy)) == 0;
}

static void put_conditions(struct buf *buf, const struct classify_answer *answer)
{
    struct classify_memo *memo = answer->memo;
    size_t begin = buf->len;

    if (memo != NULL && is_known(memo, answer)) {
        buf_bytes(buf, memo->text, memo->len);
        return;
    }
    classify_json_conditions(buf, &answer->memory, &answer->energy);
    size_t len = buf->len - begin;
    if (memo == NULL || buf->failed || len > sizeof(memo->text))
        return;
    memo->memory = answer->memory;
    memo->energy = answer->energy;
    memo->len = len;
    memcpy(memo->text, buf->data + begin, len);
}

void classify_json_write(struct buf *buf, const struct classify_answer *answer)
{
    const struct network *net = answer->net;

    PUT(buf, "{\"model\":");
    buf_json_string(buf, net->name);
    PUT(buf, ",\"version\":\"");
    buf_u64(buf, net->version);
    PUT(buf, "\",\"generation\":");
    buf_u64(buf, answer->generation);
    PUT(buf, ",\"request_id\":\"");
    put_id(buf, answer->request_id);
    PUT(buf, "\",\"results\":[");
    for (size_t i = 0; i < answer->n_images; i++) {
        if (i > 0)
            buf_char(buf, ',');
        put_result(buf, net, answer->scores + i * answer->stride, answer->top);
    }
    PUT(buf, "],");
    put_conditions(buf, answer);
    PUT(buf, ",\"time_us\":{\"queue\":");
    buf_fixed(buf, answer->queue_us, 1);
    PUT(buf, ",\"compute\":");
    buf_fixed(buf, answer->compute_us, 1);
    PUT(buf, ",\"total\":");
    buf_fixed(buf, answer->total_us, 1);
    PUT(buf, "}}");
}
