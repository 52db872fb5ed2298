/* SPDX-License-Identifier: Apache-2.0 */
/* A book of versions: what was read is written and read again, and what it says holds
 * together. */
#include "storage/version_book.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void look(struct version_book *book, const char *name)
{
    uint32_t versions[VERSION_BOOK_NUMBERS], checksum, next;
    size_t n = version_book_list(book, name, versions);

    next = version_book_next(book, name);
    for (size_t i = 0; i < n; i++) {
        if (versions[i] == 0 || (next != 0 && versions[i] >= next))
            abort();
        if (!version_book_checksum(book, name, versions[i], &checksum) ||
            version_book_find(book, name, checksum) < versions[i])
            abort();
    }
    if (version_book_add(book, name, next, 1) == ST_OK &&
        version_book_find(book, name, 1) != next)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct version_book *book = NULL;
    char why[ERR_LEN] = "";

    if (version_book_parse((const char *)bytes, len, &book, why) != ST_OK) {
        if (why[0] == '\0')
            abort();
        return 0;
    }
    look(book, "a");
    look(book, "mnist");
    version_book_free(book);
    return 0;
}
