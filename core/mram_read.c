/* SPDX-License-Identifier: Apache-2.0 */
/* mram_read.c - what a read delivers: pairs are compared, words decoded, the polarity
 * undone. */
#include "core/bits.h"
#include "core/mram_array.h"
#include "core/mram_kernel.h"

#include <string.h>

/* One tile on its way from cells to weights. */
struct read {
    const struct mram *mram;        /* borrowed */
    const struct mram_layer *layer; /* borrowed */
    size_t number;
    struct mram_state *state;  /* borrowed */
    const uint64_t *target[2]; /* borrowed: MRAM_DATA, MRAM_CHECK */
    /* As sensed: the data where they will be delivered, check bits in their cells or, of
     * pairs, in `check`. */
    uint64_t *data;
    const uint64_t *check_bits;
    uint64_t check[MRAM_CHECK_WORDS];
    struct mram_dead dead[2]; /* first cells, partners */
};

/* -- Cells -- */

static void count_errors(struct read *read, const struct mram_tile *tile,
                         const uint64_t *stored, const uint64_t *target)
{
    struct mram_state *state = read->state;
    struct mram_counts n;

    read->mram->kernel->count(stored, target, tile->n_words, &n);
    state->cells += tile->n_cells;
    state->parallel += n.old;
    state->errors[MTJ_P2AP] += n.old - n.both;
    state->errors[MTJ_AP2P] += n.wanted - n.both;
}

static void count_dead(struct read *read, const struct mram_tile *tile,
                       const struct mram_dead *dead, const uint64_t *stored,
                       const uint64_t *target)
{
    if (!dead->any)
        return;
    for (size_t w = 0; w < tile->n_words; w++) {
        uint64_t cells = mram_dead_word(dead, w);

        read->state->stuck += (uint64_t)__builtin_popcountll(cells);
        read->state->stuck_errors +=
            (uint64_t)__builtin_popcountll(cells & (stored[w] ^ target[w]));
    }
}

static void look_at(struct read *read, enum mram_section section, const uint64_t *target,
                    struct mram_dead *ret_dead)
{
    struct mram_tile tile = mram_tile_of(read->mram, read->layer, read->number, section);
    const uint64_t *stored = mram_tile_words(read->layer, read->number, section);

    count_errors(read, &tile, stored, target);
    mram_find_dead(read->mram, &tile, read->number, section, ret_dead);
    count_dead(read, &tile, ret_dead, stored, target);
}

/* -- Pairs -- */

/* The lower resistance of the two is taken for P: a short below P below AP. Where they
 * are equal their mismatch decides, for each pair once and for all. */
static void compare_pairs(struct read *read, const struct mram_tile *tile,
                          const uint64_t *first, const uint64_t *second,
                          const uint64_t *cells, uint64_t *bits)
{
    uint64_t coin[MRAM_TILE_WORDS], n_equal;
    struct mram_counts n;

    read->mram->kernel->count(first, second, tile->n_words, &n);
    n_equal = tile->n_cells - n.old - n.wanted + 2 * n.both;
    read->state->equal_pairs += n_equal;
    if (n_equal > 0)
        mram_tile_random(tile, read->mram->kernel, RNG_COIN, 0, coin);
    for (size_t w = 0; w < tile->n_words; w++) {
        uint64_t equal = ~(first[w] ^ second[w]) & cells[w];

        bits[w] = (first[w] & ~second[w]) | (n_equal > 0 ? equal & coin[w] : 0);
        if (read->dead[0].any)
            bits[w] |= read->dead[0].kind[MRAM_SHORTED][w] &
                       ~(read->dead[1].any ? read->dead[1].kind[MRAM_SHORTED][w] : 0);
        if (read->dead[1].any)
            bits[w] &= ~(read->dead[1].kind[MRAM_SHORTED][w] &
                         ~(read->dead[0].any ? read->dead[0].kind[MRAM_SHORTED][w] : 0));
    }
}

/* Two cells to a bit. */
static void sense_pairs(struct read *read, enum mram_section section, uint64_t *bits)
{
    const struct mram_layer *layer = read->layer;
    enum mram_section partner = (enum mram_section)(section + MRAM_DATA_PARTNER);
    struct mram_tile tile = mram_tile_of(read->mram, layer, read->number, section);
    const uint64_t *target = read->target[section];
    uint64_t cells[MRAM_TILE_WORDS], inverse[MRAM_TILE_WORDS];

    mram_tile_cells(&tile, cells);
    for (size_t w = 0; w < tile.n_words; w++)
        inverse[w] = cells[w] & ~target[w];
    look_at(read, partner, inverse, &read->dead[1]);
    compare_pairs(read, &tile, mram_tile_words(layer, read->number, section),
                  mram_tile_words(layer, read->number, partner), cells, bits);
}

static void sense_data(struct read *read)
{
    const struct mram_layer *layer = read->layer;

    look_at(read, MRAM_DATA, read->target[MRAM_DATA], &read->dead[0]);
    if (layer->layout.pairs)
        sense_pairs(read, MRAM_DATA, read->data);
    else
        memcpy(read->data, mram_tile_words(layer, read->number, MRAM_DATA),
               mram_words_in(layer, read->number) * sizeof(*read->data));
}

static void sense_check(struct read *read)
{
    const struct mram_layer *layer = read->layer;

    look_at(read, MRAM_CHECK, read->target[MRAM_CHECK], &read->dead[0]);
    read->check_bits = mram_tile_words(layer, read->number, MRAM_CHECK);
    if (!layer->layout.pairs)
        return;
    memset(read->check, 0, sizeof(read->check));
    sense_pairs(read, MRAM_CHECK, read->check);
    read->check_bits = read->check;
}

/* -- Codes -- */

static uint16_t check_of(const uint64_t *words, size_t w)
{
    const uint64_t *second = words + MRAM_TILE_WORDS / 8;
    unsigned shift = w % 8 * 8;

    return (uint16_t)((words[w / 8] >> shift & 0xff) | (second[w / 8] >> shift & 0xff)
                                                           << 8);
}

/* Every pattern of so many errors is mended, whatever the word. */
static const unsigned surely_mended[ECC_CODES] = { 0, 1, 2 };

/* A word with errors. The decoder is asked only where it is not sure to mend them. */
static void decode_word(struct read *read, size_t w)
{
    const struct mram_layer *layer = read->layer;
    uint64_t *data = &read->data[w], target = read->target[MRAM_DATA][w];
    uint16_t check = check_of(read->check_bits, w);
    unsigned wrong_check = check ^ check_of(read->target[MRAM_CHECK], w);
    int n_wrong = __builtin_popcountll(*data ^ target) + __builtin_popcount(wrong_check);

    if ((unsigned)n_wrong <= surely_mended[layer->layout.ecc]) {
        *data = target;
        read->state->corrected++;
        return;
    }
    size_t word = mram_words_before(layer, read->number) + w;
    uint64_t cells = bits_mask(layer->n_cols, word % layer->row_words);
    enum ecc_outcome outcome = ecc_decode(
        layer->layout.ecc, (unsigned)__builtin_popcountll(cells), data, &check);

    read->state->corrected += outcome == ECC_CORRECTED && *data == target;
    read->state->detected += outcome == ECC_DETECTED;
    /* Errors may make another codeword of it, which the decoder takes for good. */
    read->state->miscorrected += outcome != ECC_DETECTED && *data != target;
}

/* Bit i: byte i is not zero. */
static unsigned bytes_set(uint64_t bytes)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t high = (((bytes & low) + low) | bytes) & ~low;

    return (unsigned)((high >> 7) * UINT64_C(0x0102040810204080) >> 56);
}

/* Most words are as they should be, and those are codewords. */
static void decode(struct read *read)
{
    size_t n_words = mram_words_in(read->layer, read->number);
    const uint64_t *target = read->target[MRAM_DATA];
    const uint64_t *check = read->check_bits, *target_check = read->target[MRAM_CHECK];

    read->state->words += n_words;
    for (size_t i = 0; i < n_words; i += 8) {
        size_t first = i / 8, second = MRAM_TILE_WORDS / 8 + i / 8;
        size_t n = n_words - i < 8 ? n_words - i : 8;
        unsigned off = bytes_set((check[first] ^ target_check[first]) |
                                 (check[second] ^ target_check[second]));

        for (size_t w = 0; w < n; w++)
            off |= (unsigned)(read->data[i + w] != target[i + w]) << w;
        for (; off != 0; off &= off - 1)
            decode_word(read, i + (unsigned)__builtin_ctz(off));
    }
}

/* -- A tile -- */

/* The cells are the weights. */
static void read_plain(struct read *read, const uint64_t *wanted)
{
    struct mram_state was = *read->state;

    look_at(read, MRAM_DATA, wanted, &read->dead[0]);
    for (unsigned d = 0; d < 2; d++)
        read->state->wrong[d] += read->state->errors[d] - was.errors[d];
}

void mram_read_tile(struct mram *mram, struct mram_layer *layer, size_t tile,
                    const uint64_t *wanted, const uint64_t *const target[2],
                    struct mram_state *state)
{
    struct mram_tile t = mram_tile_of(mram, layer, tile, MRAM_DATA);
    size_t before = mram_words_before(layer, tile);
    struct mram_counts n;
    struct read read;

    /* Not all of it: it is large, and filled in as needed. */
    read.mram = mram;
    read.layer = layer;
    read.number = tile;
    read.state = state;
    state->weights += t.n_cells;
    if (layer->delivered == NULL) {
        read_plain(&read, wanted + before);
        return;
    }
    read.target[MRAM_DATA] = target[MRAM_DATA];
    read.target[MRAM_CHECK] = target[MRAM_CHECK];
    read.data = layer->delivered + before;
    sense_data(&read);
    if (layer->layout.ecc != ECC_NONE) {
        sense_check(&read);
        decode(&read);
    }
    mram_apply_polarity(mram, layer, tile, read.data, read.data);
    mram->kernel->count(read.data, wanted + before, t.n_words, &n);
    state->wrong[0] += n.old - n.both;
    state->wrong[1] += n.wanted - n.both;
}

enum status mram_read(struct mram *mram, const uint64_t *const *wanted, size_t first,
                      size_t n, struct mram_state *ret_states)
{
    uint64_t data[MRAM_TILE_WORDS], check[MRAM_CHECK_WORDS];
    const uint64_t *const target[2] = { data, check };

    if (first > mram->n_tiles || n > mram->n_tiles - first)
        return ST_RANGE;
    for (size_t t = first; t < first + n; t++) {
        size_t l = mram_tile_layer(mram, t);
        struct mram_layer *layer = &mram->layers[l];

        if (!mram_is_plain(&layer->layout))
            mram_tile_targets(mram, layer, t, wanted[l], data, check);
        mram_read_tile(mram, layer, t, wanted[l], target, &ret_states[l]);
    }
    return ST_OK;
}
