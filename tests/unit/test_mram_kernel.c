/* SPDX-License-Identifier: Apache-2.0 */
/* Every array kernel against the scalar one, and the scalar one against plain words. */
#include "core/mram_kernel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MAX_WORDS     300
#define ENCODED_WORDS 200
#define GUARD_BYTE    0xa5
#define GUARD         UINT64_C(0xfeedfacecafebeef)

static void fill(uint64_t *words, size_t n, uint64_t index)
{
    struct rng_stream rng;

    rng_start(&rng, 3, RNG_CONTENTS, 9, index);
    for (size_t i = 0; i < n; i++)
        words[i] = rng_u64(&rng);
}

/* Calls `check` with each kernel that this machine can run. */
static void with_each_kernel(void (*check)(const struct mram_kernel *kernel))
{
    size_t n;
    const struct mram_kernel *const *kernels = mram_kernels(&n);

    for (size_t i = 0; i < n; i++) {
        if (!kernels[i]->usable()) {
            print_message("kernel %s cannot run here\n", kernels[i]->name);
            continue;
        }
        check(kernels[i]);
    }
}

static void check_draw(const struct mram_kernel *kernel)
{
    static const uint32_t firsts[] = { 0, 1, 1023, (UINT32_MAX >> 4) - 4 };
    uint32_t draws[4 * MRAM_BATCH_DRAWS];
    struct rng_stream at;

    rng_start(&at, UINT64_MAX - 5, RNG_FABRICATION, RNG_MAX_GENERATION,
              RNG_MAX_INDEX - 1);
    for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
        kernel->draw(&at, firsts[i], 4, draws);
        for (uint32_t block = 0; block < 64; block++) {
            struct rng_stream one = at;

            one.counter[0] = firsts[i] * MRAM_BATCH_BLOCKS + block;
            for (uint32_t j = 0; j < 4; j++)
                assert_int_equal(draws[block / 16 * 64 + 16 * j + block % 16],
                                 rng_u32(&one));
        }
    }
}

static void bulk_draws_are_the_streams_own(void **state)
{
    (void)state;
    with_each_kernel(check_draw);
}

/* The random number that a cell of a group compares, put together bit by bit. */
static uint64_t number_of(const struct rng_stream *at, size_t group, unsigned cell)
{
    uint64_t number = 0;

    for (unsigned bit = 0; bit < 64; bit++) {
        struct rng_stream one = *at;
        uint32_t draw = 0;

        one.counter[0] = (uint32_t)((16 * group + bit / 4) * 16 + cell / 32);
        for (unsigned j = 0; j <= bit % 4; j++)
            draw = rng_u32(&one);
        number = number << 1 | (draw >> (cell % 32) & 1);
    }
    return number;
}

static void check_bernoulli(const struct mram_kernel *kernel)
{
    enum { GROUPS = 3, WORDS = GROUPS * MRAM_GROUP_WORDS };
    static const uint64_t thresholds[][2] = {
        { UINT64_C(1) << 63, UINT64_C(1) << 63 },
        { UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210) },
        { 0, UINT64_MAX },
        { 1, UINT64_C(3) << 61 },
        { 0, 0 },
    };
    uint64_t active[WORDS], choose[WORDS], fail[WORDS + 1];
    struct rng_stream at;

    rng_start(&at, 4, RNG_WRITE, 1, 9);
    fill(active, WORDS, 1);
    fill(choose, WORDS, 2);
    memset(active, 0, MRAM_GROUP_WORDS * sizeof(*active));
    for (size_t i = 0; i < sizeof(thresholds) / sizeof(thresholds[0]); i++) {
        fail[WORDS] = GUARD;
        kernel->bernoulli(&at, thresholds[i], active, choose, GROUPS, fail);
        assert_true(fail[WORDS] == GUARD);
        for (unsigned cell = 0; cell < WORDS * 64; cell++) {
            uint64_t number = number_of(&at, cell / 512, cell % 512);
            bool chosen = choose[cell / 64] >> (cell % 64) & 1;
            bool is_active = active[cell / 64] >> (cell % 64) & 1;

            assert_int_equal(fail[cell / 64] >> (cell % 64) & 1,
                             is_active && number < thresholds[i][chosen]);
        }
    }
}

static void bernoulli_draws_compare_64_bits_each(void **state)
{
    (void)state;
    with_each_kernel(check_bernoulli);
}

static unsigned ones(uint64_t word)
{
    unsigned n = 0;

    for (; word != 0; word &= word - 1)
        n++;
    return n;
}

static void check_write(const struct mram_kernel *kernel)
{
    uint64_t old[MAX_WORDS], wanted[MAX_WORDS], stored[MAX_WORDS + 1];
    uint64_t toggles[MAX_WORDS + 1];

    fill(old, MAX_WORDS, 3);
    fill(wanted, MAX_WORDS, 4);
    for (size_t n = 0; n <= MAX_WORDS; n++) {
        struct mram_counts counts, want = { 0 };

        memcpy(stored, old, sizeof(old));
        stored[n] = GUARD;
        toggles[n] = GUARD;
        /* Over itself, as an array is programmed. */
        kernel->write(stored, stored, wanted, n, toggles, &counts);
        for (size_t w = 0; w < n; w++) {
            want.old += ones(old[w]);
            want.wanted += ones(wanted[w]);
            want.both += ones(old[w] & wanted[w]);
            assert_true(stored[w] == wanted[w] && toggles[w] == (old[w] ^ wanted[w]));
        }
        assert_true(stored[n] == GUARD && toggles[n] == GUARD);
        assert_memory_equal(&counts, &want, sizeof(want));
    }
}

static void check_count(const struct mram_kernel *kernel)
{
    uint64_t old[MAX_WORDS], wanted[MAX_WORDS];

    fill(old, MAX_WORDS, 8);
    fill(wanted, MAX_WORDS, 9);
    for (size_t n = 0; n <= MAX_WORDS; n++) {
        struct mram_counts counts, want = { 0 };

        for (size_t w = 0; w < n; w++) {
            want.old += ones(old[w]);
            want.wanted += ones(wanted[w]);
            want.both += ones(old[w] & wanted[w]);
        }
        kernel->count(old, wanted, n, &counts);
        assert_memory_equal(&counts, &want, sizeof(want));
    }
}

static void a_count_is_that_of_a_write(void **state)
{
    (void)state;
    with_each_kernel(check_count);
}

static void a_write_stores_and_counts_at_every_length(void **state)
{
    (void)state;
    with_each_kernel(check_write);
}

static void check_flip(const struct mram_kernel *kernel)
{
    uint64_t wanted[MAX_WORDS], fail[MAX_WORDS], stored[MAX_WORDS + 1];

    fill(wanted, MAX_WORDS, 5);
    fill(fail, MAX_WORDS, 6);
    for (size_t n = 0; n <= MAX_WORDS; n++) {
        uint64_t n_failed = 0, n_ones = 0, got_ones;

        memcpy(stored, wanted, sizeof(wanted));
        stored[n] = GUARD;
        for (size_t w = 0; w < n; w++) {
            n_failed += ones(fail[w]);
            n_ones += ones(fail[w] & wanted[w]);
        }
        assert_int_equal(kernel->flip(stored, fail, n, &got_ones), n_failed);
        assert_int_equal(got_ones, n_ones);
        assert_true(stored[n] == GUARD);
        for (size_t w = 0; w < n; w++)
            assert_true(stored[w] == (wanted[w] ^ fail[w]));
    }
}

static void a_flip_counts_at_every_length(void **state)
{
    (void)state;
    with_each_kernel(check_flip);
}

/* -- Cells by class -- */

enum { CLASS_WORDS = 5, CLASS_CELLS = CLASS_WORDS * 64 };

/* Draws whose every third is a tie of the entry of its column. */
static void fill_classes(uint32_t entry[MTJ_CLASSES], uint32_t draws[CLASS_CELLS])
{
    uint64_t numbers[MTJ_CLASSES + CLASS_CELLS];

    fill(numbers, MTJ_CLASSES + CLASS_CELLS, 10);
    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        entry[c] = c % 50 == 0 ? c : (uint32_t)numbers[c];
    for (unsigned i = 0; i < CLASS_CELLS; i++) {
        draws[i] = (uint32_t)numbers[MTJ_CLASSES + i];
        if (i % 3 == 0)
            draws[i] = (draws[i] & 0xff800000) | entry[draws[i] >> 23] >> 9;
    }
}

static void check_classes(const struct mram_kernel *kernel)
{
    uint32_t entry[MTJ_CLASSES], draws[CLASS_CELLS];
    uint16_t class[CLASS_CELLS + 1];
    uint64_t ties[CLASS_WORDS + 1];

    fill_classes(entry, draws);
    for (size_t n = 0; n <= CLASS_WORDS; n++) {
        class[64 * n] = 0xa5a5;
        ties[n] = GUARD;
        kernel->classes(entry, draws, n, class, ties);
        assert_true(class[64 * n] == 0xa5a5 && ties[n] == GUARD);
        for (size_t i = 0; i < 64 * n; i++) {
            uint32_t column = draws[i] >> 23, rest = draws[i] & 0x7fffff;
            uint32_t keep = entry[column] >> 9;

            assert_int_equal(class[i], rest <= keep ? column : entry[column] & 0x1ff);
            assert_int_equal(ties[i / 64] >> i % 64 & 1, rest == keep);
        }
    }
}

static void check_tally(const struct mram_kernel *kernel)
{
    uint32_t entry[MTJ_CLASSES], draws[CLASS_CELLS];
    uint32_t got[MTJ_CLASSES][4], want[MTJ_CLASSES][4];
    uint16_t class[CLASS_CELLS];
    uint64_t cells[CLASS_WORDS], active[CLASS_WORDS], bits[CLASS_WORDS];

    fill_classes(entry, draws);
    fill(cells, CLASS_WORDS, 11);
    fill(active, CLASS_WORDS, 12);
    fill(bits, CLASS_WORDS, 13);
    cells[1] = cells[2] = UINT64_MAX;
    cells[3] = 0;
    for (unsigned i = 0; i < CLASS_CELLS; i++) /* word 2: all of one class */
        class[i] = i / 64 == 2 ? 511 : (uint16_t)(draws[i] % MTJ_CLASSES);
    for (size_t n = 0; n <= CLASS_WORDS; n++) {
        memset(got, 1, sizeof(got));
        memset(want, 1, sizeof(want));
        kernel->tally(class, cells, active, bits, n, got);
        for (size_t i = 0; i < 64 * n; i++)
            want[class[i]]
                [(bits[i / 64] >> i % 64 & 1) + 2 * (active[i / 64] >> i % 64 & 1)] +=
                (uint32_t)(cells[i / 64] >> i % 64 & 1);
        assert_memory_equal(got, want, sizeof(want));
    }
}

static void check_below(const struct mram_kernel *kernel)
{
    uint32_t high[MTJ_CLASSES][2], draws[CLASS_CELLS];
    uint16_t class[CLASS_CELLS];
    uint64_t bits[CLASS_WORDS], lower[CLASS_WORDS + 1], ties[CLASS_WORDS + 1];
    uint64_t numbers[MTJ_CLASSES + CLASS_CELLS];

    fill(bits, CLASS_WORDS, 14);
    fill(numbers, MTJ_CLASSES + CLASS_CELLS, 15);
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        high[c][0] = (uint32_t)numbers[c];
        high[c][1] = c % 9 == 0 ? UINT32_MAX : (uint32_t)(numbers[c] >> 32);
    }
    for (unsigned i = 0; i < CLASS_CELLS; i++) {
        class[i] = (uint16_t)(numbers[MTJ_CLASSES + i] % MTJ_CLASSES);
        draws[i] = i % 3 == 0 ? high[class[i]][i % 2]
                              : (uint32_t)(numbers[MTJ_CLASSES + i] >> 32);
    }
    for (size_t n = 0; n <= CLASS_WORDS; n++) {
        lower[n] = ties[n] = GUARD;
        kernel->below((const uint32_t(*)[2])high, class, bits, draws, n, lower, ties);
        assert_true(lower[n] == GUARD && ties[n] == GUARD);
        for (size_t i = 0; i < 64 * n; i++) {
            uint32_t limit = high[class[i]][bits[i / 64] >> i % 64 & 1];

            assert_int_equal(lower[i / 64] >> i % 64 & 1, draws[i] < limit);
            assert_int_equal(ties[i / 64] >> i % 64 & 1, draws[i] == limit);
        }
    }
}

static void cells_are_drawn_counted_and_compared_by_class(void **state)
{
    (void)state;
    with_each_kernel(check_classes);
    with_each_kernel(check_tally);
    with_each_kernel(check_below);
}

/* Check bits at an odd address between guards, of words at an address that is no multiple
 * of a vector. */
static void check_encode_at(const struct mram_kernel *kernel, enum ecc_code code,
                            const uint64_t *words, size_t n)
{
    uint8_t want[2][ENCODED_WORDS], got[2][ENCODED_WORDS + 2];
    unsigned n_parts = code == ECC_BCH2 ? 2 : 1;

    memset(got, GUARD_BYTE, sizeof(got));
    mram_kernel_scalar.encode(code, words, n, (uint8_t *const[2]) { want[0], want[1] });
    kernel->encode(code, words, n, (uint8_t *const[2]) { got[0] + 1, got[1] + 1 });
    for (unsigned part = 0; part < 2; part++) {
        size_t n_written = part < n_parts ? n : 0;

        assert_memory_equal(got[part] + 1, want[part], n_written);
        assert_int_equal(got[part][0], GUARD_BYTE);
        for (size_t w = n_written + 1; w < sizeof(got[part]); w++)
            assert_int_equal(got[part][w], GUARD_BYTE);
    }
}

static void check_encode(const struct mram_kernel *kernel)
{
    static const enum ecc_code codes[] = { ECC_SECDED, ECC_BCH2 };
    uint64_t words[ENCODED_WORDS + 8];

    fill(words, ENCODED_WORDS + 8, 7);
    for (unsigned i = 0; i < 2; i++) {
        for (size_t n = 0; n <= ENCODED_WORDS; n++)
            check_encode_at(kernel, codes[i], words + n % 8, n);
    }
}

static void check_bits_are_the_same_at_every_length(void **state)
{
    (void)state;
    with_each_kernel(check_encode);
}

/* Linear codes are told apart by words with a single one. */
static void check_encode_single(const struct mram_kernel *kernel)
{
    uint64_t words[64];
    uint8_t low[64], high[64];
    uint8_t *const check[2] = { low, high };

    for (unsigned i = 0; i < 64; i++)
        words[i] = UINT64_C(1) << i;
    kernel->encode(ECC_SECDED, words, 64, check);
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(low[i], ecc_encode(ECC_SECDED, words[i]));
    kernel->encode(ECC_BCH2, words, 64, check);
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(low[i] | high[i] << 8, ecc_encode(ECC_BCH2, words[i]));
}

static void every_data_bit_has_its_column(void **state)
{
    (void)state;
    with_each_kernel(check_encode_single);
}

static void the_best_kernel_is_usable(void **state)
{
    (void)state;
    assert_true(mram_kernel_best()->usable());
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(bulk_draws_are_the_streams_own),
        cmocka_unit_test(bernoulli_draws_compare_64_bits_each),
        cmocka_unit_test(a_write_stores_and_counts_at_every_length),
        cmocka_unit_test(a_count_is_that_of_a_write),
        cmocka_unit_test(a_flip_counts_at_every_length),
        cmocka_unit_test(cells_are_drawn_counted_and_compared_by_class),
        cmocka_unit_test(check_bits_are_the_same_at_every_length),
        cmocka_unit_test(every_data_bit_has_its_column),
        cmocka_unit_test(the_best_kernel_is_usable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
