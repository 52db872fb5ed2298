# SPDX-License-Identifier: Apache-2.0
"""The command line against a running daemon."""
import json
import os
import re
import subprocess
import unittest

from spinbnn_system import Daemon, FASHION, PATIENCE, SOURCE, SPINBNN, needs_fashion

SEVEN = os.path.join(SOURCE, "models", "examples", "seven.png")


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__()

    def run_cli(self, *args, code=0, url=None):
        done = subprocess.run([SPINBNN, *args], capture_output=True, text=True,
                              timeout=120 * PATIENCE,
                              env=dict(os.environ, SPINBNN_URL=url or self.daemon.url))
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def json(self, *args):
        return json.loads(self.run_cli("--json", *args).stdout)

    def test_classify_names_the_digit(self):
        out = self.run_cli("classify", "-m", "mnist", SEVEN).stdout
        self.assertRegex(out, r"\b7\b")
        done = self.run_cli("classify", "-m", "mnist", SEVEN, "/nonexistent", code=1)
        self.assertRegex(done.stdout, r"\b7\b")
        self.assertIn("/nonexistent", done.stderr)

    def test_several_models_and_none_named_lists_them(self):
        done = self.run_cli("classify", SEVEN, code=64)
        self.assertIn("mnist", done.stderr)
        self.assertIn("fashion", done.stderr)

    def test_operating_point_round_trip(self):
        self.run_cli("operating-point", "set", "-m", "mnist", "--mode", "uniform", "--target",
                     "1e-2", "--pulse-ns", "10", "--over", "random")
        point = self.daemon.point("mnist")
        self.assertEqual((point["mode"], point["target_write_error_rate"], point["pulse_ns"]),
                         ("uniform", 0.01, 10))
        out = self.run_cli("operating-point", "get", "-m", "mnist").stdout
        self.assertIn("0.5008", out)
        self.assertIn("fc2", out)
        done = self.run_cli("operating-point", "set", "-m", "mnist", "--pulse-ns", "0", code=1)
        self.assertIn("pulse_ns", done.stderr)
        done = self.run_cli("operating-point", "set", "-m", "mnist", "--if-match", "999999",
                            "--target", "1e-3", code=1)
        self.assertIn("999999", done.stderr)

    @needs_fashion
    def test_evaluate_counts_what_the_daemon_counts(self):
        self.run_cli("operating-point", "set", "-m", "fashion", "--mode", "iid",
                     "--bit-error-rate", "0")
        out = self.json("evaluate", "-m", "fashion", "-d", FASHION, "--limit", "1000")
        text = self.run_cli("evaluate", "-m", "fashion", "-d", FASHION, "--limit", "1000").stdout
        status = self.daemon.get("/api/v1/status").json()
        fashion = next(m for m in status["models"] if m["name"] == "fashion")
        self.assertEqual(fashion["labelled"], 2000)
        self.assertIn("%.2f" % (100 * fashion["accuracy"]), text)
        self.assertAlmostEqual(out["accuracy"], fashion["accuracy"])

    def test_status_models_health_and_version(self):
        self.assertIn("mnist", self.run_cli("status").stdout)
        self.assertIn("99.00", self.run_cli("models", "-m", "mnist").stdout)
        self.run_cli("health")
        self.assertRegex(self.run_cli("version").stdout, r"\d+\.\d+\.\d+")

    def test_inspect_needs_no_daemon(self):
        done = self.run_cli("inspect", os.path.join(SOURCE, "models", "mnist.sbnn"),
                            url="http://127.0.0.1:1")
        self.assertIn("1,861,632", done.stdout)
        done = self.run_cli("inspect", SEVEN, code=65)
        self.assertIn("seven.png", done.stderr)

    def test_no_daemon_is_exit_69_and_says_what_to_do(self):
        done = self.run_cli("status", code=69, url="http://127.0.0.1:1")
        self.assertIn("./run", done.stderr)
        self.run_cli("health", code=1, url="http://127.0.0.1:1")

    def test_wrong_usage_is_exit_64_with_the_nearest_word(self):
        self.assertIn("evaluate", self.run_cli("evalute", code=64).stderr)
        self.assertIn("--target", self.run_cli("operating-point", "set", "--targt", "1",
                                               code=64).stderr)

    def test_every_command_teaches(self):
        for command in ("classify", "evaluate", "operating-point", "models", "status", "inspect"):
            out = self.run_cli(command, "--help").stdout
            self.assertIn("Examples:", out, command)
            self.assertTrue(all(len(line) <= 100 for line in out.split("\n")))
            self.assertTrue(re.search(r"spinbnn " + command, out))


if __name__ == "__main__":
    unittest.main()
