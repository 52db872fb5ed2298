# SPDX-License-Identifier: Apache-2.0
"""The dashboard of a real daemon in a real browser."""
import os
import subprocess
import sys
import unittest

from spinbnn_system import Daemon, PATIENCE

HERE = os.path.dirname(os.path.abspath(__file__))


class Page(unittest.TestCase):
    def look(self, *options):
        # page.py leaves the knob turned: each look has a daemon of its own.
        with Daemon() as daemon:
            done = subprocess.run([sys.executable, "-B", os.path.join(HERE, "page.py"),
                                   daemon.url + "/#mnist", *options],
                                  capture_output=True, text=True, timeout=120 * PATIENCE)
            if done.returncode == 77:
                self.skipTest(done.stdout.strip())
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            status = daemon.get("/api/v1/status").json()
            return next(m for m in status["models"] if m["name"] == "mnist")

    def test_a_drawn_digit_is_read_and_the_knob_turns(self):
        mnist = self.look()
        self.assertGreater(mnist["images"], 0)
        self.assertGreater(mnist["generation"], 1)
        self.assertGreater(mnist["labelled"], 0)

    def test_it_fits_a_telephone(self):
        self.look("--size", "390x844", "--dark", "--look")

    def test_files_have_tags_and_a_policy(self):
        with Daemon() as daemon:
            for path in ("/", "/app.js", "/style.css", "/chart.js"):
                answer = daemon.get(path)
                self.assertEqual(answer.status, 200)
                self.assertIn("default-src 'self'", answer.headers["Content-Security-Policy"])
                again = daemon.get(path, headers={"If-None-Match": answer.headers["ETag"]})
                self.assertEqual((again.status, again.body), (304, b""))


if __name__ == "__main__":
    unittest.main()
