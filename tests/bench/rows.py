# SPDX-License-Identifier: Apache-2.0
"""Figures with goals, for the summary."""
import statistics


class Rows:
    """What the summary will say: a file of four columns, tab-separated."""

    def __init__(self, path):
        self.path, self.lines = path, []

    def add(self, figure, measured, unit, goal, at_most):
        met = measured <= goal if at_most else measured >= goal
        self.lines.append("%s\t%.4g%s\t%s %g%s\t%s" % (
            figure, measured, unit, "<=" if at_most else ">=", goal, unit,
            "met" if met else "NOT met"))

    def write(self):
        if self.path is not None:
            with open(self.path, "w", encoding="utf-8") as f:
                f.write("".join(line + "\n" for line in self.lines))


def median(values):
    return statistics.median(list(values))
