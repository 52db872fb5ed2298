/* SPDX-License-Identifier: Apache-2.0 */
/* protobuf-c follows messages as deep as the bytes say and takes memory for every part,
 * so a small file could exhaust stack or memory. This walk comes first; it knows from the
 * schema which fields are messages. */
#include <onnx.pb-c.h>

#include "storage/onnx_graph.h"

#define MAX_DEPTH 32
/* Strings, messages and packed lists of one file: ten times what the largest public nets
 * have; some 100 bytes of memory each. */
#define MAX_PARTS ((size_t)1 << 20)

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct walk {
    struct onnx_context *ctx;
    const uint8_t *bytes;
    size_t n_parts;
};

static bool broken(struct walk *w, size_t at, const char *what)
{
    return onnx_refuse(w->ctx, ONNX_CODE_SYNTAX, NULL, "a whole ONNX file (protobuf)",
                       "byte %zu: %s", at, what);
}

static bool varint(struct walk *w, size_t *at, size_t end, uint64_t *ret)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (*at >= end)
            return broken(w, *at, "a number is cut short");
        uint8_t byte = w->bytes[(*at)++];
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *ret = value;
            return true;
        }
    }
    return broken(w, *at, "a number of more than ten bytes");
}

static bool walk_message(struct walk *w, const ProtobufCMessageDescriptor *schema,
                         size_t at, size_t end, unsigned depth);

static bool walk_field(struct walk *w, const ProtobufCMessageDescriptor *schema,
                       size_t *at, size_t end, unsigned depth)
{
    uint64_t key = 0, n = 0;
    size_t begin = *at;

    if (!varint(w, at, end, &key))
        return false;
    if (key >> 3 == 0 || key >> 3 > UINT32_MAX >> 3)
        return broken(w, begin, "not a field number");
    switch (key & 7) {
    case WIRE_VARINT:
        return varint(w, at, end, &n);
    case WIRE_64:
    case WIRE_32:
        n = (key & 7) == WIRE_64 ? 8 : 4;
        break;
    case WIRE_BYTES:
        if (!varint(w, at, end, &n))
            return false;
        if (++w->n_parts > MAX_PARTS)
            return broken(w, begin, "more than 1048576 parts");
        break;
    default:
        return broken(w, begin, "a kind of field that ONNX does not have");
    }
    if (n > end - *at)
        return broken(w, begin, "a length past the end");

    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(schema, (unsigned)(key >> 3));
    if ((key & 7) == WIRE_BYTES && field != NULL &&
        field->type == PROTOBUF_C_TYPE_MESSAGE &&
        !walk_message(w, field->descriptor, *at, *at + (size_t)n, depth + 1))
        return false;
    *at += (size_t)n;
    return true;
}

/* Recursion: MAX_DEPTH at most. */
static bool walk_message(struct walk *w, const ProtobufCMessageDescriptor *schema,
                         size_t at, size_t end, unsigned depth)
{
    if (depth > MAX_DEPTH)
        return broken(w, at, "messages nested more than 32 deep");
    while (at < end)
        if (!walk_field(w, schema, &at, end, depth))
            return false;
    return true;
}

bool onnx_wire_check(struct onnx_context *ctx, const uint8_t *bytes, size_t len)
{
    struct walk w = { .ctx = ctx, .bytes = bytes };

    if (len == 0)
        return broken(&w, 0, "the file is empty");
    if (len > ONNX_MAX_BYTES)
        return broken(&w, 0, "more than 512 MiB");
    return walk_message(&w, &onnx__model_proto__descriptor, 0, len, 0);
}
