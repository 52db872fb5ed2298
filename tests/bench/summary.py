# SPDX-License-Identifier: Apache-2.0
"""Prints the figures that have a goal, from what the programs of tests/bench wrote.

    summary.py RESULTS_DIR

One table: figure, measured, goal, met or not. Always exits 0: a figure is no test.
"""
import os
import re
import sys

GOAL = re.compile(r"(goal|MISSES) ([\d.]+)")


def row(figure, measured, goal, met):
    return figure, measured, goal, "met" if met else "NOT met"


def kernel_rows(text):
    """Lines of a shape's title, then one line a kernel: two ratios, then their goals."""
    shape = ""
    for line in text.splitlines():
        if not line.startswith(" "):
            shape = line
            continue
        found = re.match(r" +(\S+) .*?([\d.]+) of bound +([\d.]+)x scalar", line)
        goals = GOAL.findall(line)
        if found is None or not goals:
            continue
        name, bound, scalar = found.groups()
        ratios = [(bound, " of bound"), (scalar, "x asm scalar")][-len(goals):]
        for (ratio, unit), (verdict, goal) in zip(ratios, goals):
            yield row("%s, %s" % (name, shape), ratio + unit, ">= %s%s" % (goal, unit),
                      verdict == "goal")


def conv_rows(text):
    """A kernel's title, then one line a layer: three ratios, each perhaps with a goal."""
    name = ""
    for line in text.splitlines():
        if not line.startswith(" "):
            name = line.split(":")[0]
            continue
        for ratio, unit, verdict, goal in re.findall(
                r"([\d.]+)( of matrix product| of its size's product|x scalar) (goal|MISSES) ([\d.]+)", line):
            yield row("%s, %s" % (name, line.split("  ")[1].strip()), ratio + unit,
                      ">= %s%s" % (goal, unit), verdict == "goal")


def infer_rows(text):
    """One line a network and kernel: batch 1 in us, batch 64 in pictures/s, with goals."""
    for line in text.splitlines():
        name = " ".join(line.split()[:2])
        for what, measured, unit, verdict, goal in re.findall(
                r"(batch \d+): +([\d.]+) (us|pictures/s) \([^)]*\) (goal|MISSES) ([\d.]+)",
                line):
            yield row("MLP, %s, %s" % (name, what), "%s %s" % (measured, unit),
                      "%s %s %s" % ("<=" if unit == "us" else ">=", goal, unit),
                      verdict == "goal")


def mram_rows(text):
    """A table: mode, rate, over, code, cells, retries, us, x plain, Mcell/s, for a code the
    ratio to the row without one, goal, verdict."""
    for line in text.splitlines():
        found = re.match(r"(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +(\d+) +\d+ +([\d.]+) +(\d+) +"
                         r"([\d.]+ )?([<>]=) (\d+)(x plain|x no code| Mcell/s) (met|MISSED)$",
                         line)
        if found is None:
            continue
        (mode, rate, over, code, cells, retries, plain, speed, uncoded, sign, goal, unit,
         verdict) = found.groups()
        what = "age" if rate == "age" else "over %s at %s" % (over, rate)
        extras = [e for e in (code, cells, retries + " retries")
                  if e not in ("none", "1T1R", "0 retries")]
        measured = {"x plain": plain + "x", "x no code": (uncoded or "").strip() + "x",
                    " Mcell/s": speed + " Mcell/s"}[unit]
        yield row(", ".join(["64 Mbit, %s %s" % (mode, what)] + extras), measured,
                  "%s %s%s" % (sign, goal, unit), verdict == "met")


def written_rows(text):
    """As rows.py has written them."""
    for line in text.splitlines():
        yield tuple(line.split("\t"))


PARTS = (("kernel.txt", kernel_rows), ("conv.txt", conv_rows), ("infer.txt", infer_rows),
         ("mram.txt", mram_rows), ("net.tsv", written_rows), ("http.tsv", written_rows))


def main():
    rows = []
    for name, parse in PARTS:
        path = os.path.join(sys.argv[1], name)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                rows += parse(f.read())
    width = max((len(r[0]) for r in rows), default=0)
    print("\n== summary\n%-*s  %-20s %-20s" % (width, "figure", "measured", "goal"))
    for figure, measured, goal, verdict in rows:
        print("%-*s  %-20s %-20s %s" % (width, figure, measured, goal, verdict))
    missed = sum(r[3] != "met" for r in rows)
    print("%d of %d goals met" % (len(rows) - missed, len(rows)))


main()
