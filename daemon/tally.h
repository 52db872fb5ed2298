/* SPDX-License-Identifier: Apache-2.0 */
/* tally.h - what one thread counts about one generation of weights.
 *
 * A *lane* is a thread that answers classify requests. Each lane has its own tally and is
 * the only writer of it, so counting costs no lock and no shared cache line; anybody may
 * read at any time.
 */
#ifndef DAEMON_TALLY_H
#define DAEMON_TALLY_H

#include "storage/metrics.h"

#include <stdalign.h>
#include <stdatomic.h>

/* How a request ended that was not answered with its classes. */
enum tally_outcome {
    TALLY_INVALID,   /* the client's mistake: 4xx */
    TALLY_REJECTED,  /* the queue was full: 429 */
    TALLY_TIMEOUT,   /* it waited too long: 504 */
    TALLY_ERROR,     /* ours: 5xx */
    TALLY_CANCELLED, /* its client left before its turn came; no error */
    TALLY_OUTCOMES
};

/* Upper edges of the buckets of pictures in a pass are 1, 2, 4 .. 1024. */
#define TALLY_BATCH_EDGES 11

/* What the time of requests went for. Of passes that requests share each has the whole.
 */
enum tally_phase {
    TALLY_QUEUE,   /* from its first byte on, and whatever else was waiting */
    TALLY_READ,    /* the body into pixels */
    TALLY_COMPUTE, /* the pass */
    TALLY_WRITE,   /* the answer */
    TALLY_REFUSE,  /* all of it, of requests that are counted as errors */
    TALLY_PHASES
};

struct tally {
    alignas(64) _Atomic uint64_t requests;
    _Atomic uint64_t images, labelled, correct;
    _Atomic uint64_t refused[TALLY_OUTCOMES];
    /* Passes through the network by their pictures; requests may share one. */
    _Atomic uint64_t batches[TALLY_BATCH_EDGES + 1];
    _Atomic uint64_t phase_ns[TALLY_PHASES];
    _Atomic uint64_t phases[TALLY_PHASES][METRICS_LATENCY_EDGES + 1];
    _Atomic int64_t last_ms; /* UTC: the last one that was answered; 0 none */
    _Atomic double latency_sum_us, latency_max_us;
    _Atomic uint64_t latency[METRICS_LATENCY_EDGES + 1];
};

/* The same as plain numbers, for sums over lanes and generations. */
struct tally_sum {
    uint64_t requests, passes, images, labelled, correct;
    uint64_t errors; /* requests for this model that got a 4xx or 5xx */
    uint64_t refused[TALLY_OUTCOMES];
    uint64_t batches[TALLY_BATCH_EDGES + 1];
    uint64_t phase_ns[TALLY_PHASES];
    uint64_t phases[TALLY_PHASES][METRICS_LATENCY_EDGES + 1];
    int64_t last_ms;
    double latency_sum_us, latency_max_us;
    uint64_t latency[METRICS_LATENCY_EDGES + 1];
};

/* The lane's own thread. */
void tally_answer(struct tally *tally, uint64_t images, uint64_t labelled,
                  uint64_t correct, double latency_us);
void tally_refuse(struct tally *tally, enum tally_outcome outcome);
/* A pass of so many pictures, at least one. */
void tally_pass(struct tally *tally, size_t images);
/* Of one request. */
void tally_spend(struct tally *tally, enum tally_phase phase, uint64_t ns);
void tally_date(struct tally *tally, int64_t at_ms);

/* Adds what `tally` shows to `sum`. Any thread. */
void tally_read(const struct tally *tally, struct tally_sum *sum);
/* The largest latency since the last call. One thread at a time; a lane that answers at
 * the same moment may lose its maximum to the next call. */
double tally_take_max_us(struct tally *tally);
void tally_sum_add(struct tally_sum *sum, const struct tally_sum *more);
/* `sum` - `before`, member by member; maximum and date are those of `sum`. */
struct tally_sum tally_sum_since(const struct tally_sum *sum,
                                 const struct tally_sum *before);
/* Latency below which `share` (0..1) of the requests were answered, interpolated inside
 * its bucket; NaN without requests. */
double tally_quantile_us(const struct tally_sum *sum, double share);

#endif
