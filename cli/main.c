/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - finds the command in the table, reads its options, runs it. */
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/report.h"
#include "core/nearest.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const struct command *const commands[] = {
    &classify_command, &evaluate_command, &operating_point_command,
    &solve_command,    &program_command,  &scrub_command,
    &age_command,      &inject_command,   &memory_command,
    &array_command,    &device_command,   &energy_command,
    &models_command,   &status_command,   &health_command,
    &put_command,      &delete_command,   &import_command,
    &inspect_command,  &token_command,    &job_command,
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

enum { URL, MODEL, TOKEN_FILE, CA_FILE, TIMEOUT, JSON, HELP, VERSION, N_GLOBALS };

static const struct option global_options[] = {
    [URL] = { .name = "url",
              .kind = OPTION_TEXT,
              .value = "URL",
              .help = "the daemon; default $SPINBNN_URL, else " CLI_DEFAULT_URL },
    [MODEL] = { .name = "model",
                .letter = 'm',
                .kind = OPTION_TEXT,
                .value = "NAME",
                .help = "the model, or NAME:VERSION; default the only one that the "
                        "daemon serves" },
    [TOKEN_FILE] = { .name = "token-file",
                     .kind = OPTION_TEXT,
                     .value = "FILE",
                     .help = "file with the token that the daemon asks for; default "
                             "$SPINBNN_TOKEN_FILE, else none" },
    [CA_FILE] = { .name = "ca-file",
                  .kind = OPTION_TEXT,
                  .value = "FILE",
                  .help = "PEM file of who may have signed the daemon's certificate; "
                          "default $SPINBNN_CA_FILE, else the system's" },
    [TIMEOUT] = { .name = "timeout",
                  .kind = OPTION_NUMBER,
                  .value = "SECONDS",
                  .min = 0.1,
                  .max = 86400.0,
                  .help = "longest wait for one answer; default 60" },
    [JSON] = { .name = "json", .help = "print JSON for scripts instead of text" },
    [HELP] = { .name = "help",
               .letter = 'h',
               .help = "explain; after a command, explain that command" },
    [VERSION] = { .name = "version", .letter = 'V', .help = "print the version" },
    { .name = NULL },
};

static const char about[] =
    "spinbnn - ask and steer spinbnnd, a classifier whose weights live in simulated "
    "MRAM\n"
    "\n"
    "A binarized neural network keeps every weight in one bit, here in the cells of a\n"
    "spin-torque MRAM. Writing a cell takes a voltage pulse. A strong pulse (more "
    "voltage,\n"
    "more time) hardly ever fails but costs energy; a weak one is cheap and leaves some\n"
    "weights wrong. These write conditions are the operating point. Such a network "
    "hardly\n"
    "notices one wrong bit in a thousand, so weak writing can pay: turn the knob and "
    "see.\n"
    "\n"
    "  D=/usr/share/datasets/fashion-mnist     (apt-get install dataset-fashion-mnist)\n"
    "  spinbnn evaluate -m fashion -d $D       accuracy, wrong bits, energy\n"
    "  spinbnn operating-point set -m fashion --target 1e-3 --over random\n"
    "                                          write weakly; what did it save?\n"
    "  spinbnn evaluate -m fashion -d $D       and what did it cost?\n"
    "  spinbnn solve --target 1e-3             would a code have been cheaper?\n"
    "  spinbnn memory -m fashion               which cells fail?\n"
    "  spinbnn help operating-point            all about the knob\n";

static void print_help(FILE *out)
{
    fputs(about, out);
    fputs("\nUsage: spinbnn [OPTION...] COMMAND [OPTION...] [ARGUMENT...]\n\nCommands:\n",
          out);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-16s  %s\n", commands[i]->name, commands[i]->summary);
    fputs("  help COMMAND      explain one of them, with examples\n"
          "  version           print the version\n"
          "\nOptions of every command:\n",
          out);
    options_help(out, global_options);
    fputs("\nExit status: 0 done; 1 the server or a file failed; 64 wrong usage; 65 "
          "broken\n"
          "model file or data set; 69 the daemon cannot be reached; 130 Ctrl-C.\n",
          out);
}

static void print_command_help(FILE *out, const struct command *command)
{
    fprintf(out, "spinbnn %s - %s\n\nUsage: spinbnn %s [OPTION...]%s%s\n\n%s",
            command->name, command->summary, command->name, command->args[0] ? " " : "",
            command->args, command->about);
    if (command->options[0].name != NULL) {
        fputs("\nOptions:\n", out);
        options_help(out, command->options);
    }
    fputs("\nOptions of every command:\n", out);
    options_help(out, global_options);
    fprintf(out, "\nExamples:\n%s", command->examples);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[N_COMMANDS + 3];
    size_t n = 0;

    for (; n < N_COMMANDS; n++)
        names[n] = commands[n]->name;
    names[n++] = "help";
    names[n++] = "version";
    names[n] = NULL;

    const char *near = nearest_name(name, names);
    if (near != NULL)
        return report(EX_USAGE, "unknown command %.64s; did you mean %s?", name, near);
    return report(EX_USAGE, "unknown command %.64s; spinbnn --help lists them", name);
}

static int print_version(bool json)
{
    printf(json ? "{\"name\":\"spinbnn\",\"version\":\"%s\"}\n" : "spinbnn %s\n",
           SPINBNN_VERSION);
    return EXIT_SUCCESS;
}

/* Of the environment; NULL if it is empty, too. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

static struct cli settings(const struct option_value *globals)
{
    const char *url = variable("SPINBNN_URL");
    struct cli cli = {
        .url = url != NULL ? url : CLI_DEFAULT_URL,
        .token_file = variable("SPINBNN_TOKEN_FILE"),
        .ca_file = variable("SPINBNN_CA_FILE"),
        .timeout_s = 60.0,
        .json = globals[JSON].given,
    };

    if (globals[URL].given)
        cli.url = globals[URL].text;
    if (globals[MODEL].given)
        cli.model = globals[MODEL].text;
    if (globals[TOKEN_FILE].given)
        cli.token_file = globals[TOKEN_FILE].text;
    if (globals[CA_FILE].given)
        cli.ca_file = globals[CA_FILE].text;
    if (globals[TIMEOUT].given)
        cli.timeout_s = globals[TIMEOUT].number;
    return cli;
}

static int run_command(const struct command *command, struct option_value *globals,
                       char **argv, size_t n)
{
    struct option_value values[OPTION_MAX_TABLE] = { 0 };
    const struct option_set sets[] = { { command->options, values },
                                       { global_options, globals } };
    size_t n_args = 0, used = 0;
    char why[ERR_LEN];

    if (options_parse(sets, 2, argv, n, false, &n_args, &used, why) != ST_OK)
        return report(EX_USAGE, "%s: %s", command->name, why);
    if (globals[HELP].given) {
        print_command_help(stdout, command);
        return EXIT_SUCCESS;
    }
    if (globals[VERSION].given)
        return print_version(globals[JSON].given);
    if (n_args < command->min_args || n_args > command->max_args)
        return report(EX_USAGE, "%s: %s; spinbnn %s --help explains", command->name,
                      n_args < command->min_args ? "an argument is missing"
                                                 : "too many arguments",
                      command->name);

    struct cli cli = settings(globals);
    return command->run(&cli, values, argv, n_args);
}

/* `help` and `version` as words. */
static int run_word(const char *word, struct option_value *globals, char **argv, size_t n)
{
    const struct option_set set = { global_options, globals };
    size_t n_args = 0, used = 0;
    char why[ERR_LEN];

    if (options_parse(&set, 1, argv, n, false, &n_args, &used, why) != ST_OK)
        return report(EX_USAGE, "%s: %s", word, why);
    if (strcmp(word, "version") == 0)
        return print_version(globals[JSON].given);
    if (n_args == 0) {
        print_help(stdout);
        return EXIT_SUCCESS;
    }

    const struct command *command = find_command(argv[0]);
    if (command == NULL)
        return unknown_command(argv[0]);
    print_command_help(stdout, command);
    return EXIT_SUCCESS;
}

static int run(char **argv, size_t n)
{
    struct option_value globals[N_GLOBALS] = { 0 };
    const struct option_set set = { global_options, globals };
    size_t n_args = 0, used = 0;
    char why[ERR_LEN];

    if (options_parse(&set, 1, argv, n, true, &n_args, &used, why) != ST_OK)
        return report(EX_USAGE, "%s; spinbnn --help lists commands and options", why);
    if (used == n && globals[VERSION].given)
        return print_version(globals[JSON].given);
    if (used == n && globals[HELP].given) {
        print_help(stdout);
        return EXIT_SUCCESS;
    }
    if (used == n) {
        print_help(stderr);
        return EX_USAGE;
    }

    const char *word = argv[used];
    argv += used + 1;
    n -= used + 1;
    if (strcmp(word, "help") == 0 || strcmp(word, "version") == 0)
        return run_word(word, globals, argv, n);

    const struct command *command = find_command(word);
    return command != NULL ? run_command(command, globals, argv, n)
                           : unknown_command(word);
}

int main(int argc, char **argv)
{
    if (argc < 1)
        return EX_USAGE;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return report(EXIT_FAILURE, "libcurl does not start");

    int code = run(argv + 1, (size_t)argc - 1);
    curl_global_cleanup();
    /* A full disk or a closed pipe under our answer is a failure like any other. */
    if (fflush(stdout) != 0 || ferror(stdout))
        return report(code != EXIT_SUCCESS ? code : EXIT_FAILURE,
                      "standard output cannot be written");
    return code;
}
