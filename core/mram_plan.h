/* SPDX-License-Identifier: Apache-2.0 */
/* mram_plan.h - what a programming meets, before anything is drawn.
 *
 * Private to mram_write.c, which strikes, and mram_forecast.c, which tells the odds.
 */
#ifndef CORE_MRAM_PLAN_H
#define CORE_MRAM_PLAN_H

#include "core/mram_array.h"
#include "core/mram_kernel.h"

/* What is worked out once per layer, and what the sections of a tile should hold. */
struct mram_job {
    const struct mram *mram;         /* borrowed */
    const struct mram_layer *layer;  /* borrowed */
    const struct mram_write *write;  /* borrowed: of this layer */
    struct mram_odds odds;           /* uniform, iid */
    struct mram_class_odds by_class; /* device */
    size_t number;                   /* of the tile */
    uint64_t target[MRAM_SECTIONS][MRAM_TILE_WORDS];
};

/* Are all of an array's writes within the ranges of mram.h? */
bool mram_job_in_range(const struct mram *mram, const struct mram_write *writes);
void mram_job_layer(struct mram_job *job, const struct mram_layer *layer,
                    const struct mram_write *write);
/* wanted: of the layer. */
void mram_job_tile(struct mram_job *job, size_t number, const uint64_t *wanted);

/* What the write of one section meets. Dead cells never toggle and never hold: they get
 * their pulses and stay as they are. */
struct mram_plan {
    enum mram_section section;
    struct mram_tile tile;
    const uint64_t *target;            /* borrowed */
    uint64_t toggles[MRAM_TILE_WORDS]; /* living cells that must toggle */
    uint64_t
        living[MRAM_TILE_WORDS]; /* living cells: only in device, or with dead ones */
    uint64_t n_toggles[2], n_holds[2]; /* of the living, by direction */
    uint64_t n_dead_wrong[2];          /* dead cells that cannot hold their bit */
    double dead_pj;                    /* of their pulses, retries included */
    struct mram_dead dead;
};
/* Stores the target in `stored`, as if nothing failed. */
void mram_plan_section(const struct mram_job *job, enum mram_section section,
                       uint64_t *stored, struct mram_plan *ret_plan);

/* Draws by class for a section; attempt 0 is the first pulse. */
struct mram_draw mram_plan_draw(const struct mram_job *job, const struct mram_plan *plan,
                                unsigned attempt);

/* -- Energies -- */

/* Check cells have an account of their own. */
void mram_plan_book(struct mram_energy *energy, const struct mram_plan *plan,
                    double toggle_pj, double hold_pj);
void mram_job_book_encode(const struct mram_job *job, struct mram_energy *energy);
/* One read of each of n_cells cells, n_p of them in P. */
double mram_verify_pj(const struct mram_write *write, uint64_t n_cells, uint64_t n_p);
/* What the retries of dead cells that are wrong are read at: those to be AP are in P. */
double mram_plan_dead_verify_pj(const struct mram_write *write,
                                const struct mram_plan *plan);

#endif
