# SPDX-License-Identifier: Apache-2.0
"""The description of the API is what the daemon does: its routes, its answers, its refusals."""
import copy
import json
import os
import random
import re
import signal
import socket
import time
import unittest
import urllib.parse

from openapi import KEYWORDS, PATH, SOURCE, Description, Invalid
from small_nets import SmallNet
from spinbnn_system import PATIENCE, Answer, Daemon, eventually, png

SCOPES = {"OPEN": [], "EITHER": ["read", "infer"], "TOKEN_READ": ["read"],
          "TOKEN_INFER": ["infer"], "TOKEN_ADMIN": ["admin"]}
JSON = "application/json"
RAW = "application/octet-stream"
NET = SmallNet(1)
SMALL = "/api/v1/models/small"

PIXELS = bytes(16)
TENSOR = {"name": "input", "shape": [1, 16], "datatype": "UINT8", "data": list(PIXELS)}
INFER = [dict(body={"id": "a", "inputs": [TENSOR]}),
         dict(body={"inputs": [TENSOR], "outputs": [
             {"name": "scores", "parameters": {"classification": 2}}]}),
         dict(body={"inputs": [TENSOR], "parameters": {"binary_data_output": True}}),
         dict(body=PIXELS, headers={"Inference-Header-Content-Length": "0", "Content-Type": RAW})]
CSV = "direction,voltage_v,pulse_ns,error_rate\n" + "".join(
    "%s,%g,%g,%g\n" % (d, v, p, 0.1 ** (p / v / 10)) for d in ("p2ap", "ap2p")
    for v in (0.4, 0.6) for p in (5, 10))
TABLE = {"new_array": True, "table_csv": CSV, "name": "measured", "operating_point": {
    "write_voltage_v": {"p2ap": 0.5, "ap2p": 0.5}, "pulse_ns": 7}}
# What each operation is there for; nothing: it takes nothing. Fuzzing begins with these too.
CALLS = {
    "classify": [dict(body=PIXELS), dict(query="?top=2&label=1", body=png(8, 8, bytes(64))),
                 dict(body={"images": [{"pixels": list(PIXELS)}] * 2, "labels": [1, None]})],
    "programGet": [{}, dict(query="?layer=/1/MatMul")],
    "programPatch": [dict(body={"mode": "iid", "bit_error_rate": {"to_p": 0.1, "to_ap": 0}}),
                     dict(body={"mode": "device", "cell": "2t2r", "ecc": "bch2", "layers": {
                         "/1/MatMul": {"temperature_k": 350, "write_voltage_v": {
                             "p2ap": 0.5, "ap2p": 0.5}, "pulse_ns": 9}}}),
                     dict(query="?layer=/1/MatMul", body={"mode": "uniform"})],
    "upkeepAge": [dict(body={"seconds": 1e6}), dict(body={"seconds": 1, "temperature_k": 400})],
    "upkeepInject": [dict(body={"share": 0.1}),
                     dict(body={"bits": [{"layer": "/1/MatMul", "row": 1, "column": 2}]})],
    "lookMemory": [dict(query="?weakest=3")],
    "lookTile": [{}, dict(query="?section=check"), dict(path=SMALL + "/memory/tiles/1.pgm")],
    "chipPut": [dict(body={"new_array": True, "preset": "retention", "defects": {
        "stuck_p": 0.1, "cells": [{"layer": "/1/MatMul", "row": 0, "column": 0, "kind": "shorted"}]}}),
        dict(body=TABLE),
        dict(body={"new_array": True, "preset": "default", "operating_point": {
            "target_write_error_rate": 1e-9, "pulse_ns": None, "layers": None}})],
    "solve": [dict(body={"target_error_rate": 1e-6, "device": {"preset": "default"}}),
              dict(body={"target_error_rate": 1e-12, "device": {"model": "small"}})],
    "device": [dict(body={"points": [{"voltage_v": 0.5, "pulse_ns": 9, "direction": "AP2P"}]})],
    "feedback": [dict(body={"feedback": [{"request_id": "0" * 16, "label": 1}]})],
    "series": [dict(query="?metric=" + m, headers={"Accept": kind}) for kind in (JSON, "text/csv")
               for m in ("accuracy", "bit_error_rate", "energy", "requests", "latency")] + [
                   dict(query="?metric=requests&model=small&version=1", headers={"Accept": kind})
                   for kind in (JSON, "text/csv")],
    "inferences": [{}, dict(query="?model=small&version=1&limit=3"), dict(query="?after=2")],
    "jobsPost": [dict(body={"kind": "sweep", "model": "small", "axes": {
        "target_write_error_rate": [1e-9, 0.01], "ecc": ["none", "bch2"]}, "seeds": [1, 2]}, status=202),
        dict(body={"kind": "sweep", "model": "small", "operating_point": {"mode": "iid"},
                   "points": [{"bit_error_rate": 0.1}]}, status=202)],
    "jobsResults": [dict(headers={"Accept": kind}) for kind in (JSON, "text/csv")],
    "jobsDelete": [dict(status=204)],
    "infer": INFER, "inferVersion": INFER,
    "v2SetLogging": [dict(body={"log_info": True, "log_verbose_level": 0})],
    "repositoryIndex": [{}, dict(body={"ready": True})],
    "uploadPut": [dict(query="?range=0..255&layout=nchw", body=NET.onnx()),
                  dict(query="?range=0..255&layout=nchw", body=NET.onnx(), status=201,
                       path="/api/v1/models/new")],
    "uploadDelete": [dict(path="/api/v1/models/new", status=204)],
}


def setUpModule():
    global daemon, api
    api = Description()
    daemon = Daemon(threads=2, workers=2, request_rows=1).start()
    send_small()


def tearDownModule():
    daemon.__exit__()


def send_small():
    global version
    answer = daemon.ask("PUT", SMALL + "?range=0..255&layout=nchw", NET.onnx())
    if answer.status not in (200, 201):
        raise AssertionError(answer.body)
    version = answer.json()["model"]["version"]


def ended_job():
    """The number of one that has something to tell."""
    job = daemon.ask("POST", "/api/v1/jobs", CALLS["jobsPost"][0]["body"]).json()["id"]
    path = "/api/v1/jobs/%d" % job
    if not eventually(lambda: daemon.get(path).json()["state"] == "done"):
        raise AssertionError(daemon.get(path).body)
    return str(job)


def media_type(headers):
    return (headers.get("Content-Type") or "").split(";")[0]


def check_answer(operation, answer):
    """Raises Invalid unless the operation is described with such an answer."""
    described = operation.responses.get(answer.status)
    if described is None:
        raise Invalid("status %d" % answer.status)
    kind, content = media_type(answer.headers), described.get("content", {})
    if not content:
        if answer.body:
            raise Invalid("%d has a body" % answer.status)
        return
    if kind not in content and "*/*" not in content:
        raise Invalid("%d as %r" % (answer.status, kind))
    for name in described.get("headers", {}):
        if name in ("X-Request-Id", "ETag"):
            api.check(api.resolve(described["headers"][name])["schema"], answer.headers[name])
    if kind.endswith("json"):
        api.check(content[kind]["schema"], json.loads(answer.body), told=True)


class FileTest(unittest.TestCase):
    @staticmethod
    def source():
        with open(os.path.join(SOURCE, "daemon", "routes.c"), encoding="utf-8") as f:
            return f.read()

    def rows(self):
        """Method, path, scope and names of the types and arguments of each route."""
        rows = re.findall(r'\{ "(\w+)", "([^"]+)", [^,]+, (\w+),\s+\w+,\s+(\w+),\s+(\w+) \}',
                          self.source())
        self.assertGreater(len(rows), 50)
        self.assertEqual(len(rows), len(re.findall(r'\{ "[A-Z]+", "/', self.source())))
        return rows

    def test_every_route_is_in_it_and_nothing_else(self):
        wanted = {(method, path): SCOPES[scope] for method, path, scope, _, _ in self.rows()}
        found = {}
        for operation in api.operations:
            needs = [way["token"][0] for way in operation.item["security"] if way]
            # Without a list of tokens the daemon asks for none.
            self.assertEqual({} in operation.item["security"], needs != [], operation)
            found[operation.method, operation.path] = needs
        self.assertEqual(found, wanted)

    def test_every_type_of_a_route_is_in_it(self):
        """Errors aside; and 406 where Accept can ask for another one."""
        words = {"PROMETHEUS_CONTENT_TYPE": "text/plain", "DAEMON_CSV_TYPE": "text/csv"}
        named = {name: {words.get(word, word.strip('"')) for word in re.split(r",\s*", types)}
                 for name, types in re.findall(
                     r"(\w+)\[\] = \{\s*([^{}]+),\s*NULL\s*\};", self.source())}
        rows = {(method, path): types for method, path, _, types, _ in self.rows()}
        for operation in api.operations:
            types = rows[operation.method, operation.path]
            if types != "NULL":
                good = {kind for status, response in operation.responses.items() if status < 300
                        for kind in response.get("content", {})}
                self.assertEqual(good, named[types], operation)
                self.assertIn(406, operation.responses, operation)

    def test_every_argument_of_a_route_is_in_it(self):
        lists = {name: set(re.findall(r'"(\w+)"', names)) for name, names in re.findall(
            r"(\w+)\[\] = \{\s*([^{}]*)NULL\s*\};", self.source())}
        rows = {(method, path): names for method, path, _, _, names in self.rows()}
        judged = 0
        for operation in api.operations:
            names = rows[operation.method, operation.path]
            if names != "NULL":
                judged += 1
                self.assertEqual({p["name"] for p in operation.parameters if p["in"] == "query"},
                                 lists[names], operation)
                self.assertIn(422, operation.responses, operation)
        self.assertGreater(judged, 30)

    def test_an_argument_that_is_not_known_is_named_and_nothing_is_done(self):
        before = daemon.point("small")["generation"]
        for operation in api.operations:
            if not operation.path.startswith("/api/v1/"):
                continue
            path = operation.path.replace("{m}", "small").replace("{tile}", "0.png") \
                .replace("{id}", "1")
            answer = daemon.ask(operation.method, path + "?versoin=1&x=2", NET.onnx()
                                if operation.id == "uploadPut" else None)
            self.assertEqual(answer.status, 422, (operation, answer.body))
            problem = answer.json()
            self.assertEqual(problem["code"], "invalid_query")
            pointers = [error["pointer"] for error in problem["errors"]]
            self.assertLessEqual({"?versoin", "?x"}, set(pointers))
            if any(p["name"] == "version" for p in operation.parameters):
                self.assertIn("did you mean version?", problem["detail"])
        self.assertEqual(daemon.point("small")["generation"], before)
        # What is sent to others is none of ours.
        for path in ("/v2/models/small?x=1", "/metrics?x=1", "/?x=1"):
            self.assertEqual(daemon.get(path).status, 200, path)

    def test_what_it_says_of_itself_is_sound(self):
        for schema in api.schemas():
            self.assertLessEqual(set(schema), KEYWORDS, schema)
            if "$ref" in schema:
                api.resolve(schema)
        ids = [operation.id for operation in api.operations]
        self.assertEqual(len(ids), len(set(ids)))
        for operation in api.operations:
            named = [p["name"] for p in operation.parameters if p["in"] == "path"]
            self.assertEqual(named, re.findall(r"\{(\w+)\}", operation.path), operation)

    def test_every_status_is_counted_by_itself(self):
        with open(os.path.join(SOURCE, "daemon", "traffic.c"), encoding="utf-8") as f:
            codes = re.search(r"codes\[\] = \{([^}]+)\}", f.read()).group(1)
        described = {status for operation in api.operations for status in operation.responses}
        self.assertLessEqual(described, {int(code) for code in codes.split(",")})

    def test_the_daemon_serves_it(self):
        answer = daemon.get("/openapi.json")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, JSON))
        with open(PATH, "rb") as f:
            self.assertEqual(answer.body, f.read())
        self.assertEqual(daemon.get("/openapi.json", headers={
            "If-None-Match": answer.headers["ETag"]}).status, 304)
        self.assertEqual(answer.json()["info"]["version"],
                         daemon.get("/api/v1/status").json()["version"])

    def test_ranges_of_devices_are_those_of_the_daemon(self):
        properties = api.document["components"]["schemas"]["DeviceParameters"]["properties"]
        fields = {}
        for field in daemon.get("/api/v1/device/presets").json()["fields"]:
            least = "exclusiveMinimum" if field["min_excluded"] else "minimum"
            fields[field["name"]] = {least: field["min"], "maximum": field["max"]}
        self.assertEqual({name: {k: v for k, v in schema.items() if "imum" in k}
                          for name, schema in properties.items()}, fields)


class AnswerTest(unittest.TestCase):
    """A call of every operation that it does what it is there for."""

    def call(self, operation, query="", body=None, headers=None, status=200, path=None):
        path = (path or operation.path) \
            .replace("{m}", "small").replace("{v}", version).replace("{tile}", "0.png") \
            .replace("{id}", self.job) + query
        answer = daemon.ask(operation.method, path, body, headers)
        self.assertEqual(answer.status, status, (operation, answer.body))
        try:
            check_answer(operation, answer)
        except Invalid as invalid:
            self.fail("%s: %s" % (operation, invalid))
        return answer

    def test_every_operation(self):
        image = daemon.get(SMALL + "/array").body
        self.job = ended_job()
        etag = daemon.get("/app.js").headers["ETag"]
        calls = dict(CALLS, transferPut=[dict(body=image)], events=[], pageAppJs=[
            {}, dict(headers={"If-None-Match": etag}, status=304)])
        by_id = {operation.id: operation for operation in api.operations}
        self.assertLessEqual(set(calls), set(by_id))
        # A device comes before what asks for it, a model before it goes.
        for first in ("programPatch", "chipPut"):
            for call in calls[first]:
                self.call(by_id[first], **call)
                for look in ("programGet", "chipGet", "lookMemory", "upkeepScrub", "programAgain"):
                    self.call(by_id[look])
        generation = daemon.point("small")["generation"]
        self.call(by_id["transferDiff"], query="?a=%d&b=%d&list=5" % (generation - 1, generation))
        done = {"programPatch", "chipPut", "transferDiff"}
        late = ["jobsDelete", "repositoryUnload", "repositoryLoad", "uploadDelete"]
        for id in sorted(set(by_id) - done - set(late)) + late:
            for call in calls.get(id, [{}]):
                self.call(by_id[id], **call)

    def test_events(self):
        (operation,) = [o for o in api.operations if o.id == "events"]
        status, headers, first = first_event()
        self.assertEqual((status, media_type(headers)), (200, "text/event-stream"))
        self.assertIn(media_type(headers), operation.responses[200]["content"])
        self.assertTrue(first.startswith(b"retry:"), first)

    def test_a_daemon_that_stops(self):
        with Daemon(drain_delay_s=30) as stopping:
            stopping.process.send_signal(signal.SIGTERM)
            self.assertTrue(eventually(lambda: stopping.get("/v2/health/ready").status == 503))
            for operation in api.operations:
                if operation.id in ("statusReady", "v2ModelReady", "v2ModelReadyVersion"):
                    path = operation.path.replace("{m}", "mnist").replace("{v}", "1")
                    answer = stopping.ask(operation.method, path)
                    self.assertEqual((answer.status, answer.json()["ready"]), (503, False))
                    check_answer(operation, answer)

    def test_refusals_that_every_operation_shares(self):
        for operation in api.operations:
            path = re.sub(r"\{\w+\}", "x", operation.path)
            head = "%s %s HTTP/1.1\r\nConnection: close\r\n" % (operation.method, path)
            is_open = operation.item["security"] == []
            for status, rest in ((400, "\r\n"), (400, "Host: a\r\nHost: b\r\n\r\n"),
                                 (501, "Host: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
                                 (415, "Host: localhost\r\nContent-Encoding: br\r\n\r\n"),
                                 (431, "Host: localhost\r\nX: %s\r\n\r\n" % ("x" * 40000)),
                                 (413, "Host: localhost\r\nContent-Length: 1099511627776\r\n\r\n"),
                                 (None if is_open else 421, "Host: elsewhere.example\r\n\r\n"),
                                 (None if is_open or operation.method == "GET" else 403,
                                  "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n")):
                if status is None:
                    continue
                answer = raw(head + rest)
                self.assertEqual(answer.status, status, (operation, rest[:60], answer.body))
                check_answer(operation, answer)
            answer = raw("%s %s?%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (
                operation.method, path, "x" * 40000))
            self.assertEqual(answer.status, 414, operation)
            check_answer(operation, answer)

    def test_other_methods_and_paths_are_refused_in_the_same_words(self):
        problem = api.document["components"]["responses"]
        for path in api.document["paths"]:
            described = problem["V2NotFound" if path.startswith("/v2") else "NotFound"]["content"]
            for method, target, status in (("TRACE", path, 405), ("GET", path + "/x/y/z", 404)):
                answer = daemon.ask(method, re.sub(r"\{\w+\}", "x", target))
                self.assertEqual(answer.status, status, target)
                api.check(described[media_type(answer.headers)]["schema"], answer.json(), told=True)

    def test_a_body_of_another_type_is_refused(self):
        """Before it is looked at; no type and curl's own are taken for the first."""
        for operation in api.operations:
            if JSON not in operation.body["content"]:
                continue
            path = operation.path.replace("{m}", "small").replace("{v}", "1")
            for kind in ("text/plain", "application/xml", "multipart/form-data"):
                answer = daemon.ask(operation.method, path, b"{", {"Content-Type": kind})
                self.assertEqual(answer.status, 415, (operation, kind, answer.body))
                check_answer(operation, answer)
            for kind in operation.body["content"]:
                answer = daemon.ask(operation.method, path, b"{", {"Content-Type": kind})
                self.assertIn(answer.status, (400, 409, 422), (operation, kind, answer.body))

    def test_what_nobody_wants_is_refused_before_anything_is_done(self):
        before = daemon.point("small")["generation"]
        for operation in api.operations:
            if 406 not in operation.responses:
                continue
            path = operation.path.replace("{m}", "small").replace("{v}", "1") \
                .replace("{tile}", "0.png")
            for accept in ("model/stl", "*/*;q=0", "image/webp, text/rtf;q=0.5"):
                answer = daemon.ask(operation.method, path, headers={"Accept": accept})
                self.assertEqual(answer.status, 406, (operation, accept, answer.body))
                check_answer(operation, answer)
                good = {kind for status, response in operation.responses.items() if status < 300
                        for kind in response.get("content", {})}
                self.assertTrue(any(kind in answer.body.decode() for kind in good), answer.body)
        self.assertEqual(daemon.point("small")["generation"], before)

    def test_what_clients_really_send_is_answered(self):
        browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp," \
            "*/*;q=0.8"
        prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5," \
            "application/openmetrics-text;version=0.0.1;q=0.4," \
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2," \
            "*/*;q=0.1"
        java = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
        axios = "application/json, text/plain, */*"
        asked = [(path, kind, accept)
                 for path, kind in (("/api/v1/models", JSON), ("/v2", JSON), ("/", "text/html"),
                                    ("/metrics", "text/plain"), ("/app.js", "text/javascript"),
                                    ("/style.css", "text/css"), ("/openapi.json", JSON),
                                    ("/api/v1/series?metric=requests", JSON), (SMALL + "/array", RAW),
                                    (SMALL + "/memory/tiles/0.pgm", "image/x-portable-graymap"))
                 for accept in ("*/*", browser, java, axios, "", "\xff,")]
        asked += [("/metrics", "text/plain", prometheus), ("/metrics", "text/plain", "text/plain"),
                  ("/v2", JSON, JSON), ("/", "text/html", "text/html"),
                  ("/style.css", "text/css", "text/css,*/*;q=0.1"),
                  ("/v2/health/live", JSON, "text/plain"),
                  (SMALL + "/memory/tiles/0.png", "image/png", "image/avif,image/*;q=0.5"),
                  ("/api/v1/models", JSON, "application/json; charset=utf-8")]
        for path, kind, accept in asked:
            answer = daemon.get(path, headers={"Accept": accept})
            self.assertEqual((answer.status, media_type(answer.headers)), (200, kind),
                             (path, accept))
        for accept in ("*/*", JSON, RAW, axios):
            for call, kind in ((INFER[0], JSON), (INFER[2], RAW), (INFER[3], RAW)):
                answer = daemon.ask("POST", "/v2/models/small/infer", call["body"],
                                    dict(call.get("headers", {}), Accept=accept))
                self.assertEqual((answer.status, media_type(answer.headers)), (200, kind), accept)
        # The form that a tile's name says, and no other.
        self.assertEqual(daemon.get(SMALL + "/memory/tiles/0.pgm",
                                    headers={"Accept": "image/png"}).status, 406)
        # An error has its own type.
        self.assertEqual(daemon.get("/api/v1/models/none", headers={"Accept": JSON}).status, 404)


def first_event():
    connection = daemon.connection()
    connection.request("GET", "/api/v1/events")
    response = connection.getresponse()
    first = response.readline() if response.status == 200 else response.read()
    # The response has the socket's file as well.
    response.close()
    connection.close()
    return response.status, response.headers, first


def raw(text):
    """The answer to a request that http.client would not send."""
    got = b""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=10 * PATIENCE) as s:
        try:
            s.sendall(text.encode())
            for part in iter(lambda: s.recv(65536), b""):
                got += part
        except (ConnectionResetError, BrokenPipeError):
            pass  # it has not read all
    head, _, body = got.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    return Answer(int(lines[0].split()[1]), dict(line.split(": ", 1) for line in lines[1:]), body)


# -- Whatever may come

MODELS = ["small"] * 12 + ["none", "SMALL", ".x", "a" * 65, "sm all", "\u00e9"]
ODD = ["", "x", "-1", "0", "1", "17", "300", "70000", "01", "1e3", "9" * 21, "null", "NaN", "1,2,3", "true",
       "\u00e9", "%00", "a\0b", "' OR 1", "2026-02-30T00:00:00Z", "-5m", "x" * 300]
TYPES = [JSON, RAW, "text/plain", "image/png", "application/json; charset=utf-8", "TEXT/CSV", "x",
         "application/x-www-form-urlencoded", ""]
VALUES = [None, True, False, 0, -1, 1.5, 1e308, 10 ** 30, 2 ** 53, 2 ** 64, -0.0, 5e-324, "", "x", "7",
          [], [[]], {}, {"x": 1}, [None], "\0", "\ud7ff"]


class Fuzz:
    """Requests by the description, and beside it."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def path(self, operation):
        values = {"m": self.rng.choice(MODELS),
                  "v": self.version(),
                  "tile": self.rng.choice(["0.png", "1.pgm", "9.png", "0", "-1.png", "0.gif",
                                           "99999999999999999999.png", "0.png.png"]),
                  "id": self.rng.choice(["1", "2", "3", "0", "-1", "01", "1.5", "x", "9" * 30])}
        return re.sub(r"\{(\w+)\}", lambda m: urllib.parse.quote(values[m.group(1)]), operation.path)

    def version(self):
        return self.rng.choice([version, version, version, "9" * 9, "0" + version, "x"])

    def query(self, operation):
        """The text, and whether all that is described is as it is described."""
        rng, given, good = self.rng, [], True
        likely = [call["query"] for call in CALLS.get(operation.id, []) if "query" in call]
        if likely and rng.random() < 0.4:
            return rng.choice(likely), True
        for p in operation.parameters:
            if p["in"] != "query" or rng.random() > (0.9 if p.get("required") else 0.4):
                good = good and not (p["in"] == "query" and p.get("required"))
                continue
            schema, value = p["schema"], rng.choice(ODD)
            if p["name"] == "version":
                value = self.version()
            elif rng.random() < 0.6:
                value = api.make(schema, rng)
            elif "maximum" in schema and rng.random() < 0.7:
                value = str(rng.choice([schema["maximum"] + 1, schema["minimum"] - 1]))
            typed = int(value) if schema["type"] == "integer" and \
                re.fullmatch("[0-9]+", str(value)) else value
            good = good and api.takes(schema, typed)
            given.append((p["name"], str(value)))
        if rng.random() < 0.1:
            given.append((rng.choice(["zz", "", "top", "layer"]), rng.choice(ODD)))
        return "?" + urllib.parse.urlencode(given) if given else "", good

    def headers(self, operation):
        return {p["name"]: self.rng.choice(['"x"', "*", "", "x", "0", "17", "-1", 'W/"1"', "9" * 20])
                for p in operation.parameters if p["in"] == "header" and self.rng.random() < 0.15}

    def nodes(self, value, at=()):
        yield at
        for key, part in value.items() if isinstance(value, dict) else \
                enumerate(value) if isinstance(value, list) else ():
            yield from self.nodes(part, at + (key,))

    def turn(self, value):
        """One place is another thing, gone, or has company."""
        rng = self.rng
        *way, last = ("body",) + rng.choice(list(self.nodes(value)))
        whole = holder = {"body": value}
        for key in way:
            holder = holder[key]
        what = rng.random()
        if what < 0.6 or last == "body":
            holder[last] = copy.deepcopy(rng.choice(VALUES + [json.loads("[" * 40 + "]" * 40)]))
        elif what < 0.8:
            del holder[last]
        elif isinstance(holder, dict):
            holder[rng.choice(["x", last + "_", last.upper(), ""])] = holder[last]
        else:
            holder.insert(last, copy.deepcopy(rng.choice(VALUES)))
        return whole["body"]

    def spoil(self, text):
        rng, at = self.rng, self.rng.randrange(len(text) + 1)
        return rng.choice([
            text[:at], text + text, text + b"x", b"\xef\xbb\xbf" + text, b"[" * 5000, b'{"a":' * 5000,
            text[:at] + bytes([rng.randrange(256)]) + text[at:], text[:at] + text[at + 1:], b"",
            text.replace(b":", b":NaN,", 1), text.replace(b"1", b"1e999"), text.replace(b"0", b"1e400"),
            text.replace(b"{", b'{"x":1,"x":2,', 1), text.replace(b'"', b"'"), text.replace(b"}", b",}")])

    def bytes(self, operation):
        rng = self.rng
        data = bytearray(rng.choice([NET.onnx(), IMAGE, png(8, 8, bytes(64)), bytes(16), b""]))
        for _ in range(rng.choice([0, 0, 1, 3, 10])):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(data[:rng.randrange(len(data) + 1)]) if rng.random() < 0.2 else bytes(data)

    def body(self, operation):
        """Bytes, their type, and whether they are JSON as it is described; None: no JSON."""
        rng, content = self.rng, operation.body["content"]
        if not content:
            return (None, None, None) if rng.random() < 0.9 else (b"{}", JSON, None)
        kind = JSON if JSON in content and rng.random() < 0.6 else rng.choice(list(content))
        sent = kind if rng.random() < 0.9 else rng.choice(TYPES)
        if not kind.endswith("json"):
            return self.bytes(operation), sent, None
        likely = [call["body"] for call in CALLS.get(operation.id, [])
                  if isinstance(call.get("body"), dict)]
        value = copy.deepcopy(rng.choice(likely)) if likely and rng.random() < 0.5 else \
            api.make(content[kind]["schema"], rng)
        for _ in range(rng.choice([0, 0, 1, 1, 1, 2])):
            value = self.turn(value)
        text = json.dumps(value).encode()
        if rng.random() < 0.2:
            return self.spoil(text), sent, None
        return text, sent, api.takes(content[kind]["schema"], value) if sent == kind else None


class FuzzTest(unittest.TestCase):
    @staticmethod
    def n_requests(operation):
        """Events never end, a solve takes long; where little varies a few are enough."""
        if operation.id in ("events", "solve"):
            return {"events": 0, "solve": 20}[operation.id]
        places = {p["in"] for p in operation.parameters}
        return 100 if operation.body["content"] else 50 if "query" in places else 12 if places else 4

    def one(self, fuzz, operation, connection):
        path = fuzz.path(operation)
        body, kind, body_good = fuzz.body(operation)
        query, query_good = fuzz.query(operation)
        # Arguments that go with a table are not looked at otherwise.
        if operation.id == "chipPut" and kind != "text/csv":
            query, query_good = "", True
        headers = fuzz.headers(operation)
        if kind is not None:
            headers["Content-Type"] = kind
        answer = daemon.ask(operation.method, path + query, body, headers, connection=connection)
        request = "%s %s %r %r" % (operation.method, path + query, headers, (body or b"")[:2000])
        try:
            check_answer(operation, answer)
        except (Invalid, ValueError) as invalid:
            return answer, "%s\n  %s\n  %r" % (request, invalid, answer.body[:1000])
        if answer.status >= 500 and answer.status not in (503, 507):
            return answer, "%s\n  %d %r" % (request, answer.status, answer.body)
        if answer.status < 300 and (not query_good or body_good is False):
            return answer, request + "\n  taken, though it is not as described"
        return answer, None

    def test_no_answer_is_outside_the_description(self):
        global IMAGE
        IMAGE = daemon.get(SMALL + "/array").body
        fuzz, counts, began = Fuzz(20261126), {}, time.monotonic()
        plan = [o for o in api.operations for _ in range(self.n_requests(o))]
        fuzz.rng.shuffle(plan)
        connection, wrong = daemon.connection(), []
        self.addCleanup(connection.close)
        for operation in plan:
            answer, what = self.one(fuzz, operation, connection)
            wrong += [what] if what is not None else []
            counts[answer.status] = counts.get(answer.status, 0) + 1
            if operation.id in ("uploadDelete", "repositoryUnload") and answer.status < 300:
                send_small()
        print("%d requests in %.1f s: %s" % (len(plan), time.monotonic() - began, sorted(counts.items())))
        self.assertFalse(wrong, "\n".join(wrong[:10]))
        # It reaches what it is meant to reach.
        for status in (200, 400, 404, 412, 415, 422):
            self.assertGreater(counts[status], 5, counts)
        self.assertEqual(daemon.get("/v2/health/ready").status, 200)
        answer = daemon.ask("POST", SMALL + "/classify", bytes(16))
        self.assertEqual(answer.status, 200)
        self.assertFalse([line for line in daemon.log if line.startswith("error")])


if __name__ == "__main__":
    unittest.main()
