# SPDX-License-Identifier: Apache-2.0
"""Writes ONNX files: a graph as Python lists, its protobuf form, nothing else.

Field numbers are those of onnx.proto. Tensors are (dims, flat list of values); large ones
may give the values as the bytes that the file has."""
import struct

FLOAT, UINT8, INT8, INT32, INT64, STRING, BOOL, HALF, DOUBLE = 1, 2, 3, 6, 7, 8, 9, 10, 11
BFLOAT16 = 16


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def number(field, n):
    return varint(field << 3) + varint(n)


def blob(field, data):
    if isinstance(data, str):
        data = data.encode()
    return varint(field << 3 | 2) + varint(len(data)) + data


def float32(field, x):
    return varint(field << 3 | 5) + struct.pack("<f", x)


def numbers(field, values, packed):
    if packed:
        return blob(field, b"".join(varint(v) for v in values))
    return b"".join(number(field, v) for v in values)


def tensor(name, dims, data, kind=FLOAT, raw=True, packed=False):
    out = numbers(1, dims, packed) + number(2, kind) + blob(8, name)
    if isinstance(data, bytes):
        return out + blob(9, data)
    if not raw and kind == FLOAT:
        if packed:
            return out + blob(4, struct.pack("<%df" % len(data), *data))
        return out + b"".join(float32(4, x) for x in data)
    if not raw and kind == DOUBLE:
        return out + b"".join(varint(10 << 3 | 1) + struct.pack("<d", x) for x in data)
    if kind == BFLOAT16:  # the upper half of a float32
        data = [struct.unpack("<I", struct.pack("<f", x))[0] >> 16 for x in data]
    elif not raw and kind == HALF:
        data = [struct.unpack("<H", struct.pack("<e", x))[0] for x in data]
    if not raw:
        return out + numbers(7 if kind == INT64 else 5, data, packed)
    code = {FLOAT: "f", UINT8: "B", INT8: "b", INT32: "i", INT64: "q", BOOL: "?", HALF: "e",
            DOUBLE: "d", BFLOAT16: "H"}[kind]
    return out + blob(9, struct.pack("<%d%s" % (len(data), code), *data))


def attribute(name, value, packed):
    out = blob(1, name)
    if isinstance(value, bool) or isinstance(value, int):
        return out + number(3, value) + number(20, 2)
    if isinstance(value, float):
        return out + float32(2, value) + number(20, 1)
    if isinstance(value, str):
        return out + blob(4, value) + number(20, 3)
    if isinstance(value, tuple):  # a tensor: (dims, data, kind)
        return out + blob(5, tensor("", *value)) + number(20, 4)
    if value and isinstance(value[0], float):
        return out + b"".join(float32(7, x) for x in value) + number(20, 6)
    return out + numbers(8, value, packed) + number(20, 7)


def value_info(name, dims, kind=FLOAT):
    shape = b""
    for d in dims:
        shape += blob(1, blob(2, d) if isinstance(d, str) else number(1, d))
    return blob(1, name) + blob(2, blob(1, number(1, kind) + blob(2, shape)))


class Graph:
    """Nodes in order; names are made up unless given."""

    def __init__(self, input_dims, opset=13, ir=7, **form):
        self.input_dims, self.opset, self.ir = input_dims, opset, ir
        self.form = form  # packed, raw, inits_as_inputs, input_kind
        self.nodes, self.inits, self.outputs, self.count = [], {}, [], 0
        self.output_dims = ["N", 1]
        self.graph_extra = self.model_extra = b""

    def name(self, stem):
        self.count += 1
        return "%s_%d" % (stem, self.count)

    def init(self, dims, data, kind=FLOAT, name=None):
        name = name or self.name("c")
        self.inits[name] = (list(dims), data if isinstance(data, bytes) else list(data), kind)
        return name

    def node(self, op, ins, domain="", n_out=1, node_name=None, intent=None, tie=False,
             assumed=False, **attrs):
        """The output's name, or names. intent: the input that the output really is (a
        straight-through estimator); tie: zero follows the option of the import; assumed:
        the reference takes the sign that the file lost."""
        outs = [self.name(op.lower()) for _ in range(n_out)]
        self.nodes.append(dict(op=op, ins=list(ins), outs=outs, domain=domain, attrs=attrs,
                               name=node_name or "/%d/%s" % (len(self.nodes), op),
                               intent=intent, tie=tie, assumed=assumed))
        return outs[0] if n_out == 1 else outs

    def write(self):
        packed, raw = self.form.get("packed", False), self.form.get("raw", True)
        g = b""
        for n in self.nodes:
            data = b"".join(blob(1, i) for i in n["ins"]) + \
                b"".join(blob(2, o) for o in n["outs"]) + blob(3, n["name"]) + blob(4, n["op"])
            for key, value in n["attrs"].items():
                data += blob(5, attribute(key, value, packed))
            data += blob(7, n["domain"]) if n["domain"] else b""
            g += blob(1, data + n.get("extra", b""))
        g += blob(2, "made-up")
        for name, (dims, data, kind) in self.inits.items():
            g += blob(5, tensor(name, dims, data, kind, raw, packed))
        g += blob(11, value_info("x", self.input_dims, self.form.get("input_kind", FLOAT)))
        if self.form.get("inits_as_inputs"):
            for name, (dims, _, kind) in self.inits.items():
                g += blob(11, value_info(name, dims, kind))
        for o in self.outputs:
            g += blob(12, value_info(o, self.output_dims))
        sets = blob(8, blob(1, "") + number(2, self.opset)) + \
            blob(8, blob(1, "ai.onnx.ml") + number(2, 2))
        return number(1, self.ir) + blob(2, "test") + blob(7, g + self.graph_extra) + sets + \
            self.model_extra
