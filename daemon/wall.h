/* SPDX-License-Identifier: Apache-2.0 */
/* wall.h - clocks. */
#ifndef DAEMON_WALL_H
#define DAEMON_WALL_H

#include <stdint.h>
#include <time.h>

/* UTC, seconds since 1970. */
static inline int64_t wall_seconds(void)
{
    return (int64_t)time(NULL);
}

/* UTC, to within a tick of the kernel's, some milliseconds: finer takes five times as
 * long. */
static inline int64_t wall_milliseconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline uint64_t wall_monotonic_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
