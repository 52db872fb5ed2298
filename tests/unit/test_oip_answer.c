/* SPDX-License-Identifier: Apache-2.0 */
#include "api/oip_answer.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char name[] = "tiny", zero[] = "zero", one[] = "o\"ne", two[] = "";
static char *labels[] = { zero, one, two };
static const struct network net = {
    .name = name, .n_classes = 3, .labels = labels, .version = 23
};
static const float logits[] = { 0.5f, -1.25f, 2.0f, 3.0f, 0.0f, -0.1f };
static const struct classify_score scores[] = {
    { 2, 0.7f, 2.0f }, { 0, 0.2f, 0.5f },  { 1, 0.1f, -1.25f },
    { 0, 0.9f, 3.0f }, { 1, 0.05f, 0.0f }, { 2, 0.05f, -0.1f }
};
static const struct classify_answer answer = {
    .net = &net,
    .generation = 7,
    .n_images = 2,
    .top = 2,
    .stride = 3,
    .scores = scores,
    .logits = logits,
    .memory = { 100, 120, 5 },
    .energy = { .pj = { [ENERGY_READ] = 1.5, [ENERGY_COMPUTE] = 2 } },
};

#define HEAD "{\"model_name\":\"tiny\",\"model_version\":\"23\","
#define MIDDLE                                                                           \
    "\"parameters\":{\"generation\":7,\"wrong_bits\":5,\"energy_pj\":3.500},"            \
    "\"outputs\":[{\"name\":\"scores\","

static size_t write(struct buf *buf, const char *id, size_t classification, bool binary)
{
    struct oip_request request = { .classification = classification, .binary = binary };

    if (id != NULL)
        request.id = (struct json_pull_text) { id, strlen(id), false };
    size_t json_len = oip_answer_write(buf, &request, &answer);
    assert_false(buf->failed);
    return json_len;
}

static void expect(struct buf *buf, const char *json, const void *blob, size_t len)
{
    size_t n = strlen(json);

    if (buf->len != n + len || memcmp(buf->data, json, n) != 0)
        fail_msg("%.*s", (int)buf->len, buf->data);
    if (len > 0)
        assert_memory_equal(buf->data + n, blob, len);
    buf_free(buf);
}

static void numbers_as_json(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    assert_int_equal(write(&buf, NULL, 0, false), 0);
    expect(&buf,
           HEAD MIDDLE "\"datatype\":\"FP32\",\"shape\":[2,3],\"data\":[0.5,-1.25,2,3,0,"
                       "-0.100000001]}]}",
           NULL, 0);
}

static void id_as_it_was_sent(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    (void)write(&buf, "\\u00e9\\\"", 0, false);
    assert_non_null(memmem(buf.data, buf.len, ",\"id\":\"\\u00e9\\\"\",", 17));
    buf_clear(&buf);
    (void)write(&buf, "", 0, false);
    assert_non_null(memmem(buf.data, buf.len, ",\"id\":\"\",", 9));
    buf_free(&buf);
}

static void numbers_behind_the_json(void **state)
{
    struct buf buf = BUF_INIT;
    const char *json =
        HEAD MIDDLE "\"datatype\":\"FP32\",\"shape\":[2,3],\"parameters\":{"
                    "\"binary_data_size\":24}}]}";

    (void)state;
    assert_int_equal(write(&buf, NULL, 0, true), strlen(json));
    expect(&buf, json, logits, sizeof(logits));
}

static void classes_as_json(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    assert_int_equal(write(&buf, NULL, 2, false), 0);
    expect(&buf,
           HEAD MIDDLE "\"datatype\":\"BYTES\",\"shape\":[2,2],\"data\":[\"2:2:\","
                       "\"0.5:0:zero\",\"3:0:zero\",\"0:1:o\\\"ne\"]}]}",
           NULL, 0);
}

static void classes_behind_the_json(void **state)
{
    static const char blob[] = "\4\0\0\0"
                               "2:2:"
                               "\12\0\0\0"
                               "0.5:0:zero"
                               "\10\0\0\0"
                               "3:0:zero"
                               "\10\0\0\0"
                               "0:1:o\"ne";
    struct buf buf = BUF_INIT;
    const char *json =
        HEAD MIDDLE "\"datatype\":\"BYTES\",\"shape\":[2,2],\"parameters\":"
                    "{\"binary_data_size\":46}}]}";

    (void)state;
    assert_int_equal(write(&buf, NULL, 2, true), strlen(json));
    expect(&buf, json, blob, sizeof(blob) - 1);
}

/* A failed buffer is what the caller looks for. */
static void without_memory_the_buffer_fails(void **state)
{
    (void)state;
    for (unsigned form = 0; form < 4; form++) {
        struct oip_request request = { .classification = form & 1, .binary = form & 2 };
        struct classify_answer some = answer;
        struct buf buf = BUF_INIT;
        bool done = false;

        some.top = 1;
        for (unsigned nth = 0; !done; nth++) {
            buf_free(&buf);
            fault_at(nth);
            (void)oip_answer_write(&buf, &request, &some);
            fault_off();
            done = !buf.failed;
            assert_true(done || nth < 10);
        }
        buf_free(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_as_json),
        cmocka_unit_test(id_as_it_was_sent),
        cmocka_unit_test(numbers_behind_the_json),
        cmocka_unit_test(classes_as_json),
        cmocka_unit_test(classes_behind_the_json),
        cmocka_unit_test(without_memory_the_buffer_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
