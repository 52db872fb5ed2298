/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/version_book.h"

#include "storage/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A book that is full: names of 64 bytes with all their numbers. */
#define FILE_MAX ((size_t)128 << 20)

static const char heading[] = "spinbnn versions 1\n";

struct number {
    uint32_t version, checksum;
};

struct line {
    char *name; /* ours */
    uint32_t last;
    size_t n;
    struct number *numbers; /* ours, [n], ascending */
};

struct version_book {
    size_t n, size;
    struct line *lines; /* ours */
    bool changed;       /* since it was read or saved */
};

enum status version_book_new(struct version_book **ret_book)
{
    *ret_book = calloc(1, sizeof(**ret_book));
    return *ret_book != NULL ? ST_OK : ST_NOMEM;
}

void version_book_free(struct version_book *book)
{
    if (book == NULL)
        return;
    for (size_t i = 0; i < book->n; i++) {
        free(book->lines[i].numbers);
        free(book->lines[i].name);
    }
    free(book->lines);
    free(book);
}

/* -- Looking up -- */

static struct line *find_line(const struct version_book *book, const char *name)
{
    for (size_t i = 0; i < book->n; i++)
        if (strcmp(book->lines[i].name, name) == 0)
            return &book->lines[i];
    return NULL;
}

static const struct line none;

static const struct line *line_of(const struct version_book *book, const char *name)
{
    const struct line *line = find_line(book, name);

    return line != NULL ? line : &none;
}

bool version_book_checksum(const struct version_book *book, const char *name,
                           uint32_t version, uint32_t *ret_checksum)
{
    const struct line *line = line_of(book, name);

    for (size_t i = 0; i < line->n; i++)
        if (line->numbers[i].version == version) {
            *ret_checksum = line->numbers[i].checksum;
            return true;
        }
    return false;
}

uint32_t version_book_find(const struct version_book *book, const char *name,
                           uint32_t checksum)
{
    const struct line *line = line_of(book, name);

    for (size_t i = line->n; i-- > 0;)
        if (line->numbers[i].checksum == checksum)
            return line->numbers[i].version;
    return 0;
}

size_t version_book_list(const struct version_book *book, const char *name,
                         uint32_t ret_versions[VERSION_BOOK_NUMBERS])
{
    const struct line *line = line_of(book, name);

    for (size_t i = 0; i < line->n; i++)
        ret_versions[i] = line->numbers[i].version;
    return line->n;
}

uint32_t version_book_next(const struct version_book *book, const char *name)
{
    return line_of(book, name)->last + 1; /* 0 after the last there is */
}

/* -- Changing -- */

static enum status grow(struct version_book *book)
{
    if (book->n < book->size)
        return ST_OK;
    size_t size = book->size == 0 ? 16 : 2 * book->size;
    struct line *lines = realloc(book->lines, size * sizeof(*lines));

    if (lines == NULL)
        return ST_NOMEM;
    book->lines = lines;
    book->size = size;
    return ST_OK;
}

static enum status add_line(struct version_book *book, const char *name,
                            struct line **ret_line)
{
    if (book->n == VERSION_BOOK_NAMES)
        return ST_RANGE;
    char *copy = strdup(name);
    if (copy == NULL || grow(book) != ST_OK) {
        free(copy);
        return ST_NOMEM;
    }
    *ret_line = &book->lines[book->n++];
    **ret_line = (struct line) { .name = copy };
    return ST_OK;
}

static void drop_number(struct line *line, size_t i)
{
    line->n--;
    memmove(&line->numbers[i], &line->numbers[i + 1],
            (line->n - i) * sizeof(line->numbers[0]));
}

static enum status add_number(struct line *line, struct number number)
{
    struct number *numbers =
        realloc(line->numbers, (line->n + 1) * sizeof(*line->numbers));

    if (numbers == NULL)
        return ST_NOMEM;
    line->numbers = numbers;
    line->numbers[line->n++] = number;
    line->last = number.version;
    if (line->n > VERSION_BOOK_NUMBERS)
        drop_number(line, 0);
    return ST_OK;
}

enum status version_book_add(struct version_book *book, const char *name,
                             uint32_t version, uint32_t checksum)
{
    struct line *line = find_line(book, name);
    uint32_t next = version_book_next(book, name);

    if (next == 0 || version < next)
        return ST_RANGE;
    enum status st = line != NULL ? ST_OK : add_line(book, name, &line);
    if (st == ST_OK)
        st = add_number(line, (struct number) { version, checksum });
    book->changed = book->changed || st == ST_OK;
    return st;
}

void version_book_forget(struct version_book *book, const char *name, uint32_t version)
{
    struct line *line = find_line(book, name);

    for (size_t i = 0; line != NULL && i < line->n; i++)
        if (line->numbers[i].version == version) {
            drop_number(line, i);
            book->changed = true;
            return;
        }
}

void version_book_take_back(struct version_book *book, const char *name, uint32_t version)
{
    struct line *line = find_line(book, name);

    if (line == NULL || line->last != version || version == 0)
        return;
    version_book_forget(book, name, version);
    line->last = version - 1;
    book->changed = true;
}

/* -- The file -- */

/* A number without leading zeros; `at` is behind it then. */
static bool read_version(const char **at, uint32_t *ret_version)
{
    uint64_t version = 0;

    if (**at < '1' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9' && version <= UINT32_MAX; (*at)++)
        version = version * 10 + (uint64_t)(**at - '0');
    *ret_version = (uint32_t)version;
    return version <= UINT32_MAX;
}

static bool read_checksum(const char **at, uint32_t *ret_checksum)
{
    static const char digits[] = "0123456789abcdef";

    *ret_checksum = 0;
    for (unsigned i = 0; i < 8; i++, (*at)++) {
        const char *digit = **at != '\0' ? strchr(digits, **at) : NULL;

        if (digit == NULL)
            return false;
        *ret_checksum = *ret_checksum << 4 | (uint32_t)(digit - digits);
    }
    return true;
}

/* NULL, or what is wrong with the numbers behind the name. */
static const char *read_numbers(struct line *line, const char *at)
{
    uint32_t last;
    struct number number;

    if (!read_version(&at, &last))
        return "the second word is not the last number";
    while (*at == ' ') {
        at++;
        if (!read_version(&at, &number.version) || *at++ != ':' ||
            !read_checksum(&at, &number.checksum))
            return "expected a number, ':' and 8 hex digits";
        if (number.version <= line->last || number.version > last)
            return "the numbers do not ascend up to the last one";
        if (line->n == VERSION_BOOK_NUMBERS)
            return "there are too many numbers";
        if (add_number(line, number) != ST_OK)
            return "";
    }
    line->last = last;
    return *at == '\0' ? NULL : "there is something behind the numbers";
}

/* NULL, or what is wrong with the line, "" if it is memory. */
static const char *read_line(struct version_book *book, char *text)
{
    char *blank = strchr(text, ' ');
    struct line *line;

    if (blank == NULL)
        return "there is one word";
    *blank = '\0';
    if (!network_name_ok(text))
        return "the first word is no name of a model";
    if (find_line(book, text) != NULL)
        return "another line has the same name";
    enum status st = add_line(book, text, &line);
    if (st != ST_OK)
        return st == ST_RANGE ? "there are too many names" : "";
    return read_numbers(line, blank + 1);
}

/* `text` ends with a zero, which is not in it before, and is changed. */
static enum status read_lines(struct version_book *book, char *text, char why[ERR_LEN])
{
    if (strncmp(text, heading, sizeof(heading) - 1) != 0) {
        (void)snprintf(why, ERR_LEN, "line 1: expected \"%.*s\"",
                       (int)sizeof(heading) - 2, heading);
        return ST_FORMAT;
    }
    text += sizeof(heading) - 1;
    for (size_t number = 2; *text != '\0'; number++) {
        char *end = strchr(text, '\n');
        const char *wrong = "it has no end";

        if (end != NULL) {
            *end = '\0';
            wrong = read_line(book, text);
        }
        if (wrong != NULL) {
            (void)snprintf(why, ERR_LEN, "line %zu: %s", number,
                           wrong[0] != '\0' ? wrong : "out of memory");
            return wrong[0] != '\0' ? ST_FORMAT : ST_NOMEM;
        }
        text = end + 1;
    }
    return ST_OK;
}

enum status version_book_parse(const char *text, size_t len,
                               struct version_book **ret_book, char why[ERR_LEN])
{
    struct version_book *book = NULL;
    char *copy = malloc(len + 1);
    enum status st = ST_NOMEM;

    (void)snprintf(why, ERR_LEN, "out of memory");
    if (copy != NULL && version_book_new(&book) == ST_OK) {
        memcpy(copy, text, len);
        copy[len] = '\0';
        (void)snprintf(why, ERR_LEN, "there is a byte of zero in it");
        st = strlen(copy) == len ? read_lines(book, copy, why) : ST_FORMAT;
    }
    free(copy);
    if (st == ST_OK)
        *ret_book = book;
    else
        version_book_free(book);
    return st;
}

enum status version_book_load(const char *path, struct version_book **ret_book,
                              char why[ERR_LEN])
{
    uint8_t *bytes;
    size_t len;
    enum status st = file_read(path, FILE_MAX, &bytes, &len, why);

    if (st == ST_NOT_FOUND) {
        st = version_book_new(ret_book);
        return st == ST_OK ? st : file_fail(st, path, "not enough memory", why);
    }
    if (st != ST_OK)
        return st;
    st = version_book_parse((const char *)bytes, len, ret_book, why);
    free(bytes);
    if (st != ST_OK)
        file_prefix(path, why);
    return st;
}

enum status version_book_set_aside(const char *path, char ret_name[ERR_LEN],
                                   char why[ERR_LEN])
{
    char name[FILE_PATH_LEN];

    if (!file_corrupt_name(path, name))
        return file_fail(ST_IO, path, strerror(ENAMETOOLONG), why);
    if (rename(path, name) != 0)
        return file_fail(ST_IO, path, strerror(errno), why);
    (void)snprintf(ret_name, ERR_LEN, "%.*s", ERR_LEN - 1, name);
    return ST_OK;
}

static void write_lines(const struct version_book *book, FILE *out)
{
    (void)fputs(heading, out);
    for (size_t i = 0; i < book->n; i++) {
        const struct line *line = &book->lines[i];

        if (line->last == 0) /* there was no memory for its first number */
            continue;
        (void)fprintf(out, "%s %" PRIu32, line->name, line->last);
        for (size_t k = 0; k < line->n; k++)
            (void)fprintf(out, " %" PRIu32 ":%08" PRIx32, line->numbers[k].version,
                          line->numbers[k].checksum);
        (void)fputc('\n', out);
    }
}

/* The caller frees *ret_text. */
static enum status write_text(const struct version_book *book, char **ret_text,
                              size_t *ret_len)
{
    FILE *out = open_memstream(ret_text, ret_len);

    if (out == NULL)
        return ST_NOMEM;
    write_lines(book, out);
    bool whole = !ferror(out);
    /* Only here is it known whether there was memory for all of it. */
    if (fclose(out) == 0 && whole)
        return ST_OK;
    free(*ret_text);
    return ST_NOMEM;
}

enum status version_book_save(struct version_book *book, const char *path,
                              char why[ERR_LEN])
{
    char *text;
    size_t len;

    if (!book->changed)
        return ST_OK;
    if (write_text(book, &text, &len) != ST_OK)
        return file_fail(ST_NOMEM, path, "not enough memory", why);
    enum status st = file_write(path, (const uint8_t *)text, len, why);
    free(text);
    int error = st == ST_OK ? file_sync_folder(path) : 0;
    if (error != 0)
        st = file_fail(ST_IO, path, strerror(error), why);
    book->changed = st != ST_OK;
    return st;
}
