/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/exam.h"

#include "api/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Pictures that are asked about in one go at most, and bit operations, so that a large
 * network does not keep others waiting. */
#define MAX_SLICE        64
#define SLICE_OPERATIONS UINT64_C(4000000000)

struct exam {
    const struct network *net; /* borrowed */
    struct dataset set;        /* ours */
    size_t n, n_inputs, slice, top;
    struct infer_scratch *scratch; /* ours, as is all below */
    uint8_t *pixels;               /* [slice] rows */
    float *logits;                 /* [slice] rows */
    uint32_t *ranked;              /* [top] */
};

/* A set whose classes are the network's in another order: every answer would be counted
 * wrong. */
static enum status check_names(const struct dataset *set, const struct network *net,
                               char why[ERR_LEN])
{
    for (size_t i = 0; i < set->n_names && i < net->n_classes; i++) {
        if (strcasecmp(set->names[i], net->labels[i]) == 0)
            continue;
        for (size_t j = 0; j < net->n_classes; j++)
            if (strcasecmp(set->names[i], net->labels[j]) == 0) {
                (void)snprintf(why, ERR_LEN,
                               "\"%.60s\" is class %zu of the data set and %zu of %s",
                               set->names[i], i, j, net->name);
                return ST_CONFLICT;
            }
    }
    return ST_OK;
}

static size_t slice_of(const struct network *net)
{
    uint64_t n = SLICE_OPERATIONS / (network_bit_operations(net) + 1);

    return n < 1 ? 1 : n > MAX_SLICE ? MAX_SLICE : n;
}

enum status exam_new(const struct network *net, struct dataset *set, uint64_t limit,
                     struct exam **ret_exam, char why[ERR_LEN])
{
    enum status st = check_names(set, net, why);
    struct exam *exam = st == ST_OK ? calloc(1, sizeof(*exam)) : NULL;

    if (st != ST_OK)
        return st;
    (void)snprintf(why, ERR_LEN, "out of memory");
    if (exam == NULL)
        return ST_NOMEM;
    exam->net = net;
    exam->set = *set;
    *set = (struct dataset) { .n = 0 };
    exam->n = limit > 0 && limit < exam->set.n ? limit : exam->set.n;
    exam->n_inputs = network_inputs(net);
    exam->slice = slice_of(net);
    exam->top = net->n_classes < EXAM_TOP ? net->n_classes : EXAM_TOP;
    exam->pixels = malloc(exam->slice * exam->n_inputs);
    exam->logits = malloc(exam->slice * net->n_classes * sizeof(*exam->logits));
    exam->ranked = malloc(exam->top * sizeof(*exam->ranked));
    if (exam->pixels == NULL || exam->logits == NULL || exam->ranked == NULL ||
        infer_scratch_new(net, exam->slice, &exam->scratch) != ST_OK) {
        exam_free(exam);
        return ST_NOMEM;
    }
    *ret_exam = exam;
    return ST_OK;
}

void exam_free(struct exam *exam)
{
    if (exam == NULL)
        return;
    infer_scratch_free(exam->scratch);
    free(exam->ranked);
    free(exam->logits);
    free(exam->pixels);
    dataset_done(&exam->set);
    free(exam);
}

size_t exam_pictures(const struct exam *exam)
{
    return exam->n;
}

/* -- Pictures -- */

/* Sets have red first. */
static void swap_colours(uint8_t *pixels, size_t n)
{
    for (size_t i = 0; i + 2 < n; i += 3) {
        uint8_t red = pixels[i];

        pixels[i] = pixels[i + 2];
        pixels[i + 2] = red;
    }
}

static enum status read_file(const struct exam *exam, size_t i, uint8_t *ret_pixels,
                             char why[ERR_LEN])
{
    const struct dataset_file *file = &exam->set.files[i];
    char reason[ERR_LEN];
    uint8_t *bytes;
    size_t len;
    enum status st = dataset_read_file(file, &bytes, &len, why);

    if (st != ST_OK)
        return st;
    st = image_fit(bytes, len, &exam->net->input, ret_pixels, reason);
    free(bytes);
    if (st != ST_OK)
        (void)snprintf(why, ERR_LEN, "%.120s: %.130s", file->path, reason);
    return st;
}

/* The rows of a slice; of a set in memory those that it has. */
static enum status read_slice(struct exam *exam, size_t first, size_t n,
                              const uint8_t **ret_pixels, char why[ERR_LEN])
{
    enum status st = ST_OK;

    *ret_pixels = exam->pixels;
    for (size_t i = 0; exam->set.files != NULL && i < n && st == ST_OK; i++)
        st = read_file(exam, first + i, exam->pixels + i * exam->n_inputs, why);
    if (exam->set.files != NULL)
        return st;
    const uint8_t *rows = exam->set.pixels + first * exam->n_inputs;
    if (!exam->net->input.bgr) {
        *ret_pixels = rows;
        return ST_OK;
    }
    memcpy(exam->pixels, rows, n * exam->n_inputs);
    swap_colours(exam->pixels, n * exam->n_inputs);
    return ST_OK;
}

/* -- Marks -- */

static void mark(struct exam *exam, size_t image, const float *logits,
                 struct exam_marks *marks)
{
    uint32_t label = exam->set.labels[image];
    bool found = false;

    infer_rank(logits, exam->net->n_classes, exam->top, exam->ranked);
    for (size_t k = 0; k < exam->top; k++)
        found = found || exam->ranked[k] == label;
    marks->images++;
    marks->correct += exam->ranked[0] == label;
    marks->correct_top += found;
}

enum status exam_run(struct exam *exam, const struct infer_weights *weights,
                     exam_go_on *go_on, void *ctx, struct exam_marks *ret_marks,
                     char why[ERR_LEN])
{
    struct exam_marks marks = { 0 };

    for (size_t first = 0; first < exam->n; first += exam->slice) {
        size_t left = exam->n - first, n = left < exam->slice ? left : exam->slice;
        const uint8_t *pixels;
        enum status st = read_slice(exam, first, n, &pixels, why);

        if (st != ST_OK)
            return st;
        infer_run(weights, exam->scratch, pixels, n, exam->logits);
        for (size_t i = 0; i < n; i++)
            mark(exam, first + i, exam->logits + i * exam->net->n_classes, &marks);
        if (!go_on(ctx, n))
            return ST_BUSY;
    }
    *ret_marks = marks;
    return ST_OK;
}
