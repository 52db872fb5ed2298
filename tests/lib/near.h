/* SPDX-License-Identifier: Apache-2.0 */
/* near.h - compares doubles in cmocka tests and says both when they differ. */
#ifndef TESTS_LIB_NEAR_H
#define TESTS_LIB_NEAR_H

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* |got - want| <= tolerance; a NaN is near nothing. */
#define ASSERT_WITHIN(got, want, tolerance)                                              \
    assert_within((got), (want), (tolerance), #got, __FILE__, __LINE__)
/* |got - want| <= relative * |want| */
#define ASSERT_NEAR(got, want, relative)                                                 \
    assert_within((got), (want), (relative)*fabs(want), #got, __FILE__, __LINE__)

static inline void assert_within(double got, double want, double tolerance,
                                 const char *what, const char *file, int line)
{
    if (fabs(got - want) <= tolerance)
        return;
    print_error("%s is %.12g, not %.12g +- %.3g\n", what, got, want, tolerance);
    _fail(file, line);
}

#endif
