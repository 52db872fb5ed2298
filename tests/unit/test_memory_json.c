/* SPDX-License-Identifier: Apache-2.0 */
#include "api/memory_json.h"

#include "tests/lib/json_at.h"

static char first_name[] = "fc1", last_name[] = "fc2";
static struct network_layer net_layers[] = { { .name = first_name },
                                             { .name = last_name } };
static const struct network net = { .n_layers = 2, .layers = net_layers, .version = 17 };
static const uint64_t tile_wrong_cells[] = { 5, 0, 7 };
static const struct memory_cell weakest[] = {
    { .row = 2, .column = 3, .error_rate = { 1e-3, 1e-4 }, .delta = 45.5 },
    { .row = 9, .column = 1, .error_rate = { 5e-4, 1e-5 }, .delta = (double)NAN },
};
static uint64_t census[MTJ_CLASSES];
static struct operating_point_resolved resolved[2];
static struct memory_layer layers[2];

static int set_up(void **state)
{
    (void)state;
    memset(census, 0, sizeof(census));
    memset(resolved, 0, sizeof(resolved));
    layers[0] = (struct memory_layer) {
        .shape = { 128, 784 },
        .first_tile = 0,
        .n_tiles = 2,
        .tile_wrong_cells = tile_wrong_cells,
        .state = { .weights = 100, .cells = 250, .wrong = { 1, 2 }, .equal_pairs = 4 },
        .layout = { ECC_SECDED, true, MRAM_POLARITY_SEEDED },
        .mode = MRAM_DEVICE,
        .census = census,
        .resolved = &resolved[0],
        .n_weakest = 2,
        .weakest = weakest,
    };
    layers[1] = (struct memory_layer) {
        .shape = { 10, 128 },
        .first_tile = 2,
        .n_tiles = 1,
        .tile_wrong_cells = tile_wrong_cells + 2,
        .state = { .weights = 50, .cells = 50, .wrong = { 1, 0 } },
        .mode = MRAM_IID,
        .census = census,
        .resolved = &resolved[1],
    };
    return 0;
}

static json_t *written(void)
{
    const struct memory_view view = {
        .model = "mnist",
        .net = &net,
        .generation = 4,
        .cause = MRAM_DISTURBED,
        .seed = 9007199254740991,
        .device = "default",
        .age_s = 12.5,
        .pending_reads = 1000,
        .layers = layers,
    };
    struct buf buf = BUF_INIT;

    memory_json_write(&buf, &view);
    return json_of(&buf);
}

static void an_array_is_told_layer_by_layer(void **state)
{
    json_t *root = written();

    (void)state;
    expect_text(root, "model", "mnist");
    expect_text(root, "version", "17");
    expect_number(root, "generation", 4);
    expect_text(root, "cause", "disturb");
    expect_text(root, "device", "default");
    expect_number(root, "age_s", 12.5);
    expect_number(root, "pending_reads", 1000);
    expect_number(root, "geometry/tile_rows", 256);
    expect_number(root, "geometry/tile_columns", 256);
    expect_number(root, "geometry/tiles", 3);
    expect_number(root, "geometry/cells", 300);
    expect_number(root, "geometry/weights", 150);
    expect_number(root, "state/wrong_bits", 4);
    expect_number(root, "state/equal_pairs", 4);
    expect_size(root, "layers", 2);
    expect_text(root, "layers/0/name", "fc1");
    expect_number(root, "layers/0/rows", 128);
    expect_number(root, "layers/0/columns", 784);
    expect_number(root, "layers/1/first_tile", 2);
    expect_number(root, "layers/0/wrong_bits", 3);
    expect_size(root, "layers/0/tile_wrong_cells", 2);
    expect_number(root, "layers/1/tile_wrong_cells/0", 7);
    json_decref(root);
}

static void a_layout_says_which_sections_there_are(void **state)
{
    json_t *root = written();

    (void)state;
    expect_text(root, "layers/0/layout/ecc", "secded");
    expect_text(root, "layers/0/layout/cell", "2t2r");
    expect_text(root, "layers/0/layout/polarity", "seeded");
    expect_size(root, "layers/0/sections", 4);
    expect_text(root, "layers/0/sections/3", "check_partner");
    expect_size(root, "layers/1/sections", 1);
    expect_text(root, "layers/1/sections/0", "data");
    json_decref(root);

    layers[0].layout.ecc = ECC_NONE;
    layers[1].layout.ecc = ECC_BCH2;
    root = written();
    expect_size(root, "layers/0/sections", 2);
    expect_text(root, "layers/0/sections/1", "data_partner");
    expect_text(root, "layers/1/sections/1", "check");
    json_decref(root);
}

static void cells_are_counted_by_the_logarithm_of_their_rate(void **state)
{
    static const struct {
        double rate;
        unsigned bin;
    } cases[] = {
        { 0.0, 0 },       { 1e-300, 0 }, { 1e-18, 0 },     { 1.9e-18, 1 },
        { 1.01e-10, 32 }, { 0.05, 66 },  { 0.999999, 71 }, { 1.0, 71 },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        census[i] = 1u << i;
        resolved[0].classes.error_rate[i][MTJ_P2AP] = cases[i].rate;
        resolved[0].classes.error_rate[i][MTJ_AP2P] = 1e-5;
    }
    json_t *root = written();
    expect_size(root, "layers/0/histograms", 2);
    expect_text(root, "layers/0/histograms/0/direction", "p2ap");
    expect_text(root, "layers/0/histograms/1/direction", "ap2p");
    expect_size(root, "layers/0/histograms/0/edges_log10", MEMORY_JSON_BINS + 1);
    expect_size(root, "layers/0/histograms/0/cells", MEMORY_JSON_BINS);
    expect_number(root, "layers/0/histograms/0/edges_log10/0", -18);
    expect_number(root, "layers/0/histograms/0/edges_log10/1", -17.75);
    expect_number(root, "layers/0/histograms/0/edges_log10/72", 0);
    expect_number(root, "layers/0/histograms/0/cells/0", 7);
    expect_number(root, "layers/0/histograms/0/cells/1", 8);
    expect_number(root, "layers/0/histograms/0/cells/32", 16);
    expect_number(root, "layers/0/histograms/0/cells/66", 32);
    expect_number(root, "layers/0/histograms/0/cells/71", 64 + 128);
    json_decref(root);
}

static void uniform_cells_have_one_rate_and_iid_none(void **state)
{
    (void)state;
    census[0] = 10;
    census[511] = 20;
    layers[0].mode = MRAM_UNIFORM;
    resolved[0].mean[MTJ_P2AP].error_rate = 0.5;
    resolved[0].mean[MTJ_AP2P].error_rate = 0.0;
    json_t *root = written();
    expect_number(root, "layers/0/histograms/0/cells/70", 30);
    expect_number(root, "layers/0/histograms/1/cells/0", 30);
    expect_text(root, "layers/0/mode", "uniform");
    expect_null(root, "layers/1/histograms");
    expect_size(root, "layers/1/weakest", 0);
    json_decref(root);
}

static void the_weakest_cells_are_named(void **state)
{
    json_t *root = written();

    (void)state;
    expect_size(root, "layers/0/weakest", 2);
    expect_number(root, "layers/0/weakest/0/row", 2);
    expect_number(root, "layers/0/weakest/0/column", 3);
    expect_counts(root, "layers/0/weakest/0/write_error_rate", 1e-3, 1e-4);
    expect_number(root, "layers/0/weakest/0/delta", 45.5);
    expect_null(root, "layers/0/weakest/1/delta");
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_array_is_told_layer_by_layer, set_up),
        cmocka_unit_test_setup(a_layout_says_which_sections_there_are, set_up),
        cmocka_unit_test_setup(cells_are_counted_by_the_logarithm_of_their_rate, set_up),
        cmocka_unit_test_setup(uniform_cells_have_one_rate_and_iid_none, set_up),
        cmocka_unit_test_setup(the_weakest_cells_are_named, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
