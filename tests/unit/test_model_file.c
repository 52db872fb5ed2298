/* SPDX-License-Identifier: Apache-2.0 */
/* Networks come back from their files as they were written. */
#include "storage/model_file.h"

#include "core/bits.h"
#include "tests/lib/fault.h"
#include "tests/lib/scratch.h"
#include "tests/unit/model_file_fixture.h"

#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

static void assert_layers_equal(const struct network_layer *a,
                                const struct network_layer *b)
{
    size_t n_words = b->n_out * bits_words(b->n_in);

    assert_string_equal(a->name, b->name);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->n_in, b->n_in);
    assert_int_equal(a->n_out, b->n_out);
    assert_memory_equal(a->weights, b->weights, n_words * 8);
    if (b->kind == NETWORK_FIRE) {
        assert_memory_equal(a->threshold, b->threshold, b->n_out * 4);
        assert_memory_equal(a->falling, b->falling, bits_words(b->n_out) * 8);
    }
    if (b->kind == NETWORK_LOGITS) {
        assert_memory_equal(a->scale, b->scale, b->n_out * 4);
        assert_memory_equal(a->bias, b->bias, b->n_out * 4);
    }
}

static void assert_stages_equal(const struct network *a, const struct network *b)
{
    assert_int_equal(a->n_stages, b->n_stages);
    for (size_t i = 0; i < b->n_stages; i++) {
        struct network_stage x = a->stages[i], y = b->stages[i];

        assert_memory_equal(x.a, y.a, y.n_a * sizeof(float));
        assert_memory_equal(x.b, y.b, y.n_b * sizeof(float));
        assert_true((x.mask == NULL) == (y.mask == NULL));
        if (y.mask != NULL)
            assert_memory_equal(x.mask, y.mask, bits_words(y.out.channels) * 8);
        x.a = y.a = x.b = y.b = NULL;
        x.mask = y.mask = NULL;
        assert_int_equal(x.op, y.op);
        assert_int_equal(x.in[0], y.in[0]);
        assert_int_equal(x.in[1], y.in[1]);
        assert_memory_equal(&x.out, &y.out, sizeof(x.out));
        assert_memory_equal(&x.window, &y.window, sizeof(x.window));
        assert_int_equal(x.padding, y.padding);
        assert_int_equal(x.groups, y.groups);
        assert_int_equal(x.layer, y.layer);
        assert_int_equal(x.count_outside, y.count_outside);
        assert_int_equal(x.strict, y.strict);
        assert_true(x.low == y.low && x.high == y.high);
        assert_int_equal(x.n_a, y.n_a);
        assert_int_equal(x.n_b, y.n_b);
    }
}

static void assert_networks_equal(const struct network *a, const struct network *b)
{
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->description, b->description);
    assert_string_equal(a->training, b->training);
    assert_string_equal(a->test_set, b->test_set);
    assert_int_equal(a->test_correct, b->test_correct);
    assert_int_equal(a->test_total, b->test_total);
    assert_int_equal(a->input.height, b->input.height);
    assert_int_equal(a->input.width, b->input.width);
    assert_int_equal(a->input.channels, b->input.channels);
    assert_int_equal(a->input.encoding, b->input.encoding);
    assert_int_equal(a->input.threshold, b->input.threshold);
    assert_int_equal(a->n_classes, b->n_classes);
    for (size_t i = 0; i < b->n_classes; i++)
        assert_string_equal(a->labels[i], b->labels[i]);
    assert_int_equal(a->checksum, b->checksum);
    assert_int_equal(a->n_layers, b->n_layers);
    for (size_t l = 0; l < b->n_layers; l++)
        assert_layers_equal(&a->layers[l], &b->layers[l]);
    assert_int_equal(a->input.bgr, b->input.bgr);
    assert_int_equal(a->input.fit, b->input.fit);
    assert_int_equal(a->input.resize, b->input.resize);
    assert_stages_equal(a, b);
}

/* -- Reading -- */

static void a_written_network_comes_back_the_same(void **state)
{
    (void)state;
    static const struct sbnn_shape shapes[] = {
        { "one", { 1, 1, 1, NETWORK_BINARY, .threshold = 1 }, 1, { 1 } },
        { "small", { 2, 3, 1, NETWORK_BINARY, .threshold = 128 }, 2, { 9, 3 } },
        { "words", { 8, 8, 1, NETWORK_PIXELS, .threshold = 0 }, 3, { 64, 128, 10 } },
        { "A.b-c_1", { 5, 13, 3, NETWORK_PIXELS, .threshold = 0 }, 3, { 65, 63, 2 } },
        { "deep",
          { 28, 28, 1, NETWORK_BINARY, .threshold = 255 },
          6,
          { 100, 7, 8, 9, 1, 4 } },
    };
    char why[ERR_LEN];

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct network *net = sbnn_random(&shapes[i], i);
        struct sbnn_bytes file = sbnn_write(net);
        struct network *read = NULL;

        enum status st = model_file_parse(file.bytes, file.len, &read, why);
        if (st != ST_OK)
            print_error("%s: %s\n", shapes[i].name, why);
        assert_int_equal(st, ST_OK);
        assert_networks_equal(read, net);
        network_free(read);
        network_free(net);
        free(file.bytes);
    }
}

static void the_shipped_models_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t inputs;
    } shipped[] = {
        { "mnist", 28 * 28 },
        { "fashion", 28 * 28 },
        { "cifar10", 32 * 32 * 3 },
    };
    char path[512], why[ERR_LEN];

    for (size_t i = 0; i < sizeof(shipped) / sizeof(shipped[0]); i++) {
        struct network *net = NULL;

        (void)snprintf(path, sizeof(path), "%s/models/%s.sbnn", TEST_SOURCE_DIR,
                       shipped[i].name);
        enum status st = model_file_load(path, &net, why);
        if (st != ST_OK)
            print_error("%s\n", why);
        assert_int_equal(st, ST_OK);
        assert_string_equal(net->name, shipped[i].name);
        assert_int_equal(network_inputs(net), shipped[i].inputs);
        assert_int_equal(net->n_classes, 10);
        assert_int_equal(net->test_total, 10000);
        assert_true(net->test_correct > 8650);
        network_free(net);
    }
}

/* -- Files and memory -- */

static void a_file_that_is_not_there_or_not_a_file_says_so(void **state)
{
    (void)state;
    struct scratch scratch;
    struct network *net = NULL;
    char why[ERR_LEN];

    scratch_make(&scratch);
    const char *path = scratch_path(&scratch, "none.sbnn");
    assert_int_equal(model_file_load(path, &net, why), ST_NOT_FOUND);
    assert_memory_equal(why, path, strlen(path));
    assert_int_equal(model_file_load(scratch.dir, &net, why), ST_IO);
    assert_memory_equal(why, scratch.dir, strlen(scratch.dir));
    path = scratch_path(&scratch, "pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(model_file_load(path, &net, why), ST_IO);
    path = scratch_file(&scratch, "empty.sbnn", "", 0);
    assert_int_equal(model_file_load(path, &net, why), ST_FORMAT);
    assert_memory_equal(why, path, strlen(path));
    assert_null(net);
    scratch_remove(&scratch);
}

static void a_file_is_read_like_its_bytes(void **state)
{
    (void)state;
    struct scratch scratch;
    struct network *net = sbnn_random(&small, 10), *read = NULL;
    char why[ERR_LEN];

    scratch_make(&scratch);
    sbnn_write_file(scratch_path(&scratch, "small.sbnn"), net);
    assert_int_equal(model_file_load(scratch.path, &read, why), ST_OK);
    assert_networks_equal(read, net);
    network_free(read);
    network_free(net);
    scratch_remove(&scratch);
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    struct network *net = sbnn_random(&small, 11);
    struct sbnn_bytes file = sbnn_write(net);
    struct network *read = NULL;
    char why[ERR_LEN];
    enum status st = ST_NOMEM;

    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = model_file_parse(file.bytes, file.len, &read, why);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && read == NULL));
    }
    network_free(read);
    free(file.bytes);
    network_free(net);
}

/* -- Version 2 -- */

static void networks_of_stages_come_back_the_same(void **state)
{
    (void)state;
    char why[ERR_LEN];

    for (uint64_t seed = 0; seed < 20; seed++) {
        struct network *net =
            seed == 0 ? sbnn_random(&small, 1) : stage_net_every_op(seed);
        struct sbnn_bytes file = must_write(net);
        struct network *read = NULL;

        enum status st = model_file_parse(file.bytes, file.len, &read, why);
        if (st != ST_OK)
            print_error("%s\n", why);
        assert_int_equal(st, ST_OK);
        assert_networks_equal(read, net);
        network_free(read);
        network_free(net);
        free(file.bytes);
    }
}

static void a_saved_network_is_loaded_again(void **state)
{
    (void)state;
    struct network *net = stage_net_every_op(4), *read = NULL;
    struct scratch scratch;
    char why[ERR_LEN];

    scratch_make(&scratch);
    const char *path = scratch_path(&scratch, "every.sbnn");
    assert_int_equal(model_file_save(path, net, why), ST_OK);
    assert_int_equal(model_file_save(path, net, why), ST_OK); /* over the old one */
    assert_int_equal(model_file_load(path, &read, why), ST_OK);
    net->checksum = read->checksum;
    assert_networks_equal(read, net);
    network_free(read);

    path = scratch_path(&scratch, "no/folder.sbnn");
    assert_int_equal(model_file_save(path, net, why), ST_IO);
    assert_memory_equal(why, scratch.dir, strlen(scratch.dir));
    scratch_remove(&scratch);

    free(net->description);
    net->description = malloc(65537);
    assert_non_null(net->description);
    memset(net->description, 'a', 65536);
    net->description[65536] = '\0';
    uint8_t *bytes = NULL;
    size_t len;
    assert_int_equal(model_file_bytes(net, &bytes, &len), ST_RANGE);
    assert_int_equal(model_file_save("unused", net, why), ST_RANGE);
    assert_null(bytes);
    network_free(net);
}

static void a_file_is_moved_over_another_and_removed(void **state)
{
    (void)state;
    struct scratch scratch;
    char from[128], to[128], why[ERR_LEN];
    size_t len;

    scratch_make(&scratch);
    (void)snprintf(from, sizeof(from), "%s", scratch_file(&scratch, "a", "new", 3));
    (void)snprintf(to, sizeof(to), "%s", scratch_file(&scratch, "b", "older", 5));
    assert_int_equal(model_file_move(from, to, why), ST_OK);
    uint8_t *bytes = scratch_read(to, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "new", 3);
    free(bytes);
    assert_int_equal(model_file_move(from, to, why), ST_IO); /* it is not there */
    assert_memory_equal(why, to, strlen(to));
    assert_int_equal(model_file_remove(to, why), ST_OK);
    assert_int_equal(model_file_remove(to, why), ST_OK);
    assert_int_equal(model_file_remove(scratch.dir, why), ST_IO);
    assert_memory_equal(why, scratch.dir, strlen(scratch.dir));
    scratch_remove(&scratch);
}

static void failed_allocations_of_stages_leave_nothing_behind(void **state)
{
    (void)state;
    struct network *net = stage_net_every_op(5);
    struct sbnn_bytes file = must_write(net);
    struct network *read = NULL;
    enum status st = ST_NOMEM;
    char why[ERR_LEN];
    uint8_t *bytes = NULL;
    size_t len;

    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = model_file_parse(file.bytes, file.len, &read, why);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && read == NULL));
    }
    network_free(read);
    fault_at(0);
    assert_int_equal(model_file_bytes(net, &bytes, &len), ST_NOMEM);
    fault_off();
    assert_null(bytes);
    free(file.bytes);
    network_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_written_network_comes_back_the_same),
        cmocka_unit_test(the_shipped_models_are_read),
        cmocka_unit_test(a_file_that_is_not_there_or_not_a_file_says_so),
        cmocka_unit_test(a_file_is_read_like_its_bytes),
        cmocka_unit_test(without_memory_nothing_leaks),
        cmocka_unit_test(networks_of_stages_come_back_the_same),
        cmocka_unit_test(a_saved_network_is_loaded_again),
        cmocka_unit_test(a_file_is_moved_over_another_and_removed),
        cmocka_unit_test(failed_allocations_of_stages_leave_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
