/* SPDX-License-Identifier: Apache-2.0 */
/* Version 2: codes, pairs, devices and layers of their own; how a generation came about;
 * energy by kind. Rows of version 1 are plain cells, programmed; what was not recorded of
 * them is NULL. */
#include "storage/db_schema.h"

#include "core/energy.h"

/* What an operating point and one of its layers have alike: each column by ADD. */
#define COLUMNS_OF_BOTH(ADD)                                                             \
    ADD("ecc TEXT NOT NULL DEFAULT 'none'")                                              \
    ADD("cell TEXT NOT NULL DEFAULT '1t1r'")                                             \
    ADD("polarity TEXT NOT NULL DEFAULT 'none'")                                         \
    ADD("verify_retries INTEGER")                                                        \
    ADD("bit_error_rate_to_ap REAL")                                                     \
    ADD("weights INTEGER NOT NULL DEFAULT 0")                                            \
    ADD("cell_errors INTEGER NOT NULL DEFAULT 0")                                        \
    ADD("stuck_errors INTEGER NOT NULL DEFAULT 0")                                       \
    ADD("equal_pairs INTEGER NOT NULL DEFAULT 0")                                        \
    ADD("words INTEGER NOT NULL DEFAULT 0")                                              \
    ADD("corrected INTEGER NOT NULL DEFAULT 0")                                          \
    ADD("detected INTEGER NOT NULL DEFAULT 0")                                           \
    ADD("miscorrected INTEGER NOT NULL DEFAULT 0")                                       \
    ADD("failures INTEGER")                                                              \
    ADD("retries INTEGER")                                                               \
    ADD("energy_toggle_pj REAL")                                                         \
    ADD("energy_hold_pj REAL")                                                           \
    ADD("energy_check_pj REAL")                                                          \
    ADD("energy_encode_pj REAL")                                                         \
    ADD("energy_verify_pj REAL")
#define COLUMNS_OF_POINT(ADD)                                                            \
    ADD("cause TEXT NOT NULL DEFAULT 'program'")                                         \
    ADD("device TEXT")                                                                   \
    ADD("age_s REAL NOT NULL DEFAULT 0")                                                 \
    COLUMNS_OF_BOTH(ADD)
#define COLUMNS_OF_LAYER(ADD)                                                            \
    ADD("mode TEXT NOT NULL DEFAULT ''")                                                 \
    ADD("program_over TEXT")                                                             \
    ADD("temperature_k REAL")                                                            \
    ADD("pulse_ns REAL")                                                                 \
    ADD("write_voltage_p2ap_v REAL")                                                     \
    ADD("write_voltage_ap2p_v REAL")                                                     \
    ADD("target_write_error_rate REAL")                                                  \
    ADD("bit_error_rate REAL")                                                           \
    ADD("predicted_write_error_rate REAL")                                               \
    ADD("predicted_wrong_bits REAL")                                                     \
    ADD("predicted_energy_pj REAL")                                                      \
    COLUMNS_OF_BOTH(ADD)

#define ADD_TO_POINT(column) "ALTER TABLE operating_point ADD COLUMN " column ";"
#define ADD_TO_LAYER(column) "ALTER TABLE operating_point_layer ADD COLUMN " column ";"
#define ADD_TO_LIST(column)  ", " column

static const char columns[] =
    COLUMNS_OF_POINT(ADD_TO_POINT) COLUMNS_OF_LAYER(ADD_TO_LAYER);

const char db_schema_point_columns_2[] = COLUMNS_OF_POINT(ADD_TO_LIST);
const char db_schema_layer_columns_2[] = COLUMNS_OF_LAYER(ADD_TO_LIST);

/* A cell was a weight then, and a wrong one was delivered wrong. All layers had the
 * conditions of their operating point. */
static const char old_rows[] =
    "UPDATE operating_point"
    "  SET weights = cells, cell_errors = wrong_bits, bit_error_rate_to_ap = "
    "bit_error_rate,"
    "      verify_retries = CASE WHEN mode <> 'iid' THEN 0 END,"
    "      failures = CASE WHEN mode <> 'iid' THEN wrong_bits END,"
    "      retries = CASE WHEN mode <> 'iid' THEN 0 END;"

    "UPDATE operating_point_layer AS l"
    "  SET weights = l.cells, cell_errors = l.wrong_bits, mode = o.mode,"
    "      program_over = o.program_over, temperature_k = o.temperature_k,"
    "      pulse_ns = o.pulse_ns, write_voltage_p2ap_v = o.write_voltage_p2ap_v,"
    "      write_voltage_ap2p_v = o.write_voltage_ap2p_v,"
    "      target_write_error_rate = o.target_write_error_rate,"
    "      bit_error_rate = o.bit_error_rate, bit_error_rate_to_ap = o.bit_error_rate,"
    "      predicted_write_error_rate = o.predicted_write_error_rate,"
    "      verify_retries = CASE WHEN o.mode <> 'iid' THEN 0 END,"
    "      failures = CASE WHEN o.mode <> 'iid' THEN l.wrong_bits END,"
    "      retries = CASE WHEN o.mode <> 'iid' THEN 0 END"
    "  FROM operating_point AS o WHERE o.id = l.operating_point_id;";

/* In the order of the views' column lists. */
#define NEW_IN_VIEWS                                                                     \
    "ecc, cell, polarity, verify_retries, bit_error_rate_to_ap, weights, cell_errors,"   \
    " stuck_errors, equal_pairs, words, corrected, detected, miscorrected, failures,"    \
    " retries, energy_toggle_pj, energy_hold_pj, energy_check_pj, energy_encode_pj,"     \
    " energy_verify_pj"
#define NEW_OF(alias)                                                                    \
    alias ".ecc, " alias ".cell, " alias ".polarity, " alias ".verify_retries, " alias   \
          ".bit_error_rate_to_ap, " alias ".weights, " alias ".cell_errors, " alias      \
          ".stuck_errors, " alias ".equal_pairs, " alias ".words, " alias                \
          ".corrected, " alias ".detected, " alias ".miscorrected, " alias               \
          ".failures, " alias ".retries, " alias ".energy_toggle_pj, " alias             \
          ".energy_hold_pj, " alias ".energy_check_pj, " alias                           \
          ".energy_encode_pj, " alias ".energy_verify_pj"

/* Each %s is a column more, in its list and in what it selects: "" in version 2. A
 * direction has a rate where cells had to toggle in it; iid has no directions. The errors
 * of stuck cells are none of a write's. */
static const char error_rate[] =
    "CREATE VIEW v_error_rate (ts, model, kind, bit_error_rate, wrong_bits, cells%s) AS"
    "  SELECT o.ts, m.name, 'stored', o.wrong_bits * 1.0 / o.weights, o.wrong_bits,"
    "         o.weights%s"
    "    FROM operating_point AS o JOIN model AS m ON m.id = o.model_id"
    "    WHERE o.weights > 0"
    "  UNION ALL"
    "  SELECT o.ts, m.name, 'p2ap', o.errors_p2ap * 1.0 / o.toggles_p2ap, o.errors_p2ap,"
    "         o.toggles_p2ap%s"
    "    FROM operating_point AS o JOIN model AS m ON m.id = o.model_id"
    "    WHERE o.toggles_p2ap > 0 AND o.mode <> 'iid' AND o.stuck_errors = 0"
    "  UNION ALL"
    "  SELECT o.ts, m.name, 'ap2p', o.errors_ap2p * 1.0 / o.toggles_ap2p, o.errors_ap2p,"
    "         o.toggles_ap2p%s"
    "    FROM operating_point AS o JOIN model AS m ON m.id = o.model_id"
    "    WHERE o.toggles_ap2p > 0 AND o.mode <> 'iid' AND o.stuck_errors = 0;";

static const char points[] =
    "CREATE VIEW v_operating_point (ts, until_ts, model, generation, mode, program_over,"
    "    seed, temperature_k, pulse_ns, write_voltage_p2ap_v, write_voltage_ap2p_v,"
    "    target_write_error_rate, bit_error_rate, predicted_write_error_rate,"
    "    predicted_wrong_bits, predicted_energy_pj, cells, wrong_bits,"
    "    stored_bit_error_rate, errors_p2ap, errors_ap2p, toggles, energy_pj,"
    "    duration_ms, images, labelled, accuracy, cause, device, age_s, " NEW_IN_VIEWS
    "%s) AS"
    "  SELECT o.ts, %s, m.name,"
    "         o.generation, o.mode, o.program_over, o.seed, o.temperature_k, o.pulse_ns,"
    "         o.write_voltage_p2ap_v, o.write_voltage_ap2p_v, o.target_write_error_rate,"
    "         o.bit_error_rate, o.predicted_write_error_rate, o.predicted_wrong_bits,"
    "         o.predicted_energy_pj, o.cells, o.wrong_bits,"
    "         CASE WHEN o.weights > 0 THEN o.wrong_bits * 1.0 / o.weights END,"
    "         o.errors_p2ap, o.errors_ap2p, o.toggles_p2ap + o.toggles_ap2p, o.energy_pj,"
    "         o.duration_ms, coalesce(w.images, 0), coalesce(w.labelled, 0),"
    "         CASE WHEN w.labelled > 0 THEN w.correct * 1.0 / w.labelled END,"
    "         o.cause, o.device, o.age_s, " NEW_OF(
        "o") "%s"
             "    FROM operating_point AS o JOIN model AS m ON m.id = o.model_id"
             "    LEFT JOIN (SELECT model_id, generation, sum(images) AS images,"
             "                      sum(labelled) AS labelled, sum(correct) AS correct"
             "                 FROM w10 GROUP BY model_id, generation) AS w"
             "      ON w.model_id = o.model_id AND w.generation = o.generation;";

static const char layers[] =
    "CREATE VIEW v_operating_point_layer (ts, model, generation, layer, name, mode,"
    "    program_over, temperature_k, pulse_ns, write_voltage_p2ap_v,"
    "    write_voltage_ap2p_v, target_write_error_rate, bit_error_rate,"
    "    predicted_write_error_rate, predicted_wrong_bits, predicted_energy_pj, cells,"
    "    wrong_bits, stored_bit_error_rate, errors_p2ap, errors_ap2p, toggles,"
    "    energy_pj, " NEW_IN_VIEWS "%s) AS"
    "  SELECT o.ts, m.name, o.generation, l.layer, l.name, l.mode, l.program_over,"
    "         l.temperature_k, l.pulse_ns, l.write_voltage_p2ap_v,"
    "         l.write_voltage_ap2p_v, l.target_write_error_rate, l.bit_error_rate,"
    "         l.predicted_write_error_rate, l.predicted_wrong_bits,"
    "         l.predicted_energy_pj, l.cells, l.wrong_bits,"
    "         CASE WHEN l.weights > 0 THEN l.wrong_bits * 1.0 / l.weights END,"
    "         l.errors_p2ap, l.errors_ap2p, l.toggles_p2ap + l.toggles_ap2p,"
    "         l.energy_pj, " NEW_OF(
        "l") "%s"
             "    FROM operating_point_layer AS l"
             "    JOIN operating_point AS o ON o.id = l.operating_point_id"
             "    JOIN model AS m ON m.id = o.model_id;";

void db_schema_append_operating_points(sqlite3_str *sql, const char *until,
                                       const char *name, const char *value)
{
    sqlite3_str_appendf(sql, points, name, until, value);
}

void db_schema_append_points(sqlite3_str *sql, const char *name, const char *value)
{
    sqlite3_str_appendf(sql, error_rate, name, value, value, value);
    db_schema_append_operating_points(sql, DB_NEXT_TS, name, value);
    sqlite3_str_appendf(sql, layers, name, value);
}

void db_schema_append_ledger_view(sqlite3_str *sql, const char *name, const char *value)
{
    sqlite3_str_appendf(
        sql, "CREATE VIEW v_energy_ledger (model, layer, name, kind, joules%s) AS ",
        name);
    /* 1 J = 1e12 pJ. */
    for (unsigned k = 0; k < ENERGY_KINDS; k++) {
        const char *kind = energy_name((enum energy_kind)k);

        sqlite3_str_appendf(
            sql,
            "%sSELECT m.name, e.layer, e.name, '%s', sum(e.%s_pj) * 1e-12%s"
            "  FROM energy AS e JOIN model AS m ON m.id = e.model_id"
            "  GROUP BY m.name, e.layer, e.name%s",
            k == 0 ? "" : " UNION ALL ", kind, kind, value, value);
    }
    sqlite3_str_appendall(sql, ";");
}

/* One column for each kind of energy: another kind is another schema version. */
static void append_ledger(sqlite3_str *sql)
{
    sqlite3_str_appendall(sql, "CREATE TABLE energy ("
                               "  model_id INTEGER NOT NULL REFERENCES model (id),"
                               "  layer INTEGER NOT NULL,"
                               "  name TEXT NOT NULL,");
    for (unsigned k = 0; k < ENERGY_KINDS; k++)
        sqlite3_str_appendf(sql, " %s_pj REAL NOT NULL,",
                            energy_name((enum energy_kind)k));
    sqlite3_str_appendall(sql, " PRIMARY KEY (model_id, layer)) STRICT, WITHOUT ROWID;");
    db_schema_append_ledger_view(sql, "", "");
}

void db_schema_append_version_2(sqlite3_str *sql)
{
    db_schema_append_points(sql, "", "");
    append_ledger(sql);
}

int db_schema_to_version_2(sqlite3 *handle)
{
    sqlite3_str *sql = sqlite3_str_new(handle);

    sqlite3_str_appendall(sql, columns);
    sqlite3_str_appendall(sql, old_rows);
    sqlite3_str_appendall(sql, "DROP VIEW v_error_rate; DROP VIEW v_operating_point;");
    db_schema_append_version_2(sql);
    return db_schema_run(handle, sql);
}
