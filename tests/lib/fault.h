/* SPDX-License-Identifier: Apache-2.0 */
/* fault.h - makes one allocation fail, to see what the code does then.
 *
 * Wraps malloc, calloc, realloc and aligned_alloc of the code that is linked with
 * -Wl,--wrap (see spinbnn_unit_test in tests/unit/CMakeLists.txt): calls of our own
 * objects, not those inside shared libraries. Whichever thread comes first is hit.
 */
#ifndef TESTS_LIB_FAULT_H
#define TESTS_LIB_FAULT_H

#include <stdbool.h>

/* The nth allocation from now on (0 = the next) returns NULL; later ones succeed. */
void fault_at(unsigned nth);
/* The same, but the calling thread is spared: for a test that is its own client. */
void fault_at_others(unsigned nth);
/* Gives whether one has failed. */
bool fault_off(void);

#endif
