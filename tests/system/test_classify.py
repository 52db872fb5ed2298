# SPDX-License-Identifier: Apache-2.0
"""Classify: the contract, real accuracies, bad input."""
import base64
import json
import os
import unittest

from spinbnn_system import (Daemon, FASHION, MNIST, SOURCE, classify_all, jpeg,
                            needs_fashion, needs_mnist, png, test_set)

CLASSIFY = "/api/v1/models/mnist/classify"


class Contract(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().__enter__()
        with open(os.path.join(SOURCE, "models", "examples", "seven.png"), "rb") as f:
            cls.seven = f.read()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__()

    def classify(self, body, query="", headers=None, status=200):
        answer = self.daemon.ask("POST", CLASSIFY + query, body, headers)
        self.assertEqual(answer.status, status, answer.body)
        return answer.json()

    def test_the_example_is_a_seven_and_every_field_is_there(self):
        answer = self.classify(self.seven, "?top=3&label=7")
        self.assertEqual(set(answer), {"model", "version", "generation", "request_id", "results",
                                       "memory", "energy", "time_us"})
        result = answer["results"][0]
        self.assertEqual((result["class"], result["label"]), (7, "7"))
        self.assertEqual(len(result["scores"]), 3)
        self.assertEqual(set(result["scores"][0]), {"class", "label", "probability", "logit"})
        self.assertEqual(set(answer["memory"]), {"cells", "weights", "wrong_bits", "bit_error_rate"})
        # One plain cell a weight, until an operating point says otherwise.
        for field in ("cells", "weights"):
            self.assertEqual(answer["memory"][field], 784 * 1024 + 1024 * 1024 + 1024 * 10)
        energy = answer["energy"]
        self.assertEqual(set(energy), {"read_pj", "decode_pj", "compute_pj", "total_pj"})
        self.assertEqual(energy["decode_pj"], 0)
        self.assertAlmostEqual(energy["read_pj"] + energy["compute_pj"], energy["total_pj"],
                               places=2)
        # Between all cells AP and all cells P, 5.899 and 6.890 fJ a read.
        self.assertGreater(energy["read_pj"], 1861632 * 5.89e-3)
        self.assertLess(energy["read_pj"], 1861632 * 6.90e-3)
        self.assertEqual(set(answer["time_us"]), {"queue", "compute", "total"})

    def test_every_form_of_the_same_picture_gives_the_same_scores(self):
        pixels = bytes((x * 7 + y * 3) % 256 for y in range(28) for x in range(28))
        want = self.classify(pixels, "?top=10",
                             {"Content-Type": "application/octet-stream"})["results"]
        pgm = b"P5\n28 28\n255\n" + pixels
        forms = [
            (png(28, 28, pixels), {"Content-Type": "image/png"}),
            (pgm, {"Content-Type": "image/x-portable-graymap"}),
            (png(28, 28, pixels), {"Content-Type": "application/x-www-form-urlencoded"}),
            (png(28, 28, bytes(b for p in pixels for b in (p, p, p)), 2), {}),
            (json.dumps({"images": [{"pixels": list(pixels)}]}), {}),
            ({"images": [{"b64": base64.b64encode(pixels).decode()}]}, {}),
            ({"images": [{"b64": base64.b64encode(pgm).decode()}]}, {}),
            ({"images": [{"pixels": [list(pixels[y * 28:y * 28 + 28]) for y in range(28)]}]},
             {}),
        ]
        for body, headers in forms:
            self.assertEqual(self.classify(body, "?top=10", headers)["results"], want)

    def test_a_picture_as_jpeg_and_as_png_gives_the_same_scores(self):
        for width, height in ((28, 28), (80, 56)):
            pixels = bytes((x // 8 * 37 + y // 8 * 91) % 256
                           for y in range(height) for x in range(width))
            want = self.classify(png(width, height, pixels), "?top=10")["results"]
            coded = jpeg(width, height, pixels)
            for body, headers in (
                    (coded, {"Content-Type": "image/jpeg"}), (coded, {}),
                    ({"images": [{"b64": base64.b64encode(coded).decode()}]}, {})):
                self.assertEqual(self.classify(body, "?top=10", headers)["results"], want)

    def test_a_batch_is_answered_in_order_and_as_one_by_one(self):
        pictures = [bytes((x * k + k) % 256 for x in range(784)) for k in range(1, 201)]
        together = self.classify({"images": [{"b64": base64.b64encode(p).decode()}
                                             for p in pictures]}, "?top=2")["results"]
        for k in (0, 63, 64, 127, 199):
            self.assertEqual(self.classify(pictures[k], "?top=2")["results"][0], together[k])

    def test_bad_input_says_what_was_wrong(self):
        raw = {"Content-Type": "application/octet-stream"}
        js = {"Content-Type": "application/json"}
        good = png(28, 28, bytes(784))
        table = [
            ("", b"", raw, 400, "empty"),
            ("", bytes(783), raw, 422, "784"),
            ("", bytes(785), raw, 422, "785"),
            ("", good[:60], {"Content-Type": "image/png"}, 422, ""),
            ("", good[:-20] + b"x" * 20, {"Content-Type": "image/png"}, 422, ""),
            ("", png(28, 28, bytes(784)).replace(b"IDAT", b"XDAT"),
             {"Content-Type": "image/png"}, 422, ""),
            ("", b"P5\n28 28\n255\n" + bytes(783), raw, 422, ""),
            ("", b"P5\n-1 28\n255\n" + bytes(784), raw, 422, ""),
            ("", b"P5\n999999999 999999999\n255\n", raw, 413, ""),
            ("", b"\xff\xd8\xff\xe0" + bytes(100), raw, 422, "JPEG"),
            ("", jpeg(28, 28, bytes(784))[:-2], {"Content-Type": "image/jpeg"}, 422, "JPEG"),
            ("", jpeg(28, 28, bytes(784)).replace(b"\xff\xc0", b"\xff\xc9"), {}, 415, "arithmetic"),
            ("", b"GIF89a" + bytes(100), raw, 415, "GIF"),
            ("", b"hello", {"Content-Type": "text/plain"}, 415, "text/plain"),
            ("?top=0", bytes(784), raw, 422, "1 .. 10"),
            ("?top=11", bytes(784), raw, 422, "1 .. 10"),
            ("?top=x", bytes(784), raw, 422, "top"),
            ("?label=10", bytes(784), raw, 422, "0 .. 9"),
            ("?label=-1", bytes(784), raw, 422, "label"),
            ("", b"{", js, 400, ""),
            ("", b"[]", js, 422, "object"),
            ("", b"{}", js, 422, "images"),
            ("", b'{"images":[]}', js, 422, "images"),
            ("", b'{"images":[{}]}', js, 422, "/images/0"),
            ("", b'{"images":[{"b64":"!!!!"}]}', js, 422, "/images/0/b64"),
            ("", b'{"images":[{"b64":"AAAA"}]}', js, 422, "784"),
            ("", json.dumps({"images": [{"pixels": [0] * 783}]}).encode(), js, 422, "783"),
            ("", json.dumps({"images": [{"pixels": [0] * 785}]}).encode(), js, 422, "784"),
            ("", json.dumps({"images": [{"pixels": [256] * 784}]}).encode(), js, 422, "256"),
            ("", json.dumps({"images": [{"pixels": [0.5] * 784}]}).encode(), js, 422, "0.5"),
            ("", json.dumps({"images": [{"pixels": [-1] * 784}]}).encode(), js, 422, "-1"),
            ("", json.dumps({"images": [{"pixels": ["0"] * 784}]}).encode(), js, 422, ""),
            ("", json.dumps({"images": [{"pixels": [0] * 784}], "labels": [1, 2]}).encode(), js,
             422, "/labels"),
            ("", json.dumps({"images": [{"pixels": [0] * 784}], "labels": [10]}).encode(), js,
             422, "/labels/0"),
            ("", b"[" * 10000, js, 400, ""),
            ("", b'{"images":[{"b64":"\xff"}]}', js, 400, ""),
            ("", b'\xef\xbb\xbf{"images":[]}', js, 400, ""),
            ("", json.dumps({"images": [{"pixels": [0] * 784}] * 1025}).encode(), js, 413,
             "1024"),
        ]
        for query, body, headers, status, word in table:
            with self.subTest(body=body[:60], query=query):
                answer = self.daemon.ask("POST", CLASSIFY + query, body, headers)
                self.assertEqual(answer.status, status, answer.body)
                self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
                problem = answer.json()
                self.assertEqual(problem["status"], status)
                text = answer.body.decode()
                self.assertIn(word, text)
        # And it still serves.
        self.classify(bytes(784))

    def test_wrong_paths_and_methods(self):
        self.assertEqual(self.daemon.ask("POST", "/api/v1/models/nope/classify",
                                         bytes(784)).status, 404)
        answer = self.daemon.get(CLASSIFY)
        self.assertEqual(answer.status, 405)
        self.assertIn("POST", answer.headers["Allow"])
        self.assertEqual(self.daemon.get("/nope").status, 404)
        self.assertIn("error", self.daemon.get("/v2/nope").json())
        # Refused by its announced length, before the body.
        answer = self.daemon.raw(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
                                 % (CLASSIFY.encode(), 17 << 20))
        self.assertTrue(answer.startswith(b"HTTP/1.1 413"), answer[:100])

    def test_feedback_moves_the_accuracy_once(self):
        def accuracy():
            status = self.daemon.get("/api/v1/status").json()
            return next((m["labelled"], m["correct"]) for m in status["models"]
                        if m["name"] == "mnist")
        before = accuracy()
        one = self.classify(self.seven)["request_id"]
        two = self.classify({"images": [{"b64": base64.b64encode(self.seven).decode()}] * 2})
        answer = self.daemon.ask("POST", "/api/v1/feedback", {"feedback": [
            {"request_id": one, "label": 7},
            {"request_id": two["request_id"], "labels": [7, 1]},
            {"request_id": one, "label": 7},
            {"request_id": "00ff00ff00ff00ff", "label": 7}]})
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.json(), {
            "accepted": 3, "unknown": ["00ff00ff00ff00ff"],
            "rejected": [{"request_id": one, "reason": "it has a label already"}]})
        # What is refused can be put right.
        three = self.classify(self.seven)["request_id"]
        answer = self.daemon.ask("POST", "/api/v1/feedback", {"request_id": three, "label": 17})
        self.assertIn("0 .. 9", answer.json()["rejected"][0]["reason"])
        answer = self.daemon.ask("POST", "/api/v1/feedback", {"request_id": three, "label": 1})
        self.assertEqual(answer.json()["accepted"], 1)
        self.assertEqual(accuracy(), (before[0] + 4, before[1] + 2))

    def test_models_are_described(self):
        models = {m["name"]: m for m in self.daemon.get("/api/v1/models").json()["models"]}
        self.assertEqual(set(models), {"mnist", "fashion", "cifar10"})
        mnist = self.daemon.get("/api/v1/models/mnist").json()
        self.assertEqual(mnist["layers"][0]["cells"], 784 * 1024)
        self.assertEqual(mnist["input"]["encoding"], "binary")
        self.assertEqual((mnist["input"]["bgr"], mnist["input"]["fit"], mnist["input"]["resize"]),
                         (False, "letterbox", None))
        self.assertEqual(models["fashion"]["labels"][9], "ankle boot")
        cifar10 = self.daemon.get("/api/v1/models/cifar10").json()
        self.assertEqual([cifar10["input"][k] for k in ("height", "width", "channels", "encoding")],
                         [32, 32, 3, "pixels"])
        self.assertEqual(cifar10["labels"][3], "cat")
        self.assertEqual(sum(layer["cells"] for layer in cifar10["layers"]), 14022016)
        self.assertGreaterEqual(models["mnist"]["accuracy"]["ratio"], 0.982)
        self.assertGreaterEqual(models["fashion"]["accuracy"]["ratio"], 0.865)
        self.assertEqual(models["cifar10"]["accuracy"]["correct"], 9169)


class Accuracy(unittest.TestCase):
    """Real test sets through the real daemon."""

    def shipped(self, daemon, model):
        return daemon.get("/api/v1/models/" + model).json()["accuracy"]

    def count(self, daemon, model, pictures, labels):
        classes = classify_all(daemon, model, pictures, labels)
        return sum(c == l for c, l in zip(classes, labels))

    def check(self, model, folder):
        pictures, labels = test_set(folder)
        with Daemon() as daemon:
            shipped = self.shipped(daemon, model)
            self.assertEqual(shipped["total"], len(labels))

            daemon.patch(model, {"mode": "iid", "bit_error_rate": 0})
            self.assertEqual(self.count(daemon, model, pictures, labels), shipped["correct"])

            # The daemon counts the same.
            status = daemon.get("/api/v1/status").json()
            counted = next(m for m in status["models"] if m["name"] == model)
            for of in (counted, counted["current"]):
                self.assertEqual((of["labelled"], of["correct"]),
                                 (len(labels), shipped["correct"]))

            daemon.patch(model, {"mode": "iid", "bit_error_rate": 1e-3, "seed": 3})
            weak = self.count(daemon, model, pictures, labels) / len(labels)
            broken = 0
            for seed in range(1, 5):
                daemon.patch(model, {"mode": "iid", "bit_error_rate": 0.3, "seed": seed})
                broken += self.count(daemon, model, pictures[:1000], labels[:1000]) / 4000
            return shipped["ratio"], weak, broken

    @needs_mnist
    def test_mnist_is_exact_without_errors_and_hardly_minds_1e_3(self):
        shipped, weak, broken = self.check("mnist", MNIST)
        self.assertGreaterEqual(shipped, 0.982)
        self.assertLess(abs(weak - shipped), 0.003)
        # Chance is 10 %; the mean over four chips is a few points from it.
        self.assertLess(broken, 0.2)

    @needs_fashion
    def test_fashion_is_exact_without_errors(self):
        shipped, weak, broken = self.check("fashion", FASHION)
        self.assertGreaterEqual(shipped, 0.865)
        self.assertLess(abs(weak - shipped), 0.01)
        self.assertLess(broken, 0.25)


if __name__ == "__main__":
    unittest.main()
