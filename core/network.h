/* SPDX-License-Identifier: Apache-2.0 */
/* network.h - the fixed part of a binarized network: shape, thresholds, input, labels.
 *
 * Stages run in order over packed +-1 vectors. A hidden layer's batch norm and sign are
 * one integer threshold and direction per output; the last layer gives logits. Weight
 * bits here are the *wanted* ones (bit 1 = +1); what a memory delivers in their place is
 * infer.h's business. Thresholds, scales and biases live in registers, not in cells.
 */
#ifndef CORE_NETWORK_H
#define CORE_NETWORK_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETWORK_MAX_LAYERS  64
#define NETWORK_MAX_CLASSES 65536
#define NETWORK_MAX_SIDE    4096
/* Upper bound of the weights of one network, in bits. */
#define NETWORK_MAX_CELLS ((size_t)1 << 31)

/* How pixels enter the first layer. */
enum network_encoding {
    NETWORK_PIXELS = 0, /* integers 0..255 times +-1 weights */
    NETWORK_BINARY = 1, /* +1 where pixel >= threshold, else -1 */
};

/* The input contract: what the network was trained on. Pictures of another size or colour
 * are fitted to it by api/image.h. */
struct network_input {
    uint32_t height, width; /* 1 .. NETWORK_MAX_SIDE */
    uint32_t channels;      /* 1 grey, 3 RGB interleaved */
    enum network_encoding encoding;
    uint32_t threshold; /* 1..255 with NETWORK_BINARY, else 0 */
};

enum network_layer_kind {
    NETWORK_FIRE = 0,   /* bit j = s >= threshold, or s <= threshold where falling */
    NETWORK_LOGITS = 1, /* logit j = scale * s + bias; the last layer, and only it */
};

/* A dense layer. s = sum over inputs of weight * input. */
struct network_layer {
    char *name; /* ours, UTF-8, unique in the network */
    enum network_layer_kind kind;
    size_t n_in, n_out;
    uint64_t *weights;   /* ours, wanted bits: n_out rows of bits_words(n_in) words */
    int32_t *threshold;  /* ours, [n_out], NETWORK_FIRE */
    uint64_t *falling;   /* ours, bits_words(n_out) words, NETWORK_FIRE */
    float *scale, *bias; /* ours, [n_out], NETWORK_LOGITS */
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
    size_t n_classes;
    char **labels; /* ours, [n_classes] */
    uint32_t checksum; /* of the model file; tells arrays of different networks apart */
};

/* height * width * channels. */
size_t network_inputs(const struct network *net);
/* All weights, one cell each. */
size_t network_cells(const struct network *net);
/* Bit operations of one pass, of a layer and of all: every weight once for +-1 inputs,
 * eight times for pixels. */
uint64_t network_layer_bit_operations(const struct network *net, size_t layer);
uint64_t network_bit_operations(const struct network *net);
bool network_name_ok(const char *name);

/* Consistency of a network that a reader filled in: sizes chain, last layer is LOGITS and
 * no other, finite scales, padding bits zero. ST_FORMAT with the reason in `why`. */
MUST_CHECK enum status network_check(const struct network *net, char why[ERR_LEN]);

/* Takes NULL and half-built networks. */
void network_free(struct network *net);

#endif
