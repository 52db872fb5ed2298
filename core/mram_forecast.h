/* SPDX-License-Identifier: Apache-2.0 */
/* mram_forecast.h - what a programming of a layer is expected to give: the plan of
 * mram_write.c, and mean rates where that one draws. Gathered on its way, since both need
 * to know every cell.
 *
 * Private to mram_write.c.
 */
#ifndef CORE_MRAM_FORECAST_H
#define CORE_MRAM_FORECAST_H

#include "core/mram_plan.h"
#include "core/mram_risk.h"

/* Large: about 300 KiB. */
struct mram_outlook {
    struct mram_risk risk;
    struct mram_energy energy;
};

/* A layer: begin; each of its tiles: its sections, end; end. */
void mram_forecast_begin(struct mram_outlook *outlook, const struct mram_job *job);
void mram_forecast_tile(struct mram_outlook *outlook, const struct mram_job *job);
/* census: of the plan, in device. */
void mram_forecast_section(struct mram_outlook *outlook, const struct mram_job *job,
                           const struct mram_plan *plan,
                           const struct mram_census *census);
/* The same in iid, where every living cell is at risk. Of the plan it needs the section,
 * the tile and the dead cells, and uses the toggles. */
void mram_forecast_flips(struct mram_outlook *outlook, const struct mram_job *job,
                         struct mram_plan *plan);
void mram_forecast_tile_end(struct mram_outlook *outlook, const struct mram_job *job);
struct mram_forecast mram_forecast_end(const struct mram_outlook *outlook);

#endif
