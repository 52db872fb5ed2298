/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_contract.h - the input contract of a network as a person states it: names and
 * values, as in a query or on a command line. */
#ifndef STORAGE_ONNX_CONTRACT_H
#define STORAGE_ONNX_CONTRACT_H

#include "storage/onnx_import.h"

#define ONNX_CONTRACT_MAX_LABELS 65536

struct onnx_contract {
    struct onnx_options options; /* borrows from here */
    char *labels_text;           /* ours */
    const char **labels;         /* ours */
};

/* What can be stated, ended by a NULL name. */
struct onnx_contract_member {
    const char *name;   /* "range" */
    const char *values; /* "0..255, 0..1, -1..1 or a factor of the pixel" */
    const char *help;
};
extern const struct onnx_contract_member onnx_contract_members[];

/* Nothing is stated yet. */
void onnx_contract_init(struct onnx_contract *ret_contract);
void onnx_contract_done(struct onnx_contract *contract);
/* ST_NOT_FOUND: no such member. ST_RANGE: `why` says what is expected. ST_NOMEM. */
MUST_CHECK enum status onnx_contract_set(struct onnx_contract *contract, const char *name,
                                         const char *value, char why[ERR_LEN]);

#endif
