# SPDX-License-Identifier: Apache-2.0
"""Graphs for onnx_suite.py: one for each way to write a sign, a weight, a padding, and one
for each refusal; and the pieces that they and those of onnx_exporters.py are made of."""
import random

from onnx_reference import f32, run, size
from onnx_writer import DOUBLE, HALF, INT8, INT64, STRING, UINT8, Graph, blob, number, tensor

H, W, C = 6, 5, 3
rng = random.Random(20240611)
cases, refusals = [], []


def signs(n):
    return [rng.choice((1.0, -1.0)) for _ in range(n)]


def reals(n, low, high):
    return [f32(rng.uniform(low, high)) for _ in range(n)]


def scalar(g, v):
    return g.init([], [v])


# -- Pieces --

def norm(g, x, c, spread, scales=None, eps=1e-3, flip=True):
    """A normalisation for sums of about +-spread; some scales are negative."""
    scale = scales or [s * (rng.choice((1, -1)) if flip else 1) for s in reals(c, 0.5, 2)]
    ins = [x, g.init([c], scale), g.init([c], reals(c, -0.5, 0.5)),
           g.init([c], reals(c, -spread / 4, spread / 4)),
           g.init([c], reals(c, spread * spread / 20, spread * spread / 5))]
    return g.node("BatchNormalization", ins, epsilon=eps)


def where(g, condition, yes=1.0, no=-1.0):
    return g.node("Where", [condition, scalar(g, yes), scalar(g, no)])


def s1(g, x, c):
    return g.node("Sign", [x], tie=True)


def s2(g, x, c):
    return g.node("Sign", [g.node("Add", [g.node("Sign", [x]), scalar(g, 0.1)])])


def s3(g, x, c):
    return where(g, g.node("GreaterOrEqual", [x, scalar(g, 0.0)]))


def s4(g, x, c):
    return where(g, g.node("Greater", [x, scalar(g, 0.0)]))


def s5(g, x, c):
    return where(g, g.node("Less", [x, scalar(g, 0.0)]), -1.0, 1.0)


def s5_not(g, x, c):
    return where(g, g.node("Not", [g.node("Less", [x, scalar(g, 0.0)])]))


def s5_swapped(g, x, c):
    return where(g, g.node("Greater", [scalar(g, 0.0), x]), -1.0, 1.0)


def s6(g, x, c):
    bit = g.node("Cast", [g.node("GreaterOrEqual", [x, scalar(g, 0.0)])], to=1)
    return g.node("Sub", [g.node("Mul", [bit, scalar(g, 2.0)]), scalar(g, 1.0)])


def s6_add(g, x, c):
    bit = g.node("Cast", [g.node("Greater", [x, scalar(g, 0.0)])], to=1)
    return g.node("Add", [g.node("Mul", [scalar(g, 2.0), bit]), scalar(g, -1.0)])


def s7(g, x, c):
    return g.node("BipolarQuant", [x, scalar(g, 1.0)], domain="onnx.brevitas")


def s7_scaled(g, x, c):
    return g.node("BipolarQuant", [x, scalar(g, 0.5)], domain="qonnx.custom_op.general")


def s8(g, x, c):
    return g.node("MultiThreshold", [x, g.init([c, 1], reals(c, -0.3, 0.3))],
                  domain="finn.custom_op.general", out_scale=2.0, out_bias=-1.0)


def s9(g, x, c):
    """The polynomial of ReActNet in short: something that is not monotone."""
    q = g.node("Sign", [x], tie=True)
    less = g.node("Cast", [g.node("Less", [x, scalar(g, 1.0)])], to=1)
    p = g.node("Mul", [less, g.node("Mul", [x, x])])
    return g.node("Add", [g.node("Sub", [q, p]), p], intent=q)


def s10(g, x, c):
    x = g.node("Clip", [x, scalar(g, -1.0), scalar(g, 1.0)]) if g.opset >= 11 else \
        g.node("Clip", [x], min=-1.0, max=1.0)
    x = g.node("Dropout", [x])
    return s3(g, g.node("Cast", [g.node("Identity", [x])], to=1), c)


def shifted(g, x, c):
    """A threshold for each channel in the comparison."""
    return where(g, g.node("GreaterOrEqual", [x, g.init([1, c, 1, 1], reals(c, -0.3, 0.3))]))


def full_where(g, x, c):
    """Constants as full tensors of one value; rank 4 only."""
    dims = [1, c, 1, 1]
    return g.node("Where", [g.node("Less", [x, scalar(g, 0.0)]), g.init(dims, [-1.0] * c),
                            g.init(dims, [1.0] * c)])


def twice(g, x, c):
    return s3(g, s3(g, x, c), c)


def w1(g, dims):
    return g.init(dims, signs(size(dims)))


def w2(g, dims):
    per = size(dims[1:])
    scale = reals(dims[0], 0.01, 0.4)
    return g.init(dims, [f32(s * scale[i // per]) for i, s in enumerate(signs(size(dims)))])


def w3(g, dims):
    return g.node("Sign", [g.init(dims, reals(size(dims), -1, 1))])


def w3_where(g, dims):
    return s3(g, g.init(dims, reals(size(dims), -1, 1)), 0)


def w4(g, dims):
    real = g.init(dims, reals(size(dims), -1, 1))
    axes = list(range(1, len(dims)))
    mean = g.node("ReduceMean", [g.node("Abs", [real])], axes=axes, keepdims=1)
    return g.node("Mul", [g.node("Sign", [real]), mean])


def w5(g, dims):
    real = g.init(dims, reals(size(dims), -1, 1))
    p = g.node("Clip", [real, scalar(g, -1.0), scalar(g, 1.0)])
    q = g.node("Sign", [real])
    return g.node("Add", [p, g.node("Sub", [q, p])], intent=q)


def w6(g, dims):
    flat = g.init([size(dims[1:]), dims[0]], signs(size(dims)))
    return g.node("Reshape", [g.node("Transpose", [flat], perm=[1, 0]),
                              g.init([len(dims)], dims, INT64)])


def w7(g, dims):
    quant = g.init(dims, [int(s) for s in signs(size(dims))], INT8)
    return g.node("DequantizeLinear", [quant, g.init([dims[0]], reals(dims[0], 0.1, 0.9))],
                  axis=0)


def w8(g, dims):
    return g.node("BipolarQuant", [g.init(dims, reals(size(dims), -1, 1)), scalar(g, 0.25)],
                  domain="onnx.brevitas")


# -- Networks --

def finish(g, y, n=10):
    g.outputs = [y]
    return g


def net(sign=s3, weight=w1, opset=13, pool=None, pads=None, bn=norm, flat="Flatten",
        batch="N", **form):
    """Conv, BN, sign, padded conv, BN, sign, flatten, dense."""
    g = Graph([batch, C, H, W], opset, **form)
    b = 1 if isinstance(batch, str) else batch
    x = g.node("Conv", ["x", weight(g, [4, C, 3, 3])], kernel_shape=[3, 3])
    x = sign(g, bn(g, x, 4, 1500), 4)
    x = g.node("Conv", [x, weight(g, [6, 4, 3, 3])], pads=pads or [1, 1, 1, 1])
    h, w = (H - 2, W - 2) if pads is None else pads[4:]
    if pool:
        x, h, w = pool(g, x, h, w)
    x = sign(g, bn(g, x, 6, 10), 6)
    n = 6 * h * w
    if flat == "Flatten":
        x = g.node("Flatten", [x], axis=1)
    elif flat == "-3":
        x = g.node("Flatten", [x], axis=-3)
    elif flat == "zero":
        x = g.node("Reshape", [x, g.init([2], [0, -1], INT64)])
    elif flat == "chain":
        batch_dim = g.node("Gather", [g.node("Shape", [x]), g.init([], [0], INT64)], axis=0)
        lift = dict(axes=[0]) if opset < 13 else {}
        ins = [] if opset < 13 else [g.init([1], [0], INT64)]
        parts = [g.node("Unsqueeze", [batch_dim] + ins, **lift), g.init([1], [-1], INT64)]
        x = g.node("Reshape", [x, g.node("Concat", parts, axis=0)])
    else:
        x = g.node("Reshape", [x, g.init([2], [b, n], INT64)])
    return finish(g, g.node("MatMul", [x, g.init([n, 10], signs(n * 10))]))


def case(name, g, ties=1.0, pictures=3, **options):
    layout = options.get("layout", "nchw")
    h, w, c = options.pop("hwc", (H, W, C))
    lines, opts = [], dict({"range": "255"}, **options)
    for _ in range(pictures):
        pixels = [rng.randrange(256) for _ in range(h * w * c)]
        values = list(pixels)
        scale = {"255": lambda v: v, "1": lambda v: f32(v / f32(255)),
                 "signed": lambda v: f32(f32(v / f32(127.5)) - 1)}[opts["range"]]
        values = [scale(float(v)) for v in values]
        for i in range(len(values)):
            if "mean" in opts:
                values[i] = f32(values[i] - f32(opts["mean"][i % c]))
            if "std" in opts:
                values[i] = f32(values[i] / f32(opts["std"][i % c]))
        if layout == "nchw":
            values = [values[p * c + k] for k in range(c) for p in range(h * w)]
        dims = [1 if isinstance(d, str) or i == 0 and len(g.input_dims) > 1 else d
                for i, d in enumerate(g.input_dims)]
        lines.append(" ".join(map(str, pixels)))
        lines.append(" ".join("%.9g" % v for v in run(g, (dims, values), ties)))
    if ties < 0:
        opts["ties"] = "down"
    cases.append((name, g, opts, (h, w, c, pictures, len(lines[1].split())), lines))


def refuse(name, code, g, **options):
    refusals.append((name, code, g.write() if isinstance(g, Graph) else g,
                     dict({"range": "255"}, **options)))


def pool_before(attrs, h, w):
    return lambda g, x, *_: (g.node("MaxPool", [x], **attrs), h, w)


def nhwc_net(transposed=True):
    """TensorFlow's way: everything in NHWC, transposes round each convolution."""
    g = Graph(["unk__1", H, W, C], 15)
    x = "x"
    for n_in, n_out, spread, pads in ((C, 4, 1500, [0] * 4), (4, 6, 10, [1] * 4)):
        x = g.node("Transpose", [x], perm=[0, 3, 1, 2])
        x = g.node("Conv", [x, w1(g, [n_out, n_in, 3, 3])], pads=pads)
        x = g.node("Transpose", [x], perm=[0, 2, 3, 1])
        x = g.node("Add", [g.node("Mul", [x, g.init([n_out], reals(n_out, -1, 1))]),
                           g.init([n_out], reals(n_out, -spread / 4, spread / 4))])
        if n_out == 4:
            x = s2(g, x, n_out)
    n = 6 * (H - 2) * (W - 2)
    x = s2(g, g.node("Reshape", [x, g.init([2], [-1, n], INT64)]), 0)
    return finish(g, g.node("MatMul", [x, g.init([n, 10], signs(n * 10))]))


def padded_net(value, kernel=3, stride=1, attrs=None, opset=13, before_sign=False):
    """value None: the convolution's own pads, of 0."""
    g = Graph(["N", C, H, W], opset)
    x = norm(g, g.node("Conv", ["x", w1(g, [5, C, 1, 1])]), 5, 300)
    n_pads = [0, 0, 1, 1, 0, 0, 1, 1]
    x = s3(g, x, 5)
    conv = dict(strides=[stride, stride])
    if value is not None and opset < 11:
        x = g.node("Pad", [x], mode="constant", pads=n_pads, value=value)
    elif value is not None:
        x = g.node("Pad", [x, g.init([8], n_pads, INT64), scalar(g, value)], mode="constant")
    else:
        conv.update(attrs or dict(pads=[1, 1, 1, 1]))
    x = g.node("Conv", [x, w1(g, [7, 5, kernel, kernel])], **conv)
    x = s3(g, norm(g, x, 7, 8), 7)
    x = g.node("Flatten", [x])
    probe = run(finish(g, x), ([1, C, H, W], [0.0] * (C * H * W)))
    return finish(g, g.node("Gemm", [x, g.init([9, len(probe)], signs(9 * len(probe))),
                                     g.init([9], reals(9, -3, 3))], transB=1))


def dense_net(range_nodes=None, dims=None, first=None, n=H * W, tail=None, head=None):
    g = Graph(dims or ["N", H, W])
    x = g.node("Flatten", ["x"])
    x = range_nodes(g, x) if range_nodes else x
    x = g.node("MatMul", [x, first(g) if first else w1(g, [n, 70])])
    x = (tail or (lambda g, x: s3(g, norm(g, x, 70, 800), 70)))(g, x)
    x = g.node("MatMul", [x, w1(g, [70, 5])])
    return finish(g, head(g, x) if head else x)


def residual_net(join="Add"):
    """A block as ReActNet and Bi-Real have it, then a strided one with a real shortcut."""
    g = Graph(["N", C, H, W])
    x = norm(g, g.node("Conv", ["x", g.init([4, C, 3, 3], reals(36 * C, -1, 1))],
                       pads=[1, 1, 1, 1]), 4, 300, flip=False)
    y = s1(g, g.node("Add", [x, g.init([1, 4, 1, 1], reals(4, -.2, .2))]), 4)
    y = norm(g, g.node("Conv", [y, w2(g, [4, 4, 3, 3])], pads=[1, 1, 1, 1]), 4, 2)
    x = g.node("Add", [y, x])
    x = g.node("Add", [g.node("PRelu", [g.node("Sub", [x, g.init([4, 1, 1], reals(4, -.2, .2))]),
                                        g.init([4, 1, 1], reals(4, -.5, .5))]),
                       g.init([4, 1, 1], reals(4, -.2, .2))])
    y = s1(g, x, 4)
    y = norm(g, g.node("Conv", [y, w2(g, [4, 4, 3, 3])], pads=[1, 1, 1, 1], strides=[2, 2]),
             4, 2)
    short = g.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    short = norm(g, g.node("Conv", [short, g.init([4, 4, 1, 1], reals(16, -1, 1))]), 4, 1)
    x = g.node("Relu", [g.node("Add", [y, short])])
    if join == "Concat":
        x = g.node("Concat", [x, y], axis=1)
    x = norm(g, x, 4 if join == "Add" else 8, 1)
    x = g.node("Flatten", [g.node("GlobalAveragePool", [x])])
    n = 4 if join == "Add" else 8
    return finish(g, g.node("Gemm", [x, g.init([n, 6], reals(6 * n, -1, 1)),
                                     g.init([6], reals(6, -1, 1))]))


def tfc_net():
    """Brevitas: the shape chain in front, weights quantised and turned round in the graph, a
    norm of one element behind."""
    g = Graph(["N", 1, H, W], 9, 6)
    axis = g.node("Gather", [g.node("Shape", ["x"]), g.init([], [0], INT64)], axis=0)
    dims = g.node("Concat", [g.node("Unsqueeze", [axis], axes=[0]),
                             g.node("Unsqueeze", [g.node("Constant", [], value=([], [-1], INT64))],
                                    axes=[0])], axis=0)
    x = g.node("Reshape", ["x", dims])
    x = g.node("Sub", [g.node("Mul", [x, scalar(g, 2.0)]), scalar(g, 1.0)])
    n = H * W
    for n_out in (33, 17, 4):
        x = s7(g, x, 0)
        w = s7(g, g.init([n_out, n], reals(n_out * n, -1, 1)), 0)
        x = g.node("MatMul", [x, g.node("Transpose", [w], perm=[1, 0])])
        if n_out != 4:
            x = norm(g, x, n_out, 5)
        n = n_out
    half = g.node("Constant", [], value=([], [0.5], 1))
    x = g.node("Sub", [x, scalar(g, 0.7)])
    x = g.node("Div", [x, g.node("Pow", [scalar(g, 11.0), half])])
    return finish(g, g.node("Add", [g.node("Mul", [x, scalar(g, 1.3)]), scalar(g, -0.2)]))


def computed_pad_net():
    """The pads of torch.nn.functional.pad: six nodes that make a constant."""
    g = Graph(["N", C, H, W], 11)
    x = s6(g, norm(g, g.node("Conv", ["x", w1(g, [4, C, 3, 3])]), 4, 1500), 4)
    zeros = g.node("ConstantOfShape", [g.init([1], [4], INT64)], value=([1], [0], INT64))
    pads = g.node("Concat", [g.init([4], [1, 1, 2, 0], INT64), zeros], axis=0)
    pads = g.node("Reshape", [pads, g.init([2], [-1, 2], INT64)])
    pads = g.node("Slice", [pads, g.init([1], [-1], INT64), g.init([1], [-(1 << 63) + 1], INT64),
                            g.init([1], [0], INT64), g.init([1], [-1], INT64)])
    pads = g.node("Reshape", [g.node("Transpose", [pads], perm=[1, 0]),
                              g.init([1], [-1], INT64)])
    x = g.node("Pad", [x, g.node("Cast", [pads], to=7), scalar(g, -1.0)])
    x = g.node("Conv", [x, w1(g, [6, 4, 3, 3])])
    x = g.node("Flatten", [s6(g, norm(g, x, 6, 9), 6)])
    n = 6 * (H - 2) * (W - 2)
    return finish(g, g.node("MatMul", [x, w1(g, [n, 4])]))


def wide_net():
    """More inputs than 16 bits of sum hold."""
    g = Graph(["N", 108, 72, 3])
    x = g.node("MatMul", [g.node("Flatten", ["x"]), w1(g, [23328, 8])])
    x = s3(g, norm(g, x, 8, 20000), 8)
    return finish(g, g.node("MatMul", [x, w1(g, [8, 5])]))


def matches_net():
    """Match counts, (K + sum) / 2, with padding of +1: BMXNet."""
    g = Graph(["N", C, H, W])
    x = s3(g, norm(g, g.node("Conv", ["x", g.init([4, C, 3, 3], reals(36 * C, -1, 1))]), 4,
                   300), 4)
    x = g.node("Pad", [x, g.init([8], [0, 0, 1, 1, 0, 0, 1, 1], INT64), scalar(g, 1.0)])
    x = g.node("Conv", [x, w1(g, [6, 4, 3, 3])])
    x = g.node("Mul", [g.node("Add", [x, scalar(g, 36.0)]), scalar(g, 0.5)])
    x = g.node("Flatten", [s3(g, norm(g, x, 6, 9), 6)])
    n = 6 * (H - 2) * (W - 2)
    return finish(g, g.node("MatMul", [x, w1(g, [n, 4])]))


def positives():
    for sign in (s1, s2, s3, s4, s5, s5_not, s5_swapped, s6, s6_add, s7, s7_scaled, s8, s9,
                 s10, shifted, full_where, twice):
        case("sign_" + sign.__name__, net(sign))
    case("sign_s1_down", net(s1, bn=lambda g, x, c, s: x), ties=-1.0)
    case("sign_s1_up", net(s1, bn=lambda g, x, c, s: x))
    case("sign_s2_ties", net(s2, bn=lambda g, x, c, s: x))
    case("sign_s4_ties", net(s4, bn=lambda g, x, c, s: x))
    for weight in (w1, w2, w3, w3_where, w4, w5, w6, w7, w8):
        case("weight_" + weight.__name__, net(weight=weight))
    for opset in (7, 9, 11, 12, 13, 15, 18, 21):
        plain = s10 if opset >= 12 else lambda g, x, c: s6(g, x, c) if g.opset >= 12 else s2(
            g, x, c)
        case("opset_%d" % opset, net(plain, opset=opset, flat="chain" if opset >= 13 else
                                     "Flatten"))
    case("clip_attributes", net(lambda g, x, c: s2(g, g.node("Clip", [x], min=-1.0, max=1.0),
                                                   c), opset=9))
    for flat in ("-3", "zero", "chain", "numbers"):
        case("flat_" + flat, net(flat=flat))
    case("batch_1", net(batch=1, flat="chain"))
    case("batch_32", net(batch=32, flat="chain"))
    case("ir3_inputs", net(ir=3, inits_as_inputs=True))
    case("unpacked_lists", net(raw=False))
    case("packed_lists", net(raw=False, packed=True))
    case("bytes_input", net(input_kind=UINT8))
    case("double_weights", net(weight=lambda g, dims: g.init(dims, signs(size(dims)), DOUBLE)))
    case("half_weights", net(weight=lambda g, dims: g.init(
        dims, [0.375 * s for s in signs(size(dims))], HALF)))
    case("constant_forms", net(lambda g, x, c: g.node("Where", [
        g.node("Less", [x, g.node("Constant", [], value_float=0.0)]),
        g.node("Constant", [], value_floats=[-1.0]), g.node("Constant", [], value=(
            [1, 1], [1.0], 1))])))
    case("pad_attribute", padded_net(-1.0, opset=10))
    case("tiny_scale", net(bn=lambda g, x, c, s: norm(
        g, x, c, s, [1e-30, -1e-30, 1e-7, -1e-7, 1.0, 0.5][:c])))
    case("zero_scale", net(bn=lambda g, x, c, s: norm(
        g, x, c, s, [0.0, -0.5, 1.0, 0.0, -1.0, 0.5][:c])))
    for name, attrs, h, w in (
            ("plain", dict(kernel_shape=[2, 2], strides=[2, 2]), 2, 1),
            ("pads", dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), 2, 2),
            ("overlap", dict(kernel_shape=[3, 2], strides=[1, 1]), 2, 2),
            ("ceil", dict(kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), 2, 2),
            ("uneven", dict(kernel_shape=[2, 2], strides=[1, 1], pads=[1, 0, 0, 1]), 4, 3),
            ("same", dict(kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER"), 2, 2)):
        case("pool_before_" + name, net(pool=pool_before(attrs, h, w)))
        g = net(pool=lambda g, x, *_: (g.node("MaxPool", [norm(g, x, 6, 10)], **attrs), h, w))
        case("pool_between_" + name, g)
        g = net(pool=lambda g, x, *_: (g.node("MaxPool", [s3(g, norm(g, x, 6, 10), 6)],
                                              **attrs), h, w), bn=lambda g, x, c, s: x)
        case("pool_after_" + name, g)
    case("relu_before_bn", net(bn=lambda g, x, c, s: norm(g, g.node("Relu", [x]), c, s)))
    case("prelu_before_bn", net(bn=lambda g, x, c, s: norm(g, g.node("PRelu", [
        x, g.init([c, 1, 1], reals(c, 0, 1))]), c, s)))
    case("leaky_before_bn", net(bn=lambda g, x, c, s: norm(g, g.node(
        "LeakyRelu", [x], alpha=0.2), c, s)))
    case("sub_div", net(bn=lambda g, x, c, s: g.node("Div", [g.node("Sub", [
        g.init([c, 1, 1], reals(c, -s / 4, s / 4)), x]), g.init([c, 1, 1], reals(c, 1, 2))])))
    for value in (None, -1.0, 1.0, 0.0):
        for stride in (1, 2):
            tag = {None: "own", -1.0: "minus", 1.0: "plus", 0.0: "zero"}[value]
            case("pad_%s_stride%d" % (tag, stride), padded_net(value, 3, stride))
            case("pad_%s_even_stride%d" % (tag, stride), padded_net(value, 2, stride))
    for auto in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        for stride in (1, 2):
            case("auto_%s_%d" % (auto, stride),
                 padded_net(None, 2, stride, dict(auto_pad=auto)))
    case("dilated", padded_net(None, 2, 1, dict(dilations=[2, 3], pads=[0, 1, 2, 1])))
    case("nhwc", nhwc_net(), layout="nhwc")
    g = nhwc_net()
    case("nhwc_derived", g, layout="nhwc")
    cases[-1][2].pop("layout")
    case("dense", dense_net(), hwc=(H, W, 1))
    case("dense_flat", dense_net(dims=["N", H * W]), hwc=(H, W, 1), size=(H, W))
    case("dense_wide", dense_net(dims=["N", 9, 29, 3], n=783), hwc=(9, 29, 3), layout="nhwc")

    def halves(g, x):
        x = g.node("Div", [x, scalar(g, 255.0)])
        x = g.node("Sub", [g.node("Mul", [x, scalar(g, 2.0)]), scalar(g, 1.0)])
        return s7(g, x, 0)
    case("binarised_input", dense_net(halves, tail=lambda g, x: s3(g, norm(g, x, 70, 5), 0)),
         hwc=(H, W, 1))
    for unit in ("1", "signed"):
        case("range_" + unit, dense_net(tail=lambda g, x: s3(g, norm(g, x, 70, 3), 0)),
             hwc=(H, W, 1), range=unit)
    g = net(bn=lambda g, x, c, s: norm(g, x, c, min(s, 6)))
    case("mean_std", g, range="1", mean=[0.4, 0.5, 0.45], std=[0.2, 0.25, 0.3])
    case("mean_one_std", net(bn=lambda g, x, c, s: norm(g, x, c, min(s, 6))), range="1",
         mean=[0.4, 0.5, 0.45], std=[0.25, 0.25, 0.25])
    case("unsqueezed_bn", dense_net(tail=lambda g, x: s3(g, g.node("Squeeze", [norm(
        g, g.node("Unsqueeze", [x, g.init([1], [2], INT64)]), 70, 800), g.init(
            [1], [2], INT64)]), 0)), hwc=(H, W, 1))
    case("one_element_norm", dense_net(head=lambda g, x: g.node("Add", [g.node("Mul", [
        g.node("Div", [g.node("Sub", [x, scalar(g, 1.5)]), g.node("Pow", [
            scalar(g, 30.0), scalar(g, 0.5)])]), scalar(g, -1.2)]), scalar(g, 0.3)])),
        hwc=(H, W, 1))
    for head in ("Softmax", "LogSoftmax", "ArgMax"):
        case("head_" + head, dense_net(head=lambda g, x: g.node(head, [x], axis=1)),
             hwc=(H, W, 1))
    g = Graph(["N", H, W])
    x = g.node("MatMul", [g.node("Flatten", ["x"]), w1(g, [H * W, 33])])
    x = s3(g, norm(g, x, 33, 800), 33)
    finish(g, g.node("Gemm", [x, g.init([7, 33], reals(231, -1, 1)), g.init([7], reals(7, -1, 1))],
                     transB=1, alpha=0.5, beta=2.0))
    case("real_gemm", g, hwc=(H, W, 1))
    case("matches", matches_net())
    case("tfc", tfc_net(), hwc=(H, W, 1), range="1")
    case("computed_pad", computed_pad_net())
    case("dense_23328", wide_net(), hwc=(108, 72, 3), layout="nhwc", pictures=2)
    case("residual", residual_net())
    case("residual_concat", residual_net("Concat"))
    g = Graph(["N", C, H, W])
    x = s3(g, norm(g, g.node("Conv", ["x", w1(g, [4, C, 1, 1])]), 4, 300), 4)
    x = s3(g, norm(g, g.node("Conv", [x, w1(g, [4, 1, 3, 3])], group=4), 4, 4), 4)
    x = s3(g, norm(g, g.node("Conv", [x, w1(g, [6, 2, 2, 2])], group=2), 6, 4), 6)
    x = g.node("Conv", [g.node("GlobalMaxPool", [x]), w1(g, [5, 6, 1, 1])])
    finish(g, g.node("Squeeze", [x, g.init([2], [2, 3], INT64)]))
    case("groups", g)
    g = net()
    shared = g.node("Identity", [g.nodes[0]["ins"][1]])
    node = g.nodes.pop()
    g.nodes.insert(0, node)
    g.nodes[1]["ins"][1] = shared
    case("identity_constant", g)
    g = dense_net()
    g.nodes.append(dict(op="Mul", ins=[g.outputs[0], g.outputs[0]], outs=["unused"], domain="",
                        attrs={}, name="left over"))
    case("unused_node", g, hwc=(H, W, 1))
    case("lost_sign", dense_net(tail=lambda g, x: g.node("Clip", [
        norm(g, x, 70, 800), scalar(g, -1.0), scalar(g, 1.0)], assumed=True)),
        hwc=(H, W, 1), assume="1")


def negatives():
    refuse("syntax", "onnx_syntax", b"this is no protobuf at all, is it")
    deep = b""
    for _ in range(40):  # an attribute that holds a graph that holds a node that ...
        deep = blob(1, blob(5, blob(1, "a") + blob(6, deep)))
    refuse("too_deep", "onnx_syntax", blob(7, deep))
    g = net()
    g.nodes[3]["ins"][0] = "nobody"
    refuse("nobody", "onnx_syntax", g)
    g = net()
    g.nodes[1]["outs"] = g.nodes[0]["outs"]
    refuse("twice", "onnx_syntax", g)
    refuse("opset_6", "onnx_version", net(opset=6))
    refuse("opset_99", "onnx_version", net(opset=99))
    refuse("ir_2", "onnx_version", net(ir=2))
    g = net()
    g.graph_extra = blob(5, tensor("far", [4], [], raw=False) + number(14, 1))
    refuse("external", "onnx_external_data", g)
    g = net()
    x = g.outputs[0]
    finish(g, g.node("Einsum", [x], equation="ij->ij"))
    refuse("operator", "onnx_operator", g)
    g = net()
    g.graph_extra = blob(5, tensor("words", [1], [], kind=STRING, raw=False))
    refuse("strings", "onnx_operator", g)
    refuse("lossy_double", "onnx_operator", net(weight=lambda g, dims: g.init(
        dims, [0.1 * s for s in signs(size(dims))], DOUBLE)))
    g = net()
    g.nodes[0]["attrs"]["shuffle"] = 1
    refuse("attribute", "onnx_operator", g)
    refuse("domain", "onnx_operator", net(lambda g, x, c: g.node("Sign", [x], domain="my.own")))
    refuse("training", "onnx_operator", net(bn=lambda g, x, c, s: (
        norm(g, x, c, s), g.nodes[-1]["attrs"].update(training_mode=1))[0]))
    g = dense_net()
    g.input_dims = ["N", "rows", W]
    refuse("free_rows", "onnx_shape", g)
    g = net()
    g.inits[g.nodes[0]["ins"][1]][0][1] = 7
    g.inits[g.nodes[0]["ins"][1]] = ([4, 1, 3, 3], signs(36), 1)
    refuse("weights_shape", "onnx_shape", g)
    g = net()
    g.inits["huge"] = ([1 << 40, 1 << 40], [], 1)
    refuse("dims_overflow", "onnx_shape", g)

    def near(g, dims):
        data = signs(size(dims))
        data[5] *= 0.7
        return g.init(dims, data)

    def holes(g, dims):
        data = signs(size(dims))
        data[5] = 0.0
        return g.init(dims, data)
    count = [0]

    def second(f):
        def pick(g, dims):
            count[0] += 1
            return (f if count[0] % 2 == 0 else w1)(g, dims)
        return pick
    refuse("real_weights", "bnn_weight_not_binary", net(weight=second(near)))
    refuse("holes", "bnn_weight_not_binary", net(weight=second(holes)))
    refuse("lost_sign", "bnn_input_not_binary", net(lambda g, x, c: g.node(
        "Clip", [x, scalar(g, -1.0), scalar(g, 1.0)])))
    refuse("relu_sign", "bnn_activation", net(lambda g, x, c: s1(g, g.node("Relu", [x]), c)))
    refuse("zero_one", "bnn_activation", net(lambda g, x, c: g.node("Cast", [
        g.node("Greater", [x, scalar(g, 0.0)])], to=1)))
    refuse("ternary", "bnn_activation", net(lambda g, x, c: g.node("Sign", [g.node("Add", [
        g.node("Sign", [g.node("Add", [x, scalar(g, 0.3)])]),
        g.node("Sign", [g.node("Sub", [x, scalar(g, 0.3)])])])])))
    refuse("tanh", "bnn_activation", net(lambda g, x, c: g.node("Tanh", [x])))
    refuse("s2_c", "bnn_activation", net(lambda g, x, c: g.node("Sign", [g.node("Add", [
        g.node("Sign", [x]), scalar(g, 1.0)])])))
    refuse("two_bits", "bnn_activation", net(lambda g, x, c: g.node("MultiThreshold", [
        x, g.init([c, 3], sorted(reals(3 * c, -1, 1)))], domain="finn.custom_op.general")))
    refuse("position_bias", "bnn_tail", net(lambda g, x, c: s3(g, g.node("Add", [
        x, g.init([1, c, H - 2, W - 2], reals(c * (H - 2) * (W - 2), -1, 1))]), c)))
    refuse("divided_by_map", "bnn_tail", net(lambda g, x, c: s3(g, g.node("Div", [
        scalar(g, 1.0), x]), c)))

    def reflect(g, x, c):
        y = s3(g, x, c)
        return g.node("Pad", [y, g.init([8], [0] * 8, INT64)], mode="reflect")
    refuse("reflect", "bnn_padding", net(reflect))
    refuse("pad_half", "bnn_padding", padded_net(0.5))
    g = net()
    x = g.nodes[0]["outs"][0]
    g.nodes[1]["ins"][0] = "product"
    g.nodes.insert(1, dict(op="Mul", ins=[x, x], outs=["product"], domain="", attrs={},
                           name="gate"))
    refuse("gate", "bnn_residual", g)
    g = Graph(["N", H, W])
    finish(g, g.node("MatMul", [g.node("Flatten", ["x"]), g.init([30, 4], reals(120, -1, 1))]))
    refuse("all_real", "bnn_no_binary_layer", g)
    refuse("no_range", "input_contract", net(), range="unknown")
    refuse("wrong_layout", "input_contract", net(), layout="nhwc")
    refuse("grey", "input_contract", net(), colour="grey")
    refuse("large", "too_large", net(), cells="100")
