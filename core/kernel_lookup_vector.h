/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_lookup_vector.h - the loops of kernel_lookup.h for an instruction set that looks
 * up 16 bytes at a time in each lane of 128 bits.
 *
 * Included once by the file of the instruction set, which defines before
 *
 *   vec, VEC_BYTES             a vector; 16 bytes for each lane
 *   v_zero() v_8(x) v_16(x)    x in every 8 or 16 bits
 *   v_load(p) v_store(p, v)    aligned
 *   v_lane(p)                  16 bytes, in every lane
 *   v_spread(p)                8 bytes for each lane, twice in it
 *   v_and v_add_8 v_add_16     of two vectors
 *   v_shift_16(v, n)           to the right, in 16 bits
 *   v_look_up(v, places)       bytes of the lane; places 0 .. 15
 *   v_pairs(v, w)              v w of bytes, neighbours added, in 16 bits; w 0 or 1
 *   v_pack(a, b)               16 bits below 256 to bytes: a's half a lane, then b's
 *   struct sums, sums_clear(&sums), sums_add(&sums, low, rest)
 *                              32-bit sums of a block. low, rest: vec[2] of 16-bit sums
 * of the even and of the odd bytes; the rest counts 64 each put(job, block, &sums) the
 * results of a block
 *
 * A sum of four pixels is at most 1020. Its low six bits add up in bytes over four
 * look-ups, its rest, at most 15, over sixteen; then bytes are widened to 16 bits.
 */
#define TABLES   4 /* for one vector of weights: the first four pixels and the last */
#define LOW_BITS 6
/* Two vectors of weights: four look-ups. */
#define PAIR (2 * VEC_BYTES)
/* Pairs until the rests fill bytes, and until 16 bits could overflow. */
#define REST_PAIRS 4
#define WIDE_PAIRS 256

/* -- Tables: which pixels of four belong to the sums -- */

#define EIGHT(a, b)                                                                      \
    {                                                                                    \
        a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b                                   \
    }

/* Pixels from place `from` of each lane on; low bits and rest of their 16 sums. */
INLINE void make_table(vec pixels, unsigned char from, uint8_t *table)
{
    static const uint8_t first[16] = { 0, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 1, 1, 1 };
    static const uint8_t third[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0 };
    static const uint8_t fourth[16] = { 0, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    static const uint8_t ab[16] = EIGHT(0, 1), cd[16] = EIGHT(2, 3);
    vec a_b = v_look_up(pixels, v_add_8(v_lane(ab), v_8(from)));
    vec c_d = v_look_up(pixels, v_add_8(v_lane(cd), v_8(from)));
    vec sum = v_pairs(a_b, v_lane(first));
    vec without = v_add_16(sum, v_pairs(c_d, v_lane(third)));
    vec with = v_add_16(sum, v_pairs(c_d, v_lane(fourth)));
    vec mask = v_16((1 << LOW_BITS) - 1);

    v_store(table, v_pack(v_and(without, mask), v_and(with, mask)));
    v_store(table + VEC_BYTES,
            v_pack(v_shift_16(without, LOW_BITS), v_shift_16(with, LOW_BITS)));
}

INLINE void make_tables(const uint8_t *pixels, uint8_t *tables)
{
    vec spread = v_spread(pixels);

    make_table(spread, 0, tables);
    make_table(spread, 4, tables + 2 * VEC_BYTES);
}

/* -- Sums -- */

INLINE void widen(vec sum[2], vec bytes)
{
    sum[0] = v_add_16(sum[0], v_and(bytes, v_16(0xFF)));
    sum[1] = v_add_16(sum[1], v_shift_16(bytes, 8));
}

/* One vector of weights: eight pixels for each lane. */
INLINE void look_up(const uint8_t *weights, const uint8_t *tables, vec *low, vec *rest)
{
    const vec nibble = v_8(15);
    vec w = v_load(weights);
    vec a = v_and(w, nibble), b = v_and(v_shift_16(w, 4), nibble);

    *low = v_add_8(v_look_up(v_load(tables), a),
                   v_look_up(v_load(tables + 2 * VEC_BYTES), b));
    *rest = v_add_8(v_look_up(v_load(tables + VEC_BYTES), a),
                    v_look_up(v_load(tables + 3 * VEC_BYTES), b));
}

/* n pairs, at most WIDE_PAIRS. */
INLINE void sum_pairs(const uint8_t *weights, const uint8_t *tables, size_t n,
                      struct sums *sums)
{
    vec low[2] = { v_zero(), v_zero() }, rest[2] = { v_zero(), v_zero() };

    for (size_t i = 0; i < n;) {
        size_t end = n - i < REST_PAIRS ? n : i + REST_PAIRS;
        vec rest_8 = v_zero();

        for (; i < end; i++, weights += PAIR, tables += TABLES * PAIR) {
            vec low_a, rest_a, low_b, rest_b;

            look_up(weights, tables, &low_a, &rest_a);
            look_up(weights + VEC_BYTES, tables + TABLES * VEC_BYTES, &low_b, &rest_b);
            widen(low, v_add_8(low_a, low_b));
            rest_8 = v_add_8(rest_8, v_add_8(rest_a, rest_b));
        }
        widen(rest, rest_8);
    }
    sums_add(sums, low, rest);
}

INLINE void run(const struct kernel_lookup_job *job)
{
    const struct kernel_lookup *l = job->l;
    size_t row = l->n_bytes * KERNEL_LOOKUP_LANES, n_pairs = row / PAIR;

    for (size_t i = 0; i < row; i += VEC_BYTES)
        make_tables(job->pixels + i / 2, job->tables + i * TABLES);
    for (size_t block = 0; block < l->n_blocks; block++) {
        struct sums sums;

        sums_clear(&sums);
        for (size_t i = 0; i < n_pairs; i += WIDE_PAIRS) {
            size_t n = n_pairs - i < WIDE_PAIRS ? n_pairs - i : WIDE_PAIRS;

            sum_pairs(l->weights + block * row + i * PAIR,
                      job->tables + i * TABLES * PAIR, n, &sums);
        }
        put(job, block, &sums);
    }
}
