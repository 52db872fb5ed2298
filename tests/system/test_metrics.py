# SPDX-License-Identifier: Apache-2.0
"""GET /metrics: on from the start, well-formed at any moment, and of a bounded size whatever
clients send."""
import contextlib
import os
import random
import re
import shutil
import socket
import subprocess
import unittest

import exposition
from spinbnn_system import PATIENCE, SOURCE, Daemon, Load, eventually

CLASSIFY = "/api/v1/models/mnist/classify"
N_URLS, N_TURNS = (1000, 6) if PATIENCE > 1 else (10000, 20)
# Requests of one send; their answers fit into what the sockets hold.
BURST = 100
# What Prometheus asks for; 0.0.4 is always a good answer.
ACCEPT = ("application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;"
          "version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2")


def scrape(daemon):
    answer = daemon.get("/metrics", headers={"Accept": ACCEPT})
    if answer.status != 200 or \
            answer.headers["Content-Type"] != "text/plain; version=0.0.4; charset=utf-8":
        raise AssertionError((answer.status, answer.headers))
    return exposition.parse(answer.body)


def outcomes(families, model="mnist"):
    family = families["spinbnn_inference_requests_total"]
    return {dict(labels)["outcome"]: value for (_, labels), value in family.samples.items()
            if dict(labels)["model"] == model}


class FromTheStart(unittest.TestCase):
    maxDiff = None

    def test_a_scrape_without_any_setting_right_after_the_start(self):
        """Counters of what did not happen yet are there, so that the first event is seen."""
        with Daemon() as daemon:
            families = scrape(daemon)
            self.assertEqual(outcomes(families), dict.fromkeys((
                "success", "invalid", "rejected", "timeout", "error", "cancelled"), 0))
            self.assertEqual(families["spinbnn_http_requests_total"].value(
                route="/api/v1/models/{m}/classify", code="200"), 0)
            self.assertEqual(families["spinbnn_build_info"].value(), 1)
            for name in ("draining", "db_degraded", "queue_depth"):
                self.assertEqual(families["spinbnn_" + name].value(), 0, name)
            for model in ("mnist", "fashion", "cifar10"):
                self.assertEqual(families["spinbnn_model_ready"].value(model=model), 1)
            for name in ("cpu_seconds_total", "resident_memory_bytes", "virtual_memory_bytes",
                         "open_fds", "max_fds", "start_time_seconds"):
                self.assertGreater(families["process_" + name].value(), 0, name)

    def test_every_family_is_described(self):
        with open(os.path.join(SOURCE, "api", "README.md"), encoding="utf-8") as f:
            section = f.read().split("\n### metrics\n", 1)[1].split("\n##", 1)[0]
        rows = [line.split("|")[1:3] for line in section.split("\n") if line.startswith("| `")]
        told = {}
        for names, labels in rows:
            for name in re.findall(r"`(\w+)`", names):
                told[name] = set(re.findall(r"`(\w+)`", labels))
        with Daemon() as daemon:
            found = {name: {label for _, labels in family.samples for label, _ in labels} - {"le"}
                     for name, family in scrape(daemon).items()}
        self.assertEqual(told, found)

    def promtool(self):
        own = os.path.join(SOURCE, "build", "tools", "usr", "bin", "promtool")
        tool = own if os.path.exists(own) else shutil.which("promtool")
        if tool is None:
            self.skipTest("promtool is not here; ./install-deps test brings it")
        return tool

    def test_promtool_finds_nothing_to_say(self):
        tool = self.promtool()
        with Daemon() as daemon:
            daemon.ask("POST", CLASSIFY, bytes(784))
            daemon.patch("mnist", {"mode": "iid", "bit_error_rate": 0.01})
            daemon.get("/nope")
            done = subprocess.run([tool, "check", "metrics"], input=daemon.get("/metrics").body,
                                  capture_output=True)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))


class Counting(unittest.TestCase):
    def test_counters_agree_with_what_was_asked(self):
        with Daemon() as daemon:
            for _ in range(7):
                daemon.ask("POST", CLASSIFY + "?label=0", bytes(784))
            for _ in range(3):
                daemon.ask("POST", CLASSIFY, b"bad")
            wrong = daemon.patch("mnist", {"mode": "iid", "bit_error_rate": 0.01}
                                 ).json()["result"]["wrong_bits"]
            # The time of writing an answer is counted when it has gone out.
            one = {"model": "mnist", "version": "1"}
            encoded = {**one, "phase": "encode"}
            self.assertTrue(eventually(lambda: self.count(
                scrape(daemon), "spinbnn_inference_phase_seconds", **encoded) == 7))
            families = scrape(daemon)
            route = "/api/v1/models/{m}/classify"
            for name in ("spinbnn_inferences_total", "spinbnn_labelled_inferences_total"):
                self.assertEqual(families[name].value(model="mnist"), 7)
            requests = families["spinbnn_http_requests_total"]
            self.assertEqual(requests.value(route=route, code="200"), 7)
            self.assertEqual(requests.value(route=route, code="422"), 3)
            found = outcomes(families)
            self.assertEqual((found["success"], found["invalid"], sum(found.values())), (7, 3, 10))
            self.assertEqual(sum(families["spinbnn_mram_wrong_cells"].value(
                model="mnist", direction=d) for d in ("p2ap", "ap2p")), wrong)
            self.assertEqual(self.count(families, "spinbnn_inference_duration_seconds", **one), 7)
            self.assertEqual(self.count(families, "spinbnn_inference_batch_size", **one), 7)
            parts = sum(families["spinbnn_inference_phase_seconds"].samples[
                "spinbnn_inference_phase_seconds_sum", (*one.items(), ("phase", phase))]
                for phase in ("queue", "decode", "compute"))
            whole = families["spinbnn_inference_duration_seconds"].samples[
                "spinbnn_inference_duration_seconds_sum", tuple(one.items())]
            self.assertAlmostEqual(parts, whole, delta=1e-6)

    @staticmethod
    def count(families, name, **labels):
        (found,) = [v for (sample, pairs), v in families[name].samples.items()
                    if sample == name + "_count" and dict(pairs) == labels]
        return found

    def test_connections_that_are_too_many_are_counted(self):
        with Daemon(max_connections=2) as daemon:
            held = [daemon.connection() for _ in range(2)]
            for connection in held:
                self.assertEqual(daemon.get("/v2/health/live", connection=connection).status, 200)
            for _ in range(3):
                with socket.create_connection(("127.0.0.1", daemon.port),
                                              timeout=30 * PATIENCE) as s, \
                        contextlib.suppress(ConnectionResetError):
                    self.assertEqual(s.recv(1), b"")
            families = exposition.parse(daemon.get("/metrics", connection=held[0]).body)
            self.assertEqual([families["spinbnn_http_connections" + name].value() for name in (
                "", "_limit", "_accepted_total", "_refused_total")], [2, 2, 2, 3])
            for connection in held:
                connection.close()

    def test_any_scrape_is_well_formed_and_no_counter_falls(self):
        """While requests, mistakes, programmings, loads and unloads go on."""
        with Daemon(threads=2, workers=2) as daemon:
            before = exposition.counters(scrape(daemon))
            with Load(daemon, n_threads=3) as load:
                for turn in range(N_TURNS):
                    daemon.ask("POST", CLASSIFY, b"bad")
                    what = ("unload", "load")[turn % 2]
                    daemon.ask("POST", "/v2/repository/models/fashion/" + what)
                    daemon.patch("mnist", {"mode": "iid", "bit_error_rate": turn / 1000})
                    families = scrape(daemon)
                    self.assertEqual(families["spinbnn_model_ready"].value(model="fashion"),
                                     turn % 2)
                    now = exposition.counters(families)
                    for sample, value in before.items():
                        # What a model counted goes with it.
                        if ("model", "fashion") not in sample[1]:
                            self.assertGreaterEqual(now[sample], value, sample)
                    before = now
            self.assertEqual(load.failures, [])
            found = outcomes(scrape(daemon))
            self.assertEqual((found["success"], found["invalid"]), (load.answered, N_TURNS))


class Bounded(unittest.TestCase):
    def burst(self, daemon, requests):
        """Sends them down one connection; all are answered."""
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=60 * PATIENCE) as s:
            s.sendall(b"".join(requests[:-1]) +
                      requests[-1].replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            got = b"".join(iter(lambda: s.recv(65536), b""))
        self.assertEqual(got.count(b"HTTP/1.1 4"), len(requests), got[-2000:])

    def requests(self, rng, n):
        """Names and versions of models, jobs and everything else that a client makes up."""
        word = "%x" % rng.getrandbits(64)
        shapes = (("GET", "/%s/%d" % (word, n)), ("POST", "/api/v1/models/%s/classify" % word),
                  ("GET", "/api/v1/models/" + word), ("GET", "/v2/models/%s/ready" % word),
                  ("POST", "/v2/models/%s/infer" % word),
                  ("GET", "/v2/models/mnist/versions/%d/stats" % (n + 2)),
                  ("POST", "/v2/repository/models/%s/load" % word),
                  ("POST", "/v2/repository/models/%s/unload" % word),
                  ("GET", "/metrics/" + word), ("M" + word.upper(), "/v2/health/live"),
                  ("DELETE", "/api/v1/models/" + word),
                  ("POST", "/api/v1/models/mnist/classify?top=" + word))
        method, path = shapes[n % len(shapes)]
        return ("%s %s HTTP/1.1\r\nHost: localhost\r\nX-%s: %s\r\nContent-Length: 0\r\n\r\n" %
                (method, path, word, word)).encode()

    def test_ten_thousand_urls_and_names_make_no_new_series(self):
        rng = random.Random(10)
        with Daemon(threads=2) as daemon:
            def settled(n):
                """Series once so many requests are counted, which is a moment after they are
                answered."""
                def counted():
                    text = daemon.get("/metrics").body.decode()
                    return sum(float(line.rsplit(" ", 1)[1]) for line in text.split("\n")
                               if re.match(r'spinbnn_http_requests_total\{.*code="4', line)) >= n
                self.assertTrue(eventually(counted))
                return exposition.series(scrape(daemon))
            # Each kind once: the codes that they get are a closed set, but one by one.
            self.burst(daemon, [self.requests(rng, n) for n in range(24)])
            before = settled(24)
            for begin in range(0, N_URLS, BURST):
                self.burst(daemon, [self.requests(rng, begin + i) for i in range(BURST)])
            self.assertEqual(settled(24 + N_URLS), before)


if __name__ == "__main__":
    unittest.main()
