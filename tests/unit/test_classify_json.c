/* SPDX-License-Identifier: Apache-2.0 */
#include "api/classify_json.h"

#include "tests/lib/fault.h"
#include "tests/lib/refusal.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_IMAGES 4

/* Two rows of three pixels, five classes. */
static const struct network grey = { .input = { .height = 2, .width = 3, .channels = 1 },
                                     .n_classes = 5 };
static const struct network rgb = { .input = { .height = 2, .width = 2, .channels = 3 },
                                    .n_classes = 5 };

static struct classify_input input;
static struct problem problem;

static int forget(void **state)
{
    (void)state;
    classify_input_done(&input);
    return 0;
}

/* The body in a block of its own, so that the sanitizer sees reads past its end. */
static enum status parse(const char *json, size_t len, const struct network *net)
{
    char *exact = malloc(len + 1);

    assert_non_null(exact);
    memcpy(exact, json, len);
    memset(&problem, 0xA5, sizeof(problem));
    enum status st = classify_json_parse(exact, len, net, MAX_IMAGES, &input, &problem);
    free(exact);
    return st;
}

static void expect_parsed(const char *json, const struct network *net, size_t n)
{
    if (parse(json, strlen(json), net) != ST_OK)
        fail_msg("%s: %s", json, problem.detail);
    assert_int_equal(input.n, n);
}

static void expect_row(size_t row, const uint8_t pixels[6])
{
    assert_memory_equal(input.pixels + row * 6, pixels, 6);
}

/* -- What is taken -- */

static void pixels_and_base64_become_rows(void **state)
{
    (void)state;
    expect_parsed(
        "{\"images\":[{\"pixels\":[0,1,2,253,254,255]},{\"b64\":\"YWJjZGVm\"}]}", &grey,
        2);
    expect_row(0, (const uint8_t[]) { 0, 1, 2, 253, 254, 255 });
    expect_row(1, (const uint8_t *)"abcdef");
    assert_int_equal(input.labels[0], -1);
    assert_int_equal(input.labels[1], -1);
}

static void white_space_order_and_unknown_members_do_not_matter(void **state)
{
    (void)state;
    expect_parsed(
        " {\n\t\"x\" : {\"pixels\":[\"\"], \"x\":1} , \"labels\" : [ 4 , null ] ,\r\n"
        "\"images\" : [ { \"id\" : \"a\" , \"pixels\" : [ 0 , 1,  2,\t253 ,254,\n"
        "255 ] } , { \"b64\" : \"YWJjZGVm\" , \"id\" : [[[]]] } ] } \n",
        &grey, 2);
    expect_row(0, (const uint8_t[]) { 0, 1, 2, 253, 254, 255 });
    expect_row(1, (const uint8_t *)"abcdef");
    assert_int_equal(input.labels[0], 4);
    assert_int_equal(input.labels[1], -1);
}

static void names_and_base64_may_be_escaped(void **state)
{
    (void)state;
    expect_parsed(
        "{\"im\\u0061ges\":[{\"b\\u00364\":\"\\u0059WJjZGVm\"},"
        "{\"pix\\u0065ls\":[1,2,3,4,5,6]},{\"b64\":\"\\/\\/\\/\\/\\/\\/\\/\\/\"}]}",
        &grey, 3);
    expect_row(0, (const uint8_t *)"abcdef");
    expect_row(1, (const uint8_t[]) { 1, 2, 3, 4, 5, 6 });
    expect_row(2, (const uint8_t *)"\xff\xff\xff\xff\xff\xff");
}

static void whole_numbers_in_any_form_are_pixels(void **state)
{
    (void)state;
    expect_parsed("{\"images\":[{\"pixels\":[-0,255.0,1e2,0.0,2.55E+2,1200e-2]}]}", &grey,
                  1);
    expect_row(0, (const uint8_t[]) { 0, 255, 100, 0, 255, 12 });
}

static void lists_may_follow_rows_and_channels(void **state)
{
    static const char *const grey_bodies[] = {
        "[1,2,3,4,5,6]",
        "[[1,2,3],[4,5,6]]",
        "[[[1],[2],[3]],[[4],[5],[6]]]",
        "[[[1,2,3],[4,5,6]]]",
        "[[1],[2],[3],[4],[5],[6]]",
    };
    static const char *const rgb_bodies[] = {
        "[1,2,3,4,5,6,7,8,9,10,11,12]",
        "[[1,2,3,4,5,6],[7,8,9,10,11,12]]",
        "[[1,2,3],[4,5,6],[7,8,9],[10,11,12]]",
        "[[[1,2,3],[4,5,6]],[[7,8,9],[10,11,12]]]",
    };
    char body[200];

    (void)state;
    for (size_t i = 0; i < sizeof(grey_bodies) / sizeof(grey_bodies[0]); i++) {
        snprintf(body, sizeof(body), "{\"images\":[{\"pixels\":%s}]}", grey_bodies[i]);
        expect_parsed(body, &grey, 1);
        expect_row(0, (const uint8_t[]) { 1, 2, 3, 4, 5, 6 });
    }
    for (size_t i = 0; i < sizeof(rgb_bodies) / sizeof(rgb_bodies[0]); i++) {
        snprintf(body, sizeof(body), "{\"images\":[{\"pixels\":%s}]}", rgb_bodies[i]);
        expect_parsed(body, &rgb, 1);
        for (unsigned k = 0; k < 12; k++)
            assert_int_equal(input.pixels[k], k + 1);
    }
}

static void base64_may_hold_a_picture_file(void **state)
{
    (void)state;
    /* P5 3 2 255 abcdef, with and without padding */
    expect_parsed("{\"images\":[{\"b64\":\"UDUgMyAyIDI1NSBhYmNkZWY=\"},"
                  "{\"b64\":\"UDUgMyAyIDI1NSBhYmNkZWY\"}]}",
                  &grey, 2);
    expect_row(0, (const uint8_t *)"abcdef");
    expect_row(1, (const uint8_t *)"abcdef");
}

static void a_null_member_is_none(void **state)
{
    (void)state;
    expect_parsed(
        "{\"images\":[{\"b64\":null,\"pixels\":[1,2,3,4,5,6]}],\"labels\":null}", &grey,
        1);
    assert_int_equal(input.labels[0], -1);
}

static void memory_is_kept_between_bodies(void **state)
{
    (void)state;
    expect_parsed("{\"images\":[{\"b64\":\"YWJjZGVm\"},{\"b64\":\"YWJjZGVm\"}]}", &grey,
                  2);
    const uint8_t *pixels = input.pixels;
    const char *body = "{\"images\":[{\"b64\":\"YWJjZGVm\"}]}";
    fault_at(0);
    enum status st =
        classify_json_parse(body, strlen(body), &grey, MAX_IMAGES, &input, &problem);
    fault_off();
    assert_int_equal(st, ST_OK);
    assert_ptr_equal(input.pixels, pixels);
}

/* -- What is refused -- */

static void check_refusals(const struct refusal *cases, size_t n,
                           const struct network *net)
{
    for (size_t i = 0; i < n; i++) {
        const struct refusal *c = &cases[i];

        expect_refusal(c, parse(c->body, strlen(c->body), net), &problem);
        assert_int_equal(input.n, 0);
    }
}

#define CHECK(cases, net) check_refusals(cases, sizeof(cases) / sizeof(cases[0]), net)
#define PIX(list)         "{\"images\":[{\"pixels\":" list "}]}"
#define GOOD              "{\"pixels\":[1,2,3,4,5,6]}"

static void broken_json_is_a_400_with_its_place(void **state)
{
    static const struct refusal cases[] = {
        { "", 400, NULL, "byte 0: nothing but white space" },
        { "\xEF\xBB\xBF{}", 400, NULL, "byte 0: a byte order mark" },
        { "{\"images\":[" GOOD "]", 400, NULL, "byte 36" },
        { "{\"images\":[" GOOD "]}x", 400, NULL, "byte 37: something follows" },
        { "{\"images\":[" GOOD ",]}", 400, NULL, "byte 36" },
        { PIX("[1,2,3,4,5,6,]"), 400, NULL, "byte 34: expected a value" },
        { PIX("[1,2,3,4,5,06]"), 400, NULL, "leading zero" },
        { PIX("[00,2,3,4,5,6]"), 400, NULL, "leading zero" },
        { PIX("[1,2,,3,4,5,6]"), 400, NULL, "expected a value" },
        { PIX("[1,2 3,4,5,6]"), 400, NULL, "',' or ']'" },
        { PIX("[1,2,3,4,5,6}"), 400, NULL, "',' or ']'" },
        { PIX("[1,2,3,+4,5,6]"), 400, NULL, "expected a value" },
        { PIX("[1,2,3,4.,5,6]"), 400, NULL, "decimal point" },
        { PIX("[1,2,3,0x4,5,6]"), 400, NULL, "',' or ']'" },
        { PIX("[1,2,3,NaN,5,6]"), 400, NULL, "expected a value" },
        { "{\"images\":[{\"b64\":\"YWJjZGVm}]}", 400, NULL, "ends inside a string" },
        { "{\"images\":[{\"b64\":\"YWJj\nZGVm\"}]}", 400, NULL, "control character" },
        { "{\"images\":[{\"b64\":\"YWJjZ\xff\"}]}", 400, NULL, "UTF-8" },
        { "{\"images\":[{\"id\":\"\\x\","
          "\"pixels\":[1,2,3,4,5,6]}]}",
          400, NULL, "escape" },
        { "{\"images\":[" GOOD "],\"images\":[]}", 400, NULL, "second time" },
        { "{\"images\":[" GOOD "],\"im\\u0061ges\":[]}", 400, NULL, "second time" },
        { "{\"images\":[{\"b64\":\"YWJjZGVm\",\"b64\":\"YWJjZGVm\"}]}", 400, NULL,
          "second time" },
        { "{\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
          400, NULL, "nested deeper" },
        /* Even where a wrong value comes first: it was JSON that nobody could read. */
        { PIX("[1,2,3,4,5,256") "x", 400, NULL, "',' or ']'" },
    };

    (void)state;
    CHECK(cases, &grey);
}

static void a_nul_byte_is_broken_json(void **state)
{
    static const char inside[] = "{\"images\":[{\"pixels\":[1,2,3,4,5,\0]}]}";
    static const char behind[] = "{\"images\":[{\"pixels\":[1,2,3,4,5,6]}]}\0";

    (void)state;
    assert_int_equal(parse(inside, sizeof(inside) - 1, &grey), ST_FORMAT);
    assert_int_equal(problem.status, 400);
    assert_int_equal(parse(behind, sizeof(behind) - 1, &grey), ST_FORMAT);
    assert_int_equal(problem.status, 400);
}

static void wrong_values_are_a_422_that_points_at_them(void **state)
{
    static const struct refusal cases[] = {
        { "[]", 422, "", "expected an object {\"images\":[...]}, found a list" },
        { "7", 422, "", "found a number" },
        { "{}", 422, "/images", "is missing" },
        { "{\"pixels\":[1,2,3,4,5,6],\"label\":7}", 422, "/images", "goes into a list" },
        { "{\"images\":[]}", 422, "/images", "at least one picture" },
        { "{\"images\":{}}", 422, "/images",
          "expected a list of pictures, found an object" },
        { "{\"images\":null}", 422, "/images", "found null" },
        { "{\"images\":[7]}", 422, "/images/0", "found a number" },
        { "{\"images\":[" GOOD ",{}]}", 422, "/images/1", "found neither" },
        { "{\"images\":[{\"pixel\":[]}]}", 422, "/images/0", "found neither" },
        { "{\"images\":[{\"pixels\":[1,2,3,4,5,6],\"b64\":\"YWJjZGVm\"}]}", 422,
          "/images/0", "found both" },
        { "{\"images\":[{\"pixels\":\"x\"}]}", 422, "/images/0/pixels",
          "found a string" },
        { "{\"images\":[{\"b64\":[]}]}", 422, "/images/0/b64", "found a list" },
        { PIX("[1,2,3,4,5]"), 422, "/images/0/pixels",
          "expected 6 numbers (2 x 3 x 1), found 5" },
        { PIX("[1,2,3,4,5,6,7]"), 422, "/images/0/pixels", "found 7" },
        { PIX("[]"), 422, "/images/0/pixels", "found 0" },
        { PIX("[[],[]]"), 422, "/images/0/pixels", "found 0" },
        { PIX("[1,2,3,4,5,256]"), 422, "/images/0/pixels/5",
          "256 is not an integer 0..255" },
        { PIX("[1,256,3,4,5,6]"), 422, "/images/0/pixels/1", "256 is not" },
        { PIX("[999,2,3,4,5,6]"), 422, "/images/0/pixels/0", "999 is not" },
        { PIX("[1,2,-1,4,5,6]"), 422, "/images/0/pixels/2", "-1 is not" },
        { PIX("[1,2,0.5,4,5,6]"), 422, "/images/0/pixels/2", "0.5 is not" },
        { PIX("[1,2,1e400,4,5,6]"), 422, "/images/0/pixels/2", "1e400 is not" },
        { PIX("[1,2,\"3\",4,5,6]"), 422, "/images/0/pixels/2", "found a string" },
        { PIX("[1,2,null,4,5,6]"), 422, "/images/0/pixels/2", "found null" },
        { PIX("[1,2,true,4,5,6]"), 422, "/images/0/pixels/2", "found true or false" },
        { PIX("[1,2,3,4,5,6,256]"), 422, "/images/0/pixels/6", "256 is not" },
        { PIX("[[1,2,3],[4,5,256]]"), 422, "/images/0/pixels/1/2", "256 is not" },
        { PIX("[[1,2,3],[4,5]]"), 422, "/images/0/pixels/1", "a list of 2" },
        { PIX("[[1,2,3],4,5,6]"), 422, "/images/0/pixels/1", "a number among lists" },
        { PIX("[1,2,3,[4,5,6]]"), 422, "/images/0/pixels/3", "a list among numbers" },
        { PIX("[[1,2],[3,4],[5,6]]"), 422, "/images/0/pixels", "nested another way" },
        { PIX("[[[[[[[[[1,2,3,4,5,6]]]]]]]]]"), 422, "/images/0/pixels/0/0/0/0/0/0/0/0",
          "nested deeper" },
        { "{\"images\":[{\"b64\":\"YWJj\"}]}", 422, "/images/0/b64",
          "raw pixels: expected 6 bytes (2 x 3 x 1), found 3" },
        { "{\"images\":[{\"b64\":\"\"}]}", 422, "/images/0/b64", "found 0" },
        { "{\"images\":[{\"b64\":\"YW!jZGVm\"}]}", 422, "/images/0/b64",
          "'!' at character 2" },
        { "{\"images\":[{\"b64\":\"YWJj\\nZGVm\"}]}", 422, "/images/0/b64",
          "line breaks" },
        { "{\"images\":[{\"b64\":\"/9j/4AAQSkZJ\"}]}", 422, "/images/0/b64", "JPEG" },
        { "{\"images\":[" GOOD "],\"labels\":[]}", 422, "/labels", "expected 1 labels" },
        { "{\"images\":[" GOOD "],\"labels\":[1,2]}", 422, "/labels", "found 2" },
        { "{\"images\":[" GOOD "],\"labels\":[1,2,3,4,0,1,2,3]}", 422, "/labels",
          "found 8" },
        { "{\"labels\":[],\"images\":[" GOOD "]}", 422, "/labels", "found 0" },
        { "{\"images\":[" GOOD "],\"labels\":7}", 422, "/labels", "found a number" },
        { "{\"images\":[" GOOD "],\"labels\":[5]}", 422, "/labels/0",
          "5 is not the number of a class, 0..4" },
        { "{\"images\":[" GOOD "],\"labels\":[-1]}", 422, "/labels/0", "-1 is not" },
        { "{\"images\":[" GOOD "],\"labels\":[0.5]}", 422, "/labels/0", "0.5 is not" },
        { "{\"images\":[" GOOD "],\"labels\":[\"4\"]}", 422, "/labels/0",
          "found a string" },
    };

    (void)state;
    CHECK(cases, &grey);
}

static void channels_before_rows_are_refused(void **state)
{
    static const struct refusal cases[] = {
        { PIX("[[[1,2],[3,4]],[[5,6],[7,8]],[[9,10],[11,12]]]"), 422, "/images/0/pixels",
          "2 rows of 2 pixels of 3 channels" },
        { PIX("[[1,2,3,4],[5,6,7,8],[9,10,11,12]]"), 422, "/images/0/pixels", "2 rows" },
    };

    (void)state;
    CHECK(cases, &rgb);
}

static void too_many_pictures_are_a_413(void **state)
{
    static const struct refusal cases[] = {
        { "{\"images\":[" GOOD "," GOOD "," GOOD "," GOOD "," GOOD "]}", 413, NULL,
          "more than 4 pictures" },
        /* Whatever else is wrong. */
        { "{\"labels\":[9],\"images\":[{}," GOOD "," GOOD "," GOOD "," GOOD "x", 413,
          NULL, "more than 4 pictures" },
    };

    (void)state;
    expect_parsed("{\"images\":[" GOOD "," GOOD "," GOOD "," GOOD "]}", &grey,
                  MAX_IMAGES);
    CHECK(cases, &grey);
}

static void all_violations_are_told(void **state)
{
    static const char body[] =
        "{\"labels\":[9,\"x\"],\"images\":[{\"pixels\":[1,2,[[{\"a\":[1]}]],4,5,6]},"
        "{\"b64\":\"!\"},7]}";

    (void)state;
    assert_int_equal(parse(body, sizeof(body) - 1, &grey), ST_RANGE);
    assert_int_equal(problem.status, 422);
    assert_int_equal(problem.n_errors, 6);
    assert_string_equal(problem.errors[0].pointer, "/labels/0");
    assert_string_equal(problem.errors[1].pointer, "/labels/1");
    assert_string_equal(problem.errors[2].pointer, "/images/0/pixels/2");
    assert_string_equal(problem.errors[3].pointer, "/images/1/b64");
    assert_string_equal(problem.errors[4].pointer, "/images/2");
    assert_string_equal(problem.errors[5].pointer, "/labels");
    assert_non_null(strstr(problem.detail, "/labels/0: 9 is not"));
}

static void an_object_has_a_limited_number_of_members(void **state)
{
    char body[2000] = "{\"images\":[" GOOD "]";
    size_t n = strlen(body);

    (void)state;
    for (unsigned i = 0; i < 63; i++)
        n += (size_t)sprintf(body + n, ",\"m%u\":%u", i, i);
    strcpy(body + n, "}");
    expect_parsed(body, &grey, 1);
    strcpy(body + n, ",\"last\":0}");
    assert_int_equal(parse(body, strlen(body), &grey), ST_FORMAT);
    assert_non_null(strstr(problem.detail, "more than 64 members"));
}

static void every_beginning_of_a_body_is_broken(void **state)
{
    static const char body[] =
        "{\"images\":[{\"pixels\":[[10,20,30],[40,50,60]]},{\"b64\":\"YWJjZGVm\"}],"
        "\"labels\":[1,null]}";

    (void)state;
    for (size_t len = 0; len + 1 < sizeof(body); len++) {
        assert_int_equal(parse(body, len, &grey), ST_FORMAT);
        assert_int_equal(problem.status, 400);
    }
    expect_parsed(body, &grey, 2);
}

/* -- Against a tree -- */

/* What the body says, by jansson: 0 not JSON, 1 refused, 2 taken into ret_pixels. */
static int slow_verdict(const char *body, uint8_t ret_pixels[6])
{
    json_t *root =
        json_loads(body, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
    json_t *list =
        json_object_get(json_array_get(json_object_get(root, "images"), 0), "pixels");
    int verdict = root == NULL ? 0 : json_array_size(list) == 6 ? 2 : 1;

    for (size_t i = 0; verdict == 2 && i < 6; i++) {
        const json_t *value = json_array_get(list, i);
        double number = json_is_number(value) ? json_number_value(value) : -1.0;
        if (!(number >= 0.0 && number <= 255.0) || number != (double)(int)number)
            verdict = 1;
        else
            ret_pixels[i] = (uint8_t)number;
    }
    json_decref(root);
    return verdict;
}

static void fast_and_slow_ways_give_the_same_verdict(void **state)
{
    static const char *const numbers[] = { "0",    "7",  "42", "255",  "256",
                                           "1e2",  "-0", "00", "12.0", "0.5",
                                           "1000", "",   "-3", "[1]",  "null" };
    static const char *const joints[] = { ",",   ",",   ", ", ", ", " ,",
                                          ",  ", "\n,", ",,", " " };
    unsigned verdicts[3] = { 0 };

    (void)state;
    srand(10);
    for (unsigned round = 0; round < 100000; round++) {
        char body[200] = "{\"images\":[{\"pixels\":[";
        unsigned odd =
            (unsigned)rand() % 8; /* mostly plain bodies, some with one oddity */
        unsigned n = rand() % 10 == 0 ? 5 + (unsigned)rand() % 3 : 6;
        for (unsigned i = 0; i < n; i++) {
            strcat(body, numbers[(unsigned)rand() % (i == odd ? 15 : 4)]);
            if (i + 1 < n)
                strcat(body, joints[(unsigned)rand() % (i + 7 == odd * 2 ? 9 : 4)]);
        }
        strcat(body, "]}]}");

        uint8_t expected[6];
        int verdict = slow_verdict(body, expected);
        enum status st = parse(body, strlen(body), &grey);
        int ours = st == ST_OK ? 2 : problem.status == 400 ? 0 : 1;
        if (ours != verdict)
            fail_msg("%s: %d, jansson says %d", body, ours, verdict);
        if (verdict == 2)
            expect_row(0, expected);
        verdicts[verdict]++;
    }
    for (unsigned v = 0; v < 3; v++)
        assert_true(verdicts[v] > 1000); /* else nothing was tested */
}

/* -- Memory -- */

static void a_failed_allocation_is_a_503(void **state)
{
    static const char body[] = "{\"labels\":[1,2,3],\"images\":[{\"pixels\":[1,2,3,4,5,6]"
                               "},{\"b64\":\"YWJjZGVm\"},"
                               "{\"b64\":\"UDUgMyAyIDI1NSBhYmNkZWY=\"}]}";
    enum status st = ST_NOMEM;
    unsigned nth = 0;

    (void)state;
    for (; st != ST_OK; nth++) {
        classify_input_done(&input);
        fault_at(nth);
        st = classify_json_parse(body, sizeof(body) - 1, &grey, MAX_IMAGES, &input,
                                 &problem);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && problem.status == 503));
        assert_true(st == ST_OK || input.n == 0);
    }
    assert_true(nth > 3);
}

static void reserving_makes_room(void **state)
{
    (void)state;
    assert_int_equal(classify_input_reserve(&input, 3, 784), ST_OK);
    memset(input.pixels, 1, 3 * 784);
    memset(input.labels, 1, 3 * sizeof(*input.labels));
    assert_int_equal(classify_input_reserve(&input, SIZE_MAX / 2, 784), ST_NOMEM);
    assert_int_equal(input.pixels[3 * 784 - 1], 1);
}

static void appended_pictures_stand_behind_those_that_were_there(void **state)
{
    static const char body[] = "{\"images\":[{\"b64\":\"YWJjZGVm\"}]}";
    struct classify_input more = { 0 };

    (void)state;
    assert_int_equal(
        classify_json_parse(body, sizeof(body) - 1, &grey, MAX_IMAGES, &input, &problem),
        ST_OK);
    assert_int_equal(classify_input_reserve(&more, 2, 6), ST_OK);
    memcpy(more.pixels, "uvwxyzUVWXYZ", 12);
    more.labels[0] = 7;
    more.labels[1] = -1;
    more.n = 2;
    for (unsigned nth = 0; nth < 2; nth++) { /* pixels, labels */
        fault_at(nth);
        assert_int_equal(classify_input_append(&input, &more, 6), ST_NOMEM);
        assert_true(fault_off());
        assert_int_equal(input.n, 1);
        assert_memory_equal(input.pixels, "abcdef", 6);
    }
    assert_int_equal(classify_input_append(&input, &more, 6), ST_OK);
    assert_int_equal(input.n, 3);
    assert_memory_equal(input.pixels, "abcdefuvwxyzUVWXYZ", 18);
    assert_int_equal(input.labels[0], -1);
    assert_int_equal(input.labels[1], 7);
    assert_int_equal(input.labels[2], -1);
    classify_input_done(&more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(pixels_and_base64_become_rows, forget),
        cmocka_unit_test_teardown(white_space_order_and_unknown_members_do_not_matter,
                                  forget),
        cmocka_unit_test_teardown(names_and_base64_may_be_escaped, forget),
        cmocka_unit_test_teardown(whole_numbers_in_any_form_are_pixels, forget),
        cmocka_unit_test_teardown(lists_may_follow_rows_and_channels, forget),
        cmocka_unit_test_teardown(base64_may_hold_a_picture_file, forget),
        cmocka_unit_test_teardown(a_null_member_is_none, forget),
        cmocka_unit_test_teardown(memory_is_kept_between_bodies, forget),
        cmocka_unit_test_teardown(broken_json_is_a_400_with_its_place, forget),
        cmocka_unit_test_teardown(a_nul_byte_is_broken_json, forget),
        cmocka_unit_test_teardown(wrong_values_are_a_422_that_points_at_them, forget),
        cmocka_unit_test_teardown(channels_before_rows_are_refused, forget),
        cmocka_unit_test_teardown(too_many_pictures_are_a_413, forget),
        cmocka_unit_test_teardown(all_violations_are_told, forget),
        cmocka_unit_test_teardown(an_object_has_a_limited_number_of_members, forget),
        cmocka_unit_test_teardown(every_beginning_of_a_body_is_broken, forget),
        cmocka_unit_test_teardown(fast_and_slow_ways_give_the_same_verdict, forget),
        cmocka_unit_test_teardown(a_failed_allocation_is_a_503, forget),
        cmocka_unit_test_teardown(reserving_makes_room, forget),
        cmocka_unit_test_teardown(appended_pictures_stand_behind_those_that_were_there,
                                  forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
