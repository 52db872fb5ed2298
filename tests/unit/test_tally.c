/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/tally.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ANSWERS 200000u

static double random_us(unsigned *seed)
{
    return pow(10, 6.5 * rand_r(seed) / RAND_MAX);
}

static bool same(const struct tally_sum *a, const struct tally_sum *b)
{
    return a->requests == b->requests && a->images == b->images &&
           a->labelled == b->labelled && a->correct == b->correct &&
           a->errors == b->errors && a->passes == b->passes && a->last_ms == b->last_ms &&
           memcmp(a->refused, b->refused, sizeof(a->refused)) == 0 &&
           memcmp(a->batches, b->batches, sizeof(a->batches)) == 0 &&
           memcmp(a->phases, b->phases, sizeof(a->phases)) == 0 &&
           memcmp(a->phase_ns, b->phase_ns, sizeof(a->phase_ns)) == 0 &&
           fabs(a->latency_sum_us - b->latency_sum_us) <= 1e-9 * b->latency_sum_us &&
           a->latency_max_us == b->latency_max_us &&
           memcmp(a->latency, b->latency, sizeof(a->latency)) == 0;
}

static void what_is_counted_is_read(void **state)
{
    static struct tally tally;
    struct tally_sum want = { 0 }, got = { 0 };
    unsigned seed = 3;

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t images = 1 + i % 5, labelled = i % 3, correct = i % 2;
        double us = random_us(&seed);

        tally_answer(&tally, images, labelled, correct, us);
        want.requests++;
        want.images += images;
        want.labelled += labelled;
        want.correct += correct;
        want.latency_sum_us += us;
        want.latency_max_us = fmax(want.latency_max_us, us);
        want.latency[metrics_latency_bucket(us)]++;
        tally_spend(&tally, i % TALLY_PHASES, 10 + i);
        want.phase_ns[i % TALLY_PHASES] += 10 + i;
        want.phases[i % TALLY_PHASES][metrics_latency_bucket((10 + i) / 1e3)]++;
        tally_date(&tally, 5000 + i);
        want.last_ms = 5000 + i;
        if (i % 7 == 0) {
            enum tally_outcome outcome = i / 7 % TALLY_OUTCOMES;

            tally_refuse(&tally, outcome);
            want.refused[outcome]++;
            want.errors += outcome != TALLY_CANCELLED;
        }
    }
    tally_read(&tally, &got);
    assert_true(same(&got, &want));
}

static void reading_adds_to_the_sum(void **state)
{
    static struct tally a, b;
    struct tally_sum of_a = { 0 }, of_b = { 0 }, both = { 0 };

    (void)state;
    tally_answer(&a, 3, 2, 1, 40);
    tally_answer(&b, 5, 5, 5, 70);
    tally_refuse(&b, TALLY_TIMEOUT);
    tally_pass(&a, 3);
    tally_pass(&b, 64);
    tally_spend(&a, TALLY_READ, 7);
    tally_spend(&b, TALLY_WRITE, 9);
    tally_date(&a, 200);
    tally_date(&b, 100);
    tally_read(&a, &of_a);
    tally_read(&b, &of_b);
    tally_read(&a, &both);
    tally_read(&b, &both);
    tally_sum_add(&of_a, &of_b);
    assert_true(same(&both, &of_a));
    assert_true(both.latency_max_us == 70);
    assert_true(both.last_ms == 200);
    of_a = tally_sum_since(&both, &of_b);
    assert_true(of_a.phase_ns[TALLY_READ] == 7 && of_a.phase_ns[TALLY_WRITE] == 0);
    assert_true(of_a.last_ms == 200);
}

static void a_difference_added_again_is_the_sum(void **state)
{
    static struct tally tally;
    struct tally_sum before = { 0 }, after = { 0 };
    unsigned seed = 9;

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        tally_answer(&tally, 1, 1, i % 2, random_us(&seed));
    tally_read(&tally, &before);
    for (unsigned i = 0; i < 50; i++)
        tally_answer(&tally, 2, 1, 1, random_us(&seed));
    tally_refuse(&tally, TALLY_REJECTED);
    tally_pass(&tally, 2);
    tally_spend(&tally, TALLY_QUEUE, 5000);
    tally_read(&tally, &after);

    struct tally_sum gain = tally_sum_since(&after, &before);
    assert_int_equal(gain.requests, 50);
    assert_int_equal(gain.images, 100);
    assert_int_equal(gain.errors, 1);
    tally_sum_add(&before, &gain);
    assert_true(same(&before, &after));
}

static void a_pass_falls_into_the_bucket_of_its_pictures(void **state)
{
    static const struct {
        size_t images;
        unsigned bucket;
    } table[] = { { 1, 0 },
                  { 2, 1 },
                  { 3, 2 },
                  { 4, 2 },
                  { 5, 3 },
                  { 512, 9 },
                  { 513, 10 },
                  { 1024, 10 },
                  { 1025, TALLY_BATCH_EDGES },
                  { SIZE_MAX, TALLY_BATCH_EDGES } };
    enum { N = sizeof(table) / sizeof(table[0]) };

    (void)state;
    for (size_t i = 0; i < N; i++) {
        struct tally tally = { 0 };
        struct tally_sum sum = { 0 };

        tally_pass(&tally, table[i].images);
        tally_read(&tally, &sum);
        assert_int_equal(sum.passes, 1);
        assert_int_equal(sum.batches[table[i].bucket], 1);
    }
}

static void the_maximum_is_taken_once(void **state)
{
    static struct tally tally;

    (void)state;
    tally_answer(&tally, 1, 0, 0, 5);
    tally_answer(&tally, 1, 0, 0, 50);
    tally_answer(&tally, 1, 0, 0, 20);
    assert_true(tally_take_max_us(&tally) == 50);
    assert_true(tally_take_max_us(&tally) == 0);
    tally_answer(&tally, 1, 0, 0, 7);
    assert_true(tally_take_max_us(&tally) == 7);
}

/* -- Quantiles -- */

static void without_requests_there_is_no_quantile(void **state)
{
    struct tally_sum none = { .errors = 3 };

    (void)state;
    assert_true(isnan(tally_quantile_us(&none, 0.5)));
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The true quantile is in the same bucket. */
static void quantiles_fall_into_the_bucket_of_the_true_one(void **state)
{
    static const double shares[] = { 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0 };
    unsigned seed = 77;

    (void)state;
    for (size_t round = 0; round < 50; round++) {
        static struct tally tally;
        struct tally_sum sum = { 0 };
        double samples[300];
        size_t n = 1 + round * 5;

        memset((void *)&tally, 0, sizeof(tally));
        for (size_t i = 0; i < n; i++) {
            samples[i] = random_us(&seed);
            tally_answer(&tally, 1, 0, 0, samples[i]);
        }
        qsort(samples, n, sizeof(samples[0]), compare);
        tally_read(&tally, &sum);

        double before = 0;
        for (size_t s = 0; s < sizeof(shares) / sizeof(shares[0]); s++) {
            size_t rank = (size_t)ceil(shares[s] * (double)n);
            double truth = samples[rank == 0 ? 0 : rank - 1];
            double got = tally_quantile_us(&sum, shares[s]);
            unsigned bucket = metrics_latency_bucket(truth);
            double low = bucket == 0 ? 0 : metrics_latency_edges_us[bucket - 1];

            assert_true(got >= low && got >= before);
            assert_true(bucket == METRICS_LATENCY_EDGES
                            ? got == sum.latency_max_us
                            : got <= metrics_latency_edges_us[bucket]);
            before = got;
        }
    }
}

/* -- Threads -- */

static void *count_answers(void *arg)
{
    struct tally *tally = arg;

    for (unsigned i = 0; i < ANSWERS; i++) {
        tally_answer(tally, 2, 1, i % 2, 30);
        if (i % 4 == 0)
            tally_refuse(tally, TALLY_ERROR);
    }
    return NULL;
}

static void a_reader_never_sees_a_counter_fall(void **state)
{
    static struct tally tally;
    struct tally_sum before = { 0 };
    pthread_t lane;

    (void)state;
    assert_int_equal(pthread_create(&lane, NULL, count_answers, &tally), 0);
    while (before.requests < ANSWERS) {
        struct tally_sum now = { 0 };

        tally_read(&tally, &now);
        assert_true(now.requests >= before.requests && now.images >= before.images &&
                    now.labelled >= before.labelled && now.correct >= before.correct &&
                    now.errors >= before.errors &&
                    now.latency_sum_us >= before.latency_sum_us);
        before = now;
    }
    assert_int_equal(pthread_join(lane, NULL), 0);

    struct tally_sum end = { 0 };
    tally_read(&tally, &end);
    assert_int_equal(end.images, 2 * ANSWERS);
    assert_int_equal(end.correct, ANSWERS / 2);
    assert_int_equal(end.errors, ANSWERS / 4);
    assert_true(end.latency_sum_us == 30.0 * ANSWERS);
    assert_int_equal(end.latency[metrics_latency_bucket(30)], ANSWERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_counted_is_read),
        cmocka_unit_test(reading_adds_to_the_sum),
        cmocka_unit_test(a_difference_added_again_is_the_sum),
        cmocka_unit_test(a_pass_falls_into_the_bucket_of_its_pictures),
        cmocka_unit_test(the_maximum_is_taken_once),
        cmocka_unit_test(without_requests_there_is_no_quantile),
        cmocka_unit_test(quantiles_fall_into_the_bucket_of_the_true_one),
        cmocka_unit_test(a_reader_never_sees_a_counter_fall),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
