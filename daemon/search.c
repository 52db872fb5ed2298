/* SPDX-License-Identifier: Apache-2.0 */
/* search.c - minimise-energy: for each way to write, the weakest write whose accuracy is
 * near enough to that of the weights without error; of these the cheapest.
 *
 * The weaker a write the less it costs, and the more bits are wrong: so the error rate is
 * found by halving. Near enough is a write where the lower end of Wilson's interval of
 * the accuracy, over all pictures and arrays, lies within the tolerance: a share that is
 * good by luck does not pass with more than 1 - confidence. Many tries are made, and one
 * of them is not the other: the confidence is of each try.
 */
#include "daemon/experiment_internal.h"

#include "core/interval.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct search {
    struct experiment *e; /* borrowed */
    size_t n_seeds;
    double z;
    double least;        /* accuracy that is near enough */
    uint64_t next_point; /* of the trials */
    struct job_search found;
};

/* What the arrays of one point came to together. */
struct attempt {
    uint64_t images, correct;
    double energy_pj; /* mean */
};

static double lower_end(const struct search *s, uint64_t correct, uint64_t images)
{
    return interval_wilson(correct, images, s->z).low;
}

static enum status measure_error_free(struct search *s, char why[ERR_LEN])
{
    struct experiment *e = s->e;
    const uint64_t *wanted[NETWORK_MAX_LAYERS];
    struct infer_weights *weights;
    struct exam_marks marks;

    cells_wanted(e->model->net, wanted);
    (void)snprintf(why, ERR_LEN, "out of memory");
    enum status st = infer_weights_new(e->model->net, e->kernel, wanted, &weights);
    if (st != ST_OK)
        return st;
    st = exam_run(e->exam, weights, e->go_on, e->ctx, &marks, why);
    infer_weights_free(weights);
    if (st != ST_OK)
        return st;
    s->found.images = marks.images;
    s->found.error_free_correct = marks.correct;
    double accuracy = (double)marks.correct / (double)marks.images;
    double low = lower_end(s, marks.correct * s->n_seeds, marks.images * s->n_seeds);
    s->least = accuracy - e->request->tolerance;
    if (low >= s->least)
        return ST_OK;
    (void)snprintf(why, ERR_LEN,
                   "%llu pictures with %zu seeds are too few to tell a loss of %g with "
                   "confidence %g: even without errors they tell %.4f of %.4f",
                   (unsigned long long)marks.images, s->n_seeds, e->request->tolerance,
                   e->request->confidence, low, accuracy);
    return ST_RANGE;
}

/* What the reference costs; nobody has to be asked how well it answers. */
static enum status measure_reference(struct search *s, char why[ERR_LEN])
{
    struct experiment *e = s->e;
    enum status st = ST_OK;

    for (size_t i = 0; i < s->n_seeds && st == ST_OK; i++) {
        struct job_trial trial = { .point = s->next_point,
                                   .operating_point = e->request->reference };
        struct infer_weights *weights = NULL;
        char reason[ERR_LEN];

        st = experiment_write(e, e->request->reference, i, &trial, &weights, reason);
        infer_weights_free(weights);
        if (st == ST_OK && !trial.has_energy) {
            (void)snprintf(reason, sizeof(reason), "mode iid has no energy");
            st = ST_RANGE;
        }
        if (st == ST_OK && !e->go_on(e->ctx, 1))
            st = ST_BUSY;
        if (st == ST_OK)
            st = e->keep(e->ctx, &trial, reason);
        if (st != ST_OK)
            (void)snprintf(why, ERR_LEN, "reference: %.220s", reason);
        s->found.reference_energy_pj += trial.energy_pj / (double)s->n_seeds;
    }
    s->next_point++;
    return st;
}

/* Writes `point` into an array for each seed. */
static enum status attempt_point(struct search *s, char *point,
                                 struct attempt *ret_attempt, char why[ERR_LEN])
{
    struct attempt attempt = { 0 };
    enum status st = ST_OK;

    for (size_t i = 0; i < s->n_seeds && st == ST_OK; i++) {
        struct job_trial trial;

        st = experiment_trial(s->e, point, s->next_point, i, &trial, why);
        if (st == ST_OK) {
            attempt.images += trial.images;
            attempt.correct += trial.correct;
            attempt.energy_pj += trial.energy_pj / (double)s->n_seeds;
        }
    }
    *ret_attempt = attempt;
    return st;
}

static bool is_near_enough(const struct search *s, const struct attempt *attempt)
{
    return lower_end(s, attempt->correct, attempt->images) >= s->least;
}

static void take(const struct search *s, struct job_candidate *candidate, char *point,
                 const struct attempt *attempt)
{
    free(candidate->operating_point);
    *candidate = (struct job_candidate) {
        .way = candidate->way,
        .found = true,
        .point = s->next_point,
        .operating_point = point,
        .energy_pj = attempt->energy_pj,
        .accuracy = (double)attempt->correct / (double)attempt->images,
        .accuracy_low = lower_end(s, attempt->correct, attempt->images),
    };
}

/* Three digits: what is asked for is the same text on every machine. */
static double rounded(double rate)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%.2e", rate);
    return strtod(text, NULL);
}

/* One rate; ret_stronger: the write has to be stronger than this. A rate that the device
 * cannot be driven to is one that it cannot be made so reliable for. */
static enum status try_rate(struct search *s, struct job_candidate *candidate,
                            const char *base, double rate, bool *ret_stronger,
                            char why[ERR_LEN])
{
    struct attempt attempt;
    char *point = job_json_with_target(base, rate);

    if (point == NULL) {
        (void)snprintf(why, ERR_LEN, "out of memory");
        return ST_NOMEM;
    }
    enum status st = attempt_point(s, point, &attempt, why);
    *ret_stronger = st == ST_OK && !is_near_enough(s, &attempt);
    if (st == ST_OK && !*ret_stronger)
        take(s, candidate, point, &attempt);
    else
        free(point);
    s->next_point++;
    return st == ST_UNREACHABLE ? ST_OK : st;
}

static enum status search_candidate(struct search *s, const char *base, char why[ERR_LEN])
{
    struct job_candidate *candidate = &s->found.candidates[s->found.n_candidates];
    double strong = log10(SEARCH_STRONGEST), weak = log10(SEARCH_WEAKEST);
    enum status st = ST_OK;

    candidate->way = base;
    s->found.n_candidates++;
    for (int i = 0; i < SEARCH_TRIES && st == ST_OK; i++) {
        double middle = 0.5 * (strong + weak);
        bool stronger = false;

        st = try_rate(s, candidate, base, rounded(pow(10.0, middle)), &stronger, why);
        *(stronger ? &weak : &strong) = middle;
    }
    return st;
}

enum status search_run(struct experiment *e, struct buf *ret_summary, char why[ERR_LEN])
{
    const struct job_request *request = e->request;
    struct search s = {
        .e = e,
        .n_seeds = request->n_seeds > 0 ? request->n_seeds : 1,
        .z = interval_one_sided(request->confidence),
        .found = { .tolerance = request->tolerance,
                   .confidence = request->confidence,
                   .reference = request->reference },
    };
    enum status st = measure_error_free(&s, why);

    if (st == ST_OK)
        st = measure_reference(&s, why);
    for (size_t i = 0; i < request->n_points && st == ST_OK; i++)
        st = search_candidate(&s, request->points[i], why);
    if (st == ST_OK)
        job_json_search(ret_summary, &s.found);
    job_search_done(&s.found);
    return st;
}
