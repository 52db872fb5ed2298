/* SPDX-License-Identifier: Apache-2.0 */
/* What imports must be a network that network_check passes. The first byte chooses the
 * options. */
#include "storage/onnx_import.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct onnx_options options = { .range = ONNX_RANGE_255 };
    struct network *net;
    struct onnx_report report;
    char why[ERR_LEN];

    if (len == 0)
        return 0;
    options.range = bytes[0] & 1 ? ONNX_RANGE_1 : ONNX_RANGE_255;
    options.layout = bytes[0] & 2 ? ONNX_LAYOUT_NHWC : ONNX_LAYOUT_AUTO;
    options.ties_down = bytes[0] & 4;
    options.assume_sign = bytes[0] & 8;
    options.mean_given = options.std_given = bytes[0] & 16;
    for (unsigned c = 0; c < 3; c++) {
        options.mean[c] = 0.25F * (float)(c + 1);
        options.std[c] = 0.5F * (float)(c + 1);
    }
    enum status st = onnx_import(bytes + 1, len - 1, &options, &net, &report, why);
    onnx_report_done(&report);
    if (st != ST_OK)
        return 0;
    if (network_check(net, why) != ST_OK)
        abort();
    network_free(net);
    return 0;
}
