/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/db_schema.h"

#include "storage/db.h"
#include "storage/metrics.h"

#include <stdio.h>

/* -- Version 1 -- */

static const char tables_1[] =
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
    "  duration_ms REAL NOT NULL"
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
    "  energy_pj REAL,"
    "  PRIMARY KEY (operating_point_id, layer)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE w10 ("
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
    "  latency_sum_us REAL NOT NULL,"
    "  latency_max_us REAL NOT NULL,"
    "  PRIMARY KEY (ts, model_id, generation)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE w10_latency ("
    "  ts INTEGER NOT NULL,"
    "  model_id INTEGER NOT NULL REFERENCES model (id),"
    "  generation INTEGER NOT NULL,"
    "  bucket INTEGER NOT NULL REFERENCES latency_bucket (bucket),"
    "  n INTEGER NOT NULL,"
    "  PRIMARY KEY (ts, model_id, generation, bucket)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE latency_bucket ("
    "  bucket INTEGER PRIMARY KEY,"
    "  lower_us REAL NOT NULL,"
    "  upper_us REAL"
    ") STRICT;"

    "CREATE TABLE event ("
    "  id INTEGER PRIMARY KEY,"
    "  ts INTEGER NOT NULL,"
    "  severity INTEGER NOT NULL CHECK (severity BETWEEN 0 AND 2),"
    "  kind TEXT NOT NULL,"
    "  model_id INTEGER REFERENCES model (id),"
    "  message TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX event_by_time ON event (ts);";

static const char views_1[] =
    "CREATE VIEW v_accuracy (ts, model, accuracy, labelled, correct) AS"
    "  SELECT w.ts, m.name, sum(w.correct) * 1.0 / sum(w.labelled), sum(w.labelled),"
    "         sum(w.correct)"
    "    FROM w10 AS w JOIN model AS m ON m.id = w.model_id"
    "    WHERE w.labelled > 0"
    "    GROUP BY w.ts, m.name;"

    /* A direction has a rate where cells had to toggle in it; iid has no directions. */
    "CREATE VIEW v_error_rate (ts, model, kind, bit_error_rate, wrong_bits, cells) AS"
    "  SELECT o.ts, m.name, 'stored', o.wrong_bits * 1.0 / o.cells, o.wrong_bits, o.cells"
    "    FROM operating_point AS o JOIN model AS m ON m.id = o.model_id"
    "    WHERE o.cells > 0"
    "  UNION ALL"
    "  SELECT o.ts, m.name, 'p2ap', o.errors_p2ap * 1.0 / o.toggles_p2ap, o.errors_p2ap,"
    "         o.toggles_p2ap"
    "    FROM operating_point AS o JOIN model AS m ON m.id = o.model_id"
    "    WHERE o.toggles_p2ap > 0 AND o.mode <> 'iid'"
    "  UNION ALL"
    "  SELECT o.ts, m.name, 'ap2p', o.errors_ap2p * 1.0 / o.toggles_ap2p, o.errors_ap2p,"
    "         o.toggles_ap2p"
    "    FROM operating_point AS o JOIN model AS m ON m.id = o.model_id"
    "    WHERE o.toggles_ap2p > 0 AND o.mode <> 'iid';"

    /* 1 J = 1e12 pJ. Programmings fall into the window that their second lies in. */
    "CREATE VIEW v_energy (ts, model, read_j, compute_j, write_j, pj_per_image) AS"
    "  SELECT e.ts, m.name, sum(e.read_pj) * 1e-12, sum(e.compute_pj) * 1e-12,"
    "         sum(e.write_pj) * 1e-12,"
    "         CASE WHEN sum(e.images) > 0"
    "              THEN (sum(e.read_pj) + sum(e.compute_pj)) / sum(e.images) END"
    "    FROM (SELECT ts, model_id, read_pj, compute_pj, 0.0 AS write_pj, images FROM w10"
    "          UNION ALL"
    "          SELECT ts / 10 * 10, model_id, 0.0, 0.0, coalesce(energy_pj, 0.0), 0"
    "            FROM operating_point) AS e"
    "    JOIN model AS m ON m.id = e.model_id"
    "    GROUP BY e.ts, m.name;"

    /* The percentile q lies in the bucket where the running count passes q x total;
     * inside it counts are taken to be spread evenly. No bucket reaches beyond the
     * maximum. */
    "CREATE VIEW v_latency (ts, model, p50_us, p95_us, p99_us, mean_us, max_us) AS"
    "  WITH whole AS"
    "    (SELECT w.ts AS ts, m.name AS model, sum(w.latency_sum_us) AS sum_us,"
    "            max(w.latency_max_us) AS max_us"
    "       FROM w10 AS w JOIN model AS m ON m.id = w.model_id"
    "       GROUP BY w.ts, m.name),"
    "  part AS"
    "    (SELECT l.ts AS ts, m.name AS model, l.bucket AS bucket, sum(l.n) AS n"
    "       FROM w10_latency AS l JOIN model AS m ON m.id = l.model_id"
    "       GROUP BY l.ts, m.name, l.bucket),"
    "  running AS"
    "    (SELECT ts, model, bucket, n,"
    "            sum(n) OVER (PARTITION BY ts, model ORDER BY bucket) - n AS below,"
    "            sum(n) OVER (PARTITION BY ts, model) AS total"
    "       FROM part),"
    "  placed AS"
    "    (SELECT r.ts AS ts, r.model AS model, r.n AS n, r.below AS below,"
    "            r.total AS total, whole.sum_us AS sum_us, whole.max_us AS max_us,"
    "            b.lower_us AS low,"
    "            max(b.lower_us, min(coalesce(b.upper_us, whole.max_us), whole.max_us))"
    "              AS high"
    "       FROM running AS r"
    "       JOIN whole ON whole.ts = r.ts AND whole.model = r.model"
    "       JOIN latency_bucket AS b ON b.bucket = r.bucket)"
    "  SELECT ts, model,"
    "    max(CASE WHEN below < 0.50 * total AND below + n >= 0.50 * total"
    "             THEN low + (high - low) * (0.50 * total - below) / n END),"
    "    max(CASE WHEN below < 0.95 * total AND below + n >= 0.95 * total"
    "             THEN low + (high - low) * (0.95 * total - below) / n END),"
    "    max(CASE WHEN below < 0.99 * total AND below + n >= 0.99 * total"
    "             THEN low + (high - low) * (0.99 * total - below) / n END),"
    "    max(sum_us) / max(total), max(max_us)"
    "    FROM placed GROUP BY ts, model;"

    "CREATE VIEW v_operating_point (ts, until_ts, model, generation, mode, program_over,"
    "    seed, temperature_k, pulse_ns, write_voltage_p2ap_v, write_voltage_ap2p_v,"
    "    target_write_error_rate, bit_error_rate, predicted_write_error_rate,"
    "    predicted_wrong_bits, predicted_energy_pj, cells, wrong_bits,"
    "    stored_bit_error_rate, errors_p2ap, errors_ap2p, toggles, energy_pj,"
    "    duration_ms) AS"
    "  SELECT o.ts, lead(o.ts) OVER (PARTITION BY m.name ORDER BY o.ts, o.id), m.name,"
    "         o.generation, o.mode, o.program_over, o.seed, o.temperature_k, o.pulse_ns,"
    "         o.write_voltage_p2ap_v, o.write_voltage_ap2p_v, o.target_write_error_rate,"
    "         o.bit_error_rate, o.predicted_write_error_rate, o.predicted_wrong_bits,"
    "         o.predicted_energy_pj, o.cells, o.wrong_bits,"
    "         CASE WHEN o.cells > 0 THEN o.wrong_bits * 1.0 / o.cells END, o.errors_p2ap,"
    "         o.errors_ap2p, o.toggles_p2ap + o.toggles_ap2p, o.energy_pj, o.duration_ms"
    "    FROM operating_point AS o JOIN model AS m ON m.id = o.model_id;"

    "CREATE VIEW v_events (ts, severity, kind, model, message) AS"
    "  SELECT e.ts,"
    "         CASE e.severity WHEN 0 THEN 'info' WHEN 1 THEN 'warning' ELSE 'error' END,"
    "         e.kind, m.name, e.message"
    "    FROM event AS e LEFT JOIN model AS m ON m.id = e.model_id;";

static int add_buckets(sqlite3 *handle)
{
    sqlite3_stmt *insert = NULL;
    int rc = sqlite3_prepare_v2(handle, "INSERT INTO latency_bucket VALUES (?1, ?2, ?3)",
                                -1, &insert, NULL);

    for (int i = 0; i <= METRICS_LATENCY_EDGES && rc == SQLITE_OK; i++) {
        (void)sqlite3_bind_int(insert, 1, i); /* the step fails if a binding is missing */
        (void)sqlite3_bind_double(insert, 2,
                                  i == 0 ? 0.0 : metrics_latency_edges_us[i - 1]);
        if (i < METRICS_LATENCY_EDGES)
            (void)sqlite3_bind_double(insert, 3, metrics_latency_edges_us[i]);
        else
            (void)sqlite3_bind_null(insert, 3);
        (void)sqlite3_step(insert); /* reset gives its result */
        rc = sqlite3_reset(insert);
    }
    (void)sqlite3_finalize(insert); /* of no error that is not in rc */
    return rc;
}

static int to_version_1(sqlite3 *handle)
{
    int rc = sqlite3_exec(handle, tables_1, NULL, NULL, NULL);

    if (rc == SQLITE_OK)
        rc = add_buckets(handle);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(handle, views_1, NULL, NULL, NULL);
    return rc;
}

/* -- All versions -- */

/* steps[v] goes from version v to v + 1. */
static int (*const steps[DB_SCHEMA_VERSION])(sqlite3 *handle) = { to_version_1 };

static int run_steps(sqlite3 *handle, int from)
{
    char mark[96];
    int rc = SQLITE_OK;

    for (int v = from; v < DB_SCHEMA_VERSION && rc == SQLITE_OK; v++)
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
