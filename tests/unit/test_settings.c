/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/settings.h"

#include "tests/lib/fault.h"
#include "tests/lib/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_ARGS 16

static struct settings_result result;
static char why[ERR_LEN];

/* Reads flags and variables, both ending with NULL; the file is `file`. */
static enum status read_from(const char *file, const char *const *flags,
                             const char *const *variables)
{
    char config[256];
    char *argv[MAX_ARGS + 1] = { (char *)"spinbnnd" };
    char *environment[MAX_ARGS + 2] = { config };
    int argc = 1;

    (void)snprintf(config, sizeof(config), "SPINBNN_CONFIG=%s", file);
    for (; flags != NULL && *flags != NULL; flags++)
        argv[argc++] = (char *)*flags;
    for (size_t i = 1; variables != NULL && *variables != NULL; variables++)
        environment[i++] = (char *)*variables;
    why[0] = '\0';
    return settings_read(&(struct settings_source) { argc, argv, environment }, &result,
                         why);
}

#define LIST(...) ((const char *const[]) { __VA_ARGS__, NULL })

/* The line of --print-config for a name; static memory. */
static const char *printed(const char *name)
{
    static char line[4096];
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    settings_print_config(&result, out);
    assert_int_equal(fclose(out), 0);
    line[0] = '\0';
    for (char *at = strtok(text, "\n"); at != NULL; at = strtok(NULL, "\n"))
        if (strncmp(at, name, strlen(name)) == 0 && at[strlen(name)] == ' ')
            (void)snprintf(line, sizeof(line), "%s", at);
    free(text);
    return line;
}

static void assert_says(const char *word)
{
    if (strstr(why, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, word);
}

static int make_file(void **state)
{
    static struct scratch scratch;

    scratch_make(&scratch);
    (void)scratch_file(&scratch, "empty.json", "{}", 2);
    *state = &scratch;
    return 0;
}

static int remove_file(void **state)
{
    scratch_remove(*state);
    return 0;
}

static const char *empty(void **state)
{
    return scratch_path(*state, "empty.json");
}

/* -- Sources -- */

static void without_sources_there_are_defaults(void **state)
{
    assert_int_equal(read_from(empty(state), NULL, NULL), ST_OK);
    assert_string_equal(result.settings.listen, "127.0.0.1:8080");
    assert_string_equal(result.settings.state_dir, "state");
    assert_string_equal(result.settings.kernel, "auto");
    assert_int_equal(result.settings.drain_timeout_s, 25);
    assert_string_equal(result.settings.device, "default");
    assert_int_equal(result.settings.scrub_interval_s, 0);
    assert_true(result.settings.bit_operation_fj == 8.0);
    assert_true(result.settings.threshold_fj == 16.0);
    assert_true(result.settings.logit_fj == 1000.0);
    assert_int_equal(result.action, SETTINGS_SERVE);
    assert_non_null(strstr(printed("listen"), "# default"));
}

static void the_stronger_source_wins_and_is_named(void **state)
{
    static const char text[] = "{\"queue\": 1, \"threads\": 1, \"workers\": 1}";
    const char *file = scratch_file(*state, "some.json", text, sizeof(text) - 1);

    assert_int_equal(
        read_from(file, LIST("--queue=3"), LIST("SPINBNN_QUEUE=2", "SPINBNN_THREADS=2")),
        ST_OK);
    assert_int_equal(result.settings.workers, 1);
    assert_int_equal(result.settings.threads, 2);
    assert_int_equal(result.settings.queue, 3);
    assert_non_null(strstr(printed("workers"), "some.json"));
    assert_non_null(strstr(printed("threads"), "environment SPINBNN_THREADS"));
    assert_non_null(strstr(printed("queue"), "flag --queue"));
    assert_non_null(strstr(printed("kernel"), "default"));
}

static void flags_are_written_in_two_ways(void **state)
{
    assert_int_equal(
        read_from(empty(state), LIST("--state-dir", "a", "--model-dir=b=c"), NULL),
        ST_OK);
    assert_string_equal(result.settings.state_dir, "a");
    assert_string_equal(result.settings.model_dir, "b=c");
    /* The last of a name counts. */
    assert_int_equal(read_from(empty(state), LIST("--queue", "4", "--queue", "5"), NULL),
                     ST_OK);
    assert_int_equal(result.settings.queue, 5);
}

static void a_flag_names_the_file(void **state)
{
    static const char text[] = "{\"queue\": 9}";
    char file[128];

    (void)snprintf(file, sizeof(file), "%s",
                   scratch_file(*state, "nine.json", text, sizeof(text) - 1));
    assert_int_equal(read_from("/nonexistent/spinbnn.json", LIST("--config", file), NULL),
                     ST_OK);
    assert_int_equal(result.settings.queue, 9);
}

static void variables_of_others_are_left_alone(void **state)
{
    assert_int_equal(
        read_from(empty(state), NULL,
                  LIST("HOME=/", "SPINBNN=1", "SPINBNNX_A=1", "SPINBNN_URL=http://x",
                       "SPINBNN_ADMIN_SERVICE_HOST=10.0.0.2",
                       "SPINBNN_ADMIN_PORT_9090_TCP=tcp://10.0.0.2:9090",
                       "SPINBNN_SERVICE_HOST=10.0.0.1", "SPINBNN_PORT=tcp://10.0.0.1:80",
                       "SPINBNN_PORT_80_TCP=x")),
        ST_OK);
}

/* -- What is wrong, and where -- */

static void unknown_names_come_with_the_nearest(void **state)
{
    static const char text[] = "{\"lisen\": \"x\"}";
    char file[128];

    assert_int_equal(read_from(empty(state), LIST("--state-dri", "x"), NULL), ST_FORMAT);
    assert_true(result.usage_error);
    assert_says("did you mean --state-dir?");
    assert_int_equal(read_from(empty(state), NULL, LIST("SPINBNN_STATEDIR=x")),
                     ST_FORMAT);
    assert_false(result.usage_error);
    assert_says("did you mean state_dir?");
    (void)snprintf(file, sizeof(file), "%s",
                   scratch_file(*state, "bad.json", text, sizeof(text) - 1));
    assert_int_equal(read_from(file, NULL, NULL), ST_FORMAT);
    assert_false(result.usage_error);
    assert_says("did you mean listen?");
    assert_says(file);
}

static void numbers_are_whole_and_within_their_range(void **state)
{
    static const char *const bad[] = { "",
                                       "-1",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "1.5",
                                       "1e3",
                                       "0x10",
                                       "x",
                                       "65537",
                                       "18446744073709551617" };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(read_from(empty(state), LIST("--queue", bad[i]), NULL),
                         ST_RANGE);
        assert_says("flag --queue");
        assert_says("1 .. 65536");
    }
    assert_int_equal(read_from(empty(state), LIST("--queue=65536"), NULL), ST_OK);
    assert_int_equal(result.settings.queue, 65536);
}

static void energies_are_numbers_within_their_range(void **state)
{
    static const char *const bad[] = { "",      "-1",    "+1",  " 1",  "1 ", "0x10",
                                       "0X1p3", "x",     "inf", "nan", ".5", "1000001",
                                       "1e7",   "1e999", "8,5", "8 fJ" };
    static const char *const names[] = { "--bit-operation-fj", "--threshold-fj",
                                         "--logit-fj" };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(read_from(empty(state), LIST(names[k], bad[i]), NULL),
                             ST_RANGE);
            assert_says(names[k]);
            assert_says("0 .. 1000000 fJ");
        }
    assert_int_equal(read_from(empty(state),
                               LIST("--bit-operation-fj=0", "--threshold-fj", "2.5e1",
                                    "--logit-fj", "1000000"),
                               NULL),
                     ST_OK);
    assert_true(result.settings.bit_operation_fj == 0.0);
    assert_true(result.settings.threshold_fj == 25.0);
    assert_true(result.settings.logit_fj == 1000000.0);
}

static void a_file_sets_what_arrays_are_made_of_and_how_they_are_kept(void **state)
{
    static const char text[] = "{\"device\": \"retention\", \"scrub_interval_s\": 60,"
                               " \"bit_operation_fj\": 7.25, \"logit_fj\": 3}";
    char file[128];

    (void)snprintf(file, sizeof(file), "%s",
                   scratch_file(*state, "device.json", text, sizeof(text) - 1));
    assert_int_equal(
        read_from(file, LIST("--scrub-interval-s=90"), LIST("SPINBNN_LOGIT_FJ=4.5")),
        ST_OK);
    assert_string_equal(result.settings.device, "retention");
    assert_int_equal(result.settings.scrub_interval_s, 90);
    assert_true(result.settings.bit_operation_fj == 7.25);
    assert_true(result.settings.logit_fj == 4.5);
    assert_non_null(strstr(printed("bit_operation_fj"), "7.25"));
    assert_non_null(strstr(printed("bit_operation_fj"), "device.json"));
    assert_non_null(strstr(printed("logit_fj"), "environment SPINBNN_LOGIT_FJ"));
    assert_int_equal(read_from(file, LIST("--scrub-interval-s=31536001"), NULL),
                     ST_RANGE);
    assert_says("31536000 s");
}

static void in_a_file_each_kind_is_written_as_what_it_is(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        { "{\"queue\": \"2\"}",
          "queue: found the text \"2\", expected a whole number within 1 .. 65536 jobs" },
        { "{\"queue\": true}", "queue: found true, expected a whole number" },
        { "{\"queue\": 2.5}", "queue: \"2.5\" is not a whole number" },
        { "{\"logit_fj\": \"3\"}", "logit_fj: found the text \"3\", expected a number" },
        { "{\"insecure_bind\": \"true\"}",
          "found the text \"true\", expected true or false" },
        { "{\"insecure_bind\": 1}", "found the number 1, expected true or false" },
        { "{\"state_dir\": 5}", "state_dir: found the number 5, expected a text" },
        { "{\"log_level\": false}", "log_level: found false, expected a text" },
    };
    static const char good[] = "{\"queue\": 2.0, \"logit_fj\": 3, \"log_json\": true}";

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *file =
            scratch_file(*state, "kinds.json", bad[i].text, strlen(bad[i].text));

        assert_int_equal(read_from(file, NULL, NULL), ST_RANGE);
        assert_says(bad[i].says);
        assert_says("kinds.json: ");
    }
    const char *file = scratch_file(*state, "kinds.json", good, sizeof(good) - 1);
    assert_int_equal(read_from(file, NULL, NULL), ST_OK);
    assert_int_equal(result.settings.queue, 2);
}

static void choices_are_taken_whole(void **state)
{
    static const char *const bad[] = { "", "err", "loud", "error|warning", "INFO" };
    static const char *const good[] = { "error", "warning", "info", "debug" };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(read_from(empty(state), LIST("--log-level", bad[i]), NULL),
                         ST_RANGE);
        assert_says("error|warning|info|debug");
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(read_from(empty(state), LIST("--log-level", good[i]), NULL),
                         ST_OK);
}

static void texts_have_a_limit(void **state)
{
    char text[SETTINGS_TEXT_LEN + 1];

    memset(text, 'a', sizeof(text));
    text[SETTINGS_TEXT_LEN] = '\0';
    assert_int_equal(read_from(empty(state), LIST("--state-dir", text), NULL), ST_RANGE);
    assert_says("state_dir");
    text[SETTINGS_TEXT_LEN - 1] = '\0';
    assert_int_equal(read_from(empty(state), LIST("--state-dir", text), NULL), ST_OK);
    assert_int_equal(strlen(result.settings.state_dir), SETTINGS_TEXT_LEN - 1);
    /* The state of a folder without a name would lie in the root. */
    assert_int_equal(read_from(empty(state), LIST("--state-dir", ""), NULL), ST_RANGE);
    assert_says("state_dir: it is empty, expected folder");
}

static void what_is_no_flag_is_refused(void **state)
{
    assert_int_equal(read_from(empty(state), LIST("serve"), NULL), ST_FORMAT);
    assert_says("\"serve\"");
    assert_int_equal(read_from(empty(state), LIST("--"), NULL), ST_FORMAT);
    assert_int_equal(read_from(empty(state), LIST("-q"), NULL), ST_FORMAT);
    assert_int_equal(read_from(empty(state), LIST("--queue"), NULL), ST_FORMAT);
    assert_says("missing");
    assert_true(result.usage_error);
}

static void files_that_cannot_be_read_are_named(void **state)
{
    static const char broken[] = "{\n \"queue\": 17,\n}";
    char *large = malloc(65536);
    char file[128];

    assert_int_equal(read_from("/nonexistent/spinbnn.json", NULL, NULL), ST_IO);
    assert_says("/nonexistent/spinbnn.json");
    (void)snprintf(file, sizeof(file), "%s",
                   scratch_file(*state, "broken.json", broken, sizeof(broken) - 1));
    assert_int_equal(read_from(file, NULL, NULL), ST_FORMAT);
    assert_says("line 3");
    assert_says(file);

    assert_non_null(large);
    memset(large, ' ', 65536);
    (void)snprintf(file, sizeof(file), "%s",
                   scratch_file(*state, "large.json", large, 65536));
    assert_int_equal(read_from(file, NULL, NULL), ST_FORMAT);
    assert_says("64 KiB");
    free(large);
}

static void without_memory_the_file_is_not_read(void **state)
{
    char file[128];

    (void)snprintf(file, sizeof(file), "%s", empty(state));
    fault_at(0);
    enum status st = read_from(file, NULL, NULL);
    fault_off();
    assert_int_equal(st, ST_NOMEM);
    assert_says("memory");
}

/* -- For people -- */

static void help_is_there_whatever_else_is_wrong(void **state)
{
    static const char *const flags[] = { "--help", "-h", "--version" };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(read_from("/nonexistent/spinbnn.json", LIST(flags[i]),
                                   LIST("SPINBNN_NONSENSE=1")),
                         ST_OK);
        assert_int_equal(result.action,
                         i < 2 ? SETTINGS_PRINT_HELP : SETTINGS_PRINT_VERSION);
    }
    assert_int_equal(read_from("/nonexistent/spinbnn.json", LIST("--print-config"), NULL),
                     ST_IO);
}

static void help_names_every_setting_with_its_default(void **state)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    assert_int_equal(read_from(empty(state), NULL, NULL), ST_OK);
    assert_non_null(out);
    settings_print_help(out);
    assert_int_equal(fclose(out), 0);
    static const char *const words[] = { "--listen",       "127.0.0.1:8080",
                                         "--state-dir",    "--head-timeout-s",
                                         "--log-level",    "error|warning|info|debug",
                                         "--print-config", "SPINBNN_STATE_DIR" };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_non_null(strstr(text, words[i]));
    free(text);
}

/* -- For reloads -- */

static void switches_are_true_or_false(void **state)
{
    static const char *const bad[] = { "", "1", "yes", "TRUE", "true|false" };
    static const char text[] = "{\"insecure_bind\": true}";
    char file[128];

    assert_int_equal(read_from(empty(state), NULL, NULL), ST_OK);
    assert_false(result.settings.insecure_bind);
    (void)snprintf(file, sizeof(file), "%s",
                   scratch_file(*state, "switch.json", text, sizeof(text) - 1));
    assert_int_equal(read_from(file, NULL, NULL), ST_OK);
    assert_true(result.settings.insecure_bind);
    assert_int_equal(read_from(file, LIST("--insecure-bind=false"), NULL), ST_OK);
    assert_false(result.settings.insecure_bind);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(read_from(empty(state), LIST("--insecure-bind", bad[i]), NULL),
                         ST_RANGE);
        assert_says("true|false");
    }
}

static void a_reload_takes_what_is_marked_and_nothing_else(void **state)
{
    static struct settings_result in_force;
    static struct settings shared;

    assert_int_equal(
        read_from(empty(state), LIST("--queue=3", "--log-level=error"), NULL), ST_OK);
    in_force = result;
    shared = in_force.settings;
    assert_int_equal(
        read_from(empty(state),
                  LIST("--queue=4", "--log-level=debug", "--insecure-bind=true",
                       "--drain-timeout-s=7", "--device=retention"),
                  NULL),
        ST_OK);
    settings_take_live(&in_force, &result);
    assert_int_equal(in_force.settings.queue, 3);
    assert_string_equal(in_force.settings.device, "default");
    assert_string_equal(in_force.settings.log_level, "debug");
    assert_true(in_force.settings.insecure_bind);
    assert_int_equal(in_force.settings.drain_timeout_s, 7);

    settings_publish(&shared, &in_force.settings);
    assert_int_equal(shared.drain_timeout_s, 7);
    assert_int_equal(shared.queue, 3);
    assert_string_equal(shared.log_level, "error");

    /* The origin comes with the value. */
    struct settings_row row;
    for (size_t i = 0; settings_row(&in_force, i, &row); i++) {
        if (strcmp(row.name, "insecure_bind") == 0) {
            assert_true(row.live);
            assert_string_equal(row.value, "true");
            assert_string_equal(row.origin, "flag --insecure-bind");
        }
        if (strcmp(row.name, "device") == 0) {
            assert_false(row.live);
            assert_string_equal(row.origin, "default");
        }
    }
}

static struct settings_row row_named(const struct settings_result *of, const char *name)
{
    struct settings_row row = { 0 };

    for (size_t i = 0; settings_row(of, i, &row); i++)
        if (strcmp(row.name, name) == 0)
            return row;
    fail_msg("no row %s", name);
    return row;
}

static void a_row_set_while_serving_has_its_own_origin_until_a_reload(void **state)
{
    static struct settings_result in_force;

    assert_int_equal(read_from(empty(state), LIST("--log-level=error"), NULL), ST_OK);
    in_force = result;
    settings_override(&in_force, "log_level", "debug", "somebody");
    assert_string_equal(in_force.settings.log_level, "debug");
    struct settings_row row = row_named(&in_force, "log_level");
    assert_string_equal(row.value, "debug");
    assert_string_equal(row.origin, "somebody");

    settings_take_live(&in_force, &result);
    row = row_named(&in_force, "log_level");
    assert_string_equal(row.value, "error");
    assert_string_equal(row.origin, "flag --log-level");
}

static void the_command_line_s_variables_are_not_ours(void **state)
{
    assert_int_equal(read_from(empty(state), NULL, LIST("SPINBNN_CA_FILE=/x")), ST_OK);
    /* This one would be missed by who meant the daemon. */
    assert_int_equal(read_from(empty(state), NULL, LIST("SPINBNN_TOKEN_FILE=/x")),
                     ST_FORMAT);
    assert_says("did you mean SPINBNN_TOKENS_FILE?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_sources_there_are_defaults),
        cmocka_unit_test(the_stronger_source_wins_and_is_named),
        cmocka_unit_test(flags_are_written_in_two_ways),
        cmocka_unit_test(a_flag_names_the_file),
        cmocka_unit_test(variables_of_others_are_left_alone),
        cmocka_unit_test(unknown_names_come_with_the_nearest),
        cmocka_unit_test(numbers_are_whole_and_within_their_range),
        cmocka_unit_test(energies_are_numbers_within_their_range),
        cmocka_unit_test(a_file_sets_what_arrays_are_made_of_and_how_they_are_kept),
        cmocka_unit_test(in_a_file_each_kind_is_written_as_what_it_is),
        cmocka_unit_test(choices_are_taken_whole),
        cmocka_unit_test(texts_have_a_limit),
        cmocka_unit_test(what_is_no_flag_is_refused),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
        cmocka_unit_test(without_memory_the_file_is_not_read),
        cmocka_unit_test(help_is_there_whatever_else_is_wrong),
        cmocka_unit_test(switches_are_true_or_false),
        cmocka_unit_test(a_reload_takes_what_is_marked_and_nothing_else),
        cmocka_unit_test(a_row_set_while_serving_has_its_own_origin_until_a_reload),
        cmocka_unit_test(the_command_line_s_variables_are_not_ours),
        cmocka_unit_test(help_names_every_setting_with_its_default),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
