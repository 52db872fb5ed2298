/* SPDX-License-Identifier: Apache-2.0 */
/* fault.h - makes one allocation fail, to see what the code does then.
 *
 * Wraps malloc, calloc, realloc and aligned_alloc of the code that is linked with
 * -Wl,--wrap (see spinbnn_unit_test in tests/unit/CMakeLists.txt): calls of our own
 * objects, not those inside shared libraries. One thread.
 */
#ifndef TESTS_LIB_FAULT_H
#define TESTS_LIB_FAULT_H

/* The nth allocation from now on (0 = the next) returns NULL; later ones succeed. */
void fault_at(unsigned nth);
void fault_off(void);

#endif
