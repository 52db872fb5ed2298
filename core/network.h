/* SPDX-License-Identifier: Apache-2.0 */
/* network.h - the fixed part of a binarized network: what is computed in which order,
 * from pixels to logits, and the weights that are wanted.
 *
 * A network is a list of *stages* over *values*. A value is a feature map of height x
 * width x channels: 8-bit pixels, bits (+1 is 1, -1 is 0) or real numbers. Value 0 is the
 * picture; each stage makes one value from one or two earlier ones; the last stage's
 * value holds the logits (reals, 1 x 1 x n_classes).
 *
 * *Layers* are the binary weights: those live in cells of the array, one each, and what a
 * memory delivers in their place is infer.h's business. A stage of the kind
 * NETWORK_BINARY refers to its layer; a layer belongs to one stage. Everything else,
 * thresholds, scales, real-valued weights, lives in registers.
 */
#ifndef CORE_NETWORK_H
#define CORE_NETWORK_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETWORK_MAX_LAYERS   64
#define NETWORK_MAX_STAGES   1024
#define NETWORK_MAX_CLASSES  65536
#define NETWORK_MAX_SIDE     4096
#define NETWORK_MAX_CHANNELS 65536
/* Upper bound of the weights of one network, in bits; of real-valued parameters, among
 * them the weights of layers that take reals; of the elements of one value; of those of
 * all values together. */
#define NETWORK_MAX_CELLS    ((size_t)1 << 31)
#define NETWORK_MAX_REALS    ((size_t)1 << 28)
#define NETWORK_MAX_VALUE    ((size_t)1 << 26)
#define NETWORK_MAX_ELEMENTS ((size_t)1 << 28)
/* Upper bound of the work of one pass, counted like bit operations, real-valued products
 * and elements of pools included: a file must not keep a thread busy for hours. */
#define NETWORK_MAX_OPERATIONS ((uint64_t)1 << 44)

/* -- The input contract: what the network was trained on -- */

/* How pixels enter the first layer. */
enum network_encoding {
    NETWORK_PIXELS = 0, /* 0..255 as they are: value 0 is pixels */
    NETWORK_BINARY = 1, /* +1 where pixel >= threshold, else -1: value 0 is bits */
};

/* How a picture of another size is brought to height x width (api/image.h). */
enum network_fit {
    NETWORK_LETTERBOX = 0, /* the whole, its aspect kept, until it just fits; on black */
    NETWORK_CROP = 1,      /* the shorter side to `resize`, then the middle cut out */
};

struct network_input {
    uint32_t height, width; /* 1 .. NETWORK_MAX_SIDE */
    uint32_t channels;      /* 1 grey, 3 colours interleaved */
    enum network_encoding encoding;
    uint32_t threshold; /* 1..255 with NETWORK_BINARY, else 0 */
    bool bgr;           /* blue first, in raw pixels too; 3 channels */
    enum network_fit fit;
    uint32_t resize; /* NETWORK_CROP: >= height and width, <= NETWORK_MAX_SIDE;
                        else 0 */
};

/* -- Layers: weights in cells -- */

enum network_layer_kind {
    NETWORK_FIRE = 0,   /* bit j = s >= threshold, or s <= threshold where falling */
    NETWORK_LOGITS = 1, /* real j = scale * s + bias, anywhere in the network */
};

/* s = sum over the n_in weights of an output of weight * input; what lies outside the map
 * takes part as the stage's padding says. */
struct network_layer {
    char *name; /* ours, UTF-8, unique in the network */
    enum network_layer_kind kind;
    size_t n_in;         /* fan-in: window height * width * channels of a group; in the
                            order row, column, channel of the window */
    size_t n_out;        /* output channels */
    uint64_t *weights;   /* ours, wanted bits: n_out rows of bits_words(n_in) words */
    int32_t *threshold;  /* ours, [n_out], NETWORK_FIRE; inputs are pixels or bits */
    uint64_t *falling;   /* ours, bits_words(n_out) words, NETWORK_FIRE */
    float *scale, *bias; /* ours, [n_out], NETWORK_LOGITS */
};

/* -- Stages -- */

enum network_value_kind {
    NETWORK_VALUE_PIXELS = 0,
    NETWORK_VALUE_BITS = 1,
    NETWORK_VALUE_REALS = 2,
};

struct network_value {
    enum network_value_kind kind;
    uint32_t height, width, channels; /* >= 1; elements at most NETWORK_MAX_VALUE */
};

/* A window that is moved over a map. Output rows: (height + pad_top + pad_bottom -
 * dilation * (kernel - 1) - 1) / stride + 1, rounded down. No side of anything, pads
 * included, is more than NETWORK_MAX_SIDE. */
struct network_window {
    uint32_t kernel_h, kernel_w;     /* >= 1 */
    uint32_t stride_h, stride_w;     /* >= 1 */
    uint32_t dilation_h, dilation_w; /* >= 1 */
    uint32_t pad_top, pad_left, pad_bottom, pad_right;
};

/* What lies outside the map, for bits. Pixels and reals are padded with 0. */
enum network_padding {
    NETWORK_PAD_ZERO = 0,  /* takes no part in the sum */
    NETWORK_PAD_MINUS = 1, /* -1 */
    NETWORK_PAD_PLUS = 2,  /* +1 */
};

/* Windows of pools have at least one element inside the map wherever they stand. */
enum network_op {
    NETWORK_OP_BINARY = 0,    /* window, padding, groups, layer. Of pixels, bits or reals;
                                 makes bits (FIRE; not of reals) or reals (LOGITS). Dense:
                                 a window as large as its map; flattening is no stage, its
                                 weights are in the order row, column, channel */
    NETWORK_OP_REAL = 1,      /* window, groups, a: [out][kernel_h][kernel_w][in / groups]
                                 real weights, b: [out] bias. Of anything (bits as +-1);
                                 makes reals */
    NETWORK_OP_POOL_BITS = 2, /* window, and_mask: [bits_words(channels)]. Bits to bits:
                                 OR of the window, AND where the mask has a one; what lies
                                 outside takes no part */
    NETWORK_OP_POOL_MAX = 3,  /* window. Reals to reals; outside takes no part */
    NETWORK_OP_POOL_MEAN = 4, /* window, count_outside. Reals to reals: the divisor is the
                                 elements inside, or the whole window */
    NETWORK_OP_AFFINE = 5,    /* a * x + b, [channels] each. Reals or pixels to reals */
    NETWORK_OP_SLOPE = 6,     /* x where x >= 0, else a * x; a: [channels]. PReLU, ReLU
                                 (a = 0), leaky ReLU. Reals */
    NETWORK_OP_CLIP = 7,      /* to low .. high. Reals */
    NETWORK_OP_SIGN = 8,      /* to bits: x >= a, or x <= a where falling, or without
                                 equality where `strict`; a: [channels]. Reals */
    NETWORK_OP_REALS = 9,     /* bits (+-1) or pixels to reals */
    NETWORK_OP_ADD = 10,      /* two reals of one shape */
    NETWORK_OP_CONCAT = 11,   /* two reals, or two bits, side by side in channels */
    NETWORK_OPS
};

/* Static; below NETWORK_OPS. */
const char *network_op_name(enum network_op op);

/* What an op does not use is zero, false or NULL. */
struct network_stage {
    enum network_op op;
    uint32_t in[2]; /* values; in[1] of ADD and CONCAT only. Stage i makes value i + 1 */
    struct network_value out;
    struct network_window window; /* of ops that have one; else zero */
    enum network_padding padding; /* BINARY of bits */
    uint32_t groups;              /* BINARY, REAL: >= 1, divides both channels; else 0 */
    uint32_t layer;               /* BINARY: its layer, of which it is the only user */
    bool count_outside;           /* POOL_MEAN */
    bool strict;                  /* SIGN */
    float low, high;              /* CLIP, low <= high */
    size_t n_a, n_b;              /* entries of a and b */
    float *a, *b;                 /* ours, finite */
    uint64_t *mask; /* ours, bits_words(channels): POOL_BITS' and_mask, SIGN's
                       falling, never NULL there; else NULL */
};

struct network {
    char *name;        /* ours; [A-Za-z0-9._-]{1,64}, not starting with a dot */
    char *description; /* ours, for people */
    char *training;    /* ours: how it was trained, seed included */
    char *test_set;    /* ours: what the accuracy below was measured on */
    uint32_t test_correct, test_total; /* measured without bit errors; 0 / 0 if unknown */
    struct network_input input;
    size_t n_layers; /* 1 .. NETWORK_MAX_LAYERS */
    struct network_layer *layers;
    size_t n_stages;              /* 1 .. NETWORK_MAX_STAGES */
    struct network_stage *stages; /* ours */
    size_t n_classes;
    char **labels;     /* ours, [n_classes] */
    uint32_t checksum; /* of the model file; tells arrays of different networks apart */
    uint32_t version;  /* among those of its name, from 1; no file says it, who serves it
                          does: 0 until then */
};

/* Value `v`: 0 the picture, else what stage v - 1 makes. */
struct network_value network_value(const struct network *net, size_t v);
/* Elements: height * width * channels. */
size_t network_value_size(const struct network_value *value);
/* Outputs of a window over a side; 0 if it does not fit. */
uint32_t network_window_out(uint32_t side, uint32_t kernel, uint32_t stride,
                            uint32_t dilation, uint32_t pad_before, uint32_t pad_after);
/* Fills in the stages of a chain of dense layers, in the order of the layers, for makers
 * that have nothing else; stages that are there are replaced. Layers may be inconsistent
 * (network_check finds it), n_layers is not. ST_NOMEM. */
MUST_CHECK enum status network_chain(struct network *net);
/* The stage that uses the layer; n_stages if there is none. */
size_t network_layer_stage(const struct network *net, size_t layer);

/* height * width * channels. */
size_t network_inputs(const struct network *net);
/* All weights, one cell each. */
size_t network_cells(const struct network *net);
/* How often a pass uses each weight of the layer: places of its stage's output. */
uint64_t network_layer_places(const struct network *net, size_t layer);
/* Bit operations of one pass, of a layer and of all layers: every weight once for each
 * place of its window and +-1 inputs, eight times for pixels, 32 times for reals. */
uint64_t network_layer_bit_operations(const struct network *net, size_t layer);
uint64_t network_bit_operations(const struct network *net);
bool network_name_ok(const char *name);

/* Consistency of a network that a reader filled in: every stage's inputs are earlier
 * values of a kind and shape that it takes, its output is what it makes, sizes are within
 * the limits (no product overflows), each layer belongs to one stage, the last value is
 * reals of 1 x 1 x n_classes, every value but the last is used, numbers are finite,
 * padding bits zero. ST_FORMAT with the stage or layer and the reason in `why`. */
MUST_CHECK enum status network_check(const struct network *net, char why[ERR_LEN]);

/* Takes NULL and half-built networks. */
void network_free(struct network *net);

#endif
