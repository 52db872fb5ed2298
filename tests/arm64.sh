#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks every kernel and the packing of pixels against a slow count on 64-bit Arm:
# cross-compiles them and runs them under qemu-user. A command of its own, not ctest's:
#
#   apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
#   tests/arm64.sh
#
# CC and QEMU name other tools. Exit status 0: they agree.
set -eu
cd "$(dirname "$0")/.."

CC=${CC:-aarch64-linux-gnu-gcc}
QEMU=${QEMU:-qemu-aarch64}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

"$CC" -std=c11 -O2 -Wall -Wextra -Werror -static -D_GNU_SOURCE -DKERNEL_NEON -I. \
    core/cpu.c core/infer_input.c core/kernel.c core/kernel_scalar.c core/kernel_neon.c \
    core/kernel_conv_scalar.c core/kernel_lookup.c core/kernel_lookup_scalar.c \
    core/kernel_lookup_neon.c \
    tests/unit/kernel_agree.c tests/unit/kernel_agree_main.c -o "$out/kernel_agree"
"$QEMU" "$out/kernel_agree"
