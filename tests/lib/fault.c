/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/fault.h"

#include <stdatomic.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static atomic_bool armed, hit;
static atomic_uint countdown;
static _Thread_local bool spared;

void fault_at(unsigned nth)
{
    atomic_store(&countdown, nth);
    atomic_store(&hit, false);
    atomic_store(&armed, true);
    spared = false;
}

void fault_at_others(unsigned nth)
{
    fault_at(nth);
    spared = true; /* nothing was allocated in between */
}

bool fault_off(void)
{
    spared = false;
    atomic_store(&armed, false);
    return atomic_load(&hit);
}

static bool fails(void)
{
    if (spared || !atomic_load(&armed) || atomic_fetch_sub(&countdown, 1) != 0)
        return false;
    atomic_store(&armed, false);
    atomic_store(&hit, true);
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}
