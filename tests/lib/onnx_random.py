# SPDX-License-Identifier: Apache-2.0
"""Random graphs for onnx_suite.py: what exporters write, in every order that still is a
binarized network."""
import onnx_graphs
from onnx_exporters import (halved, integer_where, not_less_or_equal, of_integers, one_minus,
                            ones_like, swapped_or_equal)
from onnx_graphs import (case, norm, reals, s1, s2, s3, s4, s5, s5_not, s6, s7, s9, s10, scalar,
                         signs, w1, w2, w3, w4, w5, w7, w8)
from onnx_reference import size
from onnx_writer import INT64, Graph

SIGNS = (s1, s2, s3, s4, s5, s5_not, s6, s7, s9, s10, halved, integer_where, not_less_or_equal,
         of_integers, one_minus, ones_like, swapped_or_equal)
WEIGHTS = (w1, w1, w2, w3, w4, w5, w7, w8)


class Maker:
    """A graph that grows: `x` is the last map, c x h x w, in NCHW or, `last`, in NHWC."""

    def __init__(self, rng):
        self.rng = rng
        self.last = rng.random() < 0.4
        self.c, self.h, self.w = rng.choice((1, 3)), rng.randrange(4, 8), rng.randrange(4, 8)
        self.hwc = (self.h, self.w, self.c)
        dims = [self.h, self.w, self.c] if self.last else [self.c, self.h, self.w]
        self.g = Graph([rng.choice(("N", 1, 8))] + dims, rng.choice((13, 15, 17)))
        self.x, self.spread, self.binary = "x", 255, False

    def chance(self, p):
        return self.rng.random() < p

    def node(self, op, *ins, **attrs):
        self.x = self.g.node(op, [self.x] + list(ins), **attrs)

    def ints(self, *values):
        return self.g.init([len(values)], values, INT64)

    def per_channel(self, low, high):
        dims = [self.c] if self.last else [self.c, 1, 1]
        return self.g.init(self.rng.choice((dims, [1] * (4 - len(dims)) + dims)),
                           reals(self.c, low, high))

    def as_nchw(self, op, *ins, **attrs):
        """An operator that wants channels second."""
        if self.last:
            self.node("Transpose", perm=[0, 3, 1, 2])
        self.node(op, *ins, **attrs)
        if self.last:
            self.node("Transpose", perm=[0, 2, 3, 1])

    def window(self, kernel, pool=None):
        """Attributes of one that fits, and the sides that it leaves."""
        rng = self.rng
        a = dict(strides=[rng.choice((1, 1, 2)) for _ in range(2)])
        pads, dilation, kind = [0] * 4, [1, 1], rng.randrange(5)
        if pool:
            a["kernel_shape"] = kernel
        if kind == 0:
            a["auto_pad"] = rng.choice(("SAME_UPPER", "SAME_LOWER"))
            return a, *((n + s - 1) // s for n, s in zip((self.h, self.w), a["strides"]))
        if kind == 1:
            a["pads"] = pads = [rng.randrange(k) for k in kernel + kernel]
        elif kind == 2 and pool != "AveragePool":
            a["dilations"] = dilation = [rng.choice((1, 2)) for _ in range(2)]
        elif kind == 3 and pool:
            a["ceil_mode"] = 1
        sides = []
        for i, (n, s) in enumerate(zip((self.h, self.w), a["strides"])):
            free = n + pads[i] + pads[i + 2] - dilation[i] * (kernel[i] - 1) - 1
            more = "ceil_mode" in a and free % s > 0 and (free // s + 1) * s < n
            sides.append(free // s + 1 + more if free >= 0 else 0)
        return a, *sides

    def pad(self, value):
        """A Pad of its own in front of a convolution."""
        top, left, bottom, right = (self.rng.randrange(2) for _ in range(4))
        pads = [0, top, left, 0, 0, bottom, right, 0] if self.last else \
            [0, 0, top, left, 0, 0, bottom, right]
        self.node("Pad", self.ints(*pads), scalar(self.g, value), mode="constant")
        self.h, self.w = self.h + top + bottom, self.w + left + right

    def conv(self, bits, real=False):
        rng = self.rng
        # A pad of one row could be one of a single channel, for all that the file says.
        if bits and (self.c > 1 or min(self.h, self.w) > 1) and self.chance(0.3):
            self.pad(rng.choice((-1.0, 1.0, 0.0)))
            own = False
        else:
            own = True
        while True:
            kernel = [rng.randrange(1, 4), rng.randrange(1, 4)]
            a, h, w = self.window(kernel)
            if h < 1 or w < 1 or (not own and ("pads" in a or "auto_pad" in a)):
                continue
            break
        group = rng.choice([n for n in (1, 1, 2, self.c) if self.c % n == 0])
        n_out = group * rng.randrange(1, 5)
        dims = [n_out, self.c // group] + kernel
        if real:
            weight = self.g.init(dims, reals(size(dims), -1, 1))
        else:
            weight, self.binary = rng.choice(WEIGHTS)(self.g, dims), True
        ins = [weight]
        self.spread *= max(2, size(dims[1:])) ** 0.5
        if self.chance(0.3):
            ins.append(self.g.init([n_out], reals(n_out, -self.spread / 4, self.spread / 4)))
        self.as_nchw("Conv", *ins, group=group, **a)
        self.c, self.h, self.w = n_out, h, w

    def norm(self):
        if self.last:
            self.node("Transpose", perm=[0, 3, 1, 2])
        self.x = norm(self.g, self.x, self.c, max(self.spread, 0.1))
        if self.last:
            self.node("Transpose", perm=[0, 2, 3, 1])
        self.spread = 2

    def pool(self, op="MaxPool"):
        while True:
            a, h, w = self.window([self.rng.randrange(1, 4), self.rng.randrange(1, 4)], op)
            if h >= 1 and w >= 1:
                break
        if op == "AveragePool" and "ceil_mode" not in a and self.chance(0.3):
            a["count_include_pad"] = 1
        self.as_nchw(op, **a)
        self.h, self.w = h, w

    def tail(self, real):
        """What may stand between a sum and its sign."""
        steps = ["mul", "add", "norm", "relu", "leaky", "clip", "pool", "rsub", "div"]
        if real:
            steps += ["average", "prelu"]
        relu = False
        for step in self.rng.sample(steps, self.rng.randrange(4)):
            if step == "mul":
                self.node("Mul", self.per_channel(-2, 2))
            elif step == "div":
                self.node("Div", self.per_channel(0.5, 2))
            elif step == "add":
                self.node("Add", self.per_channel(-self.spread / 4, self.spread / 4))
            elif step == "rsub":
                self.x = self.g.node("Sub", [self.per_channel(-self.spread / 4, self.spread / 4),
                                             self.x])
            elif step == "norm":
                self.norm()
            elif step == "relu":
                self.node("Relu")
            elif step == "leaky":
                self.node("LeakyRelu", alpha=0.125)
            elif step == "prelu":
                self.node("PRelu", self.per_channel(-1, 1))
            elif step == "clip":
                self.node("Clip", scalar(self.g, -1.0 - self.spread), scalar(self.g, self.spread))
            else:
                self.pool("MaxPool" if step == "pool" else "AveragePool")
            relu = step in ("relu", "prelu") or relu and step in (
                "mul", "pool", "average", "leaky", "clip", "div")
        if relu or self.chance(0.3):  # the sign of a Relu would be 0 and 1
            self.norm()

    def sign(self):
        self.x = self.rng.choice(SIGNS)(self.g, self.x, self.c)
        if self.chance(0.1) and not self.last:
            self.node("Mul", self.g.init([self.c, 1, 1], signs(self.c)))
        self.spread = 1

    def block(self):
        """Bits to bits through one layer; now and then with a shortcut."""
        before, shape = self.x, (self.c, self.h, self.w)
        kind = self.rng.randrange(6)
        if kind == 0:
            self.pool()
            return
        self.conv(True)
        real = kind < 3
        self.tail(real)
        if real and shape == (self.c, self.h, self.w):
            self.node("Add", before)
        elif real and kind == 1 and shape[1:] == (self.h, self.w):
            self.norm()
            self.x = self.g.node("Concat", [self.x, before], axis=3 if self.last else 1)
            self.c += shape[0]
        self.sign()

    def first(self):
        if self.chance(0.2):
            self.node("Sub", scalar(self.g, 127.5))
            self.sign()
            return
        if self.chance(0.3):
            self.node("Div", scalar(self.g, 255.0))
            self.spread = 1
        if self.chance(0.3):
            self.node("Sub", self.per_channel(0, self.spread))
        real = self.chance(0.3)
        self.conv(False, real)
        self.tail(True)
        self.norm()
        self.sign()

    def dense(self, n_out, bits):
        rng, n = self.rng, self.c * self.h * self.w
        real = not bits and self.binary and self.chance(0.3)
        ins = [self.g.init([n, n_out], reals(n * n_out, -1, 1)) if real else
               w1(self.g, [n, n_out])]
        self.binary = True
        if self.chance(0.5):
            self.node("MatMul", *ins)
        else:
            ins[0] = self.g.node("Transpose", ins, perm=[1, 0])
            self.node("Gemm", ins[0], *([self.g.init([n_out], reals(n_out, -2, 2))]
                                       if self.chance(0.5) else []),
                      transB=1, alpha=rng.choice((1.0, -0.5, 2.0)))
        self.c, self.h, self.w, self.last, self.spread = n_out, 1, 1, True, n ** 0.5

    def flatten(self):
        n, how = self.c * self.h * self.w, self.rng.randrange(3)
        if how == 0:
            self.node("Flatten", axis=self.rng.choice((1, -3)))
        elif how == 1:
            self.node("Reshape", self.ints(self.rng.choice((-1, 1)) if self.g.input_dims[0] != 8
                                           else -1, n))
        elif self.last:
            self.node("Reshape", self.ints(0, -1, self.w * self.c))
            self.node("Flatten", axis=1)
        else:
            self.node("Reshape", self.ints(0, self.c, -1))
            self.node("Flatten", axis=1)

    def finish(self):
        self.flatten()
        if self.chance(0.5):
            self.dense(self.rng.randrange(2, 9), True)
            self.x = norm(self.g, self.x, self.c, self.spread)
            self.x = self.rng.choice((s1, s2, s3, s4, s6, s7))(self.g, self.x, self.c)
        self.dense(5, False)
        if self.chance(0.3):
            self.node("Softmax", axis=-1)
        self.g.outputs = [self.x]
        return self.g


def positives(n=40):
    rng = onnx_graphs.rng
    for i in range(n):
        m = Maker(rng)
        m.first()
        for _ in range(rng.randrange(3)):
            m.block()
        g = m.finish()
        options = dict(layout="nhwc") if g.input_dims[1:] == list(m.hwc) else {}
        case("random_%d" % i, g, ties=rng.choice((1.0, -1.0)), hwc=m.hwc, **options)


def negatives():
    """None: what cannot be proved is written down one by one."""
