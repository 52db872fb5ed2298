# SPDX-License-Identifier: Apache-2.0
"""The operating point and the device calculator."""
import base64
import csv
import os
import threading
import unittest

from spinbnn_system import Daemon, Load, SOURCE, binomial_bound

POINT = "/api/v1/models/mnist/operating-point"


class OperatingPoint(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon().__enter__()

    def tearDown(self):
        self.daemon.__exit__()

    def set(self, body, status=200, headers=None):
        answer = self.daemon.patch("mnist", body, headers)
        self.assertEqual(answer.status, status, answer.body)
        return answer.json()

    def test_the_first_start_writes_strongly(self):
        point = self.daemon.point("mnist")
        self.assertEqual(point["mode"], "device")
        self.assertEqual(point["target_write_error_rate"], 1e-9)
        self.assertEqual(point["result"]["generation"], 1)
        # About half of a random array has to toggle.
        toggles = sum(point["result"]["toggles"].values())
        self.assertLess(abs(toggles - 1861632 / 2), binomial_bound(1861632, 0.5))

    def test_voltages_and_energies_are_those_of_the_device_model(self):
        # core/README.md: array mean at 10 ns and 300 K.
        for target, p2ap, ap2p in ((1e-2, 0.5008, 0.4277), (1e-3, 0.5696, 0.4914),
                                   (1e-6, 0.7608, 0.6731), (1e-9, 0.9446, 0.8530)):
            point = self.set({"mode": "uniform", "target_write_error_rate": target,
                              "pulse_ns": 10})
            self.assertAlmostEqual(point["write_voltage_v"]["p2ap"], p2ap, delta=1.5e-4)
            self.assertAlmostEqual(point["write_voltage_v"]["ap2p"], ap2p, delta=1.5e-4)
            self.assertEqual(point["solved"], ["write_voltage_v"])
            self.assertAlmostEqual(point["predicted"]["write_error_rate"] / target, 1, delta=1e-3)
        # Without a pulse, the cheapest.
        point = self.set({"pulse_ns": None, "target_write_error_rate": 1e-3})
        self.assertAlmostEqual(point["pulse_ns"], 14.2, delta=0.3)
        self.assertEqual(point["solved"], ["write_voltage_v", "pulse_ns"])

    def test_weak_writes_fail_as_often_as_predicted_in_every_mode(self):
        n = 1861632
        for mode in ("uniform", "device"):
            for over, share in (("random", 0.5), ("complement", 1)):
                point = self.set({"mode": mode, "program_over": over, "pulse_ns": 10,
                                  "target_write_error_rate": 1e-2})
                wrong, p = point["result"]["wrong_bits"], 1e-2 * share
                self.assertLess(abs(wrong - n * p), binomial_bound(n, p), (mode, over))
                self.assertAlmostEqual(point["predicted"]["stored_bit_error_rate"] / p, 1,
                                       delta=0.02)
        point = self.set({"mode": "iid", "bit_error_rate": 1e-2})
        self.assertLess(abs(point["result"]["wrong_bits"] - n * 1e-2), binomial_bound(n, 1e-2))
        self.assertIsNone(point["result"]["energy_pj"])
        self.assertIsNone(point["write_voltage_v"])

    def test_writing_over_right_weights_toggles_nothing(self):
        self.set({"mode": "iid", "bit_error_rate": 0})
        point = self.set({"mode": "device", "target_write_error_rate": 0.1, "pulse_ns": 10})
        self.assertEqual(sum(point["result"]["toggles"].values()), 0)
        self.assertEqual(point["result"]["wrong_bits"], 0)
        self.assertGreater(point["result"]["energy_pj"], 0)
        # And over wrong ones, just those.
        wrong = self.set({"mode": "iid", "bit_error_rate": 0.01})["result"]["wrong_bits"]
        point = self.set({"mode": "device"})
        self.assertEqual(sum(point["result"]["toggles"].values()), wrong)

    def test_the_whole_answer_adds_up(self):
        point = self.set({"mode": "device", "program_over": "random",
                          "target_write_error_rate": 1e-2})
        result = point["result"]
        self.assertEqual(point["generation"], result["generation"])
        for field in ("wrong_bits", "cells"):
            self.assertEqual(result[field], sum(layer[field] for layer in result["layers"]))
        for field in ("errors", "toggles"):
            for d in ("p2ap", "ap2p"):
                self.assertEqual(result[field][d],
                                 sum(layer[field][d] for layer in result["layers"]))
        self.assertEqual(result["wrong_bits"], sum(result["errors"].values()))
        self.assertAlmostEqual(result["energy_pj"] /
                               sum(layer["energy_pj"] for layer in result["layers"]), 1, places=6)
        self.assertEqual([layer["name"] for layer in result["layers"]], ["fc1", "fc2", "fc3"])
        self.assertEqual(self.daemon.point("mnist"), point)

    def test_the_same_seed_gives_the_same_bits(self):
        def errors(daemon, seed):
            body = {"mode": "device", "program_over": "complement", "seed": seed,
                    "target_write_error_rate": 0.05}
            answer = daemon.patch("mnist", body).json()
            return answer["generation"], answer["result"]["errors"]
        first = errors(self.daemon, 7)
        self.assertNotEqual(errors(self.daemon, 8)[1], first[1])
        with Daemon(threads=1, workers=1, kernel="scalar") as other:
            self.assertEqual(errors(other, 7), first)

    def test_etags(self):
        answer = self.daemon.get(POINT)
        self.assertEqual(answer.headers["ETag"], '"1"')
        for tags in ('"1"', 'W/"1"', '"0", "1"', "*"):
            self.assertEqual(self.daemon.get(POINT, headers={"If-None-Match": tags}).status, 304)
        self.set({}, 412, {"If-Match": 'W/"1"'})
        self.set({}, headers={"If-Match": '"1"'})
        problem = self.set({}, 412, {"If-Match": '"1"'})
        self.assertEqual(problem["code"], "stale_etag")
        self.set({}, headers={"If-Match": "*"})
        self.assertEqual(self.daemon.point("mnist")["generation"], 3)

    def test_violations_name_the_field_the_value_and_the_range(self):
        before = self.daemon.point("mnist")
        table = [
            ({"pulse_ns": 0}, "/pulse_ns", "0.2"),
            ({"pulse_ns": "10"}, "/pulse_ns", "number"),
            ({"temperature_k": 500}, "/temperature_k", "450"),
            ({"target_write_error_rate": 0}, "/target_write_error_rate", "0"),
            ({"target_write_error_rate": 1.5}, "/target_write_error_rate", "1.5"),
            ({"write_voltage_v": {"p2ap": 2}, "pulse_ns": 10}, "/write_voltage_v/p2ap", "1.5"),
            ({"write_voltage_v": 1}, "/write_voltage_v", "object"),
            ({"mode": "weird"}, "/mode", "iid"),
            ({"mode": "iid", "bit_error_rate": 2}, "/bit_error_rate", "1"),
            ({"bit_error_rate": 0.1}, "/bit_error_rate", "iid"),
            ({"mode": "iid", "pulse_ns": 10}, "/pulse_ns", "iid"),
            ({"seed": -1}, "/seed", "-1"),
            ({"seed": 1.5}, "/seed", ""),
            ({"program_over": "nothing"}, "/program_over", "present"),
            ({"pulse_nss": 10}, "/pulse_nss", "pulse_ns"),
            ({"write_voltage_v": {"p2ap": 0.5, "ap2p": 0.5}, "pulse_ns": 10,
              "target_write_error_rate": 1e-3}, "", "target_write_error_rate"),
            ({"target_write_error_rate": 1e-12, "pulse_ns": 0.5, "temperature_k": 200},
             "/target_write_error_rate", "1.5"),
        ]
        for body, pointer, word in table:
            with self.subTest(body=body):
                problem = self.set(body, 422)
                self.assertIn(pointer, [e["pointer"] for e in problem["errors"]] + [""])
                self.assertIn(word, str(problem))
        # All violations at once.
        problem = self.set({"pulse_ns": "x", "mode": 3, "sede": 1}, 422)
        self.assertEqual({e["pointer"] for e in problem["errors"]}, {"/pulse_ns", "/mode", "/sede"})
        problem = self.set({"temperature_k": 1, "pulse_ns": 0, "seed": "x",
                            "target_write_error_rate": 2}, 422)
        self.assertEqual({e["pointer"] for e in problem["errors"]},
                         {"/temperature_k", "/pulse_ns", "/seed", "/target_write_error_rate"})
        problem = self.set({"write_voltage_v": {"p2ap": 2, "ap2p": -1}, "pulse_ns": 10}, 422)
        self.assertEqual({e["pointer"] for e in problem["errors"]},
                         {"/write_voltage_v/p2ap", "/write_voltage_v/ap2p"})
        self.assertEqual(self.daemon.ask("PATCH", POINT, b"{", {}).status, 400)
        self.assertEqual(self.daemon.ask("PATCH", POINT, b"{}",
                                         {"Content-Type": "text/plain"}).status, 415)
        self.assertEqual(self.daemon.point("mnist"), before)

    def test_a_patch_storm_under_load_loses_no_request(self):
        failures = []

        def storm(k):
            for i in range(15):
                body = {"mode": ("iid", "uniform", "device")[i % 3]}
                if i % 3:
                    body.update(target_write_error_rate=10.0 ** -(2 + i % 4), pulse_ns=10 + k,
                                program_over="random")
                else:
                    body.update(bit_error_rate=1e-3)
                answer = self.daemon.patch("mnist", body)
                if answer.status != 200:
                    failures.append((answer.status, answer.body))
        with Load(self.daemon, n_threads=3) as load:
            threads = [threading.Thread(target=storm, args=(k,)) for k in range(3)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        self.assertEqual(failures, [])
        self.assertEqual(load.failures, [])
        self.assertGreater(load.answered, 100)
        self.assertGreater(len(load.generations), 3)
        self.assertEqual(self.daemon.point("mnist")["generation"], 46)


class Device(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__()

    def ask(self, body, status=200):
        # Thousands of means take seconds of a busy machine.
        connection = self.daemon.connection(timeout=300)
        answer = self.daemon.ask("POST", "/api/v1/device/write-error", body,
                                 connection=connection)
        connection.close()
        self.assertEqual(answer.status, status, answer.body)
        return answer.json()

    def test_the_worked_examples(self):
        with open(os.path.join(SOURCE, "tests", "data", "mtj_wer_examples.csv")) as f:
            rows = list(csv.DictReader(f))
        points = [{"voltage_v": float(r["V_V"]), "pulse_ns": float(r["t_ns"]),
                   "temperature_k": float(r["T_K"]), "direction": r["dir"].lower()}
                  for r in rows]
        for row, got in zip(rows, self.ask({"points": points})["points"]):
            ln = float(row["ln_wer"])
            self.assertAlmostEqual(got["ln_write_error_rate"], ln, delta=1e-5 * max(1, abs(ln)))
            self.assertAlmostEqual(got["toggle_energy_pj"] / float(row["energy_pJ"]), 1,
                                   delta=1e-5)

    def test_array_means(self):
        points = [{"voltage_v": v, "pulse_ns": 10, "temperature_k": 300, "direction": "p2ap"}
                  for v in (0.45, 0.60, 0.75)]
        got = self.ask({"points": points, "array_mean": True})["points"]
        for value, want in zip(got, (4.7505e-2, 3.4575e-4, 1.4915e-6)):
            self.assertAlmostEqual(value["write_error_rate"] / want, 1, delta=2e-4)

    def test_many_means_do_not_hold_up_pictures(self):
        points = [{"voltage_v": 0.5, "pulse_ns": 10 + i * 1e-3, "temperature_k": 300,
                   "direction": "p2ap"} for i in range(1000)]
        answers = []

        def ask():
            answers.append(self.ask({"points": points, "array_mean": True}))
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for t in threads:
            t.start()
        # Long bodies go to the same workers, and come in between.
        pixels = base64.b64encode(bytes(784)).decode()
        body = {"images": [{"b64": pixels}] * 100}
        waited = 0
        while any(t.is_alive() for t in threads):
            answer = self.daemon.ask("POST", "/api/v1/models/mnist/classify", body)
            self.assertEqual(answer.status, 200)
            waited += 1
        for t in threads:
            t.join()
        self.assertGreater(waited, 2)
        rates = [p["write_error_rate"] for p in answers[0]["points"]]
        self.assertEqual(rates, sorted(rates, reverse=True))
        self.assertTrue(all(a == answers[0] for a in answers))

    def test_bad_points_are_named(self):
        good = {"voltage_v": 0.5, "pulse_ns": 10, "temperature_k": 300, "direction": "p2ap"}
        for field, value in (("voltage_v", 2), ("voltage_v", None), ("pulse_ns", 0),
                             ("temperature_k", 1000), ("direction", "up"), ("pulse_ns", "x")):
            problem = self.ask({"points": [good, dict(good, **{field: value})]}, 422)
            self.assertEqual(problem["errors"][0]["pointer"], "/points/1/" + field)
        self.ask({}, 422)
        self.ask({"points": [good] * 10001}, 422)
        self.ask({"points": [good] * 1001, "array_mean": True}, 422)
        self.assertEqual(self.daemon.ask("POST", "/api/v1/device/write-error", b"x").status, 400)


if __name__ == "__main__":
    unittest.main()
