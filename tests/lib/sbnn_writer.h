/* SPDX-License-Identifier: Apache-2.0 */
/* sbnn_writer.h - makes networks, and .sbnn bytes out of networks, for tests.
 *
 * Written from the table in storage/README.md alone: it shares no code with the reader but
 * zlib's checksum.
 * Nothing here fails; without memory it aborts.
 */
#ifndef TESTS_LIB_SBNN_WRITER_H
#define TESTS_LIB_SBNN_WRITER_H

#include "core/network.h"

struct sbnn_shape {
    const char *name;
    struct network_input input;
    size_t n_layers;
    size_t n_out[8]; /* of each layer; the last is the number of classes */
};

/* A random consistent network with the checksum that its file has, the version 1 of its
 * name. Free it with network_free. */
struct network *sbnn_random(const struct sbnn_shape *shape, uint64_t seed);

struct sbnn_bytes {
    uint8_t *bytes; /* free() it */
    size_t len;
    /* Where things are, for tests that break them. */
    size_t input_at;     /* height */
    size_t classes_at;   /* number of classes */
    size_t layers_at;    /* number of layers */
    size_t kind_at[8];   /* of each layer; inputs and outputs follow */
    size_t values_at[8]; /* thresholds, or scale */
    size_t weights_at[8];
    size_t stages_at; /* the first stage, version 2 */
};

/* Writes what the network says, consistent or not: version 1, which has no stages (those
 * of a chain are understood), and version 2. At most 8 layers. */
struct sbnn_bytes sbnn_write(const struct network *net);
struct sbnn_bytes sbnn_write_stages(const struct network *net);
void sbnn_write_file(const char *path, const struct network *net);

/* Makes length and checksum right again, of an .sbnn file and of an array image alike.
 * Does nothing to bytes that are too short to have them. */
void sbnn_seal(uint8_t *bytes, size_t len);

#endif
