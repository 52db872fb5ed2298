/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/tally.h"

#include <math.h>

/* Only the lane itself writes, so load and store need not be one step. */
static void add(_Atomic uint64_t *counter, uint64_t n)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, value + n, memory_order_relaxed);
}

void tally_answer(struct tally *tally, uint64_t images, uint64_t labelled,
                  uint64_t correct, double latency_us)
{
    double sum = atomic_load_explicit(&tally->latency_sum_us, memory_order_relaxed);
    double max = atomic_load_explicit(&tally->latency_max_us, memory_order_relaxed);

    add(&tally->requests, 1);
    add(&tally->images, images);
    add(&tally->labelled, labelled);
    add(&tally->correct, correct);
    atomic_store_explicit(&tally->latency_sum_us, sum + latency_us, memory_order_relaxed);
    if (latency_us > max)
        atomic_store_explicit(&tally->latency_max_us, latency_us, memory_order_relaxed);
    add(&tally->latency[metrics_latency_bucket(latency_us)], 1);
}

void tally_refuse(struct tally *tally, enum tally_outcome outcome)
{
    add(&tally->refused[outcome], 1);
}

void tally_pass(struct tally *tally, size_t images)
{
    unsigned bucket = 0;

    while (bucket < TALLY_BATCH_EDGES && images > (size_t)1 << bucket)
        bucket++;
    add(&tally->batches[bucket], 1);
}

void tally_spend(struct tally *tally, enum tally_phase phase, uint64_t ns)
{
    add(&tally->phase_ns[phase], ns);
    add(&tally->phases[phase][metrics_latency_bucket((double)ns / 1e3)], 1);
}

void tally_date(struct tally *tally, int64_t at_ms)
{
    atomic_store_explicit(&tally->last_ms, at_ms, memory_order_relaxed);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static uint64_t value(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void read_all(const _Atomic uint64_t *counters, size_t n, uint64_t *sums)
{
    for (size_t i = 0; i < n; i++)
        sums[i] += value(&counters[i]);
}

static void read_refused(const struct tally *tally, struct tally_sum *sum)
{
    for (unsigned i = 0; i < TALLY_OUTCOMES; i++) {
        uint64_t n = value(&tally->refused[i]);

        sum->refused[i] += n;
        sum->errors += i == TALLY_CANCELLED ? 0 : n;
    }
}

static void read_batches(const struct tally *tally, struct tally_sum *sum)
{
    for (unsigned i = 0; i <= TALLY_BATCH_EDGES; i++) {
        uint64_t n = value(&tally->batches[i]);

        sum->batches[i] += n;
        sum->passes += n;
    }
}

void tally_read(const struct tally *tally, struct tally_sum *sum)
{
    double max = atomic_load_explicit(&tally->latency_max_us, memory_order_relaxed);

    sum->requests += value(&tally->requests);
    sum->images += value(&tally->images);
    sum->labelled += value(&tally->labelled);
    sum->correct += value(&tally->correct);
    read_refused(tally, sum);
    read_batches(tally, sum);
    read_all(tally->phase_ns, TALLY_PHASES, sum->phase_ns);
    for (unsigned i = 0; i < TALLY_PHASES; i++)
        read_all(tally->phases[i], METRICS_LATENCY_EDGES + 1, sum->phases[i]);
    sum->last_ms =
        later(sum->last_ms, atomic_load_explicit(&tally->last_ms, memory_order_relaxed));
    sum->latency_sum_us +=
        atomic_load_explicit(&tally->latency_sum_us, memory_order_relaxed);
    if (max > sum->latency_max_us)
        sum->latency_max_us = max;
    read_all(tally->latency, METRICS_LATENCY_EDGES + 1, sum->latency);
}

double tally_take_max_us(struct tally *tally)
{
    return atomic_exchange_explicit(&tally->latency_max_us, 0, memory_order_relaxed);
}

static void add_all(uint64_t *sums, const uint64_t *more, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sums[i] += more[i];
}

static void subtract_all(uint64_t *sums, const uint64_t *less, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sums[i] -= less[i];
}

void tally_sum_add(struct tally_sum *sum, const struct tally_sum *more)
{
    sum->requests += more->requests;
    sum->passes += more->passes;
    sum->images += more->images;
    sum->labelled += more->labelled;
    sum->correct += more->correct;
    sum->errors += more->errors;
    add_all(sum->refused, more->refused, TALLY_OUTCOMES);
    add_all(sum->batches, more->batches, TALLY_BATCH_EDGES + 1);
    add_all(sum->phase_ns, more->phase_ns, TALLY_PHASES);
    for (unsigned i = 0; i < TALLY_PHASES; i++)
        add_all(sum->phases[i], more->phases[i], METRICS_LATENCY_EDGES + 1);
    sum->last_ms = later(sum->last_ms, more->last_ms);
    sum->latency_sum_us += more->latency_sum_us;
    sum->latency_max_us = fmax(sum->latency_max_us, more->latency_max_us);
    add_all(sum->latency, more->latency, METRICS_LATENCY_EDGES + 1);
}

struct tally_sum tally_sum_since(const struct tally_sum *sum,
                                 const struct tally_sum *before)
{
    struct tally_sum since = *sum;

    since.requests -= before->requests;
    since.passes -= before->passes;
    since.images -= before->images;
    since.labelled -= before->labelled;
    since.correct -= before->correct;
    since.errors -= before->errors;
    subtract_all(since.refused, before->refused, TALLY_OUTCOMES);
    subtract_all(since.batches, before->batches, TALLY_BATCH_EDGES + 1);
    subtract_all(since.phase_ns, before->phase_ns, TALLY_PHASES);
    for (unsigned i = 0; i < TALLY_PHASES; i++)
        subtract_all(since.phases[i], before->phases[i], METRICS_LATENCY_EDGES + 1);
    since.latency_sum_us -= before->latency_sum_us;
    subtract_all(since.latency, before->latency, METRICS_LATENCY_EDGES + 1);
    return since;
}

double tally_quantile_us(const struct tally_sum *sum, double share)
{
    uint64_t n = 0, below = 0;

    for (unsigned i = 0; i <= METRICS_LATENCY_EDGES; i++)
        n += sum->latency[i];
    if (n == 0)
        return NAN;
    for (unsigned i = 0; i < METRICS_LATENCY_EDGES; i++) {
        double low = i == 0 ? 0 : metrics_latency_edges_us[i - 1];
        double wanted = share * (double)n - (double)below;

        if (sum->latency[i] > 0 && wanted <= (double)sum->latency[i])
            return low +
                   (metrics_latency_edges_us[i] - low) * wanted / (double)sum->latency[i];
        below += sum->latency[i];
    }
    return sum->latency_max_us;
}
