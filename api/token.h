/* SPDX-License-Identifier: Apache-2.0 */
/* token.h - bearer tokens: who they are and what they may do.
 *
 * The file holds no token, only what SHA-256 makes of one; a line each:
 *
 *     # scopes      name       SHA-256 of the token, in hex
 *     infer,read    camera-3
 * 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
 *
 * Tokens are 256 random bits (`spinbnn token` makes them), so the hash needs no salt and
 * no delay. Pure functions; a list is immutable.
 */
#ifndef API_TOKEN_H
#define API_TOKEN_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

#define TOKEN_NAME_LEN 64  /* with its zero */
#define TOKEN_TEXT_MAX 512 /* longer credentials are no token */
#define TOKEN_MAX      1024
#define TOKEN_HASH_LEN 32

/* What a request may need; a token has a set of them. Admin has the others, too. */
enum token_scope {
    TOKEN_READ = 1,  /* look: models, arrays, status, metrics */
    TOKEN_INFER = 2, /* classify, label */
    TOKEN_ADMIN = 4, /* change arrays, models, configuration */
};

struct token {
    char name[TOKEN_NAME_LEN]; /* letters, digits, '-', '_', '.'; unique in its list */
    unsigned scopes;           /* of enum token_scope */
    uint8_t hash[TOKEN_HASH_LEN];
};

struct token_list {
    size_t n;
    struct token tokens[];
};

/* Reads a file's text. ST_FORMAT with the line in `why`, which never repeats what is
 * there: it may be a token; ST_NOMEM. No token at all is a list that lets nobody in. */
MUST_CHECK enum status token_list_parse(const char *text, size_t len,
                                        struct token_list **ret_list, char why[ERR_LEN]);
void token_list_free(struct token_list *list);

/* Whose token this is, borrowed from the list; NULL: nobody's. How long it takes does not
 * depend on how much of a hash is right. */
const struct token *token_list_find(const struct token_list *list, const char *text);

/* "read", "infer" or "admin"; of several that would do, one. */
const char *token_scope_name(enum token_scope scope);

#endif
