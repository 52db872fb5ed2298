# SPDX-License-Identifier: Apache-2.0
"""A strict reader of the Prometheus text format 0.0.4, from its specification alone: whatever a
scraper may trip over is an error."""
import math
import re

NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"  # colons are for recording rules
LABEL = re.compile(r'(%s)="((?:[^"\\\n]|\\["\\n])*)"(,|$)' % NAME)
SAMPLE = re.compile(r"(%s)(?:\{([^\n]*)\})? (\S+)" % NAME)
TYPES = ("counter", "gauge", "histogram")


class Family:
    def __init__(self, name, text):
        self.name, self.help, self.type = name, text, None
        self.samples = {}  # (name, ((label, value), ...)): number

    def value(self, **labels):
        """Of the one sample that has these labels among its own."""
        (found,) = [v for (_, pairs), v in self.samples.items()
                    if labels.items() <= dict(pairs).items()]
        return found


def number(text):
    if text in ("NaN", "+Inf", "-Inf"):
        return float(text.replace("Inf", "inf"))
    if not re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", text):
        raise ValueError("no number: " + text)
    return float(text)


def labels_of(text):
    found, at = [], 0
    while at < len(text):
        match = LABEL.match(text, at)
        if not match or match.group(1).startswith("__"):
            raise ValueError("no labels: " + text)
        found.append((match.group(1), match.group(2)))
        at = match.end()
    if len(dict(found)) != len(found):
        raise ValueError("a label twice: " + text)
    return tuple(found)


def put_sample(family, line):
    match = SAMPLE.fullmatch(line)
    if not match:
        raise ValueError("no sample: " + line)
    name, labels = match.group(1), labels_of(match.group(2) or "")
    suffixes = ("_bucket", "_sum", "_count") if family.type == "histogram" else ("",)
    if name not in [family.name + suffix for suffix in suffixes]:
        raise ValueError("outside of its family: " + line)
    if (name, labels) in family.samples:
        raise ValueError("twice: " + line)
    family.samples[name, labels] = number(match.group(3))


def check_names(family):
    """The same labels on all samples, and what a name promises of its type."""
    names = {tuple(label for label, _ in labels if label != "le")
             for _, labels in family.samples}
    if len(names) > 1:
        raise ValueError("%s has labels %s" % (family.name, names))
    if (family.type == "counter") != family.name.endswith("_total"):
        raise ValueError("%s is a %s" % (family.name, family.type))
    if family.type == "counter" and not all(v >= 0 for v in family.samples.values()):
        raise ValueError(family.name + " is below 0")


def check_histogram(family):
    series = {}
    for (name, labels), value in family.samples.items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        kind = name[len(family.name):]
        one = series.setdefault(rest, {"_bucket": []})
        if kind == "_bucket":
            one[kind].append((number(dict(labels)["le"]), value))
        else:
            one[kind] = value
    for rest, one in series.items():
        edges = [edge for edge, _ in one["_bucket"]]
        counts = [count for _, count in one["_bucket"]]
        if edges != sorted(set(edges)) or edges[-1] != math.inf or not 10 <= len(edges) <= 17:
            raise ValueError("%s %s: edges %s" % (family.name, rest, edges))
        if counts != sorted(counts) or counts[-1] != one["_count"] or one["_sum"] < 0:
            raise ValueError("%s %s: %s" % (family.name, rest, one))


def parse(body):
    """Families by name; ValueError says what is wrong."""
    text = body.decode("utf-8")
    if not text.endswith("\n") or "\r" in text:
        raise ValueError("lines end otherwise than with a newline")
    families, family = {}, None
    for line in text[:-1].split("\n"):
        head = re.fullmatch(r"# (HELP|TYPE) (%s) (.+)" % NAME, line)
        if head and head.group(1) == "HELP":
            family = Family(head.group(2), head.group(3))
            if family.name in families or re.search(r"\\[^\\n]", family.help):
                raise ValueError("a second head, or a bad escape: " + line)
            families[family.name] = family
        elif head:
            if family is None or family.name != head.group(2) or family.type or \
                    head.group(3) not in TYPES:
                raise ValueError("a type in the wrong place: " + line)
            family.type = head.group(3)
        elif family is None or family.type is None:
            raise ValueError("a sample without a head: " + line)
        else:
            put_sample(family, line)
    for family in families.values():
        check_names(family)
        if family.type == "histogram":
            check_histogram(family)
    return families


def series(families):
    """Everything that a scraper would keep."""
    return {sample for family in families.values() for sample in family.samples}


def counters(families):
    """What must never fall."""
    return {sample: value for family in families.values() if family.type != "gauge"
            for sample, value in family.samples.items()}
