/* SPDX-License-Identifier: Apache-2.0 */
/* db_schema.h - the tables and views, one script per schema version. Internal to
 * storage/. */
#ifndef STORAGE_DB_SCHEMA_H
#define STORAGE_DB_SCHEMA_H

#include "core/status.h"

#include <stdbool.h>

#include <sqlite3.h>

/* In the file's header: "spnb". */
#define DB_APPLICATION_ID 0x73706e62

/* Room for the name of a latency column of w10: le_ and the bucket's upper edge in
 * microseconds, le_inf for the last. It counts what was no slower: cumulative, so that
 * sums of windows stay what they say. The edges are those of metrics.h; other edges are
 * other columns, and with them another schema version. */
#define DB_LATENCY_COLUMN_LEN 24
void db_schema_latency_column(unsigned bucket, char ret_name[DB_LATENCY_COLUMN_LEN]);

/* For v_latency and history.c, which adds up other spans of time: appends the sums of w10
 * (as w) that the percentiles need, with a comma before each, and, for the query around
 * that one, the columns p50_us, p95_us, p99_us and mean_us. One aggregate with nothing
 * but expressions around it lets SQLite carry a condition on ts down to the key of w10.
 */
void db_schema_append_latency_sums(sqlite3_str *sql);
void db_schema_append_latencies(sqlite3_str *sql);

/* Does the file carry our application_id? */
bool db_schema_is_ours(sqlite3 *handle);
/* Takes the schema from version `from` to DB_SCHEMA_VERSION in one transaction. Gives an
 * SQLite result code. */
int db_schema_migrate(sqlite3 *handle, int from);
/* Version 2's part of a new database: what its columns add to the lists of those of
 * operating_point and operating_point_layer, a comma before each; its views and the
 * ledger. */
extern const char db_schema_point_columns_2[], db_schema_layer_columns_2[];
void db_schema_append_version_2(sqlite3_str *sql);
/* Its steps, inside that transaction, in files of their own. */
int db_schema_to_version_2(sqlite3 *handle);
int db_schema_to_version_3(sqlite3 *handle);
int db_schema_to_version_4(sqlite3 *handle);
int db_schema_to_version_5(sqlite3 *handle);
int db_schema_to_version_6(sqlite3 *handle);
int db_schema_to_version_7(sqlite3 *handle);
/* For steps that add a column to the views of generations: appends v_error_rate,
 * v_operating_point and v_operating_point_layer, with `name` behind the names of their
 * columns and `value`, of the model m, behind their values; "" or with a comma before. */
void db_schema_append_points(sqlite3_str *sql, const char *name, const char *value);
/* v_operating_point alone. `until`: the SQL of until_ts, of operating_point as o and
 * model as m. */
void db_schema_append_operating_points(sqlite3_str *sql, const char *until,
                                       const char *name, const char *value);
/* v_energy_ledger, likewise. */
void db_schema_append_ledger_view(sqlite3_str *sql, const char *name, const char *value);
/* When the next generation of a model's came. */
#define DB_NEXT_TS "lead(o.ts) OVER (PARTITION BY m.name ORDER BY o.ts, o.id)"
/* Runs the script and frees it. */
int db_schema_run(sqlite3 *handle, sqlite3_str *sql);

#endif
