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

void tally_error(struct tally *tally)
{
    add(&tally->errors, 1);
}

void tally_pass(struct tally *tally)
{
    add(&tally->passes, 1);
}

void tally_spend(struct tally *tally, enum tally_phase phase, uint64_t ns)
{
    add(&tally->phase_ns[phase], ns);
}

void tally_date(struct tally *tally, int64_t at_ms)
{
    atomic_store_explicit(&tally->last_ms, at_ms, memory_order_relaxed);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void tally_read(const struct tally *tally, struct tally_sum *sum)
{
    double max = atomic_load_explicit(&tally->latency_max_us, memory_order_relaxed);

    sum->requests += atomic_load_explicit(&tally->requests, memory_order_relaxed);
    sum->passes += atomic_load_explicit(&tally->passes, memory_order_relaxed);
    sum->images += atomic_load_explicit(&tally->images, memory_order_relaxed);
    sum->labelled += atomic_load_explicit(&tally->labelled, memory_order_relaxed);
    sum->correct += atomic_load_explicit(&tally->correct, memory_order_relaxed);
    sum->errors += atomic_load_explicit(&tally->errors, memory_order_relaxed);
    for (unsigned i = 0; i < TALLY_PHASES; i++)
        sum->phase_ns[i] +=
            atomic_load_explicit(&tally->phase_ns[i], memory_order_relaxed);
    sum->last_ms =
        later(sum->last_ms, atomic_load_explicit(&tally->last_ms, memory_order_relaxed));
    sum->latency_sum_us +=
        atomic_load_explicit(&tally->latency_sum_us, memory_order_relaxed);
    if (max > sum->latency_max_us)
        sum->latency_max_us = max;
    for (unsigned i = 0; i <= METRICS_LATENCY_EDGES; i++)
        sum->latency[i] += atomic_load_explicit(&tally->latency[i], memory_order_relaxed);
}

double tally_take_max_us(struct tally *tally)
{
    return atomic_exchange_explicit(&tally->latency_max_us, 0, memory_order_relaxed);
}

void tally_sum_add(struct tally_sum *sum, const struct tally_sum *more)
{
    sum->requests += more->requests;
    sum->passes += more->passes;
    sum->images += more->images;
    sum->labelled += more->labelled;
    sum->correct += more->correct;
    sum->errors += more->errors;
    for (unsigned i = 0; i < TALLY_PHASES; i++)
        sum->phase_ns[i] += more->phase_ns[i];
    sum->last_ms = later(sum->last_ms, more->last_ms);
    sum->latency_sum_us += more->latency_sum_us;
    sum->latency_max_us = fmax(sum->latency_max_us, more->latency_max_us);
    for (unsigned i = 0; i <= METRICS_LATENCY_EDGES; i++)
        sum->latency[i] += more->latency[i];
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
    for (unsigned i = 0; i < TALLY_PHASES; i++)
        since.phase_ns[i] -= before->phase_ns[i];
    since.latency_sum_us -= before->latency_sum_us;
    for (unsigned i = 0; i <= METRICS_LATENCY_EDGES; i++)
        since.latency[i] -= before->latency[i];
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
