# SPDX-License-Identifier: Apache-2.0
"""The Open Inference Protocol (V2, REST) and Triton's extensions of it."""
import gzip
import json
import os
import random
import shutil
import socket
import struct
import tempfile
import time
import unittest
import zlib

from small_nets import SmallNet
from spinbnn_system import PATIENCE, Daemon, Load, eventually

MNIST = "/v2/models/mnist"
INFER = MNIST + "/infer"
HEADER = "Inference-Header-Content-Length"


def setUpModule():
    global daemon
    daemon = Daemon(threads=2, workers=2).start()


def tearDownModule():
    daemon.__exit__()


class V2Test(unittest.TestCase):
    def get(self, path, status=200):
        answer = daemon.get(path)
        self.assertEqual(answer.status, status, (path, answer.body))
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        return answer.json()

    def assert_error(self, answer, status, words=""):
        """The one shape of errors: clients compare the type as a string and index "error"."""
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        error = answer.json()["error"]
        self.assertIsInstance(error, str)
        self.assertIn(words, error)
        self.assertNotIn("detail", answer.json())


def picture(seed, size=784):
    return bytes(random.Random(seed).choices(range(256), k=size))


def tensor(pictures, datatype="UINT8", shape=None, **more):
    """The input of these pictures, flat."""
    values = [v for p in pictures for v in p]
    if datatype == "FP32":
        values = [float(v) for v in values]
    return dict(name="input", shape=shape or [len(pictures), 784], datatype=datatype,
                data=values, **more)


def binary(pictures, datatype="UINT8", shape=None, outputs=None, **more):
    """Body and header of the same as bytes behind the JSON."""
    blob = b"".join(pictures)
    if datatype == "FP32":
        blob = struct.pack("<%df" % len(blob), *blob)
    request = dict(inputs=[dict(name="input", shape=shape or [len(pictures), 784],
                                datatype=datatype, parameters={"binary_data_size": len(blob)})],
                   **more)
    if outputs is not None:
        request["outputs"] = outputs
    head = json.dumps(request).encode()
    return head + blob, {HEADER: str(len(head))}


def unpack(answer):
    """The JSON of a binary answer with the bytes of each output in its place."""
    head = int(answer.headers[HEADER])
    result, at = json.loads(answer.body[:head]), head
    for output in result["outputs"]:
        size = output["parameters"]["binary_data_size"]
        output["blob"], at = answer.body[at:at + size], at + size
    if at != len(answer.body):
        raise AssertionError("%d bytes are left" % (len(answer.body) - at))
    return result


def strings(blob):
    """The elements of a tensor of BYTES."""
    found = []
    while blob:
        (size,) = struct.unpack("<I", blob[:4])
        found.append(blob[4:4 + size].decode())
        blob = blob[4 + size:]
    return found


def classified(pixels, top=10, model="mnist"):
    """What the daemon's own API says of a picture."""
    answer = daemon.ask("POST", "/api/v1/models/%s/classify?top=%d" % (model, top), pixels,
                        {"Content-Type": "application/octet-stream"})
    return answer.json()["results"][0]["scores"]


class MetadataTest(V2Test):
    def test_server(self):
        server = self.get("/v2")
        self.assertEqual(sorted(server), ["extensions", "name", "version"])
        self.assertEqual(server["name"], "spinbnn")
        for extension in server["extensions"]:
            self.assertIsInstance(extension, str)
        self.assertEqual(self.get("/v2/"), server)

    def test_health_with_a_query_that_means_nothing(self):
        self.assertEqual(self.get("/v2/health/live?test_1=1&test_2=2"), {"live": True})
        self.assertIs(self.get("/v2/health/ready?x")["ready"], True)
        self.assertEqual(daemon.get("/v2/health/live").headers["Cache-Control"], "no-store")

    def test_models(self):
        self.assertEqual(sorted(self.get("/v2/models")["models"]), ["cifar10", "fashion", "mnist"])

    def test_model_with_and_without_a_version(self):
        model = self.get(MNIST)
        self.assertEqual((model["name"], model["versions"]), ("mnist", ["1"]))
        self.assertEqual(model["inputs"], [{"name": "input", "datatype": "UINT8",
                                            "shape": [-1, 28, 28, 1]}])
        self.assertEqual(model["outputs"], [{"name": "scores", "datatype": "FP32",
                                             "shape": [-1, 10]}])
        for value in model["properties"].values():
            self.assertIsInstance(value, str)
        self.assertEqual(self.get(MNIST + "/versions/1"), model)
        self.assertEqual(self.get("/v2/models/m%6eist?format=json"), model)

    def test_ready(self):
        for path in (MNIST, MNIST + "/versions/1"):
            self.assertEqual(self.get(path + "/ready"), {"name": "mnist", "ready": True})

    def test_config(self):
        for path in (MNIST, MNIST + "/versions/1"):
            config = self.get(path + "/config")
            self.assertEqual(config["input"][0]["dims"], [28, 28, 1])
            self.assertEqual(config["input"][0]["format"], "FORMAT_NHWC")
            self.assertEqual(config["output"][0]["dims"], [10])
            self.assertEqual(config["max_batch_size"], 1024)

    def test_what_is_not_there_is_a_404(self):
        for path in ("", "/ready", "/config", "/stats"):
            for model in ("none", "mnist%20", "mnist/versions/2", "mnist/versions/01",
                          "mnist/versions/x", "none/versions/1"):
                self.assert_error(daemon.get("/v2/models/%s%s" % (model, path)), 404)
        for path in ("/v2/nothing", "/v2/models/", MNIST + "/", MNIST + "/versions",
                     "/v2/health", "/v2/health/ready/"):
            self.assert_error(daemon.get(path), 404)

    def test_a_slash_in_a_name_is_refused(self):
        self.assert_error(daemon.get("/v2/models/mn%2Fist"), 400)

    def test_wrong_methods(self):
        for path in (INFER, MNIST + "/versions/1/infer"):
            answer = daemon.get(path)
            self.assert_error(answer, 405)
            self.assertEqual(answer.headers["Allow"], "POST, OPTIONS")
        for path in ("/v2", "/v2/health/live", "/v2/models", MNIST, MNIST + "/versions/1",
                     MNIST + "/ready", MNIST + "/config"):
            answer = daemon.ask("POST", path, {})
            self.assert_error(answer, 405)
            self.assertEqual(answer.headers["Allow"], "GET, HEAD, OPTIONS")
            answer = daemon.ask("OPTIONS", path)
            self.assertEqual((answer.status, answer.headers["Allow"], answer.body),
                             (204, "GET, HEAD, OPTIONS", b""))
            answer = daemon.ask("HEAD", path)
            self.assertEqual((answer.status, answer.body), (200, b""))


class InferTest(V2Test):
    def infer(self, body, path=INFER, headers=None):
        answer = daemon.ask("POST", path, body, headers)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        self.assertIsNone(answer.headers[HEADER])
        return answer.json()

    def assert_scores(self, values, pixels):
        """Are these the logits of the picture?"""
        self.assertEqual(len(values), 10)
        for score in classified(pixels):
            self.assertAlmostEqual(values[score["class"]], score["logit"], delta=6e-5)

    def test_answer(self):
        pixels = picture(1)
        answer = self.infer({"id": "req-1", "inputs": [tensor([pixels])]})
        self.assertEqual((answer["model_name"], answer["model_version"], answer["id"]),
                         ("mnist", "1", "req-1"))
        self.assertEqual(answer["parameters"]["generation"], 1)
        self.assertEqual(answer["parameters"]["wrong_bits"], 0)
        (output,) = answer["outputs"]
        self.assertEqual((output["name"], output["datatype"], output["shape"]),
                         ("scores", "FP32", [1, 10]))
        self.assert_scores(output["data"], pixels)
        self.assertNotIn("id", self.infer({"inputs": [tensor([pixels])]}))

    def test_every_form_of_the_input_says_the_same(self):
        pictures = [picture(2), picture(3), picture(4)]
        rows = [[[[v] for v in p[y * 28:y * 28 + 28]] for y in range(28)] for p in pictures]
        nested = tensor(pictures, shape=[3, 28, 28, 1])
        nested["data"] = rows
        by_picture = tensor(pictures)
        by_picture["data"] = [list(p) for p in pictures]
        wanted = self.infer({"inputs": [tensor(pictures)]})["outputs"]
        for p, at in zip(pictures, range(0, 30, 10)):
            self.assert_scores(wanted[0]["data"][at:at + 10], p)
        for form in (nested, by_picture, tensor(pictures, shape=[3, 28, 28, 1]),
                     tensor(pictures, "FP32"), dict(reversed(by_picture.items()))):
            self.assertEqual(self.infer({"inputs": [form]})["outputs"], wanted)
            path = MNIST + "/versions/1/infer?x=1"
            self.assertEqual(self.infer({"inputs": [form]}, path)["outputs"], wanted)
        for datatype in ("UINT8", "FP32"):
            body, headers = binary(pictures, datatype, [3, 28, 28, 1])
            self.assertEqual(self.infer(body, headers=headers)["outputs"], wanted)

    def test_colours(self):
        pixels = picture(5, 3072)
        answer = self.infer({"inputs": [dict(name="input", shape=[1, 32, 32, 3],
                                             datatype="UINT8", data=list(pixels))]},
                            "/v2/models/cifar10/infer")
        for score in classified(pixels, model="cifar10"):
            self.assertAlmostEqual(answer["outputs"][0]["data"][score["class"]],
                                   score["logit"], delta=6e-5)
        self.assert_error(daemon.ask("POST", "/v2/models/cifar10/infer", {"inputs": [
            dict(name="input", shape=[1, 3, 32, 32], datatype="UINT8", data=list(pixels))]}),
            400, "[n,32,32,3]")

    def test_batches_up_to_the_limit(self):
        for n in (64, 65, 1024):
            body, headers = binary([bytes([i % 256]) * 784 for i in range(n)])
            (output,) = self.infer(body, headers=headers)["outputs"]
            self.assertEqual(output["shape"], [n, 10])
            self.assertEqual(len(output["data"]), n * 10)
            self.assertEqual(output["data"][-10:],
                             self.infer({"inputs": [tensor([bytes([(n - 1) % 256]) * 784])]})
                             ["outputs"][0]["data"])
        body, headers = binary([bytes(784)] * 1025)
        self.assert_error(daemon.ask("POST", INFER, body, headers), 413, "max_batch_size is 1024")

    def test_binary_output(self):
        pixels = picture(6)
        wanted = self.infer({"inputs": [tensor([pixels])]})["outputs"][0]["data"]
        scores = {"name": "scores"}
        for parameters, outputs, is_binary in (
                ({}, [dict(scores, parameters={"binary_data": True})], True),
                ({"binary_data_output": True}, None, True),
                ({"binary_data_output": True}, [], True),
                ({"binary_data_output": True}, [scores], True),
                ({"binary_data_output": True},
                 [dict(scores, parameters={"binary_data": False})], False),
                ({"binary_data_output": False}, [scores], False)):
            request = {"id": "é", "inputs": [tensor([pixels])], "parameters": parameters}
            if outputs is not None:
                request["outputs"] = outputs
            if not is_binary:
                self.assertEqual(self.infer(request)["outputs"][0]["data"], wanted)
                continue
            answer = daemon.ask("POST", INFER, request)
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")
            result = unpack(answer)
            (output,) = result["outputs"]
            self.assertNotIn("data", output)
            self.assertEqual((result["id"], output["shape"], output["datatype"]),
                             ("é", [1, 10], "FP32"))
            for value, text in zip(struct.unpack("<10f", output["blob"]), wanted):
                self.assertEqual(struct.unpack("<f", struct.pack("<f", text))[0], value)

    def test_a_body_without_json(self):
        pixels = picture(7)
        answer = daemon.ask("POST", INFER, pixels, {HEADER: "0"})
        values = struct.unpack("<10f", unpack(answer)["outputs"][0]["blob"])
        self.assert_scores(values, pixels)
        self.assert_error(daemon.ask("POST", INFER, pixels[:-1], {HEADER: "0"}), 400,
                          "one picture of 784 bytes, found 783")

    def test_classification(self):
        pictures = [picture(8), picture(9)]
        for k, found in ((1, 1), (3, 3), (10, 10), (11, 10)):
            wanted = []
            for p in pictures:
                wanted += [(s["class"], s["label"]) for s in classified(p, found)]
            for as_bytes in (False, True):
                outputs = [{"name": "scores",
                            "parameters": {"classification": k, "binary_data": as_bytes}}]
                answer = daemon.ask("POST", INFER, {"inputs": [tensor(pictures)],
                                                    "outputs": outputs})
                self.assertEqual(answer.status, 200, answer.body)
                (output,) = (unpack(answer) if as_bytes else answer.json())["outputs"]
                self.assertEqual((output["datatype"], output["shape"]), ("BYTES", [2, found]))
                texts = strings(output["blob"]) if as_bytes else output["data"]
                split = [text.split(":") for text in texts]
                self.assertEqual([(int(index), label) for _, index, label in split], wanted)
                for picked in (split[:found], split[found:]):
                    values = [float(value) for value, _, _ in picked]
                    self.assertEqual(values, sorted(values, reverse=True))
        for k in (0, "3", -1, 1.5, True):
            self.assert_error(daemon.ask("POST", INFER, {
                "inputs": [tensor(pictures)],
                "outputs": [{"name": "scores", "parameters": {"classification": k}}]}), 400,
                "classification")

    def test_labels_may_come_later(self):
        answer = daemon.ask("POST", INFER, {"inputs": [tensor([picture(15), picture(16)])]})
        feedback = {"request_id": answer.headers["X-Request-Id"], "labels": [1, 2]}
        answer = daemon.ask("POST", "/api/v1/feedback", {"feedback": [feedback]}).json()
        self.assertEqual((answer["accepted"], answer["unknown"]), (2, []))

    def test_content_types(self):
        body = json.dumps({"inputs": [tensor([picture(10)])]})
        for kind in (None, "application/json", "application/json; charset=utf-8",
                     "Application/JSON", "application/octet-stream",
                     "application/x-www-form-urlencoded"):
            self.infer(body, headers={"content-type": kind} if kind else {})
        for kind in ("text/plain", "multipart/form-data", "image/png"):
            self.assert_error(daemon.ask("POST", INFER, body, {"Content-Type": kind}), 415, kind)

    def test_packed_bodies(self):
        pictures = [picture(seed) for seed in range(100)]
        for body, headers in (binary(pictures), binary(pictures[:1], "FP32"),
                              (json.dumps({"inputs": [tensor(pictures)]}).encode(), {})):
            wanted = self.infer(body, headers=headers)["outputs"]
            for coding, packed in (("gzip", gzip.compress(body)), ("deflate", zlib.compress(body)),
                                   ("identity\t", body), ("gzip ", gzip.compress(body)),
                                   ("x-gzip", gzip.compress(body[:9]) + gzip.compress(body[9:]))):
                found = self.infer(packed, headers=dict(headers, **{"Content-Encoding": coding}))
                self.assertEqual(found["outputs"], wanted)

    def test_packed_bodies_that_are_broken_or_too_long(self):
        body, headers = binary([picture(1)])
        packed, limit = gzip.compress(body), 16 * 1024 * 1024
        json_alone = json.dumps({"inputs": [tensor([picture(1)])]}).encode()
        at_limit = gzip.compress(json_alone + b" " * (limit - len(json_alone)))
        connection = daemon.connection()
        for sent, more, status, words in (
                (b"", {}, 400, "ends inside"), (body, {}, 400, "incorrect header"),
                (packed[:-1], {}, 400, "ends inside"), (packed + b"x", {}, 400, "packed body"),
                (packed[:-5] + b"x" + packed[-4:], {}, 400, "packed body"),
                (gzip.compress(packed), {}, 400, ""),
                (zlib.compress(body)[:-1], {"Content-Encoding": "deflate"}, 400,
                 "the packed body: ends inside its data"),
                (gzip.compress(bytes(limit + 1)), {}, 413, "%d bytes" % limit),
                (packed, {"Content-Encoding": "br"}, 415, "gzip and deflate")):
            answer = daemon.ask("POST", INFER, sent,
                                dict(headers, **{"Content-Encoding": "gzip", **more}),
                                connection=connection)
            self.assert_error(answer, status, words)
            answer = daemon.ask("POST", INFER, at_limit, {"Content-Encoding": "gzip"},
                                connection=connection)
            self.assertEqual(answer.status, 200, answer.body)
        connection.close()
        for path in ("/api/v1/models/mnist/classify", "/v2/repository/index"):
            answer = daemon.ask("POST", path, gzip.compress(b"{}"), {"Content-Encoding": "gzip"})
            self.assertEqual((answer.status, answer.headers["Accept-Encoding"]), (415, "identity"))

    def test_what_is_not_there_is_a_404(self):
        for path in ("/v2/models/none/infer", MNIST + "/versions/2/infer",
                     "/v2/models/mnist%20/infer", MNIST + "/versions//infer"):
            self.assert_error(daemon.ask("POST", path, {"inputs": [tensor([bytes(784)])]}), 404)

    def test_mistakes_leave_the_connection_as_good_as_before(self):
        good = json.dumps({"inputs": [tensor([picture(11)])]})
        head, headers = binary([picture(11)])
        wanted = self.infer(good)["outputs"]
        connection = daemon.connection()
        n = int(headers[HEADER])
        for body, more, status in (
                ("", {}, 400), (" ", {}, 400), ("[" * 10000, {}, 400), (good + "x", {}, 400),
                (good.replace("UINT8", "INT8"), {}, 400), (good.replace("[1, 784]", "[1]"), {}, 400),
                (good.replace("[1, 784]", "[0, 784]"), {}, 400), ("{}", {}, 400),
                (good, {"Content-Type": "text/plain"}, 415), (good, {HEADER: "x"}, 400),
                (good, {HEADER: str(len(good) + 1)}, 400), (head, {}, 400),
                (head, {HEADER: str(n - 1)}, 400), (head, {HEADER: str(n + 1)}, 400),
                (head[:-1], headers, 400), (head + b"x", headers, 400)):
            answer = daemon.ask("POST", INFER, body, more, connection=connection)
            self.assert_error(answer, status)
            answer = daemon.ask("POST", INFER, good, connection=connection)
            self.assertEqual(answer.json()["outputs"], wanted)
        connection.close()

    def test_chunked_bodies_and_pipelines(self):
        body, headers = binary([picture(12)])
        wanted = self.infer(body, headers=headers)["outputs"]
        connection = daemon.connection()
        connection.request("POST", INFER, iter([body[:5], body[5:200], body[200:]]), headers,
                           encode_chunked=True)
        self.assertEqual(json.loads(connection.getresponse().read())["outputs"], wanted)
        connection.close()
        one = (b"POST " + INFER.encode() + b" HTTP/1.1\r\nhost: localhost\r\ninference-header-"
               b"content-length: %s\r\ncontent-length: %d\r\n\r\n" %
               (headers[HEADER].encode(), len(body)) + body)
        got = b""
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=30 * PATIENCE) as s:
            s.sendall(one * 20)
            while got.count(b'"scores"') < 20:
                part = s.recv(65536)
                self.assertTrue(part, got)
                got += part
        self.assertEqual(got.count(b"HTTP/1.1 200 OK"), 20)

    def test_body_limit(self):
        limit = 16 * 1024 * 1024
        good = json.dumps({"inputs": [tensor([picture(13)])]}).encode()
        self.infer(good + b" " * (limit - len(good)))
        # Announced, it is refused before it is sent.
        connection = daemon.connection()
        connection.putrequest("POST", INFER)
        connection.putheader("Content-Length", str(limit + 1))
        connection.putheader("Expect", "100-continue")
        connection.endheaders()
        response = connection.getresponse()
        self.assertEqual(response.status, 413)
        self.assertIn("%d bytes" % limit, json.loads(response.read())["error"])
        connection.close()

    def test_any_bytes_get_an_answer(self):
        rng = random.Random(14)
        body, headers = binary([picture(14)])
        connection = daemon.connection()
        for _ in range(300):
            broken = bytearray(body)
            for _ in range(rng.randint(1, 4)):
                broken[rng.randrange(int(headers[HEADER]))] = rng.randrange(256)
            answer = daemon.ask("POST", INFER, bytes(broken), headers, connection=connection)
            self.assertIn(answer.status, (200, 400, 413))
            if answer.status != 200:
                self.assertIsInstance(answer.json()["error"], str)
        connection.close()


class StatisticsTest(V2Test):
    def stats(self, model, version=""):
        (stats,) = self.get("/v2/models/%s%s/stats" % (model, version))["model_stats"]
        self.assertEqual((stats["name"], stats["version"], stats["batch_stats"]),
                         (model, "1", []))
        return stats

    def test_what_is_done_is_counted(self):
        def written(model):
            return self.stats(model)["inference_stats"]["compute_output"]["ns"]
        before, written_before = self.stats("fashion"), written("fashion")
        path = "/v2/models/fashion/infer"
        began = time.time()
        for n in (1, 3):
            body, headers = binary([bytes(784)] * n)
            self.assertEqual(daemon.ask("POST", path, body, headers).status, 200)
        self.assertEqual(daemon.ask("POST", path, b"{}").status, 400)
        # The time of writing an answer is counted when it has gone out.
        self.assertTrue(eventually(lambda: written("fashion") > written_before))
        after = self.stats("fashion", "/versions/1")
        self.assertEqual(after["inference_count"] - before["inference_count"], 4)
        self.assertEqual(after["execution_count"] - before["execution_count"], 2)
        self.assertLessEqual(abs(after["last_inference"] / 1000 - began), 600)
        done = {name: {key: after["inference_stats"][name][key] - value[key] for key in value}
                for name, value in before["inference_stats"].items()}
        self.assertEqual(done["fail"]["count"], 1)
        self.assertGreater(done["fail"]["ns"], 0)
        phases = ("queue", "compute_input", "compute_infer", "compute_output")
        for name in ("success",) + phases:
            self.assertEqual(done[name]["count"], 2, name)
            self.assertGreater(done[name]["ns"], 0, name)
        self.assertEqual(done["success"]["ns"], sum(done[name]["ns"] for name in phases))
        for name in ("cache_hit", "cache_miss"):
            self.assertEqual(after["inference_stats"][name], {"count": 0, "ns": 0})

    def test_of_all_models(self):
        stats = self.get("/v2/models/stats")["model_stats"]
        self.assertEqual(sorted(s["name"] for s in stats), ["cifar10", "fashion", "mnist"])


class RepositoryTest(unittest.TestCase):
    """Each on a daemon of its own, with one small model in model_dir beside the built-in ones."""

    def setUp(self):
        self.state, self.models = tempfile.mkdtemp(), tempfile.mkdtemp()
        for path in (self.state, self.models):
            self.addCleanup(shutil.rmtree, path)
        self.net = SmallNet(1)
        with Daemon(self.state) as d:
            self.put(d, "small", self.net)
        shutil.move(self.state + "/models/small.sbnn", self.models + "/any.sbnn")
        shutil.rmtree(self.state)
        self.daemon = Daemon(self.state, model_dir=self.models, threads=2, workers=2)
        self.daemon.start()
        self.addCleanup(self.daemon.__exit__)

    def put(self, d, name, net):
        answer = d.ask("PUT", "/api/v1/models/%s?range=0..255&layout=nchw" % name, net.onnx())
        self.assertIn(answer.status, (200, 201), answer.body)

    def post(self, path, body=None, status=200):
        answer = self.daemon.ask("POST", "/v2/repository/" + path, body)
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        return answer.json()

    def load(self, name, status=200, body=None):
        answer = self.post("models/%s/load" % name, body, status)
        if status == 200:
            self.assertEqual(answer, {})
        return answer

    def unload(self, name, status=200, body=None):
        answer = self.post("models/%s/unload" % name, body, status)
        if status == 200:
            self.assertEqual(answer, {})
        return answer

    def index(self, body=None):
        """State and reason by name."""
        rows = self.post("index", body)
        for row in rows:
            self.assertEqual(sorted(row), ["name", "reason", "state", "version"])
            self.assertRegex(row["version"], "^[1-9][0-9]*$")
        names = [row["name"] for row in rows]
        self.assertEqual(len(names), len(set(names)))
        self.versions = {row["name"]: row["version"] for row in rows}
        return {row["name"]: (row["state"], row["reason"]) for row in rows}

    def infer(self, name, pixels, shape):
        return self.daemon.ask("POST", "/v2/models/%s/infer" % name, {"inputs": [
            dict(name="input", shape=[1] + shape, datatype="UINT8", data=list(pixels))]})

    def logits(self, net):
        pixels = net.picture(3)
        answer = self.infer("small", pixels, [len(pixels)])
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json()["outputs"][0]["data"], [float(v) for v in net.logits(pixels)]

    def assert_serves(self, net):
        found, wanted = self.logits(net)
        self.assertEqual(found, wanted)

    def statuses(self, name):
        get = self.daemon.get
        return [get("/v2/models/" + name).status, get("/v2/models/%s/ready" % name).status,
                get("/v2/models/%s/versions/1/config" % name).status,
                get("/v2/models/%s/stats" % name).status,
                self.infer(name, bytes(784), [784]).status]

    READY = ("READY", "")

    def test_index(self):
        everything = {name: self.READY for name in ("mnist", "fashion", "cifar10", "small")}
        for body in (None, {}, {"ready": False}, {"ready": True}, {"other": [1]}):
            self.assertEqual(self.index(body), everything)
        got = self.daemon.raw(b"POST /v2/repository/index HTTP/1.1\r\nhost: localhost\r\n"
                              b"connection: close\r\n\r\n")
        self.assertTrue(got.startswith(b"HTTP/1.1 200 OK"), got)
        self.unload("fashion")
        self.assertEqual(self.index(), dict(everything, fashion=("UNAVAILABLE", "unloaded")))
        del everything["fashion"]
        self.assertEqual(self.index({"ready": True}), everything)
        for body in ([], {"ready": 1}, "x"):
            self.assertIn("error", self.post("index", body, 400))

    def test_unload_and_load(self):
        self.assertEqual(self.statuses("mnist"), [200] * 5)
        self.daemon.program("mnist", {"target_write_error_rate": 0.01, "program_over": "random"})
        before = self.infer("mnist", picture(1), [784]).json()
        self.assertGreater(before["parameters"]["wrong_bits"], 1000)
        self.unload("mnist")
        self.assertEqual(self.statuses("mnist"), [404] * 5)
        self.assertIn("unloaded", self.daemon.get("/v2/models/mnist/ready").json()["error"])
        self.assertEqual(self.daemon.get("/v2/health/ready").status, 200)
        self.assertNotIn("mnist", self.daemon.get("/v2/models").json()["models"])
        self.unload("mnist")
        self.load("mnist")
        self.assertEqual(self.statuses("mnist"), [200] * 5)
        # From the array as it was left.
        self.assertEqual(self.infer("mnist", picture(1), [784]).json(), before)
        self.assertEqual(self.index()["mnist"], self.READY)

    def test_of_a_model_of_the_folder_and_of_one_that_was_sent(self):
        self.assert_serves(self.net)
        self.unload("small")
        self.assertEqual(self.index()["small"], ("UNAVAILABLE", "unloaded"))
        self.assertEqual(self.versions["small"], "1")
        self.load("small")
        self.assert_serves(self.net)
        sent = SmallNet(2)
        self.put(self.daemon, "small", sent)
        self.unload("small")
        self.assertEqual(self.index()["small"], ("UNAVAILABLE", "unloaded"))
        self.assertEqual(self.versions["small"], "2")
        self.load("small")
        self.assert_serves(sent)
        # What is sent in the place of one that was unloaded is served.
        self.unload("small")
        self.put(self.daemon, "small", self.net)
        self.assertEqual(self.index()["small"], self.READY)
        self.assertEqual(self.versions["small"], "3")
        self.assert_serves(self.net)
        # Deleted, it is not known any more; its file in the folder is, to load.
        self.assertEqual(self.daemon.ask("DELETE", "/api/v1/models/small").status, 204)
        self.assertNotIn("small", self.index())
        self.load("small")
        self.assert_serves(self.net)

    def test_a_file_that_came_later(self):
        self.assertIn("\"new\"", self.load("new", 404)["error"])
        self.assertNotIn("new", self.index())
        with Daemon() as other:
            self.put(other, "new", SmallNet(3))
            shutil.copy(other.state + "/models/new.sbnn", self.models + "/zz.sbnn")
        self.load("new")
        self.assertEqual(self.index()["new"], self.READY)

    def test_a_broken_file_leaves_the_old_one_serving(self):
        with open(self.models + "/small.sbnn", "w") as f:
            f.write("no model")
        error = self.load("small", 422)["error"]
        self.assertNotIn(self.models, error)
        state, reason = self.index()["small"]
        self.assertEqual((state, reason), ("READY", error))
        self.assert_serves(self.net)
        self.unload("small")
        self.load("small", 422)
        self.assertEqual(self.index()["small"], ("UNAVAILABLE", error))
        os.unlink(self.models + "/small.sbnn")
        self.load("small")
        self.assertEqual(self.index()["small"], self.READY)
        self.assert_serves(self.net)

    def test_another_network_in_the_file(self):
        generation = self.daemon.get("/api/v1/models/small").json()["generation"]
        other = SmallNet(4)
        with Daemon() as maker:
            self.put(maker, "small", other)
            shutil.copy(maker.state + "/models/small.sbnn", self.models + "/any.sbnn")
        self.assert_serves(self.net)
        self.load("small")
        self.assert_serves(other)
        model = self.daemon.get("/api/v1/models/small").json()
        self.assertEqual((model["generation"], model["version"]), (generation + 1, "2"))
        self.assertNotIn("small.array", os.listdir(self.state + "/arrays"))

    def test_a_restart_loads_what_was_unloaded(self):
        self.unload("mnist")
        self.unload("small")
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()
        self.assertEqual({state for state, _ in self.index().values()}, {"READY"})

    def test_reloading_under_load_loses_no_request(self):
        generation = self.daemon.point("mnist")["generation"]
        with Load(self.daemon) as load:
            for _ in range(5):
                answered = load.answered
                self.load("mnist")
                self.assertTrue(eventually(lambda: load.answered > answered))
        self.assertEqual(load.failures, [])
        self.assertEqual(load.generations, {generation})

    def test_unloading_under_load_ends_requests_in_order(self):
        with Load(self.daemon) as load:
            self.assertTrue(eventually(lambda: load.answered > 0))
            self.unload("mnist")
            self.assertTrue(eventually(lambda: load.failures))
            self.load("mnist")
            answered = load.answered
            self.assertTrue(eventually(lambda: load.answered > answered))
        # Out of service, or on its way back.
        self.assertLessEqual({(failure[0], json.loads(failure[1])["code"])
                              for failure in load.failures},
                             {(404, "unknown_model"), (503, "model_loading")})
        self.assertIn(404, {failure[0] for failure in load.failures})

    def test_logging(self):
        """What is logged, seen in the log: an unload is worth a line."""
        def post(body, status=200):
            answer = self.daemon.ask("POST", "/v2/logging", body)
            self.assertEqual(answer.status, status, answer.body)
            return answer.json()

        def lines():
            return sum("model=small version=1 unloaded" in line for line in self.daemon.log)
        usual = {"log_file": "", "log_info": True, "log_warning": True, "log_error": True,
                 "log_verbose_level": 0, "log_format": "default"}
        self.assertEqual(self.daemon.get("/v2/logging").json(), usual)
        quiet = dict(usual, log_info=False)
        self.assertEqual(post({"log_info": False}), quiet)
        self.assertEqual(self.daemon.get("/v2/logging").json(), quiet)
        self.unload("small")
        self.load("small")
        self.assertEqual(post(usual), usual)
        self.unload("small")
        self.assertTrue(eventually(lambda: lines() > 0))
        self.assertEqual(lines(), 1)
        self.assertEqual(post(dict(usual, log_verbose_level=1))["log_verbose_level"], 1)
        self.assertIn("error", post({"log_file": "/tmp/x"}, 400))

    def test_what_is_not_there_or_not_supported(self):
        for name in ("none", "..", "any.sbnn", "%20"):
            self.assertIn("error", self.load(name, 404))
            self.assertIn("error", self.unload(name, 404))
        for parameters in ({"config": "{}"}, {"file:1/model.sbnn": "AAAA"}):
            self.assertIn("not supported", self.load("mnist", 400, {"parameters": parameters})
                          ["error"])
        self.load("mnist", 400, {"parameters": 7})
        self.load("mnist", 400, "{")
        self.unload("mnist", 200, {"parameters": {"unload_dependents": True}})
        self.load("mnist", 200, {"parameters": None})
        for path in ("index", "models/mnist/load", "models/mnist/unload"):
            answer = self.daemon.get("/v2/repository/" + path)
            self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST, OPTIONS"))


class ClientsTest(V2Test):
    """Requests as clients are known to send them, byte for byte in what matters."""

    def send(self, path, body, **fields):
        """A request whose head has no other lines than these and Host."""
        connection = daemon.connection()
        connection.putrequest("POST", path, skip_accept_encoding=True)
        for name, value in fields.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        answer = response.status, response.headers, response.read()
        connection.close()
        return answer

    def test_triton_binary_by_default(self):
        """No Content-Type, names in lower case, binary both ways unless told otherwise."""
        pixels = picture(20)
        request = json.dumps({
            "id": "1",
            "inputs": [{"name": "input", "shape": [1, 28, 28, 1], "datatype": "UINT8",
                        "parameters": {"binary_data_size": 784}}],
            "outputs": [{"name": "scores", "parameters": {"binary_data": True}}]}).encode()
        status, fields, body = self.send(
            INFER, request + pixels, inference_header_content_length=str(len(request)))
        self.assertEqual(status, 200)
        head = int(fields[HEADER])
        result = json.loads(body[:head])
        self.assertEqual(result["outputs"][0]["parameters"]["binary_data_size"], 40)
        self.assertEqual(len(body) - head, 40)
        best = max(range(10), key=struct.unpack("<10f", body[head:]).__getitem__)
        self.assertEqual(best, classified(pixels)[0]["class"])

    def test_triton_classification(self):
        request = json.dumps({
            "inputs": [{"name": "input", "shape": [2, 28, 28, 1], "datatype": "UINT8",
                        "parameters": {"binary_data_size": 1568}}],
            "outputs": [{"name": "scores",
                         "parameters": {"classification": 3, "binary_data": True}}]}).encode()
        status, fields, body = self.send(
            MNIST + "/versions/1/infer", request + picture(21, 1568),
            inference_header_content_length=str(len(request)))
        self.assertEqual(status, 200)
        self.assertEqual(len(strings(body[int(fields[HEADER]):])), 6)

    def test_triton_asyncio(self):
        """Its bodies are octet-stream, whatever they are."""
        octets = dict(accept="*/*", accept_encoding="gzip, deflate",
                      content_type="application/octet-stream")
        for path, body in (("repository/index", b""),
                           ("repository/models/fashion/unload",
                            b'{"parameters":{"unload_dependents":false}}'),
                           ("repository/models/fashion/load", b"{}"),
                           ("logging", b'{"log_verbose_level":0}')):
            status, _, answer = self.send("/v2/" + path, body, **octets)
            self.assertEqual(status, 200, (path, answer))

    def test_triton_compression(self):
        """The header counts the JSON before it was packed."""
        pixels = picture(26)
        request = json.dumps({
            "inputs": [{"name": "input", "shape": [1, 28, 28, 1], "datatype": "UINT8",
                        "parameters": {"binary_data_size": 784}}],
            "parameters": {"binary_data_output": True}}).encode()
        for coding, packed in (("gzip", gzip.compress(request + pixels)),
                               ("deflate", zlib.compress(request + pixels))):
            status, fields, body = self.send(
                INFER, packed, inference_header_content_length=str(len(request)),
                content_encoding=coding, accept_encoding=coding)
            self.assertEqual((status, fields["Content-Encoding"]), (200, None), body)
            scores = struct.unpack("<10f", body[int(fields[HEADER]):])
            self.assertEqual(max(range(10), key=scores.__getitem__),
                             classified(pixels)[0]["class"])

    def test_triton_with_an_input_too_many(self):
        head = json.dumps({"inputs": [
            {"name": name, "shape": [1, 784], "datatype": "UINT8",
             "parameters": {"binary_data_size": 784}} for name in ("input", "INPUT1")]}).encode()
        status, _, answer = self.send(INFER, head + bytes(1568),
                                      inference_header_content_length=str(len(head)))
        self.assertEqual(status, 400)
        self.assertIn('no input "INPUT1"', json.loads(answer)["error"])

    def test_curl(self):
        """Its -d and --data-binary say that the body is a form's."""
        form = dict(accept="*/*", user_agent="curl/7.88.1",
                    content_type="application/x-www-form-urlencoded")
        pixels = picture(24)
        status, _, answer = self.send(INFER, json.dumps({"inputs": [tensor([pixels])]}).encode(),
                                      **form)
        self.assertEqual(status, 200, answer)
        body, headers = binary([pixels])
        status, _, same = self.send(INFER, body, inference_header_content_length=headers[HEADER],
                                    **form)
        self.assertEqual(status, 200, same)
        self.assertEqual(json.loads(same)["outputs"], json.loads(answer)["outputs"])

    def test_kserve(self):
        """Members of its own in the body, nulls for what was not given."""
        body = json.dumps({"id": None, "model_name": "mnist", "model_version": None,
                           "parameters": None, "outputs": None,
                           "inputs": [tensor([picture(22)], "FP32", parameters=None)]})
        status, fields, answer = self.send(INFER, body.encode(), accept="*/*",
                                           content_type="application/json")
        self.assertEqual((status, fields["Content-Type"]), (200, "application/json"))
        self.assertEqual(json.loads(answer)["model_name"], "mnist")
        self.assertIs(self.get("/v2/health/live")["live"], True)
        self.assertIs(self.get("/v2/health/ready")["ready"], True)

    def test_mlserver(self):
        """Types of content as parameters everywhere; data nested."""
        body = json.dumps({"parameters": {"content_type": "np"},
                           "inputs": [dict(tensor([]), shape=[1, 784],
                                           data=[list(picture(23))],
                                           parameters={"content_type": "np"})],
                           "outputs": [{"name": "scores", "parameters": {"content_type": "np"}}]})
        status, _, answer = self.send(INFER, body.encode(), content_type="application/json")
        self.assertEqual(status, 200, answer)
        self.assertEqual(json.loads(answer)["outputs"][0]["shape"], [1, 10])

    def test_mlserver_objects_as_they_are_dumped(self):
        """With null for what was not given; parameters also hold what is no protocol's."""
        for parameters in (None, {"content_type": None, "headers": None},
                           {"content_type": "np", "headers": {"x-request-id": "a"}, "more": [1]}):
            body = {"id": None, "parameters": parameters,
                    "inputs": [tensor([picture(25)], parameters=parameters)],
                    "outputs": [{"name": "scores", "parameters": parameters}]}
            status, _, answer = self.send(INFER, json.dumps(body).encode(),
                                          content_type="application/json")
            self.assertEqual(status, 200, answer)
        status, _, answer = self.send("/v2/repository/index", b'{"ready": null}',
                                      content_type="application/json")
        self.assertEqual((status, len(json.loads(answer))), (200, 3))


if __name__ == "__main__":
    unittest.main()
