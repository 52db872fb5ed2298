/* SPDX-License-Identifier: Apache-2.0 */
/* classify.c - `spinbnn classify FILE...`: one request and one line per picture. */
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/field.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/report.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* The daemon takes no longer bodies. */
#define MAX_BODY ((size_t)16 << 20)
/* Longer file names push the other columns to the right. */
#define MAX_NAME_WIDTH 40
/* Labels that are looked through for what somebody meant. */
#define MAX_OFFERED 1024

enum { TOP, LABEL };

static const struct option options[] = {
    [TOP] = { .name = "top",
              .letter = 'n',
              .kind = OPTION_COUNT,
              .value = "N",
              .min = 1,
              .max = 65536,
              .help = "show the N best classes; default 1" },
    [LABEL] = { .name = "label",
                .letter = 'l',
                .kind = OPTION_TEXT,
                .value = "CLASS",
                .help =
                    "the true class of every FILE, as a number or as one of the model's "
                    "labels; the daemon counts its accuracy with it" },
    { .name = NULL },
};

struct classify {
    const struct cli *cli;
    struct client *client; /* ours */
    char *model;           /* ours */
    char *path;            /* ours, with the query */
    uint64_t top;
    long label; /* -1: none */
    size_t name_width;
    size_t n_done, n_right;
};

/* -- What is asked -- */

static long class_by_number(const char *text)
{
    char *end = NULL;
    long class = isdigit((unsigned char)text[0]) ? strtol(text, &end, 10) : -1;

    return class >= 0 && *end == '\0' ? class : -1;
}

static long class_by_label(const json_t *labels, const char *text)
{
    const json_t *label;
    size_t i;

    json_array_foreach(labels, i, label)
    {
        if (json_is_string(label) && strcasecmp(json_string_value(label), text) == 0)
            return (long)i;
    }
    return -1;
}

static int unknown_label(const struct classify *c, const json_t *labels, const char *text)
{
    const char *names[MAX_OFFERED + 1] = { NULL };
    char offer[128];
    const json_t *label;
    size_t i, n = 0;

    json_array_foreach(labels, i, label)
    {
        if (json_is_string(label) && n < MAX_OFFERED)
            names[n++] = json_string_value(label);
    }
    options_suggest(text, names, offer, sizeof(offer));
    return report(EX_USAGE, "--label: %s is no class of %s%s", text, c->model,
                  offer[0] != '\0' ? offer : "; spinbnn models --model shows them");
}

/* The class that --label means: a number, or the name of a label. Whether there is a
 * class of that number is the daemon's to say. */
static int find_label(struct classify *c, const char *text)
{
    char *path = NULL;
    struct reply reply;

    c->label = class_by_number(text);
    if (c->label >= 0)
        return EXIT_SUCCESS;
    path = client_model_path(c->client, c->model, "");
    if (path == NULL)
        return report(EXIT_FAILURE, "out of memory");

    const struct request ask = { .method = "GET", .path = path };
    bool answered = client_call(c->client, &ask, true, c->model, &reply);
    int code = reply.exit_code;

    if (answered) {
        c->label = class_by_label(field(reply.json, "labels"), text);
        if (c->label < 0)
            code = unknown_label(c, field(reply.json, "labels"), text);
    }
    reply_done(&reply);
    free(path);
    return code;
}

static int set_path(struct classify *c)
{
    char query[80], label[40] = "";

    if (c->label >= 0)
        snprintf(label, sizeof(label), "&label=%ld", c->label);
    snprintf(query, sizeof(query), "/classify?top=%llu%s", (unsigned long long)c->top,
             label);
    c->path = client_model_path(c->client, c->model, query);
    return c->path != NULL ? EXIT_SUCCESS : report(EXIT_FAILURE, "out of memory");
}

/* Only a hint: the daemon looks at the bytes too. */
static const char *content_type(const uint8_t *bytes, size_t len)
{
    if (len >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
        return "image/png";
    if (len >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0)
        return "image/jpeg";
    if (len >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
        isspace(bytes[2]))
        return "image/x-portable-anymap";
    return "application/octet-stream";
}

/* -- What is shown -- */

static void print_titles(const struct classify *c)
{
    printf("%-*s  %6s  %-16s  %11s  %10s  %14s  %10s\n", (int)c->name_width, "FILE",
           "CLASS", "LABEL", "PROBABILITY", "WRONG BITS", "BIT ERROR RATE", "ENERGY");
}

/* Prints cleaned and padded. */
static void print_padded(const char *text, size_t width)
{
    char cell[512];
    size_t n = 0;

    output_clean(text, cell, sizeof(cell));
    for (const char *at = cell; *at != '\0'; at++)
        n += ((unsigned char)*at & 0xC0) != 0x80;
    printf("%s%*s", cell, n < width ? (int)(width - n) : 0, "");
}

static void print_score(const struct classify *c, const char *name, const json_t *score)
{
    char a[OUTPUT_NUMBER];

    print_padded(name, c->name_width);
    printf("  %6s  ", output_id(field_number(score, "class"), a));
    print_padded(field_text(score, "label", "-"), 16);
    printf("  %11s", output_percent(field_number(score, "probability"), a));
}

static void print_answer(struct classify *c, const char *file, const json_t *answer)
{
    const json_t *result = json_array_get(field(answer, "results"), 0), *score;
    const json_t *scores = field(result, "scores");
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], e[OUTPUT_NUMBER];
    size_t i;

    if (c->n_done == 0)
        print_titles(c);
    json_array_foreach(scores, i, score)
    {
        print_score(c, i == 0 ? file : "", score);
        if (i == 0)
            printf("  %10s  %14s  %10s%s",
                   output_count(field_number(answer, "memory.wrong_bits"), a),
                   output_rate(field_number(answer, "memory.bit_error_rate"), b),
                   output_energy(field_number(answer, "energy.total_pj"), e),
                   c->label < 0                                        ? ""
                   : field_number(result, "class") == (double)c->label ? "  right"
                                                                       : "  wrong");
        putchar('\n');
    }
}

/* One object on one line: the daemon's answer, and the file's name. */
static int print_json(const char *file, const struct reply *reply, const char *why)
{
    json_t *line = why == NULL && json_is_object(reply->json) ? json_copy(reply->json)
                                                              : json_object();
    json_t *name = json_string(file);
    int failed;

    if (name == NULL) /* a name that is no UTF-8 */
        name = json_string("(not UTF-8)");
    failed = json_object_set_new(line, "file", name);
    if (why != NULL)
        failed |= json_object_set_new(line, "detail", json_string(why));
    failed = failed || output_json(stdout, line, true) != ST_OK;
    json_decref(line);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* -- One file -- */

static int classify_file(struct classify *c, const char *file)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    char why[ERR_LEN];

    if (input_read(file, MAX_BODY, &bytes, &len, why) != ST_OK) {
        if (c->cli->json)
            (void)print_json(file, NULL, why); /* it is a failure already */
        return report(EXIT_FAILURE, "%s: %s", file, why);
    }

    const struct request ask = { .method = "POST",
                                 .path = c->path,
                                 .content_type = content_type(bytes, len),
                                 .body = bytes,
                                 .len = len };
    struct reply reply;
    bool answered = client_call(c->client, &ask, true, file, &reply);
    int code = reply.exit_code;

    free(bytes);
    if (c->cli->json && (answered || reply.status != 0))
        code |= print_json(file, &reply, NULL);
    else if (answered)
        print_answer(c, file, reply.json);
    if (answered) {
        const json_t *result = json_array_get(field(reply.json, "results"), 0);

        c->n_done++;
        c->n_right += field_number(result, "class") == (double)c->label;
    }
    reply_done(&reply);
    return code;
}

static int classify_files(struct classify *c, char **files, size_t n)
{
    int code = EXIT_SUCCESS;

    for (size_t i = 0; i < n; i++) {
        int one = classify_file(c, files[i]);

        if (one != EXIT_SUCCESS)
            code = one;
        if (one == EX_UNAVAILABLE)
            return one; /* the next file would not fare better */
    }
    if (!c->cli->json && c->label >= 0 && c->n_done > 1)
        printf("%zu of %zu right\n", c->n_right, c->n_done);
    return code;
}

static int run(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    struct classify c = { .cli = cli,
                          .top = values[TOP].given ? values[TOP].count : 1,
                          .label = -1,
                          .name_width = 4 };
    int code = client_open(cli, &c.client);

    for (size_t i = 0; i < n_args; i++) {
        size_t width = strlen(args[i]);

        if (width > c.name_width)
            c.name_width = width < MAX_NAME_WIDTH ? width : MAX_NAME_WIDTH;
    }
    if (code == EXIT_SUCCESS)
        code = client_pick_model(c.client, &c.model);
    if (code == EXIT_SUCCESS && values[LABEL].given)
        code = find_label(&c, values[LABEL].text);
    if (code == EXIT_SUCCESS)
        code = set_path(&c);
    if (code == EXIT_SUCCESS)
        code = classify_files(&c, args, n_args);
    free(c.path);
    free(c.model);
    client_close(c.client);
    return code;
}

const struct command classify_command = {
    .name = "classify",
    .args = "FILE...",
    .summary = "say what pictures show",
    .about =
        "Sends each FILE (PNG, JPEG, PGM, PPM, or raw pixels; - is standard input) and\n"
        "prints the class, its label and probability, how many bits of the weights\n"
        "were wrong in the memory that answered, and what the picture cost in energy.\n"
        "A picture of another size or colour is fitted to the model. Light and dark\n"
        "are never swapped: MNIST models want white digits on black.\n"
        "\n"
        "A FILE that fails does not stop the others; the exit status then is 1. With\n"
        "--json: one object per FILE, one per line.\n",
    .examples = "  spinbnn classify -m mnist seven.png\n"
                "  spinbnn classify -m mnist --top 3 seven.png\n"
                "  spinbnn classify -m mnist --label 7 sevens/*.png\n"
                "  convert shoe.webp png:- | spinbnn classify -m fashion -\n"
                "  spinbnn classify -m mnist --json *.png | jq -r '.file + \" \" + "
                ".results[0].label'\n",
    .options = options,
    .min_args = 1,
    .max_args = SIZE_MAX,
    .run = run,
};
