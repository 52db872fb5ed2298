/* SPDX-License-Identifier: Apache-2.0 */
/* infer.h - the forward pass.
 *
 * Three memories: the *network* (fixed after load), the *weights* (what the array
 * delivers after one programming, laid out for the kernel; replaced whole) and the
 * *scratch* (one per running job). infer_run allocates nothing. Weights are immutable
 * once made and may be read from any number of threads; a scratch belongs to one thread
 * at a time.
 *
 * Arithmetic. Sums of +-1 and of pixels are exact integers s; a logit is scale * s + bias
 * in double precision, rounded once. Reals are single precision, every operation rounded
 * by itself (no fused multiply-add): sums of products go over row, column and channel of
 * the window in this order, from 0 on, then comes the bias (with binary weights: scale
 * and bias as above); means add up row after row and divide last; affine is a * x, then
 * + b. So every kernel and every batch gives the same bits.
 */
#ifndef CORE_INFER_H
#define CORE_INFER_H

#include "core/kernel.h"
#include "core/network.h"

/* Largest batch of one scratch. */
#define INFER_MAX_BATCH 4096

struct infer_weights;
struct infer_scratch;

/* Lays out the delivered bits. layer_bits[l]: n_out rows of bits_words(n_in) words,
 * padding zero; borrowed for the call. `net` and `kernel` are borrowed for the life of
 * the weights. */
MUST_CHECK enum status infer_weights_new(const struct network *net,
                                         const struct kernel *kernel,
                                         const uint64_t *const *layer_bits,
                                         struct infer_weights **ret_weights);
void infer_weights_free(struct infer_weights *weights);

/* Working memory for up to max_batch (1..4096) pictures of `net`. */
MUST_CHECK enum status infer_scratch_new(const struct network *net, size_t max_batch,
                                         struct infer_scratch **ret_scratch);
void infer_scratch_free(struct infer_scratch *scratch);

/* Runs n (1..max_batch) pictures. pixels: n rows of network_inputs(net) bytes.
 * ret_logits: n rows of n_classes, finite: what overflows becomes the largest number of
 * its sign, what is no number the least one. Larger n than max_batch is a broken
 * promise. */
void infer_run(const struct infer_weights *weights, struct infer_scratch *scratch,
               const uint8_t *pixels, size_t n, float *ret_logits);

/* The `top` best classes, best first; equal logits rank by lower index.
 * ret_classes: [top], 1 <= top <= n_classes. */
void infer_rank(const float *logits, size_t n_classes, size_t top, uint32_t *ret_classes);

/* Softmax probabilities of all classes, maximum subtracted first. */
void infer_probabilities(const float *logits, size_t n_classes, float *ret_p);

/* Energy of arithmetic, in fJ. Order-of-magnitude figures for 28 nm logic at about 1 fJ
 * per two-input gate (not published values): an XNOR and its share of the adder tree come
 * to eight gates; a comparison of a 16-bit sum with its threshold to sixteen; a
 * multiply-accumulate of a logit to a thousand. The daemon's settings have these for
 * defaults. */
struct infer_costs {
    double bit_operation_fj; /* >= 0 */
    double threshold_fj;
    double logit_fj;
};
/* Compute energy of one picture in binary layer `layer`, all places of its window, pJ.
 * The sum over layers is all that is counted: real-valued layers, pools and shortcuts are
 * left out. */
double infer_compute_pj(const struct network *net, size_t layer,
                        const struct infer_costs *costs);

#endif
