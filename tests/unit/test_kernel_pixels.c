/* SPDX-License-Identifier: Apache-2.0 */
/* Every kernel that moves a window over pixels, against a sum of one pixel after another.
 */
#include "core/kernel_pixels.h"

#include "tests/unit/kernel_layers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
    seed(4);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_through_any_window_agree_with_a_sum),
        cmocka_unit_test(pixel_sums_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
