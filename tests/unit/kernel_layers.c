/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/kernel_layers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t state;

void seed(uint64_t from)
{
    state = from;
}

uint64_t next_word(void)
{
    uint64_t z = state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

uint32_t between(uint32_t low, uint32_t high)
{
    return low + (uint32_t)(next_word() % (high - low + 1));
}

void *array(size_t n, size_t size)
{
    void *p = calloc(n + (n == 0), size);

    assert_non_null(p);
    return p;
}

uint64_t *random_bits(size_t n_rows, size_t n_bits)
{
    size_t n_words = bits_words(n_bits);
    uint64_t *bits = array(n_rows * n_words, sizeof(*bits));

    for (size_t i = 0; i < n_rows * n_words; i++)
        bits[i] = next_word() & bits_mask(n_bits, i % n_words);
    return bits;
}

/* -- Shapes -- */

static size_t out_height(const struct kernel_shape *s)
{
    return kernel_shape_height(s);
}

size_t out_width(const struct kernel_shape *s)
{
    return kernel_shape_width(s);
}

size_t n_places(const struct kernel_shape *s)
{
    return out_height(s) * out_width(s);
}

bool tap_inside(const struct kernel_shape *s, struct place at, size_t r, size_t c,
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

struct kernel_shape random_shape(uint32_t max_channels)
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

struct layer layer_make(struct kernel_shape shape,
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

void layer_done(struct layer *l)
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

void print_shape(const char *kernel, const struct kernel_shape *s)
{
    const struct network_window *w = &s->window;

    print_error("%s: %zux%zux%zu to %zu in %zu groups, %ux%u stride %u %u dilation %u %u "
                "pads %u %u %u %u\n",
                kernel, s->height, s->width, s->channels, s->n_out, s->groups,
                w->kernel_h, w->kernel_w, w->stride_h, w->stride_w, w->dilation_h,
                w->dilation_w, w->pad_top, w->pad_left, w->pad_bottom, w->pad_right);
}

void check_bits(const struct layer *l, const char *kernel, const uint64_t *y)
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

void check_sums(const struct layer *l, const char *kernel, const int32_t *s)
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

struct result result_make(const struct layer *l, size_t n_scratch)
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

void result_done(struct result *r)
{
    free(r->y);
    free(r->scratch);
    free(r->s);
}
