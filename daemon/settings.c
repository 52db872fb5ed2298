/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/settings.h"

#include "api/settings_json.h"
#include "core/nearest.h"
#include "daemon/settings_table.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS_FILE_MAX (64 * 1024)

static bool is_choice(const char *choices, const char *value)
{
    size_t len = strcspn(value, "|");

    if (value[len] != '\0')
        return false;
    for (const char *at = choices; at != NULL; at = strchr(at, '|')) {
        if (*at == '|')
            at++;
        if (strncmp(at, value, len) == 0 && (at[len] == '|' || at[len] == '\0'))
            return len > 0;
    }
    return false;
}

static enum status put_number(const struct setting *row, const char *value,
                              _Atomic uint64_t *ret_number, char why[ERR_LEN])
{
    char *end;

    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 ||
        number < row->min || number > row->max) {
        (void)snprintf(why, ERR_LEN,
                       "%s: \"%.40s\" is not a whole number within %llu .. %llu%s%s",
                       row->name, value, (unsigned long long)row->min,
                       (unsigned long long)row->max, row->unit[0] ? " " : "", row->unit);
        return ST_RANGE;
    }
    atomic_store(ret_number, number);
    return ST_OK;
}

static enum status put_real(const struct setting *row, const char *value,
                            double *ret_number, char why[ERR_LEN])
{
    char *end;
    double number = strtod(value, &end);

    /* Neither blanks nor names such as inf or 0x1p3. */
    if (value[0] < '0' || value[0] > '9' || value[1] == 'x' || value[1] == 'X' ||
        *end != '\0' || !(number >= (double)row->min && number <= (double)row->max)) {
        (void)snprintf(why, ERR_LEN,
                       "%s: \"%.40s\" is not a number within %llu .. %llu %s", row->name,
                       value, (unsigned long long)row->min, (unsigned long long)row->max,
                       row->unit);
        return ST_RANGE;
    }
    *ret_number = number;
    return ST_OK;
}

static enum status put_switch(const struct setting *row, const char *value, bool *ret_on,
                              char why[ERR_LEN])
{
    if (!is_choice(row->choices, value)) {
        (void)snprintf(why, ERR_LEN, "%s: \"%.40s\" is none of %s", row->name, value,
                       row->choices);
        return ST_RANGE;
    }
    *ret_on = strcmp(value, "true") == 0;
    return ST_OK;
}

static enum status put_text(const struct setting *row, const char *value, char *ret_text,
                            char why[ERR_LEN])
{
    if (row->choices != NULL && !is_choice(row->choices, value)) {
        (void)snprintf(why, ERR_LEN, "%s: \"%.40s\" is none of %s", row->name, value,
                       row->choices);
        return ST_RANGE;
    }
    if (strlen(value) < row->min) {
        (void)snprintf(why, ERR_LEN, "%s: it is empty, expected %s", row->name,
                       row->help);
        return ST_RANGE;
    }
    if (strlen(value) >= SETTINGS_TEXT_LEN) {
        (void)snprintf(why, ERR_LEN, "%s: longer than %d bytes", row->name,
                       SETTINGS_TEXT_LEN - 1);
        return ST_RANGE;
    }
    strcpy(ret_text, value);
    return ST_OK;
}

/* Sets row `i` and remembers where the value came from. */
static enum status put(struct settings_result *result, size_t i, const char *value,
                       const char *origin, char why[ERR_LEN])
{
    char *field = (char *)&result->settings + settings_table[i].offset;
    char reason[ERR_LEN];
    enum status st = ST_OK;

    switch (settings_table[i].kind) {
    case SETTING_NUMBER:
        st = put_number(&settings_table[i], value, (_Atomic uint64_t *)(void *)field,
                        reason);
        break;
    case SETTING_REAL:
        st = put_real(&settings_table[i], value, (double *)(void *)field, reason);
        break;
    case SETTING_TEXT:
        st = put_text(&settings_table[i], value, field, reason);
        break;
    case SETTING_SWITCH:
        st = put_switch(&settings_table[i], value, (bool *)(void *)field, reason);
        break;
    }

    if (st != ST_OK) {
        (void)snprintf(why, ERR_LEN, "%.100s: %.150s", origin, reason);
        return st;
    }
    (void)snprintf(result->origin[i].text, sizeof(result->origin[i].text), "%s", origin);
    return ST_OK;
}

static bool find(const char *name, size_t *ret_i)
{
    for (size_t i = 0; i < settings_n; i++)
        if (strcmp(settings_table[i].name, name) == 0) {
            *ret_i = i;
            return true;
        }
    return false;
}

/* A name without a row; `dashes` where a flag was meant. */
static enum status unknown(const char *origin, const char *name, bool dashes,
                           char why[ERR_LEN])
{
    const char *names[SETTINGS_MAX + 1];
    char hint[80] = "";

    for (size_t i = 0; i < settings_n; i++)
        names[i] = settings_table[i].name;
    names[settings_n] = NULL;

    const char *near = nearest_name(name, names);
    if (near != NULL) {
        (void)snprintf(hint, sizeof(hint), "; did you mean %s%s?", dashes ? "--" : "",
                       near);
        for (char *c = hint + strlen("; did you mean "); dashes && *c != '\0'; c++)
            if (*c == '_')
                *c = '-';
    }
    (void)snprintf(why, ERR_LEN, "%.100s: unknown setting \"%.40s\"%s", origin, name,
                   hint);
    return ST_FORMAT;
}

/* -- The four sources, weakest first -- */

static void put_defaults(struct settings_result *result)
{
    char why[ERR_LEN];

    for (size_t i = 0; i < settings_n; i++) {
        enum status st = put(result, i, settings_table[i].standard, "default", why);
        assert(st == ST_OK);
        (void)st;
    }
}

struct file_reading {
    struct settings_result *result;
    const char *path;
};

/* In the file a number is a number: "2" is a text. */
static enum status check_kind(const struct setting *row, const char *path,
                              const char *value, enum settings_json_kind kind,
                              char why[ERR_LEN])
{
    static const struct {
        enum settings_json_kind kind;
        const char *what;
    } wanted[] = {
        [SETTING_TEXT] = { SETTINGS_JSON_TEXT, "a text" },
        [SETTING_NUMBER] = { SETTINGS_JSON_NUMBER, "a whole number" },
        [SETTING_REAL] = { SETTINGS_JSON_NUMBER, "a number" },
        [SETTING_SWITCH] = { SETTINGS_JSON_SWITCH, "true or false, without quotes" },
    };
    static const char *const found[] = { [SETTINGS_JSON_TEXT] = "the text \"",
                                         [SETTINGS_JSON_NUMBER] = "the number ",
                                         [SETTINGS_JSON_SWITCH] = "" };
    const char *quote = kind == SETTINGS_JSON_TEXT ? "\"" : "";
    char range[80] = "";

    if (kind == wanted[row->kind].kind)
        return ST_OK;
    if (wanted[row->kind].kind == SETTINGS_JSON_NUMBER)
        (void)snprintf(range, sizeof(range), " within %llu .. %llu%s%s",
                       (unsigned long long)row->min, (unsigned long long)row->max,
                       row->unit[0] ? " " : "", row->unit);
    (void)snprintf(why, ERR_LEN, "%.100s: %s: found %s%.40s%s, expected %s%s", path,
                   row->name, found[kind], value, quote, wanted[row->kind].what, range);
    return ST_RANGE;
}

static enum status put_member(void *ctx, const char *key, const char *value,
                              enum settings_json_kind kind, char why[ERR_LEN])
{
    struct file_reading *reading = ctx;
    size_t i;

    if (!find(key, &i))
        return unknown(reading->path, key, false, why);
    enum status st = check_kind(&settings_table[i], reading->path, value, kind, why);
    return st == ST_OK ? put(reading->result, i, value, reading->path, why) : st;
}

static enum status put_file(struct settings_result *result, const char *path,
                            bool required, char why[ERR_LEN])
{
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        if (errno == ENOENT && !required)
            return ST_OK;
        (void)snprintf(why, ERR_LEN, "%.180s: %s", path, strerror(errno));
        return errno == EACCES || errno == EPERM ? ST_PERMISSION : ST_IO;
    }

    char *text = malloc(SETTINGS_FILE_MAX);
    if (text == NULL) {
        (void)fclose(file);
        (void)snprintf(why, ERR_LEN, "out of memory");
        return ST_NOMEM;
    }
    size_t len = fread(text, 1, SETTINGS_FILE_MAX, file);
    bool broken = ferror(file) != 0;
    (void)fclose(file);

    enum status st = ST_IO;
    if (broken) {
        (void)snprintf(why, ERR_LEN, "%.180s: cannot be read", path);
    } else if (len == SETTINGS_FILE_MAX) {
        (void)snprintf(why, ERR_LEN, "%.180s: longer than 64 KiB", path);
        st = ST_FORMAT;
    } else {
        struct file_reading reading = { result, path };
        char reason[ERR_LEN];

        st = settings_json_parse(text, len, put_member, &reading, reason);
        /* Reasons of put_member already begin with the path. */
        if (st != ST_OK && strncmp(reason, path, strlen(path)) == 0)
            (void)snprintf(why, ERR_LEN, "%s", reason);
        else if (st != ST_OK)
            (void)snprintf(why, ERR_LEN, "%.100s: %.150s", path, reason);
    }
    free(text);
    return st;
}

/* Turns SPINBNN_STATE_DIR into state_dir; NULL if the variable is not ours. */
static const char *environment_name(const char *variable, char *room, size_t room_len)
{
    static const char prefix[] = "SPINBNN_";
    const char *equals = strchr(variable, '=');
    size_t begin = sizeof(prefix) - 1;

    if (strncmp(variable, prefix, begin) != 0 || equals == NULL)
        return NULL;
    size_t len = (size_t)(equals - variable) - begin;
    if (len >= room_len)
        len = room_len - 1;
    for (size_t i = 0; i < len; i++) {
        char c = variable[begin + i];
        room[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    room[len] = '\0';
    return room;
}

/* Variables that others set: where the command line finds us, which file to read, and
 * what Kubernetes puts into every container beside a service called spinbnn. */
static bool not_a_setting(const char *name)
{
    static const char *const others[] = { "url", "ca_file", "config", "port" };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(name, others[i]) == 0)
            return true;
    return strncmp(name, "port_", 5) == 0 || strstr(name, "_port_") != NULL ||
           strstr(name, "service_host") != NULL || strstr(name, "service_port") != NULL;
}

static enum status put_environment(struct settings_result *result,
                                   char *const *environment, char why[ERR_LEN])
{
    for (; *environment != NULL; environment++) {
        char name[64], origin[80];
        size_t i;

        if (environment_name(*environment, name, sizeof(name)) == NULL)
            continue;
        if (not_a_setting(name))
            continue;
        (void)snprintf(origin, sizeof(origin), "environment SPINBNN_%.*s",
                       (int)(strchr(*environment, '=') - *environment - 8),
                       *environment + 8);
        if (strcmp(name, "token_file") == 0) { /* or tokens would be thought in force */
            (void)snprintf(
                why, ERR_LEN,
                "environment: SPINBNN_TOKEN_FILE is the command line's; did you "
                "mean SPINBNN_TOKENS_FILE? If not, unset it for the daemon");
            return ST_FORMAT;
        }
        if (!find(name, &i))
            return unknown("environment", name, false, why);
        enum status st = put(result, i, strchr(*environment, '=') + 1, origin, why);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

static const char *environment_value(char *const *environment, const char *name)
{
    size_t len = strlen(name);

    for (; *environment != NULL; environment++)
        if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
            return *environment + len + 1;
    return NULL;
}

/* -- Flags -- */

/* Splits "--state-dir=x" or "--state-dir" "x"; the name comes back with underscores. */
static enum status split_flag(int argc, char *const *argv, int *at, char name[64],
                              const char **ret_value, char why[ERR_LEN])
{
    const char *flag = argv[*at];
    const char *equals = strchr(flag, '=');
    size_t len = equals != NULL ? (size_t)(equals - flag) : strlen(flag);

    if (strncmp(flag, "--", 2) != 0 || len < 3) {
        (void)snprintf(why, ERR_LEN, "unexpected argument \"%.60s\"; see --help", flag);
        return ST_FORMAT;
    }
    (void)snprintf(name, 64, "%.*s", (int)(len - 2), flag + 2);
    for (char *c = name; *c != '\0'; c++)
        if (*c == '-')
            *c = '_';
    *ret_value = equals != NULL ? equals + 1 : *at + 1 < argc ? argv[*at + 1] : NULL;
    *at += equals != NULL ? 1 : 2;
    return ST_OK;
}

/* Flags that are no settings. False: not one of them. */
static bool put_action(const char *flag, struct settings_result *result)
{
    if (strcmp(flag, "--help") == 0 || strcmp(flag, "-h") == 0)
        result->action = SETTINGS_PRINT_HELP;
    else if (strcmp(flag, "--version") == 0)
        result->action = SETTINGS_PRINT_VERSION;
    else if (strcmp(flag, "--print-config") == 0)
        result->action = SETTINGS_PRINT_CONFIG;
    else if (strcmp(flag, "--config-schema") == 0)
        result->action = SETTINGS_PRINT_SCHEMA;
    else if (strcmp(flag, "--check-config") == 0)
        result->action = SETTINGS_CHECK_CONFIG;
    else
        return false;
    return true;
}

/* Goes through the flags; sets rows, or only looks for --config where `ret_file` is
 * given. */
static enum status put_flags(struct settings_result *result, int argc, char *const *argv,
                             const char **ret_file, char why[ERR_LEN])
{
    for (int at = 1; at < argc;) {
        char name[64], flag[72];
        const char *value;
        size_t i;

        if (put_action(argv[at], result)) {
            at++;
            continue;
        }
        enum status st = split_flag(argc, argv, &at, name, &value, why);
        if (st != ST_OK)
            return st;
        (void)snprintf(flag, sizeof(flag), "flag --%s", name);
        for (char *c = flag + 5; *c != '\0'; c++)
            if (*c == '_')
                *c = '-';
        bool is_config = strcmp(name, "config") == 0;
        if (!is_config && !find(name, &i))
            return unknown("command line", name, true, why);
        if (value == NULL) {
            (void)snprintf(why, ERR_LEN, "%s: a value is missing", flag);
            return ST_FORMAT;
        }
        if (is_config) {
            if (ret_file != NULL)
                *ret_file = value;
            continue;
        }
        if (ret_file == NULL) {
            st = put(result, i, value, flag, why);
            if (st != ST_OK)
                return st;
        }
    }
    return ST_OK;
}

enum status settings_read(const struct settings_source *source,
                          struct settings_result *ret_result, char why[ERR_LEN])
{
    const char *file = environment_value(source->environment, "SPINBNN_CONFIG");

    memset(ret_result, 0, sizeof(*ret_result));
    put_defaults(ret_result);

    ret_result->usage_error = true;
    enum status st = put_flags(ret_result, source->argc, source->argv, &file, why);
    ret_result->usage_error = st != ST_OK;
    if (st != ST_OK)
        return st;
    /* Help is for those whose settings are broken, too. */
    if (ret_result->action == SETTINGS_PRINT_HELP ||
        ret_result->action == SETTINGS_PRINT_VERSION ||
        ret_result->action == SETTINGS_PRINT_SCHEMA)
        return ST_OK;

    st = put_file(ret_result, file != NULL ? file : SETTINGS_FILE, file != NULL, why);
    if (st == ST_OK)
        st = put_environment(ret_result, source->environment, why);
    if (st != ST_OK)
        return st;

    st = put_flags(ret_result, source->argc, source->argv, NULL, why);
    ret_result->usage_error = st != ST_OK;
    return st;
}

/* -- Shown and handed over -- */

static void format_value(const struct setting *row, const struct settings *settings,
                         char ret_value[SETTINGS_TEXT_LEN + 2])
{
    const char *field = (const char *)settings + row->offset;
    size_t size = SETTINGS_TEXT_LEN + 2;

    switch (row->kind) {
    case SETTING_NUMBER:
        (void)snprintf(ret_value, size, "%" PRIu64,
                       atomic_load((const _Atomic uint64_t *)(const void *)field));
        break;
    case SETTING_REAL:
        (void)snprintf(ret_value, size, "%.10g", *(const double *)(const void *)field);
        break;
    case SETTING_SWITCH:
        (void)snprintf(ret_value, size, "%s",
                       *(const bool *)(const void *)field ? "true" : "false");
        break;
    case SETTING_TEXT:
        (void)snprintf(ret_value, size, "%s", field);
        break;
    }
}

bool settings_row(const struct settings_result *result, size_t i,
                  struct settings_row *ret_row)
{
    if (i >= settings_n)
        return false;
    ret_row->name = settings_table[i].name;
    ret_row->unit = settings_table[i].unit;
    ret_row->origin = result->origin[i].text;
    ret_row->is_text = settings_table[i].kind == SETTING_TEXT;
    ret_row->live = settings_table[i].change == LIVE;
    format_value(&settings_table[i], &result->settings, ret_row->value);
    return true;
}

void settings_take_live(struct settings_result *into, const struct settings_result *from)
{
    static const size_t sizes[] = {
        [SETTING_TEXT] = SETTINGS_TEXT_LEN,
        [SETTING_NUMBER] = sizeof(uint64_t),
        [SETTING_REAL] = sizeof(double),
        [SETTING_SWITCH] = sizeof(bool),
    };

    for (size_t i = 0; i < settings_n; i++) {
        size_t offset = settings_table[i].offset;

        if (settings_table[i].change != LIVE)
            continue;
        memcpy((char *)&into->settings + offset, (const char *)&from->settings + offset,
               sizes[settings_table[i].kind]);
        into->origin[i] = from->origin[i];
    }
}

void settings_override(struct settings_result *result, const char *name,
                       const char *value, const char *origin)
{
    char why[ERR_LEN];
    size_t i;
    bool set = find(name, &i) && put(result, i, value, origin, why) == ST_OK;

    assert(set);
    (void)set;
}

void settings_publish(struct settings *into, const struct settings *from)
{
    for (size_t i = 0; i < settings_n; i++) {
        size_t offset = settings_table[i].offset;

        if (settings_table[i].kind == SETTING_NUMBER)
            atomic_store(
                (_Atomic uint64_t *)(void *)((char *)into + offset),
                atomic_load((const _Atomic uint64_t *)(const void *)((const char *)from +
                                                                     offset)));
    }
}
