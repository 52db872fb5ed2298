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

import numpy as np
import torch
import torch.nn.functional as F

import sbnn

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


def to_integers(net, r):
    """The network as integers and bits: what the .sbnn file holds.

    A hidden neuron is y = gamma * (s - mean) / sqrt(var + eps) + beta >= 0 with s the exact
    sum, so s >= t for gamma > 0 and s <= t for gamma < 0. Pixels were fed as p / 255, so
    their sum is s / 255.
    """
    layers = []
    for i, (w, norm) in enumerate(zip(net.weights, net.norms)):
        gamma = norm.weight.detach().double().numpy()
        beta = norm.bias.detach().double().numpy()
        mean = norm.running_mean.double().numpy()
        std = np.sqrt(norm.running_var.double().numpy() + norm.eps)
        unit = 255.0 if i == 0 and r["first"] == "pixels" else 1.0
        bits = (w.detach().numpy() >= 0)
        layer = dict(name="fc%d" % (i + 1), bits=bits)
        if i < len(net.weights) - 1:
            limit = bits.shape[1] * int(unit) + 1
            edge = (mean - beta * std / np.where(gamma == 0, 1, gamma)) * unit
            rising = gamma > 0
            t = np.where(rising, np.ceil(edge), np.floor(edge))
            always, never = (gamma == 0) & (beta >= 0), (gamma == 0) & (beta < 0)
            t = np.where(always, -limit, np.where(never, limit, t))
            layer["falling"] = ~rising & (gamma != 0)
            layer["threshold"] = np.clip(t, -limit, limit).astype(np.int32)
        else:
            layer["scale"] = (gamma / std / unit).astype(np.float32)
            layer["bias"] = (beta - mean * gamma / std).astype(np.float32)
        layers.append(layer)
    return layers


def classify_integers(layers, pixels, r):
    """Classes of (n, 784) bytes by exact integer arithmetic; lowest index wins a tie."""
    x = pixels.astype(np.int64)
    if r["first"] == "binary":
        x = np.where(x >= 128, 1, -1)
    for layer in layers:
        # float64 sums of integers below 2^53 are exact, and fast.
        s = np.rint(x.astype(np.float64) @ np.where(layer["bits"], 1.0, -1.0).T)
        if "threshold" in layer:
            fired = np.where(layer["falling"], s <= layer["threshold"], s >= layer["threshold"])
            x = np.where(fired, 1, -1)
    logits = (layer["scale"].astype(np.float64) * s + layer["bias"].astype(np.float64))
    return logits.astype(np.float32).argmax(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", choices=sorted(RECIPES))
    parser.add_argument("--data", required=True, help="folder with the four IDX files")
    parser.add_argument("--out", default=os.path.dirname(os.path.abspath(__file__)),
                        help="folder for NAME.sbnn and the checkpoint NAME.pt")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--export-only", action="store_true",
                        help="write the .sbnn again from the checkpoint")
    args = parser.parse_args()

    r = RECIPES[args.name]
    epochs = args.epochs or r["epochs"]
    checkpoint = os.path.join(args.out, args.name + ".pt")
    torch.set_num_threads(args.threads)
    if args.export_only:
        net = Network()
        net.load_state_dict(torch.load(checkpoint))
        net.eval()
    else:
        images = torch.from_numpy(read_idx(args.data, "train-images-idx3-ubyte").copy())
        labels = torch.from_numpy(read_idx(args.data, "train-labels-idx1-ubyte").copy())
        net = train(images.float() / 255, labels.long(), r, epochs)
        torch.save(net.state_dict(), checkpoint)

    layers = to_integers(net, r)
    test = read_idx(args.data, "t10k-images-idx3-ubyte").reshape(-1, SIDE * SIDE)
    truth = read_idx(args.data, "t10k-labels-idx1-ubyte")
    correct = int((classify_integers(layers, test, r) == truth).sum())
    training = ("models/train.py %s: seed %d, %d epochs, batch %d, Adam %g with cosine decay, "
                "straight-through sign, augmented (rotation %g deg, shift %g px, zoom %g, "
                "shear %g, elastic %g%s), PyTorch %s on %d thread%s"
                % (args.name, r["seed"], epochs, r["batch"], r["rate"], r["rotate"],
                   r["shift"], r["zoom"], r["shear"], r["elastic"],
                   ", mirrored" if r["flip"] else "", torch.__version__.split("+")[0],
                   args.threads, "" if args.threads == 1 else "s"))
    path = os.path.join(args.out, args.name + ".sbnn")
    binary = r["first"] == "binary"
    sbnn.write(path, args.name, r["about"], training, "%s test set, %d images" % (
                   {"mnist": "MNIST", "fashion": "Fashion-MNIST"}[args.name], len(truth)),
               correct, len(truth), (SIDE, SIDE, 1), r["labels"], layers,
               encoding=sbnn.BINARY if binary else sbnn.PIXELS,
               threshold=128 if binary else 0)
    print("%s: %d of %d test images right (%.2f %%), %d bytes" %
          (path, correct, len(truth), 100 * correct / len(truth), os.path.getsize(path)))


if __name__ == "__main__":
    main()
