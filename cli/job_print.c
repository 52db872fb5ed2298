/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs and what came of them, as text. */
#include "cli/job.h"

#include "cli/field.h"
#include "cli/output.h"

#include <math.h>
#include <stdlib.h>

#define MAX_POINT 400

/* What a point says, compact; "as it serves" where it says nothing. */
static void describe_point(const json_t *point, char ret_text[MAX_POINT])
{
    char *text = json_is_object(point)
                     ? json_dumps(point, JSON_COMPACT | JSON_REAL_PRECISION(15))
                     : NULL;

    snprintf(ret_text, MAX_POINT, "%s", text != NULL ? text : "as it serves");
    free(text);
}

/* -- One job -- */

static void print_search(FILE *out, const json_t *summary)
{
    const json_t *best = field(summary, "best");
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], line[MAX_POINT];

    if (!json_is_object(summary))
        return;
    if (!json_is_object(best)) {
        output_line(out, "best", "no write of those tried is near enough");
        return;
    }
    describe_point(field(best, "operating_point"), line);
    output_line(out, "best", line);
    snprintf(line, sizeof(line), "%s, %s of the reference",
             output_energy(field_number(best, "energy_pj"), a),
             output_percent(field_number(best, "relative_energy"), b));
    output_line(out, "write energy", line);
    snprintf(line, sizeof(line), "%s, at least %s",
             output_percent(field_number(best, "accuracy"), a),
             output_percent(field_number(best, "accuracy_at_least"), b));
    output_line(out, "accuracy", line);
    output_line(out, "without errors",
                output_percent(field_number(summary, "error_free_accuracy"), a));
}

enum status job_print(FILE *out, const char *model, const json_t *answer)
{
    const char *error = field_text(answer, "error", "");
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], line[100];

    (void)model;
    fprintf(out, "job %s, ", output_id(field_number(answer, "id"), a));
    output_text(out, field_text(answer, "kind", "?"));
    fputs(" of ", out);
    output_text(out, field_text(answer, "model", "?"));
    fputs(": ", out);
    output_text(out, field_text(answer, "state", "?"));
    fputc('\n', out);
    snprintf(line, sizeof(line), "%s of %s programmings and pictures",
             output_count(field_number(answer, "done"), a),
             output_count(field_number(answer, "total"), b));
    output_line(out, "progress", line);
    if (error[0] != '\0')
        output_line(out, "error", error);
    print_search(out, field(answer, "summary"));
    return ST_OK;
}

/* -- The list -- */

enum status job_print_list(FILE *out, const char *model, const json_t *answer)
{
    struct table table;
    const json_t *job;
    char text[OUTPUT_NUMBER];
    size_t i;

    (void)model;
    table_init(&table, ">JOB|KIND|MODEL|STATE|>DONE|>OF|CREATED");
    json_array_foreach(field(answer, "jobs"), i, job)
    {
        table_add(&table, output_id(field_number(job, "id"), text));
        table_add(&table, field_text(job, "kind", "?"));
        table_add(&table, field_text(job, "model", "?"));
        table_add(&table, field_text(job, "state", "?"));
        table_add(&table, output_count(field_number(job, "done"), text));
        table_add(&table, output_count(field_number(job, "total"), text));
        table_add(&table, field_text(job, "created_at", "?"));
    }
    enum status st = table_print(&table, out, 0);
    table_done(&table);
    return st;
}

/* -- Results -- */

/* "98.41 % +- 0.04": the standard error of the mean, where there are several arrays. */
static void describe_accuracy(const json_t *point, char *ret_text, size_t size)
{
    double error = field_number(point, "standard_error.accuracy");
    char text[OUTPUT_NUMBER];

    output_percent(field_number(point, "mean.accuracy"), text);
    if (isfinite(error))
        snprintf(ret_text, size, "%s +- %.2f", text, 100.0 * error);
    else
        snprintf(ret_text, size, "%s", text);
}

static void add_point(struct table *table, const json_t *point)
{
    char number[OUTPUT_NUMBER], text[MAX_POINT];
    const json_t *mean = field(point, "mean");

    describe_point(field(point, "operating_point"), text);
    table_add(table, text);
    table_add(table,
              output_count((double)json_array_size(field(point, "trials")), number));
    table_add(table, output_expected(field_number(mean, "wrong_bits"), number));
    table_add(table, output_rate(field_number(mean, "bit_error_rate"), number));
    table_add(table, output_energy(field_number(mean, "energy_pj"), number));
    describe_accuracy(point, text, sizeof(text));
    table_add(table, text);
}

enum status job_print_results(FILE *out, const char *model, const json_t *answer)
{
    struct table table;
    const json_t *point;
    char text[OUTPUT_NUMBER];
    size_t i;

    (void)model;
    fprintf(out, "job %s, ", output_id(field_number(answer, "job"), text));
    output_text(out, field_text(answer, "kind", "?"));
    fputs(" of ", out);
    output_text(out, field_text(answer, "model", "?"));
    fputs(": ", out);
    output_text(out, field_text(answer, "state", "?"));
    fputc('\n', out);
    print_search(out, field(answer, "summary"));
    fputc('\n', out);
    table_init(&table, "OPERATING POINT|>ARRAYS|>WRONG BITS|>BIT ERROR RATE|>WRITE "
                       "ENERGY|>ACCURACY");
    json_array_foreach(field(answer, "points"), i, point) add_point(&table, point);
    enum status st = table_print(&table, out, 2);
    table_done(&table);
    return st;
}
