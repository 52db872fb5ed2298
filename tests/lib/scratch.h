/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.h - a temporary folder of a test. Aborts if there is no room for one. */
#ifndef TESTS_LIB_SCRATCH_H
#define TESTS_LIB_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

struct scratch {
    char dir[64];
    char path[128]; /* what scratch_path gave last */
};

void scratch_make(struct scratch *scratch);
/* The path of a file in the folder; until the next call. */
const char *scratch_path(struct scratch *scratch, const char *name);
/* A file with these bytes in it; gives its path like scratch_path. */
const char *scratch_file(struct scratch *scratch, const char *name, const void *bytes,
                         size_t len);
/* All bytes of a file; free() them. */
uint8_t *scratch_read(const char *path, size_t *ret_len);
/* Removes the folder and the plain files in it. */
void scratch_remove(struct scratch *scratch);

#endif
