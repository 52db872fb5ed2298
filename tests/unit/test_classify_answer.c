/* SPDX-License-Identifier: Apache-2.0 */
#include "api/classify_json.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char net_name[] = "mnist";
static char texts[4][16] = { "zero", "a \"b\" \\ c", "\xc3\xa9t\xc3\xa9", "three" };
static char *labels[] = { texts[0], texts[1], texts[2], texts[3] };
static const struct network net = {
    .name = net_name, .n_classes = 4, .labels = labels, .version = 17
};

static const struct classify_score scores[] = {
    { 2, 0.75f, 12.5f },
    { 1, 0.25f, -3.25f },
    { 0, 1.0f, 0.0f },
    { 3, 1e-9f, -100.125f },
};

static struct classify_answer answer(void)
{
    return (struct classify_answer) {
        .net = &net,
        .generation = 12,
        .request_id = 0x00c0ffee00000001,
        .n_images = 2,
        .top = 2,
        .stride = 2,
        .scores = scores,
        .memory = { .weights = 1860608, .cells = 2093184, .wrong_bits = 1812 },
        .energy = { .pj = { [ENERGY_READ] = 37212.1604,
                            [ENERGY_DECODE] = 2.5,
                            [ENERGY_COMPUTE] = 0.25 } },
        .queue_us = 0.0,
        .compute_us = 2.44,
        .total_us = 9.06,
    };
}

static json_t *written(const struct classify_answer *from)
{
    struct buf buf = BUF_INIT;

    classify_json_write(&buf, from);
    assert_false(buf.failed);
    json_t *root = json_loadb(buf.data, buf.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    buf_free(&buf);
    return root;
}

static double number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    assert_true(json_is_number(value));
    return json_number_value(value);
}

static void expect_text(const json_t *object, const char *name, const char *text)
{
    assert_string_equal(json_string_value(json_object_get(object, name)), text);
}

static void every_field_reads_back(void **state)
{
    struct classify_answer from = answer();
    json_t *root = written(&from);
    json_t *results = json_object_get(root, "results");
    json_t *memory = json_object_get(root, "memory");
    json_t *energy = json_object_get(root, "energy");
    json_t *time = json_object_get(root, "time_us");

    (void)state;
    assert_int_equal(json_object_size(root), 8);
    expect_text(root, "model", "mnist");
    expect_text(root, "version", "17");
    assert_true(number(root, "generation") == 12);
    expect_text(root, "request_id", "00c0ffee00000001");
    assert_int_equal(json_object_size(memory), 4);
    assert_true(number(memory, "cells") == 2093184);
    assert_true(number(memory, "weights") == 1860608);
    assert_true(number(memory, "wrong_bits") == 1812);
    assert_true(fabs(number(memory, "bit_error_rate") / (1812 / 1860608.0) - 1) < 1e-8);
    assert_true(number(energy, "read_pj") == 37212.160);
    assert_int_equal(json_object_size(energy), 4);
    assert_true(number(energy, "decode_pj") == 2.5);
    assert_true(number(energy, "compute_pj") == 0.25);
    assert_true(number(energy, "total_pj") == 37214.910);
    assert_true(number(time, "queue") == 0.0);
    assert_true(number(time, "compute") == 2.4);
    assert_true(number(time, "total") == 9.1);

    assert_int_equal(json_array_size(results), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *result = json_array_get(results, i);
        const json_t *list = json_object_get(result, "scores");

        assert_true(number(result, "class") == scores[2 * i].class_index);
        expect_text(result, "label", labels[scores[2 * i].class_index]);
        assert_int_equal(json_array_size(list), 2);
        for (size_t k = 0; k < 2; k++) {
            const struct classify_score *score = &scores[2 * i + k];
            const json_t *item = json_array_get(list, k);

            assert_true(number(item, "class") == score->class_index);
            expect_text(item, "label", labels[score->class_index]);
            assert_true(fabs(number(item, "probability") - score->probability) <= 5e-7);
            assert_true(fabs(number(item, "logit") - score->logit) <= 5e-5);
        }
    }
    json_decref(root);
}

static void write_both(struct classify_answer *from, struct classify_memo *memo)
{
    struct buf plain = BUF_INIT, with = BUF_INIT;

    from->memo = NULL;
    classify_json_write(&plain, from);
    from->memo = memo;
    classify_json_write(&with, from);
    assert_false(plain.failed);
    assert_int_equal(plain.len, with.len);
    assert_memory_equal(plain.data, with.data, plain.len);
    buf_free(&plain);
    buf_free(&with);
}

static void a_memo_changes_nothing(void **state)
{
    struct classify_memo memo = { .len = 0 };
    struct classify_answer from = answer();

    (void)state;
    for (int round = 0; round < 2; round++) {
        write_both(&from, &memo);
        assert_true(memo.len > 0);
        write_both(&from, &memo);
        from.memory.wrong_bits++;
        write_both(&from, &memo);
        from.energy.pj[ENERGY_READ] *= 2;
        write_both(&from, &memo);
        from.memory.cells--;
    }
    /* Long ones. */
    for (int kind = 0; kind < ENERGY_KINDS; kind++)
        from.energy.pj[kind] = 1.2345678901234567e300;
    write_both(&from, &memo);
    write_both(&from, &memo);
}

static void small_rates_keep_their_digits(void **state)
{
    static const uint64_t wrong[] = { 0, 1, 3, 1000, 1u << 30, 1u << 31 };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct classify_answer from = answer();
        /* Of the weights, however many cells keep them. */
        from.memory.weights = (uint64_t)1 << 31;
        from.memory.cells = (uint64_t)1 << 33;
        from.memory.wrong_bits = wrong[i];
        json_t *root = written(&from);
        double rate = number(json_object_get(root, "memory"), "bit_error_rate");
        double expected = (double)wrong[i] / 0x1p31;
        assert_true(fabs(rate - expected) <= 1e-8 * expected);
        json_decref(root);
    }
}

static void an_empty_memory_has_no_errors(void **state)
{
    struct classify_answer from = answer();

    (void)state;
    from.memory = (struct classify_memory) { 0, 0, 0 };
    json_t *root = written(&from);
    assert_true(number(json_object_get(root, "memory"), "bit_error_rate") == 0.0);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_reads_back),
        cmocka_unit_test(small_rates_keep_their_digits),
        cmocka_unit_test(an_empty_memory_has_no_errors),
        cmocka_unit_test(a_memo_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
