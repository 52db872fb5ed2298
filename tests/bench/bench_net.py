# SPDX-License-Identifier: Apache-2.0
"""Compares whole networks with onnxruntime, on one thread.

    bench_net.py BUILD_DIR --peer DIR [--rounds N] [--ms MS] [--rows FILE]

net_graphs.py makes the networks, `spinbnn import` ours of them; bench_net.c runs ours and
net_peer.js theirs, from the same ONNX files. Both are told what to do in turns. First
they must give the same logits. Figures are medians over the rounds, ratios medians of the
ratios within a round, of CPU time of the process. --peer: a folder with
node_modules/onnxruntime-node; without, there is no comparison. --rows: a copy of the
figures for the summary.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from functools import partial

from peer import has_peer
from rows import Rows, median

HERE = os.path.dirname(os.path.abspath(__file__))
NETS = {"mlp": "MLP 784-1024-1024-10", "vgg": "VGG 32x32", "resnet18": "ResNet-18 224x224"}
INT8 = ("mlp", "vgg")
# All binary: compared with the matrix product of the kernel too.
SHARES = ("mlp", "vgg")
BATCHES = (1, 64)
CHECKED = {"mlp": 64, "vgg": 64, "resnet18": 8}
# Of the largest logit. All sums but those of the ResNet's head are exact.
TOLERANCE = 1e-5
PASSES = 25

# Of a peer's runs that are held to AVX2.
AVX2 = " avx2"
# Ours against the peer: times faster at least.
GOALS = {("mlp", 1, "fp32"): 110, ("mlp", 1, "int8"): 16, ("vgg", 1, "fp32"): 17,
         ("vgg", 1, "int8"): 3.6, ("vgg", 64, "fp32"): 14, ("resnet18", 1, "fp32"): 4}
GOALS_AVX2 = {("vgg", 1, "fp32 avx2"): 5}
# Of the kernel's own matrix product.
GOAL_SHARE = 0.75


class Failed(Exception):
    """Something could not run at all, or computes something else."""


class Side:
    """A program that answers each line with a line."""

    def __init__(self, *args, preload=None):
        self.name = os.path.basename(args[0])
        env = dict(os.environ, LD_PRELOAD=preload) if preload else None
        self.process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=env)

    def ask(self, *words):
        try:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass # what follows finds no answer
        answer = self.process.stdout.readline()
        if not answer:
            raise Failed("%s ends at: %s" % (self.name, " ".join(map(str, words))))
        return answer.strip()

    def times(self, *words):
        """us a picture: CPU, wall."""
        return tuple(map(float, self.ask("time", *words).split()))

    def stop(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait(timeout=60)
        self.process.stdout.close()


def make_networks(build, folder):
    subprocess.run([sys.executable, "-B", os.path.join(HERE, "net_graphs.py"), folder],
                   check=True)
    for net in NETS:
        path = os.path.join(folder, net)
        subprocess.run([os.path.join(build, "spinbnn"), "import", path + ".onnx",
                        "--range", "0..255", "-o", path + ".sbnn"], check=True,
                       stdout=subprocess.DEVNULL)


# -- The same logits --

def check_kernels(ours, kernels):
    """Every kernel gives the same bits. The logits, by network."""
    logits = {}
    for net, n in CHECKED.items():
        lines = {kernel: ours.ask("logits", kernel, net, n) for kernel in kernels}
        if len(set(lines.values())) != 1:
            raise Failed("%s: kernels differ" % net)
        logits[net] = [float(x) for x in lines[kernels[0]].split()]
        n_classes = len(logits[net]) // n
        if logits[net][:n_classes] == logits[net][n_classes:2 * n_classes]:
            raise Failed("%s: two pictures have the same logits" % net)
    print("logits of %s: the same bits" % ", ".join(kernels))
    return logits


def check_peer(peer, logits):
    print("logits against onnxruntime, largest difference to largest logit:")
    for net, mine in logits.items():
        theirs = [float(x) for x in peer.ask("logits", net, net, CHECKED[net]).split()]
        if len(theirs) != len(mine):
            raise Failed("%s: %d logits, onnxruntime has %d" % (net, len(mine), len(theirs)))
        largest = max(map(abs, theirs))
        off = max(abs(a - b) for a, b in zip(mine, theirs)) / largest
        if not off <= TOLERANCE:
            raise Failed("%s: logits differ from onnxruntime's by %g of the largest" % (net, off))
        print("  %-22s %3d pictures, %4d classes: %.1e" % (
            NETS[net], CHECKED[net], len(mine) // CHECKED[net], off))


# -- Rounds --

class Times:
    """us a picture, by what was timed: one pair of CPU and wall for each round."""

    def __init__(self):
        self.lists = {}

    def add(self, pair, *what):
        self.lists.setdefault(what, []).append(pair)

    def us(self, *what):
        return median(cpu for cpu, _ in self.lists[what])

    def ratios(self, slow, fast, clock=0):
        return [a[clock] / b[clock] for a, b in zip(self.lists[slow], self.lists[fast])]


def peer_graphs(net):
    return [("fp32", net)] + ([("int8", net + "_int8")] if net in INT8 else [])


def peer_runs(peers, net):
    """What is timed of the peers: its name, whose it is, the graph."""
    return [(form + suffix, suffix, graph)
            for suffix in peers for form, graph in peer_graphs(net)]


def warm_up(ours, peers, kernels):
    """Loads everything and lets it take its memory."""
    for net in NETS:
        for batch in BATCHES:
            for _, suffix, graph in peer_runs(peers, net):
                peers[suffix].ask("time", graph, net, batch, 0)
            for kernel in kernels:
                ours.ask("time", kernel, net, batch, 0)


def time_there_and_back(contenders, times):
    """Each twice, in mirrored order: what drifts meanwhile falls on all of them. Contenders:
    a key of times, a function that gives CPU and wall."""
    pairs = {}
    for key, run in contenders + contenders[::-1]:
        pairs.setdefault(key, []).append(run())
    for key, both in pairs.items():
        times.add(tuple(map(statistics.fmean, zip(*both))), *key)


def run_round(ours, peers, kernels, ms, times):
    calls = {suffix: peer.times("identity", "mlp", 1, ms) for suffix, peer in peers.items()}
    for call in calls.values():
        times.add(call, "call")

    def run_peer(suffix, graph, net, batch):
        cpu, wall = peers[suffix].times(graph, net, batch, ms)
        return cpu - calls[suffix][0] / batch, wall - calls[suffix][1] / batch

    def run_product(kernel):
        us = 1 / float(ours.ask("product", kernel, ms))
        return us, us

    for net in NETS:
        for batch in BATCHES:
            contenders = [((run, net, batch), partial(run_peer, suffix, graph, net, batch))
                          for run, suffix, graph in peer_runs(peers, net)]
            for kernel in kernels:
                contenders.append(((kernel, net, batch),
                                   partial(ours.times, kernel, net, batch, ms)))
                if batch == 1 and net in SHARES:
                    contenders.append((("product", kernel, net), partial(run_product, kernel)))
            time_there_and_back(contenders, times)


# -- What came out --

def spread(ratios):
    return "%.4g (%.3g..%.3g)" % (median(ratios), min(ratios), max(ratios))


def print_against(times, ours, peer):
    """Ours beside onnxruntime's, two keys of times. The median ratio."""
    ratios = times.ratios(peer, ours)
    print("%-10s %5d  %-10s %9.2f   %-9s %9.2f   %6.2fx %-16s %6.2fx" % (
        NETS[ours[1]].split()[0], ours[2], ours[0], times.us(*ours), peer[0], times.us(*peer),
        median(ratios), "(%.3g..%.3g)" % (min(ratios), max(ratios)),
        median(times.ratios(peer, ours, 1))))
    return median(ratios)


def print_ratios(times, kernels, peers, rows):
    print("\n%-10s %5s  %-10s %9s   %19s   %-24s %7s" % (
        "network", "batch", "kernel", "us/pict.", "onnxruntime", "times faster", "by wall"))
    for kernel in kernels:
        goals = {**(GOALS if kernel == kernels[0] else {}),
                 **(GOALS_AVX2 if kernel == "avx2" else {})}
        for net in NETS:
            for batch in BATCHES:
                for run, suffix, _ in peer_runs(peers, net):
                    if suffix not in ("", " " + kernel):
                        continue
                    ratio = print_against(times, (kernel, net, batch), (run, net, batch))
                    goal = goals.get((net, batch, run))
                    if goal:
                        rows.add("%s, batch %d, %s: to onnxruntime %s" % (
                            NETS[net], batch, kernel, run), ratio, "x", goal, False)


def print_ours(times, kernels):
    print("\n%-10s %5s  %-10s %9s" % ("network", "batch", "kernel", "us/pict."))
    for kernel in kernels:
        for net in NETS:
            for batch in BATCHES:
                print("%-10s %5d  %-10s %9.2f" % (
                    NETS[net].split()[0], batch, kernel, times.us(kernel, net, batch)))


def print_shares(ours, times, kernels, rows):
    print("\nbit pairs/us of the whole network at batch 1 to those of the kernel's matrix product")
    for net in SHARES:
        pairs = float(ours.ask("macs", net))
        for kernel in kernels:
            shares = [pairs * r for r in times.ratios(("product", kernel, net), (kernel, net, 1))]
            print("  %-22s %-10s %s" % (NETS[net], kernel, spread(shares)))
            if net == "vgg" and kernel == kernels[0]:
                rows.add("%s, %s: pairs/us to matrix product" % (NETS[net], kernel),
                         median(shares), "", GOAL_SHARE, False)


def print_batches(times, sides):
    print("\nper picture, batch 1 to batch 64: times faster in a batch")
    for net, title in NETS.items():
        print("  %-22s %s" % (title, "   ".join(
            "%s %s" % (side, spread(times.ratios((side, net, 1), (side, net, 64))))
            for side in sides if (side, net, 1) in times.lists)))


def print_stages(ours, kernel, net):
    """Stages that are alike in one line."""
    groups = {}
    for stage in ours.ask("stages", kernel, net, PASSES).rstrip(";").split(";"):
        what, us = stage.split("\t")
        groups.setdefault(what, []).append(float(us))
    total = sum(map(sum, groups.values()))
    print("\n%s, %s, batch 1: %.0f us in stages" % (NETS[net], kernel, total))
    for what, us in sorted(groups.items(), key=lambda group: -sum(group[1])):
        print("  %-36s %2d x %8.1f us   %4.1f %%" % (
            what, len(us), sum(us) / len(us), 100 * sum(us) / total))


def open_peers(build, modules, folder):
    """By what is added to the names of their runs: "" as it is, " avx2" without the
    instructions that came later. Says so where one is missing."""
    if not has_peer(modules):
        return {}
    command = ("node", os.path.join(HERE, "net_peer.js"), modules, folder)
    peers = {"": Side(*command)}
    without = Side(*command, preload=os.path.join(build, "tests", "bench", "only_avx2.so"))
    try:
        without.ask("version")
        peers[AVX2] = without
    except Failed:
        without.stop()
        print("NO COMPARISON with onnxruntime held to AVX2: this CPU or kernel has no "
              "faulting CPUID")
    return peers


def measure(ours, peers, options, rows):
    usable = ours.ask("kernels").split()
    logits = check_kernels(ours, usable)
    kernels = usable[:1] + [k for k in usable[1:] if k == "avx2"]
    for peer in peers.values():
        check_peer(peer, logits)
    times = Times()
    warm_up(ours, peers, kernels)
    for _ in range(options.rounds):
        run_round(ours, peers, kernels, options.ms, times)
    print("\n%d rounds; CPU time of the process, one thread; brackets: least and most of "
          "the rounds" % options.rounds)
    if peers:
        print("onnxruntime-node %s uses the best instructions it finds, whatever kernel is ours,\n"
              "but for the runs named avx2, from which later ones are hidden; a call that\n"
              "computes nothing takes %.1f us, which are taken off its times"
              % (peers[""].ask("version"), times.us("call")))
        print_ratios(times, kernels, peers, rows)
    else:
        print_ours(times, kernels)
    print_shares(ours, times, kernels, rows)
    print_batches(times, kernels + ["fp32", "int8"])
    for kernel in kernels:
        print_stages(ours, kernel, "resnet18")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build_dir")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--ms", type=int, default=50)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--rows")
    options = parser.parse_args()
    rows = Rows(options.rows)
    folder = tempfile.mkdtemp(prefix="net-", dir=options.build_dir)
    sides = []
    try:
        make_networks(options.build_dir, folder)
        ours = Side(os.path.join(options.build_dir, "tests", "bench", "bench_net"), folder)
        sides.append(ours)
        peers = open_peers(options.build_dir, options.peer, folder)
        sides += peers.values()
        measure(ours, peers, options, rows)
    except (Failed, OSError, subprocess.CalledProcessError) as error:
        print("bench_net: %s" % error, file=sys.stderr)
        return 1
    finally:
        for side in sides:
            side.stop()
        shutil.rmtree(folder, ignore_errors=True)
    rows.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
