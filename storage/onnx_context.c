/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/onnx_context.h"

#include "storage/onnx_graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct onnx_block {
    struct onnx_block *next;
    max_align_t bytes[];
};

void *onnx_new(struct onnx_context *ctx, size_t n, size_t size)
{
    size_t len = 0;
    struct onnx_block *block = NULL;

    if (__builtin_mul_overflow(n, size, &len) ||
        __builtin_add_overflow(len, sizeof(*block) + 1, &len) || len > ctx->room) {
        (void)onnx_refuse(ctx, ONNX_CODE_TOO_LARGE, NULL, "a smaller network",
                          "the import takes too much memory");
        return NULL;
    }
    block = calloc(1, len);
    if (block == NULL) {
        (void)onnx_nomem(ctx);
        return NULL;
    }
    ctx->room -= len;
    block->next = ctx->blocks;
    ctx->blocks = block;
    return block->bytes;
}

void onnx_context_done(struct onnx_context *ctx)
{
    while (ctx->blocks != NULL) {
        struct onnx_block *next = ctx->blocks->next;

        free(ctx->blocks);
        ctx->blocks = next;
    }
}

bool onnx_nomem(struct onnx_context *ctx)
{
    if (ctx->st == ST_OK)
        ctx->st = ST_NOMEM;
    return false;
}

/* Bytes of the character at s, 0 if it is none. RFC 3629, section 4. */
static size_t character(const unsigned char *s)
{
    size_t len = s[0] < 0x80   ? 1
                 : s[0] < 0xC2 ? 0
                 : s[0] < 0xE0 ? 2
                 : s[0] < 0xF0 ? 3
                 : s[0] < 0xF5 ? 4
                               : 0;

    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    if ((len == 1 && s[0] < ' ') || s[0] == 0x7F)
        return 0;
    /* Surrogates, and what lies above U+10FFFF. */
    if ((s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF4 && s[1] > 0x8F) ||
        (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90))
        return 0;
    return len;
}

void onnx_clean(char *text)
{
    while (*text != '\0') {
        size_t len = character((const unsigned char *)text);

        if (len == 0)
            *text = '?';
        text += len == 0 ? 1 : len;
    }
}

void onnx_name_copy(char out[ONNX_NAME_LEN], const char *name)
{
    size_t len = strnlen(name, ONNX_NAME_MAX + 1);
    bool cut = len > ONNX_NAME_MAX;

    if (cut)
        for (len = ONNX_NAME_MAX; len > 0 && ((unsigned char)name[len] & 0xC0) == 0x80;)
            len--;
    memcpy(out, name, len);
    memcpy(out + len, cut ? "..." : "", cut ? 4 : 1);
    onnx_clean(out);
}

void onnx_refuse_(struct onnx_context *ctx, enum onnx_code code,
                  const struct onnx_node *node, const char *accepted, const char *found,
                  ...)
{
    struct onnx_report *report = ctx->report;
    va_list args;

    if (ctx->st != ST_OK)
        return;
    ctx->st = code == ONNX_CODE_SYNTAX ? ST_FORMAT : ST_UNSUPPORTED;
    report->code = code;
    report->position = -1;
    if (node != NULL) {
        onnx_name_copy(report->node, node->name[0] != '\0' || node->n_outputs == 0
                                         ? node->name
                                         : node->outputs[0]);
        (void)snprintf(report->op, sizeof(report->op), "%s", node->op);
        onnx_clean(report->op);
        report->position = (long)node->position;
    }
    va_start(args, found);
    (void)vsnprintf(report->found, sizeof(report->found), found, args);
    va_end(args);
    onnx_clean(report->found);
    (void)snprintf(report->accepted, sizeof(report->accepted), "%s", accepted);
}

bool onnx_remark(struct onnx_context *ctx, const char *code, const struct onnx_node *node,
                 const char *text, ...)
{
    struct onnx_report *report = ctx->report;
    va_list args;

    if (report->n_remarks == ONNX_MAX_REMARKS) {
        report->n_dropped++;
        return true;
    }
    if (report->remarks == NULL)
        report->remarks = calloc(ONNX_MAX_REMARKS, sizeof(*report->remarks));
    if (report->remarks == NULL)
        return onnx_nomem(ctx);
    struct onnx_remark *remark = &report->remarks[report->n_remarks++];
    (void)snprintf(remark->code, sizeof(remark->code), "%s", code);
    if (node != NULL)
        onnx_name_copy(remark->node, node->name[0] != '\0' || node->n_outputs == 0
                                         ? node->name
                                         : node->outputs[0]);
    va_start(args, text);
    (void)vsnprintf(remark->text, sizeof(remark->text), text, args);
    va_end(args);
    onnx_clean(remark->text);
    return true;
}
