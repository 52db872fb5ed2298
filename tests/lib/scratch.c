/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void scratch_make(struct scratch *scratch)
{
    (void)snprintf(scratch->dir, sizeof(scratch->dir), "/tmp/spinbnn-test-XXXXXX");
    if (mkdtemp(scratch->dir) == NULL)
        abort();
}

const char *scratch_path(struct scratch *scratch, const char *name)
{
    int n = snprintf(scratch->path, sizeof(scratch->path), "%s/%s", scratch->dir, name);

    if (n < 0 || (size_t)n >= sizeof(scratch->path))
        abort();
    return scratch->path;
}

const char *scratch_file(struct scratch *scratch, const char *name, const void *bytes,
                         size_t len)
{
    FILE *f = fopen(scratch_path(scratch, name), "wb");

    if (f == NULL || fwrite(bytes, 1, len, f) != len || fclose(f) != 0)
        abort();
    return scratch->path;
}

uint8_t *scratch_read(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "rb");

    if (f == NULL || fseek(f, 0, SEEK_END) != 0)
        abort();
    long len = ftell(f);
    uint8_t *bytes = len < 0 ? NULL : malloc((size_t)len + 1);
    rewind(f);
    if (bytes == NULL || fread(bytes, 1, (size_t)len, f) != (size_t)len)
        abort();
    (void)fclose(f); /* only read from */
    *ret_len = (size_t)len;
    return bytes;
}

static int remove_entry(const char *path, const struct stat *status, int type,
                        struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

void scratch_remove(struct scratch *scratch)
{
    if (nftw(scratch->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS) != 0)
        abort();
}
