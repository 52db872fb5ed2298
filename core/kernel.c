/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kernel.h"

#include "core/bits.h"
#include "core/cpu.h"
#include "core/kernel_isa.h"

#include <stdlib.h>
#include <string.h>

static bool always(void)
{
    return true;
}

#define KERNEL(name, usable, isa)                                                        \
    {                                                                                    \
        name, usable, kernel_counts_##isa, kernel_fire_##isa, kernel_lookup_##isa,       \
            kernel_conv_##isa, kernel_pixels_##isa, kernel_reals_##isa                   \
    }

const struct kernel kernel_list[] = {
    KERNEL("scalar", always, scalar),
#ifdef KERNEL_NEON
    KERNEL("neon", always, neon),
#endif
#ifdef KERNEL_X86
    KERNEL("avx2", cpu_has_avx2, avx2),
    KERNEL("avx512", cpu_has_avx512_vpopcntdq, avx512),
    KERNEL("avx512-csa", cpu_has_avx512_vpopcntdq, avx512_csa),
#endif
    { NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};

const struct kernel *kernel_find(const char *name)
{
    for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++) {
        if (strcmp(kernel->name, name) == 0)
            return kernel->usable() ? kernel : NULL;
    }
    return NULL;
}

const struct kernel *kernel_best(void)
{
    const struct kernel *best = kernel_list;

    /* The two AVX-512 kernels change places with the CPU: see cpu.h. */
    if (cpu_has_slow_ternary_logic()) {
        const struct kernel *plain = kernel_find("avx512");
        if (plain != NULL)
            return plain;
    }
    for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++) {
        if (kernel->usable())
            best = kernel;
    }
    return best;
}

/* words[block][word][lane], written in order; outputs past n_out are zero rows. */
static void lay_out(struct kernel_matrix *w, const uint64_t *rows)
{
    uint64_t *word = w->words;

    for (size_t block = 0; block < w->n_blocks; block++) {
        size_t first = block * KERNEL_LANES;
        size_t n_lanes =
            w->n_out - first < KERNEL_LANES ? w->n_out - first : KERNEL_LANES;

        for (size_t k = 0; k < w->n_words; k++) {
            for (size_t lane = 0; lane < KERNEL_LANES; lane++)
                *word++ = lane < n_lanes ? rows[(first + lane) * w->n_words + k] : 0;
        }
    }
}

enum status kernel_matrix_init(struct kernel_matrix *w, const uint64_t *rows,
                               size_t n_out, size_t n_in)
{
    const size_t vector = KERNEL_LANES * sizeof(uint64_t);

    if (n_out == 0 || n_in == 0 || n_in > KERNEL_MAX_INPUTS)
        return ST_RANGE;

    struct kernel_matrix made = {
        .n_out = n_out,
        .n_in = n_in,
        .n_blocks = n_out / KERNEL_LANES + (n_out % KERNEL_LANES != 0),
        .n_words = bits_words(n_in),
    };
    if (made.n_blocks > SIZE_MAX / vector / made.n_words)
        return ST_RANGE;

    made.words = aligned_alloc(vector, made.n_blocks * made.n_words * vector);
    if (made.words == NULL)
        return ST_NOMEM;
    lay_out(&made, rows);
    *w = made;
    return ST_OK;
}

void kernel_matrix_done(struct kernel_matrix *w)
{
    free(w->words);
    *w = (struct kernel_matrix) { 0 };
}
