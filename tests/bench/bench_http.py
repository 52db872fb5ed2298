# SPDX-License-Identifier: Apache-2.0
"""Times the daemon from outside: requests/s and CPU per request against a bare
libmicrohttpd server, p99 while the operating point is turned, a batch by one worker and
by two, and the time to start.

    bench_http.py BUILD_DIR [--rounds N] [--seconds S] [--rows FILE]

wrk makes the load (one thread, 32 connections); client and servers share the machine's
cores. Everything that is compared is measured in turns within one round; figures are
medians over the rounds, ratios medians of the ratios within a round. --rows: a copy of
the figures for the summary, tab-separated.
"""
import argparse
import base64
import glob
import http.client
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from rows import Rows, median

HERE = os.path.dirname(os.path.abspath(__file__))
CONNECTIONS = 32
CLASSIFY = "/api/v1/models/mnist/classify"
POINT = "/api/v1/models/mnist/operating-point"
PATCH_EVERY_S = 0.1
START_TRIES = 9
BATCH = 64
BATCHES = 5 # a round
# Bytes per connection of the bare server. The library clears them for every request, so
# more would only slow it down.
BARE_MEMORY = 16 * 1024

# Kinds of body: requests/s against bare at least, CPU per request at most.
KINDS = {"raw": (0.60, 1.8), "base64": (0.50, 2.3), "numbers": (0.50, 2.3)}

# Two operating points a mode, so that every PATCH programs something new.
POINTS = {
    "iid": [{"mode": "iid", "bit_error_rate": rate} for rate in (1e-3, 2e-3)],
    "uniform": [{"mode": "uniform", "target_write_error_rate": rate,
                 "program_over": "random"} for rate in (1e-3, 2e-3)],
    "device": [{"mode": "device", "target_write_error_rate": rate,
                "program_over": "random"} for rate in (1e-3, 2e-3)],
}


class Failed(Exception):
    """Something could not run at all."""


class Process:
    """A server that we started."""

    def __init__(self, args, **kwargs):
        self.process = subprocess.Popen(args, **kwargs)

    def cpu_ns(self):
        """Time that its threads ran."""
        total = 0
        for path in glob.glob("/proc/%d/task/*/schedstat" % self.process.pid):
            with open(path, encoding="ascii") as f:
                total += int(f.read().split()[0])
        return total

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)


class Daemon(Process):
    """spinbnnd on a port of its own; ready_s is the time from exec to READY=1."""

    def __init__(self, program, state, *arguments):
        notify = os.path.join(state, "notify")
        log = os.path.join(state, "log")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox, \
                open(log, "wb") as stderr:
            inbox.bind(notify)
            inbox.settimeout(30)
            began = time.monotonic()
            super().__init__([program, "--listen", "127.0.0.1:0", "--state-dir",
                              os.path.join(state, "state"), *arguments],
                             stderr=stderr, env=dict(os.environ, NOTIFY_SOCKET=notify))
            try:
                inbox.recv(4096)
            except socket.timeout:
                self.process.kill()
                with open(log, encoding="utf-8") as f:
                    raise Failed("spinbnnd does not start:\n" + f.read()) from None
            self.ready_s = time.monotonic() - began
        os.unlink(notify)
        with open(log, encoding="utf-8") as f:
            self.port = int(re.search(r"listen address=127\.0\.0\.1:(\d+)", f.read())[1])
        self.url = "http://127.0.0.1:%d%s" % (self.port, CLASSIFY)

    def ask(self, method, path, body=None, content_type="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body=body, headers={"Content-Type": content_type})
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        if response.status != 200:
            raise Failed("%s %s: %d %s" % (method, path, response.status, answer))
        return response.getheaders(), answer


class Bare(Process):
    """The bare server, answering as the daemon did once."""

    def __init__(self, program, threads, answer_file):
        super().__init__([program, str(threads), str(BARE_MEMORY), answer_file],
                         stdout=subprocess.PIPE, text=True)
        self.url = "http://127.0.0.1:%d%s" % (int(self.process.stdout.readline()), CLASSIFY)

    def stop(self):
        super().stop()
        self.process.stdout.close()


class Body:
    """A picture of noise, so that numbers have all their digits."""

    def __init__(self, folder, kind):
        pixels = random.Random(1).randbytes(784)
        self.content_type = "application/json"
        if kind == "raw":
            self.bytes, self.content_type = pixels, "application/octet-stream"
        elif kind == "base64":
            image = {"b64": base64.b64encode(pixels).decode()}
            self.bytes = json.dumps({"images": [image]}).encode()
        else:
            self.bytes = json.dumps({"images": [{"pixels": list(pixels)}]},
                                    separators=(",", ":")).encode()
        self.path = os.path.join(folder, "body-" + kind)
        with open(self.path, "wb") as f:
            f.write(self.bytes)


def record_answer(daemon, body, path):
    """An answer of the daemon, in the form that bare_server reads."""
    headers, answer = daemon.ask("POST", CLASSIFY, body.bytes, body.content_type)
    with open(path, "wb") as f:
        for name, value in headers:
            if name not in ("Date", "Content-Length"):
                f.write(("%s: %s\n" % (name, value)).encode())
        f.write(b"\n" + answer)


class Load:
    """One run of wrk against a server."""

    def __init__(self, server, body, seconds):
        before = server.cpu_ns()
        done = subprocess.run(
            ["wrk", "-t1", "-c%d" % CONNECTIONS, "-d%ds" % seconds, "-s",
             os.path.join(HERE, "post.lua"), server.url, "--", body.path,
             body.content_type], capture_output=True, text=True, check=False)
        cpu_ns = server.cpu_ns() - before
        found = re.search(r"^RESULT (\d+) (\d+) (\d+) (\d+) (\d+)\nFAILED (.*)$", done.stdout,
                          re.MULTILINE)
        if found is None:
            raise Failed("wrk: " + done.stdout + done.stderr)
        requests, self.us, self.p50_us, self.p99_us, self.max_us = \
            map(int, found.groups()[:5])
        # What wrk calls a timeout is an answer that came late: p99 tells of it.
        if requests == 0 or re.search("[1-9]", found[6].partition(", timeout")[0]):
            raise Failed("wrk: of %d requests failed: %s" % (requests, found[6]))
        self.rate = requests / self.us * 1e6
        self.cpu_us = cpu_ns / 1e3 / requests


class Turning(threading.Thread):
    """Turns the operating point every 100 ms until told to stop."""

    def __init__(self, daemon, mode):
        super().__init__()
        self.daemon_process, self.mode = daemon, mode
        self.stopping = threading.Event()
        self.ms, self.error = [], None
        self.start()

    def run(self):
        began = time.monotonic()
        n = 0
        try:
            while not self.stopping.wait(max(0, began + n * PATCH_EVERY_S - time.monotonic())):
                asked = time.monotonic()
                self.daemon_process.ask("PATCH", POINT,
                                        json.dumps(POINTS[self.mode][n % 2]).encode())
                self.ms.append((time.monotonic() - asked) * 1e3)
                n += 1
        except (Failed, OSError) as error:
            self.error = error

    def finish(self):
        self.stopping.set()
        self.join()
        if self.error is not None:
            raise Failed("PATCH: %s" % self.error)


def measure_throughput(daemon, bare_program, folder, rounds, seconds, rows):
    threads = json.loads(daemon.ask("GET", "/api/v1/status")[1])["threads"]
    bodies = {kind: Body(folder, kind) for kind in KINDS}
    answer = os.path.join(folder, "answer")
    record_answer(daemon, bodies["raw"], answer)
    bare = Bare(bare_program, threads, answer)
    loads = {kind: {"bare": [], "daemon": []} for kind in KINDS}
    try:
        for _ in range(rounds):
            for kind in KINDS:
                loads[kind]["bare"].append(Load(bare, bodies[kind], seconds))
                loads[kind]["daemon"].append(Load(daemon, bodies[kind], seconds))
    finally:
        bare.stop()
    print("\nclassify against bare libmicrohttpd, %d data threads each, %d connections, "
          "%d rounds of %d s" % (threads, CONNECTIONS, rounds, seconds))
    print("%-8s %6s %10s %10s %6s  %10s %10s %6s  %9s %9s" % (
        "body", "bytes", "bare req/s", "req/s", "ratio", "bare us", "CPU us", "ratio",
        "bare p99", "p99 us"))
    for kind, (goal_rate, goal_cpu) in KINDS.items():
        bares, daemons = loads[kind]["bare"], loads[kind]["daemon"]
        rate = median(d.rate / b.rate for d, b in zip(daemons, bares))
        cpu = median(d.cpu_us / b.cpu_us for d, b in zip(daemons, bares))
        print("%-8s %6d %10.0f %10.0f %6.2f  %10.2f %10.2f %6.2f  %9.0f %9.0f" % (
            kind, len(bodies[kind].bytes), median(b.rate for b in bares),
            median(d.rate for d in daemons), rate, median(b.cpu_us for b in bares),
            median(d.cpu_us for d in daemons), cpu, median(b.p99_us for b in bares),
            median(d.p99_us for d in daemons)))
        rows.add("classify %s: requests/s to bare" % kind, rate, "x", goal_rate, False)
        rows.add("classify %s: server CPU/request to bare" % kind, cpu, "x", goal_cpu, True)


def measure_turning(daemon, folder, rounds, seconds, rows):
    body = Body(folder, "raw")
    loads = {mode: [] for mode in POINTS}
    patch_ms = {mode: [] for mode in POINTS}
    for _ in range(rounds):
        for mode in POINTS:
            quiet = Load(daemon, body, seconds)
            turning = Turning(daemon, mode)
            try:
                loads[mode].append((quiet, Load(daemon, body, seconds)))
            finally:
                turning.finish()
            patch_ms[mode] += turning.ms
    print("\np99 of classify (raw) while the operating point is turned every %d ms, %d "
          "rounds of %d s" % (PATCH_EVERY_S * 1e3, rounds, seconds))
    print("%-8s %10s %10s %6s %10s %10s %10s %8s %9s %7s" % (
        "mode", "quiet p99", "p99 us", "ratio", "best/best", "quiet p50", "p50 us", "req/s",
        "PATCH ms", "PATCHes"))
    for mode, pairs in loads.items():
        ratio = median(t.p99_us / q.p99_us for q, t in pairs)
        best = min(t.p99_us for _, t in pairs) / min(q.p99_us for q, _ in pairs)
        print("%-8s %10.0f %10.0f %6.2f %10.2f %10.0f %10.0f %7.0f%% %9.1f %7d" % (
            mode, median(q.p99_us for q, _ in pairs), median(t.p99_us for _, t in pairs),
            ratio, best, median(q.p50_us for q, _ in pairs), median(t.p50_us for _, t in pairs),
            100 * median(t.rate / q.rate for q, t in pairs), median(patch_ms[mode]),
            len(patch_ms[mode])))
        rows.add("p99 while turned, %s, to quiet" % mode, ratio, "x", 2.0, True)


def measure_workers(program, folder, rounds, rows):
    """A batch of a network that takes long, by one worker and by two."""
    draw = random.Random(1)
    images = [{"b64": base64.b64encode(draw.randbytes(3072)).decode()} for _ in range(BATCH)]
    body = json.dumps({"images": images}).encode()
    path = "/api/v1/models/cifar10/classify?top=1"
    ms, computing = {1: [], 2: []}, {1: [], 2: []}
    daemons = {}
    try:
        for workers in ms:
            state = os.path.join(folder, "workers-%d" % workers)
            os.mkdir(state)
            daemons[workers] = Daemon(program, state, "--workers", str(workers))
            daemons[workers].ask("POST", path, body) # the first one is not timed
        for _ in range(BATCHES * rounds):
            for workers, daemon in daemons.items():
                asked = time.monotonic()
                answer = json.loads(daemon.ask("POST", path, body)[1])
                ms[workers].append((time.monotonic() - asked) * 1e3)
                computing[workers].append(answer["time_us"]["compute"] / 1e3)
    finally:
        for daemon in daemons.values():
            daemon.stop()
    print("\na batch of %d for cifar10, %d in turns" % (BATCH, len(ms[1])))
    print("%-22s %12s %12s %7s %10s" % ("", "1 worker, ms", "2 workers", "ratio", "best/best"))
    for what, times in (("computing", computing), ("from request to answer", ms)):
        ratio = median(one / two for one, two in zip(times[1], times[2]))
        print("%-22s %12.2f %12.2f %7.2f %10.2f" % (
            what, median(times[1]), median(times[2]), ratio, min(times[1]) / min(times[2])))
        rows.add("batch of %d, two workers to one, %s" % (BATCH, what), ratio, "x", 1.8, False)


def measure_start(program, rows):
    first, second = [], []
    for _ in range(START_TRIES):
        folder = tempfile.mkdtemp(prefix="spinbnn-bench-")
        try:
            for times in (first, second):
                daemon = Daemon(program, folder)
                times.append(daemon.ready_s * 1e3)
                daemon.stop()
        finally:
            shutil.rmtree(folder)
    print("\nfrom exec to ready, %d times each" % START_TRIES)
    for name, times in (("first start", first), ("second start", second)):
        print("%-13s median %6.1f ms   best %6.1f   worst %6.1f" % (
            name, median(times), min(times), max(times)))
        rows.add("%s: exec to ready" % name, median(times), " ms", 100, True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build_dir")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rows")
    options = parser.parse_args()
    program = os.path.join(options.build_dir, "spinbnnd")
    bare = os.path.join(options.build_dir, "tests", "bench", "bare_server")
    rows = Rows(options.rows)
    folder = tempfile.mkdtemp(prefix="spinbnn-bench-")
    try:
        daemon = Daemon(program, folder)
        try:
            status = json.loads(daemon.ask("GET", "/api/v1/status")[1])
            print("spinbnnd %s, kernel %s, %d data threads" % (
                status["version"], status["kernel"], status["threads"]))
            measure_throughput(daemon, bare, folder, options.rounds, options.seconds, rows)
            measure_turning(daemon, folder, options.rounds, options.seconds, rows)
        finally:
            daemon.stop()
        measure_workers(program, folder, options.rounds, rows)
        measure_start(program, rows)
    except (Failed, OSError) as error:
        print("bench_http: %s" % error, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rows.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
