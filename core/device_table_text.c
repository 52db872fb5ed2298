/* SPDX-License-Identifier: Apache-2.0 */
/* A table from its text, which is hostile, and back. */
#include "core/device_table_internal.h"

#include "core/nearest.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FIELDS     64 /* of a line; a header has far fewer names to choose from */
#define MAX_NUMBER_LEN 63

static const char *const column_names[N_COLUMNS + 1] = {
    [COL_DIRECTION] = "direction",
    [COL_VOLTAGE] = "voltage_v",
    [COL_PULSE] = "pulse_ns",
    [COL_TEMPERATURE] = "temperature_k",
    [COL_ERROR_RATE] = "error_rate",
    [COL_TOGGLE] = "toggle_pj",
    [COL_HOLD] = "hold_pj",
    [COL_READ] = "read_pj",
    [COL_RATE_P] = "retention_rate_p_per_s",
    [COL_RATE_AP] = "retention_rate_ap_per_s",
    [COL_ACTIVATION] = "retention_activation_ev",
    [COL_DISTURB] = "read_disturb",
};

static const char *const direction_names[] = { "p2ap", "ap2p", "both", NULL };
#define BOTH 2

/* Ends included, but for an error rate of 0. */
static const struct {
    double min, max;
} column_ranges[N_COLUMNS] = {
    [COL_VOLTAGE] = { 0.0, DEVICE_TABLE_MAX_VOLTAGE_V },
    [COL_PULSE] = { DEVICE_TABLE_MIN_PULSE_NS, DEVICE_TABLE_MAX_PULSE_NS },
    [COL_TEMPERATURE] = { DEVICE_TABLE_MIN_TEMPERATURE_K,
                          DEVICE_TABLE_MAX_TEMPERATURE_K },
    [COL_ERROR_RATE] = { 0.0, 1.0 },
    [COL_TOGGLE] = { 0.0, 1e9 },
    [COL_HOLD] = { 0.0, 1e9 },
    [COL_READ] = { 0.0, 1e9 },
    [COL_RATE_P] = { 0.0, 1e15 },
    [COL_RATE_AP] = { 0.0, 1e15 },
    [COL_ACTIVATION] = { 0.0, 10.0 },
    [COL_DISTURB] = { 0.0, 1.0 },
};

/* -- Text -- */

/* Bytes of the text; not ended by zero. */
struct slip {
    const char *bytes;
    size_t len;
};

struct reader {
    const char *at, *end;
    unsigned line; /* number of the line last taken */
    char *why;
};

/* What was found, cut short and made printable. */
struct quote {
    char text[36];
};

static struct quote quote(struct slip slip)
{
    struct quote q;
    size_t n = slip.len < 24 ? slip.len : 24;

    q.text[0] = '"';
    for (size_t i = 0; i < n; i++) {
        char c = slip.bytes[i];
        q.text[i + 1] = (c >= ' ' && c <= '~') ? c : '?';
    }
    (void)strcpy(&q.text[n + 1], n < slip.len ? "...\"" : "\"");
    return q;
}

PRINTF_LIKE(2, 3)
static enum status wrong(const struct reader *reader, const char *format, ...)
{
    va_list args;
    int n =
        reader->line == 0 ? 0 : snprintf(reader->why, ERR_LEN, "line %u: ", reader->line);

    va_start(args, format);
    (void)vsnprintf(reader->why + n, ERR_LEN - (size_t)n, format, args);
    va_end(args);
    return ST_FORMAT;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static struct slip trimmed(struct slip slip)
{
    while (slip.len > 0 && is_space(slip.bytes[0])) {
        slip.bytes++;
        slip.len--;
    }
    while (slip.len > 0 && is_space(slip.bytes[slip.len - 1]))
        slip.len--;
    return slip;
}

/* The next line, whatever ends it; false after the last. */
static bool next_line(struct reader *reader, struct slip *ret_line)
{
    const char *begin = reader->at, *stop = begin;

    if (begin == reader->end)
        return false;
    while (stop < reader->end && *stop != '\n' && *stop != '\r')
        stop++;
    reader->at = stop;
    if (reader->at < reader->end) {
        reader->at++;
        if (*stop == '\r' && reader->at < reader->end && *reader->at == '\n')
            reader->at++;
    }
    reader->line++;
    *ret_line = trimmed((struct slip) { begin, (size_t)(stop - begin) });
    return true;
}

/* A quoted field; *at stands after its first quote, and then after its last. A doubled
 * quote does not end it. */
static enum status quoted_field(const struct reader *reader, const char **at,
                                const char *end, struct slip *ret_field)
{
    const char *begin = *at, *p = begin;

    while (p < end && (*p != '"' || (p + 1 < end && p[1] == '"')))
        p += *p == '"' ? 2 : 1;
    if (p >= end)
        return wrong(reader, "a quote is opened and not closed");
    *ret_field = trimmed((struct slip) { begin, (size_t)(p - begin) });
    for (p++; p < end && is_space(*p);)
        p++;
    *at = p;
    if (p < end && *p != ',')
        return wrong(reader, "expected a comma after the quoted %s",
                     quote(*ret_field).text);
    return ST_OK;
}

/* Splits a line; empty fields at its end do not count. */
static enum status split(const struct reader *reader, struct slip line,
                         struct slip ret_fields[MAX_FIELDS], size_t *ret_n)
{
    const char *at = line.bytes, *end = line.bytes + line.len;
    size_t n = 0, n_filled = 0;

    for (bool more = true; more; n++) {
        struct slip field;

        if (n == MAX_FIELDS)
            return wrong(reader, "more than %d fields", MAX_FIELDS);
        while (at < end && is_space(*at))
            at++;
        if (at < end && *at == '"') {
            at++;
            enum status st = quoted_field(reader, &at, end, &field);
            if (st != ST_OK)
                return st;
        } else {
            const char *begin = at;
            while (at < end && *at != ',')
                at++;
            field = trimmed((struct slip) { begin, (size_t)(at - begin) });
        }
        more = at < end;
        at += more; /* the comma */
        ret_fields[n] = field;
        if (field.len > 0)
            n_filled = n + 1;
    }
    *ret_n = n_filled;
    return ST_OK;
}

/* The next line with something in it that is not a remark. */
static enum status next_fields(struct reader *reader, struct slip ret_fields[MAX_FIELDS],
                               size_t *ret_n)
{
    struct slip line;

    *ret_n = 0;
    while (*ret_n == 0 && next_line(reader, &line)) {
        /* A spreadsheet quotes a remark that has a comma in it. */
        bool remark = (line.len > 0 && line.bytes[0] == '#') ||
                      (line.len > 1 && line.bytes[0] == '"' && line.bytes[1] == '#');
        if (remark)
            continue;
        enum status st = split(reader, line, ret_fields, ret_n);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

/* Index of the name, capitals or not; that of the NULL at the end if there is none. */
static size_t find_name(struct slip slip, const char *const *names)
{
    size_t i = 0;

    for (; names[i] != NULL; i++) {
        size_t j = 0;

        for (; j < slip.len && names[i][j] != '\0'; j++) {
            char c = slip.bytes[j];
            if (c >= 'A' && c <= 'Z')
                c = (char)(c - 'A' + 'a');
            if (c != names[i][j])
                break;
        }
        if (j == slip.len && names[i][j] == '\0')
            break;
    }
    return i;
}

static const char *near_name(struct slip slip, const char *const *names)
{
    char word[NEAREST_MAX_LEN + 1];

    if (slip.len > NEAREST_MAX_LEN)
        return NULL;
    memcpy(word, slip.bytes, slip.len);
    word[slip.len] = '\0';
    return nearest_name(word, names);
}

/* -- Numbers -- */

static size_t digits(const char *p, size_t len)
{
    size_t n = 0;

    while (n < len && p[n] >= '0' && p[n] <= '9')
        n++;
    return n;
}

/* A decimal number and nothing else: no hexadecimal, infinity or NaN, which strtod would
 * take. */
static bool is_number(struct slip slip)
{
    const char *p = slip.bytes, *end = p + slip.len;
    size_t n_int, n_frac = 0;

    if (p < end && (*p == '+' || *p == '-'))
        p++;
    n_int = digits(p, (size_t)(end - p));
    p += n_int;
    if (p < end && *p == '.') {
        p++;
        n_frac = digits(p, (size_t)(end - p));
        p += n_frac;
    }
    if (n_int + n_frac == 0)
        return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        size_t n_exp = digits(p, (size_t)(end - p));
        if (n_exp == 0)
            return false;
        p += n_exp;
    }
    return p == end;
}

static enum status read_number(const struct reader *reader, enum device_column column,
                               struct slip slip, double *ret_value)
{
    const char *name = column_names[column];
    double min = column_ranges[column].min, max = column_ranges[column].max;
    bool above = column == COL_ERROR_RATE;
    char copy[MAX_NUMBER_LEN + 1];

    if (slip.len == 0)
        return wrong(reader, "column %s: expected a number, found nothing", name);
    if (slip.len > MAX_NUMBER_LEN || !is_number(slip))
        return wrong(reader, "column %s: expected a number, found %s", name,
                     quote(slip).text);
    memcpy(copy, slip.bytes, slip.len);
    copy[slip.len] = '\0';

    double value = strtod(copy, NULL);
    if (above && value == 0.0) {
        (void)wrong(reader,
                    "column %s: expected 0 (excluded) .. 1, found %s; where no failure "
                    "was seen state the bound that was measured",
                    name, quote(slip).text);
        return ST_RANGE;
    }
    if (!(value >= min && value <= max)) {
        (void)wrong(reader, "column %s: expected %g%s .. %g, found %s", name, min,
                    above ? " (excluded)" : "", max, quote(slip).text);
        return ST_RANGE;
    }
    *ret_value = value + 0.0; /* no negative zero */
    return ST_OK;
}

/* -- Rows -- */

struct header {
    enum device_column columns[MAX_FIELDS];
    size_t n;
};

static enum status unknown_column(const struct reader *reader, size_t i, size_t n,
                                  struct slip name)
{
    const char *meant = near_name(name, column_names);

    if (name.len == 0)
        return wrong(reader, "column %zu has no name", i + 1);
    if (n == 1 && (memchr(name.bytes, ';', name.len) != NULL ||
                   memchr(name.bytes, '\t', name.len) != NULL))
        return wrong(reader, "expected columns parted by commas, found %s",
                     quote(name).text);
    if (meant != NULL)
        return wrong(reader, "unknown column %s; did you mean %s?", quote(name).text,
                     meant);
    return wrong(reader,
                 "unknown column %s; expected direction, voltage_v, pulse_ns, "
                 "temperature_k, error_rate, toggle_pj, hold_pj, read_pj, read_disturb "
                 "or retention_...",
                 quote(name).text);
}

static enum status read_header(struct reader *reader, struct header *ret_header,
                               bool has[N_COLUMNS])
{
    struct slip names[MAX_FIELDS];
    size_t n;
    enum status st = next_fields(reader, names, &n);

    if (st != ST_OK)
        return st;
    if (n == 0) {
        reader->line = 0;
        return wrong(reader, "no header: expected a line of column names, such as "
                             "direction,voltage_v,error_rate");
    }
    for (size_t i = 0; i < n; i++) {
        size_t column = find_name(names[i], column_names);

        if (column == N_COLUMNS)
            return unknown_column(reader, i, n, names[i]);
        if (has[column])
            return wrong(reader, "column %s stands twice", column_names[column]);
        has[column] = true;
        ret_header->columns[i] = (enum device_column)column;
    }
    ret_header->n = n;
    if (!has[COL_DIRECTION] || !has[COL_ERROR_RATE])
        return wrong(reader, "no column %s",
                     column_names[has[COL_DIRECTION] ? COL_ERROR_RATE : COL_DIRECTION]);
    return ST_OK;
}

static enum status read_direction(const struct reader *reader, struct slip slip,
                                  struct given *given)
{
    size_t i = find_name(slip, direction_names);

    if (direction_names[i] == NULL) {
        const char *meant = near_name(slip, direction_names);

        return wrong(reader,
                     "column direction: expected p2ap, ap2p or both, found %s%s%s",
                     quote(slip).text, meant != NULL ? "; did you mean " : "",
                     meant != NULL ? meant : "");
    }
    given->both = i == BOTH;
    given->row.direction = i == MTJ_AP2P ? MTJ_AP2P : MTJ_P2AP;
    return ST_OK;
}

/* A figure of the whole table: the first row that states it does, others may repeat it.
 */
static enum status read_figure(const struct reader *reader, struct device_table *table,
                               enum device_column column, struct slip slip,
                               bool seen[N_COLUMNS])
{
    double value;

    if (slip.len == 0)
        return ST_OK;
    enum status st = read_number(reader, column, slip, &value);
    if (st != ST_OK)
        return st;
    if (seen[column] && value != table->figures[column])
        return wrong(
            reader,
            "column %s: expected %.9g, as above, or nothing, found %s; it is one "
            "figure for the whole table",
            column_names[column], table->figures[column], quote(slip).text);
    seen[column] = true;
    table->figures[column] = value;
    return ST_OK;
}

static enum status read_row(const struct reader *reader, const struct header *header,
                            const struct slip fields[MAX_FIELDS], size_t n,
                            struct device_table *table, bool seen[N_COLUMNS])
{
    struct given *given = &table->rows[table->n_rows];
    double values[N_COLUMNS] = { 0 };

    if (n > header->n)
        return wrong(reader, "expected %zu fields, found %zu", header->n, n);
    for (size_t i = 0; i < header->n; i++) {
        enum device_column column = header->columns[i];
        struct slip slip = i < n ? fields[i] : (struct slip) { "", 0 };
        enum status st;

        if (column == COL_DIRECTION)
            st = read_direction(reader, slip, given);
        else if (column >= FIRST_FIGURE)
            st = read_figure(reader, table, column, slip, seen);
        else
            st = read_number(reader, column, slip, &values[column]);
        if (st != ST_OK)
            return st;
    }

    given->pulse_ns = values[COL_PULSE];
    given->row.voltage_v = values[COL_VOLTAGE];
    given->row.pulse_s = values[COL_PULSE] * DEVICE_TABLE_NS;
    given->row.temperature_k = values[COL_TEMPERATURE];
    given->row.error_rate = values[COL_ERROR_RATE];
    given->row.toggle_pj = values[COL_TOGGLE];
    given->row.hold_pj = values[table->has[COL_HOLD] ? COL_HOLD : COL_TOGGLE];
    table->n_rows++;
    return ST_OK;
}

static enum status read_rows(struct reader *reader, struct device_table *table)
{
    struct header header = { .n = 0 };
    bool seen[N_COLUMNS] = { false }, have[2] = { false, false };
    enum status st = read_header(reader, &header, table->has);

    while (st == ST_OK) {
        struct slip fields[MAX_FIELDS];
        size_t n;

        st = next_fields(reader, fields, &n);
        if (st != ST_OK || n == 0)
            break;
        if (table->n_rows == DEVICE_TABLE_MAX_ROWS) {
            (void)wrong(reader, "more than %d rows", DEVICE_TABLE_MAX_ROWS);
            return ST_RANGE;
        }
        st = read_row(reader, &header, fields, n, table, seen);
    }
    if (st != ST_OK)
        return st;

    for (size_t i = 0; i < table->n_rows; i++) {
        const struct given *given = &table->rows[i];

        have[MTJ_P2AP] =
            have[MTJ_P2AP] || given->both || given->row.direction == MTJ_P2AP;
        have[MTJ_AP2P] =
            have[MTJ_AP2P] || given->both || given->row.direction == MTJ_AP2P;
    }
    reader->line = 0;
    for (unsigned to = 0; to < 2; to++)
        if (!have[to])
            return wrong(reader,
                         "no row of direction %s: expected rows of p2ap and ap2p, or of "
                         "both",
                         direction_names[to]);
    return ST_OK;
}

/* Lines that there can be, and with them rows. */
static size_t count_lines(const char *text, size_t len)
{
    size_t n = 1;

    for (size_t i = 0; i < len; i++)
        n += text[i] == '\n' || text[i] == '\r';
    return n;
}

enum status device_table_parse(const char *text, size_t len,
                               struct device_table **ret_table, char why[ERR_LEN])
{
    struct reader reader = { .at = text, .end = text + len, .why = why };
    enum status st = ST_NOMEM;

    if (len > DEVICE_TABLE_MAX_BYTES) {
        (void)wrong(&reader, "%zu bytes are more than %d", len, DEVICE_TABLE_MAX_BYTES);
        return ST_RANGE;
    }
    if (len >= 2 &&
        (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
        return wrong(&reader, "this is UTF-16: expected UTF-8 or ASCII");
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        reader.at += 3;

    struct device_table *table = calloc(1, sizeof(*table));
    if (table == NULL)
        goto out_of_memory;
    size_t n_lines = count_lines(text, len);
    table->rows =
        calloc(n_lines < DEVICE_TABLE_MAX_ROWS ? n_lines : DEVICE_TABLE_MAX_ROWS,
               sizeof(*table->rows));
    if (table->rows == NULL)
        goto out_of_memory;

    st = read_rows(&reader, table);
    if (st == ST_OK)
        st = device_table_build(table);
    if (st == ST_NOMEM)
        goto out_of_memory;
    if (st != ST_OK) {
        device_table_free(table);
        return st;
    }
    *ret_table = table;
    return ST_OK;

out_of_memory:
    device_table_free(table);
    (void)snprintf(why, ERR_LEN, "out of memory");
    return ST_NOMEM;
}

/* -- Printing -- */

struct printer {
    char *text;
    size_t size, len;
};

static void put(struct printer *printer, const char *s)
{
    size_t n = strlen(s);

    for (size_t i = 0; i < n && printer->len + i + 1 < printer->size; i++)
        printer->text[printer->len + i] = s[i];
    printer->len += n;
}

/* The shortest of what %g makes of 15, 16 and 17 digits that is the same number. */
static void put_number(struct printer *printer, double value)
{
    char digits_of[32];

    for (int n = 15; n <= 17; n++) {
        (void)snprintf(digits_of, sizeof(digits_of), "%.*g", n, value);
        if (strtod(digits_of, NULL) == value)
            break;
    }
    /* 1e-09 is longer than what a person writes, and the text has a limit. */
    char *exponent = strchr(digits_of, 'e');
    if (exponent != NULL && exponent[2] == '0')
        memmove(exponent + 2, exponent + 3, strlen(exponent + 3) + 1);
    put(printer, digits_of);
}

static void put_row(struct printer *printer, const struct device_table *table, size_t i)
{
    const struct given *given = &table->rows[i];
    const double values[FIRST_FIGURE] = {
        [COL_VOLTAGE] = given->row.voltage_v,
        [COL_PULSE] = given->pulse_ns,
        [COL_TEMPERATURE] = given->row.temperature_k,
        [COL_ERROR_RATE] = given->row.error_rate,
        [COL_TOGGLE] = given->row.toggle_pj,
        [COL_HOLD] = given->row.hold_pj,
    };

    put(printer, direction_names[given->both ? BOTH : given->row.direction]);
    for (unsigned column = COL_DIRECTION + 1; column < N_COLUMNS; column++) {
        if (!table->has[column])
            continue;
        put(printer, ",");
        if (column < FIRST_FIGURE)
            put_number(printer, values[column]);
        else if (i == 0)
            put_number(printer, table->figures[column]);
    }
    put(printer, "\n");
}

size_t device_table_print(const struct device_table *table, char *text, size_t size)
{
    struct printer printer = { text, size, 0 };

    for (unsigned column = 0; column < N_COLUMNS; column++) {
        if (!table->has[column])
            continue;
        if (printer.len > 0)
            put(&printer, ",");
        put(&printer, column_names[column]);
    }
    put(&printer, "\n");
    for (size_t i = 0; i < table->n_rows; i++)
        put_row(&printer, table, i);
    if (size > 0)
        text[printer.len < size ? printer.len : size - 1] = '\0';
    return printer.len;
}
