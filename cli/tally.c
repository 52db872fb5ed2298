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

/* Is the label among the first `top` scores? -1 if there are not so many. */
static int is_among(const json_t *result, uint32_t label, size_t top)
{
    const json_t *scores = field(result, "scores");
    int found = 0;

    for (size_t i = 0; i < top; i++) {
        const json_t *class = field(json_array_get(scores, i), "class");

        if (!json_is_integer(class))
            return -1;
        found |= json_integer_value(class) == label;
    }
    return found;
}

struct counted {
    uint64_t correct, correct_top;
};

static enum status count_correct(const json_t *answer, const uint32_t *labels, size_t n,
                                 size_t top, struct counted *ret_counted,
                                 char why[ERR_LEN])
{
    const json_t *results = field(answer, "results");
    struct counted counted = { 0, 0 };

    if (json_array_size(results) != n) {
        snprintf(why, ERR_LEN, "%zu pictures were sent, the answer has %zu results", n,
                 json_array_size(results));
        return ST_FORMAT;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *result = json_array_get(results, i);
        const json_t *class = field(result, "class");

        if (!json_is_integer(class)) {
            snprintf(why, ERR_LEN, "result %zu of the answer names no class", i);
            return ST_FORMAT;
        }
        int correct = json_integer_value(class) == labels[i];
        int among = top > 1 ? is_among(result, labels[i], top) : correct;
        if (among < 0) {
            snprintf(why, ERR_LEN, "result %zu of the answer has not %zu scores", i, top);
            return ST_FORMAT;
        }
        counted.correct += (uint64_t)correct;
        counted.correct_top += (uint64_t)among;
    }
    *ret_counted = counted;
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

enum status tally_add(struct tally *tally, const json_t *answer, const uint32_t *labels,
                      size_t n, size_t top, char why[ERR_LEN])
{
    struct counted counted;
    enum status st = count_correct(answer, labels, n, top, &counted, why);

    if (st != ST_OK)
        return st;

    json_int_t generation = json_integer_value(field(answer, "generation"));
    struct tally_generation *at = find_generation(tally, (uint64_t)generation);
    if (at == NULL) {
        snprintf(why, ERR_LEN, "out of memory");
        return ST_NOMEM;
    }
    at->n += n;
    at->correct += counted.correct;
    at->wrong_bits = field_number(answer, "memory.wrong_bits");
    at->cells = field_number(answer, "memory.cells");
    tally->n += n;
    tally->correct += counted.correct;
    tally->correct_top += counted.correct_top;
    tally->energy_pj += field_number(answer, "energy.total_pj");
    return ST_OK;
}
