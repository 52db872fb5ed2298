/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_ir.h - between the nodes of the file and our stages: what is computed, free of
 * axes and spellings.
 *
 * Every step works on a map of h x w x c. A binarisation, however it is written, is a
 * *cut* (a map compared with a threshold per channel) and *levels* (the value above, at
 * and below the threshold): whatever the file does to two or three values elementwise is
 * done to the levels. Internal to storage/onnx_*.
 */
#ifndef STORAGE_ONNX_IR_H
#define STORAGE_ONNX_IR_H

#include "storage/onnx_graph.h"

enum ir_op {
    IR_INPUT, /* pixels 0..255 */
    /* Elementwise, constants per channel in p. */
    IR_ADD,   /* x + p0 */
    IR_SUB,   /* x - p0 */
    IR_RSUB,  /* p0 - x */
    IR_MUL,   /* x * p0 */
    IR_DIV,   /* x / p0 */
    IR_BN,    /* (x - p2) / sqrt(p3 + eps) * p0 + p1 */
    IR_CLIP,  /* low .. high */
    IR_SLOPE, /* x >= 0 ? x : p0 * x */
    IR_LAST_ELEMENTWISE = IR_SLOPE,
    /* Of real maps. */
    IR_CUT,    /* x against p0 */
    IR_LEVELS, /* of a cut, or of bits: p0 above (1), p1 at, p2 below (0) */
    IR_PAD,    /* window's pads, `fill` outside */
    IR_BINARY, /* weights in cells */
    IR_REAL,   /* real weights */
    IR_MAX_POOL,
    IR_MEAN_POOL,
    IR_BIT_POOL, /* of levels: the largest bit; bits */
    IR_SUM,      /* of two */
    IR_CONCAT,   /* of two */
    IR_BIT_CONCAT,
    IR_HEAD, /* Softmax and the like: ranking is ours */
};

struct ir_node {
    enum ir_op op;
    size_t n_src, src[2];
    const struct onnx_node *from; /* borrowed, for messages; NULL: the input contract */
    uint32_t h, w, c;
    float *p[4]; /* arena, [c] each */
    float eps, low, high, fill;
    struct network_window window;
    enum network_padding padding; /* IR_BINARY of bits */
    uint32_t groups;
    bool count_outside; /* IR_MEAN_POOL */
    size_t n_in;     /* IR_BINARY, IR_REAL: weights of an output, row, column, channel */
    uint64_t *bits;  /* arena, c rows of bits_words(n_in) */
    float *real;     /* arena, [c][n_in] */
    bool bit_input;  /* IR_BINARY: of levels, not of pixels or reals */
    bool from_input; /* real numbers out of the picture: a first layer */
    size_t n_zero_rows;
    /* onnx_bounds.c's: [c], arena; NULL for bits. */
    double *least, *most;
    bool whole, reached;
    /* onnx_build.c's notes. */
    bool live, after_layer;
    size_t uses, value, bits_value;
    unsigned char *bit; /* IR_LEVELS: see struct tail */
};

struct ir {
    size_t n, room;
    struct ir_node **nodes;
};

static inline bool ir_elementwise(enum ir_op op)
{
    return op >= IR_ADD && op <= IR_LAST_ELEMENTWISE;
}

/* A new node over `src`, of its size; ONNX_NONE: no memory. */
size_t ir_new(struct onnx_context *ctx, struct ir *ir, enum ir_op op,
              const struct onnx_node *from, size_t src);
/* [c] floats, all `value`; NULL: no memory. */
float *ir_constant(struct onnx_context *ctx, uint32_t c, float value);

/* What an elementwise node makes of x in channel c, in float32, one operation at a time.
 */
float ir_eval(const struct ir_node *node, uint32_t c, float x);
/* Something done to every element: an elementwise node's template, a comparison, or a
 * choice between two constants. */
enum ir_map_kind { IR_MAP_ELEMENT, IR_MAP_COMPARE, IR_MAP_CHOOSE };
struct ir_map {
    enum ir_map_kind kind;
    struct ir_node element; /* IR_MAP_ELEMENT: op and constants */
    const float *at;        /* IR_MAP_COMPARE: [c] */
    float out[3];           /* IR_MAP_COMPARE: above, at, below */
    const float *yes, *no;  /* IR_MAP_CHOOSE: [c]; x is 0 or not */
};
/* Applies it to `src`; ONNX_NONE: refused. Constants of `map` are in the arena and stay.
 */
size_t ir_apply(struct onnx_context *ctx, struct ir *ir, const struct onnx_node *from,
                size_t src, const struct ir_map *map);

/* y = a * x + b in channel c, for nodes that are affine; false: not affine. Starts from
 * the a and b given. */
bool ir_affine(const struct ir_node *node, uint32_t c, double *a, double *b);

/* Are these levels +k and -k, one k for all channels? At zero may be 0: `ret_ties`. */
bool ir_bipolar(const struct ir_node *levels, float *ret_k, bool *ret_ties);

#endif
