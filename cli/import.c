/* SPDX-License-Identifier: Apache-2.0 */
/* import.c - `spinbnn import FILE.onnx -o FILE.sbnn`: a network of somebody else's tools
 * into a model file; asks no daemon. */
#include "cli/check.h"
#include "cli/cli.h"
#include "cli/contract.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/report.h"
#include "storage/model_file.h"
#include "storage/onnx_contract.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum {
    IMPORT_OUTPUT,
    IMPORT_NAME,
    IMPORT_DESCRIPTION,
    IMPORT_CHECK,
    IMPORT_CONTRACT,
    IMPORT_OPTIONS = IMPORT_CONTRACT + CONTRACT_OPTIONS
};

static const struct option import_options[IMPORT_OPTIONS + 1] = {
    [IMPORT_OUTPUT] = { .name = "output",
                        .letter = 'o',
                        .kind = OPTION_TEXT,
                        .value = "FILE.sbnn",
                        .help = "where to write the model file" },
    [IMPORT_NAME] = { .name = "name",
                      .kind = OPTION_TEXT,
                      .value = "NAME",
                      .help = "what the model is called; by default as its file" },
    [IMPORT_DESCRIPTION] = { .name = "description",
                             .kind = OPTION_TEXT,
                             .value = "TEXT",
                             .help = "a line about it, for people" },
    [IMPORT_CHECK] = { .name = "check",
                       .kind = OPTION_TEXT,
                       .value = "DIR",
                       .help = "classify the first 1000 pictures of a labelled set, as "
                               "evaluate reads it" },
    CONTRACT_ROWS(IMPORT_CONTRACT),
    [IMPORT_OPTIONS] = { .name = NULL },
};

static int read_contract(const struct option_value *values,
                         struct onnx_contract *contract)
{
    char why[ERR_LEN];

    for (size_t i = 0; onnx_contract_members[i].name != NULL; i++) {
        const struct option_value *value = &values[IMPORT_CONTRACT + i];

        if (!value->given)
            continue;
        enum status st =
            onnx_contract_set(contract, onnx_contract_members[i].name, value->text, why);
        /* It begins with the member's name, which options write with dashes. */
        for (char *c = why; st == ST_RANGE && *c != ':' && *c != '\0'; c++)
            if (*c == '_')
                *c = '-';
        if (st != ST_OK)
            return report(st == ST_NOMEM ? EXIT_FAILURE : EX_USAGE, "import: --%s", why);
    }
    return EXIT_SUCCESS;
}

/* The file's name without folder and ending, where it makes a name. */
static void name_of_file(const char *path, char ret_name[65])
{
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;

    snprintf(ret_name, 65, "%.*s", (int)strcspn(base, "."), base);
    if (!network_name_ok(ret_name))
        ret_name[0] = '\0';
}

static void print_remarks(const struct onnx_report *found)
{
    for (size_t i = 0; i < found->n_remarks; i++) {
        const struct onnx_remark *remark = &found->remarks[i];

        fputs("  remark  ", stdout);
        if (remark->node[0] != '\0') {
            output_text(stdout, remark->node);
            fputs(": ", stdout);
        }
        output_text(stdout, remark->text);
        putchar('\n');
    }
    if (found->n_dropped > 0)
        printf("  and %zu remarks more\n", found->n_dropped);
}

/* As the API has them. */
static json_t *json_remarks(const struct onnx_report *found)
{
    json_t *remarks = json_array();

    for (size_t i = 0; i < found->n_remarks; i++) {
        const struct onnx_remark *remark = &found->remarks[i];

        /* A failed append leaves a short array; print_json checks its length. */
        (void)json_array_append_new(remarks, json_pack("{s:s, s:s, s:s}", "code",
                                                       remark->code, "node", remark->node,
                                                       "text", remark->text));
    }
    return remarks;
}

/* null where there was no set. */
static json_t *json_check(const struct check *checked, size_t n_classes)
{
    if (checked->n == 0)
        return json_null();
    return json_pack("{s:I, s:I, s:f, s:b}", "images", (json_int_t)checked->n, "correct",
                     (json_int_t)checked->correct, "accuracy",
                     (double)checked->correct / (double)checked->n, "near_chance",
                     check_doubtful(checked, n_classes));
}

static int print_json(const char *path, const struct network *net,
                      const struct onnx_report *found, const struct check *checked)
{
    json_t *remarks = json_remarks(found);
    bool whole = json_array_size(remarks) == found->n_remarks;
    json_t *all =
        json_pack("{s:s*, s:I, s:I, s:o, s:I, s:o}", "file", path, "cells",
                  (json_int_t)network_cells(net), "layers", (json_int_t)net->n_layers,
                  "remarks", remarks, "remarks_dropped", (json_int_t)found->n_dropped,
                  "check", json_check(checked, net->n_classes));
    int code = EXIT_SUCCESS;

    /* json_pack has taken the remarks, whether or not it succeeded. */
    if (!whole || all == NULL || output_json(stdout, all, false) != ST_OK)
        code = report(EXIT_FAILURE, "the result cannot be shown as JSON (a file's name "
                                    "that is no UTF-8, or out of memory)");
    json_decref(all);
    return code;
}

static int refuse(const char *path, enum status st, const char *why)
{
    if (st == ST_NOMEM)
        return report(EXIT_FAILURE, "%s: out of memory", path);
    /* It begins with the code, and ends with what would be accepted. */
    return report(EX_DATAERR, "%s: %s", path, why);
}

/* On the labelled set of folder `dir`. */
static int check(const struct network *net, const char *dir, struct check *ret_check)
{
    struct dataset set = { 0 };
    char why[ERR_LEN];
    int code = input_dataset(dir, "test", &set);

    if (code != EXIT_SUCCESS)
        return code;
    enum status st = check_run(net, &set, ret_check, why);
    if (st != ST_OK)
        code = report(st == ST_NOMEM ? EXIT_FAILURE : EX_DATAERR, "%s: %s", dir, why);
    dataset_done(&set);
    return code;
}

/* A set that does not fit leaves no file: what was asked for was not done. */
static int keep(const struct cli *cli, const struct option_value *values,
                const struct network *net, const struct onnx_report *found)
{
    const char *path = values[IMPORT_OUTPUT].text;
    struct check checked = { 0 };
    char why[ERR_LEN], a[OUTPUT_NUMBER];

    if (values[IMPORT_CHECK].given) {
        int code = check(net, values[IMPORT_CHECK].text, &checked);

        if (code != EXIT_SUCCESS)
            return code;
    }
    if (model_file_save(path, net, why) != ST_OK)
        return report(EX_CANTCREAT, "%s", why);
    if (cli->json)
        return print_json(path, net, found, &checked);
    printf("%s: %s cells in %zu layers\n", path,
           output_count((double)network_cells(net), a), net->n_layers);
    print_remarks(found);
    if (checked.n > 0)
        check_print(stdout, &checked, net->n_classes);
    return EXIT_SUCCESS;
}

static int run(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    struct onnx_contract contract;
    struct onnx_report found = { .remarks = NULL };
    struct network *net = NULL;
    uint8_t *bytes = NULL;
    char why[ERR_LEN], name[65];
    size_t len;

    (void)n_args;
    if (!values[IMPORT_OUTPUT].given)
        return report(EX_USAGE, "import: say where to: -o FILE.sbnn");
    if (values[IMPORT_NAME].given && !network_name_ok(values[IMPORT_NAME].text))
        return report(
            EX_USAGE,
            "import: --name: \"%.80s\" is no name of a model: 1 to 64 of A-Z a-z "
            "0-9 . _ -, not beginning with a dot",
            values[IMPORT_NAME].text);
    onnx_contract_init(&contract);
    int code = read_contract(values, &contract);
    if (code == EXIT_SUCCESS &&
        input_read(args[0], ONNX_MAX_BYTES, &bytes, &len, why) != ST_OK)
        code = report(EX_NOINPUT, "%s: %s", args[0], why);
    if (code == EXIT_SUCCESS) {
        name_of_file(args[0], name);
        contract.options.name = values[IMPORT_NAME].given ? values[IMPORT_NAME].text
                                : name[0] != '\0'         ? name
                                                          : NULL;
        contract.options.description = values[IMPORT_DESCRIPTION].text;
        enum status st = onnx_import(bytes, len, &contract.options, &net, &found, why);
        code = st == ST_OK ? keep(cli, values, net, &found) : refuse(args[0], st, why);
        network_free(net);
    }
    onnx_report_done(&found);
    onnx_contract_done(&contract);
    free(bytes);
    return code;
}

const struct command import_command = {
    .name = "import",
    .args = "FILE.onnx",
    .summary = "turn an ONNX file into a model file, without a daemon",
    .about =
        "Reads a binarized network as PyTorch, Brevitas or Larq (tf2onnx) export it,\n"
        "proves from the numbers which weights and activations are binary, and writes a\n"
        "model file. What a pixel is to the network stands in no ONNX file: say it with\n"
        "--range, --mean and --std. What cannot be proved is refused, with the node, "
        "what\n"
        "was found and what would be accepted; exit status 65.\n"
        "\n"
        "A wrong range makes no error, only wrong answers: --check classifies labelled\n"
        "pictures of the network's size (IDX files or CIFAR-10's batches), and says so\n"
        "if it does hardly better than chance.\n",
    .examples =
        "  spinbnn import lfc.onnx --range 0..255 --check mnist/ -o lfc.sbnn\n"
        "  spinbnn import resnet18.onnx --range 0..255 \\\n"
        "                 --mean 123.68,116.779,103.939 --resize 256 --crop true \\\n"
        "                 -o resnet18.sbnn\n",
    .options = import_options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
