/* SPDX-License-Identifier: Apache-2.0 */
/* job_answer.c - how far an experiment is, and what came of it. */
#include "api/job_json.h"

#include "api/csv.h"
#include "api/state_json.h"
#include "core/interval.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : (double)NAN;
}

static void put_time(struct buf *buf, const char *lead, int64_t at_s)
{
    if (at_s > 0) {
        state_json_time(buf, lead, at_s);
        return;
    }
    buf_text(buf, lead);
    buf_text(buf, "null");
}

/* JSON that was written before, or null. */
static void put_json(struct buf *buf, const char *lead, const char *json)
{
    buf_text(buf, lead);
    buf_text(buf, json != NULL ? json : "null");
}

void job_json_write(struct buf *buf, const struct job_head *head, bool whole)
{
    buf_printf(buf, "{\"id\":%" PRId64, head->id);
    state_json_text(buf, ",\"kind\":", job_kind_name(head->kind));
    state_json_text(buf, ",\"state\":", job_state_name(head->state));
    state_json_text(buf, ",\"model\":", head->model);
    state_json_count(buf, ",\"done\":", head->done);
    state_json_count(buf, ",\"total\":", head->total);
    put_time(buf, ",\"created_at\":", head->created_s);
    put_time(buf, ",\"started_at\":", head->started_s);
    put_time(buf, ",\"ended_at\":", head->ended_s);
    if (head->error[0] != '\0')
        state_json_text(buf, ",\"error\":", head->error);
    else
        put_json(buf, ",\"error\":", NULL);
    if (whole) {
        put_json(buf, ",\"request\":", head->request);
        put_json(buf, ",\"summary\":", head->summary);
    }
    buf_char(buf, '}');
}

void job_json_event(struct buf *buf, const struct job_head *head)
{
    buf_printf(buf, "{\"id\":%" PRId64, head->id);
    state_json_text(buf, ",\"kind\":", job_kind_name(head->kind));
    state_json_text(buf, ",\"model\":", head->model);
    state_json_text(buf, ",\"state\":", job_state_name(head->state));
    state_json_count(buf, ",\"done\":", head->done);
    state_json_count(buf, ",\"total\":", head->total);
    buf_char(buf, '}');
}

/* -- Trials -- */

static double energy(const struct job_trial *t, double pj)
{
    return t->has_energy ? pj : (double)NAN;
}

/* A femtojoule is less than one cell costs. */
static void put_energy(struct buf *buf, const char *lead, double pj)
{
    buf_text(buf, lead);
    buf_fixed(buf, pj, 3);
}

static void put_trial(struct buf *buf, const struct job_trial *t)
{
    state_json_count(buf, "{\"seed\":", t->seed);
    if (t->generation > 0)
        state_json_count(buf, ",\"generation\":", t->generation);
    else
        put_json(buf, ",\"generation\":", NULL);
    state_json_number(buf, ",\"predicted_write_error_rate\":", t->write_error_rate);
    state_json_count(buf, ",\"weights\":", t->weights);
    state_json_count(buf, ",\"cells\":", t->cells);
    state_json_number(buf, ",\"predicted_wrong_bits\":", t->predicted_wrong_bits);
    state_json_count(buf, ",\"wrong_bits\":", t->wrong_bits);
    state_json_number(buf, ",\"bit_error_rate\":", share(t->wrong_bits, t->weights));
    put_energy(buf, ",\"predicted_energy_pj\":", energy(t, t->predicted_energy_pj));
    put_energy(buf, ",\"energy_pj\":", energy(t, t->energy_pj));
    state_json_count(buf, ",\"images\":", t->images);
    if (t->images > 0) {
        state_json_count(buf, ",\"correct\":", t->correct);
        state_json_count(buf, ",\"correct_top5\":", t->correct_top);
    } else {
        buf_text(buf, ",\"correct\":null,\"correct_top5\":null");
    }
    state_json_number(buf, ",\"accuracy\":", share(t->correct, t->images));
    state_json_number(buf, ",\"accuracy_top5\":", share(t->correct_top, t->images));
    buf_char(buf, '}');
}

/* -- Means over the trials of a point -- */

static double wrong_bits(const struct job_trial *t)
{
    return (double)t->wrong_bits;
}

static double bit_error_rate(const struct job_trial *t)
{
    return share(t->wrong_bits, t->weights);
}

static double energy_pj(const struct job_trial *t)
{
    return energy(t, t->energy_pj);
}

static double accuracy(const struct job_trial *t)
{
    return share(t->correct, t->images);
}

static double accuracy_top5(const struct job_trial *t)
{
    return share(t->correct_top, t->images);
}

static const struct {
    const char *lead;
    double (*of)(const struct job_trial *t);
} measures[] = {
    { "\"wrong_bits\":", wrong_bits },        { ",\"bit_error_rate\":", bit_error_rate },
    { ",\"energy_pj\":", energy_pj },         { ",\"accuracy\":", accuracy },
    { ",\"accuracy_top5\":", accuracy_top5 },
};

static double mean_of(const struct job_trial *trials, size_t n,
                      double (*of)(const struct job_trial *t))
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++)
        sum += of(&trials[i]);
    return sum / (double)n;
}

/* Of the mean; one trial does not tell. */
static double standard_error(const struct job_trial *trials, size_t n,
                             double (*of)(const struct job_trial *t))
{
    double mean = mean_of(trials, n, of), squares = 0.0;

    for (size_t i = 0; i < n; i++)
        squares += (of(&trials[i]) - mean) * (of(&trials[i]) - mean);
    return n > 1 ? sqrt(squares / ((double)(n - 1) * (double)n)) : (double)NAN;
}

static void put_measures(struct buf *buf, const char *lead,
                         const struct job_trial *trials, size_t n,
                         double (*statistic)(const struct job_trial *trials, size_t n,
                                             double (*of)(const struct job_trial *t)))
{
    buf_text(buf, lead);
    for (size_t m = 0; m < sizeof(measures) / sizeof(measures[0]); m++)
        state_json_number(buf, measures[m].lead, statistic(trials, n, measures[m].of));
    buf_char(buf, '}');
}

/* Of all pictures of all trials, 95 % on both sides. */
static void put_interval(struct buf *buf, const struct job_trial *trials, size_t n)
{
    uint64_t correct = 0, images = 0;

    for (size_t i = 0; i < n; i++) {
        correct += trials[i].correct;
        images += trials[i].images;
    }
    if (images == 0) {
        put_json(buf, ",\"accuracy_interval\":", NULL);
        return;
    }
    struct interval interval = interval_wilson(correct, images, INTERVAL_95);
    state_json_number(buf, ",\"accuracy_interval\":{\"low\":", interval.low);
    state_json_number(buf, ",\"high\":", interval.high);
    buf_char(buf, '}');
}

static void put_point(struct buf *buf, const struct job_trial *trials, size_t n)
{
    state_json_count(buf, "{\"point\":", trials[0].point);
    put_json(buf, ",\"operating_point\":", trials[0].operating_point);
    put_measures(buf, ",\"mean\":{", trials, n, mean_of);
    put_measures(buf, ",\"standard_error\":{", trials, n, standard_error);
    put_interval(buf, trials, n);
    buf_text(buf, ",\"trials\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_char(buf, ',');
        put_trial(buf, &trials[i]);
    }
    buf_text(buf, "]}");
}

void job_json_results(struct buf *buf, const struct job_head *head,
                      const struct job_trials *trials)
{
    buf_printf(buf, "{\"job\":%" PRId64, head->id);
    state_json_text(buf, ",\"kind\":", job_kind_name(head->kind));
    state_json_text(buf, ",\"state\":", job_state_name(head->state));
    state_json_text(buf, ",\"model\":", head->model);
    put_json(buf, ",\"summary\":", head->summary);
    buf_text(buf, ",\"points\":[");
    for (size_t first = 0, n; first < trials->n; first += n) {
        const struct job_trial *point = trials->trials + first;

        for (n = 1; first + n < trials->n && point[n].point == point->point; n++)
            continue;
        if (first > 0)
            buf_char(buf, ',');
        put_point(buf, point, n);
    }
    buf_text(buf, "]}");
}

/* -- CSV -- */

/* Nothing where there is no number. */
static void csv_real(struct buf *buf, double value)
{
    buf_char(buf, ',');
    csv_number(buf, value);
}

static void csv_count_if(struct buf *buf, bool there, uint64_t count)
{
    buf_char(buf, ',');
    if (there)
        buf_u64(buf, count);
}

static void csv_energy(struct buf *buf, bool there, double pj)
{
    buf_char(buf, ',');
    if (there)
        buf_fixed(buf, pj, 3);
}

static void csv_trial(struct buf *buf, int64_t id, const struct job_trial *t)
{
    buf_printf(buf, "%" PRId64 ",%" PRIu64, id, t->point);
    buf_char(buf, ',');
    csv_text(buf, t->operating_point != NULL ? t->operating_point : "");
    csv_count_if(buf, true, t->seed);
    csv_count_if(buf, t->generation > 0, t->generation);
    csv_real(buf, t->write_error_rate);
    csv_count_if(buf, true, t->weights);
    csv_count_if(buf, true, t->cells);
    csv_real(buf, t->predicted_wrong_bits);
    csv_count_if(buf, true, t->wrong_bits);
    csv_real(buf, bit_error_rate(t));
    csv_energy(buf, t->has_energy, t->predicted_energy_pj);
    csv_energy(buf, t->has_energy, t->energy_pj);
    csv_count_if(buf, true, t->images);
    csv_count_if(buf, t->images > 0, t->correct);
    csv_real(buf, accuracy(t));
    csv_count_if(buf, t->images > 0, t->correct_top);
    csv_real(buf, accuracy_top5(t));
    buf_text(buf, CSV_END);
}

void job_json_csv(struct buf *buf, const struct job_head *head,
                  const struct job_trials *trials)
{
    buf_text(buf, "job,point,operating_point,seed,generation,predicted_write_error_rate,"
                  "weights,cells,predicted_wrong_bits,wrong_bits,bit_error_rate,"
                  "predicted_energy_pj,energy_pj,images,correct,accuracy,correct_top5,"
                  "accuracy_top5" CSV_END);
    for (size_t i = 0; i < trials->n; i++)
        csv_trial(buf, head->id, &trials->trials[i]);
}

/* -- What minimise-energy came to -- */

void job_search_done(struct job_search *search)
{
    for (size_t i = 0; i < search->n_candidates; i++)
        free(search->candidates[i].operating_point);
    search->n_candidates = 0;
}

static void put_candidate(struct buf *buf, const struct job_search *search,
                          const struct job_candidate *candidate)
{
    put_json(buf, "{\"way\":", candidate->way);
    put_json(buf, ",\"operating_point\":", candidate->operating_point);
    state_json_flag(buf, ",\"found\":", candidate->found);
    if (candidate->found)
        state_json_count(buf, ",\"point\":", candidate->point);
    else
        put_json(buf, ",\"point\":", NULL);
    double none = candidate->found ? 0.0 : (double)NAN;
    put_energy(buf, ",\"energy_pj\":", none + candidate->energy_pj);
    state_json_number(buf, ",\"relative_energy\":",
                      none + candidate->energy_pj / search->reference_energy_pj);
    state_json_number(buf, ",\"accuracy\":", none + candidate->accuracy);
    state_json_number(buf, ",\"accuracy_at_least\":", none + candidate->accuracy_low);
    buf_char(buf, '}');
}

void job_json_search(struct buf *buf, const struct job_search *search)
{
    const struct job_candidate *best = NULL;

    for (size_t i = 0; i < search->n_candidates; i++) {
        const struct job_candidate *candidate = &search->candidates[i];

        if (candidate->found && (best == NULL || candidate->energy_pj < best->energy_pj))
            best = candidate;
    }
    buf_text(buf, "{\"best\":");
    if (best != NULL)
        put_candidate(buf, search, best);
    else
        buf_text(buf, "null");
    put_json(buf, ",\"reference\":{\"operating_point\":", search->reference);
    put_energy(buf, ",\"energy_pj\":", search->reference_energy_pj);
    state_json_number(buf, "},\"error_free_accuracy\":",
                      share(search->error_free_correct, search->images));
    state_json_number(buf, ",\"tolerance\":", search->tolerance);
    state_json_number(buf, ",\"confidence\":", search->confidence);
    buf_text(buf, ",\"candidates\":[");
    for (size_t i = 0; i < search->n_candidates; i++) {
        if (i > 0)
            buf_char(buf, ',');
        put_candidate(buf, search, &search->candidates[i]);
    }
    buf_text(buf, "]}");
}
