/* SPDX-License-Identifier: Apache-2.0 */
#include "api/token.h"

#include "api/hex.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_SCOPE (TOKEN_READ | TOKEN_INFER | TOKEN_ADMIN)

/* A part of the text, which need not end with a zero. */
struct word {
    const char *text;
    size_t len;
};

const char *token_scope_name(enum token_scope scope)
{
    return (scope & TOKEN_READ) != 0    ? "read"
           : (scope & TOKEN_INFER) != 0 ? "infer"
                                        : "admin";
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '_' || c == '.';
}

/* The next word of a line; empty at its end. */
static struct word next_word(struct word *line)
{
    while (line->len > 0 && is_blank(line->text[0])) {
        line->text++;
        line->len--;
    }
    struct word word = { line->text, 0 };
    while (word.len < line->len && !is_blank(word.text[word.len]))
        word.len++;
    line->text += word.len;
    line->len -= word.len;
    return word;
}

/* 0: one of them is no scope. */
static unsigned read_scopes(struct word word)
{
    static const enum token_scope all[] = { TOKEN_READ, TOKEN_INFER, TOKEN_ADMIN };
    unsigned scopes = 0;

    for (size_t begin = 0; begin <= word.len;) {
        const char *comma = memchr(word.text + begin, ',', word.len - begin);
        size_t end = comma != NULL ? (size_t)(comma - word.text) : word.len;
        unsigned found = 0;

        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
            const char *name = token_scope_name(all[i]);
            if (strlen(name) == end - begin &&
                memcmp(name, word.text + begin, end - begin) == 0)
                found = all[i];
        }
        if (found == 0)
            return 0;
        scopes |= found;
        begin = end + 1;
    }
    return (scopes & TOKEN_ADMIN) != 0 ? EVERY_SCOPE : scopes;
}

static bool read_name(struct word word, char ret_name[TOKEN_NAME_LEN])
{
    if (word.len == 0 || word.len >= TOKEN_NAME_LEN)
        return false;
    for (size_t i = 0; i < word.len; i++)
        if (!is_name_char(word.text[i]))
            return false;
    memcpy(ret_name, word.text, word.len);
    ret_name[word.len] = '\0';
    return true;
}

static bool read_hash(struct word word, uint8_t ret_hash[TOKEN_HASH_LEN])
{
    if (word.len != 2 * (size_t)TOKEN_HASH_LEN)
        return false;
    for (size_t i = 0; i < TOKEN_HASH_LEN; i++) {
        int high = hex_digit(word.text[2 * i]), low = hex_digit(word.text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        ret_hash[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

/* NULL, or what is wrong with the line. */
static const char *read_line(struct word line, struct token *ret_token)
{
    struct word scopes = next_word(&line), name = next_word(&line),
                hash = next_word(&line);

    ret_token->scopes = read_scopes(scopes);
    if (ret_token->scopes == 0)
        return "the first word is no list of scopes, such as read,infer or admin";
    if (!read_name(name, ret_token->name))
        return "the second word is no name of letters, digits, '-', '_' or '.', at most "
               "63 of them";
    if (!read_hash(hash, ret_token->hash))
        return "the third word is no SHA-256 of a token, 64 hex digits";
    if (next_word(&line).len != 0)
        return "there are more than three words";
    return NULL;
}

static const char *find_double(const struct token_list *list)
{
    const struct token *last = &list->tokens[list->n - 1];

    for (const struct token *token = list->tokens; token != last; token++) {
        if (strcmp(token->name, last->name) == 0)
            return "another line has the same name";
        if (memcmp(token->hash, last->hash, TOKEN_HASH_LEN) == 0)
            return "another line has the same token";
    }
    return NULL;
}

/* Takes a line into the list; NULL, or what is wrong with it. */
static const char *add_line(struct token_list *list, struct word line)
{
    struct word rest = line;
    struct word first = next_word(&rest);

    if (first.len == 0 || first.text[0] == '#')
        return NULL;
    if (list->n == TOKEN_MAX)
        return "there are too many tokens, more than 1024";
    const char *wrong = read_line(line, &list->tokens[list->n]);
    if (wrong != NULL)
        return wrong;
    list->n++;
    return find_double(list);
}

enum status token_list_parse(const char *text, size_t len, struct token_list **ret_list,
                             char why[ERR_LEN])
{
    struct token_list *list = malloc(sizeof(*list) + TOKEN_MAX * sizeof(list->tokens[0]));

    if (list == NULL) {
        (void)snprintf(why, ERR_LEN, "no memory for the tokens");
        return ST_NOMEM;
    }
    list->n = 0;
    for (size_t number = 1, begin = 0; begin < len; number++) {
        const char *newline = memchr(text + begin, '\n', len - begin);
        size_t end = newline != NULL ? (size_t)(newline - text) : len;
        const char *wrong = add_line(list, (struct word) { text + begin, end - begin });

        if (wrong != NULL) {
            (void)snprintf(why, ERR_LEN, "line %zu: %s", number, wrong);
            free(list);
            return ST_FORMAT;
        }
        begin = end + 1;
    }
    *ret_list = list;
    return ST_OK;
}

void token_list_free(struct token_list *list)
{
    free(list);
}

const struct token *token_list_find(const struct token_list *list, const char *text)
{
    size_t len = strnlen(text, TOKEN_TEXT_MAX + 1);
    uint8_t hash[TOKEN_HASH_LEN];
    const struct token *found = NULL;

    if (len == 0 || len > TOKEN_TEXT_MAX ||
        gnutls_hash_fast(GNUTLS_DIG_SHA256, text, len, hash) != 0)
        return NULL;
    for (size_t i = 0; i < list->n; i++)
        if (gnutls_memcmp(hash, list->tokens[i].hash, sizeof(hash)) == 0)
            found = &list->tokens[i];
    return found;
}
