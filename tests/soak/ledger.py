# SPDX-License-Identifier: Apache-2.0
"""What was asked, what was answered, and what was wrong with it."""
import collections
import threading


class Ledger:
    """One for all clients."""

    def __init__(self):
        self.lock = threading.Lock()
        self.answers = collections.Counter()  # (what, status)
        self.requests = collections.Counter()  # by model: classify and infer with 200
        self.images = collections.Counter()
        self.errors = collections.Counter()  # by model: 4xx and 5xx of these
        self.unheard = collections.Counter()  # by model: sent whole, answer not read
        self.outcomes = {}  # (model, generation, picture, form): what came out
        self.repeats = 0  # answers that there was an earlier one to compare with
        self.faults = []

    def fault(self, what, *details):
        with self.lock:
            self.faults.append("%s: %s" % (what, " ".join(map(str, details))[:300]))

    def heard(self, what, status, allowed, body=b""):
        """Any answer. Whether it is one that is to be expected."""
        with self.lock:
            self.answers[what, status] += 1
        if status not in allowed:
            self.fault(what, status, body[:200])
        return status in allowed

    def inferred(self, model, status, images):
        """An answer of classify or infer, for a model that was there if neither a 404, nor a
        503 because it was on its way back (memory, the other reason for one, does not run out
        here)."""
        with self.lock:
            if status == 200:
                self.requests[model] += 1
                self.images[model] += images
            elif status not in (404, 503):
                self.errors[model] += 1

    def left(self, model):
        with self.lock:
            self.unheard[model] += 1

    def outcome(self, what, key, value):
        """The same picture in the same generation has the same logits."""
        with self.lock:
            before = self.outcomes.setdefault(key, value)
            self.repeats += before is not value
        if before != value:
            self.fault(what, key, "was", before, "is", value)
