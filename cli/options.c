/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include "cli/output.h"
#include "core/nearest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HELP_COLUMN 26
#define HELP_WIDTH  80
/* Values from the command line are quoted up to this many bytes. */
#define QUOTED 48
/* Largest integer that a double and a JSON reader keep. */
#define MAX_COUNT 9007199254740992.0

void options_suggest(const char *word, const char *const *names, char *ret_text,
                     size_t size)
{
    const char *near = nearest_name(word, names);

    ret_text[0] = '\0';
    if (near != NULL)
        snprintf(ret_text, size, "; did you mean %s?", near);
}

static enum status unknown_option(const struct option_set *sets, size_t n_sets,
                                  const char *name, size_t len, char why[ERR_LEN])
{
    const char *names[OPTION_MAX_TABLE + 1];
    size_t n = 0;
    char word[64], quoted[QUOTED * 4 + 1];

    for (size_t s = 0; s < n_sets; s++)
        for (size_t i = 0; sets[s].table[i].name != NULL && n < OPTION_MAX_TABLE; i++)
            names[n++] = sets[s].table[i].name;
    names[n] = NULL;
    snprintf(word, sizeof(word), "%.*s", (int)(len < 63 ? len : 63), name);
    output_clean(word, quoted, sizeof(quoted));

    const char *near = nearest_name(word, names);
    if (near != NULL)
        snprintf(why, ERR_LEN, "unknown option --%s; did you mean --%s?", quoted, near);
    else
        snprintf(why, ERR_LEN, "unknown option --%s", quoted);
    return ST_NOT_FOUND;
}

static bool parse_double(const char *text, double *ret_value)
{
    char *end = NULL;

    errno = 0;
    *ret_value = strtod(text, &end);
    /* Underflow (a target of 1e-400) is not an error here: the daemon says what it takes.
     */
    return end != text && *end == '\0' && isfinite(*ret_value);
}

static bool parse_count(const char *text, uint64_t *ret_count)
{
    char *end = NULL;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *ret_count = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && (double)*ret_count <= MAX_COUNT;
}

static bool in_range(const struct option *option, double value)
{
    return (option->min == 0.0 && option->max == 0.0) ||
           (value >= option->min && value <= option->max);
}

static enum status refuse_value(const struct option *option, const char *text,
                                char why[ERR_LEN])
{
    char quoted[QUOTED + 1];

    output_clean(text, quoted, sizeof(quoted));
    if (option->kind == OPTION_CHOICE) {
        char suggestion[64];
        size_t used;

        options_suggest(text, option->choices, suggestion, sizeof(suggestion));
        used =
            (size_t)snprintf(why, ERR_LEN, "--%s: %s is none of", option->name, quoted);
        for (size_t i = 0; option->choices[i] != NULL && used < ERR_LEN; i++)
            used += (size_t)snprintf(why + used, ERR_LEN - used, "%s %s", i ? "," : "",
                                     option->choices[i]);
        if (used < ERR_LEN)
            snprintf(why + used, ERR_LEN - used, "%s", suggestion);
        return ST_RANGE;
    }

    const char *what = option->kind == OPTION_COUNT ? "a whole number" : "a number";
    if (option->min == 0.0 && option->max == 0.0)
        snprintf(why, ERR_LEN, "--%s: %s is not %s", option->name, quoted, what);
    else
        snprintf(why, ERR_LEN, "--%s: %s is not %s from %.15g to %.15g", option->name,
                 quoted, what, option->min, option->max);
    return ST_RANGE;
}

static enum status put_value(const struct option *option, const char *text,
                             struct option_value *ret_value, char why[ERR_LEN])
{
    uint64_t count = 0;
    double number = 0.0;

    switch (option->kind) {
    case OPTION_FLAG:
    case OPTION_TEXT:
        break;
    case OPTION_LIST:
        if (ret_value->n_list == OPTION_MAX_LIST) {
            snprintf(why, ERR_LEN, "--%s is given more than %d times", option->name,
                     OPTION_MAX_LIST);
            return ST_RANGE;
        }
        ret_value->list[ret_value->n_list++] = text;
        break;
    case OPTION_CHOICE: {
        size_t i = 0;
        while (option->choices[i] != NULL && strcmp(option->choices[i], text) != 0)
            i++;
        if (option->choices[i] == NULL)
            return refuse_value(option, text, why);
        break;
    }
    case OPTION_COUNT:
        if (!parse_count(text, &count) || !in_range(option, (double)count))
            return refuse_value(option, text, why);
        number = (double)count;
        break;
    case OPTION_NUMBER:
        if (!parse_double(text, &number) || !in_range(option, number))
            return refuse_value(option, text, why);
        break;
    }
    ret_value->given = true;
    ret_value->text = text;
    ret_value->count = count;
    ret_value->number = number;
    return ST_OK;
}

/* Finds `--name` (len bytes of it) or, with len == 0, the letter name[0]. */
static const struct option *find_option(const struct option_set *sets, size_t n_sets,
                                        const char *name, size_t len,
                                        struct option_value **ret_value)
{
    for (size_t s = 0; s < n_sets; s++)
        for (size_t i = 0; sets[s].table[i].name != NULL; i++) {
            const struct option *option = &sets[s].table[i];
            bool hit = len == 0 ? option->letter != 0 && option->letter == name[0]
                                : strlen(option->name) == len &&
                                      strncmp(option->name, name, len) == 0;

            if (hit) {
                *ret_value = &sets[s].values[i];
                return option;
            }
        }
    return NULL;
}

/* Reads the option at argv[at]; *ret_used is 1, or 2 if its value is the next word. */
static enum status parse_one(const struct option_set *sets, size_t n_sets, char **argv,
                             size_t n, size_t at, size_t *ret_used, char why[ERR_LEN])
{
    const char *word = argv[at];
    bool is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1);
    size_t len = is_long ? strcspn(name, "=") : 0;
    const char *glued = is_long ? (name[len] == '=' ? name + len + 1 : NULL)
                                : (name[1] != '\0' ? name + 1 : NULL);
    struct option_value *value = NULL;
    const struct option *option = find_option(sets, n_sets, name, len, &value);

    *ret_used = 1;
    if (option == NULL && is_long)
        return unknown_option(sets, n_sets, name, len, why);
    if (option == NULL) {
        char quoted[QUOTED + 1];

        output_clean(word, quoted, sizeof(quoted));
        snprintf(why, ERR_LEN, "unknown option %s", quoted);
        return ST_NOT_FOUND;
    }
    if (option->kind == OPTION_FLAG) {
        if (glued != NULL) {
            snprintf(why, ERR_LEN, "--%s takes no value", option->name);
            return ST_RANGE;
        }
        return put_value(option, "", value, why);
    }
    if (glued != NULL)
        return put_value(option, glued, value, why);
    if (at + 1 >= n) {
        snprintf(why, ERR_LEN, "--%s needs a value: %s", option->name, option->value);
        return ST_RANGE;
    }
    *ret_used = 2;
    return put_value(option, argv[at + 1], value, why);
}

enum status options_parse(const struct option_set *sets, size_t n_sets, char **argv,
                          size_t n, bool stop_at_first, size_t *ret_n_args,
                          size_t *ret_n_used, char why[ERR_LEN])
{
    size_t n_args = 0, at = 0;
    bool ended = false;

    while (at < n) {
        size_t used = 1;

        if (ended || argv[at][0] != '-' || argv[at][1] == '\0') {
            if (stop_at_first)
                break;
            argv[n_args++] = argv[at];
        } else if (strcmp(argv[at], "--") == 0) {
            ended = true;
        } else {
            enum status st = parse_one(sets, n_sets, argv, n, at, &used, why);
            if (st != ST_OK)
                return st;
        }
        at += used;
    }
    *ret_n_args = n_args;
    *ret_n_used = at;
    return ST_OK;
}

void options_help(FILE *out, const struct option *table)
{
    for (const struct option *option = table; option->name != NULL; option++) {
        char left[HELP_WIDTH];
        int len = option->letter != 0
                      ? snprintf(left, sizeof(left), "  -%c, --%s", option->letter,
                                 option->name)
                      : snprintf(left, sizeof(left), "  --%s", option->name);

        if (option->value != NULL)
            len += snprintf(left + len, sizeof(left) - (size_t)len, " %s", option->value);
        fputs(left, out);
        if (len + 2 > HELP_COLUMN) {
            fputc('\n', out);
            len = 0;
        }
        fprintf(out, "%*s", HELP_COLUMN - len, "");
        output_wrapped(out, option->help, HELP_COLUMN, HELP_WIDTH);
    }
}
