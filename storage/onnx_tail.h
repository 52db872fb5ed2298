/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_tail.h - a tail and the binarisation behind it, as one rule on a number.
 *
 * Every operator of a tail is monotone, in float32 as well, since rounding is; so is the
 * whole tail, and the place where its bit changes is found by evaluating it, without
 * algebra: the rule agrees bit for bit with a runtime that computes the same nodes in
 * float32 from the exact sum. Internal to storage/onnx_*.
 */
#ifndef STORAGE_ONNX_TAIL_H
#define STORAGE_ONNX_TAIL_H

#include "storage/onnx_ir.h"

/* Elementwise nodes and max pools from a base (left out) to a cut. */
struct tail {
    const struct ir_node *const *nodes;
    size_t n;
    const float *at;          /* the cut: [c] */
    const unsigned char *bit; /* [3][c]: above, at, below; 2: a tie, see `ties_down` */
    uint32_t c;               /* channels */
    bool ties_down;
};

/* bit = x >= threshold, or x <= threshold where falling; `constant`: the same for all x,
 * the threshold is then beyond low or high. */
struct tail_rule {
    double threshold;
    bool falling, constant;
    bool tie;      /* an x that can occur gives a tie, and the option decided */
    bool near_tie; /* the true threshold is within 1e-4 of an x that can occur */
};

/* TAIL_ZERO_OR_ONE: a sign that is 0 or 1, or 0 or -1, of what zero bounds. */
enum tail_result { TAIL_OK, TAIL_NOT_A_NUMBER, TAIL_NOT_MONOTONE, TAIL_ZERO_OR_ONE };

/* Rule on integers low .. high, of which every `step`-th from low occurs. */
enum tail_result tail_rule_integer(const struct tail *tail, uint32_t c, int64_t low,
                                   int64_t high, int64_t step, struct tail_rule *ret);
/* What numbers occur. */
struct tail_range {
    double low, high;
    bool whole;   /* integers, or few and zero among them */
    bool reached; /* low and high occur */
};

/* Rule on float32; the range says which ties can occur. */
enum tail_result tail_rule_real(const struct tail *tail, uint32_t c,
                                const struct tail_range *range, struct tail_rule *ret);

/* Is the bit the same for all numbers low .. high? False where they are not finite. */
bool tail_constant(const struct tail *tail, uint32_t c, double low, double high);

/* For the pool at nodes[i]: is the pooled bit the AND of the bits in channel c? low and
 * high as above. */
bool tail_pool_and(const struct tail *tail, size_t i, uint32_t c, double low,
                   double high);

#endif
