/* SPDX-License-Identifier: Apache-2.0 */
/* Version 4: which version of its name a network is. Of those that had gone before nobody
 * knows: NULL. */
#include "storage/db_schema.h"

static const char table[] =
    "ALTER TABLE model ADD COLUMN version INTEGER;"
    "DROP VIEW v_error_rate;"
    "DROP VIEW v_operating_point;"
    "DROP VIEW v_operating_point_layer;"
    "DROP VIEW IF EXISTS v_events;"

    "CREATE VIEW v_events (ts, severity, kind, model, message, version) AS"
    "  SELECT e.ts,"
    "         CASE e.severity WHEN 0 THEN 'info' WHEN 1 THEN 'warning' ELSE 'error' END,"
    "         e.kind, m.name, e.message, m.version"
    "    FROM event AS e LEFT JOIN model AS m ON m.id = e.model_id;";

int db_schema_to_version_4(sqlite3 *handle)
{
    sqlite3_str *sql = sqlite3_str_new(handle);

    sqlite3_str_appendall(sql, table);
    db_schema_append_points(sql, ", version", ", m.version");
    return db_schema_run(handle, sql);
}
