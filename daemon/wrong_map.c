/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/wrong_map.h"

#include "core/bits.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* One layer: the places of wrong weights, ascending, or a bit for every place. A place is
 * a bit of the layer's words. */
struct layer_map {
    uint64_t n_wrong;
    size_t n_words; /* of the layer */
    bool dense;
    uint64_t *data; /* ours */
};

struct wrong_map {
    uint64_t generation;
    size_t n_layers;
    struct layer_map layers[];
};

static uint64_t count_wrong(const uint64_t *delivered, const uint64_t *wanted,
                            size_t n_words)
{
    uint64_t n = 0;

    for (size_t w = 0; w < n_words; w++)
        n += (uint64_t)__builtin_popcountll(delivered[w] ^ wanted[w]);
    return n;
}

static void fill(struct layer_map *map, const uint64_t *delivered, const uint64_t *wanted)
{
    size_t n = 0;

    for (size_t w = 0; w < map->n_words; w++) {
        uint64_t wrong = delivered[w] ^ wanted[w];

        if (map->dense)
            map->data[w] = wrong;
        for (; !map->dense && wrong != 0; wrong &= wrong - 1)
            map->data[n++] = w * 64 + (unsigned)__builtin_ctzll(wrong);
    }
}

static enum status map_layer(const struct mram *mram, size_t layer,
                             const uint64_t *wanted, struct layer_map *map)
{
    const uint64_t *delivered = mram_delivered(mram, layer);

    map->n_words = mram_section_words(mram, layer, MRAM_DATA);
    map->n_wrong = count_wrong(delivered, wanted, map->n_words);
    map->dense = map->n_wrong > map->n_words;
    map->data = calloc((map->dense ? map->n_words : map->n_wrong) + 1, sizeof(uint64_t));
    if (map->data == NULL)
        return ST_NOMEM;
    fill(map, delivered, wanted);
    return ST_OK;
}

enum status wrong_map_new(const struct mram *mram, const uint64_t *const *wanted,
                          uint64_t generation, struct wrong_map **ret_map)
{
    size_t n_layers = mram_layers(mram);
    struct wrong_map *map = calloc(1, sizeof(*map) + n_layers * sizeof(map->layers[0]));

    if (map == NULL)
        return ST_NOMEM;
    map->generation = generation;
    map->n_layers = n_layers;
    for (size_t l = 0; l < n_layers; l++) {
        if (map_layer(mram, l, wanted[l], &map->layers[l]) != ST_OK) {
            wrong_map_free(map);
            return ST_NOMEM;
        }
    }
    *ret_map = map;
    return ST_OK;
}

void wrong_map_free(struct wrong_map *map)
{
    if (map == NULL)
        return;
    for (size_t l = 0; l < map->n_layers; l++)
        free(map->layers[l].data);
    free(map);
}

uint64_t wrong_map_generation(const struct wrong_map *map)
{
    return map->generation;
}

/* Walks through the words of a map. */
struct walk {
    const struct layer_map *map;
    uint64_t next; /* of a list */
};

static uint64_t walk_word(struct walk *walk, size_t w)
{
    const struct layer_map *map = walk->map;
    uint64_t word = 0;

    if (map->dense)
        return map->data[w];
    while (walk->next < map->n_wrong && map->data[walk->next] / 64 == w)
        word |= UINT64_C(1) << map->data[walk->next++] % 64;
    return word;
}

struct wrong_overlap wrong_map_compare(const struct wrong_map *a,
                                       const struct wrong_map *b, size_t layer,
                                       size_t n_cols, struct place *ret_places,
                                       size_t max, size_t *ret_n)
{
    struct walk of_a = { &a->layers[layer], 0 }, of_b = { &b->layers[layer], 0 };
    struct wrong_overlap overlap = { of_a.map->n_wrong, of_b.map->n_wrong, 0 };
    size_t row_words = bits_words(n_cols);

    *ret_n = 0;
    for (size_t w = 0; w < of_a.map->n_words; w++) {
        uint64_t both = walk_word(&of_a, w);
        both &= walk_word(&of_b, w);

        overlap.both += (uint64_t)__builtin_popcountll(both);
        for (; both != 0 && *ret_n < max; both &= both - 1)
            ret_places[(*ret_n)++] = (struct place) {
                .layer = layer,
                .row = w / row_words,
                .column = w % row_words * 64 + (unsigned)__builtin_ctzll(both),
            };
    }
    return overlap;
}
