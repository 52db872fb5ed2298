/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of output_line: columns for the name, and in all. */
#define LINE_NAME  16
#define LINE_WIDTH 96
/* From two years on, days are not counted any more. */
#define YEAR_S       (365.25 * 86400.0)
#define MANY_YEARS_S (2.0 * YEAR_S)

/* -- Text from outside -- */

/* Length of the UTF-8 character at `text`, with its code point; 0 if it is none. */
static size_t decode(const unsigned char *text, uint32_t *ret_code)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t len = text[0] < 0x80   ? 1
                 : text[0] < 0xC0 ? 0
                 : text[0] < 0xE0 ? 2
                 : text[0] < 0xF0 ? 3
                 : text[0] < 0xF8 ? 4
                                  : 0;
    if (len == 0)
        return 0;

    uint32_t code = len == 1 ? text[0] : text[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3F);
    }
    if (code < least[len] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    *ret_code = code;
    return len;
}

/* Could it move the cursor, or hide or reorder text? */
static bool harmful(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) ||
           (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2060 && code <= 0x206F) || code == 0x061C || code == 0xFEFF;
}

/* Writes the next character of `*text`, or an escape of its first byte, and moves on. */
static size_t clean_one(const char **text, char ret_bytes[8])
{
    const unsigned char *at = (const unsigned char *)*text;
    uint32_t code = 0;
    size_t len = decode(at, &code);

    if (len == 0 || harmful(code)) {
        *text += 1;
        return (size_t)snprintf(ret_bytes, 8, "\\x%02x", at[0]);
    }
    memcpy(ret_bytes, at, len);
    *text += len;
    return len;
}

void output_clean(const char *text, char *ret_text, size_t size)
{
    size_t used = 0;

    while (*text != '\0') {
        char bytes[8];
        size_t len = clean_one(&text, bytes);

        if (used + len >= size)
            break;
        memcpy(ret_text + used, bytes, len);
        used += len;
    }
    ret_text[used] = '\0';
}

void output_text(FILE *out, const char *text)
{
    while (*text != '\0') {
        char bytes[8];
        size_t len = clean_one(&text, bytes);

        fwrite(bytes, 1, len, out);
    }
}

/* -- Numbers -- */

static char *absent(char *ret_text)
{
    strcpy(ret_text, "-");
    return ret_text;
}

char *output_count(double value, char *ret_text)
{
    if (!isfinite(value))
        return absent(ret_text);
    if (fabs(value) >= 1e15) {
        snprintf(ret_text, OUTPUT_NUMBER, "%.3e", value);
        return ret_text;
    }

    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%.0f", fabs(value));
    char *to = ret_text;

    if (value <= -0.5)
        *to++ = '-';
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return ret_text;
}

char *output_expected(double count, char *ret_text)
{
    /* Of few, a fraction matters. */
    if (!isfinite(count) || fabs(count) >= 99.95)
        return output_count(count, ret_text);
    snprintf(ret_text, OUTPUT_NUMBER, "%.3g", count);
    return ret_text;
}

char *output_id(double value, char *ret_text)
{
    if (!isfinite(value) || fabs(value) >= 1e20)
        return absent(ret_text);
    snprintf(ret_text, OUTPUT_NUMBER, "%.0f", value);
    return ret_text;
}

char *output_percent(double ratio, char *ret_text)
{
    if (!isfinite(ratio))
        return absent(ret_text);
    snprintf(ret_text, OUTPUT_NUMBER, "%.2f %%", 100.0 * ratio);
    return ret_text;
}

char *output_rate(double rate, char *ret_text)
{
    if (!isfinite(rate))
        return absent(ret_text);
    snprintf(ret_text, OUTPUT_NUMBER, rate == 0.0 ? "%.0f" : "%.2e", rate);
    return ret_text;
}

char *output_number(double value, const char *unit, char *ret_text)
{
    if (!isfinite(value))
        return absent(ret_text);
    snprintf(ret_text, OUTPUT_NUMBER, "%.4g%s%s", value, unit[0] ? " " : "", unit);
    return ret_text;
}

/* Three significant digits of value * 1000^i with the i-th unit that suits. */
static char *scaled(double value, double step, const char *const *units, size_t n_units,
                    char *ret_text)
{
    size_t i = 0;

    if (!isfinite(value))
        return absent(ret_text);
    /* 999.5 would be shown as 1000, or as 1e+03. */
    while (i + 1 < n_units && fabs(value) >= step - step / 2000.0) {
        value /= step;
        i++;
    }

    double size = fabs(value);
    int decimals = size >= 99.95 || value == 0.0 ? 0 : size >= 9.995 ? 1 : 2;
    if (size >= 1e6)
        snprintf(ret_text, OUTPUT_NUMBER, "%.2e %s", value, units[i]);
    else if (size < 0.005 && value != 0.0)
        snprintf(ret_text, OUTPUT_NUMBER, "%.2g %s", value, units[i]);
    else
        snprintf(ret_text, OUTPUT_NUMBER, "%.*f %s", decimals, value, units[i]);
    return ret_text;
}

char *output_energy(double energy_pj, char *ret_text)
{
    static const char *const units[] = { "pJ", "nJ", "uJ", "mJ", "J" };

    return scaled(energy_pj, 1000.0, units, 5, ret_text);
}

char *output_bytes(double bytes, char *ret_text)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };

    if (fabs(bytes) < 1024.0) {
        snprintf(ret_text, OUTPUT_NUMBER, "%.0f bytes", bytes);
        return ret_text;
    }
    return scaled(bytes, 1024.0, units, 5, ret_text);
}

static void years_text(double years, char *ret_text)
{
    snprintf(ret_text, OUTPUT_NUMBER, years < 1e6 ? "%.1f years" : "%.2e years", years);
}

char *output_duration(double seconds, char *ret_text)
{
    if (!isfinite(seconds) || seconds < 0.0)
        return absent(ret_text);
    if (seconds > 0.0 && seconds < 0.05)
        snprintf(ret_text, OUTPUT_NUMBER, "%.2g s", seconds);
    else if (seconds < 59.95)
        snprintf(ret_text, OUTPUT_NUMBER, "%.1f s", seconds);
    else if (seconds < 3600.0)
        snprintf(ret_text, OUTPUT_NUMBER, "%d min %02d s", (int)seconds / 60,
                 (int)seconds % 60);
    else if (seconds < 86400.0)
        snprintf(ret_text, OUTPUT_NUMBER, "%d h %02d min", (int)seconds / 3600,
                 (int)seconds / 60 % 60);
    else if (seconds >= MANY_YEARS_S)
        years_text(seconds / YEAR_S, ret_text);
    else
        snprintf(ret_text, OUTPUT_NUMBER, "%.0f d %02.0f h", floor(seconds / 86400.0),
                 floor(fmod(seconds, 86400.0) / 3600.0));
    return ret_text;
}

/* -- JSON -- */

/* JSON_ENSURE_ASCII leaves one control character, DEL; it can only stand in a string. */
static int write_json(const char *bytes, size_t len, void *ctx)
{
    FILE *out = ctx;

    while (len > 0) {
        const char *del = memchr(bytes, 0x7F, len);
        size_t plain = del != NULL ? (size_t)(del - bytes) : len;

        if (fwrite(bytes, 1, plain, out) != plain)
            return -1;
        if (del == NULL)
            return 0;
        if (fputs("\\u007f", out) == EOF)
            return -1;
        bytes += plain + 1;
        len -= plain + 1;
    }
    return 0;
}

enum status output_json(FILE *out, const json_t *value, bool one_line)
{
    /* 15 digits: every decimal that was sent comes out as it was sent. */
    size_t flags = JSON_ENSURE_ASCII | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) |
                   (one_line ? 0 : JSON_INDENT(2));

    if (value == NULL)
        return ST_NOMEM;
    if (json_dump_callback(value, write_json, out, flags) != 0)
        return ST_IO;
    return fputc('\n', out) == EOF ? ST_IO : ST_OK;
}

/* -- Tables -- */

static void keep_cell(struct table *table, char *cell)
{
    if (cell == NULL) {
        table->failed = true;
        return;
    }
    if (table->n_cells == table->cap) {
        size_t cap = table->cap == 0 ? 64 : 2 * table->cap;
        char **cells = realloc(table->cells, cap * sizeof(*cells));

        if (cells == NULL) {
            free(cell);
            table->failed = true;
            return;
        }
        table->cells = cells;
        table->cap = cap;
    }
    table->cells[table->n_cells++] = cell;
}

void table_init(struct table *table, const char *columns)
{
    *table = (struct table) { 0 };
    for (;;) {
        assert(table->n_columns < TABLE_MAX_COLUMNS);
        table->right[table->n_columns] = *columns == '>';
        columns += *columns == '>';

        size_t len = strcspn(columns, "|");
        char *title = malloc(len + 1);

        if (title != NULL) {
            memcpy(title, columns, len);
            title[len] = '\0';
        }
        keep_cell(table, title);
        table->n_columns++;
        if (columns[len] == '\0')
            return;
        columns += len + 1;
    }
}

void table_done(struct table *table)
{
    for (size_t i = 0; i < table->n_cells; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (struct table) { 0 };
}

void table_add(struct table *table, const char *text)
{
    size_t size = 4 * strlen(text) + 1; /* an escape is four bytes */
    char *cell = malloc(size);

    if (cell != NULL)
        output_clean(text, cell, size);
    keep_cell(table, cell);
}

/* Characters, not bytes; what is wider or narrower than one column is rare in labels. */
static size_t text_width(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

enum status table_print(const struct table *table, FILE *out, int indent)
{
    size_t widths[TABLE_MAX_COLUMNS] = { 0 };

    if (table->failed)
        return ST_NOMEM;
    for (size_t i = 0; i < table->n_cells; i++) {
        size_t width = text_width(table->cells[i]);

        if (width > widths[i % table->n_columns])
            widths[i % table->n_columns] = width;
    }
    for (size_t i = 0; i < table->n_cells; i++) {
        size_t column = i % table->n_columns;
        bool last = column + 1 == table->n_columns;
        size_t pad = widths[column] - text_width(table->cells[i]);
        size_t before = column == 0 ? (size_t)indent : 2;

        if (table->right[column])
            before += pad;
        fprintf(out, "%*s%s", (int)before, "", table->cells[i]);
        if (!table->right[column] && !last)
            fprintf(out, "%*s", (int)pad, "");
        if (last)
            fputc('\n', out);
    }
    return ST_OK;
}

void output_wrapped(FILE *out, const char *text, size_t indent, size_t width)
{
    size_t column = indent;

    while (*text != '\0') {
        const char *end = text + strcspn(text, " ");
        size_t used = 0;

        for (const char *at = text; at < end; at++)
            used += ((unsigned char)*at & 0xC0) != 0x80;
        if (column > indent && column + 1 + used > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        column += used;
        while (text < end) {
            char bytes[8];

            fwrite(bytes, 1, clean_one(&text, bytes), out);
        }
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

void output_line(FILE *out, const char *name, const char *value)
{
    fprintf(out, "  %-*s  ", LINE_NAME, name);
    output_wrapped(out, value, LINE_NAME + 4, LINE_WIDTH);
}
