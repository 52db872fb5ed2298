/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_import.h - a binarized network out of an ONNX file.
 *
 * ONNX has no binary type: that weights are +a or -a and activations +1 or -1 is proved
 * from the numbers, or the file is refused. An operator, attribute or shape that is not
 * known is never skipped. What is accepted is written down in storage/README.md.
 *
 * Works on bytes that nobody vouches for. No thread, no global; any thread may call.
 */
#ifndef STORAGE_ONNX_IMPORT_H
#define STORAGE_ONNX_IMPORT_H

#include "core/network.h"

#define ONNX_MAX_BYTES ((size_t)512 << 20)

enum onnx_layout { ONNX_LAYOUT_AUTO = 0, ONNX_LAYOUT_NCHW, ONNX_LAYOUT_NHWC };

/* What the network's input is, of a pixel 0..255. */
enum onnx_range {
    ONNX_RANGE_UNKNOWN = 0, /* refused unless the file says it */
    ONNX_RANGE_255,         /* the pixel */
    ONNX_RANGE_1,           /* pixel / 255 */
    ONNX_RANGE_SIGNED,      /* pixel / 127.5 - 1 */
    ONNX_RANGE_SCALE,       /* pixel * scale */
};

enum onnx_colour {
    ONNX_COLOUR_AUTO = 0,
    ONNX_COLOUR_RGB,
    ONNX_COLOUR_BGR,
    ONNX_COLOUR_GREY
};

/* What a person knows and the file does not say. All zero: nothing is given. */
struct onnx_options {
    const char *name;        /* borrowed; NULL: the graph's name, made to fit */
    const char *description; /* borrowed; NULL: none */
    enum onnx_layout layout;
    enum onnx_range range;
    float scale; /* ONNX_RANGE_SCALE: finite, not 0 */
    /* After the range: (x - mean) / std, in the order of the network's channels. */
    bool mean_given, std_given;
    float mean[3], std[3]; /* finite; std not 0 */
    enum onnx_colour colour;
    uint32_t height, width, channels; /* of a flat input; 0: derived where it can be */
    bool crop;                        /* NETWORK_CROP, from `resize`; else the whole */
    uint32_t resize;                  /* with crop; 0: the longer side of the input */
    const char *const *labels;        /* borrowed, [n_labels]; NULL: numbers */
    size_t n_labels;
    bool ties_down;   /* a sign of exactly zero is -1, not +1 */
    bool assume_sign; /* real inputs of binary weights were meant to be binarised */
    size_t max_cells; /* of the array; 0: NETWORK_MAX_CELLS */
};

/* Longest name of a node that is kept, and room for its cut mark and zero. */
#define ONNX_NAME_MAX 200
#define ONNX_NAME_LEN (ONNX_NAME_MAX + 4)

/* Why a file is refused. */
enum onnx_code {
    ONNX_CODE_NONE = 0,
    ONNX_CODE_SYNTAX,            /* not protobuf, truncated, too deep, too many parts */
    ONNX_CODE_VERSION,           /* IR version or opset */
    ONNX_CODE_EXTERNAL_DATA,     /* weights in another file */
    ONNX_CODE_OPERATOR,          /* operator, domain or attribute */
    ONNX_CODE_SHAPE,             /* missing, not constant, contradictory, too large */
    ONNX_CODE_WEIGHT_NOT_BINARY, /* more than one magnitude, zeros among signs */
    ONNX_CODE_INPUT_NOT_BINARY,  /* binary weights, real-valued input */
    ONNX_CODE_ACTIVATION,        /* ternary, 0/1, several bits */
    ONNX_CODE_TAIL,              /* between the sum and its binarisation */
    ONNX_CODE_PADDING,
    ONNX_CODE_RESIDUAL, /* two feature maps combined in a way that we cannot */
    ONNX_CODE_NO_BINARY_LAYER,
    ONNX_CODE_INPUT_CONTRACT, /* layout, range, size or labels */
    ONNX_CODE_TOO_LARGE,
};

/* "onnx_syntax", "bnn_tail", ...; "" for ONNX_CODE_NONE. */
const char *onnx_code_name(enum onnx_code code);

/* Something that the operator of the network should know; the import goes on. */
struct onnx_remark {
    char code[24];            /* constant_outputs, zero_rows, near_ties, ties, real_layer,
                                 unused_nodes, no_labels, assumed_sign, argmax_ties,
                                 range, training_norm */
    char node[ONNX_NAME_LEN]; /* UTF-8; "" where it concerns the file */
    char text[ERR_LEN];
};

#define ONNX_MAX_REMARKS 256 /* what comes after is only counted */

struct onnx_report {
    struct onnx_remark *remarks; /* ours */
    size_t n_remarks, n_dropped;
    enum onnx_code code; /* of the refusal; ONNX_CODE_NONE on success */
    char node[ONNX_NAME_LEN];
    char op[64];
    long position; /* of the node in the file, from 0; -1: none */
    char found[ERR_LEN], accepted[ERR_LEN];
};

/* The network comes back checked (network_check); its checksum is 0. `bytes` and the
 * options are borrowed for the call. *ret_report is written in every case and wants
 * onnx_report_done. ST_FORMAT: broken bytes; ST_UNSUPPORTED: any other refusal;
 * ST_RANGE: an option outside its range; ST_NOMEM. `why` is the refusal in one line. */
MUST_CHECK enum status onnx_import(const uint8_t *bytes, size_t len,
                                   const struct onnx_options *options,
                                   struct network **ret_net,
                                   struct onnx_report *ret_report, char why[ERR_LEN]);
void onnx_report_done(struct onnx_report *report);

#endif
