/* SPDX-License-Identifier: Apache-2.0 */
/* stage_net.h - networks of stages made up for tests, and a slow way to run them.
 *
 * A network grows stage by stage; each function gives the number of the value that its
 * stage makes. Parameters are drawn. Nothing here fails; without memory it aborts. The
 * slow way is written from core/network.h and the paragraph on arithmetic in core/infer.h
 * alone and shares no code with the executor.
 */
#ifndef TESTS_LIB_STAGE_NET_H
#define TESTS_LIB_STAGE_NET_H

#include "core/network.h"

/* A number from the state, which moves on. */
uint64_t stage_net_draw(uint64_t *state);
/* 0 .. n - 1 */
uint32_t stage_net_below(uint64_t *state, uint32_t n);

/* No stages yet. Free it with network_free. */
struct network *stage_net_new(const struct network_input *input);
/* Kernel 1, stride 1, dilation 1, no pads. */
struct network_window stage_net_point(void);
/* As large as value v. */
struct network_window stage_net_whole(const struct network *net, uint32_t v);

/* padding is ignored for pixels and reals. */
uint32_t stage_net_binary(struct network *net, uint32_t in, enum network_layer_kind kind,
                          struct network_window window, enum network_padding padding,
                          uint32_t groups, uint32_t n_out, uint64_t *state);
uint32_t stage_net_real(struct network *net, uint32_t in, struct network_window window,
                        uint32_t groups, uint32_t n_out, uint64_t *state);
uint32_t stage_net_pool(struct network *net, enum network_op op, uint32_t in,
                        struct network_window window, bool count_outside,
                        uint64_t *state);
/* AFFINE, SLOPE, CLIP, SIGN (strict or not), REALS. */
uint32_t stage_net_elements(struct network *net, enum network_op op, uint32_t in,
                            uint64_t *state);
uint32_t stage_net_two(struct network *net, enum network_op op, uint32_t a, uint32_t b);
/* Labels for what the last stage makes. */
void stage_net_finish(struct network *net);

/* One of each op: a picture of 8 x 7 x 3 pixels, two branches, four classes. */
struct network *stage_net_every_op(uint64_t seed);

/* layer_bits[l]: what the memory delivers. ret_logits: [n_classes]. */
void stage_net_slow(const struct network *net, uint64_t *const *layer_bits,
                    const uint8_t *pixels, float *ret_logits);

#endif
