/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mram_risk.h"

#include "core/bits.h"

#include <math.h>
#include <string.h>

void mram_risk_begin(const struct mram *mram, const struct mram_layer *layer,
                     struct mram_risk *ret_risk)
{
    memset(ret_risk, 0, sizeof(*ret_risk));
    ret_risk->mram = mram;
    ret_risk->layer = layer;
}

void mram_risk_tile(struct mram_risk *risk, size_t number)
{
    risk->number = number;
    for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
        if (risk->layer->section[s] == NULL)
            continue;
        memset(risk->dead_wrong[s], 0, sizeof(risk->dead_wrong[s]));
        memset(risk->shorted[s], 0, sizeof(risk->shorted[s]));
    }
}

static void add_dead(struct mram_risk *risk, enum mram_section section,
                     const uint64_t *target, const struct mram_dead *dead)
{
    for (size_t w = 0; w < MRAM_TILE_WORDS; w++) {
        uint64_t p = dead->kind[MRAM_STUCK_P][w] | dead->kind[MRAM_SHORTED][w];
        uint64_t wrong = (p & ~target[w]) | (dead->kind[MRAM_STUCK_AP][w] & target[w]);

        risk->dead_wrong[section][w] = wrong;
        risk->shorted[section][w] = dead->kind[MRAM_SHORTED][w];
        risk->dead_errors += __builtin_popcountll(wrong);
    }
}

void mram_risk_section(struct mram_risk *risk, enum mram_section section,
                       const uint64_t *toggles, const uint64_t *target,
                       const struct mram_dead *dead, const uint64_t n_toggles[2],
                       const double errors[2])
{
    memcpy(risk->toggles[section], toggles, sizeof(risk->toggles[section]));
    memcpy(risk->target[section], target, sizeof(risk->target[section]));
    if (dead != NULL)
        add_dead(risk, section, target, dead);
    for (unsigned d = 0; d < 2; d++) {
        risk->n_cells[d] += (double)n_toggles[d];
        risk->errors[d] += errors[d];
    }
}

/* -- From cells to bits -- */

/* Words of bits at risk, and of bits sure to be wrong. */
struct exposure {
    uint64_t at_risk, sure;
};

static unsigned count(uint64_t bits)
{
    return (unsigned)__builtin_popcountll(bits);
}

static void add_by_direction(double n[2], uint64_t cells, uint64_t target)
{
    n[MTJ_P2AP] += count(cells & ~target);
    n[MTJ_AP2P] += count(cells & target);
}

static struct exposure lone_word(struct mram_risk *risk, enum mram_section section,
                                 size_t w)
{
    struct exposure e = { risk->toggles[section][w], risk->dead_wrong[section][w] };

    add_by_direction(risk->n_lone, e.at_risk, risk->target[section][w]);
    risk->n_sure += count(e.sure);
    return e;
}

/* A short wins its pair and makes it right or wrong whatever the partner does; of two
 * shorts the coin decides, as it does where another dead cell is wrong. A pair with such
 * a cell whose partner fails as well, or is dead and wrong too, is sure to be wrong: so
 * rare that it counts as the coin's alone. */
static struct exposure pair_word(struct mram_risk *risk, enum mram_section section,
                                 size_t w)
{
    unsigned partner = section + MRAM_DATA_PARTNER;
    uint64_t target = risk->target[section][w];
    uint64_t as_p = risk->shorted[section][w] & ~risk->shorted[partner][w];
    uint64_t as_ap = risk->shorted[partner][w] & ~risk->shorted[section][w];
    uint64_t sure = (as_p & ~target) | (as_ap & target), decided = as_p | as_ap;
    uint64_t coin =
        (risk->dead_wrong[section][w] | risk->dead_wrong[partner][w]) & ~decided;
    uint64_t alive = ~(decided | coin);
    uint64_t first = risk->toggles[section][w] & alive;
    uint64_t second = risk->toggles[partner][w] & alive;

    risk->n_both += count(first & second);
    add_by_direction(risk->n_first, first & ~second, target);
    add_by_direction(risk->n_second, second & ~first, risk->target[partner][w]);
    risk->n_coin += count(coin);
    risk->n_sure += count(sure);
    return (struct exposure) { first | second | coin, sure };
}

static struct exposure expose(struct mram_risk *risk, enum mram_section section, size_t w)
{
    return risk->layer->layout.pairs ? pair_word(risk, section, w)
                                     : lone_word(risk, section, w);
}

void mram_risk_tile_end(struct mram_risk *risk)
{
    const struct mram_layer *layer = risk->layer;
    size_t n_words = mram_words_in(layer, risk->number);
    struct exposure check[MRAM_CHECK_WORDS];
    uint64_t cells[MRAM_TILE_WORDS];

    if (layer->layout.ecc != ECC_NONE) {
        mram_cells(risk->mram, risk->number, MRAM_DATA, cells);
        for (size_t w = 0; w < MRAM_CHECK_WORDS; w++)
            check[w] = expose(risk, MRAM_CHECK, w);
    }
    for (size_t w = 0; w < n_words; w++) {
        struct exposure data = expose(risk, MRAM_DATA, w);
        unsigned at_risk = count(data.at_risk), sure = count(data.sure);

        if (layer->layout.ecc == ECC_NONE)
            continue;
        for (size_t part = 0; part < 2; part++) {
            const struct exposure *e = &check[part * (MRAM_TILE_WORDS / 8) + w / 8];
            uint64_t byte = UINT64_C(0xff) << w % 8 * 8;

            at_risk += count(e->at_risk & byte);
            sure += count(e->sure & byte);
        }
        risk->words[count(cells[w])][sure < MRAM_MAX_SURE ? sure : MRAM_MAX_SURE]
                   [at_risk]++;
    }
}

/* -- What to expect -- */

double mram_risk_errors(const struct mram_risk *risk)
{
    return risk->errors[0] + risk->errors[1] + risk->dead_errors;
}

/* Mean rate of a cell at risk. */
static double mean_rate(const struct mram_risk *risk, unsigned d)
{
    return risk->n_cells[d] > 0.0 ? risk->errors[d] / risk->n_cells[d] : 0.0;
}

/* Expected wrong bits among those at risk, before any code, and how many these are. */
static double bits_wrong(const struct mram_risk *risk, double *ret_n)
{
    double p[2] = { mean_rate(risk, 0), mean_rate(risk, 1) };
    double both = p[0] * p[1] + 0.5 * (p[0] * (1.0 - p[1]) + p[1] * (1.0 - p[0]));
    double wrong = both * risk->n_both + 0.5 * risk->n_coin;

    *ret_n = risk->n_both + risk->n_coin;
    for (unsigned d = 0; d < 2; d++) {
        wrong += p[d] * (risk->n_lone[d] + 0.5 * (risk->n_first[d] + risk->n_second[d]));
        *ret_n += risk->n_lone[d] + risk->n_first[d] + risk->n_second[d];
    }
    return wrong;
}

/* Expected wrong data bits of a codeword. */
static double word_wrong(enum ecc_code code, unsigned n_data, unsigned sure,
                         unsigned at_risk, double p)
{
    double wrong = 0.0;

    for (unsigned k = 0; k <= at_risk; k++)
        wrong += ecc_chance(at_risk, k, p) * ecc_post_rate_given(code, n_data, sure + k);
    return wrong * n_data;
}

double mram_risk_wrong_bits(const struct mram_risk *risk)
{
    enum ecc_code code = risk->layer->layout.ecc;
    double n, wrong = bits_wrong(risk, &n), sum = 0.0;

    if (code == ECC_NONE)
        return wrong + risk->n_sure;
    for (unsigned n_data = 1; n_data <= 64; n_data++)
        for (unsigned sure = 0; sure <= MRAM_MAX_SURE; sure++)
            for (unsigned m = 0; m <= MRAM_MAX_CODEWORD; m++) {
                uint64_t words = risk->words[n_data][sure][m];

                if (words > 0)
                    sum +=
                        (double)words * word_wrong(code, n_data, sure, m,
                                                   n > 0.0 ? fmin(wrong / n, 1.0) : 0.0);
            }
    return sum;
}
