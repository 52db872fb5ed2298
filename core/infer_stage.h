/* SPDX-License-Identifier: Apache-2.0 */
/* infer_stage.h - what the families of stages share. Private to the forward pass.
 *
 * A family turns a stage and what the memory delivers into its own constant form once
 * (new/free), says how much working memory a pass needs (work), and runs the stage for
 * n pictures (run). Maps lie picture after picture; nothing is allocated in a run.
 */
#ifndef CORE_INFER_STAGE_H
#define CORE_INFER_STAGE_H

#include "core/bits.h"
#include "core/kernel.h"
#include "core/network.h"

/* Pictures, or places of them, that go through a kernel together: enough to share weight
 * loads, few enough that their rows stay in L2. */
#define INFER_ROWS_MAX  64
#define INFER_ROWS_MIN  8
#define INFER_ROWS_SIZE ((size_t)256 << 10) /* bytes */

/* A value of n pictures. Bits: row after row, bits_words(channels) words a place, the
 * last one's tail zero; `packed`: without the tails, bits_words(size) words a picture.
 * Pixels and reals: row, column, channel. */
struct infer_map {
    struct network_value value;
    bool packed;
    size_t stride; /* from picture to picture, in words, bytes or floats */
    union {        /* borrowed; by value.kind */
        const uint8_t *pixels;
        uint64_t *bits;
        float *reals;
    };
};

/* Is the picture of +-1 kept without a tail at each place? It is where only dense layers
 * take it; an answer that depends on the network alone. */
bool infer_input_is_packed(const struct network *net);
/* A window as large as its map, without pads or groups. */
bool infer_is_dense(const struct network *net, const struct network_stage *stage);
/* The map of value v without its memory. */
struct infer_map infer_map_of(const struct network *net, size_t v);

static inline size_t infer_places(const struct network_value *value)
{
    return (size_t)value->height * value->width;
}

/* Rows of row_size bytes that are worked on together. */
static inline size_t infer_rows(size_t row_size)
{
    size_t n = INFER_ROWS_SIZE / row_size;

    return n < INFER_ROWS_MIN ? INFER_ROWS_MIN : n > INFER_ROWS_MAX ? INFER_ROWS_MAX : n;
}

/* -- Families -- */

/* Binary weights with pixels or bits: integers. */
struct infer_binary;
MUST_CHECK enum status infer_binary_new(const struct network *net,
                                        const struct network_stage *stage,
                                        const uint64_t *bits,
                                        struct infer_binary **ret_binary);
void infer_binary_free(struct infer_binary *binary);
/* Bytes; a multiple of 64. */
size_t infer_binary_work(const struct network *net, const struct network_stage *stage);
void infer_binary_run(const struct infer_binary *binary, const struct kernel *kernel,
                      const struct infer_map *in, size_t n, void *work,
                      struct infer_map *out);

/* The same where the window is no dense layer and its shape suits the kernels that know
 * windows: the rest is infer_binary's. */
struct infer_window;
bool infer_window_takes(const struct network *net, const struct network_stage *stage);
MUST_CHECK enum status infer_window_new(const struct network *net,
                                        const struct network_stage *stage,
                                        const uint64_t *bits,
                                        struct infer_window **ret_window);
void infer_window_free(struct infer_window *window);
size_t infer_window_work(const struct network *net, const struct network_stage *stage);
void infer_window_run(const struct infer_window *window, const struct kernel *kernel,
                      const struct infer_map *in, size_t n, void *work,
                      struct infer_map *out);

/* Products of reals: real weights with anything, binary weights with reals (`bits`, else
 * NULL). */
struct infer_real;
MUST_CHECK enum status infer_real_new(const struct network *net,
                                      const struct network_stage *stage,
                                      const uint64_t *bits, struct infer_real **ret_real);
void infer_real_free(struct infer_real *real);
size_t infer_real_work(const struct network *net, const struct network_stage *stage);
void infer_real_run(const struct infer_real *real, const struct kernel *kernel,
                    const struct infer_map *in, size_t n, void *work,
                    struct infer_map *out);

/* All others. They need neither weights nor working memory; other: of ADD and CONCAT. */
void infer_pool_run(const struct network_stage *stage, const struct infer_map *in,
                    size_t n, struct infer_map *out);
void infer_elements_run(const struct network_stage *stage, const struct infer_map *in,
                        const struct infer_map *other, size_t n, struct infer_map *out);
/* Of them NETWORK_OP_SIGN, in a file of its own. x: n_places rows of the stage's
 * channels; ret_bits: rows of bits_words of them. A comparison with something that is not
 * a number is false. */
void infer_sign(const struct network_stage *stage, size_t n_places, const float *x,
                uint64_t *ret_bits);

#endif
