/* SPDX-License-Identifier: Apache-2.0 */
/* Every usable kernel against a bit-by-bit count, without a test library. */
#include "tests/unit/kernel_agree.h"

#include <stdio.h>

int main(void)
{
    bool ok = true;

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
