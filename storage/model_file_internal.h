/* SPDX-License-Identifier: Apache-2.0 */
/* model_file_internal.h - what reader and writer of .sbnn share. */
#ifndef STORAGE_MODEL_FILE_INTERNAL_H
#define STORAGE_MODEL_FILE_INTERNAL_H

static const char model_file_magic[] = "\x89SBNN\r\n\x1a";

#endif
