# SPDX-License-Identifier: Apache-2.0
"""Is onnxruntime there to compare with?"""
import os
import shutil


def has_peer(modules):
    """Says so where it is not. `modules`: the folder that holds node_modules."""
    if not os.path.isdir(os.path.join(modules, "node_modules", "onnxruntime-node")):
        print("NO COMPARISON with onnxruntime: no node_modules/onnxruntime-node in %s; "
              "README.md says how to get it" % modules)
        return False
    if shutil.which("node") is None:
        print("NO COMPARISON with onnxruntime: there is no `node` to run it")
        return False
    return True
