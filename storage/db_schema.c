/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/db_schema.h"

#include "storage/db.h"
#include "storage/metrics.h"

#include <stdio.h>

/* -- A new database -- */

/* It begins with version 2, and without those views that a later step replaces: every
 * column that is added to a table has SQLite read the whole schema again. */
static const char tables[] =
    "CREATE TABLE meta ("
    "  key TEXT PRIMARY KEY NOT NULL,"
    "  value TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE model ("
    "  id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL,"
    "  checksum INTEGER NOT NULL,"
    "  description TEXT NOT NULL,"
    "  cells INTEGER NOT NULL,"
    "  classes INTEGER NOT NULL,"
    "  test_correct INTEGER NOT NULL,"
    "  test_total INTEGER NOT NULL,"
    "  created_ts INTEGER NOT NULL,"
    "  UNIQUE (name, checksum)"
    ") STRICT;"

    "CREATE TABLE operating_point ("
    "  id INTEGER PRIMARY KEY,"
    "  ts INTEGER NOT NULL,"
    "  model_id INTEGER NOT NULL REFERENCES model (id),"
    "  generation INTEGER NOT NULL,"
    "  mode TEXT NOT NULL,"
    "  program_over TEXT,"
    "  seed INTEGER NOT NULL,"
    "  temperature_k REAL,"
    "  pulse_ns REAL,"
    "  write_voltage_p2ap_v REAL,"
    "  write_voltage_ap2p_v REAL,"
    "  target_write_error_rate REAL,"
    "  bit_error_rate REAL,"
    "  predicted_write_error_rate REAL,"
    "  predicted_wrong_bits REAL,"
    "  predicted_energy_pj REAL,"
    "  cells INTEGER NOT NULL,"
    "  wrong_bits INTEGER NOT NULL,"
    "  errors_p2ap INTEGER NOT NULL,"
    "  errors_ap2p INTEGER NOT NULL,"
    "  toggles_p2ap INTEGER NOT NULL,"
    "  toggles_ap2p INTEGER NOT NULL,"
    "  energy_pj REAL,"
    "  duration_ms REAL NOT NULL%s"
    ") STRICT;"
    "CREATE INDEX operating_point_by_time ON operating_point (ts);"
    "CREATE INDEX operating_point_by_model ON operating_point (model_id, ts);"

    "CREATE TABLE operating_point_layer ("
    "  operating_point_id INTEGER NOT NULL REFERENCES operating_point (id)"
    "    ON DELETE CASCADE,"
    "  layer INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  cells INTEGER NOT NULL,"
    "  wrong_bits INTEGER NOT NULL,"
    "  errors_p2ap INTEGER NOT NULL,"
    "  errors_ap2p INTEGER NOT NULL,"
    "  toggles_p2ap INTEGER NOT NULL,"
    "  toggles_ap2p INTEGER NOT NULL,"
    "  energy_pj REAL%s,"
    "  PRIMARY KEY (operating_point_id, layer)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE event ("
    "  id INTEGER PRIMARY KEY,"
    "  ts INTEGER NOT NULL,"
    "  severity INTEGER NOT NULL CHECK (severity BETWEEN 0 AND 2),"
    "  kind TEXT NOT NULL,"
    "  model_id INTEGER REFERENCES model (id),"
    "  message TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX event_by_time ON event (ts);";

void db_schema_latency_column(unsigned bucket, char ret_name[DB_LATENCY_COLUMN_LEN])
{
    if (bucket < METRICS_LATENCY_EDGES)
        (void)snprintf(ret_name, DB_LATENCY_COLUMN_LEN, "le_%.0f",
                       metrics_latency_edges_us[bucket]);
    else
        (void)snprintf(ret_name, DB_LATENCY_COLUMN_LEN, "le_inf");
}

static void append_windows(sqlite3_str *sql)
{
    char name[DB_LATENCY_COLUMN_LEN];

    sqlite3_str_appendall(sql, "CREATE TABLE w10 ("
                               "  ts INTEGER NOT NULL,"
                               "  model_id INTEGER NOT NULL REFERENCES model (id),"
                               "  generation INTEGER NOT NULL,"
                               "  requests INTEGER NOT NULL,"
                               "  images INTEGER NOT NULL,"
                               "  labelled INTEGER NOT NULL,"
                               "  correct INTEGER NOT NULL,"
                               "  errors INTEGER NOT NULL,"
                               "  bits_read INTEGER NOT NULL,"
                               "  read_pj REAL NOT NULL,"
                               "  compute_pj REAL NOT NULL,"
                               "  write_pj REAL NOT NULL,"
                               "  latency_sum_us REAL NOT NULL,"
                               "  latency_max_us REAL NOT NULL,");
    for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++) {
        db_schema_latency_column(b, name);
        sqlite3_str_appendf(sql, " %s INTEGER NOT NULL,", name);
    }
    sqlite3_str_appendall(sql, " PRIMARY KEY (ts, model_id, generation)"
                               ") STRICT, WITHOUT ROWID;");
}

/* The percentile q lies in the first bucket up to whose edge there are q x all requests;
 * inside it they are taken to be spread evenly. No bucket reaches beyond the maximum, and
 * none is upside down if the maximum is not true. */
static void append_percentile(sqlite3_str *sql, double q)
{
    char name[DB_LATENCY_COLUMN_LEN], before[DB_LATENCY_COLUMN_LEN] = "0";
    double low = 0.0;

    sqlite3_str_appendall(sql, ", CASE");
    for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++) {
        db_schema_latency_column(b, name);
        sqlite3_str_appendf(sql, " WHEN %s >= %g * le_inf THEN %.1f + (", name, q, low);
        if (b < METRICS_LATENCY_EDGES)
            sqlite3_str_appendf(sql, "max(%.1f, min(%.1f, max_us))", low,
                                metrics_latency_edges_us[b]);
        else
            sqlite3_str_appendf(sql, "max(%.1f, max_us)", low);
        sqlite3_str_appendf(sql, " - %.1f) * (%g * le_inf - %s) / (%s - %s)", low, q,
                            before, name, before);
        low = b < METRICS_LATENCY_EDGES ? metrics_latency_edges_us[b] : 0.0;
        (void)snprintf(before, sizeof(before), "%s", name);
    }
    sqlite3_str_appendall(sql, " END");
}

void db_schema_append_latencies(sqlite3_str *sql)
{
    append_percentile(sql, 0.50);
    append_percentile(sql, 0.95);
    append_percentile(sql, 0.99);
    sqlite3_str_appendall(sql, ", sum_us / le_inf");
}

void db_schema_append_latency_sums(sqlite3_str *sql)
{
    char name[DB_LATENCY_COLUMN_LEN];

    sqlite3_str_appendall(
        sql, ", sum(w.latency_sum_us) AS sum_us, max(w.latency_max_us) AS max_us");
    for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++) {
        db_schema_latency_column(b, name);
        sqlite3_str_appendf(sql, ", sum(w.%s) AS %s", name, name);
    }
}

static int make_version_2(sqlite3 *handle)
{
    sqlite3_str *sql = sqlite3_str_new(handle);

    sqlite3_str_appendf(sql, tables, db_schema_point_columns_2,
                        db_schema_layer_columns_2);
    append_windows(sql);
    db_schema_append_version_2(sql);
    return db_schema_run(handle, sql);
}

/* -- All versions -- */

bool db_schema_is_ours(sqlite3 *handle)
{
    sqlite3_stmt *query = NULL;
    bool ours = sqlite3_prepare_v2(handle, "PRAGMA application_id", -1, &query, NULL) ==
                    SQLITE_OK &&
                sqlite3_step(query) == SQLITE_ROW &&
                sqlite3_column_int(query, 0) == DB_APPLICATION_ID;

    (void)sqlite3_finalize(query); /* of a failure that is in `ours` */
    return ours;
}

int db_schema_run(sqlite3 *handle, sqlite3_str *sql)
{
    int rc = sqlite3_str_errcode(sql);
    char *text = sqlite3_str_finish(sql);

    if (rc == SQLITE_OK)
        rc = sqlite3_exec(handle, text, NULL, NULL, NULL);
    sqlite3_free(text);
    return rc;
}

/* steps[v] goes from version v to v + 1; steps[0], from nothing, to version 2. */
static int (*const steps[DB_SCHEMA_VERSION])(sqlite3 *handle) = {
    make_version_2,         db_schema_to_version_2, db_schema_to_version_3,
    db_schema_to_version_4, db_schema_to_version_5, db_schema_to_version_6,
    db_schema_to_version_7,
};

static int run_steps(sqlite3 *handle, int from)
{
    char mark[96];
    int rc = SQLITE_OK;

    for (int v = from; v < DB_SCHEMA_VERSION && rc == SQLITE_OK; v += v == 0 ? 2 : 1)
        rc = steps[v](handle);
    (void)snprintf(mark, sizeof(mark),
                   "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   DB_APPLICATION_ID, DB_SCHEMA_VERSION);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(handle, mark, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(handle, "COMMIT", NULL, NULL, NULL);
    return rc;
}

int db_schema_migrate(sqlite3 *handle, int from)
{
    if (from == DB_SCHEMA_VERSION)
        return SQLITE_OK;
    /* The mode of vacuum must be set before the first page is written, and that page must
     * not be committed without our identity on it: hence inside, and not IMMEDIATE. */
    const char *begin =
        from == 0 ? "BEGIN; PRAGMA auto_vacuum = INCREMENTAL" : "BEGIN IMMEDIATE";
    int rc = sqlite3_exec(handle, begin, NULL, NULL, NULL);
    /* After a failure the caller closes the connection, which rolls back. */
    return rc == SQLITE_OK ? run_steps(handle, from) : rc;
}
