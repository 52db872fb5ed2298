/* SPDX-License-Identifier: Apache-2.0 */
/* A job: points are JSON objects of bounded number and size, whatever is combined. */
#include "api/job_json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_object(const char *text)
{
    json_t *object = json_loads(text, 0, NULL);

    if (!json_is_object(object))
        abort();
    json_decref(object);
}

static void check(const struct job_request *request)
{
    if (request->n_points > JOB_JSON_MAX_TRIALS ||
        request->n_seeds > JOB_JSON_MAX_SEEDS ||
        request->n_points * request->n_seeds > JOB_JSON_MAX_TRIALS ||
        (request->n_points == 0 && request->kind != JOB_EVALUATE) ||
        request->model[0] == '\0' || request->split[0] == '\0')
        abort();
    check_object(request->text);
    for (size_t i = 0; i < request->n_points; i++) {
        char *aimed = job_json_with_target(request->points[i], 0.25);

        if (aimed == NULL || strlen(request->points[i]) > JOB_JSON_MAX_POINT)
            abort();
        check_object(request->points[i]);
        check_object(aimed);
        free(aimed);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct job_request request;
    struct problem problem;

    if (job_json_parse((const char *)bytes, len, &request, &problem) == ST_OK)
        check(&request);
    else if (problem.status < 400 || problem.detail[0] == '\0')
        abort();
    job_request_done(&request);
    return 0;
}
