/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/builtin.h"

/* The assembler puts the file in as it is; MODELS_DIR comes from the build. */
#define BUILTIN(name)                                                                    \
    __asm__(".pushsection .rodata\n"                                                     \
            ".balign 16\n"                                                               \
            "builtin_" #name ":\n"                                                       \
            ".incbin \"" MODELS_DIR "/" #name ".sbnn\"\n"                                \
            "builtin_" #name "_end:\n"                                                   \
            ".popsection\n");                                                            \
    extern const uint8_t builtin_##name[], builtin_##name##_end[]

BUILTIN(mnist);
BUILTIN(fashion);
BUILTIN(cifar10);

const struct builtin_model builtin_models[] = {
    { "mnist", builtin_mnist, builtin_mnist_end },
    { "fashion", builtin_fashion, builtin_fashion_end },
    { "cifar10", builtin_cifar10, builtin_cifar10_end },
};
const size_t builtin_n_models = sizeof(builtin_models) / sizeof(builtin_models[0]);
