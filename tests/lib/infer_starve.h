/* SPDX-License-Identifier: Apache-2.0 */
/* infer_starve.h - laying weights out with one allocation after the other failing. */
#ifndef TESTS_LIB_INFER_STARVE_H
#define TESTS_LIB_INFER_STARVE_H

#include "core/infer.h"
#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What is left behind the address sanitizer sees. */
static inline void infer_starve(const struct network *net, uint64_t *const *bits)
{
    struct infer_weights *weights = NULL;
    struct infer_scratch *scratch = NULL;
    enum status st = ST_NOMEM;

    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = infer_weights_new(net, kernel_best(), (const uint64_t *const *)bits,
                               &weights);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && weights == NULL));
    }
    st = ST_NOMEM;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = infer_scratch_new(net, 3, &scratch);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && scratch == NULL));
    }
    infer_scratch_free(scratch);
    infer_weights_free(weights);
}

#endif
