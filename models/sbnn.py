# SPDX-License-Identifier: Apache-2.0
"""Writes .sbnn files: the table in storage/README.md as code.

A layer is a dict: name, bits (bool [outputs, inputs], True is +1) and either threshold
(int32) and falling (bool), or scale and bias (float32), an entry for each output. A stage
of version 2 is a dict with the fields of struct network_stage (core/network.h) that are
not zero; `window` is (kernel, stride, dilation, pads), each a pair or one number, pads
(top, left, bottom, right).
"""
import struct
import zlib

import numpy as np

MAGIC = b"\x89SBNN\r\n\x1a"
PIXELS, BINARY = 0, 1                                   # enum network_encoding
BITS, REALS = 1, 2                                      # enum network_value_kind
OPS = dict(binary=0, real=1, pool_bits=2, pool_max=3, pool_mean=4, affine=5, slope=6,
           clip=7, sign=8, reals=9, add=10, concat=11)  # enum network_op


def text(s):
    raw = s.encode()
    return struct.pack("<H", len(raw)) + raw


def layer_bytes(layer):
    n_out, n_in = layer["bits"].shape
    fires = "threshold" in layer
    out = text(layer["name"]) + struct.pack("<III", 0 if fires else 1, n_in, n_out)
    if fires:
        out += layer["threshold"].astype("<i4").tobytes()
        out += np.packbits(layer["falling"], bitorder="little").tobytes()
    else:
        out += layer["scale"].astype("<f4").tobytes()
        out += layer["bias"].astype("<f4").tobytes()
    return out + np.packbits(layer["bits"], axis=1, bitorder="little").tobytes()


def pair(x):
    return (x, x) if isinstance(x, int) else tuple(x)


def window_fields(window):
    if window is None:
        return (0,) * 10
    kernel, stride, dilation, pads = window
    pads = (pads,) * 4 if isinstance(pads, int) else tuple(pads)
    return pair(kernel) + pair(stride) + pair(dilation) + pads


def stage_bytes(stage):
    a = np.asarray(stage.get("a", ()), "<f4").ravel()
    b = np.asarray(stage.get("b", ()), "<f4").ravel()
    fields = ((OPS[stage["op"]],) + tuple(stage["inputs"]) + (0,) * (2 - len(stage["inputs"])) +
              tuple(stage["out"]) + window_fields(stage.get("window")) +
              (stage.get("padding", 0), stage.get("groups", 0), stage.get("layer", 0),
               stage.get("count_outside", 0), stage.get("strict", 0)))
    out = struct.pack("<22I", *fields)
    out += struct.pack("<2f", stage.get("low", 0.0), stage.get("high", 0.0))
    out += struct.pack("<II", len(a), len(b)) + a.tobytes() + b.tobytes()
    if "mask" in stage:
        out += np.packbits(stage["mask"], bitorder="little").tobytes()
    return out


def write(path, name, about, training, test_set, correct, total, size, labels, layers,
          encoding=PIXELS, threshold=0, stages=None):
    """size: (height, width, channels). Without stages the layers are a chain, and the file
    has version 1."""
    version = 1 if stages is None else 2
    body = text(name) + text(about) + text(training) + text(test_set)
    body += struct.pack("<II", correct, total)
    body += struct.pack("<5I", *size, encoding, threshold)
    if version == 2:
        body += struct.pack("<3I", 0, 0, 0)             # red first, letterbox
    body += struct.pack("<I", len(labels)) + b"".join(text(s) for s in labels)
    body += struct.pack("<I", len(layers)) + b"".join(layer_bytes(x) for x in layers)
    if version == 2:
        body += struct.pack("<I", len(stages)) + b"".join(stage_bytes(x) for x in stages)
    body = struct.pack("<Q", len(MAGIC) + 8 + 8 + len(body)) + body
    with open(path, "wb") as f:
        f.write(MAGIC + struct.pack("<II", version, zlib.crc32(body)) + body)
