#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Turn the network that train_cifar10.py keeps as an .npz file into an .sbnn file.

    models/pack_cifar10.py cifar10.npz cifar10.sbnn

3x3 convolutions in pairs, each pair followed by a pool of 2x2, then dense layers. Weights
go from [out][in][row][column] to [out][row][column][in]. A pool stands behind the
thresholds here, before them in training: the maximum of sums becomes OR of bits, and AND
in channels whose direction is falling.
"""
import argparse
import json
import os

import numpy as np

import sbnn

LABELS = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
          "truck"]
SIDE = 32


def unpack(net, i):
    shape = tuple(net["shape%d" % i])
    bits = np.unpackbits(net["w%d" % i], count=int(np.prod(shape)), bitorder="little")
    return bits.astype(bool).reshape(shape)


def convert(net):
    """The layers and stages of the file."""
    layers, stages = [], []
    side, channels, value, n_convs = SIDE, 3, 0, 0
    n_layers = sum(key.startswith("shape") for key in net)

    for i in range(n_layers):
        bits = unpack(net, i)
        n_out = len(bits)
        conv = bits.ndim == 4
        if conv:
            n_convs += 1
            window = (3, 1, 1, 1)
        else:
            bits = bits.reshape(n_out, channels, side, side)
            window = (side, 1, 1, 0)
            side = 1
        layer = dict(name="%s%d" % ("conv" if conv else "fc", i + 1),
                     bits=bits.transpose(0, 2, 3, 1).reshape(n_out, -1))
        last = i == n_layers - 1
        if last:
            layer["scale"], layer["bias"] = net["scale"], net["bias"]
        else:
            layer["threshold"], layer["falling"] = net["t%d" % i], net["falling%d" % i]
        layers.append(layer)
        channels = n_out
        stages.append(dict(op="binary", inputs=[value], window=window, groups=1, layer=i,
                           out=(sbnn.REALS if last else sbnn.BITS, side, side, channels)))
        value += 1
        if conv and n_convs % 2 == 0:
            side //= 2
            stages.append(dict(op="pool_bits", inputs=[value], window=(2, 2, 1, 0),
                               mask=layer["falling"],
                               out=(sbnn.BITS, side, side, channels)))
            value += 1
    return layers, stages


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("npz")
    parser.add_argument("out")
    args = parser.parse_args()

    net = dict(np.load(args.npz))
    meta = json.loads(str(net["meta"]))
    layers, stages = convert(net)
    total = meta["test_images"]
    training = ("models/train_cifar10.py: seed %d, %d epochs, batch %d, Adam %g with warm-up and "
                "cosine decay, straight-through sign (%s), %g of the loss from a real-valued "
                "teacher (%d epochs, %.2f %%) at temperature %g, augmented (shift 4 px, mirrored, "
                "a 9x9 square of every other picture grey)" % (
                    meta["seed"], meta["epochs"], meta["batch"], meta["rate"],
                    meta["gradient"], meta["distill"], meta["teacher_epochs"],
                    100 * meta["teacher_accuracy"], meta["heat"]))
    sbnn.write(args.out, "cifar10", "CIFAR-10, small colour photographs of ten kinds of "
               "things; 8-bit pixels", training, "CIFAR-10 test set, %d images" % total,
               round(meta["integer_accuracy"] * total), total, (SIDE, SIDE, 3), LABELS,
               layers, stages=stages)
    print("%s: %d cells, %d bytes" % (args.out, sum(x["bits"].size for x in layers),
                                      os.path.getsize(args.out)))


if __name__ == "__main__":
    main()
