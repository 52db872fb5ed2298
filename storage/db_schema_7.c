/* SPDX-License-Identifier: Apache-2.0 */
/* Version 7: a network that gets another number is another row of model. So whatever
 * names a model, windows above all, names a version that stays. */
#include "storage/db_schema.h"

/* The table is made anew, since one of its constraints has to go. What refers to it is
 * looked at when the transaction ends. */
static const char models[] = "DROP VIEW v_accuracy;"
                             "DROP VIEW v_energy;"
                             "DROP VIEW v_requests;"
                             "DROP VIEW v_latency;"
                             "DROP VIEW v_energy_ledger;"

                             "PRAGMA defer_foreign_keys = ON;"
                             "CREATE TEMP TABLE model_before AS SELECT * FROM model;"
                             "DROP TABLE model;"
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
                             "  version INTEGER,"
                             "  UNIQUE (name, checksum, version)"
                             ") STRICT;"
                             "INSERT INTO model SELECT * FROM model_before;"
                             "DROP TABLE model_before;";

/* A row had the last number of its network. An event tells when a network was first sent
 * with it, just after its array was programmed. What is older had another number, and
 * nobody knows which. The ledger has no time: it stays with the last. */
static const char older_versions[] =
    "CREATE TEMP TABLE numbered AS"
    "  SELECT id, coalesce((SELECT max(o.ts) FROM operating_point AS o"
    "                         WHERE o.model_id = sent.id AND o.cause = 'program'"
    "                           AND o.ts <= sent.ts), ts) AS ts"
    "    FROM (SELECT m.id AS id, min(e.ts) AS ts"
    "            FROM model AS m JOIN event AS e ON e.model_id = m.id"
    "            WHERE e.kind = 'model'"
    "              AND e.message LIKE 'uploaded: version ' || m.version || ',%'"
    "            GROUP BY m.id) AS sent;"
    "INSERT INTO model (name, checksum, description, cells, classes, test_correct,"
    "                   test_total, created_ts)"
    "  SELECT m.name, m.checksum, m.description, m.cells, m.classes, m.test_correct,"
    "         m.test_total, m.created_ts"
    "    FROM model AS m JOIN numbered AS n ON n.id = m.id"
    "    WHERE EXISTS (SELECT 1 FROM operating_point AS o"
    "                    WHERE o.model_id = n.id AND o.ts < n.ts)"
    "       OR EXISTS (SELECT 1 FROM w10 AS w"
    "                    WHERE w.model_id = n.id AND w.ts + w.width_s <= n.ts);"
    "CREATE TEMP TABLE older AS"
    "  SELECT n.id AS numbered_id, n.ts AS ts, o.id AS id"
    "    FROM numbered AS n JOIN model AS m ON m.id = n.id"
    "    JOIN model AS o"
    "      ON o.name = m.name AND o.checksum = m.checksum AND o.version IS NULL;"
    "UPDATE operating_point SET model_id = older.id FROM older"
    "  WHERE model_id = older.numbered_id AND operating_point.ts < older.ts;"
    "UPDATE w10 SET model_id = older.id FROM older"
    "  WHERE model_id = older.numbered_id AND w10.ts + width_s <= older.ts;"
    "UPDATE event SET model_id = older.id FROM older"
    "  WHERE model_id = older.numbered_id AND event.ts < older.ts;"
    "UPDATE inference_context SET model_id = older.id FROM older"
    "  WHERE model_id = older.numbered_id AND used_ts < older.ts;"
    "DROP TABLE older;"
    "DROP TABLE numbered;";

#define OF_VERSIONS " FROM w10 AS w JOIN model AS m ON m.id = w.model_id"
#define BY_VERSION  " GROUP BY w.ts, m.name, m.version"

static const char windows[] =
    "CREATE VIEW v_accuracy (ts, model, accuracy, labelled, correct, width_s, version) AS"
    "  SELECT w.ts, m.name, sum(w.correct) * 1.0 / sum(w.labelled), sum(w.labelled),"
    "         sum(w.correct), max(w.width_s), m.version" OF_VERSIONS
    "    WHERE w.labelled > 0" BY_VERSION ";"

    /* 1 J = 1e12 pJ. */
    "CREATE VIEW v_energy (ts, model, read_j, compute_j, write_j, pj_per_image, width_s,"
    "    version) AS"
    "  SELECT w.ts, m.name, sum(w.read_pj) * 1e-12, sum(w.compute_pj) * 1e-12,"
    "         sum(w.write_pj) * 1e-12,"
    "         CASE WHEN sum(w.images) > 0"
    "              THEN (sum(w.read_pj) + sum(w.compute_pj)) / sum(w.images) END,"
    "         max(w.width_s), m.version" OF_VERSIONS BY_VERSION ";"

    "CREATE VIEW v_requests (ts, model, requests, images, errors, width_s, version) AS"
    "  SELECT w.ts, m.name, sum(w.requests), sum(w.images), sum(w.errors),"
    "         max(w.width_s), m.version" OF_VERSIONS BY_VERSION ";";

static void append_latency_view(sqlite3_str *sql)
{
    sqlite3_str_appendall(
        sql, "CREATE VIEW v_latency"
             "    (ts, model, p50_us, p95_us, p99_us, mean_us, max_us, width_s, version)"
             "  AS SELECT ts, model");
    db_schema_append_latencies(sql);
    sqlite3_str_appendall(sql, ", max_us, width_s, version FROM (SELECT w.ts AS ts,"
                               " m.name AS model, m.version AS version,"
                               " max(w.width_s) AS width_s");
    db_schema_append_latency_sums(sql);
    sqlite3_str_appendall(sql, OF_VERSIONS " WHERE w.le_inf > 0" BY_VERSION ");");
}

int db_schema_to_version_7(sqlite3 *handle)
{
    sqlite3_str *sql = sqlite3_str_new(handle);

    sqlite3_str_appendall(sql, models);
    sqlite3_str_appendall(sql, older_versions);
    sqlite3_str_appendall(sql, windows);
    append_latency_view(sql);
    db_schema_append_ledger_view(sql, ", version", ", m.version");
    return db_schema_run(handle, sql);
}
