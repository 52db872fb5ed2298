# SPDX-License-Identifier: Apache-2.0
"""What the kernel says of the daemon: memory, descriptors, threads."""
import os
import statistics
import time

BLOCK_S = 5.0


class Watch:
    """Samples of resident memory since it was made."""

    def __init__(self, pid):
        self.pid, self.began = pid, time.monotonic()
        self.samples = []  # seconds, KiB

    def status(self, field):
        with open("/proc/%d/status" % self.pid, encoding="ascii") as f:
            return int(next(line.split()[1] for line in f if line.startswith(field + ":")))

    def sample(self):
        self.samples.append((time.monotonic() - self.began, self.status("VmRSS")))

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def floors(self, since_s):
        """The least of every few seconds: work in progress comes and goes, a leak stays."""
        blocks = {}
        for at, kib in self.samples:
            if at >= since_s:
                block = int(at / BLOCK_S)
                blocks[block] = min(kib, blocks.get(block, kib))
        return [(block * BLOCK_S, kib) for block, kib in sorted(blocks.items())]

    @staticmethod
    def slope(points):
        """The median of the slopes of all pairs (Theil and Sen): single peaks do not count."""
        step = max(1, len(points) // 200)
        points = points[::step]
        return statistics.median((b[1] - a[1]) / (b[0] - a[0])
                                 for i, a in enumerate(points) for b in points[i + 1:])
