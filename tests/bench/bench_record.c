/* SPDX-License-Identifier: Apache-2.0 */
/* bench_record.c - what counting costs a request: everything that pass.c, feedback.c and
 * traffic.c do for one raw classify request so that it is counted, and not so that it is
 * answered; and its row, as far as the answering thread is concerned.
 *
 * Thread CPU time of one thread, ns a request, best of the rounds; a line for each part
 * and one for the whole. Arguments: rounds (default 9).
 */
#include "daemon/daemon.h"
#include "daemon/row_ring.h"
#include "daemon/wall.h"
#include "tests/bench/cycles.h"

#include <stdio.h>
#include <stdlib.h>

#define REQUESTS 200000
#define RING     65536

struct bench {
    struct tally *tally;
    struct feedback_memory *feedback;
    struct traffic *traffic;
    struct row_ring ring;
    uint64_t began_ns; /* of the request, as if */
};

/* In place of the API's: there is no call, and one thread. */
unsigned __wrap_http_call_thread(const struct http_call *call);
unsigned __wrap_http_call_thread(const struct http_call *call)
{
    (void)call;
    return 0;
}

static const uint32_t class_index = 7;
static const int32_t no_label = -1;

/* Reading a clock for the answer's time_us is not counting, nor that when the handler
 * begins, for the watchdog. These are: when the answer was written and when it was gone,
 * and the time of day. */
static uint64_t read_clocks(void)
{
    uint64_t ns = (uint64_t)wall_milliseconds();

    for (unsigned i = 0; i < 2; i++)
        ns += wall_monotonic_ns();
    return ns;
}

static void count_tally(struct bench *b, uint64_t i)
{
    tally_pass(b->tally, 1);
    tally_answer(b->tally, 1, 0, 0, 10.0 + (double)(i % 64));
    tally_spend(b->tally, TALLY_QUEUE, i % 1000);
    tally_spend(b->tally, TALLY_READ, i % 100);
    tally_spend(b->tally, TALLY_COMPUTE, i % 5000);
    tally_date(b->tally, (int64_t)i);
    tally_spend(b->tally, TALLY_WRITE, i % 500);
}

static void count_feedback(struct bench *b, uint64_t i)
{
    feedback_note(b->feedback, i, 1, 1, &class_index, &no_label, 1);
}

static void count_traffic(struct bench *b, uint64_t i)
{
    const struct http_done done = {
        .method = "POST",
        .status = 200,
        .duration_ns = 10000 + i % 64 * 1000,
    };

    traffic_count(b->traffic, &done);
}

static void put_row(struct bench *b, uint64_t i)
{
    struct row_ring_row *place =
        row_ring_wants(&b->ring, 1) ? row_ring_place(&b->ring) : NULL;

    if (place == NULL)
        abort(); /* it is emptied below */
    place->row = (struct metrics_inference) { .request_id = i, .predicted = 7 };
    (void)row_ring_put(&b->ring);
    if (i % (RING / 4) == 0)
        row_ring_take(&b->ring, row_ring_waiting(&b->ring));
}

static void clocks(struct bench *b, uint64_t i)
{
    (void)i;
    b->began_ns += read_clocks();
}

static void all(struct bench *b, uint64_t i)
{
    clocks(b, i);
    count_tally(b, i);
    count_feedback(b, i);
    count_traffic(b, i);
}

struct part {
    const char *name;
    void (*run)(struct bench *b, uint64_t i);
};

static double best_ns(struct bench *b, const struct part *part, unsigned rounds)
{
    double best = 0.0;

    for (unsigned r = 0; r < rounds; r++) {
        double began = cpu_ns();

        for (uint64_t i = 0; i < REQUESTS; i++)
            part->run(b, i);
        double ns = (cpu_ns() - began) / REQUESTS;
        if (r == 0 || ns < best)
            best = ns;
    }
    return best;
}

static void must(enum status st)
{
    if (st != ST_OK)
        abort();
}

int main(int argc, char **argv)
{
    static const struct part parts[] = {
        { "clocks", clocks },
        { "tally", count_tally },
        { "feedback", count_feedback },
        { "traffic", count_traffic },
        { "counting", all },
        { "row", put_row },
    };
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 9;
    struct bench b = { .tally = aligned_alloc(alignof(struct tally), sizeof(*b.tally)) };

    if (b.tally == NULL || rounds == 0)
        abort();
    *b.tally = (struct tally) { 0 };
    must(feedback_memory_new(1, &b.feedback));
    must(traffic_new(1, n_routes, &b.traffic));
    must(row_ring_init(&b.ring, RING));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        printf("%-9s %7.1f ns\n", parts[i].name, best_ns(&b, &parts[i], rounds));
    row_ring_done(&b.ring);
    traffic_free(b.traffic);
    feedback_memory_free(b.feedback);
    free(b.tally);
    return 0;
}
