# SPDX-License-Identifier: Apache-2.0
"""One row a request: in SQLite, in /api/v1/inferences, over restarts, kills and limits."""
import json
import os
import signal
import sqlite3
import time
import unittest

from spinbnn_system import Daemon, Load, PATIENCE, database_rows, eventually

CLASSIFY = "/api/v1/models/mnist/classify"
INFERENCES = "/api/v1/inferences"


def metric(daemon, name):
    text = daemon.get("/metrics").body.decode()
    return float(next(line.split()[1] for line in text.splitlines()
                      if line.startswith(name + " ")))


def pages(daemon, query="", limit=100):
    """All rows, a page at a time."""
    after, rows = "", []
    while True:
        page = daemon.get("%s?limit=%d%s%s" % (INFERENCES, limit, query, after)).json()
        rows += page["inferences"]
        if page["next"] is None:
            return rows
        after = "&after=%d" % page["next"]


def settle(daemon, n, query=""):
    """The rows, once there are n of them."""
    assert eventually(lambda: len(pages(daemon, query, 1000)) >= n), pages(daemon, query)
    return pages(daemon, query)


class Rows(unittest.TestCase):
    def test_without_being_asked_for_there_are_none(self):
        with Daemon() as daemon:
            daemon.ask("POST", CLASSIFY, bytes(784))
            self.assertEqual(daemon.get(INFERENCES).json(), {"inferences": [], "next": None})
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(database_rows(daemon, "SELECT count(*) AS n FROM v_inference"),
                             [{"n": 0}])

    def test_a_row_says_what_the_answer_said(self):
        with Daemon(request_rows=1) as daemon:
            daemon.patch("fashion", {"mode": "iid", "bit_error_rate": 0.01})
            before_ms = int(time.time() * 1000)
            one = daemon.ask("POST", CLASSIFY + "?label=7&top=2", bytes(784)).json()
            many = daemon.ask("POST", "/api/v1/models/fashion/classify?top=2", {
                "images": [{"pixels": [i] * 784} for i in (0, 128, 255)],
                "labels": [None, 3, 8]}).json()
            tensor = {"name": "input", "shape": [1, 784], "datatype": "UINT8", "data": [0] * 784}
            daemon.ask("POST", "/v2/models/mnist/infer", {"inputs": [tensor]})
            daemon.ask("POST", CLASSIFY, b"bad")
            daemon.ask("POST", CLASSIFY + "?top=99", bytes(784))
            rows = settle(daemon, 5)
            self.assertEqual([r["id"] for r in rows], [5, 4, 3, 2, 1])
            by_request = {r["request_id"]: r for r in rows}
            for answer, label in ((one, 7), (many, None)):
                row = by_request.pop(answer["request_id"])
                self.assertEqual((row["status"], row["route"]), (200, "classify"))
                for name in ("model", "version", "generation"):
                    self.assertEqual(row[name], answer[name])
                self.assertEqual(row["wrong_bits"], answer["memory"]["wrong_bits"])
                self.assertAlmostEqual(row["energy_pj"], answer["energy"]["total_pj"], places=2)
                self.assertAlmostEqual(row["latency_us"], answer["time_us"]["total"], places=0)
                best, second = answer["results"][0]["scores"][:2]
                self.assertEqual((row["predicted"], row["label"]), (best["class"], label))
                self.assertAlmostEqual(row["probability"], best["probability"], places=5)
                self.assertAlmostEqual(row["margin"], best["logit"] - second["logit"], places=3)
                # The clock of rows goes by ticks of the kernel's.
                self.assertTrue(before_ms - 20 <= row["ts_ms"] <= time.time() * 1000)
                labels = [7] if answer is one else [None, 3, 8]
                self.assertEqual((row["images"], row["labelled"], row["correct"]), (
                    len(labels), len(labels) - labels.count(None),
                    sum(r["class"] == l for r, l in zip(answer["results"], labels))))
            others = {r["status"]: r for r in by_request.values()}
            self.assertEqual(sorted(r["status"] for r in by_request.values()), [200, 422, 422])
            self.assertEqual((others[200]["route"], others[200]["predicted"]),
                             ("infer", one["results"][0]["class"]))
            self.assertEqual([others[422][name] for name in (
                "images", "predicted", "probability", "margin", "energy_pj")],
                             [0, None, None, None, 0])
            # And the same for a dashboard.
            self.assertEqual(daemon.stop(), 0)
            view = database_rows(daemon, "SELECT * FROM v_inference ORDER BY id DESC")
            self.assertEqual([r.pop("ts") for r in view], [r["ts_ms"] // 1000 for r in rows])
            for seen, row in zip(view, rows):
                self.assertEqual(set(seen), set(row))
                seen["version"] = str(seen["version"])
                for name, value in row.items():
                    if isinstance(value, float):
                        self.assertAlmostEqual(seen[name], value, delta=0.051, msg=name)
                    else:
                        self.assertEqual(seen[name], value, name)

    def test_a_reload_turns_them_on_and_off(self):
        with Daemon() as daemon:
            path = os.path.join(daemon.state, "settings.json")
            daemon.settings["config"] = path
            for one_in, n in ((0, 0), (4, 5), (1, 25), (0, 25)):
                with open(path, "w", encoding="utf-8") as f:
                    json.dump({"request_rows": one_in}, f)
                if one_in == 0 and n == 0:
                    daemon.stop()
                    daemon.start()
                self.assertEqual(daemon.ask("POST", "/api/v1/admin/reload", b"").status, 200)
                connection = daemon.connection() # one connection, one data thread
                for _ in range(20):
                    daemon.ask("POST", CLASSIFY, bytes(784), connection=connection)
                connection.close()
                daemon.ask("POST", "/api/v1/database/snapshot", b"") # all of it is written
                # Which request of four is the first of a thread's is not said.
                self.assertAlmostEqual(len(pages(daemon)), n, delta=1)

    def test_a_late_label_reaches_its_row(self):
        with Daemon(request_rows=1) as daemon:
            answers = [daemon.ask("POST", CLASSIFY, bytes(784)).json() for _ in range(3)]
            daemon.ask("POST", "/api/v1/feedback", {"feedback": [
                {"request_id": answers[0]["request_id"], "label": 5}]})
            settle(daemon, 3)
            guess = answers[1]["results"][0]["class"]
            daemon.ask("POST", "/api/v1/feedback", {"feedback": [
                {"request_id": answers[1]["request_id"], "label": guess}]})

            def by_id():
                rows = {r["request_id"]: r for r in pages(daemon)}
                return [rows[a["request_id"]] for a in answers]
            self.assertTrue(eventually(lambda: by_id()[1]["labelled"] == 1))
            self.assertEqual([(r["label"], r["labelled"], r["correct"]) for r in by_id()],
                             [(5, 1, guess == 5), (guess, 1, 1), (None, 0, 0)])


class Paging(unittest.TestCase):
    def test_pages_have_every_row_once(self):
        with Daemon(request_rows=1) as daemon:
            ids = []
            for i in range(30):
                model = "mnist" if i % 3 else "fashion"
                ids.append(daemon.ask("POST", "/api/v1/models/%s/classify" % model,
                                      bytes(784)).json()["request_id"])
            settle(daemon, 30)
            for limit in (1, 7, 30, 1000):
                rows = pages(daemon, limit=limit)
                self.assertEqual(sorted(r["request_id"] for r in rows), sorted(ids))
                self.assertEqual([r["id"] for r in rows], list(range(30, 0, -1)))
            self.assertEqual(len(pages(daemon, "&model=fashion", 3)), 10)
            self.assertEqual(pages(daemon, "&model=nobody"), [])
            # Rows that come meanwhile do not move those that are paged through.
            first = daemon.get(INFERENCES + "?limit=10").json()
            for _ in range(5):
                daemon.ask("POST", CLASSIFY, bytes(784))
            settle(daemon, 35)
            then = daemon.get("%s?limit=10&after=%d" % (INFERENCES, first["next"])).json()
            self.assertEqual([r["id"] for r in then["inferences"]], list(range(20, 10, -1)))

    def test_bad_queries_are_named(self):
        with Daemon() as daemon:
            for query, word in (("limit=0", "limit"), ("limit=1001", "1000"),
                                ("limit=ten", "limit"), ("limit=", "limit"),
                                ("after=0", "after"), ("after=-1", "after"),
                                ("after=9223372036854775808", "after"), ("after=x", "after")):
                answer = daemon.get("%s?%s" % (INFERENCES, query))
                self.assertEqual(answer.status, 422, query)
                self.assertIn(word, answer.body.decode())


class Ends(unittest.TestCase):
    def test_every_request_under_load_has_its_row_after_a_clean_stop(self):
        with Daemon(request_rows=1) as daemon:
            with Load(daemon, n_threads=4) as load:
                time.sleep(1.5)
                self.assertEqual(daemon.stop(), 0)
            self.assertEqual(load.failures, [])
            found = database_rows(daemon, "SELECT count(*) AS n, count(DISTINCT request_id) AS d,"
                                  " sum(images) AS images FROM v_inference")[0]
            self.assertEqual((found["n"], found["d"]), (load.answered, load.answered))
            requests = database_rows(daemon, "SELECT sum(requests) AS n FROM v_requests")[0]["n"]
            self.assertEqual(requests, load.answered)
            # The next process goes on behind it.
            daemon.start()
            daemon.ask("POST", CLASSIFY, bytes(784))
            self.assertTrue(eventually(
                lambda: daemon.get(INFERENCES + "?limit=1").json()["inferences"][0]["id"] ==
                load.answered + 1))

    def test_a_kill_leaves_whole_rows_that_agree_with_the_windows(self):
        with Daemon(request_rows=1) as daemon:
            answered = 0
            for turn in range(1, 5):
                with Load(daemon, n_threads=4) as load:
                    time.sleep((0.4 + 0.3 * turn) * PATIENCE)
                    daemon.kill()
                answered += load.answered
                database = sqlite3.connect(daemon.state + "/spinbnn.db")
                self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
                n, whole, seconds, counted = database.execute(
                    "SELECT (SELECT count(*) FROM inference), (SELECT count(*) FROM v_inference "
                    "WHERE request_id <> '' AND model = 'mnist' AND status = 200 AND ts > 0), "
                    "(SELECT total(n) FROM inference_second), "
                    "(SELECT total(requests) FROM v_requests)").fetchone()
                self.assertEqual((whole, seconds), (n, n))
                # A request is counted and then has its row; one of each thread may be between,
                # and one may be written that was not heard.
                self.assertLessEqual(counted, n + 4 * turn)
                self.assertLessEqual(n, answered + 4 * turn)
                database.close()
                daemon.start()
            self.assertGreater(n, 0)


class Limits(unittest.TestCase):
    def test_no_more_rows_are_kept_than_was_said(self):
        with Daemon(request_rows=1, request_rows_max=50) as daemon:
            connection = daemon.connection()
            for _ in range(400):
                daemon.ask("POST", CLASSIFY, bytes(784), connection=connection)
            connection.close()
            self.assertTrue(eventually(
                lambda: [r["id"] for r in pages(daemon)] == list(range(400, 350, -1))))

    def test_old_rows_events_and_generations_go_by_themselves(self):
        with Daemon(request_rows=1) as daemon:
            daemon.ask("POST", CLASSIFY, bytes(784))
            for _ in range(3):
                daemon.patch("mnist", {"mode": "iid", "bit_error_rate": 0.01})
            self.assertEqual(daemon.stop(), 0)
            database = sqlite3.connect(daemon.state + "/spinbnn.db")
            past = 100 * 86400
            for table in ("inference_second", "event", "operating_point"):
                database.execute("UPDATE %s SET ts = ts - %d" % (table, past))
            database.execute("UPDATE w10 SET ts = (ts - %d) / 10 * 10" % past)
            database.commit()
            database.close()
            daemon.start()
            answer = daemon.ask("POST", CLASSIFY, bytes(784)).json()
            self.assertTrue(eventually(lambda: [
                r["generation"] for r in database_rows(
                    daemon, "SELECT generation FROM v_operating_point WHERE model = 'mnist'")
            ] == [1, 4]))
            self.assertTrue(eventually(lambda: [r["id"] for r in pages(daemon)] == [2]))
            self.assertEqual(answer["generation"], 4)
            self.assertEqual(database_rows(daemon, "SELECT count(*) AS n FROM v_events "
                                           "WHERE ts < unixepoch() - 86400"), [{"n": 0}])
            self.assertEqual(database_rows(daemon, "SELECT sum(requests) AS n FROM v_requests"),
                             [{"n": 2}])

    def test_under_a_limit_of_the_file_serving_and_counting_go_on(self):
        with Daemon(request_rows=1, db_max_mb=1) as daemon:
            with Load(daemon, n_threads=4) as load:
                self.assertTrue(eventually(lambda: load.answered > 15000, 60))
            self.assertEqual(load.failures, [])
            self.assertLessEqual(os.path.getsize(daemon.state + "/spinbnn.db"), 1 << 20)
            self.assertEqual(daemon.get("/v2/health/ready").status, 200)
            self.assertEqual(metric(daemon, "spinbnn_db_degraded"), 0)
            self.assertEqual(daemon.stop(), 0)
            self.assertLessEqual(os.path.getsize(daemon.state + "/spinbnn.db"), 1 << 20)
            self.assertEqual(database_rows(daemon, "SELECT sum(requests) AS n FROM v_requests"),
                             [{"n": load.answered}])
            kept = database_rows(daemon, "SELECT count(*) AS n FROM v_inference")[0]["n"]
            self.assertTrue(0 < kept < load.answered)

    def test_a_file_that_is_full_is_told_and_mended_by_a_reload(self):
        with Daemon(request_rows=1) as daemon:
            path = os.path.join(daemon.state, "settings.json")
            daemon.stop()
            database = sqlite3.connect(daemon.state + "/spinbnn.db")
            database.execute("CREATE TABLE big AS WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL "
                             "SELECT n + 1 FROM i WHERE n < 400) SELECT zeroblob(4000) FROM i")
            database.commit()
            database.close()
            with open(path, "w", encoding="utf-8") as f:
                json.dump({"db_max_mb": 1}, f)
            daemon.settings["config"] = path
            daemon.start()
            n = 0
            while metric(daemon, "spinbnn_db_degraded") == 0:
                # Generations fill what is left of the last pages.
                daemon.patch("mnist", {"mode": "iid", "bit_error_rate": 0.01})
                self.assertEqual(daemon.ask("POST", CLASSIFY, bytes(784)).status, 200)
                n += 1
                self.assertLess(n, 2000)
            self.assertEqual(daemon.ask("POST", CLASSIFY, bytes(784)).status, 200)
            self.assertTrue(eventually(
                lambda: metric(daemon, "spinbnn_db_rows_dropped_total") > 0))
            with open(path, "w", encoding="utf-8") as f:
                json.dump({"db_max_mb": 0}, f)
            daemon.process.send_signal(signal.SIGHUP)
            self.assertTrue(eventually(lambda: metric(daemon, "spinbnn_db_degraded") == 0))
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(database_rows(daemon, "SELECT sum(requests) AS n FROM v_requests "
                                           "WHERE model = 'mnist'"), [{"n": n + 1}])
            self.assertEqual(database_rows(daemon, "SELECT count(*) AS n FROM v_operating_point "
                                           "WHERE model = 'mnist'"), [{"n": n + 1}])

    def test_a_database_that_somebody_holds_costs_rows_and_no_answers(self):
        with Daemon(request_rows=1, threads=1) as daemon:
            holder = sqlite3.connect(daemon.state + "/spinbnn.db", isolation_level=None)
            holder.execute("BEGIN IMMEDIATE")
            with Load(daemon, n_threads=2) as load:
                time.sleep(1)
            self.assertEqual(load.failures, [])
            holder.execute("ROLLBACK")
            holder.close()
            self.assertEqual(daemon.stop(), 0)
            kept = database_rows(daemon, "SELECT count(*) AS n FROM v_inference")[0]["n"]
            self.assertEqual(kept, load.answered)


if __name__ == "__main__":
    unittest.main()
