/* SPDX-License-Identifier: Apache-2.0 */
/* array_fixture.h - arrays of every kind, filled with what can be told apart, and their
 * images; for tests of storage/array_image.h.
 */
#ifndef TESTS_LIB_ARRAY_FIXTURE_H
#define TESTS_LIB_ARRAY_FIXTURE_H

#include "storage/array_image.h"
#include "tests/lib/sbnn_writer.h"

#include <stddef.h>
#include <stdint.h>

extern const struct sbnn_shape array_small;
/* Several tiles and several buffers of the writer, rows that do not fill words. */
extern const struct sbnn_shape array_large;

/* A network, an array of its shape and what a programming of it left. */
struct array_fixture {
    struct network *net;
    struct mram *mram;
    struct array_image image;
    struct mram_forecast forecasts[4];
    struct mram_result results[4];
    struct mram_state states[4];
};

/* A plain one, of generation 1. */
void array_fixture_make(struct array_fixture *f, const struct sbnn_shape *shape);
void array_fixture_free(struct array_fixture *f);

enum {
    ARRAY_SECDED,
    ARRAY_BCH2_AND_RETRIES,
    ARRAY_PAIRS,
    ARRAY_LISTED_DEFECTS,
    ARRAY_PAIRS_OF_CHECK_CELLS,
    ARRAY_LAYERS_OF_THEIR_OWN,
    ARRAY_SEEDED_DEFECTS,
    ARRAY_TABLE,
    ARRAY_DEVICE_OF_ITS_OWN,
    ARRAY_KINDS,
};
void array_fixture_make_kind(struct array_fixture *f, const struct sbnn_shape *shape,
                             size_t kind);

/* Everything in the image, and every cell, follows from `generation`. */
void array_fixture_fill(struct array_fixture *f, uint64_t generation);
/* Gives a plain array four defects that are listed. */
void array_fixture_list_defects(struct array_fixture *f);

/* Saves the image; a failure has said why. */
enum status array_fixture_save(struct array_fixture *f, const char *path);
/* The image as bytes; free() them. */
uint8_t *array_fixture_bytes(struct array_fixture *f, size_t *ret_len);

/* Fails unless what was read is the fixture, in every field and every cell. */
void array_fixture_assert_same(const struct array_fixture *f,
                               const struct array_image *image, const struct mram *mram);
/* Fails unless a layer's cells are the same. */
void array_fixture_assert_contents(const struct mram *a, const struct mram *b,
                                   size_t layer);

#endif
