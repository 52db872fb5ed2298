# SPDX-License-Identifier: Apache-2.0
"""More graphs for onnx_suite.py: the many ways in which exporters write the same thing, and
what lies between a layer and its sign in networks that people train."""
from onnx_graphs import (C, H, W, case, cases, dense_net, finish, net, norm, reals, refuse, s1, s2,
                         s3, s4, s6, s7, scalar, signs, w1, w2)
from onnx_reference import run, size
from onnx_writer import (BFLOAT16, BOOL, DOUBLE, HALF, INT8, INT64, UINT8, Graph, blob, number,
                         value_info)


def ints(g, *values, dims=None):
    return g.init([len(values)] if dims is None else dims, values, INT64)


# -- Spellings of a sign --

def swapped_or_equal(g, x, c):
    return g.node("Where", [g.node("LessOrEqual", [scalar(g, 0.0), x]), scalar(g, 1.0),
                            scalar(g, -1.0)])


def not_less_or_equal(g, x, c):
    below = g.node("Not", [g.node("LessOrEqual", [x, scalar(g, 0.0)])])
    return g.node("Where", [below, scalar(g, 1.0), scalar(g, -1.0)])


def of_integers(g, x, c):
    """(x >= 0).int() * 2 - 1, as a number only then."""
    bit = g.node("Cast", [g.node("GreaterOrEqual", [x, scalar(g, 0.0)])], to=7)
    both = g.node("Sub", [g.node("Mul", [bit, ints(g, 2, dims=[])]), ints(g, 1, dims=[])])
    return g.node("Cast", [both], to=1)


def integer_where(g, x, c):
    both = g.node("Where", [g.node("Greater", [x, scalar(g, 0.0)]), ints(g, 1, dims=[]),
                            ints(g, -1, dims=[])])
    return g.node("Cast", [both], to=1)


def one_minus(g, x, c):
    bit = g.node("Cast", [g.node("Less", [x, scalar(g, 0.0)])], to=1)
    return g.node("Sub", [scalar(g, 1.0), g.node("Mul", [bit, scalar(g, 2.0)])])


def ones_like(g, x, c):
    """torch.where(x < 0, -torch.ones_like(x), torch.ones_like(x))"""
    shape = g.node("Shape", [x])
    plus = g.node("ConstantOfShape", [shape], value=([1], [1.0], 1))
    minus = g.node("Neg", [g.node("ConstantOfShape", [shape], value=([1], [1.0], 1))])
    return g.node("Where", [g.node("Less", [x, scalar(g, 0.0)]), minus, plus])


def halved(g, x, c):
    """Levels of +-0.5, then doubled."""
    bit = g.node("Cast", [g.node("Greater", [x, scalar(g, 0.0)])], to=1)
    return g.node("Mul", [g.node("Sub", [bit, scalar(g, 0.5)]), scalar(g, 2.0)])


def hardtanh_steps(g, x, c):
    """A clip that moves before its sign."""
    x = g.node("Clip", [x, scalar(g, -1.0), scalar(g, 1.0)])
    x = g.node("Div", [g.node("Add", [x, scalar(g, 1.0)]), scalar(g, 2.0)])
    return s6(g, g.node("Sub", [x, scalar(g, 0.5)]), c)


def around(g, x, c):
    """(sign(x) - clip(x)) + clip(x), the other way round too, through Identity."""
    p = g.node("Identity", [g.node("Clip", [x, scalar(g, -1.0), scalar(g, 1.0)])])
    q = g.node("Identity", [s3(g, x, c)])
    return g.node("Add", [g.node("Identity", [p]), g.node("Sub", [q, p])], intent=q)


def negated_scale(g, x, c):
    """Behind a sign, times -1 for every other channel: bits turned round."""
    return g.node("Mul", [s3(g, x, c), g.init([c, 1, 1], [1.0 - 2 * (i % 2) for i in range(c)])])


# -- Tails --

def between(make):
    """A net whose second tail is `make`: real or not, before its sign."""
    return net(bn=lambda g, x, c, s: make(g, x, c, s) if c == 6 else norm(g, x, c, s))


def average_first(bn=True, kernel=2, **attrs):
    """Conv, AveragePool, BN or none, sign."""
    def pool(g, x, h, w):
        x = g.node("AveragePool", [x], kernel_shape=[kernel, kernel], **attrs)
        dims = run(finish(g, g.node("Shape", [x])), ([1, C, H, W], [0.0] * (C * H * W)))
        return x, dims[2], dims[3]
    return net(pool=pool, bn=(lambda g, x, c, s: norm(g, x, c, s / 3)) if bn else
               lambda g, x, c, s: norm(g, x, c, s) if c == 4 else g.node(
                   "Add", [x, g.init([c, 1, 1], reals(c, -0.2, 0.2))]))


def global_average(reduce=None):
    """Conv, mean of the map, BN, sign, dense."""
    g = Graph(["N", C, H, W], 18)
    x = s3(g, norm(g, g.node("Conv", ["x", w1(g, [4, C, 3, 3])]), 4, 1500), 4)
    x = g.node("Conv", [x, w1(g, [9, 4, 2, 2])])
    if reduce:
        x = g.node("ReduceMean", [x, ints(g, -1, -2)], keepdims=0)
    else:
        x = g.node("Flatten", [g.node("GlobalAveragePool", [x])])
    x = s3(g, norm(g, x, 9, 2), 9)
    return finish(g, g.node("MatMul", [x, w1(g, [9, 4])]))


def two_pools(flip):
    def pool(g, x, h, w):
        x = g.node("MaxPool", [x], kernel_shape=[2, 2], strides=[1, 1])
        x = norm(g, x, 6, 10, flip=flip)
        return g.node("MaxPool", [x], kernel_shape=[2, 1], strides=[1, 2]), 2, 1
    return net(pool=pool)


def batch_norm_outputs():
    g = net(opset=8)
    for node in g.nodes:
        if node["op"] == "BatchNormalization":
            node["outs"] += ["%s_%s" % (node["outs"][0], k) for k in "abcd"]
    return g


def newer_fields():
    """Metadata of nodes, graph and model, and what the schema at hand does not know."""
    pair = blob(1, "namespace") + blob(2, "torch.nn")
    g = net(opset=18, ir=10)
    for node in g.nodes:
        node["extra"] = blob(9, pair) + blob(10, blob(1, "device")) + number(99, 7)
    g.graph_extra = blob(16, pair) + blob(98, b"\xff\xff") + number(97, 1 << 63)
    g.model_extra = blob(14, pair) + blob(26, b"")
    return g


# -- Layers --

def gemm_net(trans, alpha, beta, bias, ranks=2):
    g = Graph(["N", H, W])
    x = g.node("MatMul", [g.node("Flatten", ["x"]), w1(g, [H * W, 33])])
    x = s3(g, norm(g, x, 33, 800), 33)
    w = w2(g, [7, 33]) if trans else g.node("Transpose", [w2(g, [7, 33])], perm=[1, 0])
    ins = [x, w] + ([g.init(bias, reals(size(bias), -1, 1))] if bias is not None else [])
    x = s3(g, g.node("Gemm", ins, transB=int(trans), alpha=alpha, beta=beta), 7)
    x = g.node("MatMul", [x, w1(g, [7, 5])])
    x = g.node("Add", [g.init([1, 5], reals(5, -1, 1)), x])
    return finish(g, x)


def constant_nodes():
    """No initialiser at all: every constant is a node."""
    g = net()
    made = []
    for name, (dims, data, kind) in g.inits.items():
        made.append(dict(op="Constant", ins=[], outs=[name], domain="", name="",
                         attrs=dict(value=(dims, data, kind)), intent=None, tie=False,
                         assumed=False))
    g.nodes[:0] = made
    g.inits.clear()
    return g


def identities():
    g = net()
    for node in list(g.nodes):
        for i, name in enumerate(node["ins"]):
            g.node("Identity", [g.node("Identity", [name])])
            new = [g.nodes.pop(), g.nodes.pop()][::-1]
            at = g.nodes.index(node)
            g.nodes[at:at] = new
            node["ins"][i] = new[1]["outs"][0]
    return finish(g, g.node("Identity", g.outputs))


def unnamed():
    g = net()
    for node in g.nodes:
        node["name"] = ""
    return g


def weights_of_bytes(g, dims):
    """Stored as 0 and 1, made to -1 and 1 in the graph."""
    bits = g.node("Cast", [g.init(dims, [int(s > 0) for s in signs(size(dims))], UINT8)], to=1)
    return g.node("Sub", [g.node("Mul", [bits, scalar(g, 2.0)]), scalar(g, 1.0)])


def weights_of_bools(g, dims):
    flags = g.init(dims, [s > 0 for s in signs(size(dims))], BOOL)
    return g.node("Where", [flags, scalar(g, 0.5), scalar(g, -0.5)])


def weights_from_tensorflow(g, dims):
    """Rows, columns, inputs, outputs; signed and turned round in the graph."""
    turned = g.init(dims[2:] + [dims[1], dims[0]], reals(size(dims), -1, 1))
    return g.node("Transpose", [s2(g, turned, 0)], perm=[3, 2, 0, 1])


def depthwise_multiplier():
    g = Graph(["N", C, H, W])
    x = s3(g, norm(g, g.node("Conv", ["x", w1(g, [4, C, 1, 1])]), 4, 300), 4)
    x = s3(g, norm(g, g.node("Conv", [x, w2(g, [12, 1, 3, 3])], group=4, pads=[1, 0, 1, 2]), 12,
                   3), 12)
    x = g.node("Flatten", [x])
    n = 12 * H * W
    return finish(g, g.node("Gemm", [x, w1(g, [4, n])], transB=1))


def grouped_first(**attrs):
    g = Graph(["N", C, H, W])
    x = s3(g, norm(g, g.node("Conv", ["x", w1(g, [6, 1, 3, 3])], group=C, **attrs), 6, 5), 6)
    x = g.node("Flatten", [g.node("GlobalMaxPool", [x])])
    return finish(g, g.node("MatMul", [x, w1(g, [6, 4])]))


def biased_conv(bias):
    g = Graph(["N", C, H, W])
    ins = ["x", w2(g, [4, C, 3, 3]), g.init([4], reals(4, -50, 50))]
    x = s3(g, g.node("Conv", ins), 4)
    ins = [x, w2(g, [5, 4, 2, 2]), g.init([5], reals(5, -1, 1))]
    x = s3(g, g.node("Conv", ins if bias else ins[:2], strides=[2, 1]), 5)
    x = g.node("Flatten", [x])
    n = 5 * 2 * (W - 3)
    return finish(g, g.node("MatMul", [x, w1(g, [n, 4])]))


def square_nhwc(last):
    """H = W = C: only the layout says whose the constants are."""
    g = Graph(["N", 4, 4, 3], 15)
    x = g.node("Transpose", ["x"], perm=[0, 3, 1, 2])
    x = g.node("Conv", [x, w1(g, [4, 3, 1, 1])])
    if last:
        x = g.node("Transpose", [x], perm=[0, 2, 3, 1])
    x = s2(g, g.node("Add", [x, g.init([4] if last else [4, 1, 1], reals(4, -200, 200))]), 4)
    if not last:
        x = g.node("Transpose", [x], perm=[0, 2, 3, 1])
    x = g.node("Reshape", [x, ints(g, 1, 64)])
    return finish(g, g.node("MatMul", [x, w1(g, [64, 4])]))


def nhwc_pad_pool():
    """TensorFlow: pad, pool and mean in NHWC, as tf2onnx leaves them."""
    g = Graph(["unk__1", H, W, C], 13)
    x = g.node("Transpose", ["x"], perm=[0, 3, 1, 2])
    x = g.node("Conv", [x, w1(g, [4, C, 3, 3])], auto_pad="SAME_UPPER", strides=[1, 1])
    x = g.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2], auto_pad="VALID")
    x = norm(g, x, 4, 1500)
    x = s2(g, g.node("Transpose", [x], perm=[0, 2, 3, 1]), 4)
    x = g.node("Pad", [x, ints(g, 0, 1, 2, 0, 0, 0, 1, 0), scalar(g, 1.0)], mode="constant")
    x = g.node("Transpose", [x], perm=[0, 3, 1, 2])
    x = g.node("Conv", [x, w1(g, [6, 4, 3, 3])])
    x = g.node("Transpose", [x], perm=[0, 2, 3, 1])
    x = g.node("ReduceMean", [x], axes=[1, 2], keepdims=0)
    return finish(g, g.node("Softmax", [g.node("Mul", [x, scalar(g, -0.25)])], axis=-1))


def flat_turned():
    """NCHW -> (N, C, H * W) -> (N, H * W, C) -> flat."""
    g = Graph(["N", C, H, W])
    x = s3(g, norm(g, g.node("Conv", ["x", w1(g, [4, C, 3, 3])]), 4, 1500), 4)
    n = (H - 2) * (W - 2)
    x = g.node("Transpose", [g.node("Reshape", [x, ints(g, 0, 4, -1)])], perm=[0, 2, 1])
    x = g.node("Flatten", [x], axis=-2)
    return finish(g, g.node("MatMul", [x, w1(g, [4 * n, 5])]))


def parts_of_shape():
    """torch.export: the batch alone is asked for, then joined with the rest."""
    g = Graph(["batch", C, H, W], 18)
    x = s3(g, norm(g, g.node("Conv", ["x", w1(g, [4, C, 3, 3])]), 4, 1500), 4)
    n = 4 * (H - 2) * (W - 2)
    parts = [g.node("Shape", [x], start=0, end=1), ints(g, 4), g.node("Shape", [x], start=-2)]
    x = g.node("Reshape", [x, g.node("Concat", parts, axis=0)])
    x = g.node("Reshape", [x, g.node("Concat", parts[:1] + [ints(g, n)], axis=0)])
    return finish(g, g.node("MatMul", [x, w1(g, [n, 5])]))


def flatten_after_pool(axes):
    g = Graph(["N", C, H, W])
    x = s3(g, norm(g, g.node("Conv", ["x", w1(g, [4, C, 3, 3])]), 4, 1500), 4)
    x = g.node("GlobalMaxPool", [g.node("Conv", [x, w1(g, [6, 4, 2, 2])])])
    x = s3(g, norm(g, x, 6, 5), 6)
    x = g.node("Squeeze", [x] + ([ints(g, *axes)] if axes else []))
    return finish(g, g.node("MatMul", [x, w1(g, [6, 5])]))


def nhwc_pad_first():
    """ZeroPadding2D in front of the first convolution: nothing else says the layout."""
    g = Graph(["unk__1", H, W, C], 13)
    x = g.node("Pad", ["x", ints(g, 0, 1, 1, 0, 0, 2, 1, 0)], mode="constant")
    x = g.node("Transpose", [x], perm=[0, 3, 1, 2])
    x = g.node("Conv", [x, w1(g, [4, C, 3, 3])])
    x = s2(g, norm(g, x, 4, 1500), 4)
    x = g.node("Reshape", [g.node("Transpose", [x], perm=[0, 2, 3, 1]),
                           ints(g, -1, 4 * (H + 1) * W)])
    return finish(g, g.node("MatMul", [x, w1(g, [4 * (H + 1) * W, 4])]))


def padded_point(last):
    """Pads round a map of one row, of one column, and of both: which axis is which?"""
    g = Graph(["N"] + ([1, 4, 3] if last else [3, 1, 4]))
    x = "x"
    for i, (n_in, n_out, pads) in enumerate(((3, 4, (1, 0, 2, 1)), (4, 5, (0, 1, 2, 0)),
                                             (5, 6, (1, 1, 1, 1)))):
        top, left, bottom, right = pads
        if i > 0:
            x = g.node("Pad", [x, ints(g, *([0, top, left, 0, 0, bottom, right, 0] if last else [
                0, 0, top, left, 0, 0, bottom, right])), scalar(g, -1.0)])
        x = g.node("Transpose", [x], perm=[0, 3, 1, 2]) if last else x
        x = g.node("Conv", [x, w1(g, [n_out, n_in, (1, 3, 3)[i], (4, 2, 3)[i]])])
        x = norm(g, x, n_out, 800 if i == 0 else 5)
        x = g.node("Transpose", [x], perm=[0, 2, 3, 1]) if last else x
        x = s3(g, x, n_out)
    return finish(g, g.node("MatMul", [g.node("Flatten", [x]), w1(g, [6, 4])]))


def concat_of_one():
    """A single channel beside others, first and last."""
    g = Graph(["N", 1, H, W])
    a = norm(g, g.node("Conv", ["x", w1(g, [1, 1, 3, 3])], pads=[1, 1, 1, 1]), 1, 500)
    b = norm(g, g.node("Conv", ["x", w1(g, [2, 1, 3, 3])], pads=[1, 1, 1, 1]), 2, 500)
    x = g.node("Concat", [s3(g, g.node("Concat", [a, b], axis=1), 3), s4(g, a, 1)], axis=-3)
    x = g.node("Flatten", [s3(g, norm(g, g.node("Conv", [x, w1(g, [3, 4, 2, 2])]), 3, 4), 3)])
    n = 3 * (H - 1) * (W - 1)
    return finish(g, g.node("MatMul", [x, w1(g, [n, 4])]))


# -- Real maps round a sign --

def two_readings():
    """One map binarised with zero up and with zero down, both read."""
    g = Graph(["N", C, H, W])
    x = g.node("Conv", ["x", w1(g, [4, C, 2, 2])])
    x = s3(g, norm(g, x, 4, 900), 4)
    x = g.node("Conv", [x, w1(g, [4, 4, 2, 2])])
    x = g.node("Concat", [s3(g, x, 4), s4(g, x, 4)], axis=1)
    x = g.node("Flatten", [x])
    n = 8 * (H - 2) * (W - 2)
    return finish(g, g.node("MatMul", [x, w1(g, [n, 5])]))


def sum_of_sign():
    """A real map plus its own sign; the sum's sign feeds a layer."""
    g = Graph(["N", C, H, W])
    x = norm(g, g.node("Conv", ["x", w1(g, [4, C, 3, 3])]), 4, 1500)
    y = g.node("Conv", [s3(g, x, 4), w1(g, [4, 4, 3, 3])], pads=[1, 1, 1, 1])
    y = g.node("Add", [norm(g, y, 4, 10), g.node("Mul", [s3(g, x, 4), scalar(g, 0.75)])])
    x = s3(g, y, 4)
    x = g.node("Flatten", [x])
    n = 4 * (H - 2) * (W - 2)
    return finish(g, g.node("MatMul", [x, w1(g, [n, 5])]))


def dense_block():
    """DenseNet as BMXNet and QuickNet have it: bits joined, and reals joined."""
    g = Graph(["N", C, H, W])
    x = norm(g, g.node("Conv", ["x", g.init([4, C, 3, 3], reals(36 * C, -1, 1))],
                       pads=[1, 1, 1, 1]), 4, 300)
    for n in (4, 7):
        y = g.node("Conv", [s3(g, norm(g, x, n, 1), n), w1(g, [3, n, 3, 3])], pads=[1, 1, 1, 1])
        x = g.node("Concat", [x, y], axis=1)
    x = g.node("MaxPool", [g.node("Relu", [norm(g, x, 10, 3)])], kernel_shape=[2, 2],
               strides=[2, 2])
    x = g.node("Conv", [x, g.init([5, 10, 1, 1], reals(50, -1, 1))])
    x = s3(g, norm(g, x, 5, 2), 5)
    n = 5 * (H // 2) * (W // 2)
    return finish(g, g.node("MatMul", [g.node("Flatten", [x]), w1(g, [n, 4])]))


def bits_of_reals(opset=13):
    """sign(integer sums) that a shortcut reads as well: zero occurs."""
    g = Graph(["N", C, H, W])
    x = s3(g, norm(g, g.node("Conv", ["x", w1(g, [4, C, 1, 1])]), 4, 300), 4)
    x = g.node("Conv", [x, w1(g, [4, 4, 3, 3])], pads=[1, 1, 1, 1])
    y = g.node("Conv", [s1(g, x, 4), w1(g, [4, 4, 3, 3])], pads=[1, 1, 1, 1])
    x = s1(g, g.node("Add", [x, y]), 4)
    x = g.node("Flatten", [x])
    n = 4 * H * W
    return finish(g, g.node("MatMul", [x, w1(g, [n, 5])]))


def two_branches():
    """Two layers on the same bits, their bits side by side, one of them pooled."""
    g = Graph(["N", C, H, W])
    x = s3(g, norm(g, g.node("Conv", ["x", w1(g, [4, C, 3, 3])]), 4, 1500), 4)
    a = s7(g, norm(g, g.node("Conv", [x, w1(g, [3, 4, 3, 3])], pads=[1, 1, 1, 1]), 3, 9), 3)
    b = g.node("MaxPool", [x], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    b = s3(g, norm(g, g.node("Conv", [b, w1(g, [2, 4, 1, 1])]), 2, 4), 2)
    x = g.node("Conv", [g.node("Concat", [a, b, x], axis=1), w1(g, [5, 9, 2, 2])])
    x = g.node("Flatten", [s3(g, norm(g, x, 5, 9), 5)])
    n = 5 * (H - 3) * (W - 3)
    return finish(g, g.node("MatMul", [x, w1(g, [n, 4])]))


def falling_prelu():
    """A slope below zero: not monotone, so the map stays real up to there."""
    return between(lambda g, x, c, s: norm(g, g.node("PRelu", [
        x, g.init([c, 1, 1], reals(c, -1, 1))]), c, s))


def pointwise_matmul():
    """NHWC rows times a matrix: a convolution of 1 x 1."""
    g = Graph(["N", H, W, C])
    x = g.node("MatMul", [g.node("Reshape", ["x", ints(g, -1, C)]), w1(g, [C, 5])])
    x = s3(g, norm(g, x, 5, 300), 5)
    x = g.node("Reshape", [x, ints(g, -1, H, W, 5)])
    x = g.node("MatMul", [x, w1(g, [5, 6])])
    x = s3(g, g.node("Sub", [x, g.init([6], reals(6, -2, 2))]), 6)
    x = g.node("Flatten", [x])
    return finish(g, g.node("MatMul", [x, w1(g, [6 * H * W, 4])]))


def turned_ties():
    """torch.sign and then times -1: at zero the other way round."""
    return net(lambda g, x, c: g.node("Mul", [s1(g, x, c), g.init([c, 1, 1], [
        1.0 - 2 * (i % 2) for i in range(c)])]), bn=lambda g, x, c, s: x)


# -- The picture --

def signed_picture(offsets, turned=False):
    """Pixels against a threshold of each colour, first of all."""
    g = Graph(["N", C, H, W])
    x = g.node("Sub", [g.init([C, 1, 1], offsets), "x"] if turned else
               ["x", g.init([C, 1, 1], offsets)])
    x = s3(g, x, C)
    x = s3(g, norm(g, g.node("Conv", [x, w1(g, [4, C, 3, 3])], pads=[1, 1, 1, 1]), 4, 9), 4)
    return finish(g, g.node("MatMul", [g.node("Flatten", [x]), w1(g, [4 * H * W, 5])]))


def without_batch():
    g = Graph([C, H, W])
    x = g.node("Unsqueeze", ["x", ints(g, 0)])
    x = s3(g, norm(g, g.node("Conv", [x, w1(g, [4, C, 3, 3])]), 4, 1500), 4)
    n = 4 * (H - 2) * (W - 2)
    return finish(g, g.node("MatMul", [g.node("Reshape", [x, ints(g, 1, n)]), w1(g, [n, 5])]))


def padded_picture():
    """tf2onnx of a convolution with explicit pads."""
    g = Graph(["N", C, H, W])
    x = g.node("Pad", ["x", ints(g, 0, 0, 1, 0, 0, 0, 2, 1)])
    x = s3(g, norm(g, g.node("Conv", [x, w1(g, [4, C, 3, 3])], strides=[2, 2]), 4, 1500), 4)
    return finish(g, g.node("MatMul", [g.node("Flatten", [x]), w1(g, [4 * 4 * 2, 5])]))


def pad_then_sign(sign):
    """Zeros round a map that then becomes bits: what the sign makes of 0."""
    g = Graph(["N", C, H, W])
    x = s3(g, norm(g, g.node("Conv", ["x", w1(g, [4, C, 3, 3])]), 4, 1500), 4)
    x = g.node("Conv", [x, w2(g, [5, 4, 2, 2]), g.init([5], reals(5, -0.2, 0.2))])
    x = sign(g, g.node("Pad", [x, ints(g, 0, 0, 1, 1, 0, 0, 1, 1)]), 5)
    x = s3(g, norm(g, g.node("Conv", [x, w1(g, [6, 5, 3, 3])]), 6, 9), 6)
    n = 6 * (H - 3) * (W - 3)
    return finish(g, g.node("MatMul", [g.node("Flatten", [x]), w1(g, [n, 5])]))


def sign_of_zero(g, x, c):
    """torch.sign: of what a Pad with 0 put there it is 0."""
    return g.node("Sign", [x])


def flat_norm():
    """Conv, Flatten, a norm of every position, sign."""
    g = Graph(["N", C, H, W])
    x = s3(g, norm(g, g.node("Conv", ["x", w1(g, [4, C, 3, 3])]), 4, 1500), 4)
    x = g.node("Flatten", [g.node("Conv", [x, w1(g, [3, 4, 3, 3])])])
    n = 3 * (H - 4) * (W - 4)
    return finish(g, g.node("MatMul", [s3(g, norm(g, x, n, 9), n), w1(g, [n, 4])]))


def thresholds(values, row, real=False):
    """A first layer of one row of weights, again and again, with these thresholds."""
    g = Graph(["N", H, W])
    n = len(values)
    spread = (0.5, 1.0, 1.5) if real else (1.0, 1.0, 1.0)  # of no weight to the sum
    weights = [w * spread[k % 3] for k, w in enumerate(row) for _ in range(n)]
    x = g.node("MatMul", [g.node("Flatten", ["x"]), g.init([H * W, n], weights)])
    x = s3(g, g.node("Sub", [x, g.init([n], values)]), n)
    return finish(g, g.node("MatMul", [x, w1(g, [n, 3])]))


def shared_relu():
    """Sign of a Relu that a shortcut reads as well: 0 and 1."""
    g = Graph(["N", C, H, W])
    x = g.node("Relu", [norm(g, g.node("Conv", ["x", w1(g, [4, C, 3, 3])]), 4, 1500)])
    y = g.node("Conv", [s1(g, x, 4), w1(g, [4, 4, 3, 3])], pads=[1, 1, 1, 1])
    x = g.node("GlobalMaxPool", [g.node("Add", [norm(g, y, 4, 9), x])])
    return finish(g, g.node("MatMul", [g.node("Flatten", [x]), g.init([4, 3], reals(12, -1, 1))]))


# -- Heads --

def two_outputs():
    g = dense_net()
    soft = g.node("Softmax", g.outputs, axis=1)
    g.outputs = [g.outputs[0], soft, g.node("ArgMax", [soft], axis=1, keepdims=0)]
    return g


def top_k():
    g = dense_net()
    logits = g.outputs[0]
    g.node("TopK", [logits, ints(g, 2)], axis=-1, n_out=2)
    g.outputs = list(g.nodes[-1]["outs"])
    return g


def apart():
    """Logits, and a hidden map beside them."""
    g = dense_net()
    g.outputs.append(g.nodes[1]["outs"][0])
    return g


def positives():
    for sign in (swapped_or_equal, not_less_or_equal, of_integers, integer_where, one_minus,
                 ones_like, halved, hardtanh_steps, around, negated_scale):
        case("spelt_" + sign.__name__, net(sign))
    for kind, name in ((BFLOAT16, "bfloat16"), (HALF, "half"), (DOUBLE, "double")):
        for raw in (True, False):
            case("%s_%s" % (name, "raw" if raw else "list"), net(raw=raw, weight=lambda g, dims: (
                g.init(dims, [0.375 * s for s in signs(size(dims))], kind))))
    for weight in (weights_of_bytes, weights_of_bools, weights_from_tensorflow):
        case(weight.__name__, net(weight=weight))
    case("average_bn", average_first(strides=[2, 2]))
    case("average_sign", average_first(False, strides=[2, 2]))
    case("average_pads", average_first(kernel=3, strides=[2, 2], pads=[1, 1, 1, 1]))
    case("average_pads_counted", average_first(kernel=3, strides=[2, 2], pads=[1, 1, 1, 1],
                                               count_include_pad=1))
    case("average_ceil", average_first(strides=[2, 2], ceil_mode=1))
    case("average_same", average_first(strides=[2, 2], auto_pad="SAME_UPPER"))
    case("average_global", global_average())
    case("average_reduce", global_average(True))
    case("two_pools", two_pools(False))
    case("two_pools_flip", two_pools(True))
    case("bn_outputs", batch_norm_outputs())
    for i, (trans, alpha, beta, bias) in enumerate((
            (True, 1.0, 1.0, [7]), (False, 1.0, 1.0, [1, 7]), (True, -0.5, 2.0, [7]),
            (False, 3.0, 0.0, [7]), (True, 2.0, -1.0, []), (True, 1.5, 1.0, [1]),
            (False, 1.0, 1.0, None))):
        case("gemm_%d" % i, gemm_net(trans, alpha, beta, bias), hwc=(H, W, 1))
    case("newer_fields", newer_fields())
    case("constant_nodes", constant_nodes())
    case("identities", identities())
    case("unnamed", unnamed())
    case("depthwise_multiplier", depthwise_multiplier())
    case("grouped_first", grouped_first(), range="signed")
    case("grouped_first_pads", grouped_first(pads=[1, 1, 1, 1]), range="signed")
    case("grouped_first_means", grouped_first(), range="1", mean=[0.4, 0.5, 0.45])
    case("biased_conv", biased_conv(True))
    case("w2_no_bias", biased_conv(False))
    for last in (True, False):
        case("square_%s" % last, square_nhwc(last), hwc=(4, 4, 3), layout="nhwc")
    case("nhwc_pad_pool", nhwc_pad_pool(), layout="nhwc")
    case("nhwc_pad_first", nhwc_pad_first(), layout="nhwc")
    cases[-1][2].pop("layout")  # it follows from the file
    for last in (False, True):
        case("padded_point_%s" % last, padded_point(last), hwc=(1, 4, 3),
             layout="nhwc" if last else "nchw")
    case("concat_of_one", concat_of_one(), hwc=(H, W, 1))
    case("flat_turned", flat_turned())
    case("parts_of_shape", parts_of_shape())
    case("squeeze_axes", flatten_after_pool([2, 3]))
    case("squeeze_negative", flatten_after_pool([-1, -2]))
    case("two_readings", two_readings())
    case("sum_of_sign", sum_of_sign())
    case("dense_block", dense_block())
    case("bits_of_reals", bits_of_reals())
    case("bits_of_reals_down", bits_of_reals(), ties=-1.0)
    case("turned_ties", turned_ties())
    case("turned_ties_down", turned_ties(), ties=-1.0)
    case("two_branches", two_branches())
    case("falling_prelu", falling_prelu())
    case("pointwise_matmul", pointwise_matmul(), layout="nhwc")
    case("picture_one_threshold", signed_picture([127.5] * 3))
    case("picture_thresholds", signed_picture([80.5, 127.5, 160.0]))
    case("picture_turned", signed_picture([80.5, 127.5, 160.0], True))
    case("without_batch", without_batch())
    case("padded_picture", padded_picture())
    for sign in (s2, s3, s4, sign_of_zero):
        case("pad_then_" + sign.__name__, pad_then_sign(sign))
    half = H * W // 2
    most = 255.0 * half
    row = [1.0] * half + [-1.0] * (H * W - half)
    for real in (False, True):
        case("reach_%s" % ("real" if real else "binary"), thresholds(
            [-most - 1, -most, -most + 1, 0.0, most, most + 1, 9e5], row, real), hwc=(H, W, 1))
    case("two_outputs", two_outputs(), hwc=(H, W, 1))
    case("top_k", top_k(), hwc=(H, W, 1))


def integer_halves(g, x, c):
    """Integer division: 1 / 2 is 0."""
    bit = g.node("Cast", [g.node("Greater", [x, scalar(g, 0.0)])], to=7)
    both = g.node("Sub", [g.node("Mul", [bit, ints(g, 6, dims=[])]), ints(g, 3, dims=[])])
    return g.node("Cast", [g.node("Div", [both, ints(g, 2, dims=[])])], to=1)


def negatives():
    refuse("shared_relu", "bnn_activation", shared_relu())
    refuse("integer_division", "onnx_operator", net(integer_halves))
    g = net(input_kind=UINT8)
    g.nodes[0]["ins"][0] = "wrapped"
    g.nodes.insert(0, dict(op="Sub", ins=["x", g.init([1], [128], UINT8)], outs=["wrapped"],
                           domain="", attrs={}, name="wraps"))
    refuse("integer_input", "onnx_operator", g)
    refuse("bytes_as_fractions", "input_contract", net(input_kind=UINT8), range="1")
    refuse("int8_input", "onnx_operator", net(input_kind=INT8))
    # Constants that fit by their length and belong to another axis.
    g = Graph(["N", 3, 4, 4])
    x = g.node("Conv", ["x", w1(g, [4, 3, 1, 1])])
    x = s3(g, g.node("Add", [x, g.init([4], reals(4, -200, 200))]), 4)
    finish(g, g.node("MatMul", [g.node("Flatten", [x]), w1(g, [64, 4])]))
    refuse("bias_of_columns", "bnn_tail", g)
    g = Graph(["N", 4, 4, 3])
    x = g.node("Conv", [g.node("Transpose", ["x"], perm=[0, 3, 1, 2]), w1(g, [4, 3, 1, 1])])
    x = s3(g, norm(g, g.node("Transpose", [x], perm=[0, 2, 3, 1]), 4, 200), 4)
    finish(g, g.node("MatMul", [g.node("Flatten", [x]), w1(g, [64, 4])]))
    refuse("norm_of_rows", "bnn_tail", g)
    g = Graph(["N", 4, 4, 4])
    x = s3(g, norm(g, g.node("Conv", ["x", w1(g, [4, 4, 1, 1])]), 4, 300), 4)
    finish(g, g.node("MatMul", [g.node("Flatten", [x]), w1(g, [64, 4])]))
    refuse("four_colours", "input_contract", g)
    for op in ("Sub", "Mul", "Div"):
        g = Graph(["N", C, H, W])
        x = norm(g, g.node("Conv", ["x", w1(g, [4, C, 3, 3])]), 4, 1500)
        y = norm(g, g.node("Conv", [s3(g, x, 4), w1(g, [4, 4, 3, 3])], pads=[1, 1, 1, 1]), 4, 9)
        x = g.node("GlobalMaxPool", [g.node(op, [y, x])])
        finish(g, g.node("MatMul", [g.node("Flatten", [x]), g.init([4, 3], reals(12, -1, 1))]))
        refuse("maps_" + op, "bnn_residual", g)
    # The shortcut of the first ResNet: every second place, zeros in channels.
    g = Graph(["N", C, H, W])
    x = norm(g, g.node("Conv", ["x", w1(g, [4, C, 1, 1])]), 4, 1500)
    y = norm(g, g.node("Conv", [s3(g, x, 4), w1(g, [8, 4, 3, 3])], pads=[1, 1, 1, 1],
                       strides=[2, 2]), 8, 9)
    short = g.node("Slice", [x, ints(g, 0, 0), ints(g, H, W), ints(g, 2, 3), ints(g, 2, 2)])
    short = g.node("Pad", [short, ints(g, 0, 2, 0, 0, 0, 2, 0, 0)])
    x = g.node("GlobalMaxPool", [g.node("Add", [y, short])])
    finish(g, g.node("MatMul", [g.node("Flatten", [x]), g.init([8, 3], reals(24, -1, 1))]))
    refuse("sliced_shortcut", "onnx_operator", g)
    refuse("channel_pads", "bnn_padding", net(lambda g, x, c: g.node("Pad", [
        s3(g, x, c), ints(g, 0, 1, 0, 0, 0, 0, 0, 0)])))
    refuse("cropping_pad", "bnn_padding", net(lambda g, x, c: g.node("Pad", [
        s3(g, x, c), ints(g, 0, 0, -1, 0, 0, 0, 1, 0)])))
    refuse("threshold_weights", "onnx_operator", net(weight=lambda g, dims: g.node(
        "MultiThreshold", [g.init(dims, reals(size(dims), -1, 1)), g.init([1, 1], [0.0])],
        domain="qonnx.custom_op.general", out_scale=2.0, out_bias=-1.0)))
    refuse("position_norm", "bnn_tail", flat_norm())
    refuse("scaled_inputs", "bnn_weight_not_binary", net(weight=lambda g, dims: g.node("Mul", [
        w1(g, dims), g.init([1, dims[1], 1, 1], reals(dims[1], 0.5, 1.5))])))
    refuse("left_constant", "onnx_operator", dense_net(head=lambda g, x: g.node("MatMul", [
        g.init([1, 1], [1.0]), x])))
    refuse("two_outputs", "onnx_operator", apart())
    refuse("softmax_within", "onnx_operator", dense_net(tail=lambda g, x: s3(g, g.node("Sub", [
        g.node("Softmax", [x]), scalar(g, 0.01)]), 70)))
    refuse("softmax_batch", "onnx_operator", dense_net(head=lambda g, x: g.node(
        "Softmax", [x], axis=0)))
    refuse("arg_max_batch", "onnx_operator", dense_net(head=lambda g, x: g.node("ArgMax", [x])))
    refuse("half_arithmetic", "onnx_operator", net(bn=lambda g, x, c, s: norm(g, g.node(
        "Cast", [x], to=10), c, s)))
    g = dense_net()
    g.graph_extra = blob(11, value_info("second", ["N", 3]))
    refuse("two_inputs", "onnx_shape", g)
    refuse("transposed_batch", "onnx_operator", dense_net(head=lambda g, x: g.node("Gemm", [
        x, g.init([5, 5], signs(25))], transA=1)))
