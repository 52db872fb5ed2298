#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Networks that others trained, sent as ONNX files and measured on their test sets.

  tests/system/real_nets.py [NET ...]

With $SPINBNND a built daemon (build/release/spinbnnd). The folder of networks is
$SPINBNN_NETS, that of data $SPINBNN_DATA; by default ../shared/nets and ../shared/data
beside the repository. test_real_nets.py runs what is quick of this in ./test.
"""
import base64
import csv
import lzma
import os
import sys
import tarfile
import time
from urllib.parse import urlencode

if __name__ == "__main__":
    os.environ.setdefault("SPINBNND", "build/release/spinbnnd")
    os.environ.setdefault("SPINBNN", "build/release/spinbnn")

from small_nets import logits_of  # noqa: E402
from spinbnn_system import SOURCE, Daemon, test_set  # noqa: E402

NETS = os.environ.get("SPINBNN_NETS", os.path.join(SOURCE, "..", "shared", "nets"))
DATA = os.environ.get("SPINBNN_DATA", os.path.join(SOURCE, "..", "shared", "data"))

RESNET = dict(range="0..255", mean="123.68,116.779,103.939", channels="rgb")
CONTRACTS = {
    "mnist-lfc": dict(range="0..255"),
    "gtsrb-30": dict(range="0..255"),
    "cifar10-resnet18": RESNET,
    "imagenet-resnet18": dict(RESNET, crop="true", resize=256),
}


def here(net):
    """Whether the network's file and the pictures it is measured on are there."""
    data = {"mnist-lfc": "mnist", "cifar10-resnet18": "cifar-10",
            "imagenet-resnet18": "imagenet-sample"}.get(net)
    return os.path.isfile(os.path.join(NETS, net + ".onnx.xz")) and \
        (data is None or os.path.isdir(os.path.join(DATA, data)))


def upload(daemon, net):
    """PUTs it; the answer."""
    with lzma.open(os.path.join(NETS, net + ".onnx.xz")) as f:
        body = f.read()
    connection = daemon.connection(timeout=120)
    answer = daemon.ask("PUT", "/api/v1/models/%s?%s" % (net, urlencode(CONTRACTS[net])), body,
                        connection=connection)
    connection.close()
    if answer.status not in (200, 201):
        raise AssertionError("%s: %d %s" % (net, answer.status, answer.body))
    return answer.json()


def reference(net):
    """Rows of the reference, as dicts of numbers."""
    with open(os.path.join(NETS, net + ".reference.csv"), newline="") as f:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(f)]


def mnist(n):
    pictures, labels = test_set(os.path.join(DATA, "mnist"))
    return pictures[:n], labels[:n]


def gtsrb(n):
    with open(os.path.join(NETS, "gtsrb-30.inputs.u8"), "rb") as f:
        data = f.read()
    size = 30 * 30 * 3
    labels = [int(row["label"]) for row in reference("gtsrb-30")]
    return [data[i * size:(i + 1) * size] for i in range(len(data) // size)][:n], labels[:n]


def cifar10(n):
    """Planes of colours become pixels."""
    with lzma.open(os.path.join(DATA, "cifar-10", "test_batch.bin.xz")) as f:
        data = f.read(n * 3073)
    pictures, labels = [], []
    for at in range(0, len(data), 3073):
        pixels = bytearray(3072)
        for c in range(3):
            pixels[c::3] = data[at + 1 + c * 1024:at + 1 + (c + 1) * 1024]
        pictures.append(bytes(pixels))
        labels.append(data[at])
    return pictures, labels


def imagenet(n):
    """JPEG files."""
    folder = os.path.join(DATA, "imagenet-sample")
    with open(os.path.join(folder, "labels.csv"), newline="") as f:
        rows = list(csv.DictReader(f))[:n]
    with tarfile.open(os.path.join(folder, "images.tar")) as tar:
        pictures = [tar.extractfile(row["file"]).read() for row in rows]
    return pictures, [int(row["class"]) for row in rows]


PICTURES = {"mnist-lfc": mnist, "gtsrb-30": gtsrb, "cifar10-resnet18": cifar10,
            "imagenet-resnet18": imagenet}


def classify(daemon, net, pictures, top, batch=50):
    """A result for each picture. batch 0: each in a request of its own, as it is."""
    results = []
    connection = daemon.connection(timeout=600)
    path = "/api/v1/models/%s/classify?top=%d" % (net, top)
    for begin in range(0, len(pictures), batch or 1):
        body = pictures[begin] if batch == 0 else \
            {"images": [{"b64": base64.b64encode(p).decode()}
                        for p in pictures[begin:begin + batch]]}
        answer = daemon.ask("POST", path, body, connection=connection)
        if answer.status != 200:
            raise AssertionError("%s: %d %s" % (net, answer.status, answer.body))
        results += answer.json()["results"]
    connection.close()
    return results


def accuracy(results, labels, top=1):
    right = sum(label in [s["class"] for s in r["scores"][:top]]
                for r, label in zip(results, labels))
    return 100.0 * right / len(labels)


def measure(daemon, net):
    """Uploads it and reports what it does on all pictures that there are."""
    began = time.monotonic()
    answer = upload(daemon, net)
    print("%s: imported in %.1f s, %d cells" % (net, time.monotonic() - began,
                                                answer["model"]["cells"]))
    for remark in answer["remarks"]:
        print("  remark  %s: %s %s" % (remark["code"], remark["node"], remark["text"]))
    pictures, labels = PICTURES[net](10000)
    top = 5 if net == "imagenet-resnet18" else 1
    began = time.monotonic()
    results = classify(daemon, net, pictures, top, 0 if net == "imagenet-resnet18" else 50)
    seconds = time.monotonic() - began
    figures = [accuracy(results, labels)] + ([accuracy(results, labels, 5)] if top == 5 else [])
    rows = reference(net)
    same = sum(r["class"] == row.get("pred", row.get("top1")) for r, row in zip(results, rows))
    print("  %d pictures in %.1f s, %.2f ms each: %s %% right; of %d with a reference the same "
          "class for %d" % (len(pictures), seconds, 1000 * seconds / len(pictures),
                            " / ".join("%.2f" % f for f in figures),
                            min(len(rows), len(results)), same), flush=True)
    return figures


# Accuracy in per cent as published with the networks, and how far a correct program may be off.
EXPECTED = {"mnist-lfc": ([98.34], 0.05), "cifar10-resnet18": ([85.19], 1.0),
            "imagenet-resnet18": ([47.5, 71.8], 1.5)}


def main(nets):
    failed = []
    for net in nets or CONTRACTS:
        if not here(net):
            print("%s: not measured, its file or pictures are not in %s and %s"
                  % (net, NETS, DATA))
            continue
        with Daemon() as daemon:
            figures = measure(daemon, net)
        expected, within = EXPECTED.get(net, (figures, 0))
        if any(abs(a - b) > within for a, b in zip(figures, expected)):
            print("  expected %s %%, within %s" % (expected, within))
            failed.append(net)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
