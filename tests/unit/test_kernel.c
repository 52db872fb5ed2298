/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kernel.h"

#include "core/bits.h"
#include "core/kernel_lookup.h"
#include "tests/lib/fault.h"
#include "tests/unit/kernel_agree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_usable_kernel_agrees_with_a_count_of_bits(void **state)
{
    (void)state;
    for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++) {
        if (kernel->usable())
            assert_true(kernel_agree(kernel));
    }
}

static void every_batch_up_to_a_few_tiles_agrees(void **state)
{
    (void)state;
    for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++) {
        for (size_t n_x = 1; n_x <= 9 && kernel->usable(); n_x++) {
            for (size_t n_out = 1; n_out <= 73; n_out += 8)
                assert_true(kernel_agree_shape(kernel, 100 + n_out, n_out, n_x, n_x % 2));
        }
    }
}

/* The compensations of the adder trees show at each remainder of their length. */
static void every_length_up_to_several_trees_agrees(void **state)
{
    (void)state;
    for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++) {
        for (size_t n_words = 1; n_words <= 40 && kernel->usable(); n_words++)
            assert_true(kernel_agree_shape(kernel, n_words * 64 - n_words % 3, 11, 3, 0));
    }
}

/* Byte sums would overflow first where every bit differs. */
static void all_bits_may_differ(void **state)
{
    (void)state;
    enum { N_IN = 64 * 700, N_WORDS = 700 };
    static uint64_t row[N_WORDS], x[N_WORDS];
    struct kernel_matrix w;
    int32_t m[KERNEL_LANES];

    memset(row, 0xFF, sizeof(row));
    assert_int_equal(kernel_matrix_init(&w, row, 1, N_IN), ST_OK);
    for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++) {
        if (!kernel->usable())
            continue;
        kernel->counts(&w, x, 1, N_WORDS, m);
        assert_int_equal(m[0], N_IN);
        kernel->counts(&w, row, 1, N_WORDS, m);
        assert_int_equal(m[0], 0);
        assert_int_equal(m[1], N_IN); /* a zero row */
    }
    kernel_matrix_done(&w);
}

static void a_limit_of_minus_one_never_fires_and_one_of_n_in_always(void **state)
{
    (void)state;
    enum { N_IN = 70, N_OUT = 16 };
    uint64_t rows[N_OUT * 2] = { 0 }, x[2] = { 0, 0 }, y = 1;
    const uint8_t plain[2] = { 0, 0 }, inverted[2] = { 0xFF, 0xFF };
    int64_t limit[N_OUT];
    struct kernel_matrix w;

    for (size_t j = 0; j < N_OUT; j++) {
        limit[j] = j < 8 ? -1 : N_IN;
        rows[2 * j] = j % 2 == 0 ? 0 : UINT64_MAX; /* every count, 0 to n_in */
        rows[2 * j + 1] = j % 2 == 0 ? 0 : bits_mask(N_IN, 1);
    }
    assert_int_equal(kernel_matrix_init(&w, rows, N_OUT, N_IN), ST_OK);
    for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++) {
        const struct kernel_rule rule = { .limit = limit, .invert = plain };
        const struct kernel_rule other = { .limit = limit, .invert = inverted };

        if (!kernel->usable())
            continue;
        kernel->fire(&w, &rule, x, 1, 2, &y, 1);
        assert_int_equal(y, 0xFF00);
        kernel->fire(&w, &other, x, 1, 2, &y, 1);
        assert_int_equal(y, 0x00FF);
    }
    kernel_matrix_done(&w);
}

static void the_first_kernel_is_scalar_and_the_best_is_usable(void **state)
{
    (void)state;
    assert_string_equal(kernel_list[0].name, "scalar");
    assert_true(kernel_list[0].usable());
    assert_non_null(kernel_best());
    assert_true(kernel_best()->usable());
}

static void kernels_are_found_by_name_if_usable(void **state)
{
    (void)state;
    for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++)
        assert_ptr_equal(kernel_find(kernel->name), kernel->usable() ? kernel : NULL);
    assert_null(kernel_find("abacus"));
    assert_null(kernel_find(""));
}

static void impossible_matrices_are_refused(void **state)
{
    (void)state;
    const uint64_t row = 0;
    struct kernel_matrix w;

    assert_int_equal(kernel_matrix_init(&w, &row, 0, 1), ST_RANGE);
    assert_int_equal(kernel_matrix_init(&w, &row, 1, 0), ST_RANGE);
    assert_int_equal(kernel_matrix_init(&w, &row, 1, KERNEL_MAX_INPUTS + 1), ST_RANGE);
    assert_int_equal(kernel_matrix_init(&w, &row, SIZE_MAX, 64), ST_RANGE);
    assert_int_equal(kernel_matrix_init(&w, &row, SIZE_MAX / 64, 1024), ST_RANGE);
}

static void a_matrix_that_finds_no_memory_says_so(void **state)
{
    (void)state;
    const uint64_t row = 1;
    struct kernel_matrix w = { 0 };

    fault_at(0);
    enum status st = kernel_matrix_init(&w, &row, 1, 1);
    fault_off();
    assert_int_equal(st, ST_NOMEM);
    assert_null(w.words);
    kernel_matrix_done(&w);
}

static void impossible_rows_of_pixels_are_refused(void **state)
{
    (void)state;
    const uint64_t row = 0;
    struct kernel_lookup l;

    assert_int_equal(kernel_lookup_init(&l, &row, 0, 1, NULL, NULL, 0), ST_RANGE);
    assert_int_equal(kernel_lookup_init(&l, &row, 1, 0, NULL, NULL, 0), ST_RANGE);
    assert_int_equal(
        kernel_lookup_init(&l, &row, 1, KERNEL_MAX_PIXELS + 1, NULL, NULL, 0), ST_RANGE);
    assert_int_equal(kernel_lookup_init(&l, &row, SIZE_MAX, 64, NULL, NULL, 0), ST_RANGE);
}

static void rows_of_pixels_that_find_no_memory_say_so(void **state)
{
    (void)state;
    const uint64_t row = 1;
    const int32_t threshold = 0;
    struct kernel_lookup l = { 0 };

    for (unsigned at = 0; at < 3; at++) {
        fault_at(at);
        enum status st = kernel_lookup_init(&l, &row, 1, 1, &threshold, &row, 0);
        fault_off();
        assert_int_equal(st, ST_NOMEM);
        assert_null(l.weights);
        kernel_lookup_done(&l);
    }
}

static void outputs_past_the_end_are_zero_rows(void **state)
{
    (void)state;
    const uint64_t rows[3] = { 7, 7, 7 };
    struct kernel_matrix w;

    assert_int_equal(kernel_matrix_init(&w, rows, 3, 3), ST_OK);
    assert_int_equal(w.n_blocks, 1);
    assert_int_equal((uintptr_t)w.words % 64, 0);
    for (size_t lane = 0; lane < KERNEL_LANES; lane++)
        assert_int_equal(w.words[lane], lane < 3 ? 7 : 0);
    kernel_matrix_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_usable_kernel_agrees_with_a_count_of_bits),
        cmocka_unit_test(every_batch_up_to_a_few_tiles_agrees),
        cmocka_unit_test(every_length_up_to_several_trees_agrees),
        cmocka_unit_test(all_bits_may_differ),
        cmocka_unit_test(a_limit_of_minus_one_never_fires_and_one_of_n_in_always),
        cmocka_unit_test(the_first_kernel_is_scalar_and_the_best_is_usable),
        cmocka_unit_test(kernels_are_found_by_name_if_usable),
        cmocka_unit_test(impossible_matrices_are_refused),
        cmocka_unit_test(a_matrix_that_finds_no_memory_says_so),
        cmocka_unit_test(impossible_rows_of_pixels_are_refused),
        cmocka_unit_test(rows_of_pixels_that_find_no_memory_say_so),
        cmocka_unit_test(outputs_past_the_end_are_zero_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
