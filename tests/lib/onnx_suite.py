#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the ONNX files of test_onnx_import.c: onnx_suite.py FOLDER.

cases.txt names each file that must import, with options; NAME.txt holds pictures and the
logits that onnx_reference.py computes for them. refusals.txt names each file that must be
refused, with the code."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import onnx_exporters  # noqa: E402
import onnx_graphs  # noqa: E402
import onnx_random  # noqa: E402


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for graphs in (onnx_graphs, onnx_exporters, onnx_random):
        graphs.positives()
        graphs.negatives()

    def text(options):
        return " ".join("%s=%s" % (k, ",".join(map(str, v)) if isinstance(v, (list, tuple))
                                   else v) for k, v in options.items())
    with open(os.path.join(folder, "cases.txt"), "w") as index:
        for name, g, options, shape, lines in onnx_graphs.cases:
            index.write("%s %s\n" % (name, text(options)))
            with open(os.path.join(folder, name + ".onnx"), "wb") as f:
                f.write(g.write())
            with open(os.path.join(folder, name + ".txt"), "w") as f:
                f.write("%d %d %d %d %d\n" % shape + "\n".join(lines) + "\n")
    with open(os.path.join(folder, "refusals.txt"), "w") as index:
        for name, code, data, options in onnx_graphs.refusals:
            index.write("refuse_%s code=%s %s\n" % (name, code, text(options)))
            with open(os.path.join(folder, "refuse_%s.onnx" % name), "wb") as f:
                f.write(data)


if __name__ == "__main__":
    main()
