/* SPDX-License-Identifier: Apache-2.0 */
/* db_schema.h - the tables and views, one script per schema version. Internal to
 * storage/. */
#ifndef STORAGE_DB_SCHEMA_H
#define STORAGE_DB_SCHEMA_H

#include "core/status.h"

#include <sqlite3.h>

/* In the file's header: "spnb". */
#define DB_APPLICATION_ID 0x73706e62

/* Takes the schema from version `from` to DB_SCHEMA_VERSION in one transaction. Gives an
 * SQLite result code. */
int db_schema_migrate(sqlite3 *handle, int from);

#endif
