/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_context.h - what the parts of one import share: memory, the first failure,
 * remarks.
 *
 * The first failure sticks: a function that gives false, NULL or -1 has left it in the
 * context, and its callers pass the failure on without adding to it. All memory of an
 * import but the finished network comes from one arena and goes with it. Internal to
 * storage/onnx_*.
 */
#ifndef STORAGE_ONNX_CONTEXT_H
#define STORAGE_ONNX_CONTEXT_H

#include "storage/onnx_import.h"

struct onnx_block;
struct onnx_node;

struct onnx_context {
    const struct onnx_options *options; /* borrowed */
    struct onnx_report *report;         /* borrowed */
    enum status st;                     /* the first failure */
    struct onnx_block *blocks;          /* ours: the arena */
    size_t room;                        /* bytes that the arena may still take */
};

/* n * size zeroed bytes, at least one; NULL: ST_NOMEM is set, or the file is refused
 * because it wants more memory than a file of its size should. */
void *onnx_new(struct onnx_context *ctx, size_t n, size_t size);
void onnx_context_done(struct onnx_context *ctx);

bool onnx_nomem(struct onnx_context *ctx);
/* Refuses; gives false. `node`: NULL where it concerns the file. `accepted`: what would
 * be accepted, or "". A macro: compilers see the false, and that nothing is used unset.
 */
#define onnx_refuse(...) (onnx_refuse_(__VA_ARGS__), false)
void onnx_refuse_(struct onnx_context *ctx, enum onnx_code code,
                  const struct onnx_node *node, const char *accepted, const char *found,
                  ...) PRINTF_LIKE(5, 6);
bool onnx_remark(struct onnx_context *ctx, const char *code, const struct onnx_node *node,
                 const char *text, ...) PRINTF_LIKE(4, 5);

/* Copies a name, cut to ONNX_NAME_MAX bytes between characters, cleaned. */
void onnx_name_copy(char out[ONNX_NAME_LEN], const char *name);
/* Puts '?' for control characters and for bytes that are no UTF-8, as where a text was
 * cut in the middle of a character. */
void onnx_clean(char *text);

#endif
