/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/db.h"

#include "tests/lib/fault.h"
#include "tests/lib/scratch.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include <cmocka.h>

/* -- Helpers -- */

static struct db *must_open(const char *path, struct db_opened *ret_opened)
{
    struct db *db = NULL;
    char why[ERR_LEN];
    enum status st = db_open(path, &db, ret_opened, why);

    if (st != ST_OK)
        print_error("%s\n", why);
    assert_int_equal(st, ST_OK);
    return db;
}

/* Runs SQL on a connection of its own; the integer of the first row, -1 without one. */
static int64_t sql(const char *path, const char *text)
{
    sqlite3 *handle;
    sqlite3_stmt *query;
    int64_t value = -1;

    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, text, -1, &query, NULL), SQLITE_OK);
    int rc = sqlite3_step(query);
    if (rc == SQLITE_ROW)
        value = sqlite3_column_int64(query, 0);
    assert_true(rc == SQLITE_ROW || rc == SQLITE_DONE);
    assert_int_equal(sqlite3_finalize(query), SQLITE_OK);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
    return value;
}

static bool exists(const char *path, const char *ending)
{
    char full[ERR_LEN + 16];

    (void)snprintf(full, sizeof(full), "%s%s", path, ending);
    return access(full, F_OK) == 0;
}

static unsigned count_files(const char *folder)
{
    DIR *dir = opendir(folder);
    unsigned n = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        n++;
    (void)closedir(dir);
    return n - 2; /* . and .. */
}

/* A child that opens the database and ends without closing it. */
static pid_t open_in_child(const char *path)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct db *db;
        struct db_opened opened;
        char why[ERR_LEN];

        _exit(db_open(path, &db, &opened, why) == ST_OK ? 0 : 1);
    }
    return child;
}

static void open_and_die(const char *path)
{
    int wait_status;
    pid_t child = open_in_child(path);

    assert_int_equal(waitpid(child, &wait_status, 0), child);
    assert_true(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0);
}

/* -- Opening and closing -- */

static void a_new_database_says_whose_it_is(void **state)
{
    (void)state;
    struct scratch scratch;
    struct db_opened opened;
    struct stat info;

    scratch_make(&scratch);
    const char *path = scratch_path(&scratch, "m.db");
    struct db *db = must_open(path, &opened);
    assert_true(opened.created);
    assert_false(opened.unclean);
    assert_string_equal(opened.set_aside, "");
    assert_int_equal(sql(path, "PRAGMA application_id"), 0x73706e62);
    assert_int_equal(sql(path, "PRAGMA user_version"), DB_SCHEMA_VERSION);
    assert_int_equal(sql(path, "PRAGMA auto_vacuum"), 2);
    assert_int_equal(sql(path, "SELECT count(*) FROM pragma_journal_mode"
                               " WHERE journal_mode = 'wal'"),
                     1);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0137, 0);
    db_close(db);
    db_close(NULL);
    scratch_remove(&scratch);
}

static void every_table_is_strict_and_every_view_is_there(void **state)
{
    (void)state;
    struct scratch scratch;
    struct db_opened opened;

    scratch_make(&scratch);
    const char *path = scratch_path(&scratch, "m.db");
    db_close(must_open(path, &opened));
    assert_int_equal(sql(path, "SELECT count(*) FROM pragma_table_list"
                               " WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                               "   AND strict = 0"),
                     0);
    assert_int_equal(sql(path, "SELECT count(*) FROM pragma_table_list WHERE name IN"
                               " ('v_accuracy', 'v_error_rate', 'v_energy', 'v_latency',"
                               "  'v_operating_point', 'v_operating_point_layer',"
                               "  'v_energy_ledger', 'v_events', 'v_requests',"
                               "  'v_inference')"
                               "  AND type = 'view'"),
                     10);
    scratch_remove(&scratch);
}

static void a_closed_database_is_one_plain_file(void **state)
{
    (void)state;
    struct scratch scratch;
    struct db_opened opened;
    size_t len;

    scratch_make(&scratch);
    const char *path = scratch_path(&scratch, "m.db");
    db_close(must_open(path, &opened));
    assert_int_equal(count_files(scratch.dir), 1);
    uint8_t *bytes = scratch_read(path, &len);
    /* Write and read version of the file format: 1 is a rollback journal, 2 is WAL, which
     * a reader without write permission cannot open alone. */
    assert_int_equal(bytes[18], 1);
    assert_int_equal(bytes[19], 1);
    free(bytes);

    db_close(must_open(path, &opened));
    assert_false(opened.created);
    assert_false(opened.unclean);
    assert_int_equal(count_files(scratch.dir), 1);
    scratch_remove(&scratch);
}

static void an_empty_file_becomes_a_database(void **state)
{
    (void)state;
    struct scratch scratch;
    struct db_opened opened;

    scratch_make(&scratch);
    db_close(must_open(scratch_file(&scratch, "m.db", "", 0), &opened));
    assert_true(opened.created);
    assert_string_equal(opened.set_aside, "");
    scratch_remove(&scratch);
}

static void a_writer_that_died_is_noticed(void **state)
{
    (void)state;
    struct scratch scratch;
    struct db_opened opened;

    scratch_make(&scratch);
    const char *path = scratch_path(&scratch, "m.db");
    for (unsigned i = 0; i < 3; i++) {
        open_and_die(path);
        struct db *db = must_open(path, &opened);
        assert_false(opened.created);
        assert_true(opened.unclean);
        assert_string_equal(opened.set_aside, "");
        db_close(db);
        db_close(must_open(path, &opened));
        assert_false(opened.unclean);
    }
    scratch_remove(&scratch);
}

/* A process that opens it, and is killed while it does, or soon after. */
static void open_and_be_killed(const char *path, unsigned *seed, int most_ns)
{
    int wait_status;
    pid_t child = open_in_child(path);

    struct timespec pause = { .tv_nsec = rand_r(seed) % most_ns };
    assert_int_equal(nanosleep(&pause, NULL), 0);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &wait_status, 0), child);
}

static void a_death_while_the_file_is_made_does_no_harm(void **state)
{
    (void)state;
    unsigned seed = 1;

    for (unsigned i = 0; i < 60; i++) {
        struct scratch scratch;
        struct db_opened opened;

        scratch_make(&scratch);
        const char *path = scratch_path(&scratch, "m.db");
        open_and_be_killed(path, &seed, 20000000);
        db_close(must_open(path, &opened));
        assert_string_equal(opened.set_aside, "");
        assert_true(opened.created != opened.unclean);
        assert_int_equal(
            sql(path, "SELECT count(*) FROM pragma_table_list WHERE type = 'view'"), 11);
        scratch_remove(&scratch);
    }
}

static void a_place_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    struct scratch scratch;
    struct db *db = NULL;
    struct db_opened opened;
    char why[ERR_LEN];

    scratch_make(&scratch);
    assert_int_equal(db_open("/nowhere/m.db", &db, &opened, why), ST_IO);
    assert_memory_equal(why, "/nowhere/m.db: ", 15);
    assert_int_equal(db_open(scratch.dir, &db, &opened, why), ST_IO);
    assert_null(db);
    scratch_remove(&scratch);
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    struct scratch scratch;
    struct db *db = NULL;
    struct db_opened opened;
    char why[ERR_LEN];
    enum status st = ST_NOMEM;

    scratch_make(&scratch);
    const char *path = scratch_path(&scratch, "m.db");
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = db_open(path, &db, &opened, why);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && db == NULL));
    }
    db_close(db);
    scratch_remove(&scratch);
}

/* -- An older schema -- */

/* A database as an older version left it, from its text. */
static const char *make_from(struct scratch *scratch, const char *text_path)
{
    sqlite3 *handle;
    size_t len;
    uint8_t *bytes = scratch_read(text_path, &len);
    char *text = malloc(len + 1);
    const char *path = scratch_path(scratch, "m.db");

    assert_non_null(text);
    memcpy(text, bytes, len);
    text[len] = '\0';
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
    free(text);
    free(bytes);
    return path;
}

static const char *make_version_1(struct scratch *scratch)
{
    return make_from(scratch, TEST_DATA_DIR "/schema-1.sql");
}

static const char *make_version_6(struct scratch *scratch)
{
    return make_from(scratch, TEST_DATA_DIR "/schema-6.sql");
}

/* Each holds for one row. */
static void assert_each_once(const char *path, const char *const *conditions, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        char text[2048];

        (void)snprintf(text, sizeof(text), "SELECT count(*) FROM %s", conditions[c]);
        if (sql(path, text) != 1)
            print_error("%s\n", text);
        assert_int_equal(sql(path, text), 1);
    }
}

static void assert_sound(const char *path)
{
    assert_int_equal(sql(path, "SELECT count(*) FROM pragma_integrity_check"
                               " WHERE integrity_check = 'ok'"),
                     1);
    assert_int_equal(sql(path, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

static void version_1_comes_along_with_all_its_rows(void **state)
{
    (void)state;
    static const char *const conditions[] = {
        /* As they were, */
        "v_operating_point WHERE generation = 1 AND ts = 1600000000"
        " AND until_ts = 1600000010 AND model = 'first' AND mode = 'device'"
        " AND program_over = 'present' AND seed = 1 AND temperature_k = 300.0"
        " AND pulse_ns = 10.0 AND write_voltage_p2ap_v = 0.8 AND bit_error_rate IS NULL"
        " AND write_voltage_ap2p_v = 0.6 AND target_write_error_rate = 1e-9"
        " AND predicted_wrong_bits = 0.25 AND predicted_energy_pj = 40.0 AND cells = 81"
        " AND wrong_bits = 4 AND abs(stored_bit_error_rate - 4.0 / 81) < 1e-12"
        " AND errors_p2ap = 2 AND errors_ap2p = 2 AND toggles = 35 AND energy_pj = 38.0"
        " AND duration_ms = 1.5 AND images = 5 AND labelled = 4 AND accuracy = 0.75",
        /* and what is known of what was not recorded. */
        "v_operating_point WHERE generation = 1 AND cause = 'program' AND device IS NULL"
        " AND age_s = 0.0 AND ecc = 'none' AND cell = '1t1r' AND polarity = 'none'"
        " AND verify_retries = 0 AND weights = 81 AND cell_errors = 4 AND failures = 4"
        " AND retries = 0 AND stuck_errors = 0 AND words = 0"
        " AND energy_toggle_pj IS NULL AND bit_error_rate_to_ap IS NULL",
        "v_operating_point WHERE generation = 2 AND mode = 'iid' AND wrong_bits = 3"
        " AND bit_error_rate = 0.03 AND bit_error_rate_to_ap = 0.03"
        " AND verify_retries IS NULL AND failures IS NULL AND energy_pj IS NULL",
        "v_operating_point_layer WHERE generation = 1 AND layer = 0 AND name = 'layer0'"
        " AND mode = 'device' AND temperature_k = 300.0 AND pulse_ns = 10.0"
        " AND write_voltage_p2ap_v = 0.8 AND predicted_write_error_rate = 1e-9"
        " AND predicted_wrong_bits IS NULL AND weights = 54 AND wrong_bits = 3"
        " AND cell_errors = 3 AND toggles = 30 AND energy_pj = 30.0 AND cell = '1t1r'",
        "v_operating_point_layer WHERE generation = 2 AND layer = 1 AND mode = 'iid'"
        " AND bit_error_rate_to_ap = 0.03 AND wrong_bits = 0 AND weights = 27",
        "v_error_rate WHERE kind = 'stored' AND ts = 1600000000 AND wrong_bits = 4"
        " AND cells = 81",
        "v_error_rate WHERE kind = 'p2ap' AND wrong_bits = 2 AND cells = 15",
        "v_error_rate WHERE kind = 'stored' AND ts = 1600000010 AND wrong_bits = 3",
        "v_accuracy WHERE accuracy = 0.75",
        "v_energy WHERE abs(write_j - 38e-12) < 1e-20",
        "v_latency WHERE max_us = 400.0",
        "v_events WHERE message = 'hello'",
        "model WHERE id = 1 AND description = 'digits'",
    };
    struct scratch scratch;
    struct db_opened opened;

    scratch_make(&scratch);
    const char *path = make_version_1(&scratch);
    for (unsigned i = 0; i < 2; i++) { /* once more changes nothing */
        db_close(must_open(path, &opened));
        assert_false(opened.created || opened.unclean);
        assert_string_equal(opened.set_aside, "");
        assert_int_equal(sql(path, "PRAGMA user_version"), DB_SCHEMA_VERSION);
        assert_each_once(path, conditions, sizeof(conditions) / sizeof(conditions[0]));
        assert_int_equal(sql(path, "SELECT count(*) FROM operating_point_layer"), 4);
        assert_int_equal(sql(path, "SELECT count(*) FROM v_energy_ledger"), 0);
        assert_sound(path);
    }
    scratch_remove(&scratch);
}

/* One network was version 1, then another came as version 2, then the first again as
 * version 3: its row said 3 of all that it had ever answered. */
static void versions_of_schema_6_are_those_that_are_known(void **state)
{
    (void)state;
    static const char *const conditions[] = {
        "v_accuracy WHERE model = 'net' AND version = 3 AND ts = 1600000030"
        " AND labelled = 2 AND correct = 1",
        "v_accuracy WHERE model = 'net' AND version = 2 AND labelled = 5 AND correct = 5",
        "v_accuracy WHERE model = 'net' AND version IS NULL AND ts = 1600000000"
        " AND labelled = 4 AND correct = 3",
        /* Gone before there were versions. */
        "v_accuracy WHERE model = 'net' AND version IS NULL AND ts = 1599999000"
        " AND labelled = 7",
        /* What was written for version 3 is version 3's, before it answered. */
        "v_requests WHERE ts = 1600000020 AND version = 3 AND requests = 0",
        "v_energy WHERE ts = 1600000020 AND version = 3 AND write_j > 0",
        "v_latency WHERE ts = 1600000000 AND version IS NULL AND max_us = 48.579",
        "v_operating_point WHERE generation = 1 AND version IS NULL AND images = 4",
        "v_operating_point WHERE generation = 2 AND version = 2 AND images = 5",
        "v_operating_point WHERE generation = 3 AND version = 3 AND images = 2",
        "v_events WHERE message LIKE '%version 1,%' AND version IS NULL",
        "v_events WHERE message LIKE '%version 3,%' AND version = 3",
        "v_inference WHERE generation = 1 AND version IS NULL AND id = 4",
        "v_inference WHERE generation = 3 AND version = 3 AND id = 11",
        "model WHERE id = 1 AND version = 3",
        "model WHERE id = 3 AND version IS NULL",
        "v_energy_ledger WHERE version = 3 AND layer = 0 AND kind = 'toggle'"
        " AND abs(joules - 100.33291e-12) < 1e-17",
    };
    struct scratch scratch;
    struct db_opened opened;

    scratch_make(&scratch);
    const char *path = make_version_6(&scratch);
    for (unsigned i = 0; i < 2; i++) {
        db_close(must_open(path, &opened));
        assert_false(opened.created || opened.unclean);
        assert_each_once(path, conditions, sizeof(conditions) / sizeof(conditions[0]));
        assert_int_equal(sql(path, "SELECT count(*) FROM model"), 4);
        assert_int_equal(sql(path, "SELECT sum(requests) FROM v_requests"), 18);
        assert_int_equal(sql(path, "SELECT count(*) FROM v_inference"), 11);
        assert_sound(path);
    }
    scratch_remove(&scratch);
}

/* Everything that a database says about its schema. */
static char *schema_of(const char *path)
{
    sqlite3 *handle;
    sqlite3_stmt *query;
    char *text = NULL;

    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(
            handle,
            "SELECT group_concat(x, char(10)) FROM (SELECT m.type || ' ' || m.name || ' '"
            "    || coalesce(c.name || ' ' || c.type || c.\"notnull\" || c.pk, '') AS x"
            "  FROM sqlite_schema AS m LEFT JOIN pragma_table_info(m.name) AS c"
            "  ORDER BY m.type, m.name, c.cid)",
            -1, &query, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(query), SQLITE_ROW);
    text = strdup((const char *)sqlite3_column_text(query, 0));
    assert_int_equal(sqlite3_finalize(query), SQLITE_OK);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
    assert_non_null(text);
    return text;
}

static void an_old_database_and_a_new_one_have_one_schema(void **state)
{
    (void)state;
    struct scratch scratch;
    struct db_opened opened;

    scratch_make(&scratch);
    db_close(must_open(make_version_1(&scratch), &opened));
    char *migrated = schema_of(scratch.path);
    db_close(must_open(scratch_path(&scratch, "new.db"), &opened));
    char *created = schema_of(scratch.path);
    assert_string_equal(migrated, created);
    free(migrated);
    assert_int_equal(unlink(scratch_path(&scratch, "m.db")), 0);
    db_close(must_open(make_version_6(&scratch), &opened));
    migrated = schema_of(scratch.path);
    assert_string_equal(migrated, created);
    free(migrated);
    free(created);
    scratch_remove(&scratch);
}

static void a_death_while_the_schema_changes_does_no_harm(void **state)
{
    (void)state;
    unsigned seed = 1;

    for (unsigned i = 0; i < 40; i++) {
        struct scratch scratch;
        struct db_opened opened;

        scratch_make(&scratch);
        const char *path = make_version_1(&scratch);
        open_and_be_killed(path, &seed, 10000000);
        db_close(must_open(path, &opened));
        assert_string_equal(opened.set_aside, "");
        assert_int_equal(sql(path, "SELECT sum(weights) FROM v_operating_point"), 162);
        scratch_remove(&scratch);
        scratch_make(&scratch);
        path = make_version_6(&scratch);
        open_and_be_killed(path, &seed, 10000000);
        db_close(must_open(path, &opened));
        assert_string_equal(opened.set_aside, "");
        assert_int_equal(sql(path, "SELECT sum(labelled) FROM v_accuracy"), 18);
        assert_sound(path);
        scratch_remove(&scratch);
    }
}

/* -- Other people's files -- */

/* Opening must refuse the file and leave every byte of it alone. */
static void assert_left_alone(struct scratch *scratch, const char *path)
{
    struct db *db = NULL;
    struct db_opened opened;
    char why[ERR_LEN];
    size_t len_before, len_after;
    uint8_t *before = scratch_read(path, &len_before);

    assert_int_equal(db_open(path, &db, &opened, why), ST_UNSUPPORTED);
    assert_null(db);
    assert_memory_equal(why, path, strlen(path));
    uint8_t *after = scratch_read(path, &len_after);
    assert_int_equal(len_before, len_after);
    assert_memory_equal(before, after, len_before);
    assert_int_equal(count_files(scratch->dir), 1);
    free(before);
    free(after);
}

static void a_newer_schema_is_left_alone(void **state)
{
    (void)state;
    struct scratch scratch;
    struct db_opened opened;

    scratch_make(&scratch);
    const char *path = scratch_path(&scratch, "m.db");
    db_close(must_open(path, &opened));
    (void)sql(path, "PRAGMA user_version = 1000");
    assert_left_alone(&scratch, path);
    scratch_remove(&scratch);
}

static void the_database_of_another_program_is_left_alone(void **state)
{
    (void)state;
    struct scratch scratch;

    scratch_make(&scratch);
    const char *path = scratch_path(&scratch, "m.db");
    (void)sql(path, "CREATE TABLE theirs (x)");
    assert_left_alone(&scratch, path);
    (void)sql(path, "PRAGMA application_id = 42");
    assert_left_alone(&scratch, path);
    (void)sql(path, "PRAGMA journal_mode = WAL");
    assert_left_alone(&scratch, path);
    scratch_remove(&scratch);
}

/* -- Corrupt files -- */

/* Opening must begin a new database and keep the old bytes under the new name. */
static void assert_set_aside(const char *path)
{
    struct db_opened opened;
    size_t len_before, len_after;
    uint8_t *before = scratch_read(path, &len_before);
    struct db *db = must_open(path, &opened);

    assert_int_not_equal(opened.set_aside[0], '\0');
    assert_non_null(strstr(opened.set_aside, "m.db.corrupt-"));
    uint8_t *after = scratch_read(opened.set_aside, &len_after);
    assert_int_equal(len_before, len_after);
    assert_memory_equal(before, after, len_before);
    db_close(db);
    assert_int_equal(sql(path, "SELECT count(*) FROM model"), 0);
    db_close(must_open(path, &opened));
    assert_string_equal(opened.set_aside, "");
    free(before);
    free(after);
}

static void bytes_that_are_no_database_are_set_aside(void **state)
{
    (void)state;
    struct scratch scratch;
    char junk[5000];

    scratch_make(&scratch);
    memset(junk, 'x', sizeof(junk));
    assert_set_aside(scratch_file(&scratch, "m.db", "hello", 5));
    assert_set_aside(scratch_file(&scratch, "m.db", junk, sizeof(junk)));
    /* Most likely in the same second: each keeps a name of its own. */
    assert_int_equal(count_files(scratch.dir), 3);
    scratch_remove(&scratch);
}

static void a_database_damaged_while_nobody_closed_it_is_set_aside(void **state)
{
    (void)state;
    struct scratch scratch;
    struct db_opened opened;
    size_t len;

    scratch_make(&scratch);
    const char *path = scratch_path(&scratch, "m.db");
    db_close(must_open(path, &opened));
    (void)sql(path, "INSERT INTO event (ts, severity, kind, message)"
                    " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                    "                          WHERE i < 2000)"
                    " SELECT i, 0, 'test', 'message ' || i FROM n");
    (void)sql(path, "UPDATE meta SET value = '0' WHERE key = 'clean'");
    uint8_t *bytes = scratch_read(path, &len);
    assert_true(len > 20 * 4096);
    /* Any page but the first, which would no longer be ours. */
    memset(bytes + len - 8 * 4096, 0x5a, 4096);
    scratch_file(&scratch, "m.db", bytes, len);
    free(bytes);
    assert_set_aside(path);
    scratch_remove(&scratch);
}

static void the_log_goes_aside_with_its_database(void **state)
{
    (void)state;
    struct scratch scratch;
    struct db_opened opened;
    size_t len;

    scratch_make(&scratch);
    const char *path = scratch_path(&scratch, "m.db");
    open_and_die(path);
    assert_true(exists(path, "-wal"));
    uint8_t *bytes = scratch_read(path, &len);
    memset(bytes + 100, 0xa5, len - 100); /* our header, and nothing behind it */
    scratch_file(&scratch, "m.db", bytes, len);
    free(bytes);
    struct db *db = must_open(path, &opened);
    assert_int_not_equal(opened.set_aside[0], '\0');
    assert_true(exists(opened.set_aside, ""));
    assert_true(exists(opened.set_aside, "-wal"));
    db_close(db);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_database_says_whose_it_is),
        cmocka_unit_test(every_table_is_strict_and_every_view_is_there),
        cmocka_unit_test(a_closed_database_is_one_plain_file),
        cmocka_unit_test(an_empty_file_becomes_a_database),
        cmocka_unit_test(a_writer_that_died_is_noticed),
        cmocka_unit_test(a_death_while_the_file_is_made_does_no_harm),
        cmocka_unit_test(a_place_that_cannot_be_written_is_an_error),
        cmocka_unit_test(without_memory_nothing_leaks),
        cmocka_unit_test(version_1_comes_along_with_all_its_rows),
        cmocka_unit_test(versions_of_schema_6_are_those_that_are_known),
        cmocka_unit_test(an_old_database_and_a_new_one_have_one_schema),
        cmocka_unit_test(a_death_while_the_schema_changes_does_no_harm),
        cmocka_unit_test(a_newer_schema_is_left_alone),
        cmocka_unit_test(the_database_of_another_program_is_left_alone),
        cmocka_unit_test(bytes_that_are_no_database_are_set_aside),
        cmocka_unit_test(a_database_damaged_while_nobody_closed_it_is_set_aside),
        cmocka_unit_test(the_log_goes_aside_with_its_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
