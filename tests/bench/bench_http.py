# SPDX-License-Identifier: Apache-2.0
"""Times the daemon from outside: requests/s and CPU per request against a bare
libmicrohttpd server and against Node.js with onnxruntime, with a row a request and without,
p99 while the operating point is turned, a batch by one worker and by two, and the time to
start.

    bench_http.py BUILD_DIR --peer DIR [--rounds N] [--seconds S] [--rows FILE]

wrk makes the load (one thread, 32 connections); client and servers share the machine's
cores. Everything that is compared is measured in turns within one round; figures are
medians over the rounds, ratios medians of the ratios within a round. --peer: a folder
with node_modules/onnxruntime-node; without, there is no comparison with it. --rows: a copy of
the figures for the summary, tab-separated.
"""
import argparse
import base64
import concurrent.futures
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

import net_graphs
from peer import has_peer
from rows import Rows, median

HERE = os.path.dirname(os.path.abspath(__file__))
CONNECTIONS = 32
CLASSIFY = "/api/v1/models/mnist/classify"
INFER = "/v2/models/mnist/infer"
SAME = "/api/v1/models/mlp/classify" # the network that the peer has, too
RAW = {"Content-Type": "application/octet-stream"}
JSON = {"Content-Type": "application/json"}
POINT = "/api/v1/models/mnist/operating-point"
PATCH_EVERY_S = 0.1
START_TRIES = 9
BATCH = 64
BATCHES = 5 # a round
# Bytes per connection of the bare server. The library clears them for every request, so
# more would only slow it down.
BARE_MEMORY = 16 * 1024

# Kinds of request: requests/s against bare at least, CPU per request at most (None: no
# goal of its own).
KINDS = {"raw": (0.65, 1.8), "base64": (0.55, 2.3), "numbers": (0.55, 2.3),
         "V2 binary": (0.60, None), "V2 JSON": (0.55, None), "health": (0.90, None)}
# CPU per request of Node.js and onnxruntime to ours, at least.
PEER_GOAL = 30
# With a row a request, of those without: requests/s at least, CPU per request at most; and
# what counting is of a request, at most.
ROWS_RATE, ROWS_CPU, COUNTING_SHARE = 0.85, 1.15, 0.01
# So few that rows go as fast as they come, as they do on any day but the first.
ROWS_KEPT = 100000
# The writer's turn, and some more.
WRITER_S = 1.5

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


def port_in(log):
    """Where the daemon listens. A thread of its own writes the log: it may be late."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with open(log, encoding="utf-8") as f:
            found = re.search(r"listen address=127\.0\.0\.1:(\d+)\n", f.read())
        if found is not None:
            return int(found[1])
        time.sleep(0.005)
    raise Failed("spinbnnd does not say where it listens")


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
        self.port = port_in(log)

    def ask(self, method, path, body=None, headers=None):
        return ask(self.port, Request(method, path, body, headers or JSON))


class Told(Process):
    """A server that prints its port."""

    def __init__(self, *args):
        super().__init__(args, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if line == "":
            self.stop()
            raise Failed("%s does not start" % args[0])
        self.port = int(line)

    def stop(self):
        super().stop()
        self.process.stdout.close()


class Request:
    def __init__(self, method, path, body=None, headers=None):
        self.method, self.path, self.body, self.headers = method, path, body, headers or {}

    def arguments(self, folder):
        """Of request.lua."""
        name = ""
        if self.body is not None:
            name = os.path.join(folder, "body")
            with open(name, "wb") as f:
                f.write(self.body)
        return [self.method, name] + [text for pair in self.headers.items() for text in pair]


def ask(port, request):
    """Headers and body of an answer that says yes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(request.method, request.path, body=request.body, headers=request.headers)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    if response.status not in (200, 201):
        raise Failed("%s %s: %d %s" % (request.method, request.path, response.status, answer))
    return response.getheaders(), answer


def as_json(value):
    return json.dumps(value, separators=(",", ":")).encode()


# Noise, so that numbers have all their digits.
PIXELS = random.Random(1).randbytes(784)


def tensor(**more):
    return dict(name="input", shape=[1, 784], datatype="UINT8", **more)


def v2_binary():
    """The picture behind the JSON, and so the logits in the answer."""
    head = as_json({"inputs": [tensor(parameters={"binary_data_size": len(PIXELS)})],
                    "outputs": [{"name": "scores", "parameters": {"binary_data": True}}]})
    return Request("POST", INFER, head + PIXELS, {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(head))})


def request_of(kind):
    if kind == "raw":
        return Request("POST", CLASSIFY, PIXELS, RAW)
    if kind == "base64":
        image = {"b64": base64.b64encode(PIXELS).decode()}
        return Request("POST", CLASSIFY, as_json({"images": [image]}), JSON)
    if kind == "numbers":
        return Request("POST", CLASSIFY, as_json({"images": [{"pixels": list(PIXELS)}]}), JSON)
    if kind == "V2 binary":
        return v2_binary()
    if kind == "V2 JSON":
        return Request("POST", INFER, as_json({"inputs": [tensor(data=list(PIXELS))]}), JSON)
    return Request("GET", "/v2/health/live")


def record_answer(daemon, request, path):
    """An answer of the daemon, in the form that bare_server reads."""
    headers, answer = ask(daemon.port, request)
    with open(path, "wb") as f:
        for name, value in headers:
            if name not in ("Date", "Content-Length"):
                f.write(("%s: %s\n" % (name, value)).encode())
        f.write(b"\n" + answer)


class Load:
    """One run of wrk against a server."""

    def __init__(self, server, request, seconds, folder, settle_s=0.0):
        """settle_s: how long its CPU time counts after the last request."""
        url = "http://127.0.0.1:%d%s" % (server.port, request.path)
        before = server.cpu_ns()
        done = subprocess.run(
            ["wrk", "-t1", "-c%d" % CONNECTIONS, "-d%ds" % seconds, "-s",
             os.path.join(HERE, "request.lua"), url, "--", *request.arguments(folder)],
            capture_output=True, text=True, check=False)
        time.sleep(settle_s)
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
    requests = {kind: request_of(kind) for kind in KINDS}
    loads = {kind: [] for kind in KINDS}
    bares = {}
    try:
        for kind, request in requests.items():
            answer = os.path.join(folder, "answer")
            record_answer(daemon, request, answer)
            bares[kind] = Told(bare_program, str(threads), str(BARE_MEMORY), answer)
        for _ in range(rounds):
            for kind, request in requests.items():
                loads[kind].append((Load(bares[kind], request, seconds, folder),
                                    Load(daemon, request, seconds, folder)))
    finally:
        for bare in bares.values():
            bare.stop()
    print("\nagainst bare libmicrohttpd, %d data threads each, %d connections, "
          "%d rounds of %d s" % (threads, CONNECTIONS, rounds, seconds))
    print("%-9s %6s %10s %10s %6s  %10s %10s %6s  %9s %9s" % (
        "request", "bytes", "bare req/s", "req/s", "ratio", "bare us", "CPU us", "ratio",
        "bare p99", "p99 us"))
    for kind, pairs in loads.items():
        print_against_bare(kind, len(requests[kind].body or b""), pairs, rows)


def print_against_bare(kind, n_bytes, pairs, rows):
    goal_rate, goal_cpu = KINDS[kind]
    rate = median(d.rate / b.rate for b, d in pairs)
    cpu = median(d.cpu_us / b.cpu_us for b, d in pairs)
    print("%-9s %6d %10.0f %10.0f %6.2f  %10.2f %10.2f %6.2f  %9.0f %9.0f" % (
        kind, n_bytes, median(b.rate for b, _ in pairs), median(d.rate for _, d in pairs), rate,
        median(b.cpu_us for b, _ in pairs), median(d.cpu_us for _, d in pairs), cpu,
        median(b.p99_us for b, _ in pairs), median(d.p99_us for _, d in pairs)))
    rows.add("%s: requests/s to bare" % kind, rate, "x", goal_rate, False)
    if goal_cpu is not None:
        rows.add("%s: server CPU/request to bare" % kind, cpu, "x", goal_cpu, True)


def check_peer(daemon, peer):
    """Both have the same network: do they say the same of the picture?"""
    scores = json.loads(ask(daemon.port, Request("POST", SAME + "?top=10", PIXELS, RAW))[1])
    ours = {s["class"]: s["logit"] for s in scores["results"][0]["scores"]}
    theirs = json.loads(ask(peer.port, Request("POST", "/", PIXELS, RAW))[1])["logits"]
    largest = max(map(abs, theirs))
    if any(abs(ours[c] - logit) > 1e-4 * max(1, largest) for c, logit in enumerate(theirs)):
        raise Failed("the peer computes something else: %s, ours %s" % (theirs, ours))


def measure_peer(daemon, modules, folder, rounds, seconds, rows):
    """The MLP of the part net, served by Node.js and onnxruntime and by us."""
    if not has_peer(modules):
        return
    graph = os.path.join(folder, "mlp.onnx")
    with open(graph, "wb") as f:
        f.write(net_graphs.mlp().write())
    with open(graph, "rb") as f:
        ask(daemon.port, Request("PUT", "/api/v1/models/mlp?range=0..255&layout=nchw", f.read()))
    request = Request("POST", SAME, PIXELS, RAW)
    peer = Told("node", os.path.join(HERE, "http_peer.js"), modules, graph)
    try:
        check_peer(daemon, peer)
        pairs = [(Load(peer, request, seconds, folder), Load(daemon, request, seconds, folder))
                 for _ in range(rounds)]
    finally:
        peer.stop()
    cpu = median(p.cpu_us / d.cpu_us for p, d in pairs)
    print("\n784-1024-1024-10 against Node.js http with onnxruntime-node, fp32, one thread "
          "computing; raw pixels, %d rounds of %d s" % (rounds, seconds))
    print("%-8s %10s %10s %9s" % ("", "req/s", "CPU us", "p99 us"))
    for name, loads in zip(("node", "spinbnnd"), zip(*pairs)):
        print("%-8s %10.0f %10.2f %9.0f" % (name, median(x.rate for x in loads),
                                            median(x.cpu_us for x in loads),
                                            median(x.p99_us for x in loads)))
    print("CPU per request: %.1fx less; requests/s %.1fx" % (
        cpu, median(d.rate / p.rate for p, d in pairs)))
    rows.add("CPU/request of Node.js and onnxruntime fp32 to ours", cpu, "x", PEER_GOAL, False)


def counting_ns(program):
    """Of one request, for each of its parts."""
    done = subprocess.run([program, "5"], capture_output=True, text=True, check=True)
    return {name: float(ns) for name, ns in re.findall(r"^(\w+) +([\d.]+) ns$", done.stdout,
                                                       re.MULTILINE)}


def database_counters(daemon):
    text = daemon.ask("GET", "/metrics")[1].decode()
    return {name: float(n) for name, n in re.findall(r"^spinbnn_db_(\w+) (\S+)$", text,
                                                     re.MULTILINE)}


def measure_rows(program, record_program, folder, rounds, seconds, rows):
    """A row for each request and none, in turns; and what counting is of a request."""
    request = request_of("raw")
    daemons, loads, counting = [], [], []
    try:
        for one_in in ("0", "1"):
            state = os.path.join(folder, "rows-" + one_in)
            os.mkdir(state)
            daemons.append(Daemon(program, state, "--request-rows", one_in,
                                  "--request-rows-max", str(ROWS_KEPT)))
        for i in range(rounds):
            counting.append(counting_ns(record_program))
            pair = [None, None]
            for which in ((0, 1), (1, 0))[i % 2]:
                pair[which] = Load(daemons[which], request, seconds, folder, WRITER_S)
            loads.append(pair)
        database = database_counters(daemons[1])
    finally:
        for daemon in daemons:
            daemon.stop()
    print_rows(loads, database, rows)
    print_counting(loads, counting, rows)


def print_rows(loads, database, rows):
    print("\na row a request in the database, raw, %d rounds; CPU of all threads, the writer's "
          "too" % len(loads))
    print("%-8s %10s %10s %9s" % ("", "req/s", "CPU us", "p99 us"))
    for name, some in zip(("without", "with"), zip(*loads)):
        print("%-8s %10.0f %10.2f %9.0f" % (name, median(x.rate for x in some),
                                            median(x.cpu_us for x in some),
                                            median(x.p99_us for x in some)))
    rate = median(on.rate / off.rate for off, on in loads)
    cpu = median(on.cpu_us / off.cpu_us for off, on in loads)
    print("ratio    %10.3f %10.3f" % (rate, cpu))
    print("rows dropped: %.0f; database %.1f MB" % (
        database["rows_dropped_total"], database["size_bytes"] / 1e6))
    rows.add("raw with a row a request: requests/s to without", rate, "x", ROWS_RATE, False)
    rows.add("raw with a row a request: CPU/request to without", cpu, "x", ROWS_CPU, True)


def print_counting(loads, counting, rows):
    us = median(off.cpu_us for off, _ in loads)
    ns = {name: median(c[name] for c in counting) for name in counting[0]}
    share = median(c["counting"] / off.cpu_us / 1e3 for c, (off, _) in zip(counting, loads))
    print("\ncounting: %.0f ns of a request's %.2f us, %.2f %% (by itself: %s)" % (
        ns["counting"], us, 100 * share, ", ".join(
            "%s %.0f" % (name, ns[name]) for name in ns if name not in ("counting", "row"))))
    print("a row: %.0f ns of the thread that answers" % ns["row"])
    rows.add("counting, of the CPU of a raw request", share, "", COUNTING_SHARE, True)


def measure_turning(daemon, folder, rounds, seconds, rows):
    request = request_of("raw")
    loads = {mode: [] for mode in POINTS}
    patch_ms = {mode: [] for mode in POINTS}
    for _ in range(rounds):
        for mode in POINTS:
            quiet = Load(daemon, request, seconds, folder)
            turning = Turning(daemon, mode)
            try:
                loads[mode].append((quiet, Load(daemon, request, seconds, folder)))
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


class Batches:
    """Batches of a network that takes long, to daemons with so many workers each, all of
    them at once. The times are those of the last one to answer."""

    def __init__(self, program, folder, name, workers, request):
        self.request, self.ms, self.computing_ms = request, [], []
        self.daemons = []
        try:
            for i, n in enumerate(workers):
                state = os.path.join(folder, "%s-%d" % (name, i))
                os.mkdir(state)
                self.daemons.append(Daemon(program, state, "--workers", str(n)))
                ask(self.daemons[i].port, request) # the first one is not timed
        except BaseException:
            self.stop()
            raise

    def ask_one(self, daemon):
        answer = json.loads(ask(daemon.port, self.request)[1])
        return time.monotonic(), answer["time_us"]["compute"] / 1e3

    def ask_all(self, threads):
        asked = time.monotonic()
        answers = list(threads.map(self.ask_one, self.daemons))
        self.ms.append((max(at for at, _ in answers) - asked) * 1e3)
        self.computing_ms.append(max(ms for _, ms in answers))

    def stop(self):
        for daemon in self.daemons:
            daemon.stop()


def measure_workers(program, folder, rounds, rows):
    """A batch by one worker and by two; and what two processes with a worker each reach
    that have nothing in common, computing a batch each."""
    draw = random.Random(1)
    images = [{"b64": base64.b64encode(draw.randbytes(3072)).decode()} for _ in range(BATCH)]
    request = Request("POST", "/api/v1/models/cifar10/classify?top=1",
                      as_json({"images": images}), JSON)
    sides = []
    try:
        for name, workers in (("one", (1,)), ("two", (2,)), ("apart", (1, 1))):
            sides.append(Batches(program, folder, name, workers, request))
        with concurrent.futures.ThreadPoolExecutor(2) as threads:
            for i in range(BATCHES * rounds):
                for side in sides if i % 2 == 0 else sides[::-1]:
                    side.ask_all(threads)
    finally:
        for side in sides:
            side.stop()
    print_workers(*sides, rows)


def print_workers(one, two, apart, rows):
    print("\na batch of %d for cifar10, %d in turns; two batches by two processes at once" % (
        BATCH, len(one.ms)))
    print("%-22s %12s %10s %14s %7s %10s %14s %7s" % (
        "", "1 worker, ms", "2 workers", "2 processes ms", "ratio", "best/best", "of processes",
        "share"))
    for what, times in (("computing", lambda side: side.computing_ms),
                        ("from request to answer", lambda side: side.ms)):
        ones, twos, aparts = map(times, (one, two, apart))
        ratio = median(a / b for a, b in zip(ones, twos))
        ceiling = median(2 * a / c for a, c in zip(ones, aparts))
        share = median(c / (2 * b) for b, c in zip(twos, aparts))
        print("%-22s %12.2f %10.2f %14.2f %7.2f %10.2f %14.2f %7.2f" % (
            what, median(ones), median(twos), median(aparts), ratio, min(ones) / min(twos),
            ceiling, share))
        rows.add("batch of %d, two workers to one, %s" % (BATCH, what), ratio, "x", 1.8, False)


def measure_start(program, rows):
    first, second = [], []
    for _ in range(START_TRIES):
        folder = tempfile.mkdtemp(prefix="spinbnn-bench-")
        try:
            for times in (first, second):
                daemon = Daemon(program, folder)
                times.append((daemon.ready_s * 1e3, daemon.cpu_ns() / 1e6))
                daemon.stop()
        finally:
            shutil.rmtree(folder)
    print("\nfrom exec to ready, %d times each" % START_TRIES)
    for name, tries in (("first start", first), ("second start", second)):
        times, cpu = zip(*tries)
        print("%-13s median %6.1f ms   best %6.1f   worst %6.1f   CPU of all threads %6.1f" % (
            name, median(times), min(times), max(times), median(cpu)))
        rows.add("%s: exec to ready" % name, median(times), " ms", 100, True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build_dir")
    parser.add_argument("--peer", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rows")
    options = parser.parse_args()
    program = os.path.join(options.build_dir, "spinbnnd")
    bare = os.path.join(options.build_dir, "tests", "bench", "bare_server")
    record = os.path.join(options.build_dir, "tests", "bench", "bench_record")
    rows = Rows(options.rows)
    folder = tempfile.mkdtemp(prefix="spinbnn-bench-")
    try:
        daemon = Daemon(program, folder)
        try:
            status = json.loads(daemon.ask("GET", "/api/v1/status")[1])
            print("spinbnnd %s, kernel %s, %d data threads" % (
                status["version"], status["kernel"], status["threads"]))
            measure_throughput(daemon, bare, folder, options.rounds, options.seconds, rows)
            measure_peer(daemon, options.peer, folder, options.rounds, options.seconds, rows)
            measure_turning(daemon, folder, options.rounds, options.seconds, rows)
        finally:
            daemon.stop()
        measure_rows(program, record, folder, options.rounds, options.seconds, rows)
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
