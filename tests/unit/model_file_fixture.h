/* SPDX-License-Identifier: Apache-2.0 */
/* model_file_fixture.h - what is written, to be read or broken. */
#ifndef TESTS_MODEL_FILE_FIXTURE_H
#define TESTS_MODEL_FILE_FIXTURE_H

#include "storage/model_file.h"

#include "tests/lib/sbnn_writer.h"
#include "tests/lib/stage_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct sbnn_shape small = {
    "small", { 2, 3, 1, NETWORK_BINARY, .threshold = 128 }, 2, { 9, 3 }
};

static inline uint32_t le_bytes(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

/* The bytes as the writer makes them and as a writer of its own does. */
static inline struct sbnn_bytes must_write(struct network *net)
{
    struct sbnn_bytes mine = { .bytes = NULL }, other = sbnn_write_stages(net);

    assert_int_equal(model_file_bytes(net, &mine.bytes, &mine.len), ST_OK);
    assert_int_equal(mine.len, other.len);
    assert_memory_equal(mine.bytes, other.bytes, mine.len);
    free(mine.bytes);
    net->checksum = le_bytes(other.bytes + 12);
    return other;
}

#endif
