# SPDX-License-Identifier: Apache-2.0
"""The Open Inference Protocol (V2, REST) and Triton's extensions of it."""
import json
import unittest

from spinbnn_system import Daemon

MNIST = "/v2/models/mnist"


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
        for path in ("", "/ready", "/config"):
            for model in ("none", "mnist%20", "mnist/versions/2", "mnist/versions/01",
                          "mnist/versions/x", "none/versions/1"):
                self.assert_error(daemon.get("/v2/models/%s%s" % (model, path)), 404)
        for path in ("/v2/nothing", "/v2/models/", MNIST + "/", MNIST + "/versions",
                     "/v2/health", "/v2/health/ready/"):
            self.assert_error(daemon.get(path), 404)

    def test_a_slash_in_a_name_is_refused(self):
        self.assert_error(daemon.get("/v2/models/mn%2Fist"), 400)

    def test_wrong_methods(self):
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


if __name__ == "__main__":
    unittest.main()
