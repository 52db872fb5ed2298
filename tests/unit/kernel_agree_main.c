/* SPDX-License-Identifier: Apache-2.0 */
/* Every usable kernel against a bit-by-bit count, and the packing of pixels against a
 * look at each of them, without a test library. */
#include "core/bits.h"
#include "core/infer_input.h"
#include "tests/unit/kernel_agree.h"

#include <stdio.h>

#define MAX_PIXELS 200

static bool packing_agrees(const uint8_t *pixels, size_t n, uint32_t threshold)
{
    uint64_t bits[MAX_PIXELS / 64 + 1];
    size_t n_words = bits_words(n);
    size_t n_set = 0;

    infer_input_binary(pixels, n, threshold, bits);
    for (size_t i = 0; i < n; i++) {
        bool on = pixels[i] >= threshold;

        n_set += on;
        if (bits_get(bits, i) != on)
            return false;
    }
    return bits_count(bits, n_words) == n_set;
}

static bool all_packing_agrees(void)
{
    uint8_t pixels[MAX_PIXELS];

    for (size_t i = 0; i < MAX_PIXELS; i++)
        pixels[i] = (uint8_t)(i * 151 + i / 7);
    for (size_t n = 1; n <= MAX_PIXELS; n++) {
        for (uint32_t threshold = 1; threshold <= 255; threshold++) {
            if (!packing_agrees(pixels, n, threshold))
                return false;
        }
    }
    return true;
}

int main(void)
{
    bool ok = all_packing_agrees();

    printf("packing of pixels: %s\n", ok ? "agrees" : "DIFFERS");
    for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++) {
        if (!kernel->usable()) {
            printf("%s: not usable here\n", kernel->name);
            continue;
        }
        bool agrees = kernel_agree(kernel);
        printf("%s: %s\n", kernel->name, agrees ? "agrees" : "DIFFERS");
        ok = ok && agrees;
    }
    return ok ? 0 : 1;
}
