# SPDX-License-Identifier: Apache-2.0
"""The log never holds up the daemon, whoever reads it."""
import re
import signal
import threading
import unittest

from spinbnn_system import PATIENCE, Daemon, eventually

# More than a pipe and the queue hold: each line has this path.
N = 3000
PATH = "/nowhere/" + "x" * 1500


class Unread(Daemon):
    """Nobody reads its standard error after READY, until told to."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.may_read = threading.Event()

    def _read_log(self):
        self.may_read.wait()
        super()._read_log()

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        code = self.process.wait(timeout=60 * PATIENCE)
        self.may_read.set()
        return self._ended(code)

    def kill(self):
        self.may_read.set()
        return super().kill()


class Log(unittest.TestCase):
    def flood(self, daemon):
        connection = daemon.connection()
        for _ in range(N):
            self.assertEqual(daemon.get(PATH, connection=connection).status, 404)
        connection.close()
        self.assertEqual(daemon.get("/v2/health/ready").status, 200)
        self.assertEqual(
            daemon.ask("POST", "/api/v1/models/mnist/classify", bytes(784)).status, 200)

    def dropped(self, daemon):
        return int(re.search(r"^spinbnn_log_lines_dropped_total (\d+)$",
                             daemon.get("/metrics").body.decode(), re.M).group(1))

    def test_requests_are_answered_though_nobody_reads_and_what_is_missing_is_told(self):
        with Unread(access_log_sample=1) as daemon:
            self.flood(daemon)
            n = self.dropped(daemon)
            self.assertGreater(n, 0)
            daemon.may_read.set()
            self.assertTrue(eventually(lambda: any(" dropped=" in line for line in daemon.log)))
            # What comes from now on is there.
            self.assertEqual(daemon.get("/v2/health/live").status, 200)
            self.assertEqual(daemon.stop(), 0)
            told = [int(m.group(1)) for m in (
                re.match(r"warning log dropped=(\d+) reason=", line) for line in daemon.log) if m]
            written = sum("request request_id=" in line for line in daemon.log)
            self.assertGreaterEqual(sum(told), n)
            # The flood, two before the scrape, the scrape, one after.
            self.assertEqual(written + sum(told), N + 4)
            self.assertTrue(daemon.log[-1].endswith("everything is written, bye"))

    def test_the_end_does_not_wait_for_who_does_not_read(self):
        with Unread(access_log_sample=1) as daemon:
            self.flood(daemon)
            self.assertEqual(daemon.stop(), 0)
            self.assertFalse(any("bye" in line for line in daemon.log))

    def test_an_abort_loses_no_line(self):
        with Daemon(access_log_sample=1) as daemon:
            # A request has its line before the next one on its connection is read.
            connection = daemon.connection()
            for _ in range(101):
                self.assertEqual(daemon.get(PATH, connection=connection).status, 404)
            connection.close()
            self.assertEqual(daemon.stop(signal.SIGABRT), -signal.SIGABRT)
            self.assertGreaterEqual(
                sum("request request_id=" in line for line in daemon.log), 100)


if __name__ == "__main__":
    unittest.main()
