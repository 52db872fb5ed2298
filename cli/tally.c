/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tally.h"

#include "cli/field.h"

#include <stdio.h>
#include <stdlib.h>

void tally_done(struct tally *tally)
{
    free(tally->generations);
    *tally = (struct tally) { 0 };
}

static enum status count_correct(const json_t *answer, const uint8_t *labels, size_t n,
                                 uint64_t *ret_correct, char why[ERR_LEN])
{
    const json_t *results = field(answer, "results");
    uint64_t correct = 0;

    if (json_array_size(results) != n) {
        snprintf(why, ERR_LEN, "%zu pictures were sent, the answer has %zu results", n,
                 json_array_size(results));
        return ST_FORMAT;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *class = field(json_array_get(results, i), "class");

        if (!json_is_integer(class)) {
            snprintf(why, ERR_LEN, "result %zu of the answer names no class", i);
            return ST_FORMAT;
        }
        correct += json_integer_value(class) == labels[i];
    }
    *ret_correct = correct;
    return ST_OK;
}

static struct tally_generation *find_generation(struct tally *tally, uint64_t generation)
{
    for (size_t i = 0; i < tally->n_generations; i++)
        if (tally->generations[i].generation == generation)
            return &tally->generations[i];

    if (tally->n_generations == tally->cap) {
        size_t cap = tally->cap == 0 ? 4 : 2 * tally->cap;
        struct tally_generation *grown =
            realloc(tally->generations, cap * sizeof(*grown));

        if (grown == NULL)
            return NULL;
        tally->generations = grown;
        tally->cap = cap;
    }

    struct tally_generation *added = &tally->generations[tally->n_generations++];
    *added = (struct tally_generation) { .generation = generation };
    return added;
}

enum status tally_add(struct tally *tally, const json_t *answer, const uint8_t *labels,
                      size_t n, char why[ERR_LEN])
{
    uint64_t correct = 0;
    enum status st = count_correct(answer, labels, n, &correct, why);

    if (st != ST_OK)
        return st;

    json_int_t generation = json_integer_value(field(answer, "generation"));
    struct tally_generation *at = find_generation(tally, (uint64_t)generation);
    if (at == NULL) {
        snprintf(why, ERR_LEN, "out of memory");
        return ST_NOMEM;
    }
    at->n += n;
    at->correct += correct;
    at->wrong_bits = field_number(answer, "memory.wrong_bits");
    at->cells = field_number(answer, "memory.cells");
    tally->n += n;
    tally->correct += correct;
    tally->energy_pj += field_number(answer, "energy.total_pj");
    return ST_OK;
}
