/* SPDX-License-Identifier: Apache-2.0 */
/* hex.h - hexadecimal digits, in paths and in JSON strings. */
#ifndef API_HEX_H
#define API_HEX_H

/* Value of a digit, either case; -1 if it is none. */
static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

#endif
