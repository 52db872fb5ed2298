/* SPDX-License-Identifier: Apache-2.0 */
/* Generations of an array as rows: conditions, layers, what a programming gave. */
#include "tests/unit/metrics_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_programming_is_kept_with_its_conditions_and_layers),
        cmocka_unit_test(layers_keep_what_is_their_own),
        cmocka_unit_test(a_device_without_a_pulse_has_none),
        cmocka_unit_test(what_changes_the_array_otherwise_writes_nothing),
        cmocka_unit_test(iid_has_no_physics),
        cmocka_unit_test(error_rates_are_told_by_kind),
        cmocka_unit_test(an_operating_point_lasts_until_the_next_of_its_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
