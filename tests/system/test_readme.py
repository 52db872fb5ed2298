# SPDX-License-Identifier: Apache-2.0
"""Every command of README.md's "The API by example", in its order, as a reader would run it."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from spinbnn_system import FASHION, PATIENCE, SOURCE, SPINBNN, Daemon

# What the reader has before it: the alias of README.md, and curl, which is to say no for
# itself where the daemon does. It follows events until it is stopped.
SHELL = r"""
set -eu
spinbnn() { "$SPINBNN" "$@"; }
curl() {
    case "$*" in
    *-sN*) command curl --max-time 2 "$@" || [ $? -eq 28 ] ;;
    *) command curl --fail-with-body --max-time "$PATIENCE" "$@" ;;
    esac
}
"""


def commands():
    """The indented blocks of the section, each a piece of shell."""
    with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as f:
        section = f.read().split("\n## The API by example\n", 1)[1].split("\n## ", 1)[0]
    return [re.sub(r"^    ", "", block, flags=re.M)
            for block in re.findall(r"(?:^    .*\n)+", section, re.M)]


@unittest.skipUnless(shutil.which("curl") and shutil.which("sqlite3"),
                     "curl or sqlite3 is not installed; ./install-deps test brings them")
class Example(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="spinbnn-readme-")
        self.addCleanup(shutil.rmtree, self.folder)
        os.symlink(os.path.join(SOURCE, "models"), os.path.join(self.folder, "models"))

    def test_every_command_works_in_its_order(self):
        blocks = commands()
        self.assertGreater(sum(block.count("curl -s") for block in blocks), 25)
        with Daemon(data=os.path.dirname(FASHION)) as daemon:
            os.symlink(daemon.state, os.path.join(self.folder, "state"))
            script = SHELL
            for block in blocks:
                if re.search("^zcat |fashion-mnist", block) and not os.path.isdir(FASHION):
                    continue
                script += block.replace("http://127.0.0.1:8080", daemon.url) + "\necho\n"
            done = subprocess.run(
                ["bash", "-c", script], cwd=self.folder, capture_output=True, text=True,
                timeout=120 * PATIENCE, env=dict(os.environ, SPINBNN=SPINBNN,
                                                 SPINBNN_URL=daemon.url,
                                                 PATIENCE="%d" % (20 * PATIENCE)))
            self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr)
            # The first one is what the page beside it says.
            self.assertIn('"results":[{"class":7,"label":"7"', done.stdout.split("\n")[1])
            self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
