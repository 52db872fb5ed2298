/* SPDX-License-Identifier: Apache-2.0 */
/* Version 3: windows become wider as they grow old (metrics_widen), and say how wide they
 * are. Those of older versions are all of METRICS_WINDOW_S. */
#include "storage/db_schema.h"

#include "storage/metrics.h"

/* The index finds the oldest window of a width without a walk over all older ones. */
static const char table[] =
    "CREATE INDEX w10_by_width ON w10 (width_s, ts);"
    "DROP VIEW IF EXISTS v_accuracy;"
    "DROP VIEW IF EXISTS v_energy;"
    "DROP VIEW IF EXISTS v_latency;"

    "CREATE VIEW v_accuracy (ts, model, accuracy, labelled, correct, width_s) AS"
    "  SELECT w.ts, m.name, sum(w.correct) * 1.0 / sum(w.labelled), sum(w.labelled),"
    "         sum(w.correct), max(w.width_s)"
    "    FROM w10 AS w JOIN model AS m ON m.id = w.model_id"
    "    WHERE w.labelled > 0"
    "    GROUP BY w.ts, m.name;"

    /* 1 J = 1e12 pJ. */
    "CREATE VIEW v_energy (ts, model, read_j, compute_j, write_j, pj_per_image,"
    "    width_s) AS"
    "  SELECT w.ts, m.name, sum(w.read_pj) * 1e-12, sum(w.compute_pj) * 1e-12,"
    "         sum(w.write_pj) * 1e-12,"
    "         CASE WHEN sum(w.images) > 0"
    "              THEN (sum(w.read_pj) + sum(w.compute_pj)) / sum(w.images) END,"
    "         max(w.width_s)"
    "    FROM w10 AS w JOIN model AS m ON m.id = w.model_id"
    "    GROUP BY w.ts, m.name;"

    "CREATE VIEW v_requests (ts, model, requests, images, errors, width_s) AS"
    "  SELECT w.ts, m.name, sum(w.requests), sum(w.images), sum(w.errors),"
    "         max(w.width_s)"
    "    FROM w10 AS w JOIN model AS m ON m.id = w.model_id"
    "    GROUP BY w.ts, m.name;";

static void append_latency_view(sqlite3_str *sql)
{
    sqlite3_str_appendall(
        sql, "CREATE VIEW v_latency"
             "    (ts, model, p50_us, p95_us, p99_us, mean_us, max_us, width_s) AS"
             "  SELECT ts, model");
    db_schema_append_latencies(sql);
    sqlite3_str_appendall(sql, ", max_us, width_s FROM (SELECT w.ts AS ts,"
                               " m.name AS model, max(w.width_s) AS width_s");
    db_schema_append_latency_sums(sql);
    sqlite3_str_appendall(sql, " FROM w10 AS w JOIN model AS m ON m.id = w.model_id"
                               "  WHERE w.le_inf > 0"
                               "  GROUP BY w.ts, m.name);");
}

int db_schema_to_version_3(sqlite3 *handle)
{
    sqlite3_str *sql = sqlite3_str_new(handle);

    sqlite3_str_appendf(sql,
                        "ALTER TABLE w10 ADD COLUMN width_s INTEGER NOT NULL DEFAULT %d;",
                        METRICS_WINDOW_S);
    sqlite3_str_appendall(sql, table);
    append_latency_view(sql);
    return db_schema_run(handle, sql);
}
