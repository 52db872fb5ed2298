/* SPDX-License-Identifier: Apache-2.0 */
/* What a job is asked to do. */
#include "cli/job.h"

#include "cli/body.h"
#include "cli/output.h"

#include <stdlib.h>
#include <string.h>

static const char *const splits[] = { "test", "train", NULL };

const struct option job_options[JOB_OPTIONS + 1] = {
    [JOB_DATASET] = { .name = "dataset",
                      .letter = 'd',
                      .kind = OPTION_TEXT,
                      .value = "NAME",
                      .help =
                          "labelled pictures of the daemon's own (its setting data)" },
    [JOB_SPLIT] = { .name = "split",
                    .kind = OPTION_CHOICE,
                    .value = "SPLIT",
                    .choices = splits,
                    .help = "test (default) or train" },
    [JOB_LIMIT] = { .name = "limit",
                    .kind = OPTION_COUNT,
                    .value = "N",
                    .min = 1,
                    .max = 1e9,
                    .help = "only the first N pictures" },
    [JOB_AT] = { .name = "at",
                 .kind = OPTION_LIST,
                 .value = "MEMBER=VALUE",
                 .help = "a member of the operating point, as the API names it, over the "
                         "defaults; may be repeated" },
    [JOB_AXIS] = { .name = "axis",
                   .kind = OPTION_LIST,
                   .value = "MEMBER=V,V,...",
                   .help = "every one of these; repeated: every combination" },
    [JOB_SEEDS] = { .name = "seeds",
                    .kind = OPTION_COUNT,
                    .value = "N",
                    .min = 1,
                    .max = 100,
                    .help = "on N arrays each, seeds 1 to N" },
    [JOB_TOLERANCE] = { .name = "tolerance",
                        .kind = OPTION_NUMBER,
                        .value = "SHARE",
                        .help = "minimise-energy: accuracy that may be lost; default "
                                "0.005" },
    [JOB_CONFIDENCE] = { .name = "confidence",
                         .kind = OPTION_NUMBER,
                         .value = "SHARE",
                         .help = "minimise-energy: of each try; default 0.95" },
    [JOB_WAIT] = { .name = "wait",
                   .letter = 'w',
                   .help = "until it has ended, then print its results" },
    [JOB_CSV] = { .name = "csv",
                  .kind = OPTION_TEXT,
                  .value = "FILE",
                  .help = "results: save them as CSV; - is standard output" },
    [JOB_OPTIONS] = { .name = NULL },
};

/* JSON as it is; what is none is a text. NULL without memory. */
static json_t *value_of(const char *text, size_t len)
{
    json_t *value = json_loadb(text, len, JSON_DECODE_ANY, NULL);

    return value != NULL ? value : json_stringn(text, len);
}

/* A JSON list, or values between commas. */
static json_t *values_of(const char *text)
{
    if (text[0] == '[')
        return value_of(text, strlen(text));
    json_t *list = json_array();
    for (;;) {
        size_t len = strcspn(text, ",");

        if (json_array_append_new(list, value_of(text, len)) != 0) {
            json_decref(list);
            return NULL;
        }
        if (text[len] == '\0')
            return list;
        text += len + 1;
    }
}

/* An object of the MEMBER=VALUE of an option; with `lists` the values are lists. */
static enum status put_members(struct body *body, const char *name,
                               const struct option_value *option, bool lists,
                               char why[ERR_LEN])
{
    json_t *object = json_object();
    char shown[64];

    for (size_t i = 0; i < option->n_list; i++) {
        const char *text = option->list[i];
        size_t len = strcspn(text, "=");

        if (len == 0 || text[len] == '\0' || text[len + 1] == '\0') {
            output_clean(text, shown, sizeof(shown));
            snprintf(why, ERR_LEN, "--%s: %s is not MEMBER=%s", lists ? "axis" : "at",
                     shown, lists ? "V,V,..." : "VALUE");
            json_decref(object);
            return ST_RANGE;
        }
        json_t *value = lists ? values_of(text + len + 1)
                              : value_of(text + len + 1, strlen(text + len + 1));
        body->failed |= json_object_setn_new(object, text, len, value) != 0;
    }
    body_put(body, name, object);
    return ST_OK;
}

static void put_seeds(struct body *body, uint64_t n)
{
    json_t *seeds = json_array();

    for (uint64_t seed = 1; seed <= n; seed++)
        body->failed |= json_array_append_new(seeds, json_integer((json_int_t)seed)) != 0;
    body_put(body, "seeds", seeds);
}

enum status job_body(const char *kind, const char *model,
                     const struct option_value values[JOB_OPTIONS], char **ret_text,
                     char why[ERR_LEN])
{
    struct body body;
    enum status st = ST_OK;

    body_init(&body);
    body_put(&body, "kind", json_string(kind));
    body_put(&body, "model", json_string(model));
    body_put_text(&body, "dataset", &values[JOB_DATASET]);
    body_put_text(&body, "split", &values[JOB_SPLIT]);
    if (values[JOB_LIMIT].given)
        body_put(&body, "limit", json_integer((json_int_t)values[JOB_LIMIT].count));
    body_put_number(&body, "tolerance", &values[JOB_TOLERANCE]);
    body_put_number(&body, "confidence", &values[JOB_CONFIDENCE]);
    if (values[JOB_SEEDS].given)
        put_seeds(&body, values[JOB_SEEDS].count);
    if (values[JOB_AT].given)
        st = put_members(&body, "operating_point", &values[JOB_AT], false, why);
    if (st == ST_OK && values[JOB_AXIS].given)
        st = put_members(&body, "axes", &values[JOB_AXIS], true, why);
    if (st == ST_OK)
        st = body_text(&body, ret_text, why);
    body_done(&body);
    return st;
}
