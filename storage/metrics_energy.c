/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger: one row per version and layer. */
#include "storage/metrics_internal.h"
#include "storage/row.h"

#include <assert.h>
#include <string.h>

static void append_kinds(sqlite3_str *sql)
{
    for (unsigned k = 0; k < ENERGY_KINDS; k++)
        sqlite3_str_appendf(sql, ", %s_pj", energy_name((enum energy_kind)k));
}

static void append_add_sql(sqlite3_str *sql)
{
    sqlite3_str_appendall(sql, "INSERT INTO energy (model_id, layer, name");
    append_kinds(sql);
    sqlite3_str_appendall(sql, ") VALUES (?1, ?2, ?3");
    for (unsigned k = 0; k < ENERGY_KINDS; k++)
        sqlite3_str_appendf(sql, ", ?%u", k + 4);
    sqlite3_str_appendall(
        sql, ") ON CONFLICT (model_id, layer) DO UPDATE SET name = excluded.name");
    for (unsigned k = 0; k < ENERGY_KINDS; k++) {
        const char *name = energy_name((enum energy_kind)k);

        sqlite3_str_appendf(sql, ", %s_pj = %s_pj + excluded.%s_pj", name, name, name);
    }
}

static void append_read_sql(sqlite3_str *sql)
{
    sqlite3_str_appendall(sql, "SELECT layer");
    append_kinds(sql);
    sqlite3_str_appendall(sql, " FROM energy WHERE model_id = ?1 AND layer < ?2");
}

/* The text is made only when it is first needed. */
static struct row ledger_row(struct db *db, enum db_statement which,
                             void (*append)(sqlite3_str *sql))
{
    if (db->statements[which] != NULL)
        return row_of(db, which, NULL);
    sqlite3_str *str = sqlite3_str_new(NULL);
    append(str);
    char *sql = sqlite3_str_finish(str);
    /* Without memory for the text an empty statement is prepared, which is a failure too.
     */
    struct row row = row_of(db, which, sql != NULL ? sql : "");
    sqlite3_free(sql);
    return row;
}

enum status metrics_put_energy(struct db *db, const struct metrics_energy *e)
{
    struct row row = ledger_row(db, DB_ADD_ENERGY, append_add_sql);

    row_int(&row, e->model_id);
    row_count(&row, e->layer);
    row_text(&row, e->layer_name);
    for (unsigned k = 0; k < ENERGY_KINDS; k++)
        row_real(&row, e->gain.pj[k]);
    return row_done(db, &row);
}

static void read_layer(sqlite3_stmt *query, struct energy *energies)
{
    struct energy *energy = &energies[sqlite3_column_int64(query, 0)];

    for (unsigned k = 0; k < ENERGY_KINDS; k++)
        energy->pj[k] = sqlite3_column_double(query, (int)k + 1);
}

enum status metrics_read_energy(struct db *db, int64_t model_id, size_t n_layers,
                                struct energy *ret_energies)
{
    struct energy energies[NETWORK_MAX_LAYERS] = { { .pj = { 0.0 } } };
    struct row row = ledger_row(db, DB_READ_ENERGY, append_read_sql);

    assert(n_layers <= NETWORK_MAX_LAYERS);
    row_int(&row, model_id);
    row_count(&row, n_layers);
    if (row.rc == SQLITE_OK) {
        while ((row.rc = sqlite3_step(row.statement)) == SQLITE_ROW)
            read_layer(row.statement, energies);
        row.rc = row.rc == SQLITE_DONE ? SQLITE_OK : SQLITE_ERROR;
    }
    enum status st = row_end(db, &row);
    if (st == ST_OK)
        memcpy(ret_energies, energies, n_layers * sizeof(*energies));
    return st;
}
