/* SPDX-License-Identifier: Apache-2.0 */
/* What the sections of a tile are, and what they should hold. */
#include "core/bits.h"
#include "core/mram_array.h"

#include <endian.h>
#include <string.h>

static struct mram_tile data_tile(const struct mram_layer *layer, size_t number)
{
    size_t before = mram_words_before(layer, number);
    size_t n_words = mram_words_in(layer, number);
    size_t row_words = layer->row_words;
    uint64_t tail_mask = bits_mask(layer->n_cols, row_words - 1);
    size_t first_tail = row_words - 1 - before % row_words;
    size_t n_tails =
        first_tail < n_words ? (n_words - 1 - first_tail) / row_words + 1 : 0;
    size_t padding = 64 - (size_t)__builtin_popcountll(tail_mask);

    return (struct mram_tile) {
        .n_words = n_words,
        .n_cells = n_words * 64 - n_tails * padding,
        .row_words = row_words,
        .first_tail = first_tail,
        .tail_mask = tail_mask,
    };
}

static struct mram_tile check_tile(const struct mram_layer *layer, size_t number)
{
    unsigned n_bits = ecc_check_bits(layer->layout.ecc);
    size_t n_codewords = mram_words_in(layer, number);
    size_t part_words = bits_words(8 * n_codewords);

    return (struct mram_tile) {
        .n_words = n_bits > 8 ? MRAM_TILE_WORDS / 8 + part_words : part_words,
        .n_cells = n_codewords * n_bits,
        .n_codewords = n_codewords,
        .byte_cells = { (uint8_t)bits_mask(n_bits < 8 ? n_bits : 8, 0),
                        (uint8_t)(n_bits > 8 ? bits_mask(n_bits - 8, 0) : 0) },
    };
}

struct mram_tile mram_tile_of(const struct mram *mram, const struct mram_layer *layer,
                              size_t number, enum mram_section section)
{
    struct mram_tile tile = mram_section_is_check(section) ? check_tile(layer, number)
                                                           : data_tile(layer, number);

    tile.seed = mram->seed;
    tile.number = number | (uint64_t)section << MRAM_KEY_SECTION_SHIFT;
    return tile;
}

uint64_t *mram_tile_words(const struct mram_layer *layer, size_t number,
                          enum mram_section section)
{
    return layer->section[section] +
           (number - layer->first_tile) * mram_section_stride(section);
}

void mram_cells(const struct mram *mram, size_t tile, enum mram_section section,
                uint64_t *ret_words)
{
    struct mram_tile t =
        mram_tile_of(mram, &mram->layers[mram_tile_layer(mram, tile)], tile, section);

    mram_tile_cells(&t, ret_words);
}

const uint64_t *mram_tile_section(const struct mram *mram, size_t tile,
                                  enum mram_section section, size_t *ret_n)
{
    const struct mram_layer *layer = &mram->layers[mram_tile_layer(mram, tile)];

    if (layer->section[section] == NULL)
        return NULL;
    *ret_n = mram_tile_of(mram, layer, tile, section).n_words;
    return mram_tile_words(layer, tile, section);
}

/* -- Polarity -- */

static void invert_odd_rows(const struct mram_layer *layer, size_t first_word,
                            size_t n_words, uint64_t *words)
{
    for (size_t w = 0; w < n_words; w++)
        if ((first_word + w) / layer->row_words % 2 != 0)
            words[w] = ~words[w];
}

void mram_apply_polarity(const struct mram *mram, const struct mram_layer *layer,
                         size_t tile, const uint64_t *in, uint64_t *out)
{
    struct mram_tile t = mram_tile_of(mram, layer, tile, MRAM_DATA);
    uint64_t mask[MRAM_TILE_WORDS], cells[MRAM_TILE_WORDS];

    if (out != in)
        memcpy(out, in, t.n_words * sizeof(*out));
    switch (layer->layout.polarity) {
    case MRAM_POLARITY_NONE:
        return;
    case MRAM_POLARITY_ODD_COLUMNS:
        for (size_t w = 0; w < t.n_words; w++)
            out[w] ^= UINT64_C(0xaaaaaaaaaaaaaaaa);
        break;
    case MRAM_POLARITY_ODD_ROWS:
        invert_odd_rows(layer, mram_words_before(layer, tile), t.n_words, out);
        break;
    case MRAM_POLARITY_SEEDED:
        mram_tile_random(&t, mram->kernel, RNG_POLARITY, 0, mask);
        for (size_t w = 0; w < t.n_words; w++)
            out[w] ^= mask[w];
        return;
    }
    mram_tile_cells(&t, cells);
    for (size_t w = 0; w < t.n_words; w++)
        out[w] &= cells[w];
}

/* -- Check bits -- */

/* Byte i of a vector is bits 8 i .. 8 i + 7 on any machine, so the bytes are written into
 * the words and these taken for little endian. */
void mram_check_words(const struct mram *mram, const struct mram_layer *layer,
                      size_t tile, const uint64_t *data, uint64_t *ret_words)
{
    uint8_t *first = (uint8_t *)ret_words, *second = first + MRAM_TILE_WORDS;

    memset(ret_words, 0, MRAM_CHECK_WORDS * sizeof(*ret_words));
    mram->kernel->encode(layer->layout.ecc, data, mram_words_in(layer, tile),
                         (uint8_t *const[2]) { first, second });
    for (size_t w = 0; w < MRAM_CHECK_WORDS; w++)
        ret_words[w] = le64toh(ret_words[w]);
}

void mram_tile_targets(const struct mram *mram, const struct mram_layer *layer,
                       size_t tile, const uint64_t *wanted, uint64_t *ret_data,
                       uint64_t *ret_check)
{
    size_t n_words = mram_words_in(layer, tile);

    mram_apply_polarity(mram, layer, tile, wanted + mram_words_before(layer, tile),
                        ret_data);
    memset(ret_data + n_words, 0, (MRAM_TILE_WORDS - n_words) * sizeof(*ret_data));
    if (layer->layout.ecc != ECC_NONE)
        mram_check_words(mram, layer, tile, ret_data, ret_check);
}

void mram_target(const struct mram *mram, const uint64_t *wanted, size_t tile,
                 enum mram_section section, uint64_t *ret_words)
{
    const struct mram_layer *layer = &mram->layers[mram_tile_layer(mram, tile)];
    uint64_t data[MRAM_TILE_WORDS], cells[MRAM_TILE_WORDS];

    memset(ret_words, 0, MRAM_TILE_WORDS * sizeof(*ret_words));
    mram_apply_polarity(mram, layer, tile, wanted + mram_words_before(layer, tile), data);
    if (mram_section_is_check(section))
        mram_check_words(mram, layer, tile, data, ret_words);
    else
        memcpy(ret_words, data, mram_words_in(layer, tile) * sizeof(*ret_words));
    if (!mram_section_is_partner(section))
        return;
    mram_cells(mram, tile, section, cells);
    for (size_t w = 0; w < MRAM_TILE_WORDS; w++)
        ret_words[w] ^= cells[w];
}
