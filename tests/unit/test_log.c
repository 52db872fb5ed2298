/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/log.h"

#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int kept, caught;

static void catch_lines(void)
{
    kept = dup(STDERR_FILENO);
    caught = memfd_create("log", MFD_CLOEXEC);
    assert_true(kept >= 0 && caught >= 0);
    assert_true(dup2(caught, STDERR_FILENO) >= 0);
}

/* What was written since catch_lines; static memory. */
static const char *caught_lines(void)
{
    static char text[8192];
    ssize_t len = pread(caught, text, sizeof(text) - 1, 0);

    assert_true(len >= 0);
    text[len] = '\0';
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
    (void)close(caught);
    return text;
}

static void assert_member(const json_t *object, const char *name, const char *value)
{
    assert_string_equal(json_string_value(json_object_get(object, name)), value);
}

static void text_is_one_line_without_control_characters(void **state)
{
    (void)state;
    log_set_json(false);
    catch_lines();
    log_line(LOG_INFO, "start", "name=\"%s\"", "a\nb\x1b[31m\x7f\xff\xc3\xa9");
    assert_string_equal(caught_lines(), "info start name=\"a?b?[31m??\xc3\xa9\"\n");
}

static void fields_of_text_are_quoted_where_they_must(void **state)
{
    struct log_fields line;

    (void)state;
    log_set_json(false);
    catch_lines();
    assert_true(log_begin(&line, LOG_WARNING, "request"));
    log_text(&line, "path", "/a b\"\\");
    log_text(&line, "method", "GET");
    log_text(&line, "token", "");
    log_text(&line, "peer", NULL);
    log_number(&line, "status", 500);
    log_end(&line);
    assert_string_equal(caught_lines(),
                        "warning request path=\"/a b\\\"\\\\\" method=GET status=500\n");
}

static void a_line_of_json_is_an_object(void **state)
{
    struct log_fields line;

    (void)state;
    log_set_json(true);
    catch_lines();
    log_line(LOG_ERROR, "start", "\"%s\"", "a\\\n\xff\xc3\xa9");
    json_t *object = json_loads(caught_lines(), 0, NULL);
    assert_non_null(object);
    assert_member(object, "level", "error");
    assert_member(object, "event", "start");
    assert_member(object, "message", "\"a\\??\xc3\xa9\"");
    const char *at = json_string_value(json_object_get(object, "ts"));
    assert_int_equal(strlen(at), strlen("2026-01-31T12:00:00.000Z"));
    json_decref(object);

    catch_lines();
    assert_true(log_begin(&line, LOG_INFO, "request"));
    log_text(&line, "path", "/\"");
    log_number(&line, "status", (UINT64_C(1) << 53) - 1);
    log_end(&line);
    object = json_loads(caught_lines(), 0, NULL);
    assert_non_null(object);
    assert_member(object, "path", "/\"");
    assert_non_null(json_object_get(object, "status"));
    json_decref(object);
}

/* Whatever is cut, it stays one object on one line. */
static void a_line_that_is_full_is_still_json(void **state)
{
    (void)state;
    log_set_json(true);
    for (size_t len = 1000; len < 2200; len++) {
        struct log_fields line;
        char *value = malloc(len + 1);

        assert_non_null(value);
        for (size_t i = 0; i < len; i++)
            value[i] = i < 500 ? '"' : "a\xf0\x9f\x98\x80"[i % 5];
        value[len] = '\0';
        catch_lines();
        assert_true(log_begin(&line, LOG_INFO, "request"));
        log_text(&line, "path", value);
        log_text(&line, "more", value);
        log_number(&line, "status", 200);
        log_end(&line);
        free(value);
        const char *text = caught_lines();
        json_t *object = json_loads(text, 0, NULL);
        if (object == NULL)
            fail_msg("%zu: %s", len, text);
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
        json_decref(object);
    }
}

static void lines_above_the_level_are_dropped(void **state)
{
    (void)state;
    log_set_json(false);
    log_set_level("warning");
    catch_lines();
    log_line(LOG_INFO, "no", "x");
    log_line(LOG_WARNING, "yes", "x");
    assert_string_equal(caught_lines(), "warning yes x\n");
    log_set_level("debug");
    catch_lines();
    log_line(LOG_DEBUG, "yes", "x");
    assert_string_equal(caught_lines(), "debug yes x\n");
}

/* -- The queue -- */

/* Standard error becomes a pipe; its other end. */
static int open_pipe(void)
{
    int ends[2];

    kept = dup(STDERR_FILENO);
    assert_true(kept >= 0);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    (void)close(ends[1]);
    return ends[0];
}

static void close_pipe(FILE *reader)
{
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
    (void)fclose(reader);
}

/* Lines "info line N xxx...", from `first` on. */
static void write_numbers(unsigned first, unsigned n)
{
    static const char padding[] = "................................................"
                                  "................................................";

    for (unsigned i = first; i < first + n; i++)
        log_line(LOG_INFO, "line", "%u %s%s%s%s", i, padding, padding, padding, padding);
}

/* Reads lines up to number `last`. Those that are missing are as many as the note in
 * their place says, and come in order; how many are missing. */
static unsigned read_numbers(FILE *reader, unsigned first, unsigned last)
{
    unsigned next = first, missing = 0, number;
    char line[LOG_QUEUE_LINE];

    while (next <= last) {
        assert_non_null(fgets(line, sizeof(line), reader));
        if (sscanf(line, "warning log dropped=%u", &number) == 1) {
            missing += number;
            next += number;
            continue;
        }
        assert_int_equal(sscanf(line, "info line %u ", &number), 1);
        assert_int_equal(number, next);
        next++;
    }
    return missing;
}

static void nobody_waits_for_who_does_not_read(void **state)
{
    enum { MANY = 10000 }; /* more than pipe and queue hold */
    FILE *reader = fdopen(open_pipe(), "r");
    uint64_t before = log_dropped();

    (void)state;
    log_set_json(false);
    log_set_level("info");
    assert_int_equal(log_start(), ST_OK);
    write_numbers(0, MANY);
    uint64_t dropped = log_dropped() - before;
    assert_true(dropped > 0);
    assert_int_equal(read_numbers(reader, 0, MANY - 1), dropped);
    /* The next one is whole, and first. */
    write_numbers(MANY, 1);
    assert_int_equal(read_numbers(reader, MANY, MANY), 0);
    log_stop(10000);
    write_numbers(MANY + 1, 1);
    assert_int_equal(read_numbers(reader, MANY + 1, MANY + 1), 0);
    close_pipe(reader);
}

/* Runs it in a process of its own, whose standard error is the pipe. */
static pid_t in_child(void (*body)(void))
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(120); /* rather than for ever */
        body();
        _exit(1);
    }
    return child;
}

static void be_stuck_and_end(void)
{
    if (log_start() != ST_OK)
        return;
    write_numbers(0, 10000);
    log_stop(10);
    write_numbers(0, 1); /* nor does anybody wait now */
    exit(0);
}

static void a_process_ends_though_nobody_reads(void **state)
{
    FILE *reader = fdopen(open_pipe(), "r");
    pid_t child = in_child(be_stuck_and_end);
    int status;

    (void)state;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close_pipe(reader);
}

static void say_much_and_abort(void)
{
    if (log_start() != ST_OK)
        return;
    write_numbers(0, 2000);
    abort();
}

static void what_was_said_before_an_abort_is_written(void **state)
{
    FILE *reader = fdopen(open_pipe(), "r");
    pid_t child = in_child(say_much_and_abort);
    int status;

    (void)state;
    assert_int_equal(read_numbers(reader, 0, 1999), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    close_pipe(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_one_line_without_control_characters),
        cmocka_unit_test(fields_of_text_are_quoted_where_they_must),
        cmocka_unit_test(a_line_of_json_is_an_object),
        cmocka_unit_test(a_line_that_is_full_is_still_json),
        cmocka_unit_test(lines_above_the_level_are_dropped),
        cmocka_unit_test(nobody_waits_for_who_does_not_read),
        cmocka_unit_test(a_process_ends_though_nobody_reads),
        cmocka_unit_test(what_was_said_before_an_abort_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
