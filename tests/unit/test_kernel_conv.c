/* SPDX-License-Identifier: Apache-2.0 */
/* Every kernel that moves a window, against counts that know no words, classes or tiles.
 */
#include "core/kernel_conv.h"

#include "core/bits.h"
#include "core/kernel_pixels.h"
#include "core/kernel_pool.h"
#include "core/kernel_reals.h"
#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N_SHAPES  400
#define JUNK_WORD UINT64_C(0xA5A5A5A5A5A5A5A5)
#define JUNK_SUM  INT32_C(-77777777)

static uint64_t state;

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next_word(void)
{
    uint64_t z = state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* low .. high */
static uint32_t between(uint32_t low, uint32_t high)
{
    return low + (uint32_t)(next_word() % (high - low + 1));
}

static void *array(size_t n, size_t size)
{
    void *p = calloc(n + (n == 0), size);

    assert_non_null(p);
    return p;
}

/* n_rows vectors of n_bits bits, padding zero. */
static uint64_t *random_bits(size_t n_rows, size_t n_bits)
{
    size_t n_words = bits_words(n_bits);
    uint64_t *bits = array(n_rows * n_words, sizeof(*bits));

    for (size_t i = 0; i < n_rows * n_words; i++)
        bits[i] = next_word() & bits_mask(n_bits, i % n_words);
    return bits;
}

/* -- Shapes -- */

struct place {
    size_t row, column; /* of the output */
};

static size_t out_height(const struct kernel_shape *s)
{
    return kernel_shape_height(s);
}

static size_t out_width(const struct kernel_shape *s)
{
    return kernel_shape_width(s);
}

static size_t n_places(const struct kernel_shape *s)
{
    return out_height(s) * out_width(s);
}

/* Where tap (r, c) of a place lies; false if that is outside. */
static bool tap_inside(const struct kernel_shape *s, struct place at, size_t r, size_t c,
                       size_t *ret_place)
{
    const struct network_window *w = &s->window;
    int64_t row = (int64_t)(at.row * w->stride_h + r * w->dilation_h) - w->pad_top;
    int64_t column = (int64_t)(at.column * w->stride_w + c * w->dilation_w) - w->pad_left;

    if (row < 0 || column < 0 || row >= (int64_t)s->height || column >= (int64_t)s->width)
        return false;
    *ret_place = (size_t)row * s->width + (size_t)column;
    return true;
}

static struct network_window random_window(void)
{
    uint32_t kernel = between(1, 7);
    struct network_window w = {
        .kernel_h = kernel,
        .kernel_w = between(0, 1) ? kernel : between(1, 7),
        .stride_h = between(1, 3),
        .stride_w = between(1, 3),
        .dilation_h = between(1, 2),
        .dilation_w = between(1, 2),
    };

    if (between(0, 2) > 0) {
        w.pad_top = between(0, w.kernel_h);
        w.pad_left = between(0, w.kernel_w);
        w.pad_bottom = between(0, w.kernel_h);
        w.pad_right = between(0, w.kernel_w);
    }
    return w;
}

/* Groups of several kinds: none, depthwise, whole words, anything. */
static void random_channels(struct kernel_shape *s, uint32_t max_channels)
{
    switch (between(0, 7)) {
    case 0:
        s->groups = between(2, 5);
        s->channels = s->groups * between(1, (max_channels + 4) / 5);
        s->n_out = s->groups * between(1, 20);
        return;
    case 1: /* depthwise */
        s->groups = s->channels = between(1, max_channels < 40 ? max_channels : 40);
        s->n_out = s->groups * between(1, 2);
        return;
    case 2:
        s->groups = 2;
        s->channels = max_channels < 128 ? 2 : 128;
        s->n_out = between(0, 1) ? 48 : 128;
        return;
    default:
        s->groups = 1;
        s->channels = between(0, 2) ? between(1, max_channels) : 64 * between(1, 3);
        if (s->channels > max_channels)
            s->channels = max_channels;
        s->n_out = between(0, 2) ? between(1, 80) : 64;
    }
}

static struct kernel_shape random_shape(uint32_t max_channels)
{
    struct kernel_shape s;

    do {
        s = (struct kernel_shape) { .height = between(1, 14), .width = between(1, 14) };
        s.window = random_window();
        random_channels(&s, max_channels);
    } while (kernel_shape_check(&s) != ST_OK);
    return s;
}

/* -- Layers: weights with thresholds about their sums -- */

struct layer {
    struct kernel_shape shape;
    uint64_t *rows;
    int32_t *threshold;
    uint64_t *falling;
    int64_t *sums; /* what is right: [place][output] */
};

static struct layer layer_make(struct kernel_shape shape,
                               int64_t (*sum)(const struct layer *layer, const void *map,
                                              struct place at, size_t j),
                               const void *map)
{
    struct layer l = { .shape = shape };

    l.rows = random_bits(shape.n_out, kernel_shape_fan_in(&shape));
    l.falling = random_bits(1, shape.n_out);
    l.threshold = array(shape.n_out, sizeof(*l.threshold));
    l.sums = array(n_places(&shape) * shape.n_out, sizeof(*l.sums));
    for (size_t i = 0; i < n_places(&shape); i++) {
        struct place at = { i / out_width(&shape), i % out_width(&shape) };

        for (size_t j = 0; j < shape.n_out; j++)
            l.sums[i * shape.n_out + j] = sum(&l, map, at, j);
    }
    for (size_t j = 0; j < shape.n_out; j++) {
        size_t place = between(0, (uint32_t)n_places(&shape) - 1);
        int64_t t = l.sums[place * shape.n_out + j] + between(0, 4) - 2;

        l.threshold[j] = (int32_t)t;
        if (between(0, 15) == 0)
            l.threshold[j] = between(0, 1) ? INT32_MAX : INT32_MIN;
    }
    return l;
}

static void layer_done(struct layer *l)
{
    free(l->rows);
    free(l->threshold);
    free(l->falling);
    free(l->sums);
}

static bool fires(const struct layer *l, size_t place, size_t j)
{
    int64_t s = l->sums[place * l->shape.n_out + j];

    return bits_get(l->falling, j) ? s <= l->threshold[j] : s >= l->threshold[j];
}

static void print_shape(const char *kernel, const struct kernel_shape *s)
{
    const struct network_window *w = &s->window;

    print_error("%s: %zux%zux%zu to %zu in %zu groups, %ux%u stride %u %u dilation %u %u "
                "pads %u %u %u %u\n",
                kernel, s->height, s->width, s->channels, s->n_out, s->groups,
                w->kernel_h, w->kernel_w, w->stride_h, w->stride_w, w->dilation_h,
                w->dilation_w, w->pad_top, w->pad_left, w->pad_bottom, w->pad_right);
}

static void check_bits(const struct layer *l, const char *kernel, const uint64_t *y)
{
    size_t n_words = bits_words(l->shape.n_out);

    for (size_t i = 0; i < n_places(&l->shape); i++, y += n_words) {
        for (size_t j = 0; j < n_words * BITS_PER_WORD; j++) {
            if (bits_get(y, j) == (j < l->shape.n_out && fires(l, i, j)))
                continue;
            print_shape(kernel, &l->shape);
            fail_msg("bit of place %zu, output %zu", i, j);
        }
    }
    assert_true(*y == JUNK_WORD);
}

static void check_sums(const struct layer *l, const char *kernel, const int32_t *s)
{
    for (size_t i = 0; i < n_places(&l->shape) * l->shape.n_out; i++) {
        if (s[i] == l->sums[i])
            continue;
        print_shape(kernel, &l->shape);
        fail_msg("sum of place %zu, output %zu: %d, not %ld", i / l->shape.n_out,
                 i % l->shape.n_out, (int)s[i], (long)l->sums[i]);
    }
    assert_int_equal(s[n_places(&l->shape) * l->shape.n_out], JUNK_SUM);
}

struct result {
    uint64_t *y, *scratch;
    int32_t *s;
};

/* One more of each than may be written. */
static struct result result_make(const struct layer *l, size_t n_scratch)
{
    size_t n_words = n_places(&l->shape) * bits_words(l->shape.n_out) + 1;
    size_t n_sums = n_places(&l->shape) * l->shape.n_out + 1;
    struct result r = { array(n_words, sizeof(uint64_t)),
                        array(n_scratch, sizeof(uint64_t)),
                        array(n_sums, sizeof(int32_t)) };

    for (size_t i = 0; i < n_words; i++)
        r.y[i] = JUNK_WORD;
    for (size_t i = 0; i < n_sums; i++)
        r.s[i] = JUNK_SUM;
    memset(r.scratch, 0xA5, n_scratch * sizeof(uint64_t));
    return r;
}

static void result_done(struct result *r)
{
    free(r->y);
    free(r->scratch);
    free(r->s);
}

/* -- Bits -- */

struct bit_map {
    const uint64_t *x;
    enum network_padding padding;
};

static int64_t slow_sum(const struct layer *l, const void *map, struct place at, size_t j)
{
    const struct bit_map *m = map;
    const struct kernel_shape *s = &l->shape;
    size_t n_channels = s->channels / s->groups;
    size_t first = j / (s->n_out / s->groups) * n_channels;
    const uint64_t *row = l->rows + j * bits_words(kernel_shape_fan_in(s));
    const bool outside = m->padding == NETWORK_PAD_PLUS;
    int64_t sum = 0;
    size_t i = 0;

    for (size_t r = 0; r < s->window.kernel_h; r++) {
        for (size_t c = 0; c < s->window.kernel_w; c++, i += n_channels) {
            size_t place = 0;
            bool inside = tap_inside(s, at, r, c, &place);
            const uint64_t *x = m->x + place * bits_words(s->channels);

            if (!inside && m->padding == NETWORK_PAD_ZERO)
                continue;
            for (size_t k = 0; k < n_channels; k++) {
                bool bit = inside ? bits_get(x, first + k) : outside;

                sum += bit == bits_get(row, i + k) ? 1 : -1;
            }
        }
    }
    return sum;
}

/* as_is: scale 1 and bias 0, so that all of a sum counts: floats hold those below 2^24.
 */
static void check_scaled(const struct layer *l, const struct kernel *kernel,
                         const struct kernel_conv *conv, const uint64_t *x, bool as_is)
{
    size_t n_out = l->shape.n_out, n = n_places(&l->shape) * n_out;
    float *scale = array(n_out, sizeof(*scale)), *bias = array(n_out, sizeof(*bias));
    float *y = array(n + 1, sizeof(*y));

    for (size_t j = 0; j < n_out; j++) {
        scale[j] = as_is ? 1.0F : (float)between(1, 1000) / 777.0F;
        bias[j] = as_is ? 0.0F : (float)between(0, 1000) / 33.0F - 15.0F;
    }
    y[n] = -77.0F;
    kernel_conv_scaled(conv, kernel, x, scale, bias, y);
    for (size_t i = 0; i < n; i++) {
        size_t j = i % n_out;
        float want = (float)((double)scale[j] * (double)l->sums[i] + (double)bias[j]);

        if (memcmp(&y[i], &want, sizeof(want)) != 0) {
            print_shape(kernel->name, &l->shape);
            fail_msg("scaled sum %zu: %a, not %a", i, (double)y[i], (double)want);
        }
    }
    assert_true(y[n] == -77.0F);
    free(scale);
    free(bias);
    free(y);
}

static void bits_agree(struct kernel_shape shape, enum network_padding padding)
{
    uint64_t *x = random_bits(shape.height * shape.width, shape.channels);
    const struct bit_map map = { x, padding };
    struct layer l = layer_make(shape, slow_sum, &map);
    struct kernel_conv fire, sums;

    assert_int_equal(
        kernel_conv_init(&fire, &shape, padding, l.rows, l.threshold, l.falling), ST_OK);
    assert_int_equal(kernel_conv_init(&sums, &shape, padding, l.rows, NULL, NULL), ST_OK);
    for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++) {
        if (!kernel->usable())
            continue;
        struct result r = result_make(&l, 0);

        kernel_conv_fire(&fire, kernel, x, r.y);
        check_bits(&l, kernel->name, r.y);
        check_scaled(&l, kernel, &sums, x, true);
        check_scaled(&l, kernel, &sums, x, false);
        result_done(&r);
    }
    kernel_conv_done(&fire);
    kernel_conv_done(&sums);
    layer_done(&l);
    free(x);
}

/* Groups that begin words and blocks; one group may have any numbers. */
static struct kernel_shape aligned_shape(void)
{
    struct kernel_shape s = random_shape(200);

    if (s.groups == 1)
        return s;
    s.groups = between(2, 5);
    s.channels = s.groups * BITS_PER_WORD * between(1, 2);
    s.n_out = s.groups * KERNEL_LANES * between(1, 3);
    return s;
}

static void bits_through_any_window_agree_with_a_count_of_bits(void **state_unused)
{
    (void)state_unused;
    state = 1;
    for (size_t i = 0; i < N_SHAPES; i++)
        bits_agree(aligned_shape(), (enum network_padding)(i % 3));
}

static void groups_that_begin_within_a_word_or_a_block_are_refused(void **state_unused)
{
    const struct network_window window = { 1, 1, 1, 1, 1, 1, 0, 0, 0, 0 };
    const struct {
        size_t channels, n_out, groups;
        enum status st;
    } cases[] = {
        { 128, 16, 2, ST_OK },    { 100, 20, 1, ST_OK },    { 126, 16, 2, ST_RANGE },
        { 130, 16, 2, ST_RANGE }, { 128, 14, 2, ST_RANGE }, { 128, 18, 2, ST_RANGE },
        { 64, 64, 64, ST_RANGE },
    };
    const uint64_t rows[64 * 2] = { 0 };

    (void)state_unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct kernel_shape shape = {
            1, 1, cases[i].channels, cases[i].n_out, cases[i].groups, window
        };
        struct kernel_conv conv = { 0 };

        assert_int_equal(
            kernel_conv_init(&conv, &shape, NETWORK_PAD_ZERO, rows, NULL, NULL),
            cases[i].st);
        assert_true((conv.words != NULL) == (cases[i].st == ST_OK));
        kernel_conv_done(&conv);
    }
}

/* What networks are made of: no shortcut of the kernels may be missed by chance. */
static void usual_layers_agree(void **state_unused)
{
    static const size_t channels[] = { 64, 128, 192, 256, 320 };
    (void)state_unused;
    state = 2;
    for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++) {
        for (uint32_t stride = 1; stride <= 2; stride++) {
            const struct network_window three = {
                3, 3, stride, stride, 1, 1, 1, 1, 1, 1
            };
            const struct network_window one = { 1, 1, stride, stride, 1, 1, 0, 0, 0, 0 };

            for (size_t side = 1; side <= 9; side++) {
                bits_agree(
                    (struct kernel_shape) { side, side, channels[i], 40, 1, three },
                    (enum network_padding)(side % 3));
                bits_agree((struct kernel_shape) { side, 9, channels[i], 33, 1, one },
                           NETWORK_PAD_ZERO);
            }
        }
    }
}

/* A dense layer, long enough for byte sums to overflow where they are kept. */
static void a_window_as_large_as_the_map_is_a_dense_layer(void **state_unused)
{
    const struct network_window window = { 8, 8, 1, 1, 1, 1, 0, 0, 0, 0 };
    const struct kernel_shape shape = { 8, 8, 512, 33, 1, window };

    (void)state_unused;
    state = 3;
    bits_agree(shape, NETWORK_PAD_ZERO);
}

static void all_bits_may_differ(void **state_unused)
{
    enum { CHANNELS = 64 * 12, TAPS = 49 };
    const struct network_window window = { 7, 7, 1, 1, 1, 1, 0, 0, 0, 0 };
    const struct kernel_shape shape = { 7, 7, CHANNELS, 1, 1, window };
    static uint64_t row[TAPS * CHANNELS / 64], x[TAPS * CHANNELS / 64];
    const float scale = 1.0F, bias = 0.0F;
    struct kernel_conv conv;

    (void)state_unused;
    memset(row, 0xFF, sizeof(row));
    assert_int_equal(kernel_conv_init(&conv, &shape, NETWORK_PAD_ZERO, row, NULL, NULL),
                     ST_OK);
    for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++) {
        float s = 0.0F;

        if (!kernel->usable())
            continue;
        kernel_conv_scaled(&conv, kernel, x, &scale, &bias, &s);
        assert_true(s == -TAPS * CHANNELS);
        kernel_conv_scaled(&conv, kernel, row, &scale, &bias, &s);
        assert_true(s == TAPS * CHANNELS);
    }
    kernel_conv_done(&conv);
}

/* -- Pixels -- */

static int64_t slow_pixel_sum(const struct layer *l, const void *map, struct place at,
                              size_t j)
{
    const uint8_t *pixels = map;
    const struct kernel_shape *s = &l->shape;
    size_t n_channels = s->channels / s->groups;
    size_t first = j / (s->n_out / s->groups) * n_channels;
    const uint64_t *row = l->rows + j * bits_words(kernel_shape_fan_in(s));
    int64_t sum = 0;
    size_t i = 0;

    for (size_t r = 0; r < s->window.kernel_h; r++) {
        for (size_t c = 0; c < s->window.kernel_w; c++) {
            size_t place = 0;
            bool inside = tap_inside(s, at, r, c, &place);

            for (size_t k = 0; k < n_channels; k++, i++) {
                int64_t pixel = inside ? pixels[place * s->channels + first + k] : 0;
                sum += bits_get(row, i) ? pixel : -pixel;
            }
        }
    }
    return sum;
}

/* all: every pixel 255. */
static void pixels_agree(struct kernel_shape shape, bool all)
{
    size_t n_pixels = shape.height * shape.width * shape.channels;
    uint8_t *pixels = array(n_pixels, 1);
    struct kernel_pixels fire, sums;

    for (size_t i = 0; i < n_pixels; i++)
        pixels[i] = all ? 255 : (uint8_t)next_word();
    struct layer l = layer_make(shape, slow_pixel_sum, pixels);
    assert_int_equal(kernel_pixels_init(&fire, &shape, l.rows, l.threshold, l.falling),
                     ST_OK);
    assert_int_equal(kernel_pixels_init(&sums, &shape, l.rows, NULL, NULL), ST_OK);
    for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++) {
        if (!kernel->usable())
            continue;
        struct result r = result_make(&l, kernel_pixels_scratch(&shape));

        kernel_pixels_fire(&fire, kernel, pixels, r.scratch, r.y);
        check_bits(&l, kernel->name, r.y);
        kernel_pixels_sums(&sums, kernel, pixels, r.scratch, r.s);
        check_sums(&l, kernel->name, r.s);
        result_done(&r);
    }
    kernel_pixels_done(&fire);
    kernel_pixels_done(&sums);
    layer_done(&l);
    free(pixels);
}

static void pixels_through_any_window_agree_with_a_sum(void **state_unused)
{
    (void)state_unused;
    state = 4;
    for (size_t i = 0; i < N_SHAPES; i++)
        pixels_agree(random_shape(i % 2 == 0 ? 5 : 40), i % 7 == 0);
}

/* 16-bit sums would overflow first where all pixels are white and all weights alike. */
static void pixel_sums_do_not_overflow(void **state_unused)
{
    const struct network_window window = { 28, 28, 1, 1, 1, 1, 0, 0, 0, 0 };
    const struct kernel_shape shape = { 28, 28, 3, 17, 1, window };
    size_t n_words = bits_words(28 * 28 * 3);
    uint64_t *rows = array(17 * n_words, sizeof(*rows));
    uint8_t *pixels = array(28 * 28 * 3, 1);
    struct kernel_pixels p;

    (void)state_unused;
    memset(pixels, 255, 28 * 28 * 3);
    for (size_t i = 0; i < n_words; i++)
        rows[i] = bits_mask(28 * 28 * 3, i); /* the first +1, the others -1 */
    assert_int_equal(kernel_pixels_init(&p, &shape, rows, NULL, NULL), ST_OK);
    uint64_t *scratch = array(kernel_pixels_scratch(&shape), sizeof(*scratch));
    for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++) {
        int32_t s[17];

        if (!kernel->usable())
            continue;
        kernel_pixels_sums(&p, kernel, pixels, scratch, s);
        assert_int_equal(s[0], 28 * 28 * 3 * 255);
        assert_int_equal(s[16], -28 * 28 * 3 * 255);
    }
    kernel_pixels_done(&p);
    free(scratch);
    free(rows);
    free(pixels);
}

/* -- Reals -- */

static float random_real(void)
{
    return ((float)(next_word() >> 40) / 8388608.0F - 1.0F) *
           (float)(1U << between(0, 9));
}

static float slow_real(const struct kernel_shape *s, const float *weights, float bias,
                       const float *x, struct place at, size_t j)
{
    size_t n_channels = s->channels / s->groups;
    size_t first = j / (s->n_out / s->groups) * n_channels;
    const float *w = weights + j * kernel_shape_fan_in(s);
    volatile float sum = 0.0F, product; /* nothing is fused, nothing kept wider */

    for (size_t r = 0; r < s->window.kernel_h; r++) {
        for (size_t c = 0; c < s->window.kernel_w; c++, w += n_channels) {
            size_t place = 0;

            for (size_t k = 0; k < n_channels && tap_inside(s, at, r, c, &place); k++) {
                product = w[k] * x[place * s->channels + first + k];
                sum = sum + product;
            }
        }
    }
    sum = sum + bias;
    return sum;
}

static void reals_agree(struct kernel_shape shape)
{
    size_t n_x = shape.height * shape.width * shape.channels;
    size_t n_w = shape.n_out * kernel_shape_fan_in(&shape);
    size_t n_y = n_places(&shape) * shape.n_out;
    float *x = array(n_x, sizeof(*x)), *w = array(n_w, sizeof(*w));
    float *bias = array(shape.n_out, sizeof(*bias)), *y = array(n_y + 1, sizeof(*y));
    struct kernel_reals r;

    for (size_t i = 0; i < n_x; i++)
        x[i] = random_real();
    for (size_t i = 0; i < n_w; i++)
        w[i] = random_real();
    for (size_t i = 0; i < shape.n_out; i++)
        bias[i] = random_real();
    assert_int_equal(kernel_reals_init(&r, &shape, w, bias), ST_OK);
    for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++) {
        if (!kernel->usable())
            continue;
        for (size_t i = 0; i <= n_y; i++)
            y[i] = -77.0F;
        kernel_reals_run(&r, kernel, x, y);
        for (size_t i = 0; i < n_y; i++) {
            size_t place = i / shape.n_out;
            struct place at = { place / out_width(&shape), place % out_width(&shape) };
            float want =
                slow_real(&shape, w, bias[i % shape.n_out], x, at, i % shape.n_out);

            if (memcmp(&y[i], &want, sizeof(want)) == 0)
                continue;
            print_shape(kernel->name, &shape);
            fail_msg("output %zu: %a, not %a", i, (double)y[i], (double)want);
        }
        assert_true(y[n_y] == -77.0F);
    }
    kernel_reals_done(&r);
    free(x);
    free(w);
    free(bias);
    free(y);
}

static void reals_have_the_same_bits_from_every_kernel(void **state_unused)
{
    (void)state_unused;
    state = 5;
    for (size_t i = 0; i < N_SHAPES / 2; i++)
        reals_agree(random_shape(i % 2 == 0 ? 3 : 70));
}

/* -- Pooling -- */

static void pool_agrees(const struct kernel_shape *s)
{
    size_t n_words = bits_words(s->channels);
    uint64_t *x = random_bits(s->height * s->width, s->channels);
    uint64_t *mask = random_bits(1, s->channels);
    uint64_t *y = array(n_places(s) * n_words + 1, sizeof(*y));

    y[n_places(s) * n_words] = JUNK_WORD;
    kernel_pool_bits(&s->window, s->height, s->width, s->channels, mask, x, y);
    for (size_t i = 0; i < n_places(s); i++) {
        struct place at = { i / out_width(s), i % out_width(s) };

        for (size_t j = 0; j < n_words * BITS_PER_WORD; j++) {
            size_t n_inside = 0, n_ones = 0, place = 0;
            bool want;

            for (size_t tap = 0; tap < s->window.kernel_h * s->window.kernel_w; tap++) {
                if (!tap_inside(s, at, tap / s->window.kernel_w, tap % s->window.kernel_w,
                                &place))
                    continue;
                n_inside++;
                n_ones += bits_get(x + place * n_words, j);
            }
            want = n_ones > 0 && (!bits_get(mask, j) || n_ones == n_inside);
            assert_int_equal(bits_get(y + i * n_words, j), want);
        }
    }
    assert_true(y[n_places(s) * n_words] == JUNK_WORD);
    free(x);
    free(mask);
    free(y);
}

static void pooling_takes_the_or_or_the_and_of_what_is_inside(void **state_unused)
{
    const struct network_window usual = { 2, 2, 2, 2, 1, 1, 0, 0, 0, 0 };

    (void)state_unused;
    state = 6;
    for (size_t i = 0; i < N_SHAPES; i++) {
        struct kernel_shape s = random_shape(200);

        s.n_out = s.channels;
        s.groups = 1;
        if (i % 2 == 0 && s.height > 1 && s.width > 1)
            s.window = usual;
        pool_agrees(&s);
    }
}

/* -- Making -- */

static void a_failed_allocation_leaves_nothing_behind(void **state_unused)
{
    const struct network_window window = { 3, 3, 1, 1, 1, 1, 1, 1, 1, 1 };
    const struct kernel_shape shape = { 5, 5, 3, 4, 1, window };
    const uint64_t rows[4] = { 1, 2, 3, 4 }, falling[1] = { 2 };
    const int32_t threshold[4] = { 0 };
    const float weights[4 * 27] = { 1.0F }, bias[4] = { 0.0F };
    struct kernel_conv conv = { 0 };
    struct kernel_pixels pixels = { 0 };
    struct kernel_reals reals = { 0 };
    enum status st[3] = { ST_NOMEM, ST_NOMEM, ST_NOMEM };

    (void)state_unused;
    for (unsigned nth = 0; st[0] != ST_OK || st[1] != ST_OK || st[2] != ST_OK; nth++) {
        kernel_conv_done(&conv);
        kernel_pixels_done(&pixels);
        kernel_reals_done(&reals);
        fault_at(nth);
        st[0] =
            kernel_conv_init(&conv, &shape, NETWORK_PAD_PLUS, rows, threshold, falling);
        fault_at(nth);
        st[1] = kernel_pixels_init(&pixels, &shape, rows, threshold, falling);
        fault_at(nth);
        st[2] = kernel_reals_init(&reals, &shape, weights, bias);
        fault_off();
        assert_true(st[0] == ST_OK || (st[0] == ST_NOMEM && conv.words == NULL));
        assert_true(st[1] == ST_OK || (st[1] == ST_NOMEM && pixels.weights == NULL));
        assert_true(st[2] == ST_OK || (st[2] == ST_NOMEM && reals.weights == NULL));
    }
    kernel_conv_done(&conv);
    kernel_pixels_done(&pixels);
    kernel_reals_done(&reals);
}

static void shapes_that_make_no_sense_are_refused(void **state_unused)
{
    const struct network_window window = { 3, 3, 1, 1, 1, 1, 0, 0, 0, 0 };
    const struct kernel_shape good = { 3, 3, 6, 4, 2, window };
    struct kernel_shape bad[9];

    (void)state_unused;
    assert_int_equal(kernel_shape_check(&good), ST_OK);
    for (size_t i = 0; i < 9; i++)
        bad[i] = good;
    bad[0].height = 2; /* the window does not fit */
    bad[1].channels = 0;
    bad[2].n_out = 3; /* two groups */
    bad[3].groups = 0;
    bad[4].window.stride_w = 0;
    bad[5].window.kernel_h = 0;
    bad[6].window.dilation_w = 2;
    bad[7].channels = (size_t)1 << 24; /* nine taps of half of them */
    bad[8].height = (size_t)UINT32_MAX + 1;
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(kernel_shape_check(&bad[i]), ST_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_through_any_window_agree_with_a_count_of_bits),
        cmocka_unit_test(groups_that_begin_within_a_word_or_a_block_are_refused),
        cmocka_unit_test(usual_layers_agree),
        cmocka_unit_test(a_window_as_large_as_the_map_is_a_dense_layer),
        cmocka_unit_test(all_bits_may_differ),
        cmocka_unit_test(pixels_through_any_window_agree_with_a_sum),
        cmocka_unit_test(pixel_sums_do_not_overflow),
        cmocka_unit_test(reals_have_the_same_bits_from_every_kernel),
        cmocka_unit_test(pooling_takes_the_or_or_the_and_of_what_is_inside),
        cmocka_unit_test(a_failed_allocation_leaves_nothing_behind),
        cmocka_unit_test(shapes_that_make_no_sense_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
