/* SPDX-License-Identifier: Apache-2.0 */
/* A generation of an array as the tables operating_point and operating_point_layer have
 * it. Both have the same columns for the same things, in the same order here. */
#include "storage/metrics_internal.h"
#include "storage/row.h"

/* In the order in which the functions below add them. */
#define CONDITION_COLUMNS                                                                \
    "mode, program_over, temperature_k, pulse_ns, write_voltage_p2ap_v,"                 \
    " write_voltage_ap2p_v, target_write_error_rate, bit_error_rate,"                    \
    " bit_error_rate_to_ap, ecc, cell, polarity, verify_retries,"                        \
    " predicted_write_error_rate"
#define FORECAST_COLUMNS "predicted_wrong_bits, predicted_energy_pj"
#define STATE_COLUMNS                                                                    \
    "weights, cells, wrong_bits, cell_errors, errors_p2ap, errors_ap2p, stuck_errors,"   \
    " equal_pairs, words, corrected, detected, miscorrected"
#define RESULT_COLUMNS                                                                   \
    "toggles_p2ap, toggles_ap2p, failures, retries, energy_pj, energy_toggle_pj,"        \
    " energy_hold_pj, energy_check_pj, energy_encode_pj, energy_verify_pj"
/* Of all four. */
#define SHARED_COLUMNS                                                                   \
    CONDITION_COLUMNS ", " FORECAST_COLUMNS ", " STATE_COLUMNS ", " RESULT_COLUMNS
#define SHARED_MARKS                                                                     \
    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"   \
    " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"

static bool is_physical(const struct metrics_layer *layer)
{
    return layer->op.mode != MRAM_IID;
}

/* Conditions that do not belong to the mode or the device are NULL. */
static void add_conditions(struct row *row, const struct metrics_layer *layer)
{
    const struct operating_point *op = &layer->op;
    const double *voltage_v = layer->pulse.voltage_v;
    bool physical = is_physical(layer);
    bool has_voltage =
        physical && (voltage_v[MTJ_P2AP] > 0.0 || voltage_v[MTJ_AP2P] > 0.0);

    row_text(row, operating_point_mode_name(op->mode));
    row_text(row, physical ? operating_point_over_name(op->over) : NULL);
    row_real_if(row, physical, op->temperature_k);
    row_real_if(row, physical && layer->pulse.pulse_s > 0.0, layer->pulse.pulse_s * 1e9);
    row_real_if(row, has_voltage, voltage_v[MTJ_P2AP]);
    row_real_if(row, has_voltage, voltage_v[MTJ_AP2P]);
    row_real_if(row, physical && op->has_target, op->target_write_error_rate);
    row_real_if(row, !physical, op->bit_error_rate[MTJ_P2AP]);
    row_real_if(row, !physical, op->bit_error_rate[MTJ_AP2P]);
    row_text(row, ecc_name(op->ecc));
    row_text(row, operating_point_cell_name(op->pairs));
    row_text(row, operating_point_polarity_name(op->polarity));
    row_count_if(row, physical, op->verify_retries);
    row_real(row, layer->write_error_rate);
}

static void add_forecast(struct row *row, const struct mram_forecast *f, bool physical)
{
    row_real(row, f->wrong_bits);
    row_real_if(row, physical, mram_energy_sum(&f->energy));
}

static void add_state(struct row *row, const struct mram_state *s)
{
    row_count(row, s->weights);
    row_count(row, s->cells);
    row_count(row, mram_wrong(s));
    row_count(row, mram_errors(s));
    row_count(row, s->errors[MTJ_P2AP]);
    row_count(row, s->errors[MTJ_AP2P]);
    row_count(row, s->stuck_errors);
    row_count(row, s->equal_pairs);
    row_count(row, s->words);
    row_count(row, s->corrected);
    row_count(row, s->detected);
    row_count(row, s->miscorrected);
}

static void add_result(struct row *row, const struct mram_result *r, bool physical)
{
    row_count(row, r->toggles[MTJ_P2AP]);
    row_count(row, r->toggles[MTJ_AP2P]);
    row_count_if(row, physical, r->failures);
    row_count_if(row, physical, r->retries);
    row_real_if(row, physical, mram_energy_sum(&r->energy));
    row_real_if(row, physical, r->energy.toggle_pj);
    row_real_if(row, physical, r->energy.hold_pj);
    row_real_if(row, physical, r->energy.check_pj);
    row_real_if(row, physical, r->energy.encode_pj);
    row_real_if(row, physical, r->energy.verify_pj);
}

static enum status put_layers(struct db *db, const struct metrics_programming *p)
{
    int64_t id = sqlite3_last_insert_rowid(db->handle);
    enum status st = ST_OK;

    for (size_t l = 0; l < p->net->n_layers && st == ST_OK; l++) {
        bool physical = is_physical(&p->layers[l]);
        struct row row =
            row_of(db, DB_ADD_PROGRAMMING_LAYER,
                   "INSERT INTO operating_point_layer (operating_point_id, layer, name,"
                   "    " SHARED_COLUMNS ") VALUES (?, ?, ?, " SHARED_MARKS ")");

        row_int(&row, id);
        row_count(&row, l);
        row_text(&row, p->net->layers[l].name);
        add_conditions(&row, &p->layers[l]);
        add_forecast(&row, &p->forecasts[l], physical);
        add_state(&row, &p->states[l]);
        add_result(&row, &p->results[l], physical);
        st = row_done(db, &row);
    }
    return st;
}

enum status metrics_put_programming(struct db *db, const struct metrics_programming *p)
{
    size_t n = p->net->n_layers;
    struct mram_forecast forecast = mram_forecast_sum(p->forecasts, n);
    struct mram_result result = mram_result_sum(p->results, n);
    struct mram_state state = mram_state_sum(p->states, n);
    bool physical = false; /* is any layer? */
    struct row row =
        row_of(db, DB_ADD_PROGRAMMING,
               "INSERT INTO operating_point (ts, model_id, generation, cause, device,"
               "    age_s, seed, duration_ms, " SHARED_COLUMNS ")"
               "  VALUES (?, ?, ?, ?, ?, ?, ?, ?, " SHARED_MARKS ")");

    for (size_t l = 0; l < n; l++)
        physical |= is_physical(&p->layers[l]);
    row_int(&row, p->at_s);
    row_int(&row, p->model_id);
    row_count(&row, p->generation);
    row_text(&row, mram_cause_name(p->cause));
    row_text(&row, p->device);
    row_real(&row, p->age_s);
    row_count(&row, p->base.op.seed);
    row_real(&row, p->duration_ms);
    add_conditions(&row, &p->base);
    add_forecast(&row, &forecast, physical);
    add_state(&row, &state);
    add_result(&row, &result, physical);
    enum status st = row_done(db, &row);
    return st == ST_OK ? put_layers(db, p) : st;
}

enum status metrics_has_generation(struct db *db, int64_t model_id, uint64_t generation,
                                   bool *ret_there)
{
    struct row row = row_of(db, DB_HAS_GENERATION,
                            "SELECT 1 FROM operating_point"
                            "  WHERE model_id = ?1 AND generation = ?2 LIMIT 1");
    bool there = false;

    row_int(&row, model_id);
    row_count(&row, generation);
    if (row.rc == SQLITE_OK) {
        int rc = sqlite3_step(row.statement);

        there = rc == SQLITE_ROW;
        row.rc = there || rc == SQLITE_DONE ? SQLITE_OK : SQLITE_ERROR;
    }
    enum status st = row_end(db, &row);
    if (st == ST_OK)
        *ret_there = there;
    return st;
}
