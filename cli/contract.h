/* SPDX-License-Identifier: Apache-2.0 */
/* contract.h - options for what an ONNX file does not say of its input: the same for
 * `import`, which reads the file itself, and `put`, which sends it. */
#ifndef CLI_CONTRACT_H
#define CLI_CONTRACT_H

#include "cli/options.h"

/* In the order of onnx_contract_members. */
enum {
    CONTRACT_LAYOUT,
    CONTRACT_RANGE,
    CONTRACT_MEAN,
    CONTRACT_STD,
    CONTRACT_CHANNELS,
    CONTRACT_HEIGHT,
    CONTRACT_WIDTH,
    CONTRACT_RESIZE,
    CONTRACT_CROP,
    CONTRACT_LABELS,
    CONTRACT_TIES,
    CONTRACT_ASSUME_SIGN,
    CONTRACT_OPTIONS
};

#define CONTRACT_ROW(option_name, value_name, text)                                      \
    {                                                                                    \
        .name = option_name, .kind = OPTION_TEXT, .value = value_name, .help = text      \
    }

/* Rows of a command's table, from index `first` on. */
#define CONTRACT_ROWS(first)                                                             \
    [(first) +                                                                           \
        CONTRACT_LAYOUT] =                                                               \
        CONTRACT_ROW("layout", "ORDER", "of a picture's dimensions: auto, nchw, nhwc"),  \
        [(first) + CONTRACT_RANGE] =                                                     \
            CONTRACT_ROW("range", "RANGE",                                               \
                         "what a pixel is to the network: 0..255, 0..1, -1..1, or a "    \
                         "factor"),                                                      \
        [(first) + CONTRACT_MEAN] =                                                      \
            CONTRACT_ROW("mean", "M[,M,M]", "taken off after the range, by channel"),    \
        [(first) + CONTRACT_STD] =                                                       \
            CONTRACT_ROW("std", "S[,S,S]", "divided by after that, by channel"),         \
        [(first) + CONTRACT_CHANNELS] =                                                  \
            CONTRACT_ROW("channels", "ORDER", "of the colours: rgb, bgr, grey"),         \
        [(first) + CONTRACT_HEIGHT] =                                                    \
            CONTRACT_ROW("height", "PIXELS", "of pictures that the file takes flat"),    \
        [(first) + CONTRACT_WIDTH] = CONTRACT_ROW("width", "PIXELS", "likewise"),        \
        [(first) + CONTRACT_RESIZE] =                                                    \
            CONTRACT_ROW("resize", "PIXELS",                                             \
                         "the shorter side before the middle is cut out; with --crop"),  \
        [(first) + CONTRACT_CROP] = CONTRACT_ROW(                                        \
            "crop", "true", "cut the middle out, in place of fitting the whole"),        \
        [(first) + CONTRACT_LABELS] =                                                    \
            CONTRACT_ROW("labels", "A,B,..", "names of the classes, in order"),          \
        [(first) + CONTRACT_TIES] =                                                      \
            CONTRACT_ROW("ties", "up|down", "what the sign of exactly zero is"),         \
        [(first) + CONTRACT_ASSUME_SIGN] =                                               \
            CONTRACT_ROW("assume-sign", "true",                                          \
                         "real inputs of binary weights were meant to be "               \
                         "binarised")

/* Those of the n rows that were given, as the query of a PUT: "?range=0..1&mean=0.5", or
 * "". NULL: out of memory. Free it with free(). */
char *contract_query(const struct option *rows, const struct option_value *values,
                     size_t n);

#endif
