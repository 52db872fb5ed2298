/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/onnx_tail.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Reals are searched up to here: room for a tail to scale without overflow. */
#define REAL_MOST 0x1p100F
#define NEAR      1e-4

/* Through nodes[from .. to). */
static float evaluate(const struct tail *tail, size_t from, size_t to, uint32_t c,
                      float x)
{
    for (size_t i = from; i < to; i++)
        if (tail->nodes[i]->op != IR_MAX_POOL)
            x = ir_eval(tail->nodes[i], c, x);
    return x;
}

static float value_of(const struct tail *tail, uint32_t c, double x)
{
    return evaluate(tail, 0, tail->n, c, (float)x);
}

/* 0, 1, or 2 for a tie. */
static unsigned raw_bit(const struct tail *tail, uint32_t c, float value)
{
    unsigned side = value > tail->at[c] ? 0 : value == tail->at[c] ? 1 : 2;

    return tail->bit[side * tail->c + c];
}

/* At a tie the sign is taken for that of what is a little more, or a little less. */
static bool bit_of(const struct tail *tail, uint32_t c, float value)
{
    unsigned bit = raw_bit(tail, c, value);

    return bit == 2 ? tail->bit[(tail->ties_down ? 2 : 0) * tail->c + c] : bit;
}

/* A tie at one end and also beside it, and not everywhere: a Relu in front of a sign. */
static bool flat_tie(const struct tail *tail, uint32_t c, double end, double beside,
                     double other)
{
    return raw_bit(tail, c, value_of(tail, c, end)) == 2 &&
           raw_bit(tail, c, value_of(tail, c, beside)) == 2 &&
           raw_bit(tail, c, value_of(tail, c, other)) != 2;
}

static enum tail_result check_ends(const struct tail *tail, uint32_t c, double low,
                                   double high, double step)
{
    float a = value_of(tail, c, low), b = value_of(tail, c, high);
    bool rises = a <= b;
    float last = a;

    if (isnan(a) || isnan(b))
        return TAIL_NOT_A_NUMBER;
    for (unsigned k = 1; k <= 8; k++) {
        double x = low + floor((high - low) / step / 8 * k) * step;
        float y = value_of(tail, c, x > high ? high : x);

        if (isnan(y))
            return TAIL_NOT_A_NUMBER;
        if (rises ? y < last : y > last)
            return TAIL_NOT_MONOTONE;
        last = y;
    }
    if (flat_tie(tail, c, low, low + step, high) ||
        flat_tie(tail, c, high, high - step, low))
        return TAIL_ZERO_OR_ONE;
    return TAIL_OK;
}

/* The smallest x in (low, high] at which the bit is that of high; they differ. */
static int64_t bisect(const struct tail *tail, uint32_t c, int64_t low, int64_t high,
                      double (*number)(int64_t))
{
    bool last = bit_of(tail, c, value_of(tail, c, number(high)));

    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;

        if (bit_of(tail, c, value_of(tail, c, number(middle))) == last)
            high = middle;
        else
            low = middle;
    }
    return high;
}

static double itself(int64_t i)
{
    return (double)i;
}

/* float32 in order: the integers -n .. n name the 2n + 1 smallest in magnitude. */
static double real_of(int64_t i)
{
    uint32_t bits = (uint32_t)(i < 0 ? -i : i);
    float x;

    memcpy(&x, &bits, sizeof(x));
    return (double)(i < 0 ? -x : x);
}

static int64_t order_of(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return bits & UINT32_C(0x80000000) ? -(int64_t)(bits & 0x7FFFFFFF) : (int64_t)bits;
}

/* Are ties and near ties possible between place - 1 and place? */
static void look_at_ties(const struct tail *tail, uint32_t c, int64_t low, int64_t high,
                         int64_t step, int64_t place, struct tail_rule *ret)
{
    float y0 = value_of(tail, c, (double)place - 1),
          y1 = value_of(tail, c, (double)place);
    double span = (double)y1 - (double)y0;
    double root = span == 0
                      ? (double)place
                      : (double)place - 1 + ((double)tail->at[c] - (double)y0) / span;

    for (int64_t x = place - 1; x <= place; x++) {
        if (x < low || x > high || (x - low) % step != 0)
            continue;
        ret->tie |= raw_bit(tail, c, value_of(tail, c, (double)x)) == 2;
        ret->near_tie |= fabs(root - (double)x) < NEAR;
    }
}

enum tail_result tail_rule_integer(const struct tail *tail, uint32_t c, int64_t low,
                                   int64_t high, int64_t step, struct tail_rule *ret)
{
    enum tail_result result =
        check_ends(tail, c, (double)low, (double)high, (double)step);

    if (result != TAIL_OK)
        return result;
    bool first = bit_of(tail, c, value_of(tail, c, (double)low));
    bool last = bit_of(tail, c, value_of(tail, c, (double)high));
    *ret = (struct tail_rule) { .falling = false };
    if (first == last) {
        ret->constant = true;
        ret->threshold = (double)(last ? low - 1 : high + 1);
        ret->tie = raw_bit(tail, c, value_of(tail, c, (double)low)) == 2;
        return TAIL_OK;
    }
    int64_t place = bisect(tail, c, low, high, itself);
    ret->falling = !last;
    ret->threshold = (double)(last ? place : place - 1);
    look_at_ties(tail, c, low, high, step, place, ret);
    return TAIL_OK;
}

/* A tie at one end of what occurs, and not at the other: what is read may be zero in
 * another way than by the tail's own doing, as behind a Relu that others read, too. */
static bool ends_in_tie(const struct tail *tail, uint32_t c,
                        const struct tail_range *range)
{
    if (!range->reached || !isfinite(range->low) || !isfinite(range->high))
        return false;
    return (raw_bit(tail, c, value_of(tail, c, range->low)) == 2) !=
           (raw_bit(tail, c, value_of(tail, c, range->high)) == 2);
}

/* Of the two numbers at the place where the bit changes. */
static bool real_tie(const struct tail *tail, uint32_t c, const struct tail_range *range,
                     int64_t place)
{
    bool tie = false;

    for (int64_t i = place - 1; i <= place; i++) {
        double x = real_of(i);

        tie |= x >= range->low && x <= range->high && x == rint(x) &&
               raw_bit(tail, c, value_of(tail, c, x)) == 2;
    }
    return tie && range->whole;
}

enum tail_result tail_rule_real(const struct tail *tail, uint32_t c,
                                const struct tail_range *range, struct tail_rule *ret)
{
    double most = (double)REAL_MOST;
    enum tail_result result = check_ends(tail, c, -most, most, most / 1024);

    if (result != TAIL_OK)
        return result;
    if (ends_in_tie(tail, c, range))
        return TAIL_ZERO_OR_ONE;
    bool first = bit_of(tail, c, value_of(tail, c, -most));
    bool last = bit_of(tail, c, value_of(tail, c, most));
    *ret = (struct tail_rule) { .falling = false };
    if (first == last) {
        ret->constant = true;
        ret->threshold = last ? -(double)FLT_MAX : (double)FLT_MAX;
        return TAIL_OK;
    }
    int64_t place = bisect(tail, c, order_of(-REAL_MOST), order_of(REAL_MOST), real_of);
    ret->falling = !last;
    ret->threshold = real_of(last ? place : place - 1);
    ret->tie = real_tie(tail, c, range, place);
    return TAIL_OK;
}

bool tail_constant(const struct tail *tail, uint32_t c, double low, double high)
{
    return isfinite(low) && isfinite(high) &&
           bit_of(tail, c, value_of(tail, c, low)) ==
               bit_of(tail, c, value_of(tail, c, high));
}

bool tail_pool_and(const struct tail *tail, size_t i, uint32_t c, double low, double high)
{
    float a = evaluate(tail, 0, i, c, (float)low),
          b = evaluate(tail, 0, i, c, (float)high);
    float most = a > b ? a : b;

    /* The bit of the largest value that can enter the pool: 1 where what follows rises.
     */
    return !bit_of(tail, c, evaluate(tail, i, tail->n, c, most));
}
