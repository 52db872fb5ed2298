/* SPDX-License-Identifier: Apache-2.0 */
#include "api/etag.h"

#include <string.h>

bool etag_matches(const char *list, const char *tag, bool weak)
{
    size_t len = strlen(tag);
    const char *at = list + strspn(list, " \t");

    if (at[0] == '*')
        return at[1 + strspn(at + 1, " \t")] == '\0';
    while (*at != '\0') {
        bool is_weak = strncmp(at, "W/", 2) == 0;
        const char *begin = is_weak ? at + 2 : at;
        const char *end = *begin == '"' ? strchr(begin + 1, '"') : NULL;

        if (end == NULL)
            return false;
        end++;
        if ((weak || !is_weak) && (size_t)(end - begin) == len &&
            memcmp(begin, tag, len) == 0)
            return true;
        at = end + strspn(end, " \t");
        if (*at != ',')
            return false;
        at += strspn(at, ", \t");
    }
    return false;
}
