/* SPDX-License-Identifier: Apache-2.0 */
/* builtin.h - the model files inside the binary. */
#ifndef DAEMON_BUILTIN_H
#define DAEMON_BUILTIN_H

#include <stddef.h>
#include <stdint.h>

struct builtin_model {
    const char *name; /* of its network */
    const uint8_t *bytes, *end;
};
extern const struct builtin_model builtin_models[];
extern const size_t builtin_n_models;

#endif
