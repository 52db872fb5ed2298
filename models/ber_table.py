#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Accuracy of the shipped networks against the share of wrong bits, as a Markdown table.

    models/ber_table.py --mnist DIR --fashion DIR --cifar10 DIR

Starts a spinbnnd of its own on a free port with an empty state folder, writes each network into
SEEDS simulated arrays at each bit error rate, and classifies the test set from each: what
is published in models/README.md. DIR is what `spinbnn evaluate --dataset` takes; a network
without one is left out. Needs a release build and nothing but Python.

A number is the mean over the arrays and, behind ±, the standard deviation from one array to
the next (n - 1), in percent. Errors are independent and hit each stored weight with the same
probability (mode iid). With --mode uniform or device they come from the junction model: every
weight is written over its complement, so that all cells have to toggle and the write error
rate, for which the voltages are solved, is the bit error rate.
"""
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODELS = ["mnist", "fashion", "cifar10"]


class Bench:
    """A daemon that lives as long as the `with` block, and the command line talking to it."""

    def __init__(self, build):
        self.build = build

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="spinbnn-ber-")
        self.daemon = subprocess.Popen(
            [os.path.join(self.build, "spinbnnd"), "--listen", "127.0.0.1:0", "--log-level",
             "info", "--state-dir", self.folder.name],
            stderr=subprocess.PIPE, text=True, env=self.clean_environment())
        line, self.url = "", None
        while " ready " not in line:
            line = self.daemon.stderr.readline()
            if line == "":
                raise SystemExit("ber_table: spinbnnd did not start")
            if "listen address=" in line:
                self.url = "http://" + line.split("address=")[1].split()[0]
        # Nobody reads on, and a full pipe must not hold the daemon up.
        self.drain = subprocess.Popen(["cat"], stdin=self.daemon.stderr,
                                      stdout=subprocess.DEVNULL)
        return self

    def __exit__(self, *exception):
        self.daemon.terminate()
        self.daemon.wait()
        self.drain.wait()
        self.folder.cleanup()

    @staticmethod
    def clean_environment():
        return {k: v for k, v in os.environ.items() if not k.startswith("SPINBNN_")}

    def ask(self, *args):
        done = subprocess.run([os.path.join(self.build, "spinbnn"), "--url", self.url, *args,
                               "--json"], stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout)


def write(bench, model, mode, rate, seed):
    conditions = ["--mode", "iid", "--bit-error-rate", "%g" % rate]
    if mode != "iid" and rate > 0:
        conditions = ["--mode", mode, "--target", "%g" % rate, "--over", "complement"]
    bench.ask("operating-point", "set", "-m", model, "--seed", str(seed), *conditions)


def measure(bench, model, folder, args, rate):
    """[accuracy in percent of each array], [bit error rate of each]"""
    accuracies, errors = [], []
    # Without wrong bits all arrays hold the same.
    for seed in range(1, args.seeds + 1 if rate > 0 else 2):
        write(bench, model, args.mode, rate, seed)
        limit = ["--limit", str(args.limit)] if args.limit else []
        out = bench.ask("evaluate", "-m", model, "-d", folder, *limit)
        accuracies.append(100 * out["correct"] / out["images"])
        errors.append(out["generations"][-1]["bit_error_rate"])
    return accuracies, errors


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for model in MODELS:
        parser.add_argument("--" + model, metavar="DIR", help="data set of model " + model)
    parser.add_argument("--rates", default="0,1e-4,1e-3,3e-3,1e-2,3e-2,1e-1",
                        help="bit error rates, separated by commas (%(default)s)")
    parser.add_argument("--seeds", type=int, default=8, help="arrays, seeds 1..N (%(default)s)")
    parser.add_argument("--mode", choices=("iid", "uniform", "device"), default="iid")
    parser.add_argument("--limit", type=int, help="only the first N pictures")
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"),
                        help="folder of spinbnnd and spinbnn (build/release)")
    args = parser.parse_args()
    sets = {m: getattr(args, m) for m in MODELS if getattr(args, m)}
    if not sets:
        parser.error("name at least one data set")
    if args.seeds < 2:
        parser.error("--seeds: a deviation takes two")
    rates = [float(r) for r in args.rates.split(",")]

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))    # ends the daemon as well
    with Bench(args.build) as bench:
        print("| bit error rate | " + " | ".join("`%s`" % m for m in sets) + " |")
        print("|---|" + "---|" * len(sets), flush=True)
        for rate in rates:
            cells = []
            for model, folder in sets.items():
                began = time.time()
                found, errors = measure(bench, model, folder, args, rate)
                cells.append("%.2f" % statistics.mean(found) +
                             (" ± %.2f" % statistics.stdev(found) if len(found) > 1 else ""))
                print("%s at %g: %s, wrong bits %.3e, %.1f s" % (
                    model, rate, " ".join("%.2f" % a for a in found),
                    statistics.mean(errors), time.time() - began), file=sys.stderr, flush=True)
            print("| %g | " % rate + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
