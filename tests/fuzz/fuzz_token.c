/* SPDX-License-Identifier: Apache-2.0 */
/* A token file, and heads that are judged with it: lists hold what a line can say, and
 * nobody gets in with a hash. */
#include "api/access.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void judge(struct token_list *tokens, char *text)
{
    char hosts[] = "a.example,b";
    const struct access with = { .tokens = tokens }, without = { .hosts = hosts };
    const struct access_claim claim = {
        .host = text, .origin = text, .authorization = text, .changes = true
    };
    const struct token *token;

    /* The list holds hashes of what we do not know. */
    if (access_judge(&with, &claim, TOKEN_ADMIN, &token) == ACCESS_OK)
        abort();
    /* No text is both a host and an origin. */
    if (access_judge(&without, &claim, TOKEN_READ, &token) == ACCESS_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct token_list *list = NULL;
    char why[ERR_LEN] = "";
    char *text = malloc(len + 1);

    if (text == NULL)
        return 0;
    memcpy(text, bytes, len);
    text[len] = '\0';
    if (token_list_parse((const char *)bytes, len, &list, why) != ST_OK) {
        if (list != NULL || strncmp(why, "line ", 5) != 0)
            abort();
    } else {
        for (size_t i = 0; i < list->n; i++)
            if (list->tokens[i].scopes == 0 || list->tokens[i].scopes > 7 ||
                list->tokens[i].name[0] == '\0' ||
                memchr(list->tokens[i].name, '\0', TOKEN_NAME_LEN) == NULL)
                abort();
        judge(list, text);
    }
    token_list_free(list);
    free(text);
    return 0;
}
