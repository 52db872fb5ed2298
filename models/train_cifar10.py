#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Train a VGG-like fully binarized network on CIFAR-10 and write it as an .npz file.

    models/train_cifar10.py --data DIR --out cifar10.npz    9 minutes on a data-centre GPU
    models/train_cifar10.py --data DIR --seconds 500        by the clock, not by epochs
    models/pack_cifar10.py cifar10.npz models/cifar10.sbnn

DIR holds the standard binary batches data_batch_1.bin ... data_batch_5.bin and
test_batch.bin, plain or as .bin.xz. It runs without a GPU too, only very much longer.

The network. Six 3x3 convolutions 128-128-256-256-512-512 (zero padding 1, a 2x2 max pool
after each second one), dense 1024-1024-10. Every weight is sign(latent), +1 for >= 0;
each layer is product -> (pool) -> batch norm -> sign, the last one stops at batch norm,
whose ten outputs are the logits. The first layer sees pixel/255 and nothing else: no
mean, no deviation, so that it can work on 8-bit integers and padding means pixel 0.

The recipe.
 * Teacher: a small real-valued residual network, trained first (AdamW, cosine).
 * Student: Adam with warm-up and cosine to zero on latent weights kept in [-1, 1]. The
   gradient passes sign() as through the triangle 2 - 2|x| (activations) or the
   identity (weights). Loss: part cross entropy, part distillation from the teacher's
   outputs on the very same augmented images.
 * Augmentation: shift by up to 4 pixels (reflected border), mirror, and in every other
   image a grey 9x9 square (less at the border).
 * At the end the batch norm statistics are taken anew over the plain training images
   with exact sums, and every batch norm + sign becomes one integer threshold and a
   direction per channel.
The learning rate follows the share of the epochs (or of the time) used. The last epoch is
what is kept; the test set is only reported, never used to choose.

What the .npz holds, for layer l = 0..8: w{l} sign bits (weight >= 0) of the PyTorch
layout, packed little-endian first, shape{l}; for l < 8 t{l} int32 and falling{l} bool: the
output bit is sum >= t, or sum <= t where falling, with the sum over +1/-1 products,
padding left out (layer 0: over +1/-1 times pixels 0..255). Pooling comes before the norm,
so on bits it is OR for rising and AND for falling channels. scale, bias: logit =
scale * sum + bias. gamma{l} beta{l} mean{l} var{l} eps: the batch norms (layer 0: of sums of
pixel/255). ref_logits, ref_class: the integer network's answer on the first 200
test images. meta: JSON.
"""
import argparse
import json
import lzma
import math
import os
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

# kind, inputs, outputs, pool after it
LAYERS = [("conv", 3, 128, False), ("conv", 128, 128, True),
          ("conv", 128, 256, False), ("conv", 256, 256, True),
          ("conv", 256, 512, False), ("conv", 512, 512, True),
          ("dense", 8192, 1024, False), ("dense", 1024, 1024, False), ("dense", 1024, 10, False)]
LAST = len(LAYERS) - 1
EPS = 1e-5


def read_batch(folder, name):
    path = os.path.join(folder, name)
    with open(path, "rb") if os.path.exists(path) else lzma.open(path + ".xz") as f:
        raw = np.frombuffer(f.read(), np.uint8).reshape(-1, 3073)
    return raw[:, 1:].reshape(-1, 3, 32, 32), raw[:, 0].astype(np.int64)


def read_data(folder, device, limit):
    train = [read_batch(folder, "data_batch_%d.bin" % b) for b in range(1, 6)]
    sets = [[np.concatenate(part) for part in zip(*train)], read_batch(folder, "test_batch.bin")]
    return [[torch.from_numpy(np.array(part[:limit])).to(device) for part in s] for s in sets]


def augment(bordered, labels):
    """One epoch of shuffled, shifted, mirrored, holed images from [n, 40, 40, 3] bytes."""
    n, device = len(bordered), bordered.device

    def draw(limit):
        return torch.randint(0, limit, (n, 1), device=device)

    order, span = torch.randperm(n, device=device), torch.arange(32, device=device)
    rows, cols = draw(9) + span, draw(9) + span
    cols = torch.where(draw(2) == 1, cols.flip(1), cols)
    out = bordered[order[:, None, None], rows[:, :, None], cols[:, None, :]]
    in_rows, in_cols = (span - draw(32)).abs() * 2 < 9, (span - draw(32)).abs() * 2 < 9
    hole = in_rows[:, :, None] & in_cols[:, None, :] & (draw(2) == 1)[:, :, None]
    out.masked_fill_(hole[..., None], 118)
    return out.permute(0, 3, 1, 2), labels[order]


class SignTriangle(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.copysign(torch.ones((), device=x.device, dtype=x.dtype), x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * (2 - 2 * x.abs()).clamp_(min=0)


class SignClip(SignTriangle):
    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * (x.abs() <= 1)


class SignWeight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, w, dtype):
        return (w >= 0).to(dtype) * 2 - 1

    @staticmethod
    def backward(ctx, grad):
        return grad.float(), None


class Student(nn.Module):
    def __init__(self, sign):
        super().__init__()
        self.sign, self.dtype = sign, torch.float32
        self.latent = nn.ParameterList()
        self.gamma, self.beta = nn.ParameterList(), nn.ParameterList()
        for i, (kind, n_in, n_out, _) in enumerate(LAYERS):
            w = 0.05 * torch.randn((n_out, n_in, 3, 3) if kind == "conv" else (n_out, n_in))
            if kind == "conv":
                w = w.contiguous(memory_format=torch.channels_last)
            self.latent.append(nn.Parameter(w))
            self.gamma.append(nn.Parameter(torch.ones(n_out)))
            self.beta.append(nn.Parameter(torch.zeros(n_out)))
            self.register_buffer("mean%d" % i, torch.zeros(n_out))
            self.register_buffer("var%d" % i, torch.ones(n_out))

    def forward(self, pixels, momentum=None):
        """Logits. With `momentum` the norms use the batch and update their statistics."""
        x = pixels.float()                          # 0..255 is exact in every format used
        for i, (kind, _, _, pool) in enumerate(LAYERS):
            dtype = torch.float32 if i in (0, LAST) else self.dtype
            w = SignWeight.apply(self.latent[i], dtype)
            if kind == "conv":
                x = F.conv2d(x.to(dtype), w, padding=1)
            else:
                x = F.linear(x.flatten(1).to(dtype), w)
            if i == 0:
                x = x * (1 / 255)
            if pool:
                x = F.max_pool2d(x, 2)
            x = F.batch_norm(x, getattr(self, "mean%d" % i), getattr(self, "var%d" % i),
                             self.gamma[i], self.beta[i], momentum is not None,
                             momentum or 0.0, EPS)
            if i < LAST:
                x = self.sign(x.to(self.dtype))
        return x.float()


class Teacher(nn.Module):
    def __init__(self):
        super().__init__()

        def conv(n_in, n_out, pool=False):
            return nn.Sequential(
                nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out),
                nn.MaxPool2d(2) if pool else nn.Identity(), nn.ReLU())

        def pair(n):
            return nn.Sequential(conv(n, n), conv(n, n))

        self.first = conv(3, 64)
        self.downs = nn.ModuleList(
            [conv(64, 160, True), conv(160, 320, True), conv(320, 640, True)])
        self.pairs = nn.ModuleList([pair(160), pair(320), pair(640)])
        self.out = nn.Linear(640, 10)

    def forward(self, pixels):
        x = (pixels.float() / 255 - 0.47) * 4
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=pixels.is_cuda,
                            cache_enabled=False):
            x = self.first(x)
            for down, pair in zip(self.downs, self.pairs):
                x = down(x)
                x = x + pair(x)
            return self.out(x.amax((2, 3))).float() * 0.25


def fit(name, parameters, loss_of, peak, decay, batch, seconds, epochs, start_epoch,
        after_step, after_epoch):
    """Adam until the epochs, or without any the time, are used up; on a GPU the whole step
    is one graph."""
    device, begin, epoch, graph = parameters[0].device, time.time(), 0, None
    ready = begin
    more = dict(fused=True, capturable=True) if device.type == "cuda" else {}
    rate = torch.zeros((), device=device) if more else 0.0
    adam = torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, **more)
    totals = torch.zeros(2, device=device)

    def step():
        adam.zero_grad(set_to_none=True)
        loss, logits = loss_of(*now)
        loss.backward()
        adam.step()
        with torch.no_grad():
            after_step()
            totals.add_(torch.stack([loss.detach(), (logits.argmax(1) == now[1]).float().mean()]))

    while True:
        used = (epoch / epochs if epochs else
                (time.time() - ready) / max(begin + seconds - ready, seconds * 0.5))
        if used >= 1:
            break
        value = peak * min(used / 0.03 + 0.01, 1.0) * 0.5 * (1 + math.cos(math.pi * used))
        data = start_epoch()
        if epoch == 0:
            now = [part[:batch].clone() for part in data]
            if more:                            # warm up aside at rate 0, then record a step
                side = torch.cuda.Stream()
                side.wait_stream(torch.cuda.current_stream())
                with torch.cuda.stream(side):
                    for _ in range(4):
                        step()
                torch.cuda.current_stream().wait_stream(side)
                adam.zero_grad(set_to_none=True)
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph):
                    step()
                torch.cuda.synchronize()
                ready = time.time()
                print("%s: ready after %.1f s" % (name, ready - begin), flush=True)
        for group in adam.param_groups:
            if more:
                group["lr"].fill_(value)
            else:
                group["lr"] = value
        totals.zero_()
        count = len(data[0]) // batch
        for k in range(count):
            for to, part in zip(now, data):
                to.copy_(part[k * batch:(k + 1) * batch])
            graph.replay() if graph else step()
        loss, right = (totals / count).tolist()
        epoch += 1
        after_epoch(epoch, time.time() - begin, value, loss, right)
    return epoch


@torch.no_grad()
def in_parts(function, images, size=1000):
    return torch.cat([function(images[k:k + size]) for k in range(0, len(images), size)])


@torch.no_grad()
def settle_norms(student, images, size=1000):
    """Batch norm statistics as the plain average over all training images."""
    for k in range(max(len(images) // size, 1)):
        student(images[k * size:(k + 1) * size], momentum=1 / (k + 1))


def export(student):
    """The integer network as a dict of numpy arrays."""
    net = {"eps": np.float32(EPS)}
    for i, (kind, n_in, _, _) in enumerate(LAYERS):
        w = student.latent[i].detach().cpu().contiguous().numpy()
        gamma, beta, mean, var = (p.detach().cpu().numpy() for p in (
            student.gamma[i], student.beta[i], getattr(student, "mean%d" % i),
            getattr(student, "var%d" % i)))
        net["w%d" % i] = np.packbits(w.ravel() >= 0, bitorder="little")
        net["shape%d" % i] = np.array(w.shape, np.int32)
        for key, value in (("gamma", gamma), ("beta", beta), ("mean", mean), ("var", var)):
            net[key + str(i)] = value.copy()
        g, b, m = (v.astype(np.float64) for v in (gamma, beta, mean))
        root = np.sqrt(var.astype(np.float64) + EPS)
        if i == LAST:
            net["scale"] = (g / root).astype(np.float32)
            net["bias"] = (b - m * g / root).astype(np.float32)
            continue
        most = (9 if kind == "conv" else 1) * n_in * (255 if i == 0 else 1)
        edge = (m - b * root / np.where(g == 0, 1, g)) * (255 if i == 0 else 1)
        t = np.where(g < 0, np.floor(edge), np.ceil(edge))
        t = np.where(g == 0, np.where(b >= 0, -most - 1, most + 1), t)     # constant channel
        net["t%d" % i] = np.clip(t, -most - 1, most + 1).astype(np.int32)
        net["falling%d" % i] = g < 0
    return net


@torch.no_grad()
def integer_sums(net, images):
    """Last layer's integer sums. Float matrix products here are exact: every sum is under
    2^24."""
    x, device = images.float(), images.device
    for i, (kind, _, n_out, pool) in enumerate(LAYERS):
        shape = net["shape%d" % i]
        bits = np.unpackbits(net["w%d" % i], count=int(np.prod(shape)), bitorder="little")
        w = torch.from_numpy(bits.reshape(n_out, -1).astype(np.float32) * 2 - 1).to(device)
        if kind == "conv":
            s = torch.matmul(w, F.unfold(x, 3, padding=1))
            s = s.reshape(len(x), n_out, *x.shape[2:]).round()
        else:
            s = torch.matmul(x.flatten(1), w.t()).round()
        if i == LAST:
            return s
        view = (-1, 1, 1) if kind == "conv" else (-1,)
        t = torch.from_numpy(net["t%d" % i]).to(device).reshape(view).float()
        falling = torch.from_numpy(net["falling%d" % i]).to(device).reshape(view)
        bit = torch.where(falling, s <= t, s >= t).float()
        if pool:
            bit = torch.where(falling, 1 - F.max_pool2d(1 - bit, 2), F.max_pool2d(bit, 2))
        x = bit * 2 - 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="folder with the .bin or .bin.xz batches")
    parser.add_argument("--out", default="cifar10.npz", help="what to write (%(default)s)")
    parser.add_argument("--epochs", type=int, default=377, help="(%(default)s)")
    parser.add_argument("--teacher-epochs", type=int, default=60, help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=0,
                        help="as many epochs as this takes, everything included")
    parser.add_argument("--teacher-seconds", type=float, default=60,
                        help="of those for the teacher (%(default)g)")
    parser.add_argument("--batch", type=int, default=256, help="(%(default)s)")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak (%(default)g)")
    parser.add_argument("--distill", type=float, default=0.8,
                        help="share of the teacher in the loss (%(default)g)")
    parser.add_argument("--heat", type=float, default=3.0,
                        help="temperature of the distillation (%(default)g)")
    parser.add_argument("--gradient", choices=("triangle", "clip"), default="triangle",
                        help="of sign(): 2 - 2|x|, or 1 where |x| <= 1 (%(default)s)")
    parser.add_argument("--save-every", type=float, default=80,
                        help="seconds between checkpoints (%(default)g)")
    parser.add_argument("--seed", type=int, default=10, help="(%(default)s)")
    parser.add_argument("--limit", type=int,
                        help="only the first N images of each set, to try the script")
    args = parser.parse_args()
    if args.seconds:
        args.epochs = args.teacher_epochs = 0
    begin = time.time()
    torch.manual_seed(args.seed)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    (images, labels), (test_images, test_labels) = read_data(args.data, device, args.limit)
    bordered = torch.cat([F.pad(part.float(), (4, 4, 4, 4), mode="reflect").byte()
                          for part in images.split(5000)])
    bordered = bordered.permute(0, 2, 3, 1).contiguous()
    images, test_images = (s.contiguous(memory_format=torch.channels_last)
                           for s in (images, test_images))
    batch = min(args.batch, len(images))
    print("%d + %d images on %s, %.1f s" %
          (len(images), len(test_images), device, time.time() - begin), flush=True)

    def accuracy(logits):
        return round((logits.argmax(1) == test_labels).float().mean().item(), 4)

    def show(name, every):
        def line(epoch, seconds, rate, loss, right):
            if epoch % every == 0 or epoch == 1:
                print("%s: epoch %d, %.1f s, rate %.2e, loss %.4f, training accuracy %.4f"
                      % (name, epoch, seconds, rate, loss, right), flush=True)
        return line

    def plain_loss(pixels, target):
        logits = teacher(pixels)
        return F.cross_entropy(logits, target), logits

    teacher = Teacher().to(device).to(memory_format=torch.channels_last)
    teacher_epochs = fit("teacher", list(teacher.parameters()), plain_loss, 4e-3, 0.1,
                         min(512, batch * 2, len(images)), args.teacher_seconds,
                         args.teacher_epochs, lambda: augment(bordered, labels),
                         lambda: None, show("teacher", 10))
    teacher.eval().requires_grad_(False)
    teacher_accuracy = accuracy(in_parts(teacher, test_images))
    print("teacher: %d epochs, test accuracy %.4f" % (teacher_epochs, teacher_accuracy),
          flush=True)

    student = Student((SignClip if args.gradient == "clip" else SignTriangle).apply).to(device)
    half = torch.bfloat16 if device.type == "cuda" else torch.float32
    student.dtype = half
    saved = [time.time()]

    def student_epoch():
        pixels, target = augment(bordered, labels)
        return pixels, target, in_parts(teacher, pixels, 2000)

    def student_loss(pixels, target, soft):
        logits, heat = student(pixels, momentum=0.1), args.heat
        loss = (1 - args.distill) * F.cross_entropy(logits, target)
        loss = loss + args.distill * heat * heat * F.kl_div(
            F.log_softmax(logits / heat, 1), F.softmax(soft / heat, 1), reduction="batchmean")
        return loss, logits

    def clip_latent():
        for w in student.latent:
            w.clamp_(-1, 1)

    def save(epoch, path):
        student.dtype = torch.float32
        settle_norms(student, images)
        floats = accuracy(in_parts(student, test_images))
        student.dtype = half
        net = export(student)
        sums = in_parts(lambda part: integer_sums(net, part), test_images, 250)
        scale, bias = net["scale"], net["bias"]
        logits = sums.cpu().numpy().astype(np.float32) * scale + bias
        integer = round(float((logits.argmax(1) == test_labels.cpu().numpy()).mean()), 4)
        net["ref_logits"] = logits[:200]
        net["ref_class"] = logits[:200].argmax(1).astype(np.int32)
        net["meta"] = json.dumps(dict(
            data="CIFAR-10", seed=args.seed, epochs=epoch,
            seconds=round(time.time() - begin, 1), batch=batch, rate=args.rate,
            distill=args.distill, heat=args.heat, gradient=args.gradient,
            teacher_epochs=teacher_epochs, teacher_accuracy=teacher_accuracy,
            float_accuracy=floats, integer_accuracy=integer, test_images=len(test_images),
            recipe=__doc__))
        np.savez(path + ".tmp.npz", **net)
        os.replace(path + ".tmp.npz", path)
        print("saved %s: epoch %d, test accuracy float %.4f, integer %.4f, at %.1f s"
              % (path, epoch, floats, integer, time.time() - begin), flush=True)

    line = show("student", 10)

    def after_epoch(epoch, seconds, rate, loss, right):
        line(epoch, seconds, rate, loss, right)
        if time.time() - saved[0] > args.save_every:
            saved[0] = time.time()
            save(epoch, args.out)

    remaining = args.seconds - (time.time() - begin) - 8
    epochs = fit("student", list(student.parameters()), student_loss, args.rate, 0.0, batch,
                 remaining, args.epochs, student_epoch, clip_latent, after_epoch)
    save(epochs, args.out)


if __name__ == "__main__":
    main()
