/* SPDX-License-Identifier: Apache-2.0 */
#include "api/oip_request.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_IMAGES 4
#define INPUTS     6

/* Two rows of three pixels, five classes. */
static const struct network net = { .input = { .height = 2, .width = 3, .channels = 1 },
                                    .n_classes = 5 };

static struct classify_input input;
static struct oip_request request;
static struct problem problem;
static char *body; /* the last one, which the id is borrowed from */

static int forget(void **state)
{
    (void)state;
    classify_input_done(&input);
    free(body);
    body = NULL;
    return 0;
}

/* The body in a block of its own, so that the sanitizer sees reads past its end. */
static enum status parse(const void *bytes, size_t len, const char *header)
{
    free(body);
    body = malloc(len + 1);
    assert_non_null(body);
    memcpy(body, bytes, len);
    memset(&problem, 0xA5, sizeof(problem));
    memset(&request, 0xA5, sizeof(request));
    return oip_request_parse((const uint8_t *)body, len, header, &net, MAX_IMAGES, &input,
                             &request, &problem);
}

static void expect_taken(const char *json, size_t n)
{
    if (parse(json, strlen(json), NULL) != ST_OK)
        fail_msg("%s: %s", json, problem.detail);
    assert_int_equal(input.n, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(input.labels[i], -1);
}

static void expect_refused(const void *bytes, size_t len, const char *header,
                           unsigned status, const char *words)
{
    if (parse(bytes, len, header) == ST_OK)
        fail_msg("%.*s: taken", (int)len, (const char *)bytes);
    if (problem.status != status || strstr(problem.detail, words) == NULL)
        fail_msg("%.*s: %u \"%s\"", (int)len, (const char *)bytes, problem.status,
                 problem.detail);
    assert_int_equal(input.n, 0);
}

#define ONE "\"name\":\"input\",\"shape\":[1,6],\"datatype\":\"UINT8\""
#define SIX "\"data\":[1,2,3,4,5,255]"
static const uint8_t six[INPUTS] = { 1, 2, 3, 4, 5, 255 };

/* -- What is taken -- */

static void data_may_be_flat_or_nested_as_the_shape(void **state)
{
    static const char *const same[] = {
        "{\"inputs\":[{" ONE "," SIX "}]}",
        "{\"inputs\":[{" ONE ",\"data\":[[1,2,3,4,5,255]]}]}",
        "{\"inputs\":[{\"name\":\"input\",\"shape\":[1,2,3,1],\"datatype\":\"UINT8\"," SIX
        "}]}",
        "{\"inputs\":[{\"name\":\"input\",\"shape\":[1,2,3,1],\"datatype\":\"UINT8\","
        "\"data\":[[[[1],[2],[3]],[[4],[5],[255]]]]}]}",
        /* Members in any order: nothing is known of the data when it comes. */
        "{\"inputs\":[{" SIX
        ",\"shape\":[1,6],\"datatype\":\"UINT8\",\"name\":\"input\"}]}",
        "{\"inputs\":[{\"name\":\"input\",\"shape\":[1,6],\"datatype\":\"FP32\","
        "\"data\":[1.0,2.0,3,4e0,50e-1,255.0]}]}",
        "{\"inputs\":[{\"n\\u0061me\":\"inp\\u0075t\",\"shape\":[1,6],\"datatype\":"
        "\"UINT8\"," SIX "}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        expect_taken(same[i], 1);
        assert_memory_equal(input.pixels, six, INPUTS);
        assert_null(request.id.text);
        assert_int_equal(request.classification, 0);
        assert_false(request.binary);
    }
}

static void a_batch_is_the_first_dimension(void **state)
{
    static const uint8_t three[3 * INPUTS] = { 0, 1,  2,  3,  4,  5,  6,  7,  8,
                                               9, 10, 11, 12, 13, 14, 15, 16, 17 };

    (void)state;
    expect_taken("{\"inputs\":[{\"name\":\"input\",\"shape\":[3,2,3,1],\"datatype\":"
                 "\"UINT8\",\"data\":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}]}",
                 3);
    assert_memory_equal(input.pixels, three, sizeof(three));
    expect_taken("{\"inputs\":[{\"name\":\"input\",\"shape\":[3,6],\"datatype\":"
                 "\"UINT8\",\"data\":[[0,1,2,3,4,5],[6,7,8,9,10,11],"
                 "[12,13,14,15,16,17]]}]}",
                 3);
    assert_memory_equal(input.pixels, three, sizeof(three));
}

/* What clients send besides, by habit or as null. */
static void what_clients_send_besides_is_passed_over(void **state)
{
    static const char *const bodies[] = {
        "{\"id\":null,\"parameters\":null,\"outputs\":null,\"inputs\":[{" ONE "," SIX
        "}]}",
        "{\"model_name\":\"tiny\",\"model_version\":\"1\",\"inputs\":[{" ONE "," SIX
        ",\"extra\":[{}]}],\"outputs\":[]}",
        "{\"parameters\":{\"priority\":0,\"timeout\":5,\"sequence_id\":\"a\",\"x\":true},"
        "\"inputs\":[{" ONE ",\"parameters\":{\"content_type\":\"np\"}," SIX "}],"
        "\"outputs\":[{\"name\":\"scores\",\"parameters\":{\"content_type\":\"np\"}}]}",
        "{\"inputs\":[{" ONE ",\"parameters\":null," SIX "}],\"outputs\":[{\"name\":"
        "\"scores\",\"parameters\":null}]}",
        "{\"parameters\":{\"content_type\":\"np\",\"headers\":null,\"a\":{\"b\":[1]}},"
        "\"inputs\":[{" ONE "," SIX ",\"parameters\":{\"headers\":{\"x\":\"y\"},"
        "\"binary_data_size\":null}}],\"outputs\":[{\"name\":\"scores\","
        "\"parameters\":{\"binary_data\":null,\"classification\":null,\"a\":[]}}]}",
        " \n{\"inputs\":[{" ONE "," SIX "}]}\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        expect_taken(bodies[i], 1);
        assert_null(request.id.text);
        assert_false(request.binary);
    }
}

static void id_is_kept_as_it_was_sent(void **state)
{
    static const struct {
        const char *json;
        size_t len;
    } ids[] = { { "", 0 }, { "req-1", 5 }, { "\xc3\xa9", 2 }, { "\\u00e9\\n", 8 } };
    char text[4096], long_id[OIP_ID_LEN * 6 + 7];

    (void)state;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        snprintf(text, sizeof(text), "{\"id\":\"%s\",\"inputs\":[{" ONE "," SIX "}]}",
                 ids[i].json);
        expect_taken(text, 1);
        assert_int_equal(request.id.len, ids[i].len);
        assert_memory_equal(request.id.text, ids[i].json, ids[i].len);
    }
    /* 256 bytes, plain and escaped, and one more. */
    memset(long_id, 'x', OIP_ID_LEN);
    long_id[OIP_ID_LEN] = '\0';
    snprintf(text, sizeof(text), "{\"id\":\"%s\",\"inputs\":[{" ONE "," SIX "}]}",
             long_id);
    expect_taken(text, 1);
    snprintf(text, sizeof(text), "{\"id\":\"%sx\"}", long_id);
    expect_refused(text, strlen(text), NULL, 400, "id: more than 256 bytes");
    for (size_t i = 0; i <= OIP_ID_LEN; i++)
        memcpy(long_id + 6 * i, "\\u0041", 7);
    snprintf(text, sizeof(text), "{\"id\":\"%s\"}", long_id);
    expect_refused(text, strlen(text), NULL, 400, "id: more than 256 bytes");
    long_id[6 * OIP_ID_LEN] = '\0';
    snprintf(text, sizeof(text), "{\"id\":\"%s\",\"inputs\":[{" ONE "," SIX "}]}",
             long_id);
    expect_taken(text, 1);
}

static void outputs_say_their_form(void **state)
{
    static const struct {
        const char *parameters, *output;
        bool binary;
        size_t classification;
    } cases[] = {
        { "", "", false, 0 },
        { "\"binary_data_output\":true", "", true, 0 },
        { "\"binary_data_output\":false", "\"binary_data\":true", true, 0 },
        { "\"binary_data_output\":true", "\"binary_data\":false", false, 0 },
        { "", "\"classification\":1", false, 1 },
        { "", "\"classification\":5", false, 5 },
        { "", "\"classification\":6,\"binary_data\":true", true, 5 },
        { "", "\"classification\":9007199254740991", false, 5 },
    };
    char text[1024];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text),
                 "{\"inputs\":[{" ONE "," SIX "}],\"outputs\":[{\"name\":\"scores\","
                 "\"parameters\":{%s}}],\"parameters\":{%s}}",
                 cases[i].output, cases[i].parameters);
        expect_taken(text, 1);
        assert_int_equal(request.binary, cases[i].binary);
        assert_int_equal(request.classification, cases[i].classification);
    }
    expect_taken("{\"parameters\":{\"binary_data_output\":true},\"inputs\":[{" ONE "," SIX
                 "}]}",
                 1);
    assert_true(request.binary);
}

static void a_timeout_is_in_microseconds_and_none_if_left_out(void **state)
{
    (void)state;
    expect_taken("{\"parameters\":{\"timeout\":9007199254740991},\"inputs\":[{" ONE
                 "," SIX "}]}",
                 1);
    assert_true(request.timeout_us == UINT64_C(9007199254740991));
    /* Of those who mean "no limit". */
    expect_taken("{\"parameters\":{\"timeout\":18446744073709551615},\"inputs\":[{" ONE
                 "," SIX "}]}",
                 1);
    assert_true(request.timeout_us == 0);
    expect_taken("{\"inputs\":[{" ONE "," SIX "}]}", 1);
    assert_true(request.timeout_us == 0);
}

/* -- Binary -- */

static const char tiny[] =
    "{\"inputs\":[{\"name\":\"input\",\"shape\":[1,6],\"datatype\":"
    "\"UINT8\",\"parameters\":{\"binary_data_size\":6}}]}";
static const char floats[] =
    "{\"inputs\":[{\"name\":\"input\",\"shape\":[2,2,3,1],\"datatype\":"
    "\"FP32\",\"parameters\":{\"binary_data_size\":48}}]}";

/* JSON and what follows it; returns the length. */
static size_t join(char *ret, const char *json, const void *blob, size_t len)
{
    size_t n = strlen(json);

    memcpy(ret, json, n);
    if (len > 0)
        memcpy(ret + n, blob, len);
    return n + len;
}

static const char *decimal(size_t n)
{
    static char text[24];

    snprintf(text, sizeof(text), "%zu", n);
    return text;
}

static void bytes_follow_the_json(void **state)
{
    char whole[512], padded[32];
    size_t len = join(whole, tiny, six, INPUTS);

    (void)state;
    assert_int_equal(parse(whole, len, decimal(strlen(tiny))), ST_OK);
    assert_int_equal(input.n, 1);
    assert_memory_equal(input.pixels, six, INPUTS);
    assert_int_equal(input.labels[0], -1);
    assert_false(request.binary);
    /* White space behind its value is no part of it. */
    assert_int_equal(
        parse(whole, len, strcat(strcpy(padded, decimal(strlen(tiny))), " \t")), ST_OK);
    expect_refused(whole, len, strcat(padded, "1"), 400, "is not a number of bytes");
    expect_refused(whole, len, " ", 400, "is not a number of bytes");
    /* `null` is as good as no data. */
    len = join(whole,
               "{\"inputs\":[{" ONE
               ",\"data\":null,\"parameters\":{\"binary_data_size\":6}}]}",
               NULL, 0);
    join(whole + len, "", six, INPUTS);
    assert_int_equal(parse(whole, len + INPUTS, decimal(len)), ST_OK);
    assert_memory_equal(input.pixels, six, INPUTS);
    /* The header may be there without any binary tensor. */
    len = join(whole, "{\"inputs\":[{" ONE "," SIX "}]}", NULL, 0);
    assert_int_equal(parse(whole, len, decimal(len)), ST_OK);
    assert_memory_equal(input.pixels, six, INPUTS);
}

static void floats_are_the_same_pixels(void **state)
{
    static const float values[2 * INPUTS] = {
        0, 255, 1, 2, 3, -0.0f, 9, 8, 7, 254, 5, 4
    };
    static const uint8_t pixels[2 * INPUTS] = { 0, 255, 1, 2, 3, 0, 9, 8, 7, 254, 5, 4 };
    static const float bad[] = {
        0.5f, 256, -1, 1e30f, -1e30f, (float)(0.0 / 0.0), 255.5f
    };
    char whole[512];
    size_t len = join(whole, floats, values, sizeof(values));

    (void)state;
    assert_int_equal(parse(whole, len, decimal(strlen(floats))), ST_OK);
    assert_int_equal(input.n, 2);
    assert_memory_equal(input.pixels, pixels, sizeof(pixels));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memcpy(whole + strlen(floats) + 7 * sizeof(float), &bad[i], sizeof(float));
        expect_refused(whole, len, decimal(strlen(floats)), 400,
                       "element 7 is not a whole number 0..255");
    }
}

static void a_body_without_json_is_one_picture(void **state)
{
    (void)state;
    assert_int_equal(parse(six, INPUTS, "0"), ST_OK);
    assert_int_equal(input.n, 1);
    assert_memory_equal(input.pixels, six, INPUTS);
    assert_true(request.binary);
    assert_int_equal(request.classification, 0);
    expect_refused(six, INPUTS - 1, "0", 400, "one picture of 6 bytes, found 5");
    expect_refused("1234567", INPUTS + 1, "000", 400, "one picture of 6 bytes, found 7");
    expect_refused("", 0, "0", 400, "one picture of 6 bytes, found 0");
}

static void lengths_must_agree(void **state)
{
    static const char *const headers[] = { "",    " 6",  "-1",
                                           "+6",  "6x",  "0x6",
                                           "1e2", "6.0", "18446744073709551616" };
    char whole[512], other[512];
    size_t n = strlen(tiny), len = join(whole, tiny, six, INPUTS);

    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        expect_refused(whole, len, headers[i], 400, "is not a number of bytes");
    expect_refused(whole, len, decimal(len + 1), 400, "is not a number of bytes");
    expect_refused(whole, len, decimal(n - 1), 400, "7 bytes follow");
    expect_refused(whole, len, decimal(n + 1), 400, "5 bytes follow");
    expect_refused(whole, len, decimal(len), 400, "0 bytes follow");
    expect_refused(whole, len - 1, decimal(n), 400,
                   "5 bytes follow the JSON, the inputs announce 6");
    expect_refused(whole, len + 1, decimal(n), 400,
                   "7 bytes follow the JSON, the inputs announce 6");
    expect_refused(whole, len, NULL, 400, "needs the header");
    n = join(other,
             "{\"inputs\":[{" ONE ",\"parameters\":{\"binary_data_size\":6}},{\"name\":"
             "\"mask\",\"parameters\":{\"binary_data_size\":6}}]}",
             NULL, 0);
    len = n + join(other + n, "", six, INPUTS);
    len += join(other + len, "", six, INPUTS);
    expect_refused(other, len, decimal(n), 400, "inputs[1]: the model has no input");
    len = join(other, "{\"inputs\":[{" ONE "," SIX "}]}", six, 1);
    expect_refused(other, len, decimal(len - 1), 400, "the inputs announce 0");
    n = join(other, "{\"inputs\":[{" ONE ",\"parameters\":{\"binary_data_size\":5}}]}",
             NULL, 0);
    len = n + join(other + n, "", six, 5);
    expect_refused(other, len, decimal(n), 400,
                   "binary_data_size is 5, shape [1,6] of UINT8 needs 6");
}

/* -- What is refused -- */

#define INPUT_OF(shape, datatype, data)                                                  \
    "{\"inputs\":[{\"name\":\"input\",\"shape\":" shape ",\"datatype\":\"" datatype      \
    "\",\"data\":" data "}]}"
#define WITH_OUTPUT(output) "{\"inputs\":[{" ONE "," SIX "}],\"outputs\":[" output "]}"
#define FLAT                "[1,2,3,4,5,6]"

static const struct {
    const char *json;
    unsigned status;
    const char *words;
} refused[] = {
    /* R1, R2 */
    { "", 400, "invalid JSON at byte 0" },
    { " ", 400, "invalid JSON" },
    { "[]", 400, "the body: expected an object, found a list" },
    { "\xEF\xBB\xBF{}", 400, "byte order mark" },
    { "{\"inputs\":[{" ONE "," SIX "}]}x", 400, "invalid JSON at byte" },
    { "{\"inputs\":[{" ONE "," SIX "}]", 400, "invalid JSON" },
    { "{\"a\":\"\xff\",\"inputs\":[{" ONE "," SIX "}]}", 400, "not UTF-8" },
    { "{\"id\":\"a\",\"id\":\"a\"}", 400, "second time" },
    { "{\"inputs\":[{" ONE ",\"name\":\"input\"}]}", 400, "second time" },
    /* R4, R5 */
    { "{\"id\":7}", 400, "id: expected a string, found a number" },
    { "{\"parameters\":[]}", 400, "parameters: expected an object" },
    { "{\"parameters\":{\"a\":{]}}", 400, "invalid JSON" },
    { "{\"parameters\":{\"a\":nul}}", 400, "invalid JSON" },
    { "{\"parameters\":{\"binary_data_output\":{}}}", 400,
      "expected true or false, found an object" },
    { "{\"parameters\":{\"timeout\":[1]}}", 400,
      "the body: parameter \"timeout\": expected an integer 0..2^53-1, found a list" },
    { "{\"parameters\":{\"binary_data_output\":1}}", 400, "expected true or false" },
    { "{\"parameters\":{\"timeout\":-1}}", 400, "0..2^53-1, found -1" },
    { "{\"parameters\":{\"timeout\":-18446744073709551615}}", 400,
      "found -18446744073709551615" },
    { "{\"parameters\":{\"timeout\":1e300}}", 400, "found 1e300" },
    { "{\"parameters\":{\"timeout\":1.5}}", 400, "found 1.5" },
    { "{\"parameters\":{\"timeout\":\"5\"}}", 400, "found a string" },
    /* R6, R7, R8 */
    { "{}", 400, "inputs: is missing" },
    { "{\"inputs\":null}", 400, "inputs: expected a list, found null" },
    { "{\"inputs\":[]}", 400, "the list is empty" },
    { "{\"inputs\":[7]}", 400, "inputs[0]: expected an object, found a number" },
    { "{\"inputs\":[{}]}", 400, "\"name\" is missing" },
    { "{\"inputs\":[{\"name\":7}]}", 400,
      "inputs[0]: name: expected a string, found a number" },
    { "{\"inputs\":[{" ONE ",\"parameters\":[]}]}", 400,
      "inputs[0]: parameters: expected an object, found a list" },
    { "{\"inputs\":[{\"name\":\"image\"}]}", 400,
      "no input \"image\"; its input is \"input\"" },
    { "{\"inputs\":[{" ONE "," SIX "},{" ONE "," SIX "}]}", 400,
      "inputs[1]: input \"input\" for the second time" },
    /* R9 */
    { "{\"inputs\":[{\"name\":\"input\",\"shape\":[1,6]," SIX "}]}", 400,
      "\"datatype\" is missing" },
    { INPUT_OF("[1,6]", "INT8", FLAT), 400,
      "has datatype INT8, the model expects UINT8" },
    { INPUT_OF("[1,6]", "uint8", FLAT), 400, "has datatype uint8" },
    { INPUT_OF("[1,6]", "FP16", FLAT), 400, "has datatype FP16" },
    /* R10, R11, R17 */
    { "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"UINT8\"," SIX "}]}", 400,
      "\"shape\" is missing" },
    { "{\"inputs\":[{\"datatype\":null}]}", 400,
      "inputs[0]: datatype: expected a string, found null" },
    { INPUT_OF("6", "UINT8", FLAT), 400,
      "inputs[0]: shape: expected a list, found a number" },
    { INPUT_OF("[\"1\",6]", "UINT8", FLAT), 400,
      "inputs[0]: shape: expected a number, found a string" },
    { INPUT_OF("[-1,6]", "UINT8", FLAT), 400, "shape[0]: -1 is not an integer" },
    { INPUT_OF("[1.5,6]", "UINT8", FLAT), 400, "shape[0]: 1.5 is not an integer" },
    { INPUT_OF("[16,1152921504606846978]", "UINT8", FLAT), 400, "shape[1]: 115292150" },
    { INPUT_OF("[4294967296,4294967296]", "UINT8", FLAT), 400, "more than 2^64" },
    { INPUT_OF("[1,1,1,1,1,1,1,1,6]", "UINT8", FLAT), 400, "more than 8 dimensions" },
    { INPUT_OF("[]", "UINT8", FLAT), 400, "has shape []" },
    { INPUT_OF("[6]", "UINT8", FLAT), 400,
      "has shape [6], the model expects [n,2,3,1] or [n,6]" },
    { INPUT_OF("[1,3,2,1]", "UINT8", FLAT), 400, "has shape [1,3,2,1]" },
    { INPUT_OF("[1,1,2,3]", "UINT8", FLAT), 400, "has shape [1,1,2,3]" },
    { INPUT_OF("[0,6]", "UINT8", "[]"), 400, "a batch of no pictures" },
    { INPUT_OF("[5,6]", "UINT8", FLAT), 413, "max_batch_size is 4" },
    /* R12 */
    { "{\"inputs\":[{" ONE "}]}", 400, "found neither" },
    { "{\"inputs\":[{" ONE ",\"data\":null}]}", 400, "found neither" },
    { "{\"inputs\":[{" ONE ",\"data\":\"AA==\"}]}", 400,
      "inputs[0]: data: expected a list, found a string" },
    { "{\"inputs\":[{" ONE "," SIX ",\"parameters\":{\"binary_data_size\":6}}]}", 400,
      "found both" },
    { "{\"inputs\":[{" ONE ",\"parameters\":{\"binary_data_size\":-1}}]}", 400,
      "expected an integer 0..2^53-1, found -1" },
    { "{\"inputs\":[{" ONE
      ",\"parameters\":{\"binary_data_size\":18446744073709551616}}]}",
      400, "expected an integer 0..2^53-1, found 18446744073709551616" },
    { "{\"inputs\":[{" ONE ",\"parameters\":{\"binary_data_size\":\"6\"}}]}", 400,
      "expected an integer 0..2^53-1, found a string" },
    /* R13 */
    { INPUT_OF("[1,6]", "UINT8", "7"), 400, "expected a list, found a number" },
    { INPUT_OF("[1,6]", "UINT8", "[1,2,3,4,5]"), 400, "needs 6 elements, data has 5" },
    { INPUT_OF("[1,6]", "UINT8", "[1,2,3,4,5,6,7]"), 400,
      "needs 6 elements, data has 7" },
    { INPUT_OF("[1,6]", "UINT8", "[]"), 400, "needs 6 elements, data has 0" },
    { INPUT_OF("[2,6]", "UINT8", FLAT), 400, "needs 12 elements, data has 6" },
    { INPUT_OF("[1,6]", "UINT8", "[[1,2,3],[4,5,6]]"), 400, "not as the shape [1,6]" },
    { INPUT_OF("[1,2,3,1]", "UINT8", "[[1,2,3],[4,5,6]]"), 400, "not as the shape" },
    { INPUT_OF("[1,6]", "UINT8", "[[1,2],[3,4,5,6]]"), 400, "those before it have 2" },
    { INPUT_OF("[1,6]", "UINT8", "[1,[2]]"), 400, "a list among numbers" },
    /* R14, T2, T4 */
    { INPUT_OF("[1,6]", "UINT8", "[1,2,3,4,5,256]"), 400,
      "256 is not an integer 0..255 (element 5)" },
    { INPUT_OF("[1,6]", "UINT8", "[1,2,3,4,5,-1]"), 400, "-1 is not an integer" },
    { INPUT_OF("[1,6]", "UINT8", "[1,2,3,4,5,true]"), 400,
      "found true or false (element 5)" },
    { INPUT_OF("[1,6]", "UINT8", "[1,2,3,4,5,\"6\"]"), 400,
      "found a string (element 5)" },
    { INPUT_OF("[1,6]", "FP32", "[1,2,3,4,5,0.5]"), 400, "0.5 is not an integer 0..255" },
    { INPUT_OF("[1,6]", "FP32", "[1,2,3,4,5,1e400]"), 400, "1e400 is not an integer" },
    { INPUT_OF("[1,6]", "FP32", "[1,2,3,4,5,NaN]"), 400, "invalid JSON" },
    /* R15 */
    { WITH_OUTPUT("7"), 400, "outputs[0]: expected an object" },
    { WITH_OUTPUT("{}"), 400, "outputs[0]: \"name\" is missing" },
    { WITH_OUTPUT("{\"name\":\"logits\"}"), 400, "its output is \"scores\"" },
    { WITH_OUTPUT("{\"name\":\"scores\"},{\"name\":\"scores\"}"), 400, "second time" },
    { WITH_OUTPUT("{\"name\":\"scores\",\"parameters\":{\"classification\":0}}"), 400,
      "\"classification\": expected an integer 1..2^53-1" },
    { WITH_OUTPUT("{\"name\":\"scores\",\"parameters\":{\"classification\":\"3\"}}"), 400,
      "expected an integer 1..2^53-1" },
    { WITH_OUTPUT("{\"name\":\"scores\",\"parameters\":{\"classification\":1.5}}"), 400,
      "expected an integer 1..2^53-1" },
    { WITH_OUTPUT("{\"name\":\"scores\",\"parameters\":{\"binary_data\":\"yes\"}}"), 400,
      "expected true or false, found a string" },
    { "{\"inputs\":[{" ONE "," SIX "}],\"outputs\":{}}", 400,
      "outputs: expected a list" },
    /* R16 */
    { "{\"inputs\":[{" ONE ",\"parameters\":{\"shared_memory_region\":{}}}]}", 400,
      "shared memory is not supported" },
    { "{\"inputs\":[{" ONE ",\"parameters\":{\"shared_memory_region\":\"r\"}}]}", 400,
      "shared memory is not supported" },
    { WITH_OUTPUT("{\"name\":\"scores\",\"parameters\":{\"shared_memory_byte_size\":4}}"),
      400, "shared memory is not supported" },
};

static void every_rule_violated_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        expect_refused(refused[i].json, strlen(refused[i].json), NULL, refused[i].status,
                       refused[i].words);
}

static void deep_nesting_and_zero_bytes_are_refused(void **state)
{
    static char deep[10000];

    (void)state;
    memset(deep, '[', sizeof(deep));
    expect_refused(deep, sizeof(deep), NULL, 400, "expected an object");
    memcpy(deep, "{\"a\":", 5);
    expect_refused(deep, sizeof(deep), NULL, 400, "nested deeper than 32");
    expect_refused("{\"id\":\"a\0b\"}", 12, NULL, 400, "control character");
}

/* Whatever is cut off somewhere is no request. */
static void truncated_bodies_are_refused(void **state)
{
    char whole[512];
    size_t len = join(whole, tiny, six, INPUTS);

    (void)state;
    for (size_t cut = 0; cut < len; cut++)
        if (parse(whole, cut, decimal(strlen(tiny))) == ST_OK)
            fail_msg("taken at %zu", cut);
}

static void without_memory_it_is_a_503(void **state)
{
    char whole[512];
    size_t len = join(whole, tiny, six, INPUTS);
    const char *json = "{\"inputs\":[{" ONE "," SIX "}]}";
    const struct {
        const void *bytes;
        size_t len;
        const char *header;
    } cases[] = { { json, strlen(json), NULL },
                  { whole, len, decimal(strlen(tiny)) },
                  { six, INPUTS, "0" } };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        classify_input_done(&input);
        fault_at(0);
        enum status st = oip_request_parse(cases[i].bytes, cases[i].len, cases[i].header,
                                           &net, MAX_IMAGES, &input, &request, &problem);
        fault_off();
        assert_int_equal(st, ST_NOMEM);
        assert_int_equal(problem.status, 503);
        assert_int_equal(problem.retry_after_s, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(data_may_be_flat_or_nested_as_the_shape, forget),
        cmocka_unit_test_teardown(a_batch_is_the_first_dimension, forget),
        cmocka_unit_test_teardown(what_clients_send_besides_is_passed_over, forget),
        cmocka_unit_test_teardown(id_is_kept_as_it_was_sent, forget),
        cmocka_unit_test_teardown(outputs_say_their_form, forget),
        cmocka_unit_test_teardown(a_timeout_is_in_microseconds_and_none_if_left_out,
                                  forget),
        cmocka_unit_test_teardown(bytes_follow_the_json, forget),
        cmocka_unit_test_teardown(floats_are_the_same_pixels, forget),
        cmocka_unit_test_teardown(a_body_without_json_is_one_picture, forget),
        cmocka_unit_test_teardown(lengths_must_agree, forget),
        cmocka_unit_test_teardown(every_rule_violated_once, forget),
        cmocka_unit_test_teardown(deep_nesting_and_zero_bytes_are_refused, forget),
        cmocka_unit_test_teardown(truncated_bodies_are_refused, forget),
        cmocka_unit_test_teardown(without_memory_it_is_a_503, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
