/* SPDX-License-Identifier: Apache-2.0 */
/* Ops that go element by element. Where they make reals of reals, input and output may be
 * the same memory. */
#include "core/infer_stage.h"

#include <string.h>

/* Places of all pictures: maps of one shape lie alike. */
struct elements {
    size_t n_places, n_channels;
};

static void affine_pixels(const struct network_stage *stage, const struct elements *e,
                          const uint8_t *in, float *out)
{
    for (size_t p = 0; p < e->n_places; p++)
        for (size_t c = 0; c < e->n_channels; c++)
            *out++ = stage->a[c] * (float)*in++ + stage->b[c];
}

static void affine(const struct network_stage *stage, const struct elements *e,
                   const float *in, float *out)
{
    for (size_t p = 0; p < e->n_places; p++, in += e->n_channels, out += e->n_channels)
        for (size_t c = 0; c < e->n_channels; c++)
            out[c] = stage->a[c] * in[c] + stage->b[c];
}

static void slope(const struct network_stage *stage, const struct elements *e,
                  const float *in, float *out)
{
    for (size_t p = 0; p < e->n_places; p++, in += e->n_channels, out += e->n_channels)
        for (size_t c = 0; c < e->n_channels; c++)
            out[c] = in[c] >= 0.0F ? in[c] : stage->a[c] * in[c];
}

static void clip(const struct network_stage *stage, const struct elements *e,
                 const float *in, float *out)
{
    for (size_t i = 0; i < e->n_places * e->n_channels; i++) {
        float x = in[i] < stage->low ? stage->low : in[i];

        out[i] = x > stage->high ? stage->high : x;
    }
}

static void reals(const struct elements *e, const struct infer_map *in, float *out)
{
    size_t n_words = bits_words(e->n_channels);

    for (size_t p = 0; p < e->n_places; p++) {
        for (size_t c = 0; c < e->n_channels; c++) {
            size_t i = p * e->n_channels + c;

            if (in->value.kind == NETWORK_VALUE_PIXELS)
                out[i] = in->pixels[i];
            else
                out[i] = bits_get(in->bits + p * n_words, c) ? 1.0F : -1.0F;
        }
    }
}

static void add(const struct elements *e, const float *a, const float *b, float *out)
{
    for (size_t i = 0; i < e->n_places * e->n_channels; i++)
        out[i] = a[i] + b[i];
}

static void concat_reals(const struct elements *e, const float *a, const float *b,
                         size_t n_b, float *out)
{
    size_t n_a = e->n_channels;

    for (size_t p = 0; p < e->n_places; p++, out += n_a + n_b) {
        memcpy(out, a + p * n_a, n_a * sizeof(*out));
        memcpy(out + n_a, b + p * n_b, n_b * sizeof(*out));
    }
}

static void concat_bits(const struct elements *e, const uint64_t *a, const uint64_t *b,
                        size_t n_b, uint64_t *out)
{
    size_t n_a = e->n_channels, n_words = bits_words(n_a + n_b);

    for (size_t p = 0; p < e->n_places; p++, out += n_words) {
        memset(out, 0, n_words * sizeof(*out));
        bits_or(out, 0, a + p * bits_words(n_a), 0, n_a);
        bits_or(out, n_a, b + p * bits_words(n_b), 0, n_b);
    }
}

void infer_elements_run(const struct network_stage *stage, const struct infer_map *in,
                        const struct infer_map *other, size_t n, struct infer_map *out)
{
    const struct elements e = { n * infer_places(&in->value), in->value.channels };

    switch (stage->op) {
    case NETWORK_OP_AFFINE:
        if (in->value.kind == NETWORK_VALUE_PIXELS)
            affine_pixels(stage, &e, in->pixels, out->reals);
        else
            affine(stage, &e, in->reals, out->reals);
        return;
    case NETWORK_OP_SLOPE:
        slope(stage, &e, in->reals, out->reals);
        return;
    case NETWORK_OP_CLIP:
        clip(stage, &e, in->reals, out->reals);
        return;
    case NETWORK_OP_SIGN:
        infer_sign(stage, e.n_places, in->reals, out->bits);
        return;
    case NETWORK_OP_REALS:
        reals(&e, in, out->reals);
        return;
    case NETWORK_OP_ADD:
        add(&e, in->reals, other->reals, out->reals);
        return;
    default: /* NETWORK_OP_CONCAT: see run_stage in infer.c for the others */
        if (in->value.kind == NETWORK_VALUE_BITS)
            concat_bits(&e, in->bits, other->bits, other->value.channels, out->bits);
        else
            concat_reals(&e, in->reals, other->reals, other->value.channels, out->reals);
        return;
    }
}
