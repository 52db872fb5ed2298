/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kernel_lookup.h"

#include "core/bits.h"

#include <stdlib.h>
#include <string.h>

#define LANES     KERNEL_LOOKUP_LANES
#define ALIGNMENT 64
/* Two tables of four pixels, two bytes an entry. */
#define TABLE_BYTES 64
#define PIXEL_MAX   255

static size_t padded(size_t n_in)
{
    return (n_in + KERNEL_LOOKUP_STEP - 1) / KERNEL_LOOKUP_STEP * KERNEL_LOOKUP_STEP;
}

/* -- Making -- */

/* Byte i of a row; 0 after its last word. */
static uint8_t byte_of(const uint64_t *row, size_t n_words, size_t i)
{
    uint64_t word = i / 8 < n_words ? row[i / 8] : 0;

    return (uint8_t)(word >> i % 8 * 8);
}

/* Outputs past the last have the weights of none: they look zeros up. */
static void lay_out(const struct kernel_lookup *l, const uint64_t *rows)
{
    size_t n_words = bits_words(l->n_in);
    uint8_t *to = l->weights;

    for (size_t block = 0; block < l->n_blocks; block++) {
        for (size_t k = 0; k < l->n_bytes; k++) {
            for (size_t i = 0; i < LANES; i++) {
                size_t j = block * LANES + kernel_lookup_output(i);

                *to++ = j < l->n_out ? byte_of(rows + j * n_words, n_words, k) : 0;
            }
        }
    }
}

/* s >= t, or for s <= t the opposite of s >= t + 1; t where it can matter. Outputs past
 * the last never fire. */
static void fill_rule(struct kernel_lookup *l, const int32_t *threshold,
                      const uint64_t *falling, size_t first)
{
    int64_t most = PIXEL_MAX * (int64_t)l->n_in;

    for (size_t j = 0; j < l->n_blocks * LANES; j++)
        l->threshold[j] = INT32_MAX;
    for (size_t j = 0; j < l->n_out; j++) {
        bool down = bits_get(falling, first + j);
        int64_t t = (int64_t)threshold[first + j] + down;

        t = t < -most ? -most : t;
        l->threshold[j] = (int32_t)(t > most + 1 ? most + 1 : t);
        if (down)
            l->invert[j / LANES] |= (uint16_t)(1U << (j % LANES));
    }
}

enum status kernel_lookup_init(struct kernel_lookup *l, const uint64_t *rows,
                               size_t n_out, size_t n_in, const int32_t *threshold,
                               const uint64_t *falling, size_t first)
{
    size_t n_bytes;

    if (n_out == 0 || n_in == 0 || n_in > KERNEL_MAX_PIXELS)
        return ST_RANGE;

    struct kernel_lookup made = {
        .n_out = n_out,
        .n_in = n_in,
        .n_blocks = n_out / LANES + (n_out % LANES != 0),
        .n_bytes = padded(n_in) / KERNEL_LOOKUP_BYTE,
    };
    if (__builtin_mul_overflow(made.n_blocks, made.n_bytes * LANES, &n_bytes))
        return ST_RANGE;
    made.weights = aligned_alloc(ALIGNMENT, n_bytes);
    if (threshold != NULL) {
        made.threshold = calloc(made.n_blocks, LANES * sizeof(*made.threshold));
        made.invert = calloc(made.n_blocks, sizeof(*made.invert));
    }
    if (made.weights == NULL ||
        (threshold != NULL && (made.threshold == NULL || made.invert == NULL))) {
        kernel_lookup_done(&made);
        return ST_NOMEM;
    }
    lay_out(&made, rows);
    if (threshold != NULL)
        fill_rule(&made, threshold, falling, first);
    *l = made;
    return ST_OK;
}

void kernel_lookup_done(struct kernel_lookup *l)
{
    free(l->weights);
    free(l->threshold);
    free(l->invert);
    *l = (struct kernel_lookup) { 0 };
}

/* -- Running -- */

size_t kernel_lookup_scratch(size_t n_in)
{
    return padded(n_in) + padded(n_in) / KERNEL_LOOKUP_BYTE * TABLE_BYTES;
}

/* With the pixels, and zeros after the last, in scratch. */
static struct kernel_lookup_job job_of(const struct kernel_lookup *l,
                                       const uint8_t *pixels, uint8_t *scratch)
{
    size_t size = padded(l->n_in);
    int32_t total = 0;

    memcpy(scratch, pixels, l->n_in);
    memset(scratch + l->n_in, 0, size - l->n_in);
    for (size_t i = 0; i < l->n_in; i++)
        total += pixels[i];
    return (struct kernel_lookup_job) {
        .l = l,
        .pixels = scratch,
        .tables = scratch + size,
        .total = total,
    };
}

void kernel_lookup_fire(const struct kernel_lookup *l, const struct kernel *kernel,
                        const uint8_t *pixels, void *scratch, uint64_t *ret_y)
{
    struct kernel_lookup_job job = job_of(l, pixels, scratch);

    memset(ret_y, 0, bits_words(l->n_out) * sizeof(*ret_y));
    job.y = ret_y;
    kernel->lookup(&job);
}

void kernel_lookup_sums(const struct kernel_lookup *l, const struct kernel *kernel,
                        const uint8_t *pixels, void *scratch, int32_t *ret_s)
{
    struct kernel_lookup_job job = job_of(l, pixels, scratch);

    job.s = ret_s;
    kernel->lookup(&job);
}
