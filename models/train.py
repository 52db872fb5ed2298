#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Train a 784-1024-1024-10 binarized network and write it as an .sbnn file.

    models/train.py mnist   --data DIR            (about 25 minutes on one core)
    models/train.py fashion --data DIR
    models/train.py mnist   --data DIR --export-only    from the kept checkpoint

DIR holds the four IDX files of the set, plain or gzip. Every weight matrix is binary:
the forward pass uses sign(w) (+1 for w >= 0), the backward pass lets the gradient
through where |w| <= 1 (straight-through estimator, Courbariaux et al.,
arXiv:1602.02830). Batch normalisation and sign become one integer threshold and
direction per neuron at export; the test accuracy written into the file is counted with
that integer network, not with the float one.

The test set is looked at once, at the end; the recipe was not chosen by it. The last
epoch is what is kept.
"""
import argparse
import gzip
import os
import struct
import time
import zlib

import numpy as np
import torch
import torch.nn.functional as F

RECIPES = {
    # first: "binary" feeds +1 where the pixel is >= 128 and -1 elsewhere, "pixels" feeds
    # 0..255 as it is. rotate in degrees, shift in pixels, zoom and elastic relative.
    "mnist": dict(
        first="binary", epochs=120, seed=20191, batch=256, rate=2e-3,
        rotate=10.0, shift=1.5, zoom=0.10, shear=0.10, elastic=0.04, flip=False,
        labels=[str(d) for d in range(10)],
        about="MNIST handwritten digits; white digit on black, binarised at 128"),
    "fashion": dict(
        first="pixels", epochs=70, seed=20192, batch=256, rate=2e-3,
        rotate=3.0, shift=1.0, zoom=0.05, shear=0.03, elastic=0.0, flip=True,
        labels=["T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal",
                "shirt", "sneaker", "bag", "ankle boot"],
        about="Fashion-MNIST clothes; light object on black, 8-bit pixels"),
}
WIDTHS = [784, 1024, 1024, 10]
SIDE = 28


def read_idx(folder, stem):
    """One IDX file as an array of bytes; `stem` without .gz."""
    path = os.path.join(folder, stem)
    opener = open if os.path.exists(path) else gzip.open
    with opener(path if opener is open else path + ".gz", "rb") as f:
        raw = f.read()
    n_dims = raw[3]
    dims = struct.unpack(">%dI" % n_dims, raw[4:4 + 4 * n_dims])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * n_dims).reshape(dims)


class SignThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * (x.abs() <= 1)


sign = SignThrough.apply


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = torch.nn.ParameterList()
        self.norms = torch.nn.ModuleList()
        for n_in, n_out in zip(WIDTHS[:-1], WIDTHS[1:]):
            w = torch.empty(n_out, n_in)
            torch.nn.init.xavier_uniform_(w)
            self.weights.append(torch.nn.Parameter(w))
            self.norms.append(torch.nn.BatchNorm1d(n_out))

    def forward(self, x):
        last = len(self.weights) - 1
        for i, (w, norm) in enumerate(zip(self.weights, self.norms)):
            x = norm(F.linear(x, sign(w)))
            if i < last:
                x = sign(x)
        return x


def augment(x, r):
    """A random small affine and elastic distortion of a batch (n, 28, 28) in 0..1."""
    n = x.shape[0]

    def spread(limit):
        return (torch.rand(n) * 2 - 1) * limit

    angle = spread(r["rotate"] * np.pi / 180)
    zoom_x, zoom_y = 1 + spread(r["zoom"]), 1 + spread(r["zoom"])
    shear = spread(r["shear"])
    cos, sin = torch.cos(angle), torch.sin(angle)
    theta = torch.stack([
        torch.stack([cos * zoom_x, (-sin + shear) * zoom_y, spread(2 * r["shift"] / SIDE)], 1),
        torch.stack([sin * zoom_x, cos * zoom_y, spread(2 * r["shift"] / SIDE)], 1)], 1)
    if r["flip"]:
        theta[:, :, 0] *= torch.where(torch.rand(n) < 0.5, -1.0, 1.0)[:, None]
    grid = F.affine_grid(theta, (n, 1, SIDE, SIDE), align_corners=False)
    if r["elastic"] > 0:
        coarse = torch.randn(n, 2, 6, 6) * r["elastic"]
        bend = F.interpolate(coarse, (SIDE, SIDE), mode="bilinear", align_corners=True)
        grid = grid + bend.permute(0, 2, 3, 1)
    return F.grid_sample(x[:, None], grid, align_corners=False)[:, 0]


def present(x, r):
    """Pictures in 0..1 as the first layer sees them."""
    x = x.reshape(len(x), -1)
    return torch.where(x * 255 >= 127.5, 1.0, -1.0) if r["first"] == "binary" else x


def train(images, labels, r, epochs):
    torch.manual_seed(r["seed"])
    net = Network()
    optimiser = torch.optim.Adam(net.parameters(), lr=r["rate"])
    n = len(images)
    n_steps = epochs * (n // r["batch"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps)
    for epoch in range(epochs):
        began, loss_sum, correct = time.time(), 0.0, 0
        order = torch.randperm(n)[: n // r["batch"] * r["batch"]]
        for pick in order.split(r["batch"]):
            x = present(augment(images[pick], r), r)
            logits = net(x)
            loss = F.cross_entropy(logits, labels[pick])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                for w in net.weights:
                    w.clamp_(-1, 1)
            loss_sum += loss.item() * len(pick)
            correct += (logits.argmax(1) == labels[pick]).sum().item()
        print("epoch %3d  loss %.4f  train %.2f %%  %.1f s" %
              (epoch + 1, loss_sum / len(order), 100 * correct / len(order),
               time.time() - began), flush=True)
    settle_norms(net, images, r)
    return net.eval()


def settle_norms(net, images, r, passes=4):
    """Batch statistics of the final weights, as plain averages over augmented data."""
    for norm in net.norms:
        norm.reset_running_stats()
        norm.momentum = None
    net.train()
    with torch.no_grad():
        for _ in range(passes):
            for x in images[torch.randperm(len(images))].split(1000):
                net(present(augment(x, r), r))
