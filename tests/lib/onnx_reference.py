# SPDX-License-Identifier: Apache-2.0
"""What an ONNX graph computes, node by node in float32: slow, and nothing to do with the
importer. Sums of products are exact and rounded once."""
import math
import struct


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def size(dims):
    n = 1
    for d in dims:
        n *= d
    return n


def strides(dims):
    out, step = [0] * len(dims), 1
    for i in range(len(dims) - 1, -1, -1):
        out[i], step = step, step * dims[i]
    return out


def indices(dims):
    index = [0] * len(dims)
    for _ in range(size(dims)):
        yield index
        for d in range(len(dims) - 1, -1, -1):
            index[d] += 1
            if index[d] < dims[d]:
                break
            index[d] = 0


def broadcast(f, *tensors):
    rank = max(len(t[0]) for t in tensors)
    shapes = [[1] * (rank - len(t[0])) + list(t[0]) for t in tensors]
    dims = [max(s[d] for s in shapes) for d in range(rank)]
    steps = [[0 if s[d] == 1 else st for d, st in enumerate(strides(s))] for s in shapes]
    data = []
    for index in indices(dims):
        data.append(f(*(t[1][sum(i * s for i, s in zip(index, step))]
                        for t, step in zip(tensors, steps))))
    return dims, data


def each(f, t):
    return list(t[0]), [f(v) for v in t[1]]


def transpose(t, perm):
    dims, step = [t[0][p] for p in perm], strides(t[0])
    return dims, [t[1][sum(index[i] * step[p] for i, p in enumerate(perm))]
                  for index in indices(dims)]


def reshape(t, want):
    want = [t[0][i] if d == 0 else d for i, d in enumerate(want)]
    if -1 in want:
        want[want.index(-1)] = size(t[0]) // -size(want)
    return want, t[1]


def pads_of(a, h, w, kernel, stride, dilation):
    auto = a.get("auto_pad", "NOTSET")
    if auto in ("NOTSET", "VALID"):
        return a.get("pads", [0, 0, 0, 0]) if auto == "NOTSET" else [0, 0, 0, 0]
    out = []
    for n, k, s, d in zip((h, w), kernel, stride, dilation):
        total = max(0, ((n + s - 1) // s - 1) * s + (k - 1) * d + 1 - n)
        small = total // 2
        out.append((small, total - small) if auto == "SAME_UPPER" else (total - small, small))
    return [out[0][0], out[1][0], out[0][1], out[1][1]]


def windows(x, a, kernel):
    """For every output place: the list of (row, column, tap) inside the map."""
    _, _, h, w = x[0]
    stride, dilation = a.get("strides", [1, 1]), a.get("dilations", [1, 1])
    pads = pads_of(a, h, w, kernel, stride, dilation)
    sides = []
    for i, n in enumerate((h, w)):
        free = n + pads[i] + pads[i + 2] - dilation[i] * (kernel[i] - 1) - 1
        out = free // stride[i] + 1
        if a.get("ceil_mode") and free % stride[i] and out * stride[i] < n + pads[i]:
            out += 1
        sides.append(out)
    places = []
    for oy in range(sides[0]):
        for ox in range(sides[1]):
            taps = []
            for ky in range(kernel[0]):
                for kx in range(kernel[1]):
                    y = oy * stride[0] - pads[0] + ky * dilation[0]
                    z = ox * stride[1] - pads[1] + kx * dilation[1]
                    if 0 <= y < h and 0 <= z < w:
                        taps.append((y, z, ky * kernel[1] + kx))
            places.append(taps)
    return sides, places


def conv(x, weight, bias, a):
    n_out, per, kh, kw = weight[0]
    group = a.get("group", 1)
    sides, places = windows(x, a, (kh, kw))
    _, _, h, w = x[0]
    out = []
    for o in range(n_out):
        first = o // (n_out // group) * per
        for taps in places:
            s = math.fsum(x[1][((first + c) * h + y) * w + z] *
                          weight[1][(o * per + c) * kh * kw + t]
                          for c in range(per) for y, z, t in taps)
            out.append(f32(f32(s) + bias[1][o]) if bias else f32(s))
    return [1, n_out] + sides, out


def pool(x, a, f, kernel=None):
    kernel = kernel or a["kernel_shape"]
    sides, places = windows(x, a, kernel)
    _, c, h, w = x[0]
    return [1, c] + sides, [f([x[1][(k * h + y) * w + z] for y, z, _ in taps])
                            for k in range(c) for taps in places]


def matmul(x, w):
    n_in, n_out = w[0]
    rows = size(x[0]) // n_in
    return x[0][:-1] + [n_out], [
        f32(math.fsum(x[1][r * n_in + k] * w[1][k * n_out + j] for k in range(n_in)))
        for r in range(rows) for j in range(n_out)]


def gemm(ins, a):
    w = transpose(ins[1], [1, 0]) if a.get("transB") else ins[1]
    y = each(lambda v: f32(f32(a.get("alpha", 1.0)) * v), matmul(ins[0], w))
    if len(ins) < 3:
        return y
    beta = f32(a.get("beta", 1.0))
    return broadcast(lambda p, q: f32(p + f32(beta * q)), y, ins[2])


def batch_norm(ins, a):
    x, scale, shift, mean, var = ins
    eps, inner = f32(a.get("epsilon", 1e-5)), size(x[0][2:])
    out = []
    for i, v in enumerate(x[1]):
        c = i // inner % x[0][1]
        root = f32(math.sqrt(f32(var[1][c] + eps)))
        out.append(f32(f32(f32(f32(v - mean[1][c]) / root) * scale[1][c]) + shift[1][c]))
    return x[0], out


def pad(x, pads, value):
    rank = len(x[0])
    dims = [d + pads[i] + pads[i + rank] for i, d in enumerate(x[0])]
    step, out = strides(x[0]), []
    for index in indices(dims):
        at = [i - p for i, p in zip(index, pads)]
        inside = all(0 <= i < d for i, d in zip(at, x[0]))
        out.append(x[1][sum(i * s for i, s in zip(at, step))] if inside else value)
    return dims, out


def concat(ins, axis):
    dims = list(ins[0][0])
    dims[axis] = sum(t[0][axis] for t in ins)
    outer, out = size(dims[:axis]), []
    for o in range(outer):
        for t in ins:
            n = size(t[0][axis:])
            out += t[1][o * n:(o + 1) * n]
    return dims, out


def squeeze(x, axes):
    return [d for i, d in enumerate(x[0]) if i not in axes], x[1]


def unsqueeze(x, axes):
    dims = list(x[0])
    for axis in sorted(axes):
        dims.insert(axis, 1)
    return dims, x[1]


def mean_over(x, axes, keep):
    kept = [1 if i in axes else d for i, d in enumerate(x[0])]
    sums, step = [0.0] * size(kept), strides(kept)
    for v, index in zip(x[1], indices(x[0])):
        sums[sum(0 if i in axes else k * s
                 for i, (k, s) in enumerate(zip(index, step)))] += v
    n = size(x[0]) // size(kept)
    dims = kept if keep else [d for i, d in enumerate(kept) if i not in axes]
    return dims, [f32(s / n) for s in sums]


def sign(v):
    return float((v > 0) - (v < 0))


UNARY = {"Sign": sign, "Abs": abs, "Neg": lambda v: -v, "Relu": lambda v: max(v, 0.0),
         "Not": lambda v: not v, "Identity": lambda v: v, "Dropout": lambda v: v,
         "Sqrt": lambda v: f32(math.sqrt(v)), "Reciprocal": lambda v: f32(1 / v)}
BINARY = {"Add": lambda p, q: f32(p + q), "Sub": lambda p, q: f32(p - q),
          "Mul": lambda p, q: f32(p * q), "Div": lambda p, q: f32(p / q),
          "Pow": lambda p, q: f32(p ** q), "Greater": lambda p, q: p > q,
          "GreaterOrEqual": lambda p, q: p >= q, "Less": lambda p, q: p < q,
          "LessOrEqual": lambda p, q: p <= q,
          "PRelu": lambda p, q: p if p >= 0 else f32(p * q),
          "BipolarQuant": lambda p, q: q if p >= 0 else -q}


def compute(node, ins, opset):
    op, a = node["op"], node["attrs"]
    if op in UNARY:
        return each(UNARY[op], ins[0])
    if op in BINARY:
        return broadcast(BINARY[op], *ins)
    if op == "Conv":
        return conv(ins[0], ins[1], ins[2] if len(ins) > 2 else None, a)
    if op == "MatMul":
        return matmul(*ins)
    if op == "Gemm":
        return gemm(ins, a)
    if op == "BatchNormalization":
        return batch_norm(ins, a)
    if op == "Clip":
        low = ins[1][1][0] if len(ins) > 1 else f32(a["min"])
        high = ins[2][1][0] if len(ins) > 2 else f32(a["max"])
        return each(lambda v: min(max(v, low), high), ins[0])
    if op == "LeakyRelu":
        return each(lambda v: v if v >= 0 else f32(f32(a.get("alpha", 0.01)) * v), ins[0])
    if op == "Where":
        return broadcast(lambda c, p, q: p if c else q, *ins)
    if op == "Cast":
        return each({1: float, 6: int, 7: int, 9: bool, 11: float}[a["to"]], ins[0])
    if op == "MultiThreshold":
        scale, bias, c = a.get("out_scale", 1.0), a.get("out_bias", 0.0), ins[0][0][1]
        inner = size(ins[0][0][2:])
        return ins[0][0], [f32(scale * (v >= ins[1][1][i // inner % c]) + bias)
                           for i, v in enumerate(ins[0][1])]
    if op == "MaxPool":
        return pool(ins[0], a, max)
    if op == "AveragePool":
        k = size(a["kernel_shape"])
        full = a.get("count_include_pad")
        return pool(ins[0], a, lambda v: f32(math.fsum(v) / (k if full else len(v))))
    if op in ("GlobalAveragePool", "GlobalMaxPool"):
        mean = op == "GlobalAveragePool"
        return pool(ins[0], {}, lambda v: f32(math.fsum(v) / len(v)) if mean else max(v),
                    ins[0][0][2:])
    if op == "ReduceMean":
        axes = a.get("axes") or ins[1][1]
        return mean_over(ins[0], [i % len(ins[0][0]) for i in axes], a.get("keepdims", 1))
    if op == "Transpose":
        return transpose(ins[0], a["perm"])
    if op == "Reshape":
        return reshape(ins[0], ins[1][1])
    if op == "Flatten":
        axis = a.get("axis", 1) % len(ins[0][0])
        return [size(ins[0][0][:axis]), size(ins[0][0][axis:])], ins[0][1]
    if op == "Squeeze":
        return squeeze(ins[0], a.get("axes") or ins[1][1])
    if op == "Unsqueeze":
        return unsqueeze(ins[0], a.get("axes") or ins[1][1])
    if op == "Pad":
        pads = a["pads"] if "pads" in a else ins[1][1]
        value = a.get("value", 0.0) if "pads" in a or len(ins) < 3 else ins[2][1][0]
        return pad(ins[0], pads, value)
    if op == "Concat":
        return concat(ins, a["axis"] % len(ins[0][0]))
    if op == "Shape":
        dims = list(ins[0][0])[a.get("start", 0):a.get("end", len(ins[0][0]))]
        return [len(dims)], dims
    if op == "Gather":
        return list(ins[1][0]), [ins[0][1][i] for i in ins[1][1]]
    if op == "ConstantOfShape":
        return list(ins[0][1]), [a["value"][1][0]] * size(ins[0][1])
    if op == "Slice":  # rows, from the last to the first
        n = ins[0][0][1]
        rows = [ins[0][1][i:i + n] for i in range(0, len(ins[0][1]), n)]
        return list(ins[0][0]), [v for row in rows[::-1] for v in row]
    if op == "Constant":
        (key, v), = a.items()
        if key == "value":
            return list(v[0]), list(v[1])
        return ([len(v)], list(v)) if isinstance(v, list) else ([], [v])
    if op == "DequantizeLinear":
        return ins[0][0], [f32(v * ins[1][1][i // size(ins[0][0][1:])])
                           for i, v in enumerate(ins[0][1])]
    if op in ("Softmax", "LogSoftmax", "ArgMax", "TopK"):
        return ins[0]  # ranking is not compared
    raise KeyError(op)


def run(graph, x, ties=1.0):
    """The graph's output for x, (dims, data); a sign of zero that is marked becomes `ties`."""
    values = {name: (dims, [f32(v) if kind == 1 else v for v in data])
              for name, (dims, data, kind) in graph.inits.items()}
    values["x"] = x
    for node in graph.nodes:
        if node.get("intent"):
            y = values[node["intent"]]
        else:
            y = compute(node, [values[i] for i in node["ins"] if i], graph.opset)
        if node.get("assumed"):
            y = each(lambda v: sign(v) or ties, y)
        if node.get("tie"):
            y = each(lambda v: v or ties, y)
        for out in node["outs"]:
            values[out] = y
    return values[graph.outputs[0]][1]
