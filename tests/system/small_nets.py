# SPDX-License-Identifier: Apache-2.0
"""Small binarized networks made up for a test: as ONNX files, and as sums to check by.

A picture's pixels, 0..255, times signs; minus a threshold that is no sum, times +-1; the
sign; times signs: the logits, which are integers."""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from onnx_writer import Graph  # noqa: E402


class SmallNet:
    def __init__(self, seed, dims=(1, 4, 4), hidden=8, classes=3):
        rng = random.Random(seed)
        self.dims, self.classes = dims, classes
        self.n_in = dims[0] * dims[1] * dims[2]

        def signs(n):
            return [rng.choice((1.0, -1.0)) for _ in range(n)]
        self.first = [signs(self.n_in) for _ in range(hidden)]
        self.last = [signs(hidden) for _ in range(classes)]
        self.mean = [rng.randrange(-300, 300) + 0.5 for _ in range(hidden)]
        self.scale = signs(hidden)
        self.cells = hidden * (self.n_in + classes)

    def graph(self, flat=False):
        """flat: the file has the picture as one row of numbers."""
        g = Graph(["N", self.n_in] if flat else ["N"] + list(self.dims))
        x = "x" if flat else g.node("Flatten", ["x"], axis=1)
        hidden = len(self.first)
        x = self._dense(g, x, self.first)
        x = g.node("Mul", [g.node("Sub", [x, g.init([hidden], self.mean)]),
                           g.init([hidden], self.scale)])
        x = g.node("Sign", [g.node("Add", [g.node("Sign", [x]), g.init([], [0.1])])])
        g.outputs = [self._dense(g, x, self.last)]
        return g

    @staticmethod
    def _dense(g, x, rows):
        columns = [row[i] for i in range(len(rows[0])) for row in rows]
        return g.node("MatMul", [x, g.init([len(rows[0]), len(rows)], columns)])

    def onnx(self, flat=False):
        return self.graph(flat).write()

    def logits(self, values):
        """Of a picture's numbers as the network takes them, in its own order."""
        bits = [1 if (sum(w * v for w, v in zip(row, values)) - mean) * scale >= 0 else -1
                for row, mean, scale in zip(self.first, self.mean, self.scale)]
        return [sum(w * b for w, b in zip(row, bits)) for row in self.last]

    def picture(self, seed):
        return random.Random(seed).randbytes(self.n_in)


def conv_net(seed=5, channels=3, side=(4, 5)):
    """A real file's shape: a convolution, whose place in the file says the layout."""
    rng = random.Random(seed)
    g = Graph(["N", channels] + list(side))
    n = 2 * channels * 9
    x = g.node("Conv", ["x", g.init([2, channels, 3, 3],
                                    [rng.choice((1.0, -1.0)) for _ in range(n)])])
    x = g.node("Sub", [x, g.init([], [0.5])])
    x = g.node("Flatten", [g.node("Sign", [x])], axis=1)
    n = 2 * (side[0] - 2) * (side[1] - 2)
    g.outputs = [g.node("MatMul", [x, g.init([n, 3], [rng.choice((1.0, -1.0))
                                                      for _ in range(3 * n)])])]
    return g


def logits_of(result, classes):
    """Of an answer's scores, by class."""
    by_class = {s["class"]: s["logit"] for s in result["scores"]}
    return [by_class[c] for c in range(classes)]
