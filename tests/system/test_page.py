# SPDX-License-Identifier: Apache-2.0
"""The dashboard of a real daemon in a real browser."""
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import unittest

from spinbnn_system import Daemon, PATIENCE, SOURCE, png
from test_jobs import draw, write_idx

HERE = os.path.dirname(os.path.abspath(__file__))


class Page(unittest.TestCase):
    def look(self, *options, model="mnist", headers=None, **settings):
        # page.py leaves the knob turned: each look has a daemon of its own.
        with Daemon(**settings) as daemon:
            done = subprocess.run([sys.executable, "-B", os.path.join(HERE, "page.py"),
                                   daemon.url + "/#" + model, *options],
                                  capture_output=True, text=True, timeout=300 * PATIENCE)
            if done.returncode == 77:
                self.skipTest(done.stdout.strip())
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            status = daemon.get("/api/v1/status", headers=headers).json()
            # The newest version comes first.
            shown = [m for m in status["models"] if m["name"] == model]
            return shown if len(shown) > 1 else shown[0]

    def test_a_drawn_digit_is_read_and_the_knob_turns(self):
        mnist = self.look()
        self.assertGreater(mnist["images"], 0)
        self.assertGreater(mnist["generation"], 1)
        self.assertGreater(mnist["labelled"], 0)

    def test_it_fits_a_telephone(self):
        self.look("--size", "390x844", "--dark", "--look")

    def test_a_colour_picture_is_taken_from_a_file(self):
        pixels = bytes(v for y in range(32) for x in range(32) for v in (8 * x, 8 * y, 255 - 8 * x))
        with tempfile.NamedTemporaryFile(suffix=".png") as file:
            file.write(png(32, 32, pixels, colour=2))
            file.flush()
            cifar10 = self.look("--picture", file.name, "--look", model="cifar10")
        self.assertGreater(cifar10["images"], 0)

    def test_the_version_that_is_chosen_is_asked_and_turned(self):
        newest, older = self.look("--newer", os.path.join(SOURCE, "models", "fashion.sbnn"), keep_versions=2)
        self.assertEqual([newest["version"], older["version"]], ["2", "1"])
        self.assertEqual((newest["images"], newest["generation"]), (0, 2))
        self.assertGreater(older["images"], 0)
        self.assertGreater(older["generation"], 2)
        self.assertGreater(older["labelled"], 0)

    def test_experiments_are_made_and_followed(self):
        rng = random.Random(7)
        labels = [rng.randrange(10) for _ in range(400)]
        pictures = [draw(digit, rng) for digit in labels]
        with tempfile.TemporaryDirectory() as data:
            write_idx(os.path.join(data, "digits"), pictures, labels)
            write_idx(os.path.join(data, "digits"), pictures[:50], labels[:50], head="train")
            write_idx(os.path.join(data, "many"), pictures[:9], [0, 1, 2, 3, 4, 5, 6, 7, 10])
            write_idx(os.path.join(data, "torn"), pictures[:9], labels[:8])
            mnist = self.look("--jobs", "--look", data=data)
        # What serves is not touched.
        self.assertEqual(mnist["generation"], 1)

    def test_it_asks_for_a_token_and_works_with_it(self):
        with tempfile.NamedTemporaryFile("w", suffix=".tokens") as file:
            file.write("admin me %s\n" % hashlib.sha256(b"tok-page").hexdigest())
            file.flush()
            mnist = self.look("--token", "tok-page", tokens_file=file.name,
                              headers={"Authorization": "Bearer tok-page"})
        self.assertGreater(mnist["generation"], 1)

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
