/* SPDX-License-Identifier: Apache-2.0 */
#include "api/tile_image.h"

#include "api/image.h"
#include "core/rng.h"
#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t cells[MRAM_TILE_WORDS], held[MRAM_TILE_WORDS], wrong[MRAM_TILE_WORDS],
    dead[MRAM_TILE_WORDS];
static uint8_t pixels[MRAM_TILE_CELLS];

static struct tile_image tile_of(size_t n_words)
{
    return (struct tile_image) { n_words, cells, held, wrong, dead };
}

static void set_bit(uint64_t *words, size_t i)
{
    words[i / 64] |= UINT64_C(1) << (i % 64);
}

static void decode(const struct buf *file, uint32_t height)
{
    const struct network_input input = { .height = height, .width = 256, .channels = 1 };
    char why[ERR_LEN];

    if (image_fit((const uint8_t *)file->data, file->len, &input, pixels, why) != ST_OK)
        fail_msg("%s", why);
}

static int set_up(void **state)
{
    (void)state;
    memset(cells, 0, sizeof(cells));
    memset(held, 0, sizeof(held));
    memset(wrong, 0, sizeof(wrong));
    memset(dead, 0, sizeof(dead));
    return 0;
}

static void each_cell_is_a_pixel(void **state)
{
    struct tile_image tile = tile_of(MRAM_TILE_WORDS);
    struct buf buf = BUF_INIT;

    (void)state;
    for (size_t i = 1; i <= 6; i++)
        set_bit(cells, i);
    set_bit(held, 2);
    set_bit(wrong, 3);
    set_bit(wrong, 4);
    set_bit(dead, 4);
    set_bit(dead, 5); /* a defect that happens to be right */
    set_bit(cells, 256 + 7);
    set_bit(held, 256 + 7);
    assert_int_equal(tile_image_png(&buf, &tile), ST_OK);
    decode(&buf, 256);
    buf_free(&buf);
    assert_int_equal(pixels[0], TILE_IMAGE_NO_CELL);
    assert_int_equal(pixels[1], TILE_IMAGE_AP);
    assert_int_equal(pixels[2], TILE_IMAGE_P);
    assert_int_equal(pixels[3], TILE_IMAGE_WRONG);
    assert_int_equal(pixels[4], TILE_IMAGE_DEFECT);
    assert_int_equal(pixels[5], TILE_IMAGE_AP);
    assert_int_equal(pixels[256 + 7], TILE_IMAGE_P);
    assert_int_equal(pixels[MRAM_TILE_CELLS - 1], TILE_IMAGE_NO_CELL);

    tile.dead = NULL;
    assert_int_equal(tile_image_png(&buf, &tile), ST_OK);
    decode(&buf, 256);
    buf_free(&buf);
    assert_int_equal(pixels[4], TILE_IMAGE_WRONG);
}

static void both_formats_hold_the_same_pixels(void **state)
{
    static uint8_t first[MRAM_TILE_CELLS];
    static const size_t sizes[] = { MRAM_TILE_WORDS, MRAM_CHECK_WORDS };
    struct rng_stream rng;

    (void)state;
    rng_start(&rng, 1, RNG_CONTENTS, 1, 1);
    for (size_t w = 0; w < MRAM_TILE_WORDS; w++) {
        cells[w] = rng_u64(&rng);
        held[w] = rng_u64(&rng);
        wrong[w] = rng_u64(&rng) & rng_u64(&rng);
        dead[w] = rng_u64(&rng) & rng_u64(&rng);
    }
    for (size_t i = 0; i < 2; i++) {
        struct tile_image tile = tile_of(sizes[i]);
        uint32_t height = (uint32_t)(sizes[i] / 4);
        struct buf png = BUF_INIT, pgm = BUF_INIT;

        assert_int_equal(tile_image_png(&png, &tile), ST_OK);
        tile_image_pgm(&pgm, &tile);
        decode(&png, height);
        memcpy(first, pixels, sizeof(first));
        decode(&pgm, height);
        assert_memory_equal(first, pixels, (size_t)256 * height);
        buf_free(&png);
        buf_free(&pgm);
    }
}

static void a_failed_allocation_leaves_nothing_behind(void **state)
{
    struct tile_image tile = tile_of(MRAM_CHECK_WORDS);
    enum status st = ST_NOMEM;
    unsigned failed = 0;

    (void)state;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        struct buf buf = BUF_INIT;

        fault_at(nth);
        st = tile_image_png(&buf, &tile);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && buf.failed));
        failed += st != ST_OK;
        buf_free(&buf);
    }
    assert_true(failed >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_cell_is_a_pixel, set_up),
        cmocka_unit_test_setup(both_formats_hold_the_same_pixels, set_up),
        cmocka_unit_test_setup(a_failed_allocation_leaves_nothing_behind, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
