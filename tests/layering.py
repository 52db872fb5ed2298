#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when an #include turns an arrow round, or a library leaks out of its folder."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Folder -> folders of ours it may use (besides itself).
ARROWS = {
    "core": set(),
    "storage": {"core"},
    "api": {"core"},
    "daemon": {"core", "storage", "api"},
    "cli": {"core", "storage"},
}
# Header (prefix) -> folders that own the library.
OWNERS = {
    "sqlite3.h": {"storage"},
    "zlib.h": {"storage"},
    "protobuf-c/": {"storage"},
    "onnx.pb-c.h": {"storage"},
    "microhttpd.h": {"api"},
    "spng.h": {"api"},
    "turbojpeg.h": {"api"},
    "jansson.h": {"api", "cli"},
    "gnutls/": {"api", "cli"},
    "uv.h": {"daemon"},
    "curl/": {"cli"},
    "Random123/": {"core"},
}
# core/ is pure: no files, sockets, threads, clocks.
IMPURE = {"pthread.h", "threads.h", "time.h", "unistd.h", "fcntl.h", "errno.h", "stdatomic.h",
          "sys/", "netinet/", "arpa/", "signal.h"}
# Nor does it say anything, or keep anything between calls.
IMPURE_CALLS = re.compile(r"\b(printf|fprintf|fopen|fputs|puts|getenv|rand|time|clock)\s*\(")


def matches(header, names):
    return any(header == n or (n.endswith("/") and header.startswith(n)) for n in names)


def check_file(folder, path, text):
    for number, line in enumerate(text.split("\n"), 1):
        where = "%s:%d" % (os.path.relpath(path, ROOT), number)
        found = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if found:
            kind, header = found.groups()
            top = header.split("/")[0]
            if kind == '"' and top in ARROWS and top != folder and top not in ARROWS[folder]:
                yield "%s: %s/ may not know %s" % (where, folder, header)
            if kind == '"' and top not in ARROWS:
                yield "%s: name %s from the top, as \"folder/file.h\"" % (where, header)
            for library, owners in OWNERS.items():
                if matches(header, {library}) and folder not in owners:
                    yield "%s: %s belongs to %s" % (where, header, " and ".join(sorted(owners)))
            if folder == "core" and matches(header, IMPURE):
                yield "%s: core is pure, and %s is not" % (where, header)
        elif folder == "core" and IMPURE_CALLS.search(line) and not line.lstrip().startswith("*"):
            yield "%s: core is pure: %s" % (where, line.strip())


def main():
    problems, n_files = [], 0
    for folder in ARROWS:
        for base, _, names in os.walk(os.path.join(ROOT, folder)):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    path = os.path.join(base, name)
                    with open(path, encoding="utf-8") as f:
                        text = f.read()
                    n_files += 1
                    problems += check_file(folder, path, text)
                    if "SPDX-License-Identifier: Apache-2.0" not in text.split("\n")[0]:
                        problems.append("%s: no SPDX line first" % os.path.relpath(path, ROOT))
    for problem in problems:
        print(problem)
    print("%d files, %d problems" % (n_files, len(problems)))
    sys.exit(1 if problems or n_files == 0 else 0)


if __name__ == "__main__":
    main()
