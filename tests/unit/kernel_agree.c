/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/kernel_agree.h"

#include "core/bits.h"
#include "core/kernel_lookup.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the result arrays hold before: whatever is not written must still be there. */
#define JUNK_WORD  UINT64_C(0xA5A5A5A5A5A5A5A5)
#define JUNK_COUNT INT32_C(-77)

struct agree {
    const struct kernel *kernel;
    struct kernel_matrix w;
    size_t n_x, x_stride, y_stride;
    uint64_t *rows, *x, *y;
    int64_t *limit;
    uint8_t *invert;
    int32_t *m;
};

static uint64_t state;

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next_word(void)
{
    uint64_t z = state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static void *must_alloc(size_t n, size_t size)
{
    void *p = calloc(n, size);

    if (p == NULL) {
        fprintf(stderr, "out of memory\n");
        abort();
    }
    return p;
}

static void fill_bits(uint64_t *bits, size_t n_bits)
{
    for (size_t k = 0; k < bits_words(n_bits); k++)
        bits[k] = next_word() & bits_mask(n_bits, k);
}

/* Limits around what random bits give, and the extremes. */
static int64_t some_limit(size_t n_in)
{
    int64_t k = (int64_t)n_in;

    switch (next_word() % 8) {
    case 0:
        return -1;
    case 1:
        return 0;
    case 2:
        return k;
    case 3:
        return k + 1 + (int64_t)(next_word() % 1000);
    default:
        return k / 2 + (int64_t)(next_word() % 17) - 8;
    }
}

static void agree_make(struct agree *a, size_t n_in, size_t n_out)
{
    size_t n_words = bits_words(n_in);

    a->rows = must_alloc(n_out * n_words, sizeof(uint64_t));
    for (size_t j = 0; j < n_out; j++)
        fill_bits(a->rows + j * n_words, n_in);
    if (kernel_matrix_init(&a->w, a->rows, n_out, n_in) != ST_OK)
        abort();

    size_t n_lanes = a->w.n_blocks * KERNEL_LANES;
    a->x = must_alloc(a->n_x * a->x_stride, sizeof(uint64_t));
    for (size_t i = 0; i < a->n_x * a->x_stride; i++)
        a->x[i] = next_word(); /* what lies between the rows must not matter */
    for (size_t i = 0; i < a->n_x; i++)
        fill_bits(a->x + i * a->x_stride, n_in);
    memcpy(a->x, a->rows, n_words * sizeof(uint64_t)); /* a perfect match */

    a->limit = must_alloc(n_lanes, sizeof(int64_t));
    a->invert = must_alloc(a->w.n_blocks, 1);
    for (size_t j = 0; j < n_lanes; j++) {
        a->limit[j] = j < n_out ? some_limit(n_in) : -1;
        if (j < n_out && next_word() % 3 == 0)
            a->invert[j / KERNEL_LANES] |= (uint8_t)(1U << (j % KERNEL_LANES));
    }
    a->m = must_alloc(a->n_x * n_lanes + 1, sizeof(int32_t));
    a->y = must_alloc(a->n_x * a->y_stride, sizeof(uint64_t));
    for (size_t i = 0; i < a->n_x * n_lanes + 1; i++)
        a->m[i] = JUNK_COUNT;
    for (size_t i = 0; i < a->n_x * a->y_stride; i++)
        a->y[i] = JUNK_WORD;
}

static void agree_done(struct agree *a)
{
    kernel_matrix_done(&a->w);
    free(a->rows);
    free(a->x);
    free(a->y);
    free(a->limit);
    free(a->invert);
    free(a->m);
}

static int64_t count_bits(const struct agree *a, size_t image, size_t j)
{
    int64_t m = 0;

    if (j >= a->w.n_out) /* a zero row */
        return (int64_t)bits_count(a->x + image * a->x_stride, a->w.n_words);
    for (size_t i = 0; i < a->w.n_in; i++)
        m += bits_get(a->x + image * a->x_stride, i) !=
             bits_get(a->rows + j * a->w.n_words, i);
    return m;
}

static bool differs(const struct agree *a, const char *what, size_t image, size_t j)
{
    fprintf(stderr, "%s: %s of picture %zu, output %zu (%zu in, %zu out, batch %zu)\n",
            a->kernel->name, what, image, j, a->w.n_in, a->w.n_out, a->n_x);
    return false;
}

static bool check_image(const struct agree *a, size_t image)
{
    size_t n_lanes = a->w.n_blocks * KERNEL_LANES;
    const uint64_t *y = a->y + image * a->y_stride;

    for (size_t j = 0; j < n_lanes; j++) {
        int64_t m = count_bits(a, image, j);
        bool invert = a->invert[j / KERNEL_LANES] >> (j % KERNEL_LANES) & 1;

        if (a->m[image * n_lanes + j] != m)
            return differs(a, "count", image, j);
        if (bits_get(y, j) != ((m <= a->limit[j]) != invert))
            return differs(a, "bit", image, j);
    }
    for (size_t j = n_lanes; j < bits_words(a->w.n_out) * BITS_PER_WORD; j++) {
        if (bits_get(y, j))
            return differs(a, "padding bit", image, j);
    }
    for (size_t k = bits_words(a->w.n_out); k < a->y_stride; k++) {
        if (y[k] != JUNK_WORD)
            return differs(a, "word past the row", image, k);
    }
    return true;
}

bool kernel_agree_shape(const struct kernel *kernel, size_t n_in, size_t n_out,
                        size_t n_x, size_t extra_stride)
{
    struct agree a = { .kernel = kernel, .n_x = n_x };
    bool ok = true;

    state = n_in * 1000003 + n_out * 1009 + n_x;
    a.x_stride = bits_words(n_in) + extra_stride;
    a.y_stride = bits_words(n_out) + extra_stride;
    agree_make(&a, n_in, n_out);
    const struct kernel_rule rule = { .limit = a.limit, .invert = a.invert };

    kernel->counts(&a.w, a.x, n_x, a.x_stride, a.m);
    kernel->fire(&a.w, &rule, a.x, n_x, a.x_stride, a.y, a.y_stride);
    for (size_t i = 0; ok && i < n_x; i++)
        ok = check_image(&a, i);
    if (ok && a.m[n_x * a.w.n_blocks * KERNEL_LANES] != JUNK_COUNT)
        ok = differs(&a, "count past the end", n_x, 0);
    agree_done(&a);
    return ok;
}

/* -- Pixels -- */

struct agree_pixels {
    const struct kernel *kernel;
    struct kernel_lookup l;
    uint64_t *rows, *y, *falling;
    int32_t *threshold, *s;
    uint8_t *pixels, *scratch;
};

/* Also those that could fill the sums up, and none at all. */
static uint8_t some_pixel(unsigned kind)
{
    return kind == 0 ? 255 : kind == 1 ? 0 : (uint8_t)next_word();
}

static int32_t some_threshold(size_t n_in)
{
    switch (next_word() % 8) {
    case 0:
        return INT32_MIN;
    case 1:
        return INT32_MAX;
    case 2:
        return (int32_t)(255 * n_in);
    case 3:
        return -(int32_t)(255 * n_in);
    default:
        return (int32_t)(next_word() % (64 * n_in + 1)) - (int32_t)(32 * n_in);
    }
}

static int64_t sum_pixels(const struct agree_pixels *a, size_t j)
{
    const uint64_t *row = a->rows + j * bits_words(a->l.n_in);
    int64_t s = 0;

    for (size_t i = 0; i < a->l.n_in; i++)
        s += bits_get(row, i) ? a->pixels[i] : -(int64_t)a->pixels[i];
    return s;
}

static bool check_pixels(const struct agree_pixels *a, size_t first)
{
    size_t n_words = bits_words(a->l.n_out);
    bool ok = a->s[a->l.n_out] == JUNK_COUNT && a->y[n_words] == JUNK_WORD;

    for (size_t j = 0; ok && j < n_words * BITS_PER_WORD; j++) {
        if (j >= a->l.n_out) {
            ok = !bits_get(a->y, j);
            continue;
        }
        int64_t s = sum_pixels(a, j), t = a->threshold[first + j];
        bool fires = bits_get(a->falling, first + j) ? s <= t : s >= t;

        ok = a->s[j] == s && bits_get(a->y, j) == fires;
    }
    if (!ok)
        fprintf(stderr, "%s: pixels, %zu in, %zu out\n", a->kernel->name, a->l.n_in,
                a->l.n_out);
    return ok;
}

bool kernel_agree_pixels(const struct kernel *kernel, size_t n_in, size_t n_out)
{
    const size_t first = n_in % 5; /* thresholds of others before */
    size_t n_words = bits_words(n_in);
    struct agree_pixels a = { .kernel = kernel };
    bool ok = true;

    state = n_in * 1000003 + n_out;
    a.rows = must_alloc(n_out * n_words, sizeof(uint64_t));
    for (size_t j = 0; j < n_out; j++)
        fill_bits(a.rows + j * n_words, n_in);
    memset(a.rows, 0xFF, n_words * sizeof(uint64_t)); /* the largest sum there is */
    a.rows[n_words - 1] &= bits_mask(n_in, n_words - 1);
    a.threshold = must_alloc(first + n_out, sizeof(int32_t));
    a.falling = must_alloc(bits_words(first + n_out), sizeof(uint64_t));
    for (size_t j = 0; j < first + n_out; j++)
        a.threshold[j] = some_threshold(n_in);
    fill_bits(a.falling, first + n_out);
    a.pixels = must_alloc(n_in, 1);
    a.s = must_alloc(n_out + 1, sizeof(int32_t));
    a.y = must_alloc(bits_words(n_out) + 1, sizeof(uint64_t));
    size_t size = kernel_lookup_scratch(n_in);
    a.scratch = aligned_alloc(64, (size + 63) / 64 * 64);
    if (a.scratch == NULL || kernel_lookup_init(&a.l, a.rows, n_out, n_in, a.threshold,
                                                a.falling, first) != ST_OK)
        abort();
    for (unsigned kind = 0; ok && kind < 4; kind++) {
        for (size_t i = 0; i < n_in; i++)
            a.pixels[i] = some_pixel(kind);
        memset(a.scratch, 0xA5, size);
        memset(a.y, 0xA5, (bits_words(n_out) + 1) * sizeof(uint64_t));
        for (size_t j = 0; j <= n_out; j++)
            a.s[j] = JUNK_COUNT;
        kernel_lookup_fire(&a.l, kernel, a.pixels, a.scratch, a.y);
        kernel_lookup_sums(&a.l, kernel, a.pixels, a.scratch, a.s);
        ok = check_pixels(&a, first);
    }
    kernel_lookup_done(&a.l);
    free(a.rows);
    free(a.threshold);
    free(a.falling);
    free(a.pixels);
    free(a.s);
    free(a.y);
    free(a.scratch);
    return ok;
}

/* -- Many shapes -- */

static bool all_pixels_agree(const struct kernel *kernel)
{
    static const size_t outputs[] = { 1, 3, 15, 16, 17, 48, 65, 71 };
    bool ok = true;

    for (size_t n_in = 1; ok && n_in <= 200; n_in++)
        ok = kernel_agree_pixels(kernel, n_in, outputs[n_in % 8]);
    ok = ok && kernel_agree_pixels(kernel, 784, 100);
    ok = ok && kernel_agree_pixels(kernel, 3072, 40);
    /* Long enough for sums of 16 bits to overflow where they are kept. */
    ok = ok && kernel_agree_pixels(kernel, 16 * 1024 + 63, 3);
    ok = ok && kernel_agree_pixels(kernel, 33 * 1024, 3);
    return ok && kernel_agree_pixels(kernel, 140000, 2);
}

bool kernel_agree(const struct kernel *kernel)
{
    static const size_t inputs[] = { 1,   2,   63,  64,  65,   127,  128,  129, 191,
                                     192, 193, 256, 320, 449,  512,  513,  576, 640,
                                     783, 784, 785, 960, 1023, 1024, 1025, 1087 };
    static const size_t outputs[] = { 1, 7, 8, 9, 10, 33, 65, 71 };
    static const size_t batches[] = { 1, 2, 3, 4, 5, 8, 9, 24 };
    bool ok = true;

    for (size_t k = 0; k < sizeof(inputs) / sizeof(inputs[0]); k++) {
        for (size_t o = 0; o < sizeof(outputs) / sizeof(outputs[0]); o++) {
            size_t n_x = batches[(k + o) % (sizeof(batches) / sizeof(batches[0]))];
            ok =
                ok && kernel_agree_shape(kernel, inputs[k], outputs[o], n_x, (k + o) % 3);
        }
    }
    ok = ok && kernel_agree_shape(kernel, 1024, 1024, 2, 0);
    ok = ok && kernel_agree_shape(kernel, 130, 40, 64, 1);
    ok = ok && kernel_agree_shape(kernel, 200, 17, 17, 0);
    /* Long enough for byte sums to overflow where they are kept. */
    ok = ok && kernel_agree_shape(kernel, 4609, 10, 6, 2);
    ok = ok && kernel_agree_shape(kernel, 20000, 9, 7, 0);
    ok = ok && kernel_agree_shape(kernel, 70000, 9, 3, 0);
    return ok && all_pixels_agree(kernel);
}
