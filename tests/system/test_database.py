# SPDX-License-Identifier: Apache-2.0
"""The database as others meet it: copies of it, locks on it, and old rows in it."""
import os
import sqlite3
import stat
import time
import unittest

from spinbnn_system import Daemon, Load, PATIENCE

SNAPSHOT = "/api/v1/database/snapshot"


def read(path, sql, *args):
    """From a file that nobody needs to be able to write: as a dashboard opens a copy."""
    database = sqlite3.connect("file:%s?immutable=1" % path, uri=True)
    try:
        return database.execute(sql, args).fetchall()
    finally:
        database.close()


def wait_for(condition):
    end = time.monotonic() + 20 * PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(0.05)


def metric(daemon, name):
    text = daemon.ask("GET", "/metrics").body.decode()
    return float(next(line.split()[1] for line in text.splitlines()
                      if line.startswith(name + " ")))


class Snapshot(unittest.TestCase):
    def test_what_was_answered_before_is_in_the_copy(self):
        with Daemon() as daemon:
            for _ in range(7):
                daemon.ask("POST", "/api/v1/models/mnist/classify?label=1", bytes(784))
            answer = daemon.ask("POST", SNAPSHOT, b"")
            self.assertEqual(answer.status, 200)
            copy = answer.json()
            self.assertEqual(os.path.abspath(copy["path"]),
                             os.path.abspath(daemon.state + "/spinbnn-snapshot.db"))
            self.assertEqual(copy["bytes"], os.path.getsize(copy["path"]))
            self.assertLess(abs(copy["ts"] - time.time()), 20 * PATIENCE)
            self.assertEqual(stat.S_IMODE(os.stat(copy["path"]).st_mode), 0o640)
            self.assertEqual(read(copy["path"], "SELECT sum(images) FROM v_requests "
                                  "WHERE model = 'mnist'"), [(7,)])
            self.assertEqual(read(copy["path"], "PRAGMA quick_check"), [("ok",)])

    def test_copies_follow_each_other_whole_under_load(self):
        with Daemon() as daemon:
            with Load(daemon, n_threads=2) as load:
                for _ in range(10):
                    path = daemon.ask("POST", SNAPSHOT, b"").json()["path"]
                    self.assertEqual(read(path, "PRAGMA integrity_check"), [("ok",)])
            self.assertEqual(load.failures, [])
            self.assertEqual([n for n in os.listdir(daemon.state) if "snapshot" in n],
                             ["spinbnn-snapshot.db"])

    def test_by_the_clock_and_over_what_a_crash_left(self):
        with Daemon() as daemon:
            daemon.stop()
            path = daemon.state + "/spinbnn-snapshot.db"
            with open(path + ".new", "wb") as rest:
                rest.write(b"half a copy")
            with Daemon(state=daemon.state, snapshot_interval_s=1) as again:
                wait_for(lambda: os.path.exists(path))
                first = os.stat(path).st_ino
                wait_for(lambda: os.stat(path).st_ino != first)
                again.stop()
            self.assertFalse(os.path.exists(path + ".new"))

    def test_a_place_that_cannot_be_written_is_told_and_the_old_copy_stays(self):
        with Daemon() as daemon:
            path = daemon.ask("POST", SNAPSHOT, b"").json()["path"]
            before = read(path, "SELECT count(*) FROM v_events")
            os.mkdir(path + ".new")
            answer = daemon.ask("POST", SNAPSHOT, b"")
            self.assertEqual((answer.status, answer.json()["code"]), (503, "snapshot_failed"))
            self.assertIn("spinbnn", answer.json()["detail"])
            self.assertEqual(read(path, "SELECT count(*) FROM v_events"), before)
            os.rmdir(path + ".new")
            self.assertEqual(daemon.ask("POST", SNAPSHOT, b"").status, 200)


class Locked(unittest.TestCase):
    def test_another_writer_holds_it_up_and_nothing_is_lost(self):
        with Daemon() as daemon:
            other = sqlite3.connect(daemon.state + "/spinbnn.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            for _ in range(5):
                self.assertEqual(daemon.ask("POST", "/api/v1/models/mnist/classify?label=1",
                                            bytes(784)).status, 200)
            wait_for(lambda: metric(daemon, "spinbnn_db_degraded") == 1)
            self.assertGreaterEqual(metric(daemon, "spinbnn_db_write_errors_total"), 1)
            self.assertEqual(daemon.ask("GET", "/v2/health/ready").status, 200)
            for _ in range(6):
                daemon.ask("POST", "/api/v1/models/mnist/classify?label=1", bytes(784))
            other.execute("ROLLBACK")
            other.close()
            wait_for(lambda: metric(daemon, "spinbnn_db_degraded") == 0)
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(read(daemon.state + "/spinbnn.db", "SELECT sum(images) "
                                  "FROM v_requests WHERE model = 'mnist'"), [(11,)])


class Gone(unittest.TestCase):
    """Deleted under the daemon, all of it or the file alone."""

    def classify(self, daemon, n):
        for _ in range(n):
            self.assertEqual(daemon.ask("POST", "/api/v1/models/mnist/classify?label=1",
                                        bytes(784)).status, 200)

    def test_a_new_file_is_begun_and_serving_goes_on(self):
        with Daemon() as daemon:
            path, since = daemon.state + "/spinbnn.db", energy(daemon)["since"]
            for times, endings in ((1, ("", "-wal", "-shm")), (2, ("",))):
                self.classify(daemon, 3)
                wait_for(lambda: requests(daemon) == 3 + 2 * (times - 1))
                for ending in endings:
                    os.unlink(path + ending)
                wait_for(lambda: metric(daemon, "spinbnn_db_files_lost_total") == times)
                wait_for(lambda: os.path.exists(path))
                self.classify(daemon, 2)
                wait_for(lambda: requests(daemon) == 2)
                self.assertEqual(metric(daemon, "spinbnn_db_degraded"), 0)
                self.assertEqual(energy(daemon)["since"], since)
            wait_for(lambda: sum("was deleted or replaced" in line for line in daemon.log) == 2)
            joules = energy(daemon)["joules"]["total"]
            self.assertEqual(daemon.stop(), 0)
            (n,), = read(path, "SELECT count(*) FROM v_operating_point "
                         "WHERE model = 'mnist' AND generation = 1")
            self.assertEqual(n, 1)
            (kept,), = read(path, "SELECT sum(joules) FROM v_energy_ledger WHERE model = 'mnist'")
            self.assertAlmostEqual(kept / joules, 1, places=9)
            daemon.start()
            self.assertAlmostEqual(energy(daemon)["joules"]["total"] / joules, 1, places=9)


class Overwritten(unittest.TestCase):
    """By others, where its rows are."""

    def test_the_file_is_set_aside_and_a_new_one_begun_while_it_serves(self):
        with Daemon(request_rows=1) as daemon:
            self.classify(daemon, 500)
            self.assertEqual(daemon.stop(), 0)
            path = daemon.state + "/spinbnn.db"
            daemon.start()
            with open(path, "r+b") as file:
                for page in range(8, os.path.getsize(path) // 4096):
                    file.seek(page * 4096)
                    file.write(b"\xa5" * 4096)
            self.classify(daemon, 3)
            wait_for(lambda: metric(daemon, "spinbnn_db_files_lost_total") == 1)
            wait_for(lambda: requests(daemon) == 3)
            self.assertEqual(metric(daemon, "spinbnn_db_degraded"), 0)
            wait_for(lambda: any("the database was corrupt" in line for line in daemon.log))
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(read(path, "PRAGMA quick_check"), [("ok",)])

    def classify(self, daemon, n):
        for _ in range(n):
            self.assertEqual(daemon.ask("POST", "/api/v1/models/mnist/classify?label=1",
                                        bytes(784)).status, 200)


def energy(daemon):
    return daemon.get("/api/v1/models/mnist/energy").json()


def requests(daemon):
    """Of mnist, as the history has them; None where there is no file for the moment."""
    answer = daemon.get("/api/v1/series?metric=requests&model=mnist&from=-1h&step=3600")
    return sum(point[1] for series in answer.json()["series"] for point in series["points"]) \
        if answer.status == 200 else None


class Old(unittest.TestCase):
    def test_old_windows_grow_wide_while_it_serves(self):
        with Daemon() as daemon:
            daemon.ask("POST", "/api/v1/models/mnist/classify?label=1", bytes(784))
            self.assertEqual(daemon.stop(), 0)
            path = daemon.state + "/spinbnn.db"
            database = sqlite3.connect(path)
            columns = [row[1] for row in database.execute("PRAGMA table_info(w10)")]
            row = dict(zip(columns, database.execute("SELECT * FROM w10").fetchone()))
            month_ago = int(time.time()) // 3600 * 3600 - 30 * 86400
            for i in range(60):
                row.update(ts=month_ago + 10 * i, images=2)
                database.execute("INSERT INTO w10 VALUES (%s)" % ", ".join("?" * len(row)),
                                 [row[name] for name in columns])
            database.commit()
            database.close()
            old = "FROM v_requests WHERE model = 'mnist' AND ts < %d" % (month_ago + 86400)
            with Daemon(state=daemon.state) as again:
                again.ask("POST", "/api/v1/models/mnist/classify?label=1", bytes(784))

                def is_wide():
                    path = again.ask("POST", SNAPSHOT, b"").json()["path"]
                    return read(path, "SELECT sum(images), count(*), min(width_s) " + old) == [
                        (120, 2, 300)]

                wait_for(is_wide)
                series = again.ask("GET", "/api/v1/series?metric=requests&model=mnist&from=%d"
                                   "&to=%d&step=600" % (month_ago, month_ago + 600)).json()
                self.assertEqual(series["series"][0]["points"][0][2], 120)


if __name__ == "__main__":
    unittest.main()
