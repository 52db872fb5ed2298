/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch.h"
#include "tests/lib/fault.h"
#include "tests/lib/scratch.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N 5

/* Five pictures of 3 x 2 pixels. */
static uint8_t pixels[N][6] = {
    { 0, 1, 2, 3, 4, 5 },
    { 0, 255, 254, 253, 0, 0 },
    { 'P', '5', '\n', '1', ' ', '1' },
    { 0x89, 'P', 'N', 'G', 13, 10 },
    { 1, 0, 0, 0, 0, 0 },
};
static uint32_t labels[N] = { 7, 0, 65535, 10, 1 };
static const struct dataset set = {
    .n = N, .height = 2, .width = 3, .channels = 1, .pixels = pixels[0], .labels = labels
};

static int digit(char c)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = strchr(digits, c);

    return c != '=' && at != NULL ? (int)(at - digits) : -1;
}

/* A slow decoder of base64; returns the bytes' number. */
static size_t decode(const char *text, uint8_t *ret_bytes)
{
    size_t n_bits = 0, n = 0;
    unsigned bits = 0;

    assert_int_equal(strlen(text) % 4, 0);
    for (; *text != '\0' && *text != '='; text++) {
        assert_true(digit(*text) >= 0);
        bits = bits << 6 | (unsigned)digit(*text);
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            ret_bytes[n++] = (uint8_t)(bits >> n_bits);
        }
    }
    return n;
}

/* Picture i of a body, as bytes. */
static size_t picture(const json_t *body, size_t i, uint8_t *ret_bytes)
{
    const json_t *image = json_array_get(json_object_get(body, "images"), i);

    return decode(json_string_value(json_object_get(image, "b64")), ret_bytes);
}

static json_t *body_of(const struct batch_shape *shape, size_t first, size_t n)
{
    char *text = NULL;
    size_t len = 0;

    char why[ERR_LEN];

    assert_int_equal(batch_body(&set, shape, first, n, &text, &len, why), ST_OK);
    json_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(body);
    free(text);
    return body;
}

static void pixels_come_back_as_they_were(void **state)
{
    const struct batch_shape shape = { 2, 3, 1, true };
    json_t *body = body_of(&shape, 0, 2);
    uint8_t bytes[64];

    (void)state;
    assert_int_equal(json_array_size(json_object_get(body, "images")), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(picture(body, i, bytes), 6);
        assert_memory_equal(bytes, pixels[i], 6);
    }
    json_decref(body);
}

static void pixels_that_look_like_a_file_go_as_a_file(void **state)
{
    const struct batch_shape shape = { 2, 3, 1, true };
    json_t *body = body_of(&shape, 0, N);
    uint8_t bytes[64];

    (void)state;
    for (size_t i = 2; i < 4; i++) {
        assert_int_equal(picture(body, i, bytes), 11 + 6);
        assert_memory_equal(bytes, "P5\n3 2\n255\n", 11);
        assert_memory_equal(bytes + 11, pixels[i], 6);
    }
    assert_int_equal(picture(body, 4, bytes), 6);
    json_decref(body);
}

static void other_sizes_go_as_files_grey_or_colour(void **state)
{
    const struct batch_shape grey = { 2, 3, 1, false }, colour = { 1, 2, 3, false };
    uint8_t bytes[64];
    json_t *body = body_of(&grey, 1, 1);

    (void)state;
    assert_int_equal(picture(body, 0, bytes), 11 + 6);
    assert_memory_equal(bytes, "P5\n3 2\n255\n", 11);
    assert_memory_equal(bytes + 11, pixels[1], 6);
    json_decref(body);

    body = body_of(&colour, 0, 1);
    assert_int_equal(picture(body, 0, bytes), 11 + 6);
    assert_memory_equal(bytes, "P6\n2 1\n255\n", 11);
    json_decref(body);
}

static void every_picture_brings_its_label(void **state)
{
    const struct batch_shape shape = { 2, 3, 1, true };
    json_t *body = body_of(&shape, 1, 4);
    const json_t *sent = json_object_get(body, "labels");

    (void)state;
    assert_int_equal(json_array_size(sent), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(json_integer_value(json_array_get(sent, i)), labels[i + 1]);
    json_decref(body);
}

static void a_full_batch_keeps_the_size_limit(void **state)
{
    static const size_t sides[] = { 1, 28, 224, 512, 1500 };

    (void)state;
    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
        const struct batch_shape shape = { sides[i], sides[i], 3, false };
        size_t bytes = sides[i] * sides[i] * 3, len = 0;
        size_t n = batch_count(&set, &shape, 0, 5000); /* of pixels all are alike */
        char *body = NULL, why[ERR_LEN];

        assert_true(n >= 1 && n <= BATCH_MAX_PICTURES);
        struct dataset large = { .n = n,
                                 .height = sides[i],
                                 .width = sides[i],
                                 .channels = 3,
                                 .pixels = malloc(n * bytes),
                                 .labels = malloc(n * sizeof(*large.labels)) };
        assert_true(large.pixels != NULL && large.labels != NULL);
        memset(large.pixels, 255, n * bytes);
        for (size_t k = 0; k < n; k++)
            large.labels[k] = 65535;
        assert_int_equal(batch_body(&large, &shape, 0, n, &body, &len, why), ST_OK);
        assert_true(len <= BATCH_MAX_BYTES);
        free(body);
        free(large.labels);
        free(large.pixels);
    }
    const struct batch_shape huge = { 4096, 4096, 3, false };
    assert_int_equal(batch_count(&set, &huge, 0, 1), 0);
}

/* -- Files -- */

static void files_go_as_they_are(void **state)
{
    static const uint8_t first[] = { 0xff, 0xd8, 0xff, 0xe0, 0 }, second[] = { 'P' };
    const struct batch_shape none = { 0 };
    struct scratch scratch;
    struct dataset_file files[2];
    uint32_t two[2] = { 3, 999 };
    const struct dataset of_files = { .n = 2, .files = files, .labels = two };
    char *text = NULL, why[ERR_LEN];
    uint8_t bytes[64];
    size_t len = 0;

    (void)state;
    scratch_make(&scratch);
    files[0].path = strdup(scratch_file(&scratch, "a.jpg", first, sizeof(first)));
    files[0].len = sizeof(first);
    files[1].path = strdup(scratch_file(&scratch, "b.pgm", second, sizeof(second)));
    files[1].len = sizeof(second);
    assert_int_equal(batch_count(&of_files, &none, 0, 2), 2);
    assert_int_equal(batch_body(&of_files, &none, 0, 2, &text, &len, why), ST_OK);
    json_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(body);
    assert_int_equal(picture(body, 0, bytes), sizeof(first));
    assert_memory_equal(bytes, first, sizeof(first));
    assert_int_equal(picture(body, 1, bytes), 1);
    assert_int_equal(
        json_integer_value(json_array_get(json_object_get(body, "labels"), 1)), 999);
    json_decref(body);
    free(text);

    /* What grew since it was measured would not fit. */
    files[0].len = 2;
    assert_int_not_equal(batch_body(&of_files, &none, 0, 2, &text, &len, why), ST_OK);
    assert_non_null(strstr(why, "a.jpg"));
    free(files[1].path);
    files[1].path = strdup(scratch_path(&scratch, "gone"));
    assert_int_equal(batch_body(&of_files, &none, 1, 1, &text, &len, why), ST_NOT_FOUND);
    assert_non_null(strstr(why, "gone"));
    free(files[0].path);
    free(files[1].path);
    scratch_remove(&scratch);
}

static void as_many_files_go_together_as_fit(void **state)
{
    struct dataset_file files[4] = {
        { NULL, 5 << 20 }, { NULL, 5 << 20 }, { NULL, 5 << 20 }, { NULL, 13 << 20 }
    };
    const struct dataset of_files = { .n = 4, .files = files };
    const struct batch_shape none = { 0 };

    (void)state;
    assert_int_equal(batch_count(&of_files, &none, 0, 4), 2);
    assert_int_equal(batch_count(&of_files, &none, 0, 1), 1);
    assert_int_equal(batch_count(&of_files, &none, 2, 2), 1);
    assert_int_equal(batch_count(&of_files, &none, 3, 1), 0);
    files[3].len = SIZE_MAX;
    assert_int_equal(batch_count(&of_files, &none, 3, 1), 0);
}

static void a_failed_allocation_is_a_status(void **state)
{
    const struct batch_shape shape = { 2, 3, 1, true };
    enum status st = ST_NOMEM;
    char *body = NULL, why[ERR_LEN];
    size_t len = 0;

    (void)state;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = batch_body(&set, &shape, 0, N, &body, &len, why);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && body == NULL));
    }
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_come_back_as_they_were),
        cmocka_unit_test(pixels_that_look_like_a_file_go_as_a_file),
        cmocka_unit_test(other_sizes_go_as_files_grey_or_colour),
        cmocka_unit_test(every_picture_brings_its_label),
        cmocka_unit_test(a_full_batch_keeps_the_size_limit),
        cmocka_unit_test(files_go_as_they_are),
        cmocka_unit_test(as_many_files_go_together_as_fit),
        cmocka_unit_test(a_failed_allocation_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
