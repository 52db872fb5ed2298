/* SPDX-License-Identifier: Apache-2.0 */
/* rng.h - counter-based random numbers: every draw is a pure function of where it is
 * used.
 *
 * Philox4x32-10 (Salmon et al., SC11; Random123). The key is the array seed; the counter
 * holds what the draw is for, the generation, and an index (a tile, a cell). The same
 * arguments give the same bits on any machine, thread count and kernel. Any thread; a
 * stream belongs to one thread at a time.
 */
#ifndef CORE_RNG_H
#define CORE_RNG_H

#include <stdint.h>

/* What a stream is drawn for. The values are part of the array format: never renumber. */
enum rng_purpose {
    RNG_FABRICATION = 1, /* device factors of a cell; generation 0 */
    RNG_CONTENTS = 2,    /* random contents an array is programmed over */
    RNG_WRITE = 3,       /* which toggling cells fail, per tile */
    RNG_FLIP = 4,        /* iid flips, per tile */
    RNG_DEFECT = 5,      /* which cells are defects; generation 0 */
    RNG_POLARITY = 6,    /* which weights are stored inverted; generation 0 */
    RNG_COIN = 7,        /* what an equal pair reads as; generation 0 */
    RNG_RETENTION = 8,   /* which cells lose their state, left alone */
    RNG_DISTURB = 9,     /* which cells lose their state, read */
    RNG_INJECT = 10,     /* injected faults */
};

/* Limits of the counter's fields. */
#define RNG_MAX_GENERATION UINT32_MAX
#define RNG_MAX_INDEX      ((UINT64_C(1) << 56) - 1)

struct rng_stream {
    uint32_t key[2];
    uint32_t
        counter[4]; /* { block, generation, index low, purpose << 24 | index high } */
    uint32_t out[4];
    unsigned n_left; /* of `out` */
};

/* Starts the stream of (seed, purpose, generation, index); generation and index within
 * the limits above. A stream has 2^34 draws of 32 bits. */
void rng_start(struct rng_stream *rng, uint64_t seed, enum rng_purpose purpose,
               uint64_t generation, uint64_t index);

uint32_t rng_u32(struct rng_stream *rng);
/* Two draws; the first is the low half. */
uint64_t rng_u64(struct rng_stream *rng);

/* ln x for x in [2^-64, 1], to a relative 1e-15, from IEEE basic operations alone: a
 * library's log may differ in the last bit between machines, and a draw with it. */
double rng_ln(double x);

/* 1 / ln(1 - p) for rng_skip, 0 < p < 1; -INFINITY where p is so small that it overflows.
 * Basic operations alone. */
double rng_inv_ln_q(double p);

/* Number of failures before the next success of a Bernoulli sequence of rate `p`, where
 * `inv_ln_q` = rng_inv_ln_q(p); UINT64_MAX if beyond 2^62. One rng_u64; the uniform
 * variate has 63 bits, so skips are exact in distribution to 1e-19 absolute. Basic
 * operations alone, so that every machine skips alike. */
uint64_t rng_skip(struct rng_stream *rng, double inv_ln_q);

#endif
