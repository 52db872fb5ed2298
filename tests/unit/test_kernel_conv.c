/* SPDX-License-Identifier: Apache-2.0 */
/* Every kernel that moves a window over bits, against counts that know no words, classes
 * or tiles; and shapes and memory of all kernels of windows. */
#include "core/kernel_conv.h"

#include "core/kernel_pixels.h"
#include "core/kernel_reals.h"
#include "tests/lib/fault.h"
#include "tests/unit/kernel_layers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
    seed(1);
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
    seed(2);
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
    seed(3);
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
        cmocka_unit_test(a_failed_allocation_leaves_nothing_behind),
        cmocka_unit_test(shapes_that_make_no_sense_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
