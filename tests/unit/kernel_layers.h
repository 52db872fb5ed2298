/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_layers.h - shapes of all kinds, layers on them, and whether what a kernel made
 * of a layer is right. Whatever is not fails the running test.
 */
#ifndef TESTS_KERNEL_LAYERS_H
#define TESTS_KERNEL_LAYERS_H

#include "core/bits.h"
#include "core/kernel_window.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define N_SHAPES  400
#define JUNK_WORD UINT64_C(0xA5A5A5A5A5A5A5A5)
#define JUNK_SUM  INT32_C(-77777777)

/* -- Random numbers, the same from the same seed -- */

void seed(uint64_t from);
/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t next_word(void);
/* low .. high */
uint32_t between(uint32_t low, uint32_t high);
/* Zeros. */
void *array(size_t n, size_t size);
/* n_rows vectors of n_bits bits, padding zero. */
uint64_t *random_bits(size_t n_rows, size_t n_bits);

/* -- Shapes -- */

struct place {
    size_t row, column; /* of the output */
};

size_t out_width(const struct kernel_shape *s);
size_t n_places(const struct kernel_shape *s);
/* Where tap (r, c) of a place lies; false if that is outside. */
bool tap_inside(const struct kernel_shape *s, struct place at, size_t r, size_t c,
                size_t *ret_place);
struct kernel_shape random_shape(uint32_t max_channels);
void print_shape(const char *kernel, const struct kernel_shape *s);

/* -- Layers: weights with thresholds about their sums -- */

struct layer {
    struct kernel_shape shape;
    uint64_t *rows;
    int32_t *threshold;
    uint64_t *falling;
    int64_t *sums; /* what is right: [place][output] */
};

struct layer layer_make(struct kernel_shape shape,
                        int64_t (*sum)(const struct layer *layer, const void *map,
                                       struct place at, size_t j),
                        const void *map);
void layer_done(struct layer *l);
void check_bits(const struct layer *l, const char *kernel, const uint64_t *y);
void check_sums(const struct layer *l, const char *kernel, const int32_t *s);

/* Room for what a kernel makes of a layer. */
struct result {
    uint64_t *y, *scratch;
    int32_t *s;
};

/* One more of each than may be written. */
struct result result_make(const struct layer *l, size_t n_scratch);
void result_done(struct result *r);

#endif
