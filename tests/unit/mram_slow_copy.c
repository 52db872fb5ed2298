/* SPDX-License-Identifier: Apache-2.0 */
/* The copy of what an array holds, and comparing with it. */
#include "tests/unit/mram_slow.h"

void slow_begin(struct slow *slow, const struct fixture *f)
{
    memset(slow, 0, sizeof(*slow));
    slow->mram = f->mram;
    slow->n_layers = f->n_layers;
    for (size_t l = 0; l < f->n_layers; l++) {
        slow->delivered[l] = calloc(layer_words(f, l), sizeof(uint64_t));
        assert_non_null(slow->delivered[l]);
        for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
            size_t n = mram_section_words(f->mram, l, (enum mram_section)s);

            assert_int_equal(n != 0, slow_has_section(f->mram, l, s));
            if (n == 0)
                continue;
            slow->words[l][s] = malloc(n * sizeof(uint64_t));
            assert_non_null(slow->words[l][s]);
            memcpy(slow->words[l][s], mram_section(f->mram, l, (enum mram_section)s),
                   n * sizeof(uint64_t));
        }
    }
}

void slow_end(struct slow *slow)
{
    for (size_t l = 0; l < slow->n_layers; l++) {
        free(slow->delivered[l]);
        for (unsigned s = 0; s < MRAM_SECTIONS; s++)
            free(slow->words[l][s]);
    }
}

void slow_copy(struct slow *slow, const struct slow *other)
{
    for (size_t l = 0; l < slow->n_layers; l++)
        for (unsigned s = 0; s < MRAM_SECTIONS; s++)
            if (slow->words[l][s] != NULL)
                memcpy(slow->words[l][s], other->words[l][s],
                       mram_section_words(slow->mram, l, (enum mram_section)s) *
                           sizeof(uint64_t));
}

void slow_assert_contents(const struct slow *slow, const struct mram *mram)
{
    for (size_t l = 0; l < slow->n_layers; l++) {
        for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
            size_t n = mram_section_words(mram, l, (enum mram_section)s);

            if (n > 0)
                assert_memory_equal(mram_section(mram, l, (enum mram_section)s),
                                    slow->words[l][s], n * sizeof(uint64_t));
        }
    }
}

void slow_assert_delivered(const struct slow *slow, const struct fixture *f)
{
    for (size_t l = 0; l < slow->n_layers; l++)
        assert_memory_equal(mram_delivered(f->mram, l), slow->delivered[l],
                            layer_words(f, l) * sizeof(uint64_t));
}

void slow_put(const struct slow *slow, struct mram *mram)
{
    for (size_t l = 0; l < slow->n_layers; l++)
        for (unsigned s = 0; s < MRAM_SECTIONS; s++)
            if (slow->words[l][s] != NULL)
                assert_int_equal(
                    mram_restore(mram, l, (enum mram_section)s, slow->words[l][s]),
                    ST_OK);
}

void slow_assert_result(const struct mram_result *got, const struct mram_result *want)
{
    for (unsigned d = 0; d < 2; d++) {
        assert_int_equal(got->toggles[d], want->toggles[d]);
        assert_int_equal(got->holds[d], want->holds[d]);
    }
    assert_int_equal(got->failures, want->failures);
    assert_int_equal(got->retries, want->retries);
    assert_near(got->energy.toggle_pj, want->energy.toggle_pj, 1e-11);
    assert_near(got->energy.hold_pj, want->energy.hold_pj, 1e-11);
    assert_near(got->energy.check_pj, want->energy.check_pj, 1e-11);
    assert_near(got->energy.encode_pj, want->energy.encode_pj, 1e-11);
    assert_near(got->energy.verify_pj, want->energy.verify_pj, 1e-11);
}

void slow_assert_state(const struct mram_state *got, const struct mram_state *want)
{
    assert_int_equal(got->weights, want->weights);
    assert_int_equal(got->cells, want->cells);
    assert_int_equal(got->parallel, want->parallel);
    assert_int_equal(got->stuck, want->stuck);
    assert_int_equal(got->stuck_errors, want->stuck_errors);
    assert_int_equal(got->equal_pairs, want->equal_pairs);
    assert_int_equal(got->words, want->words);
    assert_int_equal(got->corrected, want->corrected);
    assert_int_equal(got->detected, want->detected);
    assert_int_equal(got->miscorrected, want->miscorrected);
    for (unsigned d = 0; d < 2; d++) {
        assert_int_equal(got->errors[d], want->errors[d]);
        assert_int_equal(got->wrong[d], want->wrong[d]);
    }
}
