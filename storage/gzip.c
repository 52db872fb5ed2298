/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/gzip.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>

struct unpack {
    z_stream z;
    const uint8_t *in; /* borrowed */
    size_t in_len, in_at;
    uint8_t *out; /* ours until it is handed over */
    size_t out_size, out_at;
    size_t max;
};

bool gzip_is(const uint8_t *bytes, size_t len)
{
    return len >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

/* One byte more than `max` may be unpacked, to tell "exactly max" from "more". */
static enum status grow(struct unpack *u, char why[ERR_LEN])
{
    size_t limit = u->max + 1;
    size_t size = u->out_size > limit / 2 ? limit : u->out_size * 2;

    if (u->out_at > u->max) {
        (void)snprintf(why, ERR_LEN, "more than %zu bytes unpacked", u->max);
        return ST_RANGE;
    }
    uint8_t *out = realloc(u->out, size);
    if (out == NULL) {
        (void)snprintf(why, ERR_LEN, "not enough memory for %zu bytes", size);
        return ST_NOMEM;
    }
    u->out = out;
    u->out_size = size;
    return ST_OK;
}

/* Runs inflate over what is at hand; the counters of z_stream are narrower than ours. */
static int inflate_some(struct unpack *u)
{
    size_t in_left = u->in_len - u->in_at, out_left = u->out_size - u->out_at;
    uInt n_in = in_left > UINT_MAX ? UINT_MAX : (uInt)in_left;
    uInt n_out = out_left > UINT_MAX ? UINT_MAX : (uInt)out_left;

    u->z.next_in = u->in + u->in_at;
    u->z.avail_in = n_in;
    u->z.next_out = u->out + u->out_at;
    u->z.avail_out = n_out;
    int rc = inflate(&u->z, Z_NO_FLUSH);
    u->in_at += n_in - u->z.avail_in;
    u->out_at += n_out - u->z.avail_out;
    return rc;
}

static enum status unpack_members(struct unpack *u, char why[ERR_LEN])
{
    for (;;) {
        int rc = inflate_some(u);

        if (rc == Z_STREAM_END && u->in_at == u->in_len)
            return ST_OK;
        if (rc == Z_STREAM_END) {
            /* A reset inflater cannot fail, and anything but a member is an error below.
             */
            (void)inflateReset(&u->z);
            continue;
        }
        if (rc == Z_MEM_ERROR) {
            (void)snprintf(why, ERR_LEN, "not enough memory");
            return ST_NOMEM;
        }
        if (rc != Z_OK && rc != Z_BUF_ERROR) {
            (void)snprintf(why, ERR_LEN, "byte %zu: %s", u->in_at,
                           u->z.msg != NULL ? u->z.msg : "broken");
            return ST_FORMAT;
        }
        if (u->out_at == u->out_size) {
            enum status st = grow(u, why);
            if (st != ST_OK)
                return st;
            continue;
        }
        if (u->in_at == u->in_len) {
            (void)snprintf(why, ERR_LEN, "ends inside its data, at byte %zu", u->in_len);
            return ST_FORMAT;
        }
    }
}

enum status gzip_unpack(const uint8_t *bytes, size_t len, size_t max, uint8_t **ret_bytes,
                        size_t *ret_len, char why[ERR_LEN])
{
    struct unpack u = { .in = bytes, .in_len = len, .max = max };
    enum status st = ST_NOMEM;

    /* 15: the largest window; 32: gzip or zlib, whichever it is. */
    if (inflateInit2(&u.z, 15 + 32) != Z_OK) {
        (void)snprintf(why, ERR_LEN, "not enough memory");
        return ST_NOMEM;
    }
    u.out_size = len < max / 4 ? 4 * len + 64 : max + 1;
    u.out = malloc(u.out_size);
    if (u.out != NULL)
        st = unpack_members(&u, why);
    else
        (void)snprintf(why, ERR_LEN, "not enough memory for %zu bytes", u.out_size);
    (void)inflateEnd(&u.z); /* frees; there is nothing to learn from it */
    if (st == ST_OK && u.out_at > max) {
        (void)snprintf(why, ERR_LEN, "more than %zu bytes unpacked", max);
        st = ST_RANGE;
    }
    if (st != ST_OK) {
        free(u.out);
        return st;
    }
    *ret_bytes = u.out;
    *ret_len = u.out_at;
    return ST_OK;
}
