/* SPDX-License-Identifier: Apache-2.0 */
/* Every kernel that moves a window over reals gives the bits of the plainest loop. */
#include "core/kernel_reals.h"

#include "tests/unit/kernel_layers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
    seed(5);
    for (size_t i = 0; i < N_SHAPES / 2; i++)
        reals_agree(random_shape(i % 2 == 0 ? 3 : 70));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reals_have_the_same_bits_from_every_kernel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
