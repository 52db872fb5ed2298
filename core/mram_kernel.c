/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mram_kernel.h"

static const struct mram_kernel *const kernels[] = {
    &mram_kernel_scalar,
#ifdef MRAM_KERNEL_X86
    &mram_kernel_avx2,
    &mram_kernel_avx512,
#endif
};

const struct mram_kernel *const *mram_kernels(size_t *ret_n)
{
    *ret_n = sizeof(kernels) / sizeof(kernels[0]);
    return kernels;
}

const struct mram_kernel *mram_kernel_best(void)
{
    size_t n = sizeof(kernels) / sizeof(kernels[0]);

    while (n > 1 && !kernels[n - 1]->usable())
        n--;
    return kernels[n - 1];
}
