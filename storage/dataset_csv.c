/* SPDX-License-Identifier: Apache-2.0 */
/* Picture files with their labels in a CSV beside them. */
#include "storage/dataset_internal.h"

#include "core/network.h"
#include "storage/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* -- Fields -- */

struct csv {
    char *at, *end;
    size_t line;
};

enum follows { NEXT_FIELD, NEXT_LINE, BROKEN };

/* Reads what a quoted field holds; false without a closing quote. */
static bool unquote(struct csv *csv, char **to)
{
    for (csv->at++; csv->at < csv->end; csv->at++) {
        if (*csv->at == '"') {
            csv->at++;
            if (csv->at == csv->end || *csv->at != '"')
                return true;
        }
        csv->line += *csv->at == '\n';
        *(*to)++ = *csv->at;
    }
    return false;
}

/* The next field, ended by a zero byte in place of what separates it. */
static enum follows next_field(struct csv *csv, char **ret_field)
{
    char *to = csv->at;

    *ret_field = to;
    if (csv->at < csv->end && *csv->at == '"') {
        if (!unquote(csv, &to))
            return BROKEN;
    } else {
        while (csv->at < csv->end && *csv->at != ',' && *csv->at != '\n' &&
               *csv->at != '\r')
            *to++ = *csv->at++;
    }
    if (csv->end - csv->at >= 2 && csv->at[0] == '\r' && csv->at[1] == '\n')
        csv->at++;

    enum follows follows = csv->at == csv->end ? NEXT_LINE
                           : *csv->at == ','   ? NEXT_FIELD
                           : *csv->at == '\n'  ? NEXT_LINE
                                               : BROKEN;
    if (csv->at < csv->end)
        csv->at++;
    *to = '\0';
    return follows;
}

/* -- Rows -- */

struct columns {
    size_t n, file, label;
};

static enum status refuse(size_t line, const char *reason, char why[ERR_LEN])
{
    (void)snprintf(why, ERR_LEN, "line %zu: %s", line, reason);
    return ST_FORMAT;
}

static enum status read_header(struct csv *csv, struct columns *ret_columns,
                               char why[ERR_LEN])
{
    const size_t none = SIZE_MAX;
    struct columns columns = { 0, none, none };
    enum follows follows = NEXT_FIELD;

    while (follows == NEXT_FIELD) {
        char *name;

        follows = next_field(csv, &name);
        if (follows == BROKEN)
            return refuse(csv->line, "a quote that is not closed, or text behind it",
                          why);
        if (columns.file == none && strcasecmp(name, "file") == 0)
            columns.file = columns.n;
        else if (columns.label == none &&
                 (strcasecmp(name, "label") == 0 || strcasecmp(name, "class") == 0))
            columns.label = columns.n;
        columns.n++;
    }
    if (columns.file == none || columns.label == none)
        return refuse(1, "expected a header with the columns file and label", why);
    *ret_columns = columns;
    csv->line++;
    return ST_OK;
}

/* Inside the folder: a list from somewhere must not name other files of ours. */
static bool stays_inside(const char *file)
{
    if (file[0] == '\0' || file[0] == '/')
        return false;
    for (const char *at = file; at != NULL;) {
        if (at[0] == '.' && at[1] == '.' && (at[2] == '/' || at[2] == '\0'))
            return false;
        at = strchr(at, '/');
        if (at != NULL)
            at++;
    }
    return true;
}

static bool read_label(const char *text, uint32_t *ret_label)
{
    uint32_t label = 0;

    if (text[0] == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        label = label * 10 + (uint32_t)(*text - '0');
        if (label >= NETWORK_MAX_CLASSES)
            return false;
    }
    *ret_label = label;
    return true;
}

static enum status read_row(struct csv *csv, const struct columns *columns,
                            struct dataset_row *ret_row, char why[ERR_LEN])
{
    struct dataset_row row = { .line = csv->line };
    enum follows follows = NEXT_FIELD;
    bool has_label = false;
    size_t n = 0;

    for (; follows == NEXT_FIELD; n++) {
        char *field;

        follows = next_field(csv, &field);
        if (follows == BROKEN)
            return refuse(row.line, "a quote that is not closed, or text behind it", why);
        if (n == columns->file)
            row.file = field;
        if (n == columns->label)
            has_label = read_label(field, &row.label);
    }
    csv->line++;
    if (n != columns->n) {
        (void)snprintf(why, ERR_LEN, "line %zu: %zu columns, the header has %zu",
                       row.line, n, columns->n);
        return ST_FORMAT;
    }
    if (!has_label)
        return refuse(row.line, "expected a class's number, 0 .. 65535, as its label",
                      why);
    if (!stays_inside(row.file))
        return refuse(row.line, "expected a file in or below the folder", why);
    *ret_row = row;
    return ST_OK;
}

static void skip_empty_lines(struct csv *csv)
{
    while (csv->at < csv->end && (*csv->at == '\n' || *csv->at == '\r')) {
        csv->line += *csv->at == '\n';
        csv->at++;
    }
}

static size_t count_lines(const char *text, size_t len)
{
    size_t n = 1;

    for (size_t i = 0; i < len; i++)
        n += text[i] == '\n';
    return n;
}

enum status dataset_csv_parse(char *text, size_t len, struct dataset_row **ret_rows,
                              size_t *ret_n, char why[ERR_LEN])
{
    struct csv csv = { .at = text, .end = text + len, .line = 1 };
    struct columns columns;
    size_t n = 0;

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        csv.at += 3;
    if (memchr(text, '\0', len) != NULL)
        return refuse(1, "a zero byte: this is no text", why);

    size_t room = count_lines(text, len);
    enum status st = read_header(&csv, &columns, why);
    if (st != ST_OK)
        return st;
    struct dataset_row *rows = malloc(room * sizeof(*rows));
    if (rows == NULL) {
        (void)snprintf(why, ERR_LEN, "out of memory");
        return ST_NOMEM;
    }
    for (skip_empty_lines(&csv); csv.at < csv.end; skip_empty_lines(&csv)) {
        st = read_row(&csv, &columns, &rows[n], why);
        if (st != ST_OK)
            break;
        n++;
    }
    if (st == ST_OK && n == 0)
        st = refuse(csv.line, "no pictures", why);
    if (st != ST_OK) {
        free(rows);
        return st;
    }
    *ret_rows = rows;
    *ret_n = n;
    return ST_OK;
}

/* -- Files -- */

static enum status find_file(const char *dir, const struct dataset_row *row,
                             struct dataset_file *file, char why[ERR_LEN])
{
    char path[DATASET_PATH];
    struct stat about;
    enum status st = dataset_path(dir, row->file, path, why);

    if (st != ST_OK)
        return st;
    errno = 0; /* a folder is no error of stat */
    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode)) {
        (void)snprintf(why, ERR_LEN, "line %zu: %.100s: %s", row->line, row->file,
                       errno == ENOENT ? "no such file; is an archive still packed?"
                                       : "cannot be read");
        return ST_IO;
    }
    file->path = strdup(path);
    file->len = (size_t)about.st_size;
    if (file->path != NULL)
        return ST_OK;
    (void)snprintf(why, ERR_LEN, "out of memory");
    return ST_NOMEM;
}

static enum status take_rows(const char *dir, const struct dataset_row *rows, size_t n,
                             struct dataset *set, char why[ERR_LEN])
{
    set->files = calloc(n, sizeof(*set->files));
    set->labels = malloc(n * sizeof(*set->labels));
    if (set->files == NULL || set->labels == NULL) {
        (void)snprintf(why, ERR_LEN, "out of memory");
        return ST_NOMEM;
    }
    set->n = n;
    for (size_t i = 0; i < n; i++) {
        enum status st = find_file(dir, &rows[i], &set->files[i], why);

        if (st != ST_OK)
            return st;
        set->labels[i] = rows[i].label;
    }
    return ST_OK;
}

static enum status load_list(const char *dir, const char *name, struct dataset *set,
                             char why[ERR_LEN])
{
    struct dataset_row *rows = NULL;
    uint8_t *bytes = NULL;
    size_t len = 0, n = 0;
    enum status st = dataset_read(dir, name, false, &bytes, &len, why);

    if (st != ST_OK)
        return st;
    char *text = realloc(bytes, len + 1); /* room for the last zero byte */
    if (text == NULL) {
        free(bytes);
        (void)snprintf(why, ERR_LEN, "out of memory");
        return ST_NOMEM;
    }
    st = dataset_csv_parse(text, len, &rows, &n, why);
    if (st == ST_OK)
        st = take_rows(dir, rows, n, set, why);
    if (st == ST_FORMAT || st == ST_IO)
        file_prefix(name, why);
    free(rows);
    free(text);
    return st;
}

enum status dataset_csv_load(const char *dir, bool train, struct dataset *set,
                             char why[ERR_LEN])
{
    enum status st = load_list(dir, train ? "train.csv" : "test.csv", set, why);

    /* A list of a set that is not split is one to test with. */
    if (st == ST_NOT_FOUND && !train)
        st = load_list(dir, "labels.csv", set, why);
    return st;
}
