/* SPDX-License-Identifier: Apache-2.0 */
/* The reference: entries of 16 bits, 16 for each four pixels. */
#include "core/bits.h"
#include "core/kernel_isa.h"
#include "core/kernel_lookup.h"

#define LANES KERNEL_LOOKUP_LANES
#define QUAD  4
/* Entries of a table: one for each pattern of four weights. */
#define PATTERNS 16

static void make_tables(const struct kernel_lookup_job *job)
{
    uint16_t *table = (uint16_t *)(void *)job->tables;

    for (size_t i = 0; i < job->l->n_bytes * KERNEL_LOOKUP_BYTE; i += QUAD) {
        table[0] = 0;
        for (size_t k = 0, n = 1; k < QUAD; k++, n *= 2) {
            for (size_t pattern = 0; pattern < n; pattern++)
                table[n + pattern] = (uint16_t)(table[pattern] + job->pixels[i + k]);
        }
        table += PATTERNS;
    }
}

static void put(const struct kernel_lookup_job *job, size_t block, const int32_t s[LANES])
{
    size_t first = block * LANES;
    uint64_t bits = job->y == NULL ? 0 : job->l->invert[block];

    if (job->y == NULL) {
        for (size_t j = first; j < first + LANES && j < job->l->n_out; j++)
            job->s[j] = s[j - first];
        return;
    }
    for (size_t j = 0; j < LANES; j++)
        bits ^= (uint64_t)(s[j] >= job->l->threshold[first + j]) << j;
    job->y[first / BITS_PER_WORD] |= bits << first % BITS_PER_WORD;
}

void kernel_lookup_scalar(const struct kernel_lookup_job *job)
{
    const struct kernel_lookup *l = job->l;
    const uint8_t *weights = l->weights;

    make_tables(job);
    for (size_t block = 0; block < l->n_blocks; block++) {
        const uint16_t *table = (const uint16_t *)(const void *)job->tables;
        int32_t s[LANES];

        for (size_t j = 0; j < LANES; j++)
            s[j] = -job->total;
        for (size_t k = 0; k < l->n_bytes; k++, table += 2 * PATTERNS, weights += LANES) {
            for (size_t i = 0; i < LANES; i++)
                s[kernel_lookup_output(i)] +=
                    2 * (table[weights[i] & 15] + table[PATTERNS + (weights[i] >> 4)]);
        }
        put(job, block, s);
    }
}
