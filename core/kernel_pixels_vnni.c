/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 VNNI: four products of a pixel and a weight per lane and instruction, 16
 * outputs to a vector, four pixels broadcast. */
#include "core/kernel_isa.h"
#include "core/kernel_pixels.h"

#include <immintrin.h>
#include <string.h>

#define LANES  KERNEL_PIXELS_LANES
#define VECTOR (LANES * KERNEL_PIXELS_QUAD)

/* Enough sums to hide the latency of the instruction. */
#define TILE_PLACES 4
#define TILE_BLOCKS 4

INLINE __m512i quad(const uint8_t *x)
{
    int32_t four;

    memcpy(&four, x, sizeof(four));
    return _mm512_set1_epi32(four);
}

/* Not _mm512_dpbusd_epi32: gcc 12 copies every sum once a turn and keeps two of them in
 * memory, at three fifths of the speed. */
INLINE void multiply_add(__m512i *sum, __m512i pixels, __m512i weights)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum) : "v"(pixels), "v"(weights));
}

INLINE void put(const struct kernel_pixels_job *job, size_t place, size_t block,
                bool fire, __m512i sum)
{
    size_t first = block * LANES, left = job->p->n_out - first;

    if (fire) {
        __m512i bound = _mm512_loadu_si512(job->threshold + first);
        uint32_t bits = _cvtmask16_u32(_mm512_cmpge_epi32_mask(sum, bound));
        uint16_t half = (uint16_t)(bits ^ job->invert[block]);

        /* x86 is little endian. */
        memcpy((uint8_t *)(job->y + place * job->y_place) +
                   (job->y_block + block) * sizeof(half),
               &half, sizeof(half));
    } else {
        __mmask16 used = (__mmask16)(left >= LANES ? 0xFFFFU : (1U << left) - 1);
        _mm512_mask_storeu_epi32(job->s + place * job->s_place + first, used, sum);
    }
}

INLINE void run_tile(const struct kernel_pixels_job *job, size_t base, size_t place,
                     size_t block, size_t n_places, size_t n_blocks, bool fire)
{
    const struct kernel_pixels *p = job->p;
    const int8_t *w = job->weights + block * p->n_quads * VECTOR;
    size_t x_step = p->shape.window.stride_w * p->shape.channels;
    __m512i sum[TILE_PLACES * TILE_BLOCKS];

    UNROLL for (size_t c = 0; c < n_places * n_blocks; c++) sum[c] =
        _mm512_setzero_si512();
    for (size_t q = 0; q < p->n_quads; q++) {
        const uint8_t *x = job->x + base + p->offset[q];
        __m512i v[TILE_BLOCKS];

        UNROLL for (size_t b = 0; b < n_blocks; b++) v[b] =
            _mm512_load_si512(w + (b * p->n_quads + q) * VECTOR);
        UNROLL for (size_t i = 0; i < n_places; i++)
        {
            __m512i a = quad(x + i * x_step);

            UNROLL for (size_t b = 0; b < n_blocks; b++)
                multiply_add(&sum[i * n_blocks + b], a, v[b]);
        }
    }
    UNROLL for (size_t i = 0; i < n_places; i++)
    {
        UNROLL for (size_t b = 0; b < n_blocks; b++)
            put(job, place + i, block + b, fire, sum[i * n_blocks + b]);
    }
}

INLINE void run_blocks(const struct kernel_pixels_job *job, size_t block, size_t n_blocks,
                       bool fire)
{
    const struct kernel_pixels *p = job->p;
    const struct network_window *window = &p->shape.window;
    size_t step = window->stride_w * p->shape.channels;

    for (size_t row = 0; row < p->height; row++) {
        size_t base = row * window->stride_h * p->row_bytes;
        size_t column = 0;

        for (; column + TILE_PLACES <= p->width; column += TILE_PLACES)
            run_tile(job, base + column * step, row * p->width + column, block,
                     TILE_PLACES, n_blocks, fire);
        for (; column < p->width; column++)
            run_tile(job, base + column * step, row * p->width + column, block, 1,
                     n_blocks, fire);
    }
}

INLINE void run(const struct kernel_pixels_job *job, bool fire)
{
    size_t block = 0;

    for (; block + TILE_BLOCKS <= job->p->n_blocks; block += TILE_BLOCKS)
        run_blocks(job, block, TILE_BLOCKS, fire);
    for (; block + 2 <= job->p->n_blocks; block += 2)
        run_blocks(job, block, 2, fire);
    if (block < job->p->n_blocks)
        run_blocks(job, block, 1, fire);
}

void kernel_pixels_vnni(const struct kernel_pixels_job *job)
{
    if (job->threshold != NULL)
        run(job, true);
    else
        run(job, false);
}
