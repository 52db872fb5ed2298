# SPDX-License-Identifier: Apache-2.0
"""The clients of the soak, a thread each: each step asks for something and judges the
answer. Models: mnist and cifar10 are asked and programmed; fashion is loaded and
unloaded; extra is sent and deleted, as one of two networks; victim is for those who
leave."""
import base64
import http.client
import itertools
import json
import os
import random
import socket
import sqlite3
import struct
import threading
import time

import exposition
from small_nets import SmallNet, logits_of
from spinbnn_system import SOURCE, png

HEADER = "Inference-Header-Content-Length"
RAW = {"Content-Type": "application/octet-stream"}
BUSY = (429, 503, 504)
MODELS = "/api/v1/models"
CONTRACT = "?range=0..255&layout=nchw"
N_PICTURES = 4
PIXELS = {"mnist": 784, "fashion": 784, "victim": 784, "cifar10": 3072}
KEPT = 16  # generations of a model, for array/diff
REMEMBERED = 65536  # pictures of each data thread, for labels that come later
SMALL = (SmallNet(1), SmallNet(2))


def picture(model, i):
    return random.Random("%s %d" % (PIXELS[model], i)).randbytes(PIXELS[model])


class Actor(threading.Thread):
    """Steps until it is told to stop. What it meets and did not expect is a fault."""

    pause_s = 0.0

    def __init__(self, soak, seed):
        super().__init__(name="%s %d" % (type(self).__name__, seed))
        self.soak, self.daemon_process, self.ledger = soak, soak.daemon, soak.ledger
        self.rng = random.Random(self.name)
        self.connection = None

    def run(self):
        try:
            while not self.soak.stopping.wait(self.pause_s and self.rng.uniform(
                    0.5, 1.5) * self.pause_s):
                self.attempt()
            self.finish()
        finally:
            if self.connection is not None:
                self.connection.close()

    def attempt(self):
        try:
            self.step()
        except (http.client.HTTPException, OSError, ValueError, KeyError,
                sqlite3.Error) as error:
            self.ledger.fault(self.name, type(error).__name__, error)
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            self.soak.stopping.wait(0.5)  # a daemon that is gone is not asked in a hurry

    def step(self):
        raise NotImplementedError

    def finish(self):
        pass

    def ask(self, method, path, body=None, headers=None, allowed=(200,), what=None):
        if self.connection is None:
            self.connection = self.daemon_process.connection(timeout=120)
        answer = self.daemon_process.ask(method, path, body, headers, self.connection)
        if answer.headers.get("Connection", "").lower() == "close":
            self.connection.close()
            self.connection = None
        self.ledger.heard(what or type(self).__name__, answer.status, allowed, answer.body)
        return answer


# -- Those who ask networks --

class Asker(Actor):
    """Classify or infer, and what came of it into the ledger."""

    def infer(self, model, path, body, headers, picked, also=()):
        answer = self.ask("POST", path, body, headers, (200, *BUSY, *also))
        self.ledger.inferred(model, answer.status, len(picked))
        return answer if answer.status == 200 else None

    def classify(self, model, body, headers, picked, also=()):
        answer = self.infer(model, "%s/%s/classify?top=10" % (MODELS, model), body, headers,
                            picked, also)
        if answer is None:
            return
        got = answer.json()
        if len(got["results"]) != len(picked):
            self.ledger.fault(self.name, len(got["results"]), "results of", len(picked))
        for i, result in zip(picked, got["results"]):
            scores = tuple((s["class"], s["logit"]) for s in result["scores"])
            self.ledger.outcome(self.name, (model, got["generation"], i, "classify"),
                                (got["memory"]["wrong_bits"], scores))

    def pick(self, most):
        return self.rng.choices(range(N_PICTURES), k=self.rng.randint(1, most))


class Raw(Asker):
    model, also = "mnist", ()

    def step(self):
        (i,) = self.pick(1)
        self.classify(self.model, picture(self.model, i), RAW, [i], self.also)


class RawOfFashion(Raw):
    """While it is loaded and unloaded."""
    model, also = "fashion", (404,)


class Png(Asker):
    def step(self):
        (i,) = self.pick(1)
        self.classify("mnist", png(28, 28, picture("mnist", i)), {"Content-Type": "image/png"},
                      [i])


class Json(Asker):
    def step(self):
        picked = self.pick(8)
        images = [{"b64": base64.b64encode(picture("mnist", i)).decode()} if j % 2 else
                  {"pixels": list(picture("mnist", i))} for j, i in enumerate(picked)]
        self.classify("mnist", {"images": images}, None, picked)


class Batches(Asker):
    """Of a network that takes long: by several workers."""

    def step(self):
        picked = self.pick(70)
        self.classify("cifar10", {"images": [
            {"b64": base64.b64encode(picture("cifar10", i)).decode()} for i in picked]}, None,
            picked)


class V2(Asker):
    """infer in JSON and in binary; in binary the answer too."""

    def request(self, picked, **tensor):
        request = {"inputs": [dict(name="input", shape=[len(picked), 784], datatype="UINT8",
                                   **tensor)]}
        if self.rng.randrange(4) == 0:
            request["parameters"] = {"timeout": self.rng.choice((1, 1000, 10 ** 7))}
        return request

    def step(self):
        picked = self.pick(20)
        data = b"".join(picture("mnist", i) for i in picked)
        binary = self.rng.random() < 0.5
        if binary:
            request = self.request(picked, parameters={"binary_data_size": len(data)})
            request["outputs"] = [{"name": "scores", "parameters": {"binary_data": True}}]
            head = json.dumps(request).encode()
            answer = self.infer("mnist", "/v2/models/mnist/infer", head + data,
                                {HEADER: str(len(head))}, picked)
        else:
            answer = self.infer("mnist", "/v2/models/mnist/infer",
                                self.request(picked, data=list(data)), None, picked)
        if answer is not None:
            self.compare(answer, picked, binary)

    def compare(self, answer, picked, binary):
        if binary:
            head = int(answer.headers[HEADER])
            got = json.loads(answer.body[:head])
            blob = answer.body[head:]
        else:
            got = answer.json()
            data = got["outputs"][0]["data"]
            blob = struct.pack("<%df" % len(data), *data)
        if len(blob) != 40 * len(picked):
            self.ledger.fault(self.name, len(blob), "bytes for", len(picked), "pictures")
        for j, i in enumerate(picked):
            self.ledger.outcome(
                self.name, ("mnist", got["parameters"]["generation"], i, "infer"),
                (got["parameters"]["wrong_bits"], blob[40 * j:40 * j + 40].hex()))


class Extra(Asker):
    """A model that is sent and deleted meanwhile: each answer is that of one network."""

    def step(self):
        (i,) = self.pick(1)
        sent = SMALL[0].picture(i)
        answer = self.infer("extra", MODELS + "/extra/classify?top=3", sent, RAW, [i], (404,))
        if answer is None:
            return
        got = logits_of(answer.json()["results"][0], 3)
        if got not in [net.logits(sent) for net in SMALL]:
            self.ledger.fault(self.name, got, "is of neither network")


class Careless(Asker):
    """Mistakes: each is refused, and counted."""

    mistakes = ((bytes(783), RAW, 422), (b"{", {"Content-Type": "application/json"}, 400),
                (bytes(784), {"Content-Type": "text/plain"}, 415),
                ({"images": [{"pixels": [256] * 784}]}, None, 422))
    pause_s = 0.02

    def step(self):
        body, headers, status = self.rng.choice(self.mistakes)
        answer = self.ask("POST", MODELS + "/mnist/classify", body, headers, (status, *BUSY))
        self.ledger.inferred("mnist", answer.status, 1)


class Killed(Actor):
    """Clients that end in the middle of a head, a body or an answer."""

    pause_s = 0.01

    def step(self):
        body = picture("victim", 0)
        head = ("POST %s/victim/classify HTTP/1.1\r\nHost: localhost\r\n"
                "Content-Type: application/octet-stream\r\nContent-Length: 784\r\n\r\n" %
                MODELS).encode()
        array = ("GET %s/victim/array HTTP/1.1\r\nHost: localhost\r\n\r\n" % MODELS).encode()
        what = self.rng.choice(("head", "body", "answer", "large answer"))
        whole = head + body
        send = {"head": head[:self.rng.randrange(1, len(head))],
                "body": whole[:self.rng.randrange(len(head), len(whole))],
                "answer": whole, "large answer": array}[what]
        with socket.create_connection(("127.0.0.1", self.daemon_process.port),
                                      timeout=60) as s:
            s.sendall(send)
            if what == "answer":
                self.ledger.left("victim")
            if what == "large answer":
                s.recv(1000)
            if self.rng.random() < 0.5:  # with a reset
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.ledger.heard("Killed in " + what, 0, (0,))


# -- Those who change things --

class Programming(Actor):
    """Turns, ages, scrubs and breaks the arrays that are asked."""

    pause_s = 0.1

    def step(self):
        model = "mnist" if self.rng.random() < 0.95 else "cifar10"
        rate = self.rng.choice((1e-2, 1e-3, 1e-4))
        what, body = self.rng.choice((
            ("point", {"mode": "iid", "bit_error_rate": rate}),
            ("point", {"mode": "uniform", "target_write_error_rate": rate,
                       "program_over": "random"}),
            ("point", {"mode": "device", "target_write_error_rate": rate,
                       "program_over": "random"}),
            ("point", {"code": self.rng.choice(("none", "secded"))}),
            ("age", {"seconds": self.rng.choice((1, 1e6)), "temperature_k": 358}),
            ("scrub", {}), ("program", {}), ("inject", {"share": 1e-4, "seed": 5})))
        if what == "point":
            self.ask("PATCH", "%s/%s/operating-point" % (MODELS, model), body, None,
                     (200, 422, *BUSY), "PATCH")
        else:
            # 409: nothing ages in mode iid.
            allowed = (200, 409, *BUSY) if what == "age" else (200, *BUSY)
            self.ask("POST", "%s/%s/%s" % (MODELS, model, what), body, None, allowed, what)


class Repository(Actor):
    """fashion goes out of service and comes back, or is loaded over itself."""

    pause_s = 0.2

    def step(self):
        if self.rng.random() < 0.5:
            self.ask("POST", "/v2/repository/models/fashion/unload", allowed=(200, *BUSY),
                     what="unload")
        self.load()
        self.ask("PATCH", MODELS + "/fashion/operating-point",
                 {"mode": "iid", "bit_error_rate": self.rng.choice((1e-2, 1e-3))}, None,
                 (200, 404, *BUSY), "PATCH")

    def load(self):
        self.ask("POST", "/v2/repository/models/fashion/load", allowed=(200, *BUSY), what="load")


class Uploads(Actor):
    pause_s = 0.1

    def step(self):
        if self.rng.random() < 0.3:
            self.ask("DELETE", MODELS + "/extra", allowed=(204, 404, *BUSY), what="DELETE")
        else:
            self.ask("PUT", MODELS + "/extra" + CONTRACT, self.rng.choice(SMALL).onnx(), None,
                     (200, 201, *BUSY), "PUT")


class Hangup(Actor):
    """SIGHUP with another file of settings: requests are computed here or there, logged
    or not, and have other deadlines."""

    pause_s = 1.0

    def step(self):
        self.soak.write_settings(
            inline_budget_us=self.rng.choice((0, 0, 250, 1000)),
            log_level=self.rng.choice(("info", "debug", "warning")),
            access_log_sample=self.rng.choice((0, 1000)),
            request_timeout_ms=self.rng.choice((0, 20, 30000)))
        self.daemon_process.process.send_signal(1)
        self.ledger.heard("SIGHUP", 0, (0,))


# -- Those who look --

class Snapshots(Actor):
    pause_s = 3.0

    def step(self):
        answer = self.ask("POST", "/api/v1/database/snapshot", allowed=(200, *BUSY))
        if answer.status != 200:
            return
        copy = sqlite3.connect("file:%s?immutable=1" % answer.json()["path"], uri=True)
        try:
            (result,) = copy.execute("PRAGMA quick_check").fetchone()
        finally:
            copy.close()
        if result != "ok":
            self.ledger.fault(self.name, result)


class Follower(Actor):
    """Reads the stream of events; ids grow by one."""

    def step(self):
        stream = self.daemon_process.connection(timeout=60)
        try:
            stream.request("GET", "/api/v1/events")
            response = stream.getresponse()
            if not self.ledger.heard("Follower", response.status, (200, 503)):
                return
            last, missed, field = None, False, ""
            for _ in range(self.rng.randint(10, 400)):
                field, _, value = response.readline().decode().rstrip("\n").partition(": ")
                if field == "event" and value == "gap":
                    missed = True
                elif field == "id":
                    if last is not None and int(value) != last + 1 and not missed:
                        self.ledger.fault(self.name, "event", value, "after", last)
                    last, missed = int(value), False
                if self.soak.stopping.is_set():
                    return
        finally:
            stream.close()


class Scraper(Actor):
    """Every scrape is well-formed, and no counter falls but those of models that come and go."""

    pause_s = 0.3

    def __init__(self, *args):
        super().__init__(*args)
        self.before = {}

    def step(self):
        try:
            families = exposition.parse(self.ask("GET", "/metrics").body)
        except ValueError as wrong:
            self.ledger.fault(self.name, wrong)
            return
        for sample, value in exposition.counters(families).items():
            if dict(sample[1]).get("model") not in (None, "mnist", "cifar10"):
                continue
            if value < self.before.get(sample, 0):
                self.ledger.fault(self.name, sample, "fell from", self.before[sample], "to", value)
            self.before[sample] = value


class Readers(Actor):
    """What the page and dashboards ask."""

    pause_s = 0.05
    paths = itertools.cycle((
        "/v2/health/live", "/v2/health/ready", "/api/v1/status", MODELS, MODELS + "/mnist",
        MODELS + "/mnist/memory?weakest=5", MODELS + "/mnist/memory/tiles/0.png",
        MODELS + "/mnist/energy", "/api/v1/series?metric=accuracy&from=-10m",
        "/api/v1/series?metric=requests&model=mnist", "/api/v1/config", "/v2/models/stats",
        MODELS + "/mnist/operating-point", MODELS + "/mnist/device", "/", "/app.js"))

    def step(self):
        self.ask("GET", next(self.paths), allowed=(200, *BUSY))


def send_victim(daemon):
    with open(os.path.join(SOURCE, "models", "fashion.sbnn"), "rb") as f:
        answer = daemon.ask("PUT", MODELS + "/victim", f.read())
    if answer.status != 201:
        raise RuntimeError("victim: %d %s" % (answer.status, answer.body))


CAST = ((Raw, 2), (RawOfFashion, 2), (Png, 1), (Json, 1), (Batches, 2), (V2, 2), (Extra, 2),
        (Careless, 1), (Killed, 2), (Programming, 2), (Repository, 1), (Uploads, 1),
        (Hangup, 1), (Snapshots, 1), (Follower, 3), (Scraper, 1), (Readers, 2))


def fill(daemon, ledger):
    """What a daemon keeps: maps of wrong weights for diffs, as large as they can be, and
    answers for feedback. It grows no more on their account."""
    for model in ("mnist", "cifar10"):
        for _ in range(KEPT):
            daemon.program(model, {"mode": "iid", "bit_error_rate": 0.1})
            daemon.post(model, "program")
    n = 1024
    for _ in range(daemon.get("/api/v1/status").json()["threads"] * (REMEMBERED // n + 1)):
        body = {"inputs": [dict(name="input", shape=[n, 784], datatype="UINT8",
                                parameters={"binary_data_size": n * 784})]}
        head = json.dumps(body).encode()
        answer = daemon.ask("POST", "/v2/models/mnist/infer", head + bytes(n * 784),
                            {HEADER: str(len(head))})
        if answer.status != 200:
            raise RuntimeError("infer: %d %s" % (answer.status, answer.body))
        ledger.inferred("mnist", 200, n)


def make_all(soak):
    return [kind(soak, n) for kind, many in CAST for n in range(many)]
