# SPDX-License-Identifier: Apache-2.0
"""Versions of a model: their numbers, several served at once, each by itself."""
import csv
import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from small_nets import SmallNet, logits_of
from spinbnn_system import (PATIENCE, SOURCE, SPINBNN, Crowd, Daemon, database_rows, eventually)

MODELS = "/api/v1/models"
NET = MODELS + "/net"
CONTRACT = "?range=0..255&layout=nchw"


def put(daemon, net, name="net"):
    """Its version."""
    answer = daemon.ask("PUT", "%s/%s%s" % (MODELS, name, CONTRACT), net.onnx())
    if answer.status not in (200, 201):
        raise AssertionError("%d %s" % (answer.status, answer.body))
    return answer.json()["model"]["version"]


def query(version):
    return "" if version is None else "version=" + version


def classify(daemon, net, version=None, picture=0, more=""):
    """The version that answered, and whether it is this network."""
    pixels = net.picture(picture)
    answer = daemon.ask("POST", "%s/classify?top=%d&%s%s" % (NET, net.classes, query(version), more),
                        pixels)
    if answer.status != 200:
        raise AssertionError("%d %s" % (answer.status, answer.body))
    body = answer.json()
    return body["version"], logits_of(body["results"][0], net.classes) == net.logits(pixels)


def infer(daemon, net, version=None):
    pixels = net.picture(1)
    path = "/v2/models/net%s/infer" % ("" if version is None else "/versions/" + version)
    answer = daemon.ask("POST", path, {"inputs": [dict(
        name="input", shape=[1, net.n_in], datatype="UINT8", data=list(pixels))]})
    if answer.status != 200:
        raise AssertionError("%d %s" % (answer.status, answer.body))
    body = answer.json()
    return body["model_version"], body["outputs"][0]["data"] == net.logits(pixels)


def versions(daemon, name="net"):
    """Those that are served, the highest first."""
    return [m["version"] for m in daemon.get(MODELS).json()["models"] if m["name"] == name]


def index(daemon, name="net"):
    rows = daemon.ask("POST", "/v2/repository/index").json()
    return {row["version"]: (row["state"], row["reason"]) for row in rows if row["name"] == name}


def files(daemon, name="net"):
    """The files of a model, of networks and of arrays."""
    return [sorted(f for f in os.listdir(os.path.join(daemon.state, folder))
                   if re.match(re.escape(name) + r"[.@]", f)) for folder in ("models", "arrays")]


class Numbers(unittest.TestCase):
    def test_arrays_that_were_lost_get_numbers_one_after_the_other(self):
        """All are programmed at once; one name has one row of generations."""
        nets = [SmallNet(seed) for seed in range(3)]
        with Daemon(keep_versions=3) as daemon:
            for net in nets:
                put(daemon, net)
            daemon.stop()
            for version in ("@2", "@3", ""):
                os.remove(os.path.join(daemon.state, "arrays", "net%s.array" % version))
            daemon.start()
            points = [daemon.get("%s/operating-point?version=%s" % (NET, v)).json()
                      for v in ("1", "2", "3")]
            self.assertEqual(sorted(p["generation"] for p in points), [1, 2, 3])
            self.assertTrue(all(p["durable"] for p in points))
            rows = database_rows(daemon, "SELECT generation, count(*) AS n FROM v_operating_point"
                                 " WHERE model = 'net' GROUP BY generation ORDER BY generation")
            self.assertEqual([(row["generation"], row["n"]) for row in rows],
                             [(1, 2), (2, 2), (3, 2)])  # before and after
            for i, net in enumerate(nets):
                self.assertEqual(classify(daemon, net, str(i + 1)), (str(i + 1), True))

    def test_a_number_is_one_network_s(self):
        nets = [SmallNet(seed) for seed in range(4)]
        with Daemon() as daemon:
            for i, net in enumerate(nets):
                self.assertEqual(put(daemon, net), str(i + 1))
                self.assertEqual(put(daemon, net), str(i + 1))  # the same file again
                self.assertEqual(classify(daemon, net), (str(i + 1), True))
                self.assertEqual(infer(daemon, net, str(i + 1)), (str(i + 1), True))
                self.assertEqual(versions(daemon), [str(i + 1)])
                self.assertEqual(files(daemon), [["net.sbnn" if i == 0 else "net@%d.sbnn" % (i + 1)],
                                                 ["net.array" if i == 0 else "net@%d.array" % (i + 1)]])
                (daemon.kill if i % 2 else daemon.stop)()
                daemon.start()
                self.assertEqual(classify(daemon, net), (str(i + 1), True))
            # One that had gone comes as the next.
            self.assertEqual(put(daemon, nets[0]), "5")
            self.assertEqual(classify(daemon, nets[0]), ("5", True))
            self.assertEqual(daemon.ask("DELETE", NET).status, 204)
            self.assertEqual(files(daemon), [[], []])
            daemon.kill()
            daemon.start()
            self.assertEqual(versions(daemon), [])
            self.assertEqual(put(daemon, nets[0]), "6")

    def test_everything_says_the_number(self):
        first, second = SmallNet(1), SmallNet(2)
        with Daemon() as daemon:
            put(daemon, first)
            put(daemon, second)
            for path in ("", "/operating-point", "/memory", "/device", "/energy"):
                self.assertEqual(daemon.get(NET + path).json()["version"], "2", path)
            for what, body in (("scrub", {}), ("age", {"seconds": 1}), ("inject", {"share": 0})):
                self.assertEqual(daemon.post("net", what, body)["version"], "2")
            for path in ("", "/versions/2"):
                self.assertEqual(daemon.get("/v2/models/net" + path).json()["versions"], ["2"])
                stats = daemon.get("/v2/models/net%s/stats" % path).json()["model_stats"]
                self.assertEqual([s["version"] for s in stats], ["2"])
            self.assertEqual(index(daemon), {"2": ("READY", "")})
            status = [m for m in daemon.get("/api/v1/status").json()["models"] if m["name"] == "net"]
            self.assertEqual([m["version"] for m in status], ["2"])
            self.assertIn('{model="net",version="2"', daemon.get("/metrics").body.decode())
            self.assertEqual(daemon.get(MODELS + "/mnist").json()["version"], "1")
            rows = database_rows(daemon, "SELECT message, version FROM v_events WHERE model = 'net'"
                                 " AND kind = 'model' ORDER BY version")
            self.assertEqual([r["version"] for r in rows], [1, 2])
            self.assertIn("version 2", rows[1]["message"])

    def test_a_state_folder_that_knows_no_versions(self):
        """As it was before there were any: one file for a name, and no book."""
        old, mnist = SmallNet(1), SmallNet(2)
        with Daemon() as daemon:
            put(daemon, SmallNet(3))
            put(daemon, old)
            put(daemon, mnist, "mnist")
            daemon.program("net", {"mode": "iid", "bit_error_rate": 0.25})
            memory = daemon.memory("net")
            daemon.stop()
            os.remove(os.path.join(daemon.state, "versions"))
            for name in ("net", "mnist"):
                for folder, end in (("models", "sbnn"), ("arrays", "array")):
                    place = os.path.join(daemon.state, folder, name)
                    os.rename("%s@2.%s" % (place, end), "%s.%s" % (place, end))
            daemon.start()
            self.assertEqual(daemon.memory("net"), dict(memory, version="1"))
            self.assertEqual((versions(daemon), versions(daemon, "mnist")), (["1"], ["1"]))
            self.assertEqual(files(daemon), [["net.sbnn"], ["net.array"]])
            self.assertEqual(put(daemon, SmallNet(3)), "2")

    def test_killed_at_any_moment_a_number_stays_one_network_s(self):
        nets = [SmallNet(seed, dims=(1, 16, 16), hidden=48) for seed in range(40)]
        rng, known, sent = random.Random(5), {}, []
        with Daemon(keep_versions=2) as daemon:
            for _ in range(8):
                def upload():
                    try:
                        for _ in range(1000):
                            net = rng.choice(nets)
                            sent.append((put(daemon, net), net))
                    except (OSError, http.client.HTTPException, json.JSONDecodeError):
                        pass
                thread = threading.Thread(target=upload)
                thread.start()
                time.sleep(rng.uniform(0.05, 0.3) * PATIENCE)
                daemon.kill()
                thread.join()
                daemon.start()
                for version, net in sent:
                    self.assertIs(known.setdefault(version, net), net)
                served = versions(daemon)
                self.assertLessEqual(len(served), 2)
                for version in served:
                    # Answered before, or on its way when it ended.
                    net = known.get(version)
                    if net is None:
                        net = known[version] = next(
                            n for n in nets if classify(daemon, n, version)[1])
                    self.assertEqual(classify(daemon, net, version), (version, True))
                if sent:
                    self.assertGreaterEqual(int(served[0]), int(sent[-1][0]))
            put(daemon, SmallNet(100))
            put(daemon, SmallNet(101))
            self.assertEqual(files(daemon)[0], ["net@%s.sbnn" % v for v in sorted(versions(daemon))])


class AtOnce(unittest.TestCase):
    """Several versions of one name."""

    def setUp(self):
        self.nets = {str(i): SmallNet(i, classes=2 + i) for i in range(1, 5)}
        self.daemon = Daemon(keep_versions=2, threads=2, workers=2)
        self.daemon.start()
        self.addCleanup(self.daemon.__exit__)

    def put(self, *wanted):
        for version in wanted:
            self.assertEqual(put(self.daemon, self.nets[version]), version)

    def assert_serves(self, *wanted):
        """Exactly these, the highest first, by either API."""
        self.assertEqual(versions(self.daemon), list(wanted))
        for version in wanted:
            self.assertEqual(classify(self.daemon, self.nets[version], version), (version, True))
            self.assertEqual(infer(self.daemon, self.nets[version], version), (version, True))
        highest = self.nets[wanted[0]]
        self.assertEqual(classify(self.daemon, highest), (wanted[0], True))
        self.assertEqual(infer(self.daemon, highest), (wanted[0], True))

    def unknown(self, path, method="GET", body=None):
        answer = self.daemon.ask(method, path, body)
        self.assertEqual(answer.status, 404, answer.body)
        return answer.json()

    def test_the_newest_are_served_beside_each_other(self):
        self.put("1", "2")
        self.assert_serves("2", "1")
        self.put("3")
        self.assert_serves("3", "2")
        self.assertEqual(files(self.daemon), [["net@2.sbnn", "net@3.sbnn"],
                                              ["net@2.array", "net@3.array"]])
        # The same file of one that is served changes nothing of the others.
        self.put("2", "3", "2")
        self.assert_serves("3", "2")
        self.assertEqual(self.daemon.get("/v2/models").json()["models"].count("net"), 1)
        for path in ("", "/versions/2", "/versions/3"):
            model = self.daemon.get("/v2/models/net" + path).json()
            self.assertEqual(model["versions"], ["2", "3"])
            config = self.daemon.get("/v2/models/net%s/config" % path).json()
            self.assertEqual(config["version_policy"], {"latest": {"num_versions": 2}})
        self.assertEqual(self.daemon.get("/v2/models/net/versions/2").json()["outputs"][0]["shape"],
                         [-1, 4])
        self.assertEqual(index(self.daemon), {"2": ("READY", ""), "3": ("READY", "")})
        self.assertEqual(self.daemon.get("/v2/models/net/versions/2/ready").status, 200)

    def test_a_version_that_is_not_there_is_told_with_those_that_are(self):
        self.put("1", "2", "3")
        for version in ("1", "4", "02", "0", "x", "", "-1", "2x", "4294967299", "9" * 30):
            problem = self.unknown("%s?version=%s" % (NET, version))
            self.assertEqual(problem["code"], "unknown_version")
            self.assertIn("there are 2, 3", problem["detail"])
            self.unknown("%s/classify?version=%s" % (NET, version), "POST", bytes(16))
            self.unknown("%s/operating-point?version=%s" % (NET, version), "PATCH", {})
            self.unknown("%s?version=%s" % (NET, version), "DELETE")
            if version != "":
                for path, method in (("", "GET"), ("/ready", "GET"), ("/stats", "GET"),
                                     ("/config", "GET"), ("/infer", "POST")):
                    error = self.unknown("/v2/models/net/versions/%s%s" % (version, path), method)
                    self.assertIn("there are 2, 3", error["error"])
        self.assertIn("there is 1", self.unknown(MODELS + "/mnist?version=2")["detail"])
        self.assertEqual(self.unknown(MODELS + "/none?version=2")["code"], "unknown_model")
        # Under /v2 queries are not looked at.
        self.assertEqual(self.daemon.get("/v2/models/net?version=1").status, 200)
        self.assert_serves("3", "2")

    def test_each_has_an_array_of_its_own(self):
        self.put("1", "2")
        first, second = NET + "/%s?version=1", NET + "/%s?version=2"
        before = self.daemon.get(second % "memory").json()
        answer = self.daemon.ask("PATCH", first % "operating-point",
                                 {"mode": "iid", "bit_error_rate": 1})
        self.assertEqual((answer.status, answer.json()["version"]), (200, "1"))
        wrong = {v: self.daemon.get(NET + "/memory?version=" + v).json()["state"]["wrong_bits"]
                 for v in "12"}
        self.assertEqual(wrong, {"1": self.nets["1"].cells, "2": 0})
        self.assertEqual(self.daemon.get(second % "memory").json(), before)
        self.assertEqual(self.daemon.get(NET + "/memory").json(), before)
        self.assertEqual(classify(self.daemon, self.nets["1"], "1"), ("1", False))
        self.assertEqual(classify(self.daemon, self.nets["2"]), ("2", True))
        # A tag of one is none of the other: generations are of the name.
        self.assertEqual((answer.headers["ETag"],
                          self.daemon.get(second % "operating-point").headers["ETag"]),
                         ('"3"', '"2"'))
        image = self.daemon.get(second % "array").body
        refused = self.daemon.ask("PUT", first % "array", image)
        self.assertIn(refused.status, (409, 422))
        for end in (self.daemon.stop, self.daemon.kill):
            end()
            self.daemon.start()
            self.assertEqual({v: self.daemon.get(NET + "/memory?version=" + v).json()["state"]
                              ["wrong_bits"] for v in "12"}, wrong)
        for what, body in (("scrub", {}), ("inject", {"share": 0}), ("program", {})):
            answer = self.daemon.ask("POST", first % what, body)
            self.assertEqual(answer.status, 200, answer.body)
            self.assertEqual(answer.json()["version"], "1")
        self.assertEqual(self.daemon.get(second % "memory").json()["generation"],
                         before["generation"])
        tile = self.daemon.get(NET + "/memory/tiles/0.pgm?version=1")
        self.assertEqual(tile.status, 200)
        self.assertEqual(self.daemon.get(first % "device").json()["version"], "1")

    def test_each_counts_by_itself(self):
        self.put("1", "2")
        for version, n in (("1", 3), (None, 2)):
            net = self.nets[version or "2"]
            best = net.logits(net.picture(0))
            label = best.index(max(best))
            for i in range(n):
                # The first says a wrong label.
                wrong = "&label=%d" % (label if i else (label + 1) % net.classes)
                classify(self.daemon, net, version, more=wrong)
        pixels = self.nets["1"].picture(0)
        answer = self.daemon.ask("POST", NET + "/classify?version=1", pixels)
        done = self.daemon.ask("POST", "/api/v1/feedback", {"feedback": [
            {"request_id": answer.json()["request_id"], "label": answer.json()["results"][0]["class"]}]})
        self.assertEqual(done.json()["accepted"], 1)
        status = {m["version"]: (m["images"], m["labelled"], m["correct"])
                  for m in self.daemon.get("/api/v1/status").json()["models"] if m["name"] == "net"}
        self.assertEqual(status, {"1": (4, 4, 3), "2": (2, 2, 1)})
        metrics = self.daemon.get("/metrics").body.decode()
        for version, n in (("1", 4), ("2", 2)):
            self.assertIn('spinbnn_inferences_total{model="net",version="%s"} %d\n' % (version, n),
                          metrics)
            stats = self.daemon.get("/v2/models/net/versions/%s/stats" % version).json()
            self.assertEqual([(s["version"], s["inference_count"]) for s in stats["model_stats"]],
                             [(version, n)])
        stats = self.daemon.get("/v2/models/net/stats").json()["model_stats"]
        self.assertEqual([(s["version"], s["inference_count"]) for s in stats],
                         [("2", 2), ("1", 4)])
        shown = {}

        def is_written():
            shown.update({r["version"]: (r["images"], r["accuracy"]) for r in database_rows(
                self.daemon, "SELECT version, images, accuracy FROM v_operating_point"
                " WHERE model = 'net'")})
            return shown == {1: (4, 0.75), 2: (2, 0.5)}
        self.assertTrue(eventually(is_written), shown)

    def series(self, metric, version=None, kind="application/json"):
        """All that was counted since the test began, as one point."""
        answer = self.daemon.get("/api/v1/series?metric=%s&model=net&from=0&step=31536000&%s" % (
            metric, query(version)), headers={"Accept": kind})
        self.assertEqual(answer.status, 200, answer.body)
        if kind == "text/csv":
            names, *lines = csv.reader(answer.body.decode().splitlines())
            return [dict(zip(names, line)) for line in lines]
        (series,) = answer.json()["series"]
        self.assertEqual((series["model"], series["version"]), ("net", version))
        (point,) = series["points"]
        return dict(zip(answer.json()["columns"], point))

    def ask_labelled(self):
        """Version 1 is right in 1 of 4, version 2 in all of 12."""
        for version, n, n_right in (("1", 4, 1), ("2", 12, 12)):
            net = self.nets[version]
            logits = net.logits(net.picture(0))
            best = logits.index(max(logits))
            for i in range(n):
                label = best if i < n_right else (best + 1) % net.classes
                classify(self.daemon, net, version, more="&label=%d" % label)

    def test_each_has_a_history_of_its_own(self):
        self.put("1", "2")
        self.ask_labelled()
        self.daemon.program("net", {"mode": "iid", "bit_error_rate": 1}, query="?version=1")
        cells = {v: self.nets[v].cells for v in "12"}
        wanted = {"1": (0.25, 4), "2": (1, 12), None: (13 / 16, 16)}
        self.assertTrue(eventually(lambda: self.series("accuracy")["labelled"] == 16))
        for version, (accuracy, n) in wanted.items():
            point = self.series("accuracy", version)
            self.assertEqual((point["accuracy"], point["labelled"]), (accuracy, n))
            self.assertEqual(self.series("requests", version)["requests"], n)
            (line,) = self.series("accuracy", version, "text/csv")
            self.assertEqual((line["model"], line["version"], float(line["accuracy"]), int(line["labelled"])),
                             ("net", version or "", accuracy, n))
            self.assertGreater(self.series("latency", version)["p99_us"], 0)
            self.assertGreater(self.series("energy", version)["write_j"], 0)
            wrong = cells["1"] if version != "2" else 0
            weights = cells[version] if version else sum(cells.values())
            point = self.series("bit_error_rate", version)
            self.assertEqual((point["wrong_bits"], point["cells"]), (wrong, weights))
            self.assertAlmostEqual(point["bit_error_rate"], wrong / weights)
        energy = {v: self.series("energy", v)["pj_per_image"] for v in wanted}
        self.assertAlmostEqual(energy[None], (4 * energy["1"] + 12 * energy["2"]) / 16)
        rows = database_rows(
            self.daemon, "SELECT version, sum(labelled) AS labelled, sum(requests) AS requests,"
            " min(p50_us > 0) AS timed, min(read_j > 0) AS energy FROM v_accuracy"
            " JOIN v_requests USING (ts, model, version) JOIN v_latency USING (ts, model, version)"
            " JOIN v_energy USING (ts, model, version) WHERE model = 'net' GROUP BY version")
        self.assertEqual([tuple(row.values()) for row in rows], [(1, 4, 4, 1, 1), (2, 12, 12, 1, 1)])

    def test_history_outlives_its_version(self):
        self.put("1", "2")
        self.ask_labelled()
        self.put("3")  # in place of 1
        self.assertTrue(eventually(lambda: self.series("accuracy")["labelled"] == 16))
        self.assertEqual(self.series("accuracy", "1")["accuracy"], 0.25)
        # One that had gone comes again: under another number, and counted anew.
        self.assertEqual(put(self.daemon, self.nets["1"]), "4")
        self.assertEqual(self.series("requests", "4")["requests"], 0)
        self.assertEqual(self.daemon.get(NET + "/energy?version=4").json()["joules"]["read"], 0)
        self.assertEqual(self.series("accuracy", "1")["labelled"], 4)
        self.assertEqual(self.daemon.ask("DELETE", NET).status, 204)
        for end in (self.daemon.stop, self.daemon.kill):
            end()
            self.daemon.start()
            self.assertEqual(self.series("accuracy", "1")["accuracy"], 0.25)
            self.assertEqual(self.series("accuracy")["labelled"], 16)
        answer = self.daemon.get("/api/v1/series?metric=accuracy&model=net&version=5")
        self.assertEqual((answer.status, answer.json()["code"]), (422, "invalid_query"))
        self.assertEqual([(e["pointer"], e["detail"]) for e in answer.json()["errors"]], [
            ("?version", 'version: there never was a version 5 of model "net"')])

    def test_the_log_says_which(self):
        self.put("1", "2")
        self.daemon.program("net", {"mode": "iid", "bit_error_rate": 0}, query="?version=1")
        self.daemon.ask("POST", NET + "/scrub?version=2")
        classify(self.daemon, self.nets["1"], "1")
        job = self.daemon.ask("POST", "/api/v1/jobs", {"kind": "sweep", "model": "net", "axes": {"seed": [1]}})
        self.assertEqual(job.status, 202, job.body)
        path = "/api/v1/jobs/%d" % job.json()["id"]
        self.assertTrue(eventually(lambda: self.daemon.get(path).json()["state"] == "done"))
        self.daemon.process.send_signal(signal.SIGQUIT)

        def assert_said(line):
            self.assertTrue(eventually(lambda: any(re.match(line, l) for l in self.daemon.log)), line)
        for line in (r"info program model=net version=1 generation=1 wrong_bits=0 ",
                     r"info model model=net version=1 uploaded: ",
                     r"info program model=net version=2 generation=2 ",
                     r"info model model=net version=2 uploaded: ",
                     r"info program model=net version=1 generation=3 ",
                     r"info scrub model=net version=2 generation=4 ",
                     r"info job id=1 kind=sweep model=net version=2 state=done ",
                     r"info state model=net version=2 generation=4 .* requests=0 ",
                     r"info state model=net version=1 generation=3 .* requests=1 "):
            assert_said(line)
        self.assertEqual(self.daemon.ask("DELETE", NET + "?version=2").status, 204)
        assert_said(r"info model model=net version=2 deleted")
        self.daemon.stop()
        self.daemon.start()
        assert_said(r"info array model=net version=1 generation=3 ")

    def test_when_the_newest_is_deleted_the_next_one_answers(self):
        self.put("1", "2")
        self.assertEqual(self.daemon.ask("DELETE", NET + "?version=2").status, 204)
        self.assert_serves("1")
        self.assertEqual(files(self.daemon), [["net.sbnn"], ["net.array"]])
        self.daemon.kill()
        self.daemon.start()
        self.assert_serves("1")
        self.put("3")  # the number 2 is spent
        self.put("4")
        self.assert_serves("4", "3")
        self.assertEqual(self.daemon.ask("DELETE", NET + "?version=3").status, 204)
        self.assert_serves("4")
        self.assertEqual(self.daemon.ask("DELETE", NET + "?version=4").status, 204)
        self.assertEqual(self.unknown(NET)["code"], "unknown_model")
        self.assertEqual(files(self.daemon), [[], []])

    def test_all_of_them_are_deleted(self):
        self.put("1", "2")
        self.assertEqual(self.daemon.ask("DELETE", NET).status, 204)
        self.assertEqual(self.unknown(NET)["code"], "unknown_model")
        self.assertEqual((files(self.daemon), index(self.daemon)), ([[], []], {}))
        self.assertTrue(eventually(lambda: b'model="net"' not in self.daemon.get("/metrics").body))
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(versions(self.daemon), [])

    def test_what_was_sent_beside_a_built_in_one(self):
        self.assertEqual(put(self.daemon, self.nets["1"], "mnist"), "2")
        self.assertEqual(versions(self.daemon, "mnist"), ["2", "1"])
        answer = self.daemon.ask("DELETE", MODELS + "/mnist?version=1")
        self.assertEqual((answer.status, answer.json()["code"]), (409, "not_uploaded"))
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(versions(self.daemon, "mnist"), ["2", "1"])
        picture = self.daemon.ask("POST", MODELS + "/mnist/classify?version=1", bytes(784))
        self.assertEqual(picture.json()["version"], "1")
        # Of all only what was sent goes.
        self.assertEqual(self.daemon.ask("DELETE", MODELS + "/mnist").status, 204)
        self.assertEqual(versions(self.daemon, "mnist"), ["1"])
        self.assertEqual(self.daemon.ask("DELETE", MODELS + "/mnist").status, 409)

    def test_they_are_loaded_and_unloaded_together(self):
        self.put("1", "2")
        self.daemon.ask("PATCH", NET + "/operating-point?version=1",
                        {"mode": "iid", "bit_error_rate": 0.25})
        before = [self.daemon.get(NET + "/memory?version=" + v).json() for v in "12"]
        unload, load = ("/v2/repository/models/net/" + what for what in ("unload", "load"))
        self.assertEqual(self.daemon.ask("POST", unload).status, 200)
        self.assertEqual(index(self.daemon), dict.fromkeys("12", ("UNAVAILABLE", "unloaded")))
        for path in ("", "/versions/1", "/versions/2"):
            self.assertEqual(self.daemon.get("/v2/models/net" + path).status, 404)
        for _ in range(2):  # into service, and once more
            self.assertEqual(self.daemon.ask("POST", load).status, 200)
            self.assertEqual(index(self.daemon), dict.fromkeys("12", ("READY", "")))
            self.assertEqual([self.daemon.get(NET + "/memory?version=" + v).json()
                              for v in "12"], before)
        # All or none: one that is broken keeps the others as they are.
        path = os.path.join(self.daemon.state, "models", "net.sbnn")
        os.rename(path, path + ".aside")
        with open(path, "w") as f:
            f.write("no model")
        answer = self.daemon.ask("POST", load)
        self.assertEqual(answer.status, 422)
        self.assertRegex(answer.json()["error"], "^net.sbnn: byte [0-9]+: ") # that one
        self.assertEqual(index(self.daemon), dict.fromkeys("12", ("READY", answer.json()["error"])))
        os.rename(path + ".aside", path)
        self.assertEqual(self.daemon.ask("POST", load).status, 200)
        self.assertEqual(index(self.daemon), dict.fromkeys("12", ("READY", "")))

    def test_one_that_is_sent_to_a_name_that_was_unloaded(self):
        self.put("1", "2")
        self.assertEqual(self.daemon.ask("POST", "/v2/repository/models/net/unload").status, 200)
        self.put("3")
        self.assert_serves("3")
        self.assertEqual(index(self.daemon), {"3": ("READY", "")})
        # A load serves what a start would.
        self.assertEqual(self.daemon.ask("POST", "/v2/repository/models/net/load").status, 200)
        self.assert_serves("3", "2")
        self.put("4")
        self.assertEqual(files(self.daemon)[0], ["net@3.sbnn", "net@4.sbnn"])

    def test_the_command_line(self):
        def spinbnn(*args):
            done = subprocess.run([SPINBNN, "--url", "http://127.0.0.1:%d" % self.daemon.port, *args],
                                  capture_output=True, text=True, timeout=60 * PATIENCE)
            return done.returncode, done.stdout + done.stderr
        self.put("1", "2")
        code, text = spinbnn("models")
        self.assertEqual(code, 0, text)
        self.assertEqual(re.findall(r"^net +(\d+) ", text, re.M), ["2", "1"])
        for name, version in (("net", "2"), ("net:1", "1"), ("net:2", "2")):
            code, text = spinbnn("models", "-m", name)
            self.assertEqual((code, re.findall(r"version +(\d+)", text)), (0, [version]))
        code, text = spinbnn("operating-point", "set", "-m", "net:1", "--mode", "iid",
                             "--bit-error-rate", "1")
        self.assertEqual(code, 0, text)
        self.assertEqual(self.daemon.get(NET + "/memory").json()["state"]["wrong_bits"], 0)
        code, text = spinbnn("operating-point", "get", "-m", "net:1", "--layer", "/1/MatMul", "--json")
        self.assertEqual((code, json.loads(text)["version"]), (0, "1"))
        with tempfile.NamedTemporaryFile(suffix=".raw") as f:
            f.write(self.nets["1"].picture(0))
            f.flush()
            code, text = spinbnn("classify", "-m", "net:1", "--json", f.name)
        self.assertEqual((code, json.loads(text)["version"]), (0, "1"))
        code, text = spinbnn("status", "-m", "net:1")
        self.assertEqual((code, len(re.findall("^net ", text, re.M))), (0, 1))
        code, text = spinbnn("models", "-m", "net:7")
        self.assertEqual(code, 1)
        self.assertIn("there are 1, 2", text)
        self.assertEqual(spinbnn("delete", "net:2")[0], 0)
        self.assertEqual(versions(self.daemon), ["1"])
        self.assertEqual(spinbnn("delete", "net")[0], 0)
        self.assertEqual(versions(self.daemon), [])


class Kept(unittest.TestCase):
    def test_rows_of_requests_are_told_by_version(self):
        nets = [SmallNet(1), SmallNet(2)]
        with Daemon(keep_versions=2, request_rows=1) as daemon:
            for net in nets:
                put(daemon, net)
            for version, n in (("1", 3), ("2", 2)):
                for _ in range(n):
                    classify(daemon, nets[0], version)
            daemon.ask("POST", MODELS + "/mnist/classify", bytes(784))

            def rows(more):
                answer = daemon.get("/api/v1/inferences?model=net" + more).json()
                return [row["version"] for row in answer["inferences"]]
            # Threads that answer have rings of their own, which are emptied one by one.
            self.assertTrue(eventually(lambda: sorted(rows("")) == list("11122")))
            self.assertEqual((rows("&version=1"), rows("&version=2"), rows("&version=3")),
                             (list("111"), list("22"), []))
            self.assertEqual(rows("&version=1&limit=2"), list("11"))
            for wrong in ("version=1", "model=net&version=x"):
                answer = daemon.get("/api/v1/inferences?" + wrong)
                self.assertEqual((answer.status, answer.json()["errors"][0]["pointer"]),
                                 (422, "?version"))

    def test_cells_of_every_version_count_for_the_quota(self):
        nets = [SmallNet(seed) for seed in range(4)]
        cells = nets[0].cells
        with Daemon() as daemon:
            served = sum(m["cells"] for m in daemon.get(MODELS).json()["models"])
        with Daemon(keep_versions=3, max_cells=served + 2 * cells) as daemon:
            put(daemon, nets[0])
            put(daemon, nets[1])
            answer = daemon.ask("PUT", NET + CONTRACT, nets[2].onnx())
            self.assertEqual((answer.status, answer.json()["code"]), (409, "too_many_cells"))
            self.assertIn("has %d cells" % (3 * cells), answer.json()["detail"])
            self.assertEqual(versions(daemon), ["2", "1"])
            self.assertEqual(files(daemon), [["net.sbnn", "net@2.sbnn"], ["net.array", "net@2.array"]])
            self.assertEqual(put(daemon, nets[1]), "2")
            self.assertEqual(daemon.ask("DELETE", NET + "?version=1").status, 204)
            # One that was refused has no number.
            self.assertEqual(put(daemon, nets[2]), "3")
            # In place of older ones there is room.
        with Daemon(keep_versions=2, max_cells=served + 2 * cells) as daemon:
            for i, net in enumerate(nets):
                self.assertEqual(put(daemon, net), str(i + 1))
            self.assertEqual(versions(daemon), ["4", "3"])
            other = daemon.ask("PUT", MODELS + "/other" + CONTRACT, nets[0].onnx())
            self.assertEqual(other.status, 409)

    def test_how_many_are_kept_is_changed_by_a_reload(self):
        nets = [SmallNet(seed) for seed in range(6)]
        folder = tempfile.mkdtemp(prefix="spinbnn-test-")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "spinbnn.json")

        def keep(n):
            with open(path, "w") as f:
                json.dump({"keep_versions": n}, f)
        keep(3)
        with Daemon(config=path) as daemon:
            for net in nets[:3]:
                put(daemon, net)
            self.assertEqual(versions(daemon), ["3", "2", "1"])
            keep(2)
            answer = daemon.ask("POST", "/api/v1/admin/reload")
            self.assertEqual(answer.json()["changed"], ["keep_versions"])
            self.assertEqual(versions(daemon), ["3", "2", "1"])
            self.assertEqual(daemon.ask("POST", "/v2/repository/models/net/load").status, 200)
            self.assertEqual(versions(daemon), ["3", "2"])
            self.assertEqual(files(daemon)[0], ["net@2.sbnn", "net@3.sbnn"])
            keep(1)
            daemon.ask("POST", "/api/v1/admin/reload")
            # An older one that is sent again is the newest now.
            self.assertEqual(put(daemon, nets[1]), "4")
            self.assertEqual(versions(daemon), ["4"])
            self.assertEqual(files(daemon)[0], ["net@4.sbnn"])
            keep(3)
            daemon.ask("POST", "/api/v1/admin/reload")
            put(daemon, nets[4])
            put(daemon, nets[5])
            # A start serves fewer, and forgets none of the others.
            keep(1)
            daemon.stop()
            daemon.start()
            self.assertEqual(versions(daemon), ["6"])
            keep(3)
            daemon.stop()
            daemon.start()
            self.assertEqual(versions(daemon), ["6", "5", "4"])
            for i, net in ((6, nets[5]), (5, nets[4]), (4, nets[1])):
                self.assertEqual(classify(daemon, net, str(i)), (str(i), True))
        for wrong in (0, 17):
            with self.assertRaisesRegex(RuntimeError, "exited with (64|78)"):
                Daemon(keep_versions=wrong).start()

    def test_their_memory_is_given_back(self):
        with open("%s/models/mnist.sbnn" % SOURCE, "rb") as f:
            body = f.read()
        small = SmallNet(1, dims=(1, 28, 28), hidden=8)
        with Daemon(keep_versions=2) as daemon:
            def round_trip(n):
                for _ in range(n):
                    # Both are gone before they come again: each is another version.
                    self.assertEqual(daemon.ask("PUT", NET, body).status // 100, 2)
                    put(daemon, small)
                    daemon.ask("POST", NET + "/classify?version=1", bytes(784))
                    self.assertEqual(daemon.ask("DELETE", NET).status, 204)
                time.sleep(1.5)  # the record lets go once a second
                return daemon.resident_kb()
            before = round_trip(10)
            after = round_trip(40)
            if PATIENCE == 1:
                self.assertLess(after - before, 40 * 500 / 2)
            self.assertEqual(daemon.stop(), 0)


class Askers(Crowd):
    """Threads that classify and infer without pause, without a version and with that which is
    `asked`; each answer must be that of the network of the version that it says."""

    def __init__(self, daemon, nets, n_threads=3):
        self.daemon = daemon
        self.stopping, self.lock = threading.Event(), threading.Lock()
        self.failures, self.counts, self.asked = [], {}, None
        self.picture = nets[1].picture(0)
        self.logits = {version: net.logits(self.picture) for version, net in nets.items()}
        self.threads = [threading.Thread(target=self._run, args=(i,)) for i in range(n_threads)]

    def _ask(self, connection, by_v2, version):
        if by_v2:
            path = "/v2/models/net%s/infer" % ("" if version is None else "/versions/%d" % version)
            answer = self.daemon.ask("POST", path, {"inputs": [dict(
                name="input", shape=[1, 16], datatype="UINT8", data=list(self.picture))]},
                connection=connection)
        else:
            answer = self.daemon.ask("POST", NET + "/classify?top=3" + (
                "" if version is None else "&version=%d" % version), self.picture,
                connection=connection)
        if answer.status == 404 and version not in (None, self.asked):
            return version, self.logits[version]  # it has gone meanwhile
        if answer.status != 200:
            return None, (answer.status, answer.body)
        body = answer.json()
        if by_v2:
            return int(body["model_version"]), body["outputs"][0]["data"]
        return int(body["version"]), logits_of(body["results"][0], 3)

    def _run(self, thread):
        connection, i = self.daemon.connection(), thread
        while not self.stopping.is_set():
            i += 1
            asked = self.asked if i % 3 == 0 else None
            version, got = self._ask(connection, i % 2 == 0, asked)
            good = version is not None and got == self.logits[version] and \
                asked in (None, version)
            with self.lock:
                if good:
                    self.counts[version] = self.counts.get(version, 0) + 1
                else:
                    self.failures.append((asked, version, got))
        connection.close()


class UnderLoad(unittest.TestCase):
    # A sanitized build takes ten times as long for each.
    N = 100 if PATIENCE == 1 else 30

    def replace(self, keep, n):
        nets = {i: SmallNet(i) for i in range(1, n + 2)}
        with Daemon(keep_versions=keep) as daemon:
            put(daemon, nets[1])
            with Askers(daemon, nets) as askers:
                for i in range(2, n + 2):
                    self.assertEqual(put(daemon, nets[i]), str(i))
                    # With two the one before is there until the next has come.
                    askers.asked = i if keep > 1 else None
                askers.asked = None
            self.assertEqual(askers.failures[:3], [])
            self.assertGreater(sum(askers.counts.values()), n)
            self.assertGreater(len(askers.counts), n // 10)
            self.assertEqual(versions(daemon), [str(i) for i in range(n + 1, n + 1 - keep, -1)])
            self.assertEqual(len(files(daemon)[0]), keep)
            self.assertEqual(daemon.stop(), 0)

    def test_a_hundred_replacements_lose_no_request(self):
        self.replace(1, self.N)

    def test_nor_do_they_with_two_versions_at_once(self):
        self.replace(2, self.N)

    def test_a_rollback_loses_no_request(self):
        nets = {i: SmallNet(i) for i in range(1, 23)}
        with Daemon(keep_versions=2) as daemon:
            put(daemon, nets[1])
            with Askers(daemon, nets) as askers:
                askers.asked = 1
                for i in range(2, 22):
                    self.assertEqual(put(daemon, nets[i]), str(i))
                    self.assertTrue(eventually(lambda: askers.counts.get(i)))
                    self.assertEqual(daemon.ask("DELETE", "%s?version=%d" % (NET, i)).status, 204)
                    self.assertEqual(versions(daemon), ["1"])
                before = askers.counts[1]
                self.assertTrue(eventually(lambda: askers.counts[1] > before + 3))
            self.assertEqual(askers.failures[:3], [])
            self.assertEqual(put(daemon, nets[22]), "22")


if __name__ == "__main__":
    unittest.main()
