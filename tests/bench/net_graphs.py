# SPDX-License-Identifier: Apache-2.0
"""Makes the networks that bench_net.py compares, as ONNX files, with pictures for each:
net_graphs.py FOLDER.

Weights are random, from a fixed seed. Both sides must compute the same logits although
they sum in different orders and one of them folds normalisations into weights. So every
number that goes into a sum is a small multiple of a power of two, all sums are exact in
single precision whatever the order, and nothing that is binarised can be zero. For that
the real-valued weights of the ResNet are mostly zero; neither side looks for zeros.
"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from onnx_reference import f32, size  # noqa: E402
from onnx_writer import INT8, UINT8, Graph  # noqa: E402

N_PICTURES = 64
EPSILON = 2.0 ** -10
VGG = (128, 128, "P", 256, 256, "P", 512, 512, "P")
VGG_DENSE = (1024, 1024, 10)
MLP = (784, 1024, 1024, 10)
STAGES = (64, 128, 256, 512)

rng = random.Random(20261126)


def signs(n):
    """n numbers of +-1 in single precision, as bytes."""
    data = bytearray(4 * n)
    data[2::4] = b"\x80" * n
    data[3::4] = rng.randbytes(n).translate(bytes([0x3F] * 128 + [0xBF] * 128))
    return bytes(data)


def odd(spread):
    return float(2 * rng.randint(-spread // 2, spread // 2) + 1)


def norm(g, x, mean, scale):
    """(x - mean) * +-scale, in a form whose every step is exact: scale is a power of two,
    the deviation 1. mean: a list, one number a channel."""
    c = len(mean)
    ins = [x, g.init([c], [rng.choice((1.0, -1.0)) * scale for _ in mean]),
           g.init([c], [0.0] * c), g.init([c], mean), g.init([c], [1.0 - EPSILON] * c)]
    return g.node("BatchNormalization", ins, epsilon=EPSILON)


def sum_norm(g, x, n_out, fan_in, scale=2.0 ** -5):
    """Sums of evenly many +-1 are even, so an odd mean leaves no zero."""
    spread = int(fan_in ** 0.5) // 2
    return norm(g, x, [odd(spread) for _ in range(n_out)], scale)


def logits(g, x, n):
    g.outputs, g.output_dims = [x], ["N", n]
    return g


def dense_tail(g, x, sizes):
    """Binary layers, the last one with a scale and a bias."""
    for n_in, n_out in zip(sizes, sizes[1:]):
        x = g.node("MatMul", [x, g.init([n_in, n_out], signs(n_in * n_out))])
        x = sum_norm(g, x, n_out, n_in)
        if n_out != sizes[-1]:
            x = g.node("Sign", [x])
    return logits(g, x, sizes[-1])


def mlp():
    g = Graph(["N", 1, 28, 28])
    x = g.node("Sign", [g.node("Sub", ["x", g.init([], [127.5])])])
    return dense_tail(g, g.node("Flatten", [x]), MLP)


def pixel_means(weights, n_in, unit=1.0):
    """About what noise of 0..255 gives on average; never a sum that there can be, which
    are multiples of `unit`."""
    rows = [weights[i:i + n_in] for i in range(0, len(weights), n_in)]
    return [unit * (int(127.5 * sum(row) / unit + rng.uniform(-100, 100)) + 0.5)
            for row in rows]


def vgg():
    g = Graph(["N", 3, 32, 32])
    x, n_in = "x", 3
    for i, n_out in enumerate(VGG):
        if n_out == "P":
            continue
        dims = [n_out, n_in, 3, 3]
        first = [rng.choice((1.0, -1.0)) for _ in range(size(dims))] if i == 0 else None
        x = g.node("Conv", [x, g.init(dims, first or signs(size(dims)))], pads=[1, 1, 1, 1])
        if first:
            x = norm(g, x, pixel_means(first, 27), 2.0 ** -9)
        else:
            x = sum_norm(g, x, n_out, 9 * n_in)
        if VGG[i + 1] == "P":
            x = g.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
        x, n_in = g.node("Sign", [x]), n_out
    return dense_tail(g, g.node("Flatten", [x]), (16 * n_in,) + VGG_DENSE)


def few(n, unit):
    """n real weights of +-1 or +-2 units, seven in eight of them zero."""
    return [rng.choice((-2.0, -1.0, 1.0, 2.0)) * unit if rng.randrange(8) == 0 else 0.0
            for _ in range(n)]


def shortcut(g, x, n_in, n_out, step, unit, scale):
    """A strided 1x1 convolution. All of x are odd multiples of `step`; so is the result,
    of step * unit * scale."""
    weights = few(n_out * n_in, unit)
    x = g.node("Conv", [x, g.init([n_out, n_in, 1, 1], weights)], strides=[2, 2])
    means = []
    for j in range(n_out):
        n_odd = sum(abs(w) == unit for w in weights[j * n_in:(j + 1) * n_in])
        means.append(step * unit * (rng.randint(-9, 9) * 2 + 1 - n_odd % 2))
    return norm(g, x, means, scale), step * unit * scale


def resnet18():
    g = Graph(["N", 3, 224, 224])
    dims = [64, 3, 7, 7]
    weights = few(size(dims), 0.25)
    x = g.node("Conv", ["x", g.init(dims, weights)], strides=[2, 2], pads=[3, 3, 3, 3])
    x = norm(g, x, pixel_means(weights, 147, 0.25), 2.0 ** -7)
    x = g.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    step, n_in = 2.0 ** -10, 64
    units = iter(((2.0 ** -2, 1.0), (2.0 ** -2, 2.0 ** -1), (2.0 ** -3, 1.0)))
    for n_out in STAGES:
        for _ in range(4):
            stride = n_out // n_in
            y = g.node("Conv", [g.node("Sign", [x]), g.init(
                [n_out, n_in, 3, 3], signs(9 * n_in * n_out))],
                pads=[1, 1, 1, 1], strides=[stride, stride])
            y = sum_norm(g, y, n_out, 9 * n_in)
            if stride == 2:
                x, step = shortcut(g, x, n_in, n_out, step, *next(units))
            x, n_in = g.node("Add", [y, x]), n_out
    x = g.node("Flatten", [g.node("GlobalAveragePool", [x])])
    last = [f32(rng.uniform(-0.1, 0.1)) for _ in range(512 * 1000)]
    bias = [f32(rng.uniform(-0.1, 0.1)) for _ in range(1000)]
    return logits(g, g.node("Gemm", [x, g.init([1000, 512], last), g.init([1000], bias)],
                            transB=1), 1000)


# -- Eight bits, for time alone: bytes as activations, cut off at 0 as by a ReLU --

def quantised(g, op, x, dims, **attrs):
    scale = g.init([], [2.0 ** -6])
    zero, zero8 = g.init([], [0], UINT8), g.init([], [0], INT8)
    return g.node(op, [x, scale, zero, g.init(dims, rng.randbytes(size(dims)), INT8), scale,
                       zero8, scale, zero], **attrs)


def quantised_tail(g, x, sizes):
    for n_in, n_out in zip(sizes, sizes[1:]):
        x = quantised(g, "QLinearMatMul", x, [n_in, n_out])
    x = g.node("DequantizeLinear", [x, g.init([], [1.0]), g.init([], [0], UINT8)])
    return logits(g, x, sizes[-1])


def mlp_int8():
    g = Graph(["N", 1, 28, 28], input_kind=UINT8)
    return quantised_tail(g, g.node("Flatten", ["x"]), MLP)


def vgg_int8():
    g = Graph(["N", 3, 32, 32], input_kind=UINT8)
    x, n_in = "x", 3
    for n_out in VGG:
        if n_out == "P":
            x = g.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
            continue
        x = quantised(g, "QLinearConv", x, [n_out, n_in, 3, 3], pads=[1, 1, 1, 1])
        n_in = n_out
    return quantised_tail(g, g.node("Flatten", [x]), (16 * n_in,) + VGG_DENSE)


def identity():
    """What a call costs that computes nothing."""
    g = Graph(["N", 1, 28, 28])
    g.outputs, g.output_dims = [g.node("Identity", ["x"])], g.input_dims
    return g


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for make in (mlp, vgg, resnet18, mlp_int8, vgg_int8, identity):
        with open(os.path.join(folder, make.__name__ + ".onnx"), "wb") as f:
            f.write(make().write())
    # Row, column, channel, one byte each.
    for name, n in (("mlp", 28 * 28), ("vgg", 32 * 32 * 3), ("resnet18", 224 * 224 * 3)):
        with open(os.path.join(folder, name + ".pictures"), "wb") as f:
            f.write(rng.randbytes(N_PICTURES * n))


if __name__ == "__main__":
    main()
