/* SPDX-License-Identifier: Apache-2.0 */
/* Windows that grow wider as they grow old, against a slow sum of all that was written.
 */
#include "tests/unit/metrics_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Within an hour, not at its beginning. */
#define TODAY  (NOW / 3600 * 3600 + 1234)
#define DAY_S  INT64_C(86400)
#define MODELS 2

/* Two versions of one name. */
struct history {
    struct fixture f;
    int64_t model_id[MODELS];
};

static int history_make(void **state)
{
    static struct history h;
    struct network *second = network_called("first", 2);
    int64_t since_s;

    fixture_make(&h.f);
    h.f.net->version = 1;
    second->version = 2;
    assert_int_equal(metrics_add_model(h.f.db, h.f.net, NOW, &h.model_id[0], &since_s),
                     ST_OK);
    assert_int_equal(metrics_add_model(h.f.db, second, NOW, &h.model_id[1], &since_s),
                     ST_OK);
    network_free(second);
    *state = &h;
    return 0;
}

static int history_free(void **state)
{
    struct history *h = *state;

    fixture_free(&h->f);
    return 0;
}

/* A different window for each time, model and generation. */
static struct metrics_window window_at(const struct history *h, int64_t at_s, unsigned m,
                                       uint64_t generation)
{
    unsigned seed = (unsigned)(at_s / 10 * 7 + m * 3 + (int64_t)generation);
    struct metrics_window w = {
        .model_id = h->model_id[m],
        .generation = generation,
        .window_s = at_s / METRICS_WINDOW_S * METRICS_WINDOW_S,
        .requests = 1 + seed % 5,
        .images = 2 + seed % 11,
        .labelled = seed % 3,
        .correct = seed % 2,
        .errors = seed % 4,
        .bits_read = seed % 1000,
        .read_pj = 0.5 * (seed % 64),
        .compute_pj = 0.25 * (seed % 32),
        .latency_sum_us = seed % 500,
        .latency_max_us = seed % 301,
    };

    w.latency[seed % (METRICS_LATENCY_EDGES + 1)] = w.requests;
    return w;
}

static void write_span(struct history *h, int64_t from_s, int64_t to_s, int64_t step_s,
                       uint64_t generation)
{
    for (int64_t at = from_s; at < to_s; at += step_s)
        for (unsigned m = 0; m < MODELS; m++) {
            struct metrics_window w = window_at(h, at, m, generation);
            struct metrics_batch batch = { .windows = &w, .n_windows = 1 };

            assert_int_equal(metrics_write(h->f.db, &batch), ST_OK);
        }
}

/* Every sum by model and hour, in one text; all values are exact in binary. */
#define SUMS                                                                             \
    "SELECT group_concat(x, ';') FROM (SELECT ts / 3600 || ',' || model_id || ',' ||"    \
    " generation || ',' || sum(requests) || ',' || sum(images) || ',' ||"                \
    " sum(labelled) || ',' || sum(correct) || ',' || sum(errors) || ',' ||"              \
    " sum(bits_read) || ',' || sum(read_pj) || ',' || sum(compute_pj) || ',' ||"         \
    " sum(latency_sum_us) || ',' || max(latency_max_us) || ',' || sum(le_10) || ',' ||"  \
    " sum(le_5000) || ',' || sum(le_1000000) || ',' || sum(le_inf) AS x"                 \
    " FROM w10 GROUP BY ts / 3600, model_id, generation)"

/* As the views tell them, by version. */
#define VERSION_SUMS                                                                     \
    "SELECT group_concat(x, ';') FROM (SELECT ts / 3600 || ',' || model || ',' ||"       \
    " version || ',' || sum(labelled) || ',' || sum(correct) || ',' ||"                  \
    " (SELECT sum(images) FROM v_requests AS r"                                          \
    "    WHERE r.ts / 3600 = a.ts / 3600 AND r.version = a.version) AS x"                \
    " FROM v_accuracy AS a GROUP BY ts / 3600, model, version)"

static char *text_of(const struct history *h, const char *sql)
{
    sqlite3_stmt *query;

    assert_int_equal(sqlite3_prepare_v2(h->f.reader, sql, -1, &query, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(query), SQLITE_ROW);
    char *text = strdup((const char *)sqlite3_column_text(query, 0));
    assert_int_equal(sqlite3_finalize(query), SQLITE_OK);
    assert_non_null(text);
    return text;
}

static unsigned widen_all(struct history *h, int64_t now_s)
{
    unsigned n = 0;
    bool more = true;

    for (; more; n++) {
        assert_int_equal(metrics_widen(h->f.db, now_s, &more), ST_OK);
        assert_true(n < 1000);
    }
    return n - 1;
}

static void old_windows_become_fewer_and_add_up_to_the_same(void **state)
{
    struct history *h = *state;

    write_span(h, TODAY - 91 * DAY_S, TODAY - 91 * DAY_S + 4000, 10, 1);
    write_span(h, TODAY - 8 * DAY_S, TODAY - 8 * DAY_S + 2000, 10, 1);
    write_span(h, TODAY - 8 * DAY_S + 1000, TODAY - 8 * DAY_S + 2000, 10, 2);
    write_span(h, TODAY - 6 * DAY_S, TODAY - 6 * DAY_S + 300, 10, 2);
    char *before = text_of(h, SUMS);

    assert_true(widen_all(h, TODAY) > 2);
    char *after = text_of(h, SUMS);
    assert_string_equal(after, before);
    /* 10 s within 7 days, 300 s within 90, one hour beyond: no other width anywhere. */
    assert_true(
        value(&h->f, "SELECT count(*) FROM w10 WHERE width_s NOT IN (10, 300, 3600)") ==
        0);
    char sql[200];
    (void)snprintf(
        sql, sizeof(sql),
        "SELECT count(*) FROM w10 WHERE width_s <> CASE WHEN ts < %lld THEN 3600"
        " WHEN ts < %lld THEN 300 ELSE 10 END OR ts %% width_s <> 0",
        (long long)((TODAY - 90 * DAY_S) / 3600 * 3600),
        (long long)((TODAY - 7 * DAY_S) / 300 * 300));
    assert_true(value(&h->f, sql) == 0);
    assert_true(value(&h->f, "SELECT count(*) FROM w10 WHERE width_s = 3600") <=
                2 * MODELS);
    assert_true(value(&h->f, "SELECT count(*) FROM w10 WHERE width_s = 300") <=
                (8 + 5) * MODELS);
    assert_true(value(&h->f, "SELECT count(*) FROM w10 WHERE width_s = 10") ==
                30 * MODELS);
    /* Views tell the width; there is nothing more to do. */
    assert_true(value(&h->f, "SELECT max(width_s) FROM v_latency") == 3600);
    assert_true(value(&h->f, "SELECT min(width_s) FROM v_requests") == 10);
    assert_int_equal(widen_all(h, TODAY), 0);
    free(before);
    free(after);
}

static void versions_stay_apart(void **state)
{
    struct history *h = *state;

    /* Become an hour; become 5 minutes; stay. */
    write_span(h, TODAY - 91 * DAY_S, TODAY - 91 * DAY_S + 3600, 10, 1);
    write_span(h, TODAY - 8 * DAY_S, TODAY - 8 * DAY_S + 3600, 10, 1);
    write_span(h, TODAY - DAY_S, TODAY - DAY_S + 100, 10, 1);
    char *before = text_of(h, VERSION_SUMS);

    assert_true(widen_all(h, TODAY) > 1);
    char *after = text_of(h, VERSION_SUMS);
    assert_string_equal(after, before);
    assert_true(value(&h->f, "SELECT count(*) FROM"
                             "  (SELECT DISTINCT width_s, version FROM v_accuracy)") ==
                3 * MODELS);
    /* What is compared tells them apart. */
    assert_true(value(&h->f, "SELECT sum(correct) FROM v_accuracy WHERE version = 1") !=
                value(&h->f, "SELECT sum(correct) FROM v_accuracy WHERE version = 2"));
    free(before);
    free(after);
}

static void windows_that_come_late_join_those_that_are_wide(void **state)
{
    struct history *h = *state;

    write_span(h, TODAY - 91 * DAY_S, TODAY - 91 * DAY_S + 4000, 10, 1);
    (void)widen_all(h, TODAY);
    /* The clock had been wrong: at the beginning of a wide window and in the middle. */
    write_span(h, (TODAY - 91 * DAY_S) / 3600 * 3600, TODAY - 91 * DAY_S + 5000, 700, 1);
    char *before = text_of(h, SUMS);
    (void)widen_all(h, TODAY);
    char *after = text_of(h, SUMS);

    assert_string_equal(after, before);
    assert_true(value(&h->f, "SELECT count(*) FROM w10 WHERE width_s <> 3600") == 0);
    free(before);
    free(after);
}

static void an_hour_at_a_time_and_nothing_young(void **state)
{
    struct history *h = *state;
    bool more;

    write_span(h, TODAY - 7 * DAY_S - 10800, TODAY - 7 * DAY_S + 600, 10, 1);
    assert_int_equal(metrics_widen(h->f.db, TODAY, &more), ST_OK);
    assert_true(more);
    /* At most the hour that the oldest lies in. */
    assert_true(value(&h->f, "SELECT sum(width_s = 300) FROM w10") <= 12 * MODELS);
    assert_true(value(&h->f, "SELECT sum(width_s = 10) FROM w10") >= 700 * MODELS);
    (void)widen_all(h, TODAY);
    char sql[120];
    (void)snprintf(sql, sizeof(sql), "SELECT max(width_s) FROM w10 WHERE ts >= %lld",
                   (long long)((TODAY - 7 * DAY_S) / 300 * 300));
    assert_true(value(&h->f, sql) == 10);
}

static void pages_are_given_back(void **state)
{
    struct history *h = *state;

    write_span(h, TODAY - 40 * DAY_S, TODAY - 40 * DAY_S + 30000, 10, 1);
    double before = value(&h->f, "SELECT page_count - 0 FROM pragma_page_count");
    (void)widen_all(h, TODAY);
    double free_pages = value(&h->f, "SELECT * FROM pragma_freelist_count");
    double after = value(&h->f, "SELECT page_count - 0 FROM pragma_page_count");

    assert_true(after < before / 4);
    assert_true(free_pages == 0);
}

static void without_memory_nothing_changes(void **state)
{
    struct history *h = *state;
    enum status st = ST_NOMEM;
    unsigned n_failed = 0;
    bool more;

    write_span(h, TODAY - 8 * DAY_S, TODAY - 8 * DAY_S + 3000, 10, 1);
    char *before = text_of(h, SUMS);
    for (sqlite3_int64 room = 512; st != ST_OK; room += 512) {
        (void)sqlite3_hard_heap_limit64(sqlite3_memory_used() + room);
        st = metrics_widen(h->f.db, TODAY, &more);
        (void)sqlite3_hard_heap_limit64(0);
        assert_true(st == ST_OK || st == ST_NOMEM || st == ST_IO);
        char *after = text_of(h, SUMS);
        assert_string_equal(after, before);
        free(after);
        if (st != ST_OK) {
            n_failed++;
            assert_true(value(&h->f, "SELECT count(*) FROM w10 WHERE width_s > 10") == 0);
        }
    }
    assert_true(n_failed > 5);
    free(before);
}

static void a_kill_leaves_one_step_or_the_other(void **state)
{
    struct history *h = *state;
    struct db_opened opened;
    char why[ERR_LEN];
    unsigned seed = 1;

    write_span(h, TODAY - 92 * DAY_S, TODAY - 92 * DAY_S + 20000, 10, 1);
    char *before = text_of(h, SUMS);
    for (unsigned i = 0; i < 20; i++) {
        db_close(h->f.db);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            bool more = true;

            if (db_open(h->f.path, &h->f.db, &opened, why) != ST_OK)
                _exit(1);
            while (more && metrics_widen(h->f.db, TODAY, &more) == ST_OK)
                continue;
            (void)pause();
        }
        const struct timespec a_while = { .tv_nsec = (long)(rand_r(&seed) % 20000000) };
        (void)nanosleep(&a_while, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_int_equal(db_open(h->f.path, &h->f.db, &opened, why), ST_OK);
        char *after = text_of(h, SUMS);
        assert_string_equal(after, before);
        free(after);
    }
    free(before);
}

int main(void)
{
#define WITH_HISTORY(test)                                                               \
    cmocka_unit_test_setup_teardown(test, history_make, history_free)
    const struct CMUnitTest tests[] = {
        WITH_HISTORY(old_windows_become_fewer_and_add_up_to_the_same),
        WITH_HISTORY(versions_stay_apart),
        WITH_HISTORY(windows_that_come_late_join_those_that_are_wide),
        WITH_HISTORY(an_hour_at_a_time_and_nothing_young),
        WITH_HISTORY(pages_are_given_back),
        WITH_HISTORY(without_memory_nothing_changes),
        WITH_HISTORY(a_kill_leaves_one_step_or_the_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
