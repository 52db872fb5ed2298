#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Networks as PyTorch exports them, served and compared with PyTorch's own logits.

  tests/system/torch_exports.py [ROTATION]

Needs python3-torch. Every opset meets every way to write a sign; weights, families of
networks and options of the export rotate through them. $SPINBNND is a built daemon
(build/release/spinbnnd)."""
import io
import os
import random
import sys
import warnings

if __name__ == "__main__":
    os.environ.setdefault("SPINBNND", "build/release/spinbnnd")
    os.environ.setdefault("SPINBNN", "build/release/spinbnn")

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from small_nets import logits_of  # noqa: E402
from spinbnn_system import Daemon  # noqa: E402


# -- Signs --

class SignFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.sign(x)

    @staticmethod
    def symbolic(g, x):
        return g.op("Sign", x)


def function(x):
    return SignFunction.apply(x)


def ones_like(x):
    return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))


def of_scalars(x):
    return torch.where(x > 0, torch.tensor(1.0), torch.tensor(-1.0))


def of_bool(x):
    return (x >= 0).float() * 2 - 1


def of_type(x):
    return (x > 0).type(torch.float32).mul(2).sub(1)


def straight_through(x):
    p = torch.clamp(x, -1, 1)
    return torch.sign(x).detach() - p.detach() + p


def residue(x):
    p = F.hardtanh(x)
    return (of_bool(x) - p).detach() + p


def polynomial(x):
    """Bi-Real and ReActNet."""
    ones = [(x < t).type(torch.float32) for t in (-1, 0, 1)]
    p = -1 * ones[0] + (x * x + 2 * x) * (1 - ones[0])
    p = p * ones[1] + (-x * x + 2 * x) * (1 - ones[1])
    p = p * ones[2] + 1 * (1 - ones[2])
    return torch.sign(x).detach() - p.detach() + p


def nudged(x):
    return torch.sign(torch.sign(x) + 0.01)


def behind_clip(x):
    return torch.sign(F.hardtanh(x))


SIGNS = (torch.sign, function, ones_like, of_scalars, of_bool, of_type, straight_through, residue,
         polynomial, nudged, behind_clip)


# -- Weights --

def magnitude(w):
    return w.abs().mean(dim=list(range(1, w.dim())), keepdim=True)


def scaled(w):
    return torch.sign(w) * magnitude(w)


def scaled_through(w):
    p = torch.clamp(w, -1, 1)
    return (magnitude(w) * torch.sign(w)).detach() - p.detach() + p


def scaled_alike(w):
    return torch.sign(w) * w.abs().mean()


WEIGHTS = (torch.sign, scaled, scaled_through, ones_like, scaled_alike)


class Conv(nn.Module):
    """pad_value None: the convolution's own zeros."""

    def __init__(self, weight, *sizes, pad=0, pad_value=None, **options):
        super().__init__()
        options.setdefault("bias", False)
        self.conv, self.weight = nn.Conv2d(*sizes, **options), weight
        self.pad, self.pad_value = pad, pad_value

    def forward(self, x):
        c, pad = self.conv, self.pad
        if self.pad_value is not None:
            x, pad = F.pad(x, (pad,) * 4, value=self.pad_value), 0
        return F.conv2d(x, self.weight(c.weight), c.bias, c.stride, pad, 1, c.groups)


class Dense(nn.Module):
    def __init__(self, weight, n_in, n_out, bias=False):
        super().__init__()
        self.linear, self.weight = nn.Linear(n_in, n_out, bias), weight

    def forward(self, x):
        return F.linear(x, self.weight(self.linear.weight), self.linear.bias)


def norm(c, spread, flat=False):
    """Of sums of about +-spread, as if trained; half of the scales are negative."""
    made = (nn.BatchNorm1d if flat else nn.BatchNorm2d)(c)
    made.weight.data, made.bias.data = torch.randn(c), torch.randn(c) * 0.3
    made.running_mean = torch.randn(c) * spread / 4
    made.running_var = (torch.rand(c) / 5 + 0.05) * spread * spread
    return made


class Call(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(x)


# -- Networks, of pictures of 8 x 7 RGB --

def dense(sign, weight, turn):
    return nn.Sequential(
        nn.Flatten(), Dense(torch.sign, 168, 40), norm(40, 1500, True), Call(sign),
        nn.Dropout(0.2), Dense(weight, 40, 30, bias=True), norm(30, 4, True), Call(sign),
        Dense(torch.sign, 30, 5), norm(5, 6, True))


class Vgg(nn.Module):
    """turn: real or binary first; where the pool stands; which padding."""

    def __init__(self, sign, weight, turn):
        super().__init__()
        self.sign, self.turn, w = sign, turn % 4, weight
        real = turn % 2 == 0
        self.first = nn.Conv2d(3, 8, 3, padding=1) if real else Conv(torch.sign, 3, 8, 3, pad=1)
        self.norm1 = norm(8, 400 if real else 900)
        self.conv2 = Conv(w, 8, 12, 3, pad=1, pad_value=(None, -1.0, 1.0, 0.0)[turn // 2 % 4])
        self.conv3 = Conv(w, 12, 10, 3, groups=2)
        self.norm2, self.norm3 = norm(12, 4), norm(10, 3)
        self.pool, self.mean = nn.MaxPool2d(2), nn.AvgPool2d(2)
        self.dense, self.norm4 = Dense(w, 20, 16, bias=True), norm(16, 2, True)
        self.last = nn.Linear(16, 5)

    def forward(self, x):
        x = self.conv2(self.sign(F.hardtanh(self.norm1(self.first(x)))))
        if self.turn == 0:
            x = self.sign(self.norm2(self.pool(x)))
        elif self.turn == 1:
            x = self.sign(self.pool(self.norm2(x)))
        elif self.turn == 2:
            x = self.sign(self.norm2(self.mean(F.relu(x))))
        else:
            x = self.pool(self.sign(self.norm2(x)))
        x = self.sign(self.norm3(self.conv3(x)))
        x = self.sign(self.norm4(self.dense(x.view(x.size(0), -1))))
        return F.log_softmax(self.last(x), dim=1) if self.turn == 3 else self.last(x)


class Shift(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.by = nn.Parameter(torch.randn(1, c, 1, 1) * 0.2)

    def forward(self, x):
        return x + self.by.expand_as(x)


class Block(nn.Module):
    """Of Bi-Real; with `bent` of ReActNet."""

    def __init__(self, sign, weight, n_in, n_out, stride, bent):
        super().__init__()
        self.binary = nn.Sequential(Shift(n_in), Call(sign), Conv(
            weight, n_in, n_out, 3, pad=1, stride=stride), norm(n_out, 4))
        self.short = nn.Sequential() if n_in == n_out else nn.Sequential(
            nn.AvgPool2d(2, stride), nn.Conv2d(n_in, n_out, 1, bias=False), norm(n_out, 1))
        self.bend = nn.Sequential(Shift(n_out), nn.PReLU(n_out), Shift(n_out)) if bent else \
            nn.Sequential()

    def forward(self, x):
        return self.bend(self.binary(x) + self.short(x))


class Residual(nn.Module):
    def __init__(self, sign, weight, turn):
        super().__init__()
        bent = turn % 2 == 0
        self.map = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=(1, 2), bias=False), norm(8, 300),
            nn.MaxPool2d(2), Block(sign, weight, 8, 8, 1, bent),
            Block(sign, weight, 8, 16, 2, bent), Block(sign, weight, 16, 16, 1, bent))
        self.turn, self.last = turn % 2, nn.Linear(16, 5)

    def forward(self, x):
        x = self.map(x)
        return self.last(x.mean([2, 3]) if self.turn else torch.flatten(
            F.adaptive_avg_pool2d(x, 1), 1))


def convolutional(sign, weight, turn):
    return nn.Sequential(
        Conv(torch.sign, 3, 8, 3), norm(8, 1000), Call(sign),
        Conv(weight, 8, 8, 3, pad=1, groups=8), norm(8, 2), nn.LeakyReLU(0.1), Call(sign),
        Conv(weight, 8, 6, 1, bias=True), nn.MaxPool2d(3, 2, 1), norm(6, 2), nn.ReLU(),
        norm(6, 1), Call(sign), Conv(weight, 6, 5, (2, 1)), nn.AdaptiveAvgPool2d(1), nn.Flatten())


FAMILIES = (dense, Vgg, Residual, convolutional)


# -- The comparison --

def compare(daemon, net, opset, turn, rng):
    """Whether the daemon's logits are PyTorch's; what it said if it takes no such network."""
    file = io.BytesIO()
    torch.onnx.export(net, torch.zeros(1, 3, 8, 7), file, opset_version=opset,
                      dynamic_axes={"x": {0: "batch"}} if turn % 2 else None,
                      do_constant_folding=turn % 3 > 0, input_names=["x"])
    answer = daemon.ask("PUT", "/api/v1/models/net?range=0..255&layout=nchw", file.getvalue())
    if answer.status not in (200, 201):
        return answer.json()["detail"]
    for _ in range(3):
        pixels = rng.randbytes(168)
        x = torch.tensor(list(pixels), dtype=torch.float32).reshape(1, 8, 7, 3)
        with torch.no_grad():
            want = net(x.permute(0, 3, 1, 2).contiguous()).reshape(-1).tolist()
        got = daemon.ask("POST", "/api/v1/models/net/classify?top=5", pixels).json()
        got = logits_of(got["results"][0], 5)
        if isinstance(net, Vgg) and net.turn == 3:  # a logit is what a softmax takes
            got = F.log_softmax(torch.tensor(got), dim=0).tolist()
        if any(abs(a - b) > 1e-4 * (1 + abs(b)) for a, b in zip(got, want)):
            return "logits %s, PyTorch %s" % (got, want)
    return None


def main():
    rotation = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    warnings.filterwarnings("ignore")
    torch.manual_seed(rotation)
    rng, turn, bad = random.Random(rotation), rotation, 0
    with Daemon() as daemon:
        for opset in range(9, 18):
            for sign in SIGNS:
                family = FAMILIES[turn % len(FAMILIES)]
                weight = WEIGHTS[turn // 3 % len(WEIGHTS)]
                net = family(sign, weight, turn // len(FAMILIES)).eval()
                said = compare(daemon, net, opset, turn, rng)
                if said is not None:
                    print("opset %d, %s of %s and %s: %s" % (
                        opset, family.__name__, sign.__name__, weight.__name__, said))
                bad += said is not None
                turn += 1
    print("%d networks, %d wrong or refused" % (turn - rotation, bad))
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
