/* SPDX-License-Identifier: Apache-2.0 */
/* Version 6: a row a request, where that is wanted; generations that may go, and leave
 * their end in the one before. */
#include "storage/db_schema.h"

/* A row costs by its columns: what many rows have alike is a context, told once.
 *
 * Ids are in the order of writing, and so is time but for threads that end at the same
 * moment: a second and the rows in it are a run of ids. So a condition on ts finds its
 * rows without an index over all of them, which would cost a third of the row; a foreign
 * key, a tenth. */
static const char inferences[] =
    "CREATE TABLE inference_context ("
    "  id INTEGER PRIMARY KEY,"
    "  model_id INTEGER NOT NULL REFERENCES model (id),"
    "  generation INTEGER NOT NULL,"
    "  route INTEGER NOT NULL,"
    "  status INTEGER NOT NULL,"
    "  images INTEGER NOT NULL,"
    "  wrong_bits INTEGER NOT NULL,"
    "  energy_pj REAL NOT NULL,"
    "  used_ts INTEGER NOT NULL,"
    "  UNIQUE (model_id, generation, route, status, images, wrong_bits, energy_pj)"
    ") STRICT;"
    "CREATE INDEX inference_context_by_use ON inference_context (used_ts);"

    "CREATE TABLE inference ("
    "  id INTEGER PRIMARY KEY,"
    "  context_id INTEGER NOT NULL,"
    "  ms INTEGER NOT NULL,"
    "  request_id INTEGER NOT NULL,"
    "  predicted INTEGER,"
    "  label INTEGER,"
    "  labelled INTEGER NOT NULL,"
    "  correct INTEGER NOT NULL,"
    "  probability REAL,"
    "  margin REAL,"
    "  latency_us REAL NOT NULL"
    ") STRICT;"

    "CREATE TABLE inference_second ("
    "  first_id INTEGER PRIMARY KEY,"
    "  ts INTEGER NOT NULL,"
    "  n INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX inference_second_by_time ON inference_second (ts);"

    /* CROSS: never the other way round. */
    "CREATE VIEW v_inference (ts, ts_ms, id, request_id, model, generation, route, "
    "status,"
    "    images, predicted, label, labelled, correct, probability, margin, wrong_bits,"
    "    energy_pj, latency_us, version) AS"
    "  SELECT s.ts, s.ts * 1000 + i.ms, i.id, printf('%016x', i.request_id), m.name,"
    "         c.generation,"
    "         CASE c.route WHEN 0 THEN 'classify' ELSE 'infer' END,"
    "         c.status, c.images, i.predicted, i.label, i.labelled, i.correct,"
    "         i.probability, i.margin, c.wrong_bits, c.energy_pj, i.latency_us, m.version"
    "    FROM inference_second AS s"
    "    CROSS JOIN inference AS i ON i.id >= s.first_id AND i.id < s.first_id + s.n"
    "    CROSS JOIN inference_context AS c ON c.id = i.context_id"
    "    CROSS JOIN model AS m ON m.id = c.model_id;";

static const char generations[] =
    "ALTER TABLE operating_point ADD COLUMN until_ts INTEGER;"
    "CREATE INDEX operating_point_by_generation ON operating_point (model_id,"
    "    generation);"
    "CREATE INDEX w10_by_generation ON w10 (model_id, generation);"
    "DROP VIEW v_operating_point;";

int db_schema_to_version_6(sqlite3 *handle)
{
    sqlite3_str *sql = sqlite3_str_new(handle);

    sqlite3_str_appendall(sql, inferences);
    sqlite3_str_appendall(sql, generations);
    db_schema_append_operating_points(sql, "coalesce(o.until_ts, " DB_NEXT_TS ")",
                                      ", version", ", m.version");
    return db_schema_run(handle, sql);
}
