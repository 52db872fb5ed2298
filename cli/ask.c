/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask.h"

#include "cli/client.h"
#include "cli/output.h"
#include "cli/report.h"
#include "core/nearest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* -- The request -- */

/* The whole path; NULL if memory ran out. Free it with free(). */
static char *whole_path(struct client *client, const char *model, const struct ask *ask)
{
    char *path =
        model != NULL ? client_model_path(client, model, ask->path) : strdup(ask->path);

    if (path == NULL || ask->layer == NULL)
        return path;

    static const char query[] = "layer=";
    char *layer = curl_easy_escape(NULL, ask->layer, 0);
    size_t size = layer != NULL ? strlen(path) + 1 + sizeof(query) + strlen(layer) : 0;
    char *whole = layer != NULL ? malloc(size) : NULL;

    if (whole != NULL)
        snprintf(whole, size, "%s%c%s%s", path, strchr(path, '?') != NULL ? '&' : '?',
                 query, layer);
    curl_free(layer);
    free(path);
    return whole;
}

static int show(const struct cli *cli, const struct ask *ask, const char *model,
                const json_t *answer)
{
    if (cli->json)
        return output_json(stdout, answer, false) == ST_OK ? EXIT_SUCCESS : EXIT_FAILURE;
    return ask->print(stdout, model, answer) == ST_OK
               ? EXIT_SUCCESS
               : report(EXIT_FAILURE, "out of memory");
}

static int exchange(const struct cli *cli, struct client *client, const char *model,
                    const struct ask *ask)
{
    char *path = whole_path(client, model, ask);
    struct reply reply;

    if (path == NULL)
        return report(EXIT_FAILURE, "out of memory");

    const struct request request = { .method = ask->method,
                                     .path = path,
                                     .content_type = ask->content_type,
                                     .body = ask->body,
                                     .len = ask->len,
                                     .header = ask->header,
                                     .once = strcmp(ask->method, "GET") != 0 };
    int code =
        client_call(client, &request, true, model != NULL ? model : ask->what, &reply)
            ? show(cli, ask, model, reply.json)
            : reply.exit_code;
    reply_done(&reply);
    free(path);
    return code;
}

int ask_run(const struct cli *cli, const struct ask *ask)
{
    struct client *client = NULL;
    char *model = NULL;
    int code = client_open(cli, &client);

    if (code == EXIT_SUCCESS && ask->what == NULL)
        code = client_pick_model(client, &model);
    if (code == EXIT_SUCCESS)
        code = exchange(cli, client, model, ask);
    free(model);
    client_close(client);
    return code;
}

/* -- Bytes -- */

static int save(const char *file, const struct client_body *bytes)
{
    bool is_stdout = strcmp(file, "-") == 0;
    FILE *out = is_stdout ? stdout : fopen(file, "wb");

    if (out == NULL)
        return report(EXIT_FAILURE, "%s: %s", file, strerror(errno));

    bool whole =
        bytes->len == 0 || fwrite(bytes->bytes, 1, bytes->len, out) == bytes->len;
    /* What is left in the buffer may fail to be written, too. */
    whole = (is_stdout ? fflush(out) : fclose(out)) == 0 && whole;
    return whole ? EXIT_SUCCESS
                 : report(EXIT_FAILURE, "%s: cannot be written whole: %s", file,
                          strerror(errno));
}

static int tell_saved(const struct cli *cli, const char *file, size_t len)
{
    char text[OUTPUT_NUMBER];

    if (strcmp(file, "-") == 0)
        return EXIT_SUCCESS;
    if (!cli->json) {
        output_text(stdout, file);
        printf(": %s\n", output_bytes((double)len, text));
        return EXIT_SUCCESS;
    }

    /* A name that is no UTF-8 is left out. */
    json_t *told = json_pack("{s:s*, s:I}", "file", file, "bytes", (json_int_t)len);
    int code = output_json(stdout, told, true) == ST_OK ? EXIT_SUCCESS : EXIT_FAILURE;
    json_decref(told);
    return code;
}

static int download(const struct cli *cli, struct client *client, const char *model,
                    const struct ask *ask, const char *file)
{
    char *path = whole_path(client, model, ask);
    struct reply reply;

    if (path == NULL)
        return report(EXIT_FAILURE, "out of memory");

    const struct request request = {
        .method = "GET", .path = path, .header = ask->header, .raw = true
    };
    int code =
        client_call(client, &request, false, model != NULL ? model : ask->what, &reply)
            ? save(file, &reply.bytes)
            : reply.exit_code;
    if (code == EXIT_SUCCESS)
        code = tell_saved(cli, file, reply.bytes.len);
    reply_done(&reply);
    free(path);
    return code;
}

int ask_save(const struct cli *cli, const struct ask *ask, const char *file)
{
    struct client *client = NULL;
    char *model = NULL;
    int code = client_open(cli, &client);

    if (code == EXIT_SUCCESS && ask->what == NULL)
        code = client_pick_model(client, &model);
    if (code == EXIT_SUCCESS)
        code = download(cli, client, model, ask, file);
    free(model);
    client_close(client);
    return code;
}

/* -- Usage -- */

int ask_unknown_verb(const char *command, const char *verb, const char *const *verbs)
{
    const char *near = nearest_name(verb, verbs);
    char list[128] = "";
    size_t used = 0;

    for (size_t i = 0; verbs[i] != NULL && used < sizeof(list); i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
                                 i > 0 ? ", " : "", verbs[i]);
    return report(EX_USAGE, "%s: %.64s is none of %s%s%s%s", command, verb, list,
                  near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                  near != NULL ? "?" : "");
}

int ask_refuse(const char *verb, const struct option *options,
               const struct option_value *values, size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++)
        if (values[i].given)
            return report(EX_USAGE, "%s takes no --%s", verb, options[i].name);
    return EXIT_SUCCESS;
}
