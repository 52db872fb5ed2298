#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh - how many failed writes does a binarized network stand?
#
# Writes a model's weights at one write error rate after another, classifies a labelled
# set each time, and prints accuracy, wrong bits and write energy side by side. Writes
# over random contents, as if another network had been in the memory; at the end the
# memory is written well again.
#
#   demo.sh [WRITE-ERROR-RATE...]
#
# Environment: SPINBNN_URL  the daemon (default http://127.0.0.1:8080)
#              MODEL        fashion
#              DATASET      /usr/share/datasets/fashion-mnist (dataset-fashion-mnist)
#              LIMIT        only the first so many pictures
set -eu

model=${MODEL:-fashion}
dataset=${DATASET:-/usr/share/datasets/fashion-mnist}
[ $# -gt 0 ] || set -- 1e-9 1e-6 1e-4 1e-3 1e-2 3e-2 1e-1 2e-1 4e-1

command -v spinbnn >/dev/null || {
    echo "demo.sh: there is no spinbnn on the PATH" >&2
    exit 69
}

# member INDENT NAME: a number from the JSON that the command line prints, one member a
# line and two spaces a level; the last one wins.
member() {
    sed -n "s/^ \{$1\}\"$2\": \([-+.0-9eE]*\),\{0,1\}\$/\1/p" | tail -n 1
}

written_well() {
    spinbnn operating-point set --model "$model" --mode device --target 1e-9 \
        --default pulse-ns --over present >/dev/null
}

echo "Model $model, pictures of $dataset; each row is one programming of the memory."
echo
printf '%11s  %10s  %13s  %8s  %16s  %12s  %7s\n' 'WRITE ERROR' 'WRONG BITS' \
    'STORED ERRORS' 'ACCURACY' '95 % INTERVAL' 'WRITE ENERGY' 'OF 1ST'
trap 'written_well' EXIT
trap 'exit 130' INT TERM
first=
for rate in "$@"; do
    point=$(spinbnn operating-point set --json --model "$model" --mode device \
        --target "$rate" --default pulse-ns --over random)
    # shellcheck disable=SC2086
    result=$(spinbnn evaluate --json --model "$model" --dataset "$dataset" \
        ${LIMIT:+--limit $LIMIT})
    # The last at this depth is the result's; the first was the prediction.
    energy=$(echo "$point" | member 4 energy_pj)
    first=${first:-$energy}
    awk -v rate="$rate" -v energy="$energy" -v first="$first" \
        -v wrong="$(echo "$point" | member 4 wrong_bits)" \
        -v stored="$(echo "$point" | member 4 bit_error_rate)" \
        -v accuracy="$(echo "$result" | member 2 accuracy)" \
        -v low="$(echo "$result" | member 4 low)" \
        -v high="$(echo "$result" | member 4 high)" \
        'BEGIN {
            printf "%11s  %10d  %13.2e  %6.2f %%  %5.2f .. %5.2f %%  %9.0f nJ  %5.0f %%\n",
                rate, wrong, stored, 100 * accuracy, 100 * low, 100 * high,
                energy / 1000, 100 * energy / first
        }'
done
