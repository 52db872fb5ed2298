/* SPDX-License-Identifier: Apache-2.0 */
/* The reference of everything with a window: plain C, one block of outputs of one place
 * after the other. */
#include "core/kernel_conv.h"
#include "core/kernel_isa.h"
#include "core/kernel_pixels.h"
#include "core/kernel_reals.h"

/* -- Bits -- */

static void count_block(const struct kernel_conv_job *job, const struct kernel_walk *walk,
                        size_t block, int64_t m[KERNEL_LANES])
{
    const uint64_t *words = job->words + block * job->conv->n_words * KERNEL_LANES;

    for (size_t lane = 0; lane < KERNEL_LANES; lane++)
        m[lane] = 0;
    for (size_t r = 0; r < walk->n_rows; r++) {
        for (size_t i = 0; i < walk->run; i++) {
            size_t k = walk->from + r * walk->row_step + i;
            uint64_t x = job->x[walk->base + job->conv->offset[k]];

            for (size_t lane = 0; lane < KERNEL_LANES; lane++)
                m[lane] += __builtin_popcountll(x ^ words[k * KERNEL_LANES + lane]);
        }
    }
}

static void put_bits(const struct kernel_conv_job *job, size_t place, size_t class,
                     size_t block, const int64_t m[KERNEL_LANES])
{
    const int64_t *limit = job->limit + class * job->class_stride + block * KERNEL_LANES;
    size_t byte = job->y_block + block;
    uint64_t *y = job->y + place * job->y_place + byte / sizeof(uint64_t);
    size_t shift = byte % sizeof(uint64_t) * KERNEL_LANES;
    uint64_t bits = job->invert[block];

    for (size_t lane = 0; lane < KERNEL_LANES; lane++)
        bits ^= (uint64_t)(m[lane] <= limit[lane]) << lane;
    *y = (*y & ~(UINT64_C(0xFF) << shift)) | bits << shift;
}

static void put_sums(const struct kernel_conv_job *job, size_t place, size_t class,
                     size_t block, const int64_t m[KERNEL_LANES])
{
    const int32_t *top = job->top + class * job->class_stride + block * KERNEL_LANES;

    for (size_t lane = 0; lane < KERNEL_LANES; lane++) {
        size_t j = block * KERNEL_LANES + lane;
        int32_t s = top[lane] - 2 * (int32_t)m[lane];

        if (j >= job->conv->n_out)
            return;
        job->scaled[place * job->scaled_place + j] =
            (float)((double)job->scale[j] * (double)s + (double)job->bias[j]);
    }
}

void kernel_conv_scalar(const struct kernel_conv_job *job)
{
    const struct kernel_conv *conv = job->conv;
    size_t n_columns = conv->columns.n_out;

    for (size_t place = 0; place < conv->rows.n_out * n_columns; place++) {
        const struct kernel_walk walk =
            kernel_conv_walk(conv, place / n_columns, place % n_columns);

        for (size_t block = 0; block < conv->n_blocks; block++) {
            int64_t m[KERNEL_LANES];

            count_block(job, &walk, block, m);
            if (job->limit != NULL)
                put_bits(job, place, walk.class, block, m);
            else
                put_sums(job, place, walk.class, block, m);
        }
    }
}

/* -- Pixels -- */

static void sum_pixels(const struct kernel_pixels_job *job, size_t base, size_t block,
                       int32_t sum[KERNEL_PIXELS_LANES])
{
    const struct kernel_pixels *p = job->p;
    const int8_t *w =
        job->weights + block * p->n_quads * KERNEL_PIXELS_LANES * KERNEL_PIXELS_QUAD;

    for (size_t lane = 0; lane < KERNEL_PIXELS_LANES; lane++)
        sum[lane] = 0;
    for (size_t q = 0; q < p->n_quads; q++) {
        const uint8_t *x = job->x + base + p->offset[q];

        for (size_t lane = 0; lane < KERNEL_PIXELS_LANES; lane++) {
            for (size_t i = 0; i < KERNEL_PIXELS_QUAD; i++)
                sum[lane] += *w++ * x[i];
        }
    }
}

static void put_pixel_bits(const struct kernel_pixels_job *job, size_t place,
                           size_t block, const int32_t sum[KERNEL_PIXELS_LANES])
{
    const int32_t *threshold = job->threshold + block * KERNEL_PIXELS_LANES;
    size_t at = (job->y_block + block) * KERNEL_PIXELS_LANES;
    uint64_t *y = job->y + place * job->y_place + at / 64;
    uint64_t bits = job->invert[block];

    for (size_t lane = 0; lane < KERNEL_PIXELS_LANES; lane++)
        bits ^= (uint64_t)(sum[lane] >= threshold[lane]) << lane;
    *y = (*y & ~(UINT64_C(0xFFFF) << at % 64)) | bits << at % 64;
}

void kernel_pixels_scalar(const struct kernel_pixels_job *job)
{
    const struct kernel_pixels *p = job->p;
    const struct network_window *window = &p->shape.window;

    for (size_t place = 0; place < p->height * p->width; place++) {
        size_t base = place / p->width * window->stride_h * p->row_bytes +
                      place % p->width * window->stride_w * p->shape.channels;

        for (size_t block = 0; block < p->n_blocks; block++) {
            int32_t sum[KERNEL_PIXELS_LANES];
            size_t first = block * KERNEL_PIXELS_LANES;

            sum_pixels(job, base, block, sum);
            if (job->threshold != NULL) {
                put_pixel_bits(job, place, block, sum);
                continue;
            }
            for (size_t j = first; j < p->n_out && j < first + KERNEL_PIXELS_LANES; j++)
                job->s[place * job->s_place + j] = sum[j - first];
        }
    }
}

/* -- Reals -- */

void kernel_reals_scalar(const struct kernel_reals_job *job)
{
    const struct kernel_reals *r = job->r;
    size_t n_columns = r->columns.n_out;

    for (size_t place = 0; place < r->rows.n_out * n_columns; place++) {
        const struct kernel_walk walk =
            kernel_reals_walk(r, place / n_columns, place % n_columns);

        for (size_t j = 0; j < r->n_out; j++) {
            const float *w = job->weights +
                             j / KERNEL_REALS_LANES * r->n_in * KERNEL_REALS_LANES +
                             j % KERNEL_REALS_LANES;
            float sum = 0.0F;

            for (size_t row = 0; row < walk.n_rows; row++) {
                for (size_t i = 0; i < walk.run; i++) {
                    size_t k = walk.from + row * walk.row_step + i;
                    float product =
                        w[k * KERNEL_REALS_LANES] * job->x[walk.base + r->offset[k]];
                    sum = sum + product;
                }
            }
            job->y[place * r->shape.n_out + j] = sum + job->bias[j];
        }
    }
}
