# SPDX-License-Identifier: Apache-2.0
"""What was answered is in SQLite and in /api/v1/series."""
import csv
import os
import sqlite3
import time
import unittest

from spinbnn_system import Daemon, Load, PATIENCE

VIEWS = ("v_accuracy", "v_error_rate", "v_energy", "v_latency", "v_operating_point", "v_events",
         "v_requests")


def rows(daemon, sql, *args):
    database = sqlite3.connect("file:%s/spinbnn.db?mode=ro" % daemon.state, uri=True)
    database.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in database.execute(sql, args)]
    finally:
        database.close()


def total(daemon, column, model="mnist"):
    return rows(daemon, "SELECT coalesce(sum(%s), 0) AS n FROM w10 JOIN model ON model.id = "
                "w10.model_id WHERE model.name = ?" % column, model)[0]["n"]


class Database(unittest.TestCase):
    def test_nothing_that_was_answered_is_missing_after_a_clean_stop(self):
        with Daemon() as daemon:
            with Load(daemon, n_threads=3) as load:
                time.sleep(1.5)
            for label in (0, 1, 2):
                daemon.ask("POST", "/api/v1/models/mnist/classify?label=%d" % label, bytes(784))
            daemon.ask("POST", "/api/v1/models/mnist/classify", b"bad")
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(load.failures, [])
            self.assertEqual(total(daemon, "requests"), load.answered + 3)
            self.assertEqual(total(daemon, "images"), load.answered + 3)
            self.assertEqual(total(daemon, "labelled"), 3)
            self.assertEqual(total(daemon, "errors"), 1)
            # One plain file that anybody can open.
            self.assertEqual([n for n in os.listdir(daemon.state) if n.startswith("spinbnn.db")],
                             ["spinbnn.db"])

    def test_every_programming_is_a_row_with_what_it_gave(self):
        with Daemon() as daemon:
            points = [daemon.patch("mnist", {"mode": "uniform", "program_over": "random",
                                             "pulse_ns": 10, "target_write_error_rate": t}).json()
                      for t in (1e-2, 1e-3)]
            self.assertEqual(daemon.stop(), 0)
            found = rows(daemon, "SELECT * FROM v_operating_point WHERE model = 'mnist' "
                         "ORDER BY generation")
            self.assertEqual([r["generation"] for r in found], [1, 2, 3])
            for row, point in zip(found[1:], points):
                self.assertEqual(row["wrong_bits"], point["result"]["wrong_bits"])
                self.assertEqual(row["mode"], "uniform")
                self.assertEqual((row["labelled"], row["accuracy"]), (0, None))
            self.assertIsNone(found[2]["until_ts"])
            self.assertEqual(found[1]["until_ts"], found[2]["ts"])
            rates = rows(daemon, "SELECT * FROM v_error_rate WHERE model = 'mnist' AND "
                         "kind = 'stored' ORDER BY ts")
            self.assertEqual(rates[-1]["wrong_bits"], points[1]["result"]["wrong_bits"])

    def test_accuracy_is_kept_per_operating_point(self):
        with Daemon() as daemon:
            want = {}
            for generation, n in ((1, 4), (2, 7)):
                if generation > 1:
                    daemon.patch("mnist", {"mode": "iid", "bit_error_rate": 0.5})
                answers = [daemon.ask("POST", "/api/v1/models/mnist/classify?label=%d" % label,
                                      bytes(784)).json()["results"][0]["class"]
                           for label in range(n)]
                want[generation] = sum(c == label for label, c in enumerate(answers)) / n
            self.assertEqual(daemon.stop(), 0)
            for row in rows(daemon, "SELECT * FROM v_operating_point WHERE model = 'mnist'"):
                self.assertAlmostEqual(row["accuracy"], want[row["generation"]])
                self.assertEqual(row["images"], {1: 4, 2: 7}[row["generation"]])

    def test_after_kill_9_at_most_the_last_second_is_lost(self):
        with Daemon() as daemon:
            with Load(daemon, n_threads=2) as load:
                time.sleep(2)
            quiet = load.answered
            # Two turns of the writer.
            time.sleep(2.5 * PATIENCE)
            with Load(daemon, n_threads=2) as late:
                time.sleep(0.3)
            daemon.kill()
            check = sqlite3.connect(daemon.state + "/spinbnn.db")
            self.assertEqual(check.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            check.close()
            written = total(daemon, "requests")
            self.assertGreaterEqual(written, quiet)
            self.assertLessEqual(written, quiet + late.answered)
            # The next start goes on with the same file.
            daemon.start()
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(total(daemon, "requests"), written)
            self.assertTrue(rows(daemon, "SELECT * FROM v_events WHERE message LIKE '%close%'"))

    def test_tables_are_strict_and_the_views_are_there(self):
        with Daemon() as daemon:
            daemon.ask("POST", "/api/v1/models/mnist/classify?label=7", bytes(784))
            self.assertEqual(daemon.stop(), 0)
            for row in rows(daemon, "SELECT name, strict FROM pragma_table_list WHERE "
                            "type = 'table' AND schema = 'main' AND name NOT LIKE 'sqlite%'"):
                self.assertEqual(row["strict"], 1, row)
            for view in VIEWS:
                self.assertTrue(rows(daemon, "SELECT * FROM " + view), view)
            latency = rows(daemon, "SELECT * FROM v_latency")[0]
            self.assertLessEqual(latency["p50_us"], latency["p99_us"])

    def test_a_corrupt_file_is_set_aside_and_serving_goes_on(self):
        with Daemon() as daemon:
            daemon.kill()
            with open(daemon.state + "/spinbnn.db", "r+b") as f:
                f.write(b"garbage" * 2000)
            for side in ("-wal", "-shm"):
                if os.path.exists(daemon.state + "/spinbnn.db" + side):
                    os.unlink(daemon.state + "/spinbnn.db" + side)
            daemon.start()
            self.assertEqual(daemon.ask("POST", "/api/v1/models/mnist/classify",
                                        bytes(784)).status, 200)
            self.assertEqual(daemon.stop(), 0)
            self.assertTrue([n for n in os.listdir(daemon.state) if ".corrupt-" in n])
            self.assertEqual(total(daemon, "requests"), 1)


class Series(unittest.TestCase):
    def test_every_metric_comes_back(self):
        with Daemon() as daemon:
            for i in range(20):
                daemon.ask("POST", "/api/v1/models/mnist/classify?label=%d" % (i % 10), bytes(784))
            daemon.patch("mnist", {"mode": "iid", "bit_error_rate": 0.01})
            time.sleep(2.5 * PATIENCE)
            columns = {
                "accuracy": ["ts", "accuracy", "labelled"],
                "bit_error_rate": ["ts", "bit_error_rate", "wrong_bits", "cells"],
                "energy": ["ts", "inference_j", "write_j", "pj_per_image"],
                "requests": ["ts", "requests", "images", "errors"],
                "latency": ["ts", "p50_us", "p95_us", "p99_us", "mean_us"],
            }
            for metric, want in columns.items():
                answer = daemon.get("/api/v1/series?metric=%s&model=mnist&step=3600" % metric)
                self.assertEqual(answer.status, 200, answer.body)
                got = answer.json()
                self.assertEqual(got["columns"], want)
                self.assertEqual([s["model"] for s in got["series"]], ["mnist"], metric)
            points = daemon.get("/api/v1/series?metric=accuracy&model=mnist&from=-5m&to=now&step=1"
                                ).json()["series"][0]["points"]
            self.assertEqual(sum(p[2] for p in points), 20)
            # A window with nothing but the programming at start has no accuracy.
            self.assertTrue(all((p[1] is None) == (p[2] == 0) for p in points), points)
            self.assertAlmostEqual(sum(p[1] * p[2] for p in points if p[2]), 2, places=6)

    def test_a_series_as_a_table_says_the_same(self):
        with Daemon() as daemon:
            for i in range(20):
                daemon.ask("POST", "/api/v1/models/%s/classify?label=%d" % (
                    ("mnist", "fashion")[i % 2], i % 10), bytes(784))
            time.sleep(2.5 * PATIENCE)
            to = int(time.time()) + 1
            for metric in ("accuracy", "bit_error_rate", "energy", "requests", "latency"):
                path = "/api/v1/series?metric=%s&from=%d&to=%d&step=60" % (metric, to - 300, to)
                table = daemon.get(path, headers={"Accept": "text/csv"})
                self.assertEqual(table.headers["Content-Type"],
                                 "text/csv; charset=utf-8; header=present")
                self.assertEqual(table.headers["Vary"], "Accept")
                self.assertEqual(table.body.count(b"\n"), table.body.count(b"\r\n"))
                answer = daemon.get(path, headers={"Accept": "application/json, text/csv;q=0.9"})
                self.assertEqual(answer.headers["Vary"], "Accept")
                wanted = [["model", "version"] + answer.json()["columns"]] + [
                    [series["model"], series["version"] or ""] + ["" if v is None else v for v in point]
                    for series in answer.json()["series"] for point in series["points"]]
                found = list(csv.reader(table.body.decode().splitlines()))
                self.assertGreaterEqual(len(found), 3, "a line of names, two models")
                self.assertEqual([row[:2] + [v and float(v) for v in row[2:]] for row in found[1:]],
                                 wanted[1:])
                self.assertEqual(found[0], wanted[0])

    def test_bad_queries_are_named(self):
        with Daemon() as daemon:
            for query, word in (("", "metric"), ("metric=x", "accuracy"),
                                ("metric=energy&model=none", "none"),
                                ("metric=energy&version=1", "which model"),
                                ("metric=energy&model=&version=1", "which model"),
                                ("metric=energy&model=mnist&version=01", "\\\"01\\\" is no number"),
                                ("metric=energy&model=mnist&version=", "no number"),
                                ("metric=energy&model=mnist&version=2", "never was a version 2 of"),
                                ("metric=energy&model=none&version=1", "never was a version 1 of"),
                                ("metric=energy&step=0", "step"),
                                ("metric=energy&from=yesterday", "from"),
                                ("metric=energy&from=100&to=50", "before")):
                answer = daemon.get("/api/v1/series?" + query)
                self.assertEqual(answer.status, 422, answer.body)
                self.assertIn(word, answer.body.decode())


if __name__ == "__main__":
    unittest.main()
