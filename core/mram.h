/* SPDX-License-Identifier: Apache-2.0 */
/* mram.h - the array: tiles of ST-MRAM cells, what programming does to them, and what a
 * read delivers.
 *
 * A cell holds P (bit 1) or AP (bit 0). A layer is n_rows x n_cols weights, one data cell
 * each, every row padded to whole words; padding is no cell: it stays zero, costs nothing
 * and never fails. The words of a layer fill its tiles in order, MRAM_TILE_WORDS to a
 * tile (256 word lines of 256 cells); the last tile of a layer may be part empty. Tiles
 * are numbered through all layers.
 *
 * A layer's *layout* says how its weights become cells: a *polarity* decides which
 * weights hold +1 as P and which as AP; a *code* adds check bits to every 64-bit word of
 * a row, in cells of their own; *pairs* (2T2R) give every cell a partner that holds the
 * complement. So a tile has up to four *sections* of cells.
 *
 * Programming writes wanted bits over what the cells hold. In `device` and `uniform` only
 * cells that must toggle can fail, a failed cell keeps its old state, every cell costs
 * its toggle or hold energy, and failed cells may be verified and written again. In `iid`
 * the wanted bits are stored and each is then flipped with a probability, without
 * physics: no energies, no history. Reading compares pairs, decodes, and undoes the
 * polarity.
 *
 * All randomness is keyed by (seed, purpose, generation, tile, section): the same bits
 * for any division of the tiles over threads and for any kernel.
 */
#ifndef CORE_MRAM_H
#define CORE_MRAM_H

#include "core/device.h"
#include "core/ecc.h"
#include "core/mtj_array.h"
#include "core/rng.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MRAM_TILE_COLUMNS 256
#define MRAM_TILE_ROWS    256
#define MRAM_TILE_WORDS   1024
#define MRAM_TILE_CELLS   65536

enum mram_mode {
    MRAM_DEVICE = 0,  /* each cell by its own device factors (class) */
    MRAM_UNIFORM = 1, /* every cell the array mean */
    MRAM_IID = 2,     /* flip stored bits, no physics */
};

/* What programming writes over. Anything but PRESENT replaces the contents before the
 * write, without error and without cost, as if the array had been used in between. */
enum mram_over {
    MRAM_OVER_PRESENT = 0,    /* what the array holds */
    MRAM_OVER_RANDOM = 1,     /* seeded random bits, as if another network had been there:
                                 half of the cells toggle */
    MRAM_OVER_COMPLEMENT = 2, /* every cell must toggle: the worst case */
    MRAM_OVER_ERASED_P = 3,   /* block reset to P: only AP bits are written */
    MRAM_OVER_ERASED_AP = 4,  /* block reset to AP: only P bits are written */
};

/* Which weights are stored inverted: +1 as AP. Undone at the read, at no cost. */
enum mram_polarity {
    MRAM_POLARITY_NONE = 0,
    MRAM_POLARITY_ODD_COLUMNS = 1, /* every second input of a layer */
    MRAM_POLARITY_ODD_ROWS = 2,    /* every second output */
    MRAM_POLARITY_SEEDED = 3,      /* half of them, by the array's seed */
};

struct mram_layout {
    enum ecc_code ecc;
    bool pairs; /* 2T2R: +1 is (P, AP), -1 is (AP, P) */
    enum mram_polarity polarity;
};

struct mram_shape {
    size_t n_rows, n_cols; /* weights; > 0 */
};

/* The cells of a tile, part by part. A layer has those that its layout needs. */
enum mram_section {
    MRAM_DATA = 0,
    MRAM_CHECK = 1,        /* a byte of check bits per word; with BCH2, after
                              MRAM_TILE_WORDS bytes, another with six */
    MRAM_DATA_PARTNER = 2, /* the complement, 2T2R */
    MRAM_CHECK_PARTNER = 3,
};
#define MRAM_SECTIONS    4
#define MRAM_CHECK_WORDS 256 /* of a tile's check section, used or not */

/* The conditions of one programming of one layer. Index [2] is enum mtj_direction. */
struct mram_write {
    enum mram_mode mode;
    enum mram_over over;  /* device and uniform */
    uint64_t generation;  /* 1 .. RNG_MAX_GENERATION; keys the draws */
    double flip_rate[2];  /* iid: 0..1; [MTJ_P2AP]: a bit that should be AP is P */
    double error_rate[2]; /* uniform: array-mean WER, 0..1 */
    double toggle_pj[2];  /* uniform: energy of a cell that toggles, >= 0 */
    double hold_pj[2];    /* uniform: of a cell already there, by the direction written */
    const struct mtj_class_table *classes; /* device: borrowed */
    unsigned retries;  /* device and uniform, 0..MRAM_MAX_RETRIES: every cell is verified
                          after the write, and the failed ones are written again */
    double read_pj[2]; /* of one verify read, by the state: [MTJ_P2AP] a cell in P */
    struct device_stuck_energy stuck; /* device and uniform */
};
#define MRAM_MAX_RETRIES 7

/* pJ by what it was spent on. */
struct mram_energy {
    double toggle_pj, hold_pj; /* data cells, partners too; retries are toggles */
    double check_pj;           /* all pulses on check cells */
    double encode_pj, verify_pj;
};
double mram_energy_sum(const struct mram_energy *energy);

/* What one programming did. All but `energy` are 0 in iid, which has no history. */
struct mram_result {
    uint64_t toggles[2]; /* cells that had to toggle; defects are not counted here */
    uint64_t holds[2];   /* cells written that already held their bit; nor here */
    uint64_t failures;   /* cells that the first pulse left wrong, defects too */
    uint64_t retries;    /* pulses given again */
    struct mram_energy energy;
};

/* What a layer holds and delivers. */
struct mram_state {
    uint64_t weights;
    uint64_t cells;        /* all sections */
    uint64_t parallel;     /* cells in P */
    uint64_t errors[2];    /* cells in the wrong state; [MTJ_P2AP]: should be AP, is P */
    uint64_t stuck;        /* defects */
    uint64_t stuck_errors; /* of the errors */
    uint64_t equal_pairs;  /* 2T2R: both partners in one state */
    uint64_t words;        /* codewords; 0 without a code */
    uint64_t corrected;    /* words mended by the code */
    uint64_t detected;     /* words known to be wrong, delivered as read */
    uint64_t miscorrected; /* words delivered as good, and wrong */
    uint64_t wrong[2];     /* weights delivered wrong: [0] a -1 as +1, [1] a +1 as -1 */
};
uint64_t mram_wrong(const struct mram_state *state);
uint64_t mram_errors(const struct mram_state *state);

/* Sums over n layers. */
struct mram_result mram_result_sum(const struct mram_result *results, size_t n);
struct mram_state mram_state_sum(const struct mram_state *states, size_t n);

/* How a generation, one state of an array's contents, came about. The values are part of
 * the image format. */
enum mram_cause {
    MRAM_PROGRAMMED = 0,
    MRAM_SCRUBBED = 1,  /* written again over what it held */
    MRAM_AGED = 2,      /* left alone */
    MRAM_DISTURBED = 3, /* read */
    MRAM_INJECTED = 4,
    MRAM_IMPORTED = 5,
};
/* "program", "scrub", "age", "disturb", "inject", "import". */
const char *mram_cause_name(enum mram_cause cause);

struct mram;

/* A new array "as fabricated": seeded random contents, generation 0, plain layouts, no
 * defects. ST_RANGE: no layers, an empty shape, or more than 2^40 weights. */
MUST_CHECK enum status mram_new(const struct mram_shape *shapes, size_t n_layers,
                                uint64_t seed, struct mram **ret_mram);
void mram_free(struct mram *mram);

uint64_t mram_seed(const struct mram *mram);
size_t mram_layers(const struct mram *mram);
size_t mram_tiles(const struct mram *mram);
size_t mram_weights(const struct mram *mram);
struct mram_shape mram_shape(const struct mram *mram, size_t layer);
/* Its tiles are first .. first + n - 1. */
size_t mram_first_tile(const struct mram *mram, size_t layer);
size_t mram_layer_tiles(const struct mram *mram, size_t layer);
size_t mram_tile_layer(const struct mram *mram, size_t tile);
struct mram_layout mram_layout(const struct mram *mram, size_t layer);

/* Another layout. Sections that were not there come as fabricated (seeded random bits);
 * those not needed any more are forgotten. What the layer delivers is undefined until it
 * is programmed. ST_NOMEM: nothing changed. */
MUST_CHECK enum status mram_set_layout(struct mram *mram, size_t layer,
                                       const struct mram_layout *layout);

/* -- Defects: cells that no write changes -- */

enum mram_defect_kind {
    MRAM_STUCK_P = 0,
    MRAM_STUCK_AP = 1,
    MRAM_SHORTED = 2, /* reads as P, and against a P partner as the lower resistance */
};
#define MRAM_DEFECT_KINDS 3

/* One weight's data cell, or its partner. */
struct mram_defect {
    size_t layer, row, column;
    bool partner; /* without pairs there is none: the entry is idle */
    enum mram_defect_kind kind;
};
struct mram_defects {
    double share[MRAM_DEFECT_KINDS]; /* of all cells, seeded by the array; sum <= 0.5 */
    size_t n_listed;                 /* 0 .. MRAM_MAX_LISTED */
    struct mram_defect *listed;      /* ours in an array, borrowed elsewhere */
};
#define MRAM_MAX_LISTED 65536
/* Takes a copy. ST_RANGE (a share, a place that is not there), ST_NOMEM. */
MUST_CHECK enum status mram_set_defects(struct mram *mram,
                                        const struct mram_defects *defects);
const struct mram_defects *mram_defects(const struct mram *mram);
/* Takes them out of an array that is not used any more; the caller frees `listed`. */
void mram_take_defects(struct mram *mram, struct mram_defects *ret_defects);

/* -- Contents -- */

/* Words of a section, all tiles of the layer; NULL if the layout has no such section.
 * MRAM_DATA: n_rows rows of bits_words(n_cols); the others tile by tile, MRAM_TILE_WORDS
 * or MRAM_CHECK_WORDS to a tile. What is no cell is zero. The pointer lives until the
 * layout changes; programming changes what it shows. */
const uint64_t *mram_section(const struct mram *mram, size_t layer,
                             enum mram_section section);
size_t mram_section_words(const struct mram *mram, size_t layer,
                          enum mram_section section);
/* The words of one tile, *ret_n of them; NULL if its layer has no such section. */
const uint64_t *mram_tile_section(const struct mram *mram, size_t tile,
                                  enum mram_section section, size_t *ret_n);
/* Puts back contents that were saved; defects stay as they are. ST_FORMAT: a bit is set
 * where there is no cell. */
MUST_CHECK enum status mram_restore(struct mram *mram, size_t layer,
                                    enum mram_section section, const uint64_t *words);

/* The weights as read at the last mram_program or mram_read: n_rows rows of
 * bits_words(n_cols) words. */
const uint64_t *mram_delivered(const struct mram *mram, size_t layer);

/* What a section of a tile should hold for the weights `wanted` (of the layer);
 * ret_words: MRAM_TILE_WORDS, zero where there is no cell. */
void mram_target(const struct mram *mram, const uint64_t *wanted, size_t tile,
                 enum mram_section section, uint64_t *ret_words);
/* Ones where there is a cell. */
void mram_cells(const struct mram *mram, size_t tile, enum mram_section section,
                uint64_t *ret_words);

/* Ones where a cell is a defect. */
void mram_dead_cells(const struct mram *mram, size_t tile, enum mram_section section,
                     uint64_t *ret_words);

/* -- Programming and reading --
 *
 * wanted[l]: layer l's words, as network_layer has them. Tiles first .. first + n - 1;
 * tiles that are not there are ST_RANGE. What happened is *added* to ret_..., one per
 * layer; the caller zeroes them. Disjoint ranges may run on different threads at once;
 * integer counts and bits do not depend on the division, energies are sums of doubles in
 * tile order per range. Take about 500 KiB of stack. */

/* What was to be expected of a programming, from the contents that it met and, in device,
 * the true classes. Energies are exact without retries, since they do not depend on which
 * cells fail. Of the bits that a code delivers it is the formula of core/README.md at the
 * layer's mean rate, over the true numbers of cells at risk in each codeword. */
struct mram_forecast {
    double errors;     /* cells in the wrong state, expected */
    double wrong_bits; /* weights delivered wrong, expected */
    struct mram_energy energy;
};
struct mram_forecast mram_forecast_sum(const struct mram_forecast *forecasts, size_t n);

/* writes: one per layer. ret_forecasts: one per layer, set for those that are programmed,
 * which must be whole then; or NULL. A write outside its ranges is ST_RANGE, and nothing
 * is changed. */
MUST_CHECK enum status mram_program(struct mram *mram, const uint64_t *const *wanted,
                                    const struct mram_write *writes, size_t first,
                                    size_t n, struct mram_forecast *ret_forecasts,
                                    struct mram_result *ret_results,
                                    struct mram_state *ret_states);
/* Reads what the cells hold now. */
MUST_CHECK enum status mram_read(struct mram *mram, const uint64_t *const *wanted,
                                 size_t first, size_t n, struct mram_state *ret_states);

/* -- Drift: cells that change by themselves -- */

struct mram_drift {
    enum rng_purpose purpose;         /* RNG_RETENTION, RNG_DISTURB */
    uint64_t generation;              /* keys the draws */
    bool by_class;                    /* else every cell the mean */
    const struct device_flips *flips; /* borrowed */
};
/* Cells that left their state and cells expected to, [MTJ_P2AP] from P. */
struct mram_drifted {
    uint64_t flipped[2];
    double expected[2];
};
/* drifts: one per layer. Does not read: mram_read tells what came of it. */
MUST_CHECK enum status mram_drift(struct mram *mram, const struct mram_drift *drifts,
                                  size_t first, size_t n,
                                  struct mram_drifted *ret_drifted);

/* -- Injected faults -- */

/* Flips every cell, partners and check cells too, with probability `share` (0..1), by
 * `seed` and the generation. Defects stay. Adds up the cells flipped. */
void mram_inject(struct mram *mram, double share, uint64_t seed, uint64_t generation,
                 uint64_t *ret_flipped);
/* Flips the cell of one weight, and its partner if it has one; returns how many were
 * flipped: those that are stuck stay. */
unsigned mram_inject_bit(struct mram *mram, size_t layer, size_t row, size_t column);

/* -- A look at the devices -- */

/* Data cells of a layer by class. */
void mram_census(const struct mram *mram, size_t layer, uint64_t ret_n[MTJ_CLASSES]);

struct mram_place {
    size_t layer, row, column;
    unsigned class;
};
/* Data cells of the classes with in_class, in order of place, at most max; returns how
 * many. */
size_t mram_find(const struct mram *mram, size_t layer, const bool in_class[MTJ_CLASSES],
                 struct mram_place *ret_places, size_t max);

#endif
