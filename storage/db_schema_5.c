/* SPDX-License-Identifier: Apache-2.0 */
/* Version 5: experiments in the background, and what came of each programming that they
 * made. */
#include "storage/db_schema.h"

#include <stddef.h>

/* Numbers of jobs are not given twice. */
static const char tables[] =
    "CREATE TABLE job ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  kind TEXT NOT NULL,"
    "  state TEXT NOT NULL,"
    "  model TEXT NOT NULL,"
    "  request TEXT NOT NULL,"
    "  created_ts INTEGER NOT NULL,"
    "  started_ts INTEGER,"
    "  ended_ts INTEGER,"
    "  done INTEGER NOT NULL,"
    "  total INTEGER NOT NULL,"
    "  error TEXT,"
    "  summary TEXT"
    ") STRICT;"

    "CREATE TABLE job_result ("
    "  job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,"
    "  trial INTEGER NOT NULL,"
    "  point INTEGER NOT NULL,"
    "  operating_point TEXT,"
    "  seed INTEGER NOT NULL,"
    "  generation INTEGER,"
    "  predicted_write_error_rate REAL NOT NULL,"
    "  weights INTEGER NOT NULL,"
    "  cells INTEGER NOT NULL,"
    "  predicted_wrong_bits REAL NOT NULL,"
    "  wrong_bits INTEGER NOT NULL,"
    "  predicted_energy_pj REAL,"
    "  energy_pj REAL,"
    "  images INTEGER NOT NULL,"
    "  correct INTEGER,"
    "  correct_top5 INTEGER,"
    "  PRIMARY KEY (job_id, trial)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE VIEW v_job_result (ts, job, kind, state, model, trial, point,"
    "    operating_point, seed, generation, predicted_write_error_rate, weights, cells,"
    "    predicted_wrong_bits, wrong_bits, bit_error_rate, predicted_energy_pj,"
    "    energy_pj, images, accuracy, accuracy_top5) AS"
    "  SELECT j.created_ts, j.id, j.kind, j.state, j.model, r.trial, r.point,"
    "         r.operating_point, r.seed, r.generation, r.predicted_write_error_rate,"
    "         r.weights, r.cells, r.predicted_wrong_bits, r.wrong_bits,"
    "         r.wrong_bits * 1.0 / r.weights, r.predicted_energy_pj, r.energy_pj,"
    "         r.images, CASE WHEN r.images > 0 THEN r.correct * 1.0 / r.images END,"
    "         CASE WHEN r.images > 0 THEN r.correct_top5 * 1.0 / r.images END"
    "    FROM job_result AS r JOIN job AS j ON j.id = r.job_id;";

int db_schema_to_version_5(sqlite3 *handle)
{
    return sqlite3_exec(handle, tables, NULL, NULL, NULL);
}
