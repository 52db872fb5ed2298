/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/check.h"

#include "cli/output.h"
#include "core/infer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 64

static enum status fits(const struct network *net, const struct dataset *set,
                        char why[ERR_LEN])
{
    const struct network_input *in = &net->input;

    if (set->files != NULL) {
        snprintf(why, ERR_LEN,
                 "picture files are decoded by the daemon alone: put the "
                 "network there, and evaluate");
        return ST_UNSUPPORTED;
    }
    if (set->height != in->height || set->width != in->width ||
        set->channels != in->channels) {
        snprintf(
            why, ERR_LEN,
            "pictures of %zu x %zu with %zu channels; the network takes %u x %u with "
            "%u, and only the daemon fits pictures: put it there, and evaluate",
            set->height, set->width, set->channels, in->height, in->width, in->channels);
        return ST_UNSUPPORTED;
    }
    for (size_t i = 0; i < set->n; i++)
        if (set->labels[i] >= net->n_classes) {
            snprintf(why, ERR_LEN, "label %lu, but the network knows only %zu classes",
                     (unsigned long)set->labels[i], net->n_classes);
            return ST_UNSUPPORTED;
        }
    return ST_OK;
}

/* A set's colours are red, green, blue. */
static void copy_pixels(const struct network *net, const uint8_t *from, size_t n,
                        uint8_t *to)
{
    size_t len = n * network_inputs(net);

    memcpy(to, from, len);
    for (size_t i = 0; net->input.bgr && i < len; i += 3) {
        to[i] = from[i + 2];
        to[i + 2] = from[i];
    }
}

struct job {
    struct infer_weights *weights;
    struct infer_scratch *scratch;
    uint8_t *pixels;
    float *logits;
};

static enum status job_init(struct job *job, const struct network *net)
{
    const uint64_t *bits[NETWORK_MAX_LAYERS];

    *job = (struct job) { 0 };
    for (size_t l = 0; l < net->n_layers; l++)
        bits[l] = net->layers[l].weights;
    job->pixels = malloc(BATCH * network_inputs(net));
    job->logits = calloc(BATCH * net->n_classes, sizeof(*job->logits));
    if (job->pixels == NULL || job->logits == NULL)
        return ST_NOMEM;
    enum status st = infer_weights_new(net, kernel_best(), bits, &job->weights);
    return st == ST_OK ? infer_scratch_new(net, BATCH, &job->scratch) : st;
}

static void job_done(struct job *job)
{
    infer_scratch_free(job->scratch);
    infer_weights_free(job->weights);
    free(job->logits);
    free(job->pixels);
}

enum status check_run(const struct network *net, const struct dataset *set,
                      struct check *ret_check, char why[ERR_LEN])
{
    struct check check = { .n = set->n < CHECK_PICTURES ? set->n : CHECK_PICTURES };
    struct job job;
    enum status st = fits(net, set, why);

    if (st != ST_OK)
        return st;
    st = job_init(&job, net);
    for (size_t at = 0; st == ST_OK && at < check.n; at += BATCH) {
        size_t n = check.n - at < BATCH ? check.n - at : BATCH;

        copy_pixels(net, set->pixels + at * network_inputs(net), n, job.pixels);
        infer_run(job.weights, job.scratch, job.pixels, n, job.logits);
        for (size_t i = 0; i < n; i++) {
            uint32_t best;

            infer_rank(job.logits + i * net->n_classes, net->n_classes, 1, &best);
            check.correct += best == set->labels[at + i];
        }
    }
    job_done(&job);
    if (st == ST_OK)
        *ret_check = check;
    else
        snprintf(why, ERR_LEN, "out of memory");
    return st;
}

bool check_doubtful(const struct check *check, size_t n_classes)
{
    double chance = 1.0 / (double)n_classes;

    return (double)check->correct < (double)check->n * fmin(2 * chance, (1 + chance) / 2);
}

void check_print(FILE *out, const struct check *check, size_t n_classes)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], c[OUTPUT_NUMBER];

    fprintf(out, "  check   %s of %s right, %s\n",
            output_count((double)check->correct, a), output_count((double)check->n, b),
            output_percent((double)check->correct / (double)check->n, c));
    if (check_doubtful(check, n_classes))
        fprintf(out,
                "  remark  hardly more than by chance, %s: are range, mean, std, layout "
                "and channels right?\n",
                output_percent(1.0 / (double)n_classes, a));
}
