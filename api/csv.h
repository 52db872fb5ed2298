/* SPDX-License-Identifier: Apache-2.0 */
/* csv.h - fields of a table of comma-separated values (RFC 4180). */
#ifndef API_CSV_H
#define API_CSV_H

#include "api/buf.h"

/* The end of a record. */
#define CSV_END "\r\n"

/* In quotes where it must be. */
void csv_text(struct buf *body, const char *text);
/* Shortest text that reads back as the same double; nothing where it is not finite. */
void csv_number(struct buf *body, double value);

#endif
