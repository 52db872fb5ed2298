/* SPDX-License-Identifier: Apache-2.0 */
/* Settings for people and their editors: help, what is in force, a schema of the file. */
#include "daemon/settings_table.h"

#include <inttypes.h>

/* -- Help -- */

static void print_flag(FILE *out, const char *name, const char *prefix)
{
    char flag[64];
    size_t i = 0;

    for (; name[i] != '\0'; i++)
        flag[i] = (char)(name[i] == '_' ? '-' : name[i]);
    flag[i] = '\0';
    (void)fprintf(out, "  %s%-20s", prefix, flag);
}

void settings_print_help(FILE *out)
{
    (void)fputs(
        "spinbnnd - serves binarized neural networks out of a simulated ST-MRAM array\n"
        "\n"
        "Usage: spinbnnd [--NAME VALUE | --NAME=VALUE]...\n"
        "\n"
        "Settings come from defaults < file < environment < flags. In the file\n"
        "(" SETTINGS_FILE ", or --config FILE) they are members of one JSON object,\n"
        "{\"state_dir\": \"/var/lib/spinbnn\"}; in the environment SPINBNN_STATE_DIR.\n"
        "\n",
        out);
    for (size_t i = 0; i < settings_n; i++) {
        print_flag(out, settings_table[i].name, "--");
        (void)fprintf(out, "%s", settings_table[i].help);
        if (settings_table[i].choices != NULL)
            (void)fprintf(out, " (%s)", settings_table[i].choices);
        if (settings_table[i].change == LIVE)
            (void)fputs("*", out);
        (void)fprintf(out, " [%s%s%s]\n",
                      settings_table[i].standard[0] ? settings_table[i].standard : "none",
                      settings_table[i].unit[0] ? " " : "", settings_table[i].unit);
    }
    (void)fputs(
        "  --config              file to read instead of " SETTINGS_FILE "\n"
        "  --print-config        print each value and where it came from\n"
        "  --check-config        judge the configuration: exit 0, or as a start would\n"
        "  --config-schema       print a JSON Schema of the file\n"
        "  --version, --help\n"
        "\n"
        "Signals: TERM and INT end every request, then exit 0; a second one "
        "hurries. HUP reads\n"
        "file, environment and flags again: a * marks what changes then, all or "
        "nothing; the\nrest takes a restart. QUIT logs the state and serves on.\n",
        out);
}

/* -- What is in force -- */

void settings_print_config(const struct settings_result *result, FILE *out)
{
    struct settings_row row;

    for (size_t i = 0; settings_row(result, i, &row); i++)
        (void)fprintf(out, "%-18s = %-24s # %s\n", row.name,
                      row.value[0] != '\0' ? row.value : "\"\"", row.origin);
}

/* -- JSON Schema -- */

/* Names, texts and choices of the table need no escapes in JSON. */
static void print_schema_row(const struct setting *row, FILE *out)
{
    static const char *const types[] = {
        [SETTING_TEXT] = "string",
        [SETTING_NUMBER] = "integer",
        [SETTING_REAL] = "number",
        [SETTING_SWITCH] = "boolean",
    };
    bool quoted = row->kind == SETTING_TEXT;

    (void)fprintf(out, "    \"%s\": {\n      \"description\": \"%s%s%s%s\",\n", row->name,
                  row->help, row->unit[0] ? " (" : "", row->unit,
                  row->unit[0] ? ")" : "");
    (void)fprintf(out, "      \"type\": \"%s\",\n", types[row->kind]);
    if (row->kind == SETTING_NUMBER || row->kind == SETTING_REAL)
        (void)fprintf(
            out, "      \"minimum\": %" PRIu64 ",\n      \"maximum\": %" PRIu64 ",\n",
            row->min, row->max);
    if (quoted && row->choices == NULL)
        (void)fprintf(out,
                      "      \"minLength\": %" PRIu64 ",\n      \"maxLength\": %d,\n",
                      row->min, SETTINGS_TEXT_LEN - 1);
    if (quoted && row->choices != NULL) {
        (void)fputs("      \"enum\": [\"", out);
        for (const char *c = row->choices; *c != '\0'; c++) {
            const char letter[] = { *c, '\0' };
            (void)fputs(*c == '|' ? "\", \"" : letter, out);
        }
        (void)fputs("\"],\n", out);
    }
    (void)fprintf(out, "      \"default\": %s%s%s\n    }", quoted ? "\"" : "",
                  row->standard, quoted ? "\"" : "");
}

void settings_print_schema(FILE *out)
{
    (void)fputs("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
                "  \"title\": \"settings file of spinbnnd\",\n"
                "  \"type\": \"object\",\n  \"additionalProperties\": false,\n"
                "  \"properties\": {\n",
                out);
    for (size_t i = 0; i < settings_n; i++) {
        print_schema_row(&settings_table[i], out);
        (void)fputs(i + 1 < settings_n ? ",\n" : "\n", out);
    }
    (void)fputs("  }\n}\n", out);
}
