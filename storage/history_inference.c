/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of requests, read back. */
#include "storage/history_internal.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

/* By id alone, whatever the model: rows of one are found while walking over all. CROSS
 * keeps SQLite from another way round, which would have to sort them. */
static const char query_sql[] =
    "SELECT i.id,"
    "       (SELECT s.ts FROM inference_second AS s WHERE s.first_id <= i.id"
    "          ORDER BY s.first_id DESC LIMIT 1) * 1000 + i.ms,"
    "       m.name, i.request_id, c.generation, c.route, c.status, c.images, i.predicted,"
    "       i.label, i.labelled, i.correct, i.probability, i.margin, c.wrong_bits,"
    "       c.energy_pj, i.latency_us, m.version"
    "  FROM inference AS i CROSS JOIN inference_context AS c ON c.id = i.context_id"
    "  CROSS JOIN model AS m ON m.id = c.model_id"
    "  WHERE i.id < ?1 AND (?2 IS NULL OR m.name = ?2) AND (?4 = 0 OR m.version = ?4)"
    "  ORDER BY i.id DESC LIMIT ?3";

static int bind(sqlite3_stmt *query, const struct history_inference_query *q)
{
    int rc = sqlite3_bind_int64(query, 1, q->before_id);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(query, 2, q->model, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(query, 3, (sqlite3_int64)q->limit);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(query, 4, q->version);
    return rc;
}

static int32_t index_at(sqlite3_stmt *query, int column)
{
    return sqlite3_column_type(query, column) != SQLITE_NULL
               ? sqlite3_column_int(query, column)
               : -1;
}

static float real_at(sqlite3_stmt *query, int column)
{
    return sqlite3_column_type(query, column) != SQLITE_NULL
               ? (float)sqlite3_column_double(query, column)
               : NAN;
}

static void read_row(sqlite3_stmt *query, struct history_inference *ret_row)
{
    const char *model = (const char *)sqlite3_column_text(query, 2);

    ret_row->id = sqlite3_column_int64(query, 0);
    ret_row->version = (uint32_t)sqlite3_column_int64(query, 17);
    (void)snprintf(ret_row->model, sizeof(ret_row->model), "%s",
                   model != NULL ? model : "");
    ret_row->row = (struct metrics_inference) {
        .at_ms = sqlite3_column_int64(query, 1),
        .request_id = (uint64_t)sqlite3_column_int64(query, 3),
        .generation = (uint64_t)sqlite3_column_int64(query, 4),
        .route = (uint8_t)sqlite3_column_int(query, 5),
        .status = (uint16_t)sqlite3_column_int(query, 6),
        .images = (uint32_t)sqlite3_column_int64(query, 7),
        .predicted = index_at(query, 8),
        .label = index_at(query, 9),
        .labelled = (uint32_t)sqlite3_column_int64(query, 10),
        .correct = (uint32_t)sqlite3_column_int64(query, 11),
        .probability = real_at(query, 12),
        .margin = real_at(query, 13),
        .wrong_bits = (uint64_t)sqlite3_column_int64(query, 14),
        .energy_pj = sqlite3_column_double(query, 15),
        .latency_us = sqlite3_column_double(query, 16),
    };
}

enum status history_inferences(struct history *history,
                               const struct history_inference_query *query,
                               struct history_inference *ret_rows, size_t *ret_n,
                               char why[ERR_LEN])
{
    int rc = SQLITE_OK;

    assert(query->limit >= 1 && query->limit <= HISTORY_MAX_INFERENCES);
    history_begin(history);
    if (history->inferences == NULL)
        rc = sqlite3_prepare_v3(history->handle, query_sql, -1, SQLITE_PREPARE_PERSISTENT,
                                &history->inferences, NULL);
    if (rc == SQLITE_OK)
        rc = bind(history->inferences, query);
    *ret_n = 0;
    if (rc == SQLITE_OK)
        while ((rc = sqlite3_step(history->inferences)) == SQLITE_ROW)
            read_row(history->inferences, &ret_rows[(*ret_n)++]);
    enum status st = history_end(history, rc, why);
    if (history->inferences != NULL) {
        (void)sqlite3_reset(history->inferences); /* repeats the error of the step */
        (void)sqlite3_clear_bindings(history->inferences);
    }
    return st;
}
