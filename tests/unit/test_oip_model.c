/* SPDX-License-Identifier: Apache-2.0 */
#include "api/oip_model.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char name[] = "tiny", description[] = "two \"rows\"";
static const struct network net = {
    .name = name,
    .description = description,
    .input = { .height = 2, .width = 3, .channels = 3, .bgr = true },
    .n_classes = 5,
    .checksum = 0xabc,
    .version = 12,
};
static const struct network before = { .name = name, .version = 9 };

/* What was written, as JSON; the buffer is emptied. */
static json_t *parsed(struct buf *buf)
{
    json_t *json = json_loadb(buf->data, buf->len, JSON_REJECT_DUPLICATES, NULL);

    assert_false(buf->failed);
    assert_non_null(json);
    buf_free(buf);
    return json;
}

static void expect(struct buf *buf, const char *text)
{
    json_t *found = parsed(buf), *wanted = json_loads(text, 0, NULL);

    assert_non_null(wanted);
    if (!json_equal(found, wanted))
        fail_msg("%s", json_dumps(found, 0));
    json_decref(found);
    json_decref(wanted);
}

static void server_has_the_three_members(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    oip_server_write(&buf, "s", "1.2.3");
    json_t *json = parsed(&buf);
    assert_string_equal(json_string_value(json_object_get(json, "name")), "s");
    assert_string_equal(json_string_value(json_object_get(json, "version")), "1.2.3");
    assert_true(json_is_array(json_object_get(json, "extensions")));
    assert_int_equal(json_object_size(json), 3);
    json_decref(json);
}

static void model_has_its_tensors(void **state)
{
    const struct network *const nets[] = { &net, &before };
    struct buf buf = BUF_INIT;

    (void)state;
    oip_model_write(&buf, &net, nets, 2);
    expect(
        &buf,
        "{\"name\":\"tiny\",\"versions\":[\"9\",\"12\"],\"platform\":\"spinbnn_stmram\","
        "\"inputs\":[{\"name\":\"input\",\"datatype\":\"UINT8\",\"shape\":[-1,2,3,3]}],"
        "\"outputs\":[{\"name\":\"scores\",\"datatype\":\"FP32\",\"shape\":[-1,5]}],"
        "\"properties\":{\"description\":\"two \\\"rows\\\"\",\"channels\":\"bgr\","
        "\"checksum\":\"00000abc\"}}");
}

static void ready_is_said_with_the_name(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    oip_ready_write(&buf, &net, true);
    expect(&buf, "{\"name\":\"tiny\",\"ready\":true}");
    oip_ready_write(&buf, &net, false);
    expect(&buf, "{\"name\":\"tiny\",\"ready\":false}");
}

/* What the common client of pictures asks of a configuration (G1): no batch in dims. */
static void config_suits_a_client_of_pictures(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    oip_config_write(&buf, &net, 64, 3);
    expect(
        &buf,
        "{\"name\":\"tiny\",\"platform\":\"spinbnn_stmram\",\"backend\":\"spinbnn\","
        "\"version_policy\":{\"latest\":{\"num_versions\":3}},\"max_batch_size\":64,"
        "\"input\":[{\"name\":\"input\",\"data_type\":\"TYPE_UINT8\","
        "\"format\":\"FORMAT_NHWC\",\"dims\":[2,3,3]}],"
        "\"output\":[{\"name\":\"scores\",\"data_type\":\"TYPE_FP32\",\"dims\":[5]}]}");
}

static void statistics_add_up(void **state)
{
    const struct oip_stats stats = {
        .name = "tiny",
        .version = 12,
        .last_ms = 1700000000123,
        .images = 12,
        .passes = 4,
        .n_answered = 5,
        .n_refused = 2,
        .queue_ns = 1,
        .read_ns = 10,
        .compute_ns = 100,
        .write_ns = 1000,
        .refused_ns = 77,
    };
    struct buf buf = BUF_INIT;

    (void)state;
    oip_stats_write(&buf, &stats);
    expect(&buf, "{\"name\":\"tiny\",\"version\":\"12\",\"last_inference\":1700000000123,"
                 "\"inference_count\":12,\"execution_count\":4,\"inference_stats\":{"
                 "\"success\":{\"count\":5,\"ns\":1111},\"fail\":{\"count\":2,\"ns\":77},"
                 "\"queue\":{\"count\":5,\"ns\":1},"
                 "\"compute_input\":{\"count\":5,\"ns\":10},"
                 "\"compute_infer\":{\"count\":5,\"ns\":100},"
                 "\"compute_output\":{\"count\":5,\"ns\":1000},"
                 "\"cache_hit\":{\"count\":0,\"ns\":0},"
                 "\"cache_miss\":{\"count\":0,\"ns\":0}},\"batch_stats\":[]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_has_the_three_members),
        cmocka_unit_test(model_has_its_tensors),
        cmocka_unit_test(ready_is_said_with_the_name),
        cmocka_unit_test(config_suits_a_client_of_pictures),
        cmocka_unit_test(statistics_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
