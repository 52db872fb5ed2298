/* SPDX-License-Identifier: Apache-2.0 */
/* evaluate.c - `spinbnn evaluate`: how well does a model do on a labelled set, now? */
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/evaluation.h"
#include "cli/field.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/report.h"
#include "core/interval.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>
#include <sysexits.h>

#define DEFAULT_BATCH       64
#define DEFAULT_CONNECTIONS 2
/* Photographs take longer to decode than to send. */
#define DEFAULT_BATCH_OF_FILES 16

enum { DATASET, SPLIT, LIMIT, BATCH, CONNECTIONS, TOP };

static const char *const splits[] = { "test", "train", NULL };

static const struct option options[] = {
    [DATASET] = { .name = "dataset",
                  .letter = 'd',
                  .kind = OPTION_TEXT,
                  .value = "DIR",
                  .help = "folder with IDX files named as MNIST's are, CIFAR-10's binary "
                          "batches, or picture files and a CSV" },
    [SPLIT] = { .name = "split",
                .kind = OPTION_CHOICE,
                .value = "SPLIT",
                .choices = splits,
                .help = "test (default) or train" },
    [LIMIT] = { .name = "limit",
                .kind = OPTION_COUNT,
                .value = "N",
                .min = 1,
                .max = 1e9,
                .help = "only the first N pictures" },
    [BATCH] = { .name = "batch",
                .kind = OPTION_COUNT,
                .value = "N",
                .min = 1,
                .max = BATCH_MAX_PICTURES,
                .help = "pictures in one request; default 64, 16 of files, less where "
                        "they are "
                        "large" },
    [CONNECTIONS] = { .name = "connections",
                      .kind = OPTION_COUNT,
                      .value = "N",
                      .min = 1,
                      .max = EVALUATION_MAX_CONNECTIONS,
                      .help = "requests under way at once; default 2" },
    [TOP] = { .name = "top",
              .letter = 'n',
              .kind = OPTION_COUNT,
              .value = "N",
              .min = 1,
              .max = 65536,
              .help = "count also how often the label is among the N best classes" },
    { .name = NULL },
};

/* What the report is about, beside the evaluation itself. */
struct subject {
    const char *model, *dir, *split;
    const json_t *about; /* the daemon's description of the model; borrowed */
};

/* -- Text -- */

static double ratio(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : (double)NAN;
}

static void print_top(const struct evaluation *e)
{
    struct interval i = interval_wilson(e->tally.correct_top, e->tally.n, INTERVAL_95);
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], c[OUTPUT_NUMBER], title[32], line[256];

    if (e->top <= 1)
        return;
    snprintf(title, sizeof(title), "top %zu", e->top);
    snprintf(line, sizeof(line), "%s, 95 %% interval %s to %s",
             output_percent(ratio(e->tally.correct_top, e->tally.n), a),
             output_percent(i.low, b), output_percent(i.high, c));
    output_line(stdout, title, line);
}

static void print_accuracy(const struct evaluation *e, const struct subject *s)
{
    struct interval i = interval_wilson(e->tally.correct, e->tally.n, INTERVAL_95);
    double shipped = field_number(s->about, "accuracy.ratio");
    double now = ratio(e->tally.correct, e->tally.n);
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], c[OUTPUT_NUMBER], line[256];

    snprintf(line, sizeof(line), "%s, 95 %% interval %s to %s", output_percent(now, a),
             output_percent(i.low, b), output_percent(i.high, c));
    output_line(stdout, "accuracy", line);
    snprintf(line, sizeof(line), "%s of %s right",
             output_count((double)e->tally.correct, a),
             output_count((double)e->tally.n, b));
    output_line(stdout, "", line);
    print_top(e);
    if (!isfinite(shipped)) {
        output_line(stdout, "shipped", "not known");
        return;
    }
    snprintf(line, sizeof(line), "%s without wrong bits (%.120s)",
             output_percent(shipped, a),
             field_text(s->about, "accuracy.test_set", "its test set"));
    output_line(stdout, "shipped", line);
    snprintf(line, sizeof(line), "now %+.2f points%s", 100.0 * (now - shipped),
             shipped >= i.low && shipped <= i.high ? ", shipped is within the interval"
                                                   : "");
    output_line(stdout, "", line);
}

static void print_memory(const struct tally_generation *g)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], c[OUTPUT_NUMBER], line[256];

    snprintf(line, sizeof(line),
             "generation %llu: %s wrong bits in %s cells, bit error rate %s",
             (unsigned long long)g->generation, output_count(g->wrong_bits, a),
             output_count(g->cells, b), output_rate(g->wrong_bits / g->cells, c));
    output_line(stdout, "memory", line);
}

static enum status print_generations(const struct tally *tally)
{
    struct table table;
    char text[OUTPUT_NUMBER];

    output_line(stdout, "memory", "programmed again meanwhile:");
    table_init(&table, ">GENERATION|>PICTURES|>ACCURACY|>WRONG BITS|>BIT ERROR RATE");
    for (size_t i = 0; i < tally->n_generations; i++) {
        const struct tally_generation *g = &tally->generations[i];

        table_add(&table, output_id((double)g->generation, text));
        table_add(&table, output_count((double)g->n, text));
        table_add(&table, output_percent(ratio(g->correct, g->n), text));
        table_add(&table, output_count(g->wrong_bits, text));
        table_add(&table, output_rate(g->wrong_bits / g->cells, text));
    }

    enum status st = table_print(&table, stdout, 20);
    table_done(&table);
    return st;
}

static void print_costs(const struct evaluation *e)
{
    double n = (double)e->tally.n;
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], line[256];

    snprintf(line, sizeof(line), "%s a picture, %s in all",
             output_energy(e->tally.energy_pj / n, a),
             output_energy(e->tally.energy_pj, b));
    output_line(stdout, "energy", line);
    snprintf(line, sizeof(line),
             "%s pictures/s (%zu connections, %zu pictures a request)",
             output_count(n / e->seconds, a), e->n_connections, e->batch);
    output_line(stdout, "speed", line);
    if (e->n_retries > 0) {
        snprintf(line, sizeof(line), "the daemon was busy %s times; asked again",
                 output_count((double)e->n_retries, a));
        output_line(stdout, "", line);
    }
}

static int print_text(const struct evaluation *e, const struct subject *s)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER];
    enum status st = ST_OK;

    output_text(stdout, s->model);
    fputs(" on ", stdout);
    output_text(stdout, s->dir);
    printf(", %s split: ", s->split);
    if (e->tally.n < e->n)
        printf("stopped after %s of %s pictures\n", output_count((double)e->tally.n, a),
               output_count((double)e->n, b));
    else
        printf("%s pictures\n", output_count((double)e->tally.n, a));
    print_accuracy(e, s);
    if (e->tally.n_generations == 1)
        print_memory(&e->tally.generations[0]);
    else
        st = print_generations(&e->tally);
    print_costs(e);
    return st == ST_OK ? EXIT_SUCCESS : report(EXIT_FAILURE, "out of memory");
}

/* -- JSON -- */

/* null where there is no number */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *count(double value)
{
    return fabs(value) < 1e15 ? json_integer((json_int_t)value) : json_null();
}

static json_t *json_generations(const struct tally *tally)
{
    json_t *list = json_array();

    for (size_t i = 0; i < tally->n_generations; i++) {
        const struct tally_generation *g = &tally->generations[i];

        /* A failed append leaves a short array; print_json checks its length. */
        (void)json_array_append_new(
            list,
            json_pack("{s:I, s:I, s:I, s:f, s:o, s:o, s:o}", "generation",
                      (json_int_t)g->generation, "images", (json_int_t)g->n, "correct",
                      (json_int_t)g->correct, "accuracy", ratio(g->correct, g->n),
                      "wrong_bits", count(g->wrong_bits), "cells", count(g->cells),
                      "bit_error_rate", number(g->wrong_bits / g->cells)));
    }
    return list;
}

static json_t *json_interval(const struct interval *i)
{
    return json_pack("{s:f, s:f, s:f}", "level", 0.95, "low", i->low, "high", i->high);
}

/* null where nothing but the best class was asked for */
static json_t *json_top(const struct evaluation *e)
{
    struct interval i = interval_wilson(e->tally.correct_top, e->tally.n, INTERVAL_95);

    if (e->top <= 1)
        return json_null();
    return json_pack("{s:I, s:I, s:f, s:o}", "n", (json_int_t)e->top, "correct",
                     (json_int_t)e->tally.correct_top, "accuracy",
                     ratio(e->tally.correct_top, e->tally.n), "interval",
                     json_interval(&i));
}

static int print_json(const struct evaluation *e, const struct subject *s)
{
    const struct tally *tally = &e->tally;
    struct interval i = interval_wilson(tally->correct, tally->n, INTERVAL_95);
    json_t *generations = json_generations(tally), *shipped = field(s->about, "accuracy");
    bool whole = json_array_size(generations) == tally->n_generations;
    json_t *interval = json_interval(&i), *top = json_top(e);
    json_t *energy =
        json_pack("{s:o, s:o}", "total_pj", number(tally->energy_pj), "per_image_pj",
                  number(tally->energy_pj / (double)tally->n));
    json_t *all = json_pack(
        "{s:s, s:s, s:s, s:b, s:I, s:I, s:f, s:o, s:o, s:O?, s:o, s:o, s:f, s:f, "
        "s:I}",
        "model", s->model, "dataset", s->dir, "split", s->split, "complete",
        tally->n == e->n, "images", (json_int_t)tally->n, "correct",
        (json_int_t)tally->correct, "accuracy", ratio(tally->correct, tally->n),
        "interval", interval, "top", top, "shipped", shipped, "generations", generations,
        "energy", energy, "seconds", e->seconds, "images_per_s",
        (double)tally->n / e->seconds, "retries", (json_int_t)e->n_retries);
    int code = EXIT_SUCCESS;

    /* json_pack has taken every part, whether or not it succeeded. */
    if (!whole || all == NULL || output_json(stdout, all, false) != ST_OK)
        code = report(EXIT_FAILURE, "the result cannot be shown as JSON (a folder's name "
                                    "that is no UTF-8, or out of memory)");
    json_decref(all);
    return code;
}

/* -- The command -- */

/* Labels that are no class, and a set whose classes are those of the model in another
 * order: every answer would be counted wrong. */
static int check_labels(const struct dataset *set, const struct subject *s)
{
    double classes = field_number(s->about, "classes");
    const json_t *labels = field(s->about, "labels");
    uint32_t most = 0;

    for (size_t i = 0; i < set->n; i++)
        most = set->labels[i] > most ? set->labels[i] : most;
    if (most >= classes)
        return report(EX_DATAERR,
                      "%s has labels up to %lu, but %s knows only %.0f classes", s->dir,
                      (unsigned long)most, s->model, classes);

    for (size_t i = 0; i < set->n_names; i++) {
        const char *ours = json_string_value(json_array_get(labels, i));

        if (ours != NULL && strcasecmp(ours, set->names[i]) == 0)
            continue;
        for (size_t j = 0; j < json_array_size(labels); j++) {
            const char *other = json_string_value(json_array_get(labels, j));

            if (other != NULL && strcasecmp(other, set->names[i]) == 0)
                return report(EX_DATAERR, "%s: \"%.60s\" is class %zu, of %s class %zu",
                              s->dir, set->names[i], i, s->model, j);
        }
    }
    return EXIT_SUCCESS;
}

/* Pixels: how are they sent, and do they fit into a request? */
static int fit_pixels(struct evaluation *e, const struct subject *s)
{
    const struct dataset *set = e->set;

    if (set->channels != 1 && set->channels != 3)
        return report(EX_DATAERR,
                      "%s has pictures of %zu channels; 1 (grey) or 3 (RGB) "
                      "can be sent",
                      s->dir, set->channels);

    e->shape = (struct batch_shape) {
        .height = set->height,
        .width = set->width,
        .channels = set->channels,
        .raw = field_number(s->about, "input.height") == (double)set->height &&
               field_number(s->about, "input.width") == (double)set->width &&
               field_number(s->about, "input.channels") == (double)set->channels &&
               !json_is_true(field(s->about, "input.bgr")),
    };
    if (batch_count(set, &e->shape, 0, 1) == 0)
        return report(EX_DATAERR, "%s: a picture of %zu x %zu is too large for a request",
                      s->dir, set->width, set->height);
    return EXIT_SUCCESS;
}

static int fit_files(const struct evaluation *e)
{
    for (size_t i = 0; i < e->n; i++)
        if (batch_count(e->set, &e->shape, i, 1) == 0)
            return report(EX_DATAERR, "%s: %zu bytes are too many for a request",
                          e->set->files[i].path, e->set->files[i].len);
    return EXIT_SUCCESS;
}

/* Does the set suit the model, and how is it sent? */
static int fit(struct evaluation *e, const struct subject *s)
{
    int code = check_labels(e->set, s);

    if (code != EXIT_SUCCESS)
        return code;
    if ((double)e->top > field_number(s->about, "classes"))
        return report(EX_USAGE, "--top: %s knows only %.0f classes", s->model,
                      field_number(s->about, "classes"));
    return e->set->files != NULL ? fit_files(e) : fit_pixels(e, s);
}

static int evaluate(const struct cli *cli, struct evaluation *e, const struct subject *s)
{
    int code = fit(e, s);

    if (code != EXIT_SUCCESS)
        return code;
    code = evaluation_run(e);
    if (e->tally.n > 0) {
        int printed = cli->json ? print_json(e, s) : print_text(e, s);

        code = code != EXIT_SUCCESS ? code : printed;
    } else if (code == CLI_INTERRUPTED) {
        report(0, "evaluate: stopped before the first answer");
    }
    tally_done(&e->tally);
    return code;
}

/* Asks what the model is, then evaluates it. */
static int with_model(const struct cli *cli, struct evaluation *e, struct subject *s)
{
    char *about = client_model_path(e->client, s->model, "");
    char query[64];
    snprintf(query, sizeof(query), "/classify?top=%zu", e->top);
    char *path = client_model_path(e->client, s->model, query);
    const struct request ask = { .method = "GET", .path = about };
    struct reply reply = { 0 };
    int code;

    if (about == NULL || path == NULL) {
        code = report(EXIT_FAILURE, "out of memory");
    } else if (!client_call(e->client, &ask, true, s->model, &reply)) {
        code = reply.exit_code;
    } else {
        s->about = reply.json;
        e->path = path;
        code = evaluate(cli, e, s);
    }
    reply_done(&reply);
    free(path);
    free(about);
    return code;
}

static int run(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    struct subject s = { .dir = values[DATASET].text,
                         .split = values[SPLIT].given ? values[SPLIT].text : "test" };
    struct evaluation e = {
        .top = values[TOP].given ? values[TOP].count : 1,
        .n_connections =
            values[CONNECTIONS].given ? values[CONNECTIONS].count : DEFAULT_CONNECTIONS,
    };
    struct dataset set = { 0 };
    char *model = NULL;

    (void)args;
    (void)n_args;
    if (!values[DATASET].given)
        return report(EX_USAGE, "evaluate: --dataset DIR is missing; spinbnn evaluate "
                                "--help says what it holds");

    int code = input_dataset(s.dir, s.split, &set);
    if (code == EXIT_SUCCESS)
        code = client_open(cli, &e.client);
    if (code == EXIT_SUCCESS)
        code = client_pick_model(e.client, &model);
    if (code == EXIT_SUCCESS) {
        e.set = &set;
        e.batch = values[BATCH].given ? values[BATCH].count
                  : set.files != NULL ? DEFAULT_BATCH_OF_FILES
                                      : DEFAULT_BATCH;
        e.n = values[LIMIT].given && values[LIMIT].count < set.n ? values[LIMIT].count
                                                                 : set.n;
        s.model = model;
        code = with_model(cli, &e, &s);
    }
    free(model);
    client_close(e.client);
    dataset_done(&set);
    return code;
}

const struct command evaluate_command = {
    .name = "evaluate",
    .args = "",
    .summary = "measure accuracy on a labelled set, with wrong bits and energy",
    .about =
        "Sends every picture of a labelled set with its label and counts. The\n"
        "accuracy comes with its 95 % interval (Wilson): as exactly as so many\n"
        "pictures can tell. Beside it stands the accuracy that the model was shipped\n"
        "with, the wrong bits in the memory that answered, and the energy. If\n"
        "somebody turns the operating point meanwhile, each generation of the memory\n"
        "is counted by itself.\n"
        "\n"
        "DIR holds one of:\n"
        "- t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte (or train-...), plain or\n"
        "  .gz. Debian's package dataset-fashion-mnist puts such a set into\n"
        "  /usr/share/datasets/fashion-mnist.\n"
        "- CIFAR-10's binary version: test_batch.bin, or data_batch_1.bin to _5.bin.\n"
        "- test.csv or labels.csv (train.csv) with a header that has the columns file\n"
        "  and label (or class: its number), and the files: PNG, JPEG, PGM, PPM. An\n"
        "  archive is unpacked first: tar xf images.tar -C DIR.\n"
        "\n"
        "Pictures of another size than the model takes are fitted by the daemon. A\n"
        "busy daemon is asked again; Ctrl-C prints what was counted.\n",
    .examples =
        "  spinbnn evaluate --dataset /usr/share/datasets/fashion-mnist --model fashion\n"
        "  spinbnn evaluate -d mnist/ -m mnist --limit 1000\n"
        "  spinbnn evaluate -d photographs/ -m imagenet --top 5\n"
        "  spinbnn evaluate -d mnist/ -m mnist --json | jq .accuracy\n",
    .options = options,
    .run = run,
};
