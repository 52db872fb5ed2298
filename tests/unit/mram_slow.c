/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/mram_slow.h"

#include "core/mram_tile.h"

/* -- Draws -- */

/* Draw `n` of a stream's batches, as mram_kernel.h orders them. */
static uint32_t bulk_draw(const struct rng_stream *at, size_t n)
{
    struct rng_stream one = *at;

    one.counter[0] = (uint32_t)(n / 64 * 16 + n % 16);
    for (size_t skip = n % 64 / 16; skip > 0; skip--)
        (void)rng_u32(&one);
    return rng_u32(&one);
}

static uint32_t tie_draw(const struct rng_stream *at, size_t cell)
{
    struct rng_stream one = *at;

    one.counter[0] = (uint32_t)(16384 + cell);
    return rng_u32(&one);
}

static struct rng_stream stream(const struct mram *mram, enum rng_purpose purpose,
                                uint64_t generation, size_t tile,
                                enum mram_section section, unsigned attempt)
{
    struct rng_stream at;

    rng_start(&at, mram_seed(mram), purpose, generation,
              tile | (uint64_t)section << 48 | (uint64_t)attempt << 52);
    return at;
}

/* A seeded bit of every cell. */
static bool seeded_bit(const struct mram *mram, enum rng_purpose purpose,
                       uint64_t generation, size_t tile, enum mram_section section,
                       size_t cell)
{
    struct rng_stream at = stream(mram, purpose, generation, tile, section, 0);

    return bulk_draw(&at, cell / 32) >> (cell % 32) & 1;
}

/* -- Where cells are -- */

static size_t words_of(const struct mram *mram, size_t layer)
{
    struct mram_shape shape = mram_shape(mram, layer);

    return shape.n_rows * bits_words(shape.n_cols);
}

/* Of the layer: the word that a cell of a data section is in, or that a check bit is of.
 */
static size_t word_of(const struct mram *mram, size_t layer, size_t tile,
                      enum mram_section section, size_t cell)
{
    size_t in_tile = section % 2 == MRAM_CHECK ? cell / 8 % MRAM_TILE_WORDS : cell / 64;

    return (tile - mram_first_tile(mram, layer)) * MRAM_TILE_WORDS + in_tile;
}

static unsigned check_bit_of(size_t cell)
{
    return (unsigned)(cell / 8 / MRAM_TILE_WORDS * 8 + cell % 8);
}

static size_t positions(enum mram_section section)
{
    return 64 * (section % 2 == MRAM_CHECK ? MRAM_CHECK_WORDS : MRAM_TILE_WORDS);
}

static size_t column_of(const struct mram *mram, size_t layer, size_t word, size_t cell)
{
    return word % bits_words(mram_shape(mram, layer).n_cols) * 64 + cell % 64;
}

bool slow_is_cell(const struct mram *mram, size_t layer, size_t tile,
                  enum mram_section section, size_t cell)
{
    size_t word = word_of(mram, layer, tile, section, cell);

    if (cell >= positions(section) || word >= words_of(mram, layer))
        return false;
    if (section % 2 == MRAM_CHECK)
        return check_bit_of(cell) < ecc_check_bits(mram_layout(mram, layer).ecc);
    return column_of(mram, layer, word, cell) < mram_shape(mram, layer).n_cols;
}

bool slow_has_section(const struct mram *mram, size_t layer, unsigned section)
{
    struct mram_layout layout = mram_layout(mram, layer);

    return (section % 2 == 0 || layout.ecc != ECC_NONE) && (section < 2 || layout.pairs);
}

unsigned slow_class(const struct mram *mram, size_t tile, enum mram_section section,
                    size_t cell)
{
    static struct mram_classes classes;
    static bool made;
    struct rng_stream at = stream(mram, RNG_FABRICATION, 0, tile, section, 0);

    if (!made) {
        double weight[MTJ_CLASSES];
        for (unsigned c = 0; c < MTJ_CLASSES; c++)
            weight[c] = mtj_class_weight(c);
        mram_classes_init(&classes, weight);
        made = true;
    }
    uint32_t draw = bulk_draw(&at, cell), column = draw >> 23, rest = draw & 0x7fffff;
    uint32_t keep = classes.entry[column] >> 9, other = classes.entry[column] & 0x1ff;

    if (rest == keep)
        return tie_draw(&at, cell) < classes.keep_low[column] ? column : other;
    return rest < keep ? column : other;
}

/* -- What cells should hold -- */

static bool is_inverted(const struct mram *mram, size_t layer, size_t tile, size_t cell)
{
    size_t word = word_of(mram, layer, tile, MRAM_DATA, cell);

    switch (mram_layout(mram, layer).polarity) {
    case MRAM_POLARITY_NONE:
        return false;
    case MRAM_POLARITY_ODD_COLUMNS:
        return column_of(mram, layer, word, cell) % 2 != 0;
    case MRAM_POLARITY_ODD_ROWS:
        return word / bits_words(mram_shape(mram, layer).n_cols) % 2 != 0;
    case MRAM_POLARITY_SEEDED:
        return seeded_bit(mram, RNG_POLARITY, 0, tile, MRAM_DATA, cell);
    }
    return false;
}

/* `inverted` marks the weights of a tile that are; one tile at a time is looked at. */
struct target {
    uint64_t data[MRAM_TILE_WORDS];
    uint16_t check[MRAM_TILE_WORDS];
    uint64_t inverted[MRAM_TILE_WORDS];
};

static void find_target(const struct mram *mram, size_t layer, size_t tile,
                        const uint64_t *wanted, struct target *target)
{
    enum ecc_code ecc = mram_layout(mram, layer).ecc;

    memset(target, 0, sizeof(*target));
    for (size_t cell = 0; cell < MRAM_TILE_CELLS; cell++) {
        if (!slow_is_cell(mram, layer, tile, MRAM_DATA, cell))
            continue;
        size_t word = word_of(mram, layer, tile, MRAM_DATA, cell);
        bool inverted = is_inverted(mram, layer, tile, cell);

        bits_put(target->inverted, cell, inverted);
        bits_put(target->data, cell, (wanted[word] >> cell % 64 & 1) != inverted);
    }
    for (size_t w = 0; ecc != ECC_NONE && w < MRAM_TILE_WORDS; w++)
        target->check[w] = ecc_encode(ecc, target->data[w]);
}

static bool target_bit(const struct target *target, enum mram_section section,
                       size_t cell)
{
    bool bit = section % 2 == MRAM_CHECK
                   ? target->check[cell / 8 % MRAM_TILE_WORDS] >> check_bit_of(cell) & 1
                   : bits_get(target->data, cell);

    return section >= MRAM_DATA_PARTNER ? !bit : bit;
}

/* -- Defects -- */

/* By cell: 0, or 1 + the kind. */
static void find_defects(const struct mram *mram, size_t layer, size_t tile,
                         enum mram_section section, uint8_t *dead)
{
    const struct mram_defects *defects = mram_defects(mram);
    const double *share = defects->share;
    double all = share[0] + share[1] + share[2];
    struct rng_stream rng = stream(mram, RNG_DEFECT, 0, tile, section, 0);
    size_t row_words = bits_words(mram_shape(mram, layer).n_cols);

    memset(dead, 0, MRAM_TILE_CELLS);
    for (size_t cell = 0; all > 0.0; cell++) {
        uint64_t skip = rng_skip(&rng, rng_inv_ln_q(all));
        if (skip >= MRAM_TILE_CELLS - cell)
            break;
        cell += skip;
        double at = (double)(rng_u64(&rng) >> 11) * 0x1p-53 * all;
        dead[cell] = at < share[0] ? 1 : at < share[0] + share[1] ? 2 : 3;
    }
    /* The last kind of the enum wins where a place is listed twice. */
    for (unsigned kind = 0; kind < MRAM_DEFECT_KINDS; kind++) {
        for (size_t i = 0; i < defects->n_listed; i++) {
            const struct mram_defect *d = &defects->listed[i];
            size_t word = d->row * row_words + d->column / 64;

            if (d->layer == layer && d->kind == kind &&
                section == (d->partner ? MRAM_DATA_PARTNER : MRAM_DATA) &&
                word / MRAM_TILE_WORDS == tile - mram_first_tile(mram, layer))
                dead[word % MRAM_TILE_WORDS * 64 + d->column % 64] = (uint8_t)(1 + kind);
        }
    }
}

/* -- Who fails -- */

static bool below(uint64_t number, double p)
{
    return p >= 1.0 || number < (uint64_t)(p * 0x1p64);
}

/* Hits of the sparse method, and the number that thins each. */
struct hits {
    bool hit[MRAM_TILE_CELLS];
    uint64_t thin[MRAM_TILE_CELLS];
};

static void find_hits(struct rng_stream rng, const double p[2], struct hits *hits)
{
    double greatest = fmax(p[0], p[1]);

    memset(hits->hit, 0, sizeof(hits->hit));
    if (greatest == 0.0 || greatest > MRAM_SPARSE_RATE)
        return;
    for (uint64_t cell = 0; cell < MRAM_TILE_CELLS; cell++) {
        uint64_t skip = rng_skip(&rng, rng_inv_ln_q(greatest));
        if (skip >= MRAM_TILE_CELLS - cell)
            return;
        cell += skip;
        hits->hit[cell] = true;
        hits->thin[cell] = p[0] != p[1] ? rng_u64(&rng) : 0;
    }
}

static bool fails_by_rate(const struct rng_stream *at, const double p[2], unsigned d,
                          size_t cell, const struct hits *hits)
{
    double greatest = fmax(p[0], p[1]);

    if (greatest == 0.0)
        return false;
    if (greatest <= MRAM_SPARSE_RATE)
        return hits->hit[cell] && below(hits->thin[cell], p[d] / greatest);
    if (p[d] >= 1.0)
        return true;
    uint64_t threshold = (uint64_t)(p[d] * 0x1p64);
    for (size_t bit = 0; bit < 64; bit++) {
        size_t batch = cell / 512 * 16 + bit / 4;
        uint32_t draw = bulk_draw(at, batch * 64 + bit % 4 * 16 + cell % 512 / 32);
        bool is = draw >> cell % 32 & 1, limit = threshold >> (63 - bit) & 1;

        if (is != limit)
            return limit;
    }
    return false;
}

/* The lower half of the number matters for one cell in 2^32. */
static bool fails_by_class(const struct rng_stream *at, double p, size_t cell)
{
    uint64_t number = (uint64_t)bulk_draw(at, cell) << 32;

    if (p < 1.0 && number >> 32 == (uint64_t)(p * 0x1p64) >> 32)
        number |= tie_draw(at, cell);
    return below(number, p);
}

/* -- Programming -- */

/* One section of one tile, and one write. */
struct slow_section {
    const struct mram *mram;
    size_t layer, tile;
    enum mram_section section;
    const struct mram_write *write;
    const struct target *target;
    uint64_t *words; /* of the tile */
    uint8_t dead[MRAM_TILE_CELLS];
    struct hits hits[1 + MRAM_MAX_RETRIES];
};

static bool old_bit(const struct slow_section *s, size_t cell)
{
    bool partner = s->section >= MRAM_DATA_PARTNER;

    switch (s->write->over) {
    case MRAM_OVER_PRESENT:
        return bits_get(s->words, cell);
    case MRAM_OVER_RANDOM:
        return partner != seeded_bit(s->mram, RNG_CONTENTS, s->write->generation, s->tile,
                                     (enum mram_section)(s->section % 2), cell);
    case MRAM_OVER_COMPLEMENT:
        return !target_bit(s->target, s->section, cell);
    case MRAM_OVER_ERASED_P:
        return true;
    case MRAM_OVER_ERASED_AP:
        return false;
    }
    return false;
}

static void book(const struct slow_section *s, bool hold, double pj,
                 struct mram_energy *energy)
{
    if (s->section % 2 == MRAM_CHECK)
        energy->check_pj += pj;
    else if (hold)
        energy->hold_pj += pj;
    else
        energy->toggle_pj += pj;
}

static void write_dead(const struct slow_section *s, size_t cell, bool want,
                       struct mram_result *result)
{
    const struct device_stuck_energy *stuck = &s->write->stuck;
    const double *by_kind[] = { stuck->stuck_p_pj, stuck->stuck_ap_pj,
                                stuck->shorted_pj };
    const double *pj = by_kind[s->dead[cell] - 1];
    unsigned d = want ? MTJ_AP2P : MTJ_P2AP;
    bool is_p = s->dead[cell] != 1 + MRAM_STUCK_AP;
    unsigned retries = is_p != want ? s->write->retries : 0;

    bits_put(s->words, cell, is_p);
    book(s, false, (1 + retries) * pj[d], &result->energy);
    result->failures += is_p != want;
    result->retries += retries;
    result->energy.verify_pj += retries * s->write->read_pj[is_p ? MTJ_P2AP : MTJ_AP2P];
    if (s->write->retries > 0)
        result->energy.verify_pj += s->write->read_pj[is_p ? MTJ_P2AP : MTJ_AP2P];
}

static bool pulse_fails(const struct slow_section *s, size_t cell, unsigned d,
                        unsigned attempt)
{
    struct rng_stream at =
        stream(s->mram, RNG_WRITE, s->write->generation, s->tile, s->section, attempt);

    if (s->write->mode == MRAM_DEVICE)
        return fails_by_class(
            &at,
            s->write->classes
                ->error_rate[slow_class(s->mram, s->tile, s->section, cell)][d],
            cell);
    return fails_by_rate(&at, s->write->error_rate, d, cell, &s->hits[attempt]);
}

static void write_living(const struct slow_section *s, size_t cell, bool want,
                         struct mram_result *result)
{
    const struct mram_write *write = s->write;
    bool old = old_bit(s, cell), by_class = write->mode == MRAM_DEVICE;
    unsigned d = want ? MTJ_AP2P : MTJ_P2AP;
    unsigned c = by_class ? slow_class(s->mram, s->tile, s->section, cell) : 0;
    double toggle_pj = by_class ? write->classes->toggle_pj[c][d] : write->toggle_pj[d];
    double hold_pj = by_class ? write->classes->hold_pj[c][d] : write->hold_pj[d];
    unsigned attempt = 0;

    result->toggles[d] += old != want;
    result->holds[d] += old == want;
    book(s, old == want, old == want ? hold_pj : toggle_pj, &result->energy);
    bool fails = old != want && pulse_fails(s, cell, d, 0);
    result->failures += fails;
    for (;;) {
        bool is_p = fails ? old : want;
        if (write->retries > 0)
            result->energy.verify_pj += write->read_pj[is_p ? MTJ_P2AP : MTJ_AP2P];
        if (!fails || attempt == write->retries)
            break;
        attempt++;
        result->retries++;
        book(s, false, toggle_pj, &result->energy);
        fails = pulse_fails(s, cell, d, attempt);
    }
    bits_put(s->words, cell, fails ? old : want);
}

static void flip_iid(const struct slow_section *s, size_t cell, bool want)
{
    struct rng_stream at =
        stream(s->mram, RNG_FLIP, s->write->generation, s->tile, s->section, 0);
    bool fails = fails_by_rate(&at, s->write->flip_rate, want ? MTJ_AP2P : MTJ_P2AP, cell,
                               &s->hits[0]);

    if (s->dead[cell] != 0)
        bits_put(s->words, cell, s->dead[cell] != 1 + MRAM_STUCK_AP);
    else
        bits_put(s->words, cell, want != fails);
}

static void write_section(struct slow_section *s, struct mram_result *result)
{
    bool is_iid = s->write->mode == MRAM_IID;

    find_defects(s->mram, s->layer, s->tile, s->section, s->dead);
    for (unsigned a = 0; a <= (is_iid ? 0 : s->write->retries); a++)
        find_hits(stream(s->mram, is_iid ? RNG_FLIP : RNG_WRITE, s->write->generation,
                         s->tile, s->section, a),
                  is_iid ? s->write->flip_rate : s->write->error_rate, &s->hits[a]);
    for (size_t cell = 0; cell < positions(s->section); cell++) {
        if (!slow_is_cell(s->mram, s->layer, s->tile, s->section, cell))
            continue;
        bool want = target_bit(s->target, s->section, cell);

        if (is_iid)
            flip_iid(s, cell, want);
        else if (s->dead[cell] != 0)
            write_dead(s, cell, want, result);
        else
            write_living(s, cell, want, result);
    }
}

/* The words of a section's tile in the copy. */
static uint64_t *tile_words(const struct slow *slow, size_t layer, size_t tile,
                            unsigned section)
{
    return slow->words[layer][section] + (tile - mram_first_tile(slow->mram, layer)) *
                                             positions((enum mram_section)section) / 64;
}

/* Calls `visit` for each section of each tile. */
static void for_sections(const struct slow *slow,
                         void (*visit)(struct slow_section *s, void *arg), void *arg)
{
    static struct slow_section s;

    for (size_t tile = 0; tile < mram_tiles(slow->mram); tile++) {
        size_t l = mram_tile_layer(slow->mram, tile);

        for (unsigned section = 0; section < MRAM_SECTIONS; section++) {
            if (!slow_has_section(slow->mram, l, section))
                continue;
            s.mram = slow->mram;
            s.layer = l;
            s.tile = tile;
            s.section = (enum mram_section)section;
            s.words = tile_words(slow, l, tile, section);
            visit(&s, arg);
        }
    }
}

struct programming {
    const uint64_t *const *wanted;
    const struct mram_write *writes;
    struct mram_result *results;
};

static void program_section(struct slow_section *s, void *arg)
{
    const struct programming *p = arg;
    static struct target target;

    /* A tile's first section; it holds for the others. */
    if (s->section == MRAM_DATA)
        find_target(s->mram, s->layer, s->tile, p->wanted[s->layer], &target);
    s->target = &target;
    s->write = &p->writes[s->layer];
    write_section(s, &p->results[s->layer]);
}

void slow_program(struct slow *slow, const uint64_t *const *wanted,
                  const struct mram_write *writes, struct mram_result *ret_results,
                  struct mram_state *ret_states)
{
    struct programming p = { wanted, writes, ret_results };

    for_sections(slow, program_section, &p);
    for (size_t l = 0; l < slow->n_layers; l++)
        if (writes[l].mode != MRAM_IID)
            ret_results[l].energy.encode_pj +=
                (double)words_of(slow->mram, l) *
                ecc_encode_pj(mram_layout(slow->mram, l).ecc);
    slow_read(slow, wanted, ret_states);
}

/* -- Reading -- */

struct reading {
    const struct mram *mram;
    size_t layer, tile;
    struct target target;
    const uint64_t *words[MRAM_SECTIONS];
    uint8_t dead[MRAM_SECTIONS][MRAM_TILE_CELLS];
    struct mram_state *state;
};

static void look_at_cell(struct reading *r, enum mram_section section, size_t cell)
{
    bool is_p = bits_get(r->words[section], cell);
    bool want = target_bit(&r->target, section, cell);
    bool stuck = r->dead[section][cell] != 0;

    r->state->cells++;
    r->state->parallel += is_p;
    r->state->errors[want ? MTJ_AP2P : MTJ_P2AP] += is_p != want;
    r->state->stuck += stuck;
    r->state->stuck_errors += stuck && is_p != want;
}

static bool sensed(struct reading *r, enum mram_section section, size_t cell)
{
    bool pairs = mram_layout(r->mram, r->layer).pairs;
    unsigned partner = section + 2;

    look_at_cell(r, section, cell);
    if (!pairs)
        return bits_get(r->words[section], cell);
    look_at_cell(r, (enum mram_section)partner, cell);
    bool first = bits_get(r->words[section], cell);
    bool second = bits_get(r->words[partner], cell);
    bool first_short = r->dead[section][cell] == 1 + MRAM_SHORTED;
    bool second_short = r->dead[partner][cell] == 1 + MRAM_SHORTED;

    r->state->equal_pairs += first == second;
    if (first != second)
        return first;
    if (first_short != second_short)
        return first_short;
    return seeded_bit(r->mram, RNG_COIN, 0, r->tile, section, cell);
}

static uint16_t sense_check(struct reading *r, size_t w)
{
    uint16_t check = 0;

    for (unsigned i = 0; i < ecc_check_bits(mram_layout(r->mram, r->layer).ecc); i++)
        check |=
            (uint16_t)(sensed(r, MRAM_CHECK, (i / 8 * MRAM_TILE_WORDS + w) * 8 + i % 8)
                       << i);
    return check;
}

static void decode(struct reading *r, size_t w, unsigned n_data, uint64_t *data)
{
    uint16_t check = sense_check(r, w);
    enum ecc_outcome outcome =
        ecc_decode(mram_layout(r->mram, r->layer).ecc, n_data, data, &check);
    bool right = *data == r->target.data[w];

    r->state->words++;
    r->state->corrected += outcome == ECC_CORRECTED && right;
    r->state->detected += outcome == ECC_DETECTED;
    r->state->miscorrected += outcome != ECC_DETECTED && !right;
}

/* Gives the word as delivered. */
static uint64_t read_word(struct reading *r, size_t w, uint64_t wanted)
{
    uint64_t data = 0, cells = 0;

    for (size_t b = 0; b < 64; b++) {
        if (!slow_is_cell(r->mram, r->layer, r->tile, MRAM_DATA, w * 64 + b))
            continue;
        cells |= UINT64_C(1) << b;
        data |= (uint64_t)sensed(r, MRAM_DATA, w * 64 + b) << b;
    }
    unsigned n_data = (unsigned)__builtin_popcountll(cells);
    if (mram_layout(r->mram, r->layer).ecc != ECC_NONE)
        decode(r, w, n_data, &data);
    data ^= r->target.inverted[w];
    r->state->weights += n_data;
    r->state->wrong[0] += (uint64_t)__builtin_popcountll(data & ~wanted);
    r->state->wrong[1] += (uint64_t)__builtin_popcountll(wanted & ~data);
    return data;
}

void slow_read(struct slow *slow, const uint64_t *const *wanted,
               struct mram_state *ret_states)
{
    static struct reading r;

    for (size_t tile = 0; tile < mram_tiles(slow->mram); tile++) {
        size_t l = mram_tile_layer(slow->mram, tile);
        size_t before = (tile - mram_first_tile(slow->mram, l)) * MRAM_TILE_WORDS;

        r.mram = slow->mram;
        r.layer = l;
        r.tile = tile;
        r.state = &ret_states[l];
        find_target(slow->mram, l, tile, wanted[l], &r.target);
        for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
            if (!slow_has_section(slow->mram, l, s))
                continue;
            r.words[s] = tile_words(slow, l, tile, s);
            find_defects(slow->mram, l, tile, (enum mram_section)s, r.dead[s]);
        }
        for (size_t w = before; w < before + MRAM_TILE_WORDS; w++)
            if (w < words_of(slow->mram, l))
                slow->delivered[l][w] = read_word(&r, w - before, wanted[l][w]);
    }
}

/* -- Drift and injected faults -- */

struct drifting {
    const struct mram_drift *drifts;
    struct mram_drifted *drifted;
};

static void drift_section(struct slow_section *s, void *arg)
{
    const struct drifting *all = arg;
    const struct mram_drift *drift = &all->drifts[s->layer];
    struct mram_drifted *drifted = &all->drifted[s->layer];
    struct rng_stream at =
        stream(s->mram, drift->purpose, drift->generation, s->tile, s->section, 0);
    /* By the stored bit. */
    const double rate[2] = { drift->flips->mean[MTJ_AP2P], drift->flips->mean[MTJ_P2AP] };

    find_defects(s->mram, s->layer, s->tile, s->section, s->dead);
    find_hits(at, rate, &s->hits[0]);
    for (size_t cell = 0; cell < positions(s->section); cell++) {
        if (!slow_is_cell(s->mram, s->layer, s->tile, s->section, cell) ||
            s->dead[cell] != 0)
            continue;
        bool is_p = bits_get(s->words, cell);
        unsigned from = is_p ? MTJ_P2AP : MTJ_AP2P;
        unsigned c = drift->by_class ? slow_class(s->mram, s->tile, s->section, cell) : 0;
        double p = drift->by_class ? drift->flips->by_class[c][from] : rate[is_p];
        bool flips = drift->by_class ? fails_by_class(&at, p, cell)
                                     : fails_by_rate(&at, rate, is_p, cell, &s->hits[0]);

        drifted->expected[from] += p;
        drifted->flipped[from] += flips;
        bits_put(s->words, cell, is_p != flips);
    }
}

void slow_drift(struct slow *slow, const struct mram_drift *drifts,
                struct mram_drifted *ret_drifted)
{
    struct drifting d = { drifts, ret_drifted };

    for_sections(slow, drift_section, &d);
}

struct injecting {
    double share;
    uint64_t seed, generation;
    uint64_t *flipped;
};

static void inject_section(struct slow_section *s, void *arg)
{
    const struct injecting *inject = arg;
    const double rate[2] = { inject->share, inject->share };
    struct rng_stream at;

    rng_start(&at, mram_seed(s->mram) ^ inject->seed, RNG_INJECT, inject->generation,
              s->tile | (uint64_t)s->section << 48);
    find_defects(s->mram, s->layer, s->tile, s->section, s->dead);
    find_hits(at, rate, &s->hits[0]);
    for (size_t cell = 0; cell < positions(s->section); cell++) {
        bool flips = slow_is_cell(s->mram, s->layer, s->tile, s->section, cell) &&
                     s->dead[cell] == 0 && fails_by_rate(&at, rate, 0, cell, &s->hits[0]);

        if (!flips)
            continue;
        ++*inject->flipped;
        bits_put(s->words, cell, !bits_get(s->words, cell));
    }
}

void slow_inject(struct slow *slow, double share, uint64_t seed, uint64_t generation,
                 uint64_t *ret_flipped)
{
    struct injecting inject = { share, seed, generation, ret_flipped };

    for_sections(slow, inject_section, &inject);
}
