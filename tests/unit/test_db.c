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

/* A child that opens the database and dies without closing it. */
static void open_and_die(const char *path)
{
    int wait_status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct db *db;
        struct db_opened opened;
        char why[ERR_LEN];

        _exit(db_open(path, &db, &opened, why) == ST_OK ? 0 : 1);
    }
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
                               "  'v_operating_point', 'v_events') AND type = 'view'"),
                     6);
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

static void a_death_while_the_file_is_made_does_no_harm(void **state)
{
    (void)state;
    unsigned seed = 1;

    for (unsigned i = 0; i < 60; i++) {
        struct scratch scratch;
        struct db_opened opened;
        int wait_status;

        scratch_make(&scratch);
        const char *path = scratch_path(&scratch, "m.db");
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct db *db;
            char why[ERR_LEN];

            _exit(db_open(path, &db, &opened, why) == ST_OK ? 0 : 1);
        }
        struct timespec pause = { .tv_nsec = rand_r(&seed) % 20000000 };
        assert_int_equal(nanosleep(&pause, NULL), 0);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &wait_status, 0), child);
        db_close(must_open(path, &opened));
        assert_string_equal(opened.set_aside, "");
        assert_true(opened.created != opened.unclean);
        assert_int_equal(
            sql(path, "SELECT count(*) FROM pragma_table_list WHERE type = 'view'"), 6);
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
        cmocka_unit_test(a_newer_schema_is_left_alone),
        cmocka_unit_test(the_database_of_another_program_is_left_alone),
        cmocka_unit_test(bytes_that_are_no_database_are_set_aside),
        cmocka_unit_test(a_database_damaged_while_nobody_closed_it_is_set_aside),
        cmocka_unit_test(the_log_goes_aside_with_its_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
