# SPDX-License-Identifier: Apache-2.0
"""Starts the real spinbnnd for a test and talks to it over real sockets.

The binary is $SPINBNND (and $SPINBNN for the command line). Standard library only.
"""
import base64
import gzip
import http.client
import json
import math
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zlib

SPINBNND = os.environ["SPINBNND"]
SPINBNN = os.environ["SPINBNN"]
SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
MNIST = os.path.join(SOURCE, "..", "shared", "data", "mnist")
CIFAR10 = os.path.join(SOURCE, "..", "shared", "data", "cifar-10")
FASHION = "/usr/share/datasets/fashion-mnist"
# Sanitized builds are slower; tests that wait, wait longer.
PATIENCE = float(os.environ.get("TEST_PATIENCE", "1"))
# Who changes something while others ask without pause has its turn soon when an answer is there.
sys.setswitchinterval(0.0005)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Daemon:
    """One spinbnnd on a port of its own; `state` is kept between starts.

    `command` runs it where that is not $SPINBNND itself; `limits` are resource limits."""

    def __init__(self, state=None, command=None, limits=None, **settings):
        self.own_state = state is None
        self.command, self.limits = command or [SPINBNND], limits or {}
        self.state = state or tempfile.mkdtemp(prefix="spinbnn-test-")
        self.settings = dict(listen="127.0.0.1:0", state_dir=self.state)
        self.settings.update(settings)
        self.process = None
        self.log = []

    def start(self, env=None):
        args = list(self.command)
        for name, value in self.settings.items():
            args += ["--" + name.replace("_", "-"), str(value)]
        began = time.monotonic()
        self.process = subprocess.Popen(args, stderr=subprocess.PIPE, text=True,
                                        env=dict(os.environ, **(env or {})),
                                        preexec_fn=self._limit if self.limits else None)
        self.port, self.log, self.ready_s = None, [], None
        for line in self.process.stderr:
            self.log.append(line.rstrip())
            found = re.search(r"\blisten\b.*address=127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found.group(1))
            if "ready after" in line:
                self.ready_s = time.monotonic() - began
                break
        if self.ready_s is None:
            code = self.process.wait()
            self.process.stderr.close()
            self.process = None
            raise RuntimeError("spinbnnd exited with %d:\n%s" % (code, "\n".join(self.log)))
        self.reader = threading.Thread(target=self._read_log, daemon=True)
        self.reader.start()
        return self

    def _limit(self):
        for limit, n in self.limits.items():
            resource.setrlimit(limit, (n, n))

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip())

    def _ended(self, code):
        self.reader.join()
        self.process.stderr.close()
        self.process = None
        # A sanitizer may report and go on, and the exit code of a kill tells nothing.
        reports = [i for i, line in enumerate(self.log)
                   if "Sanitizer" in line or "runtime error:" in line]
        if reports:
            raise AssertionError("\n".join(self.log[max(reports[0] - 1, 0):reports[0] + 60]))
        return code

    def stop(self, sig=signal.SIGTERM):
        """Ends it in order; the exit code."""
        self.process.send_signal(sig)
        return self._ended(self.process.wait(timeout=60 * PATIENCE))

    def kill(self):
        self.process.kill()
        return self._ended(self.process.wait())

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process is not None:
            self.kill()
        if self.own_state:
            shutil.rmtree(self.state, ignore_errors=True)

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def connection(self, timeout=30):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout * PATIENCE)

    def ask(self, method, path, body=None, headers=None, connection=None):
        """One request; JSON objects are sent as JSON."""
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        own = connection is None
        connection = connection or self.connection()
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        if own:
            connection.close()
        return answer

    def get(self, path, **kwargs):
        return self.ask("GET", path, **kwargs)

    def patch(self, model, body, headers=None):
        return self.ask("PATCH", "/api/v1/models/%s/operating-point" % model, body, headers)

    def post(self, model, what, body=None, status=200, headers=None):
        """A change of the array; its answer."""
        answer = self.ask("POST", "/api/v1/models/%s/%s" % (model, what), body, headers)
        if answer.status != status:
            raise AssertionError("%s: %d %s" % (what, answer.status, answer.body))
        return answer.json()

    def program(self, model, body, status=200, query=""):
        """A PATCH of the operating point; its answer."""
        answer = self.ask("PATCH", "/api/v1/models/%s/operating-point%s" % (model, query), body)
        if answer.status != status:
            raise AssertionError("%s: %d %s" % (body, answer.status, answer.body))
        return answer.json()

    def memory(self, model, query=""):
        return self.get("/api/v1/models/%s/memory%s" % (model, query)).json()

    def point(self, model):
        return self.get("/api/v1/models/%s/operating-point" % model).json()

    def resident_kb(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def raw(self, data, timeout=10):
        """Bytes as they are; whatever comes back until the server closes or falls silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            got = b""
            try:
                while True:
                    part = s.recv(65536)
                    if not part:
                        return got
                    got += part
            except (socket.timeout, ConnectionResetError):
                return got


def binomial_bound(n, p):
    """Five standard deviations: one false alarm in two million."""
    return 5 * math.sqrt(n * p * (1 - p))


def is_poisson(n, mean, bunch=1):
    """Is n what rare events of this mean give? Within five standard deviations; below a mean of
    25 by the exact tail, at the same risk. bunch: how many of the things counted come at once,
    at most; the variance is at most so many times the mean."""
    if bunch > 1 or mean >= 25:
        return abs(n - mean) <= 5 * math.sqrt(bunch * max(mean, 1))

    def below(k):
        return sum(math.exp(i * math.log(mean) - mean - math.lgamma(i + 1)) for i in range(k))
    if mean == 0:
        return n == 0
    return 1 - below(n) > 2.9e-7 and below(n + 1) > 2.9e-7


def eventually(condition, seconds=20):
    """Whether it comes true within that time."""
    end, pause_s = time.monotonic() + seconds * PATIENCE, 0.001
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 0.05)
    return True


def database_rows(daemon, sql, *args):
    database = sqlite3.connect("file:%s/spinbnn.db?mode=ro" % daemon.state, uri=True)
    database.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in database.execute(sql, args)]
    finally:
        database.close()


def png_pixels(data):
    """Width, height and pixels of an 8-bit grey PNG, from the specification alone."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise AssertionError("no PNG: %r" % data[:20])
    at, chunks = 8, {}
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        (crc,) = struct.unpack(">I", data[at + 8 + size:at + 12 + size])
        if crc != zlib.crc32(kind + body):
            raise AssertionError("chunk %r has another checksum" % kind)
        chunks[kind] = chunks.get(kind, b"") + body
        at += 12 + size
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    if (depth, colour, interlaced) != (8, 0, 0):
        raise AssertionError("not 8-bit grey")
    raw = zlib.decompress(chunks[b"IDAT"])
    rows, before = [], bytes(width)
    for y in range(height):
        kind, row = raw[y * (width + 1)], bytearray(raw[y * (width + 1) + 1:(y + 1) * (width + 1)])
        for x in range(width):
            left, up, corner = (row[x - 1] if x else 0), before[x], (before[x - 1] if x else 0)
            guess = left + up - corner
            paeth = min((abs(guess - left), 0, left), (abs(guess - up), 1, up),
                        (abs(guess - corner), 2, corner))[2]
            row[x] = (row[x] + (0, left, up, (left + up) // 2, paeth)[kind]) & 255
        before = bytes(row)
        rows.append(before)
    return width, height, b"".join(rows)


def read_idx(folder, stem):
    with gzip.open(os.path.join(folder, stem + ".gz"), "rb") as f:
        data = f.read()
    n_dims = data[3]
    dims = struct.unpack(">%dI" % n_dims, data[4:4 + 4 * n_dims])
    return dims, data[4 + 4 * n_dims:]


def test_set(folder):
    """Pictures (bytes each) and labels of a set's test split."""
    dims, pixels = read_idx(folder, "t10k-images-idx3-ubyte")
    _, labels = read_idx(folder, "t10k-labels-idx1-ubyte")
    size = dims[1] * dims[2]
    return [pixels[i * size:(i + 1) * size] for i in range(dims[0])], list(labels)


def classify_all(daemon, model, pictures, labels, batch=100):
    """Classes given to all pictures, in batches of base64 JSON."""
    classes = []
    connection = daemon.connection()
    for begin in range(0, len(pictures), batch):
        body = {"images": [{"b64": base64.b64encode(p).decode()}
                           for p in pictures[begin:begin + batch]],
                "labels": labels[begin:begin + batch]}
        answer = daemon.ask("POST", "/api/v1/models/%s/classify?top=1" % model, body,
                            connection=connection)
        if answer.status != 200:
            raise AssertionError("classify: %d %s" % (answer.status, answer.body))
        classes += [r["class"] for r in answer.json()["results"]]
    connection.close()
    return classes


def needs_mnist(test):
    return unittest.skipUnless(os.path.isdir(MNIST), "MNIST is not here (../shared/data)")(test)


def needs_fashion(test):
    return unittest.skipUnless(os.path.isdir(FASHION),
                               "Debian's dataset-fashion-mnist is not installed")(test)


class Crowd:
    """Threads, called `threads`, that run until told to stop by the event `stopping`."""

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


class Load(Crowd):
    """Threads that classify without pause until told to stop; counts what went wrong."""

    def __init__(self, daemon, model="mnist", n_threads=4, body=bytes(784)):
        self.daemon, self.model, self.body = daemon, model, body
        self.stopping = threading.Event()
        self.answered, self.failures, self.generations = 0, [], set()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run) for _ in range(n_threads)]

    # A daemon that stops shuts connections on which nothing happened for 0.2 s. A client
    # that was not given the processor for so long meets a closed connection, as any idle
    # client does (RFC 9112, 9.3.1): its request was never read, and it may ask again. The
    # daemon has seen nothing since the request before was sent, if it was read at once.
    IDLE_S = 0.1

    def _run(self):
        connection, heard_at, sent_at = None, 0.0, None
        while not self.stopping.is_set():
            try:
                if connection is None:
                    connection, heard_at = self.daemon.connection(), time.monotonic()
                    try:
                        connection.connect()
                    except OSError:
                        # Nobody listens any more: not a request that was lost.
                        return
                sent_at = None
                connection.request("POST", "/api/v1/models/%s/classify?top=1" % self.model,
                                   body=self.body,
                                   headers={"Content-Type": "application/octet-stream"})
                sent_at = time.monotonic()
                response = connection.getresponse()
                body = response.read()
                heard_at = sent_at
                with self.lock:
                    if response.status == 200:
                        self.answered += 1
                        self.generations.add(json.loads(body)["generation"])
                    else:
                        self.failures.append((response.status, body))
                if response.headers.get("Connection", "").lower() == "close":
                    connection.close()
                    connection = None
            except (http.client.HTTPException, OSError) as error:
                idle_s = (sent_at or time.monotonic()) - heard_at
                if idle_s < self.IDLE_S:
                    with self.lock:
                        self.failures.append((type(error).__name__, str(error), idle_s))
                connection.close()
                connection = None
        if connection is not None:
            connection.close()


def png(width, height, pixels, colour=0):
    """A PNG of 8-bit pixels, grey (0) or RGB (2)."""
    channels = {0: 1, 2: 3}[colour]
    rows = b"".join(b"\0" + pixels[y * width * channels:(y + 1) * width * channels]
                    for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + \
            struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + \
        chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)) + \
        chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def jpeg(width, height, pixels):
    """A grey baseline JPEG without loss, of pixels that are alike in every block of 8 x 8."""
    bits, before = "", 0
    for y in range(0, height, 8):
        for x in range(0, width, 8):
            # Of one value a block has only its mean, in steps of 8 eighths.
            value = pixels[y * width + x] - 128
            step, before = value - before, value
            size = abs(step).bit_length()
            bits += format(size, "04b")
            if size:
                bits += format(step if step > 0 else step + (1 << size) - 1, "0%db" % size)
            bits += "0"  # no other coefficients
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")

    def segment(kind, body):
        return b"\xff" + bytes([kind]) + struct.pack(">H", len(body) + 2) + body
    return b"\xff\xd8" + \
        segment(0xdb, bytes([0] + [8] * 64)) + \
        segment(0xc0, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)) + \
        segment(0xc4, bytes([0x00, 0, 0, 0, 12] + [0] * 12) + bytes(range(12))) + \
        segment(0xc4, bytes([0x10, 1] + [0] * 15) + b"\0") + \
        segment(0xda, bytes([1, 1, 0, 0, 63, 0])) + data + b"\xff\xd9"
