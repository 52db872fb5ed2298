/* SPDX-License-Identifier: Apache-2.0 */
/* status.h - what can go wrong, in one vocabulary for every folder.
 *
 * Zero is success. A library's own codes (SQLITE_*, UV_*, errno) become these in the
 * folder that owns the library. Where a person must mend the cause, a function also fills
 * a trailing `char why[ERR_LEN]`: what, expected, found, where.
 */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))

/* Size of every `why` text, the final zero included. */
#define ERR_LEN 256

enum status {
    ST_OK = 0,
    ST_NOMEM,       /* an allocation failed */
    ST_RANGE,       /* a value is outside its documented range */
    ST_FORMAT,      /* bytes from outside do not follow their format */
    ST_UNSUPPORTED, /* well-formed, but not something we can do */
    ST_NOT_FOUND,
    ST_CONFLICT,    /* clashes with the present state */
    ST_UNREACHABLE, /* no setting inside the allowed range meets the target */
    ST_BUSY,        /* a bounded queue is full; ask again later */
    ST_IO,          /* disk, socket or database; errno or the message says more */
    ST_PERMISSION,  /* the system says that we may not */
};

#endif
