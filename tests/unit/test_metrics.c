/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/metrics.h"

#include "tests/lib/sbnn_writer.h"
#include "tests/lib/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include <cmocka.h>

#define NOW 1700000000

/* -- Helpers -- */

struct fixture {
    struct scratch scratch;
    char path[128];
    struct db *db;
    struct network *net;
    int64_t model_id, since_s;
    sqlite3 *reader; /* sees what is committed */
};

static struct network *network_called(const char *name, uint64_t seed)
{
    struct sbnn_shape shape = {
        name, { 2, 3, 1, NETWORK_BINARY, .threshold = 128 }, 2, { 9, 3 }
    };

    return sbnn_random(&shape, seed);
}

static void fixture_make(struct fixture *f)
{
    struct db_opened opened;
    char why[ERR_LEN];

    scratch_make(&f->scratch);
    (void)snprintf(f->path, sizeof(f->path), "%s", scratch_path(&f->scratch, "m.db"));
    f->net = network_called("first", 1);
    assert_int_equal(db_open(f->path, &f->db, &opened, why), ST_OK);
    assert_int_equal(metrics_add_model(f->db, f->net, NOW, &f->model_id, &f->since_s),
                     ST_OK);
    assert_int_equal(f->since_s, NOW);
    assert_int_equal(sqlite3_open_v2(f->path, &f->reader, SQLITE_OPEN_READONLY, NULL),
                     SQLITE_OK);
}

static void fixture_free(struct fixture *f)
{
    assert_int_equal(sqlite3_close(f->reader), SQLITE_OK);
    db_close(f->db);
    network_free(f->net);
    scratch_remove(&f->scratch);
}

/* The first column of the first row; NaN for NULL or no row. */
static double value(const struct fixture *f, const char *sql)
{
    sqlite3_stmt *query;
    double v = NAN;

    assert_int_equal(sqlite3_prepare_v2(f->reader, sql, -1, &query, NULL), SQLITE_OK);
    if (sqlite3_step(query) == SQLITE_ROW && sqlite3_column_type(query, 0) != SQLITE_NULL)
        v = sqlite3_column_double(query, 0);
    assert_int_equal(sqlite3_finalize(query), SQLITE_OK);
    return v;
}

/* 1 if `condition` holds for exactly one row of `from`. */
static void assert_one(const struct fixture *f, const char *from, const char *condition)
{
    char sql[1024];

    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE %s", from, condition);
    double n = value(f, sql);
    if (n != 1)
        print_error("%s: %g rows\n", sql, n);
    assert_true(n == 1);
}

static void assert_near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b))))
        print_error("%.17g is not %.17g\n", a, b);
    assert_true(fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b)));
}

static enum status write_windows(struct fixture *f, const struct metrics_window *windows,
                                 size_t n)
{
    struct metrics_batch batch = { .windows = windows, .n_windows = n };

    return metrics_write(f->db, &batch);
}

static enum status write_programmings(struct fixture *f,
                                      const struct metrics_programming *programmings,
                                      size_t n)
{
    struct metrics_batch batch = { .programmings = programmings, .n_programmings = n };

    return metrics_write(f->db, &batch);
}

/* -- Buckets and models -- */

static void a_latency_falls_into_the_first_bucket_that_reaches_it(void **state)
{
    (void)state;
    assert_int_equal(metrics_latency_bucket(0.0), 0);
    for (unsigned i = 0; i < METRICS_LATENCY_EDGES; i++) {
        double edge = metrics_latency_edges_us[i];

        assert_int_equal(metrics_latency_bucket(edge), i);
        assert_int_equal(metrics_latency_bucket(nextafter(edge, INFINITY)), i + 1);
        if (i > 0)
            assert_true(edge > metrics_latency_edges_us[i - 1]);
    }
    assert_int_equal(metrics_latency_bucket(INFINITY), METRICS_LATENCY_EDGES);
}

static void a_model_file_is_registered_once(void **state)
{
    (void)state;
    struct fixture f;
    struct network *other_name = network_called("second", 1);
    struct network *other_file = network_called("first", 2);
    int64_t again = 0, second = 0, third = 0, since = 0;

    fixture_make(&f);
    assert_int_equal(metrics_add_model(f.db, f.net, NOW + 5, &again, &since), ST_OK);
    assert_int_equal(again, f.model_id);
    assert_int_equal(since, NOW);
    assert_int_equal(metrics_add_model(f.db, other_name, NOW, &second, &since), ST_OK);
    assert_int_equal(metrics_add_model(f.db, other_file, NOW + 7, &third, &since), ST_OK);
    assert_int_equal(since, NOW + 7);
    assert_true(second != f.model_id && third != f.model_id && second != third);
    assert_true(value(&f, "SELECT count(*) FROM model") == 3);
    assert_one(
        &f, "model",
        "name = 'second' AND cells = 81 AND classes = 3 AND created_ts = 1700000000");
    network_free(other_name);
    network_free(other_file);
    fixture_free(&f);
}

/* -- Programmings -- */

/* What a programming of the fixture's network left: plain cells, in mode device. */
struct programmed {
    struct metrics_layer layers[2];
    struct mram_forecast forecasts[2];
    struct mram_result results[2];
    struct mram_state states[2];
};

static struct programmed plain_cells(void)
{
    const struct metrics_layer layer = {
        .op = operating_point_default(),
        .pulse = { .voltage_v = { 0.8, 0.6 }, .pulse_s = 10e-9, .temperature_k = 300.0 },
        .write_error_rate = 1e-9,
    };

    return (struct programmed) {
        .layers = { layer, layer },
        .forecasts = { { .errors = 0.25,
                         .wrong_bits = 0.25,
                         .energy = { .toggle_pj = 20.0, .hold_pj = 12.0 } },
                       { .wrong_bits = 0.5, .energy = { .toggle_pj = 8.0 } } },
        .results = { { .toggles = { 10, 20 },
                       .holds = { 20, 4 },
                       .failures = 3,
                       .energy = { .toggle_pj = 20.0, .hold_pj = 10.0 } },
                     { .toggles = { 5, 0 },
                       .holds = { 2, 20 },
                       .failures = 1,
                       .energy = { .toggle_pj = 5.0, .hold_pj = 3.0 } } },
        .states = { { .weights = 54, .cells = 54, .errors = { 1, 2 }, .wrong = { 1, 2 } },
                    { .weights = 27,
                      .cells = 27,
                      .errors = { 1, 0 },
                      .wrong = { 1, 0 } } },
    };
}

/* `programmed` is borrowed. */
static struct metrics_programming a_programming(const struct fixture *f, int64_t at_s,
                                                uint64_t generation,
                                                const struct programmed *programmed)
{
    return (struct metrics_programming) {
        .model_id = f->model_id,
        .at_s = at_s,
        .generation = generation,
        .device = "default",
        .base = programmed->layers[0],
        .net = f->net,
        .layers = programmed->layers,
        .forecasts = programmed->forecasts,
        .results = programmed->results,
        .states = programmed->states,
        .duration_ms = 1.5,
    };
}

static void a_programming_is_kept_with_its_conditions_and_layers(void **state)
{
    (void)state;
    struct programmed plain = plain_cells();
    struct fixture f;

    fixture_make(&f);
    struct metrics_programming p = a_programming(&f, NOW, 3, &plain);
    assert_int_equal(write_programmings(&f, &p, 1), ST_OK);
    assert_one(
        &f, "operating_point",
        "ts = 1700000000 AND generation = 3 AND mode = 'device'"
        " AND program_over = 'present' AND seed = 1 AND temperature_k = 300.0"
        " AND abs(pulse_ns - 10.0) < 1e-9 AND write_voltage_p2ap_v = 0.8"
        " AND write_voltage_ap2p_v = 0.6 AND target_write_error_rate = 1e-9"
        " AND bit_error_rate IS NULL AND predicted_write_error_rate = 1e-9"
        " AND predicted_wrong_bits = 0.75 AND predicted_energy_pj = 40.0"
        " AND cells = 81 AND wrong_bits = 4 AND errors_p2ap = 2 AND errors_ap2p = 2"
        " AND toggles_p2ap = 15 AND toggles_ap2p = 20 AND energy_pj = 38.0"
        " AND duration_ms = 1.5");
    assert_one(&f, "operating_point",
               "cause = 'program' AND device = 'default' AND age_s = 0.0"
               " AND ecc = 'none' AND cell = '1t1r' AND polarity = 'none'"
               " AND verify_retries = 0 AND bit_error_rate_to_ap IS NULL"
               " AND weights = 81 AND cell_errors = 4 AND stuck_errors = 0"
               " AND equal_pairs = 0 AND words = 0 AND failures = 4 AND retries = 0"
               " AND energy_toggle_pj = 25.0 AND energy_hold_pj = 13.0"
               " AND energy_check_pj = 0.0 AND energy_verify_pj = 0.0");
    assert_one(&f, "operating_point_layer",
               "layer = 0 AND name = 'layer0' AND cells = 54 AND wrong_bits = 3"
               " AND errors_p2ap = 1 AND errors_ap2p = 2 AND energy_pj = 30.0");
    assert_one(&f, "operating_point_layer",
               "layer = 1 AND name = 'layer1' AND cells = 27 AND wrong_bits = 1"
               " AND mode = 'device' AND predicted_wrong_bits = 0.5"
               " AND predicted_energy_pj = 8.0 AND weights = 27");
    fixture_free(&f);
}

/* The first layer has a code in pairs and its own conditions, the second is iid. */
static struct programmed mixed_layers(void)
{
    struct programmed mixed = plain_cells();
    struct metrics_layer *first = &mixed.layers[0], *second = &mixed.layers[1];

    first->op.mode = MRAM_UNIFORM;
    first->op.over = MRAM_OVER_COMPLEMENT;
    first->op.temperature_k = 350.0;
    first->op.has_target = false;
    first->op.ecc = ECC_BCH2;
    first->op.pairs = true;
    first->op.polarity = MRAM_POLARITY_ODD_ROWS;
    first->op.verify_retries = 3;
    mixed.results[0].retries = 7;
    mixed.results[0].energy = (struct mram_energy) { 1.0, 2.0, 4.0, 8.0, 16.0 };
    mixed.states[0] = (struct mram_state) { .weights = 54,
                                            .cells = 360,
                                            .parallel = 180,
                                            .errors = { 10, 20 },
                                            .stuck = 6,
                                            .stuck_errors = 3,
                                            .equal_pairs = 2,
                                            .words = 9,
                                            .corrected = 5,
                                            .detected = 1,
                                            .miscorrected = 2,
                                            .wrong = { 3, 4 } };
    second->op.mode = MRAM_IID;
    second->op.bit_error_rate[MTJ_P2AP] = 0.03;
    second->op.bit_error_rate[MTJ_AP2P] = 0.04;
    second->pulse = (struct mtj_pulse) { .pulse_s = 0.0 };
    second->write_error_rate = 0.035;
    mixed.results[1] = (struct mram_result) { .failures = 0 };
    return mixed;
}

static void layers_keep_what_is_their_own(void **state)
{
    (void)state;
    struct programmed mixed = mixed_layers();
    struct fixture f;

    fixture_make(&f);
    struct metrics_programming p = a_programming(&f, NOW, 1, &mixed);
    p.cause = MRAM_SCRUBBED;
    p.age_s = 12.5;
    p.base = plain_cells().layers[0];
    assert_int_equal(write_programmings(&f, &p, 1), ST_OK);
    assert_one(&f, "v_operating_point_layer",
               "ts = 1700000000 AND model = 'first' AND generation = 1 AND layer = 0"
               " AND name = 'layer0' AND mode = 'uniform' AND program_over = 'complement'"
               " AND temperature_k = 350.0 AND write_voltage_p2ap_v = 0.8"
               " AND target_write_error_rate IS NULL AND bit_error_rate IS NULL"
               " AND ecc = 'bch2' AND cell = '2t2r' AND polarity = 'odd_rows'"
               " AND verify_retries = 3 AND predicted_write_error_rate = 1e-9");
    assert_one(&f, "v_operating_point_layer",
               "layer = 0 AND weights = 54 AND cells = 360 AND wrong_bits = 7"
               " AND abs(stored_bit_error_rate - 7.0 / 54) < 1e-12 AND cell_errors = 30"
               " AND errors_p2ap = 10 AND errors_ap2p = 20 AND stuck_errors = 3"
               " AND equal_pairs = 2 AND words = 9 AND corrected = 5 AND detected = 1"
               " AND miscorrected = 2 AND toggles = 30 AND failures = 3 AND retries = 7"
               " AND energy_pj = 31.0 AND energy_toggle_pj = 1.0 AND energy_hold_pj = 2.0"
               " AND energy_check_pj = 4.0 AND energy_encode_pj = 8.0"
               " AND energy_verify_pj = 16.0");
    assert_one(&f, "v_operating_point_layer",
               "layer = 1 AND mode = 'iid' AND program_over IS NULL"
               " AND temperature_k IS NULL AND pulse_ns IS NULL"
               " AND write_voltage_ap2p_v IS NULL AND bit_error_rate = 0.03"
               " AND bit_error_rate_to_ap = 0.04 AND verify_retries IS NULL"
               " AND predicted_write_error_rate = 0.035 AND predicted_energy_pj IS NULL"
               " AND failures IS NULL AND energy_pj IS NULL AND energy_hold_pj IS NULL"
               " AND wrong_bits = 1");
    /* The whole has the base's conditions and the sums of the layers. */
    assert_one(&f, "v_operating_point",
               "cause = 'scrub' AND age_s = 12.5 AND device = 'default'"
               " AND mode = 'device' AND ecc = 'none' AND cell = '1t1r'"
               " AND weights = 81 AND cells = 387 AND wrong_bits = 8 AND cell_errors = 31"
               " AND abs(stored_bit_error_rate - 8.0 / 81) < 1e-12 AND words = 9"
               " AND stuck_errors = 3 AND failures = 3 AND retries = 7"
               " AND energy_pj = 31.0 AND energy_verify_pj = 16.0");
    assert_one(&f, "v_error_rate", "kind = 'stored' AND wrong_bits = 8 AND cells = 81");
    assert_true(value(&f, "SELECT count(*) FROM v_error_rate") == 1); /* stuck cells */
    fixture_free(&f);
}

/* A table without a voltage and a pulse has none to tell of. */
static void a_device_without_a_pulse_has_none(void **state)
{
    (void)state;
    struct programmed plain = plain_cells();
    struct fixture f;

    fixture_make(&f);
    for (size_t l = 0; l < 2; l++)
        plain.layers[l].pulse = (struct mtj_pulse) { .temperature_k = 300.0 };
    struct metrics_programming p = a_programming(&f, NOW, 1, &plain);
    (void)snprintf(p.device, sizeof(p.device), "fefet");
    assert_int_equal(write_programmings(&f, &p, 1), ST_OK);
    assert_one(&f, "v_operating_point",
               "device = 'fefet' AND temperature_k = 300.0 AND pulse_ns IS NULL"
               " AND write_voltage_p2ap_v IS NULL AND write_voltage_ap2p_v IS NULL");
    fixture_free(&f);
}

static void what_changes_the_array_otherwise_writes_nothing(void **state)
{
    (void)state;
    static const enum mram_cause causes[] = { MRAM_AGED, MRAM_DISTURBED, MRAM_INJECTED,
                                              MRAM_IMPORTED };
    struct programmed plain = plain_cells();
    struct fixture f;

    fixture_make(&f);
    memset(plain.results, 0, sizeof(plain.results));
    for (size_t i = 0; i < 4; i++) {
        struct metrics_programming p = a_programming(&f, NOW, i + 1, &plain);
        char condition[64];

        p.cause = causes[i];
        assert_int_equal(write_programmings(&f, &p, 1), ST_OK);
        (void)snprintf(condition, sizeof(condition), "cause = '%s' AND wrong_bits = 4",
                       mram_cause_name(causes[i]));
        assert_one(&f, "v_operating_point", condition);
    }
    assert_true(value(&f, "SELECT count(*) FROM w10") == 0);
    assert_true(value(&f, "SELECT count(*) FROM v_error_rate") == 4);
    fixture_free(&f);
}

static void iid_has_no_physics(void **state)
{
    (void)state;
    struct programmed flips = {
        .states = { { .weights = 54, .cells = 54, .errors = { 1, 2 }, .wrong = { 1, 2 } },
                    { .weights = 27, .cells = 27 } }
    };
    struct fixture f;

    fixture_make(&f);
    for (size_t l = 0; l < 2; l++) {
        flips.layers[l].op = operating_point_default();
        flips.layers[l].op.mode = MRAM_IID;
        flips.layers[l].op.bit_error_rate[MTJ_P2AP] = 0.03;
        flips.layers[l].op.bit_error_rate[MTJ_AP2P] = 0.01;
    }
    struct metrics_programming p = a_programming(&f, NOW, 1, &flips);
    assert_int_equal(write_programmings(&f, &p, 1), ST_OK);
    assert_one(&f, "operating_point",
               "mode = 'iid' AND bit_error_rate = 0.03 AND bit_error_rate_to_ap = 0.01"
               " AND wrong_bits = 3"
               " AND program_over IS NULL AND temperature_k IS NULL AND pulse_ns IS NULL"
               " AND write_voltage_p2ap_v IS NULL AND target_write_error_rate IS NULL"
               " AND predicted_energy_pj IS NULL AND energy_pj IS NULL"
               " AND verify_retries IS NULL AND failures IS NULL"
               " AND energy_toggle_pj IS NULL");
    assert_one(&f, "v_error_rate", "kind = 'stored' AND wrong_bits = 3 AND cells = 81");
    assert_true(value(&f, "SELECT count(*) FROM v_error_rate") == 1);
    fixture_free(&f);
}

static void error_rates_are_told_by_kind(void **state)
{
    (void)state;
    struct programmed plain = plain_cells();
    struct fixture f;

    fixture_make(&f);
    struct metrics_programming p = a_programming(&f, NOW, 1, &plain);
    assert_int_equal(write_programmings(&f, &p, 1), ST_OK);
    assert_one(&f, "v_error_rate",
               "model = 'first' AND ts = 1700000000 AND kind = 'stored' AND cells = 81"
               " AND wrong_bits = 4 AND abs(bit_error_rate - 4.0 / 81) < 1e-12");
    assert_one(&f, "v_error_rate",
               "kind = 'p2ap' AND cells = 15 AND wrong_bits = 2"
               " AND abs(bit_error_rate - 2.0 / 15) < 1e-12");
    assert_one(&f, "v_error_rate",
               "kind = 'ap2p' AND cells = 20 AND bit_error_rate = 0.1");
    fixture_free(&f);
}

static void an_operating_point_lasts_until_the_next_of_its_model(void **state)
{
    (void)state;
    struct programmed plain = plain_cells();
    struct fixture f;
    struct network *other = network_called("second", 1);
    struct metrics_programming p[4];

    fixture_make(&f);
    for (size_t i = 0; i < 3; i++)
        p[i] = a_programming(&f, NOW + 10 * (int64_t)i, i + 1, &plain);
    p[3] = a_programming(&f, NOW + 5, 1, &plain);
    assert_int_equal(metrics_add_model(f.db, other, NOW, &p[3].model_id, &f.since_s),
                     ST_OK);
    assert_int_equal(write_programmings(&f, p, 4), ST_OK);
    assert_one(&f, "v_operating_point",
               "ts = 1700000000 AND until_ts = 1700000010 AND model = 'first'"
               " AND toggles = 35 AND abs(stored_bit_error_rate - 4.0 / 81) < 1e-12");
    assert_one(&f, "v_operating_point", "generation = 2 AND until_ts = 1700000020");
    assert_one(&f, "v_operating_point", "generation = 3 AND until_ts IS NULL");
    assert_one(&f, "v_operating_point", "model = 'second' AND until_ts IS NULL");
    network_free(other);
    fixture_free(&f);
}

/* -- Windows -- */

static struct metrics_window a_window(const struct fixture *f, int64_t window_s,
                                      uint64_t generation)
{
    struct metrics_window w = {
        .model_id = f->model_id,
        .generation = generation,
        .window_s = window_s,
        .requests = 3,
        .images = 5,
        .labelled = 4,
        .correct = 3,
        .errors = 1,
        .bits_read = 405,
        .read_pj = 10.0,
        .compute_pj = 5.0,
        .latency_sum_us = 600.0,
        .latency_max_us = 400.0,
    };

    w.latency[metrics_latency_bucket(100.0)] = 2;
    w.latency[metrics_latency_bucket(400.0)] = 1;
    return w;
}

static void what_is_added_to_a_window_adds_up(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f);
    struct metrics_window w = a_window(&f, NOW, 1);
    assert_int_equal(write_windows(&f, &w, 1), ST_OK);
    w.latency_max_us = 300.0;
    assert_int_equal(write_windows(&f, &w, 1), ST_OK);
    struct metrics_window more[2] = { w, a_window(&f, NOW, 2) };
    assert_int_equal(write_windows(&f, more, 2), ST_OK);
    assert_one(
        &f, "w10",
        "ts = 1700000000 AND generation = 1 AND requests = 9 AND images = 15"
        " AND labelled = 12 AND correct = 9 AND errors = 3 AND bits_read = 1215"
        " AND read_pj = 30.0 AND compute_pj = 15.0 AND latency_sum_us = 1800.0"
        " AND le_50 = 0 AND le_100 = 6 AND le_250 = 6 AND le_500 = 9 AND le_inf = 9"
        " AND latency_max_us = 400.0");
    assert_true(value(&f, "SELECT sum(le_inf) FROM w10 WHERE generation = 1") == 9);
    assert_one(&f, "v_accuracy",
               "model = 'first' AND labelled = 16 AND correct = 12 AND accuracy = 0.75");
    fixture_free(&f);
}

static void a_window_without_labels_has_no_accuracy(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f);
    struct metrics_window w = a_window(&f, NOW, 1);
    w.labelled = w.correct = 0;
    assert_int_equal(write_windows(&f, &w, 1), ST_OK);
    assert_true(value(&f, "SELECT count(*) FROM v_accuracy") == 0);
    assert_true(value(&f, "SELECT count(*) FROM v_latency") == 1);
    fixture_free(&f);
}

static void energy_is_joules_and_picojoules_per_image(void **state)
{
    (void)state;
    struct programmed plain = plain_cells();
    struct fixture f;

    fixture_make(&f);
    struct metrics_window w[2] = { a_window(&f, NOW, 1), a_window(&f, NOW, 2) };
    struct metrics_programming p[2] = { a_programming(&f, NOW + 9, 2, &plain),
                                        a_programming(&f, NOW + 10, 3, &plain) };
    assert_int_equal(write_windows(&f, w, 2), ST_OK);
    assert_int_equal(write_programmings(&f, p, 2), ST_OK);
    assert_near(value(&f, "SELECT read_j FROM v_energy WHERE ts = 1700000000"), 20e-12);
    assert_near(value(&f, "SELECT compute_j FROM v_energy WHERE ts = 1700000000"),
                10e-12);
    assert_near(value(&f, "SELECT write_j FROM v_energy WHERE ts = 1700000000"), 38e-12);
    assert_near(value(&f, "SELECT pj_per_image FROM v_energy WHERE ts = 1700000000"),
                3.0);
    assert_one(
        &f, "v_energy",
        "ts = 1700000010 AND pj_per_image IS NULL AND read_j = 0.0 AND write_j > 0");
    fixture_free(&f);
}

/* -- The ledger -- */

/* Every kind another energy. */
static struct metrics_energy a_gain(const struct fixture *f, size_t layer, double pj)
{
    struct metrics_energy e = {
        .model_id = f->model_id,
        .layer = layer,
        .layer_name = f->net->layers[layer].name,
    };

    for (unsigned k = 0; k < ENERGY_KINDS; k++)
        e.gain.pj[k] = pj * (double)(1U << k);
    return e;
}

static void assert_ledger(struct fixture *f, double first_pj, double second_pj)
{
    const double expected[3] = { first_pj, second_pj, 0.0 };
    struct energy energies[3];

    memset(energies, 0xff, sizeof(energies));
    assert_int_equal(metrics_read_energy(f->db, f->model_id, 3, energies), ST_OK);
    for (unsigned l = 0; l < 3; l++)
        for (unsigned k = 0; k < ENERGY_KINDS; k++)
            assert_true(energies[l].pj[k] == expected[l] * (double)(1U << k));
}

static void the_ledger_adds_up_and_outlives_the_process(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f);
    assert_ledger(&f, 0.0, 0.0);
    for (unsigned i = 1; i <= 5; i++) {
        struct db_opened opened;
        char why[ERR_LEN];
        struct metrics_energy e[3] = { a_gain(&f, 0, 2.0), a_gain(&f, 1, 0.5),
                                       a_gain(&f, 0, 1.0) };
        struct metrics_batch batch = { .energies = e, .n_energies = 3 };

        assert_int_equal(metrics_write(f.db, &batch), ST_OK);
        assert_ledger(&f, 3.0 * i, 0.5 * i);
        db_close(f.db);
        assert_int_equal(db_open(f.path, &f.db, &opened, why), ST_OK);
        assert_ledger(&f, 3.0 * i, 0.5 * i);
    }
    struct energy none;
    assert_int_equal(metrics_read_energy(f.db, 999, 1, &none), ST_OK);
    assert_true(energy_sum(&none) == 0.0);
    fixture_free(&f);
}

static void the_ledger_is_joules_by_layer_and_kind(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f);
    struct metrics_energy e[2] = { a_gain(&f, 0, 1.0), a_gain(&f, 1, 10.0) };
    struct metrics_batch batch = { .energies = e, .n_energies = 2 };
    assert_int_equal(metrics_write(f.db, &batch), ST_OK);
    for (size_t l = 0; l < 2; l++)
        for (unsigned k = 0; k < ENERGY_KINDS; k++) {
            char sql[256];

            (void)snprintf(sql, sizeof(sql),
                           "SELECT joules FROM v_energy_ledger WHERE model = 'first'"
                           " AND layer = %zu AND name = 'layer%zu' AND kind = '%s'",
                           l, l, energy_name((enum energy_kind)k));
            assert_near(value(&f, sql), e[l].gain.pj[k] * 1e-12);
        }
    assert_true(value(&f, "SELECT count(*) FROM v_energy_ledger") == 2 * ENERGY_KINDS);
    /* Another file of that name: what it spent is added. */
    struct network *other = network_called("first", 2);
    assert_int_equal(metrics_add_model(f.db, other, NOW, &e[0].model_id, &f.since_s),
                     ST_OK);
    batch.n_energies = 1;
    assert_int_equal(metrics_write(f.db, &batch), ST_OK);
    assert_near(value(&f, "SELECT joules FROM v_energy_ledger WHERE layer = 0"
                          " AND kind = 'hold'"),
                4e-12);
    assert_ledger(&f, 1.0, 10.0);
    network_free(other);
    fixture_free(&f);
}

static void a_batch_that_fails_adds_nothing_to_the_ledger(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f);
    struct metrics_energy e[2] = { a_gain(&f, 0, 1.0), a_gain(&f, 1, 1.0) };
    struct metrics_event event = { .at_s = NOW, .kind = "start", .model_id = 999 };
    struct metrics_batch batch = { .energies = e, .n_energies = 2 };

    assert_int_equal(metrics_write(f.db, &batch), ST_OK);
    batch.events = &event;
    batch.n_events = 1;
    assert_int_equal(metrics_write(f.db, &batch), ST_IO);
    assert_ledger(&f, 1.0, 1.0);
    batch.n_events = 0;
    e[1].model_id = 999;
    assert_int_equal(metrics_write(f.db, &batch), ST_IO);
    assert_ledger(&f, 1.0, 1.0);
    fixture_free(&f);
}

static void a_ledger_that_is_gone_is_an_error(void **state)
{
    (void)state;
    struct fixture f;
    struct energy energies[2];

    fixture_make(&f);
    sqlite3 *other;

    assert_int_equal(sqlite3_open(f.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "DROP VIEW v_energy_ledger; DROP TABLE energy",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    energies[0].pj[0] = 5.0;
    assert_int_equal(metrics_read_energy(f.db, f.model_id, 2, energies), ST_IO);
    assert_true(energies[0].pj[0] == 5.0);
    assert_non_null(strstr(db_message(f.db), "energy"));
    fixture_free(&f);
}

/* -- Latency against a slow reference -- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The percentile as README.md defines it, from the counts. */
static double slow_percentile(const uint64_t counts[], double max_us, double q)
{
    double total = 0.0, below = 0.0;

    for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++)
        total += (double)counts[b];
    for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++) {
        double n = (double)counts[b];
        if (n > 0 && below + n >= q * total) {
            double low = b == 0 ? 0.0 : metrics_latency_edges_us[b - 1];
            double high =
                b == METRICS_LATENCY_EDGES ? max_us : metrics_latency_edges_us[b];
            high = fmin(high, max_us);
            return low + (high - low) * (q * total - below) / n;
        }
        below += n;
    }
    return NAN;
}

/* Latencies spread evenly over orders of magnitude, into windows of several generations.
 */
static void percentiles_agree_with_a_slow_count(void **state)
{
    (void)state;
    static const double quantiles[] = { 0.50, 0.95, 0.99 };
    static const char *const columns[] = { "p50_us", "p95_us", "p99_us" };
    struct fixture f;
    unsigned seed = 1;

    fixture_make(&f);
    for (unsigned round = 0; round < 30; round++) {
        int64_t ts = NOW + 10 * (int64_t)round;
        size_t n = 1 + (size_t)rand_r(&seed) % 200;
        double samples[200], sum_us = 0.0;
        uint64_t counts[METRICS_LATENCY_EDGES + 1] = { 0 };
        struct metrics_window w[3] = { { 0 } };

        for (size_t i = 0; i < n; i++) {
            struct metrics_window *part = &w[i % 3];
            unsigned decades = 1 + round % 7;
            double us = pow(10.0, (double)decades * rand_r(&seed) / RAND_MAX);
            unsigned bucket = metrics_latency_bucket(us);

            samples[i] = us;
            sum_us += us;
            counts[bucket]++;
            part->latency[bucket]++;
            part->latency_sum_us += us;
            part->latency_max_us = fmax(part->latency_max_us, us);
            part->requests++;
        }
        for (unsigned g = 0; g < 3; g++) {
            w[g].model_id = f.model_id;
            w[g].generation = g + 1;
            w[g].window_s = ts;
        }
        assert_int_equal(write_windows(&f, w, 3), ST_OK);
        qsort(samples, n, sizeof(samples[0]), compare);
        for (unsigned q = 0; q < 3; q++) {
            char sql[128];
            (void)snprintf(sql, sizeof(sql), "SELECT %s FROM v_latency WHERE ts = %lld",
                           columns[q], (long long)ts);
            double found = value(&f, sql);
            size_t rank = (size_t)ceil(quantiles[q] * (double)n);

            assert_near(found, slow_percentile(counts, samples[n - 1], quantiles[q]));
            /* The sample of that rank lies in the bucket that was found. */
            double low =
                metrics_latency_bucket(samples[rank - 1]) == 0
                    ? 0.0
                    : metrics_latency_edges_us[metrics_latency_bucket(samples[rank - 1]) -
                                               1];
            assert_true(found >= low && found <= samples[n - 1]);
            assert_true(metrics_latency_bucket(found) <=
                        metrics_latency_bucket(samples[rank - 1]));
        }
        char sql[128];
        (void)snprintf(sql, sizeof(sql), "SELECT mean_us FROM v_latency WHERE ts = %lld",
                       (long long)ts);
        assert_near(value(&f, sql), sum_us / (double)n);
        (void)snprintf(sql, sizeof(sql), "SELECT max_us FROM v_latency WHERE ts = %lld",
                       (long long)ts);
        assert_near(value(&f, sql), samples[n - 1]);
    }
    fixture_free(&f);
}

/* A dashboard asks for the last hour of a file that holds years. */
static void a_view_of_some_time_reads_only_that_time(void **state)
{
    (void)state;
    static const char *const views[] = { "v_accuracy", "v_energy", "v_latency" };
    struct fixture f;

    fixture_make(&f);
    for (size_t i = 0; i < 3; i++) {
        sqlite3_stmt *query;
        char sql[128];
        bool searched = false;

        (void)snprintf(sql, sizeof(sql),
                       "EXPLAIN QUERY PLAN SELECT * FROM %s WHERE ts >= 1700000000",
                       views[i]);
        assert_int_equal(sqlite3_prepare_v2(f.reader, sql, -1, &query, NULL), SQLITE_OK);
        while (sqlite3_step(query) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(query, 3);
            searched |= strcmp(step, "SEARCH w USING PRIMARY KEY (ts>?)") == 0;
            assert_null(strstr(step, "SCAN w"));
        }
        assert_int_equal(sqlite3_finalize(query), SQLITE_OK);
        assert_true(searched);
    }
    fixture_free(&f);
}

/* -- Events and batches -- */

static void events_tell_severity_and_model(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f);
    struct metrics_event events[3] = {
        { .at_s = NOW, .severity = METRICS_INFO, .kind = "start", .message = "hello" },
        { .at_s = NOW + 1, .severity = METRICS_WARNING, .kind = "database" },
        { .at_s = NOW + 2, .severity = METRICS_ERROR, .kind = "programming" },
    };
    events[2].model_id = f.model_id;
    struct metrics_batch batch = { .events = events, .n_events = 3 };
    assert_int_equal(metrics_write(f.db, &batch), ST_OK);
    assert_one(
        &f, "v_events",
        "ts = 1700000000 AND severity = 'info' AND kind = 'start' AND model IS NULL"
        " AND message = 'hello'");
    assert_one(&f, "v_events", "severity = 'warning' AND kind = 'database'");
    assert_one(&f, "v_events", "severity = 'error' AND model = 'first'");
    fixture_free(&f);
}

static void a_batch_is_written_whole_or_not_at_all(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f);
    struct metrics_window w[2] = { a_window(&f, NOW, 1), a_window(&f, NOW, 2) };
    w[1].model_id = 999; /* nobody */
    assert_int_equal(write_windows(&f, w, 2), ST_IO);
    assert_non_null(strstr(db_message(f.db), "FOREIGN KEY"));
    assert_true(value(&f, "SELECT count(*) FROM w10") == 0);
    assert_int_equal(write_windows(&f, w, 1), ST_OK);
    assert_true(value(&f, "SELECT sum(requests) FROM w10") == 3);
    fixture_free(&f);
}

/* Somebody else changed the tables while we had them open. */
static void a_table_that_is_gone_is_an_error(void **state)
{
    (void)state;
    struct fixture f;
    sqlite3 *other;

    fixture_make(&f);
    assert_int_equal(sqlite3_open(f.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "DROP TABLE w10", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    struct metrics_window w = a_window(&f, NOW, 1);
    assert_int_equal(write_windows(&f, &w, 1), ST_IO);
    assert_int_equal(write_windows(&f, &w, 1), ST_IO);
    assert_non_null(strstr(db_message(f.db), "w10"));
    fixture_free(&f);
}

static void a_full_disk_loses_and_doubles_nothing(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t n_kept = 0;
    size_t n_failed = 0;

    fixture_make(&f);
    struct metrics_window *w = calloc(500, sizeof(*w));
    assert_non_null(w);
    db_limit_pages(f.db, 40);
    for (size_t i = 0; i < 50; i++) {
        for (size_t j = 0; j < 500; j++)
            w[j] = a_window(&f, NOW + 10 * (int64_t)(i * 500 + j), 1);
        enum status st = write_windows(&f, w, 500);
        if (st == ST_OK) {
            n_kept++;
            continue;
        }
        assert_int_equal(st, ST_IO);
        assert_non_null(strstr(db_message(f.db), "full"));
        /* Not even a part of it is there, and more would not be either. */
        assert_true(value(&f, "SELECT count(*) FROM w10") == (double)(500 * n_kept));
        n_failed++;
        if (n_failed == 3)
            db_limit_pages(f.db, 0);
        i--; /* the same batch again */
    }
    assert_int_equal(n_failed, 3);
    assert_true(value(&f, "SELECT sum(requests) FROM w10") == 3 * 500 * 50);
    assert_true(value(&f, "SELECT sum(le_inf) FROM w10") == 3 * 500 * 50);
    free(w);
    fixture_free(&f);
}

/* Writes one request after the other into the windows, and says so through `fd`. */
static void write_for_ever(const char *path, const struct network *net, int fd)
{
    struct db *db;
    struct db_opened opened;
    char why[ERR_LEN];
    struct metrics_window w = { .generation = 1 };
    int64_t since_s;

    if (db_open(path, &db, &opened, why) != ST_OK ||
        metrics_add_model(db, net, NOW, &w.model_id, &since_s) != ST_OK)
        _exit(1);
    for (int64_t i = 0;; i++) {
        struct metrics_batch batch = { .windows = &w, .n_windows = 1 };

        w.window_s = NOW + 10 * (i / 3);
        w.requests = 1;
        w.latency[3] = 1;
        if (metrics_write(db, &batch) != ST_OK || write(fd, "x", 1) != 1)
            _exit(1);
    }
}

static void a_kill_loses_nothing_that_was_committed(void **state)
{
    (void)state;
    struct scratch scratch;
    struct network *net = network_called("first", 1);
    unsigned seed = 1;
    double n_before = 0.0;

    scratch_make(&scratch);
    const char *path = scratch_path(&scratch, "m.db");
    for (unsigned i = 0; i < 20; i++) {
        struct fixture f;
        struct db_opened opened;
        char why[ERR_LEN], bytes[4096];
        int pipe_fd[2], wait_status;
        double n_told = 0.0;

        assert_int_equal(pipe(pipe_fd), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)close(pipe_fd[0]);
            write_for_ever(path, net, pipe_fd[1]);
        }
        assert_int_equal(close(pipe_fd[1]), 0);
        struct timespec pause = { .tv_nsec = 5000000 + rand_r(&seed) % 20000000 };
        assert_int_equal(nanosleep(&pause, NULL), 0);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &wait_status, 0), child);
        assert_true(WIFSIGNALED(wait_status));
        for (ssize_t n; (n = read(pipe_fd[0], bytes, sizeof(bytes))) > 0;)
            n_told += (double)n;
        assert_int_equal(close(pipe_fd[0]), 0);

        assert_int_equal(db_open(path, &f.db, &opened, why), ST_OK);
        assert_string_equal(opened.set_aside, "");
        assert_int_equal(sqlite3_open(path, &f.reader), SQLITE_OK);
        assert_one(&f, "pragma_integrity_check", "integrity_check = 'ok'");
        double n = value(&f, "SELECT total(requests) FROM w10");
        /* The last one may have been committed and not told. */
        assert_true(n == n_before + n_told || n == n_before + n_told + 1);
        assert_true(value(&f, "SELECT total(le_inf) FROM w10") == n);
        n_before = n;
        assert_int_equal(sqlite3_close(f.reader), SQLITE_OK);
        db_close(f.db);
    }
    print_message("%g batches committed\n", n_before);
    network_free(net);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_latency_falls_into_the_first_bucket_that_reaches_it),
        cmocka_unit_test(a_model_file_is_registered_once),
        cmocka_unit_test(a_programming_is_kept_with_its_conditions_and_layers),
        cmocka_unit_test(layers_keep_what_is_their_own),
        cmocka_unit_test(a_device_without_a_pulse_has_none),
        cmocka_unit_test(what_changes_the_array_otherwise_writes_nothing),
        cmocka_unit_test(iid_has_no_physics),
        cmocka_unit_test(error_rates_are_told_by_kind),
        cmocka_unit_test(an_operating_point_lasts_until_the_next_of_its_model),
        cmocka_unit_test(what_is_added_to_a_window_adds_up),
        cmocka_unit_test(a_window_without_labels_has_no_accuracy),
        cmocka_unit_test(energy_is_joules_and_picojoules_per_image),
        cmocka_unit_test(the_ledger_adds_up_and_outlives_the_process),
        cmocka_unit_test(the_ledger_is_joules_by_layer_and_kind),
        cmocka_unit_test(a_batch_that_fails_adds_nothing_to_the_ledger),
        cmocka_unit_test(a_ledger_that_is_gone_is_an_error),
        cmocka_unit_test(percentiles_agree_with_a_slow_count),
        cmocka_unit_test(a_view_of_some_time_reads_only_that_time),
        cmocka_unit_test(events_tell_severity_and_model),
        cmocka_unit_test(a_batch_is_written_whole_or_not_at_all),
        cmocka_unit_test(a_table_that_is_gone_is_an_error),
        cmocka_unit_test(a_full_disk_loses_and_doubles_nothing),
        cmocka_unit_test(a_kill_loses_nothing_that_was_committed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
