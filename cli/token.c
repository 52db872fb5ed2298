/* SPDX-License-Identifier: Apache-2.0 */
/* token.c - `spinbnn token`: makes a bearer token, and the line that lets it in. */
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#define RANDOM_LEN   32
#define HASH_LEN     32
#define PREFIX       "spinbnn_"
#define NAME_LEN_MAX 63
#define TOKEN_SIZE   (sizeof(PREFIX) + 2 * (size_t)RANDOM_LEN)

enum { SCOPE, NAME, OUT };

static const struct option options[] = {
    [SCOPE] = { .name = "scope",
                .kind = OPTION_TEXT,
                .value = "SCOPES",
                .help = "what it is good for: infer (classify, label), read (look at "
                        "everything), admin (all of it); several as infer,read" },
    [NAME] = { .name = "name",
               .kind = OPTION_TEXT,
               .value = "NAME",
               .help = "whose it will be, as the daemon's log calls it: letters, digits, "
                       "'-', '_' and '.'" },
    [OUT] = { .name = "out",
              .letter = 'o',
              .kind = OPTION_TEXT,
              .value = "FILE",
              .help = "write the token there, for its owner alone, and print nothing but "
                      "the line" },
    { .name = NULL },
};

static void write_hex(const uint8_t *bytes, size_t len, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_text[2 * len] = '\0';
}

static int make_token(char ret_token[TOKEN_SIZE])
{
    uint8_t bytes[RANDOM_LEN];

    /* Up to 256 bytes come whole, once the kernel has any. */
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return report(EXIT_FAILURE, "no random bytes: %s", strerror(errno));
    memcpy(ret_token, PREFIX, sizeof(PREFIX));
    write_hex(bytes, sizeof(bytes), ret_token + sizeof(PREFIX) - 1);
    explicit_bzero(bytes, sizeof(bytes));
    return EXIT_SUCCESS;
}

/* The next scope of a list; its length, 0 if it is none. */
static size_t scope_length(const char *at)
{
    static const char *const scopes[] = { "infer", "read", "admin" };
    size_t len = strcspn(at, ",");

    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
        if (strlen(scopes[i]) == len && strncmp(at, scopes[i], len) == 0)
            return len;
    return 0;
}

static bool are_scopes(const char *text)
{
    for (;; text++) {
        size_t len = scope_length(text);

        if (len == 0)
            return false;
        text += len;
        if (*text == '\0')
            return true;
    }
}

static bool is_name(const char *text)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789-_.";
    size_t len = strlen(text);

    return len > 0 && len <= NAME_LEN_MAX && strspn(text, good) == len;
}

/* A file that is there already stays as it is: somebody may need that token. */
static int write_token(const char *path, const char *token)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return report(EXIT_FAILURE, "%s: %s", path, strerror(errno));
    bool ok = dprintf(fd, "%s\n", token) > 0;
    ok = close(fd) == 0 && ok;
    return ok ? EXIT_SUCCESS : report(EXIT_FAILURE, "%s cannot be written", path);
}

/* `token` is NULL if it is in a file already. */
static void print_token(const struct cli *cli, const char *token, const char *scopes,
                        const char *name, const char *hash)
{
    if (cli->json && token != NULL)
        printf("{\"token\":\"%s\",\"line\":\"%s %s %s\"}\n", token, scopes, name, hash);
    else if (cli->json)
        printf("{\"line\":\"%s %s %s\"}\n", scopes, name, hash);
    else if (token != NULL)
        printf("The token, shown this once; for the client, in a file that only it can "
               "read:\n\n"
               "%s\n\n"
               "The line for the daemon's tokens_file, which then wants a SIGHUP:\n\n"
               "%s %s %s\n",
               token, scopes, name, hash);
    else
        printf("%s %s %s\n", scopes, name, hash);
}

static int give_token(const struct cli *cli, const struct option_value *values,
                      const char *token)
{
    const char *scopes = values[SCOPE].text, *name = values[NAME].text;
    uint8_t hash[HASH_LEN];
    char hex[2 * HASH_LEN + 1];

    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, token, strlen(token), hash) != 0)
        return report(EXIT_FAILURE, "SHA-256 is not to be had here");
    write_hex(hash, sizeof(hash), hex);
    int code = values[OUT].given ? write_token(values[OUT].text, token) : EXIT_SUCCESS;
    if (code != EXIT_SUCCESS)
        return code;
    print_token(cli, values[OUT].given ? NULL : token, scopes, name, hex);
    return EXIT_SUCCESS;
}

static int run(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    char token[TOKEN_SIZE];

    (void)args;
    (void)n_args;
    if (!values[SCOPE].given || !are_scopes(values[SCOPE].text))
        return report(EX_USAGE,
                      "token: --scope takes infer, read, admin, or several with "
                      "commas between");
    if (!values[NAME].given || !is_name(values[NAME].text))
        return report(EX_USAGE,
                      "token: --name takes 1 to %d letters, digits, '-', '_' and "
                      "'.'",
                      NAME_LEN_MAX);
    int code = make_token(token);
    if (code == EXIT_SUCCESS)
        code = give_token(cli, values, token);
    explicit_bzero(token, sizeof(token));
    return code;
}

const struct command token_command = {
    .name = "token",
    .args = "",
    .summary = "make a bearer token and the line that lets it in",
    .about =
        "Works offline. A daemon with the setting tokens_file asks everybody for a\n"
        "token; the file holds a line for each, with no more of the token than its\n"
        "SHA-256. Clients send it as Authorization: Bearer TOKEN; this command line\n"
        "reads it from --token-file.\n",
    .examples = "  spinbnn token --scope infer --name camera-3\n"
                "  spinbnn token --scope admin --name me -o me.token >> tokens\n",
    .options = options,
    .run = run,
};
