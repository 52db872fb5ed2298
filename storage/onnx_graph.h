/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_graph.h - an ONNX file as a plain graph, in memory of the arena.
 *
 * Nothing here knows what an operator means: names are resolved to values, numbers are
 * converted, limits kept, the order checked. Internal to storage/onnx_*.
 */
#ifndef STORAGE_ONNX_GRAPH_H
#define STORAGE_ONNX_GRAPH_H

#include "storage/onnx_tensor.h"

#define ONNX_MIN_IR    3
#define ONNX_MAX_IR    13
#define ONNX_MIN_OPSET 7
#define ONNX_MAX_OPSET 25

/* No value: an optional input or output that is left out. */
#define ONNX_NONE SIZE_MAX

enum onnx_attribute_kind {
    ONNX_ATTRIBUTE_INT,
    ONNX_ATTRIBUTE_FLOAT,
    ONNX_ATTRIBUTE_STRING,
    ONNX_ATTRIBUTE_INTS,
    ONNX_ATTRIBUTE_FLOATS,
    ONNX_ATTRIBUTE_TENSOR,
    ONNX_ATTRIBUTE_OTHER, /* subgraphs, sparse tensors, lists of strings */
};

struct onnx_attribute {
    const char *name;
    enum onnx_attribute_kind kind;
    int64_t i;
    float f;
    const char *string;
    size_t n; /* of ints or floats */
    const int64_t *ints;
    const float *floats;
    const struct onnx_tensor *tensor;
};

enum onnx_domain { ONNX_DOMAIN_ONNX, ONNX_DOMAIN_QUANT, ONNX_DOMAIN_OTHER };

struct onnx_node {
    const char *name, *op, *domain_name;
    enum onnx_domain domain;
    size_t position; /* in the file */
    size_t n_inputs, n_outputs;
    size_t *in, *out;     /* values, or ONNX_NONE */
    const char **outputs; /* their names */
    size_t n_attributes;
    struct onnx_attribute *attributes;
};

struct onnx_value {
    const char *name;
    const struct onnx_tensor *constant; /* NULL: computed */
    size_t producer;                    /* node; ONNX_NONE: an initialiser or the input */
};

/* A dimension of the input: a number, or free. */
#define ONNX_FREE_DIM (-1)

struct onnx_graph {
    const char *name, *producer;
    int64_t ir, opset;
    size_t n_nodes, n_values, n_outputs;
    struct onnx_node *nodes;
    struct onnx_value *values;
    size_t *outputs; /* values */
    size_t input;    /* value */
    bool input_is_bytes, input_is_whole; /* uint8; any integer type */
    int64_t batch; /* that the file was written for, 1 if free; set by lower_input */
    size_t input_rank;
    int64_t input_dims[ONNX_MAX_RANK];
    const char *pixel_range; /* metadata Image.NominalPixelRange, or NULL */
    size_t n_constant;       /* elements in the file's constants */
    size_t n_folded;         /* elements computed from them */
};

/* Reads, resolves, checks. False: the context says why. */
bool onnx_graph_read(struct onnx_context *ctx, const uint8_t *bytes, size_t len,
                     struct onnx_graph *graph);

/* NULL: no attribute of this name. */
const struct onnx_attribute *onnx_node_attribute(const struct onnx_node *node,
                                                 const char *name);
/* The attribute, or `absent` if there is none; refuses another kind. */
bool onnx_node_int(struct onnx_context *ctx, const struct onnx_node *node,
                   const char *name, int64_t absent, int64_t *ret);
bool onnx_node_float(struct onnx_context *ctx, const struct onnx_node *node,
                     const char *name, float absent, float *ret);
bool onnx_node_string(struct onnx_context *ctx, const struct onnx_node *node,
                      const char *name, const char *absent, const char **ret);
/* *ret_ints is NULL where there is none. */
bool onnx_node_ints(struct onnx_context *ctx, const struct onnx_node *node,
                    const char *name, const int64_t **ret_ints, size_t *ret_n);

/* Schema-driven walk over the bytes, before anything is allocated: nesting, lengths and
 * the number of parts. */
bool onnx_wire_check(struct onnx_context *ctx, const uint8_t *bytes, size_t len);

#endif
