/* SPDX-License-Identifier: Apache-2.0 */
/* cursor.h - reads little-endian fields out of bytes that nobody vouches for.
 *
 * The first failure sticks: `st` and `why` keep it, and every later read gives 0, NULL or
 * nothing, so that a reader checks once per group of fields. Nothing is allocated before
 * the bytes that it stands for are known to be there. Internal to storage/.
 */
#ifndef STORAGE_CURSOR_H
#define STORAGE_CURSOR_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

/* Our files begin alike: magic[8], version u32, CRC-32 u32 of every byte after it, length
 * u64 of the whole file. */
#define CURSOR_MAGIC_LEN  8
#define CURSOR_CRC_AT     12
#define CURSOR_LENGTH_AT  16
#define CURSOR_HEADER_LEN 24

struct cursor {
    const uint8_t *bytes; /* borrowed */
    size_t len, at;
    enum status st;
    char *why;      /* borrowed, [ERR_LEN] */
    char where[32]; /* put before the name of a field in `why`: "layer 2 " */
};

/* Starts behind the common header. ST_FORMAT: too short, another magic, length or
 * checksum; ST_UNSUPPORTED: another version. */
void cursor_begin(struct cursor *c, const uint8_t *bytes, size_t len, const char *magic,
                  uint32_t version, char why[ERR_LEN]);
/* The same where more than one version is read: oldest .. newest. */
void cursor_begin_any(struct cursor *c, const uint8_t *bytes, size_t len,
                      const char *magic, uint32_t oldest, uint32_t newest,
                      char why[ERR_LEN]);
/* The version that the header names; it is one that was asked for. */
uint32_t cursor_version(const struct cursor *c);
/* The checksum that the header names; it has been found true. */
uint32_t cursor_checksum(const struct cursor *c);

/* Records a failure at byte `at`, unless there is one already. */
void cursor_fail(struct cursor *c, enum status st, size_t at, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* The next n bytes, or NULL. */
const uint8_t *cursor_take(struct cursor *c, size_t n, const char *what);
uint32_t cursor_u32(struct cursor *c, const char *what);
uint64_t cursor_u64(struct cursor *c, const char *what);
/* ST_FORMAT outside min..max; then gives 0, whatever min is. */
uint32_t cursor_u32_in(struct cursor *c, const char *what, uint32_t min, uint32_t max);
uint64_t cursor_u64_in(struct cursor *c, const char *what, uint64_t min, uint64_t max);
/* ST_FORMAT if not finite or outside min..max. */
double cursor_f64_in(struct cursor *c, const char *what, double min, double max);
/* u16 length and UTF-8 without a zero. The caller frees it; NULL on failure. */
char *cursor_string(struct cursor *c, const char *what);
/* ST_FORMAT if bytes are left. */
void cursor_end(struct cursor *c);

static inline uint32_t le_load32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

static inline uint64_t le_load64(const uint8_t *p)
{
    return le_load32(p) | (uint64_t)le_load32(p + 4) << 32;
}

static inline void le_store32(uint8_t *p, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

static inline void le_store64(uint8_t *p, uint64_t value)
{
    le_store32(p, (uint32_t)value);
    le_store32(p + 4, (uint32_t)(value >> 32));
}

#endif
