# SPDX-License-Identifier: Apache-2.0
"""What happens to an array in time: it ages, reads wear on it, faults come in, it is scrubbed."""
import base64
import math
import random
import time
import unittest

from spinbnn_system import (Daemon, Load, PATIENCE, binomial_bound, database_rows, eventually,
                            is_poisson)

MODEL = "/api/v1/models/mnist"
SHAPES = {"fc1": (1024, 784), "fc2": (1024, 1024), "fc3": (10, 1024)}
WEIGHTS = sum(rows * columns for rows, columns in SHAPES.values())
DAY = 86400.0
YEAR = 365.25 * DAY


class UpkeepTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__()

    def setUp(self):
        self.perfect()

    def perfect(self, **more):
        """An array without a wrong cell, in mode uniform; its cells in P and in AP."""
        self.daemon.ask("DELETE", MODEL + "/operating-point")
        self.daemon.program("mnist", {"mode": "iid", "bit_error_rate": 0})
        # Over right cells: nothing toggles, so nothing fails.
        point = self.daemon.program("mnist", dict({"mode": "uniform", "pulse_ns": 27,
                                                   "target_write_error_rate": 1e-9}, **more))
        result = point["result"]
        self.assertEqual(result["cell_errors"], 0)
        n_ap = result["toggles"]["p2ap"] + result["holds"]["p2ap"]
        n_p = result["toggles"]["ap2p"] + result["holds"]["ap2p"]
        self.assertEqual(n_ap + n_p, result["cells"])
        return n_p, n_ap

    def age(self, seconds, temperature_k=None):
        body = {"seconds": seconds}
        if temperature_k is not None:
            body["temperature_k"] = temperature_k
        return self.daemon.post("mnist", "age", body)

    def assert_poisson(self, n, mean, bunch=1):
        self.assertTrue(is_poisson(n, mean, bunch), "%r is not about %r" % (n, mean))


class Age(UpkeepTest):
    def test_cells_leave_their_state_as_often_as_expected(self):
        n_p, n_ap = self.perfect()
        for mode in ("uniform", "device"):
            self.daemon.program("mnist", {"mode": mode})
            self.daemon.post("mnist", "scrub")
            aged = self.age(1e6, 370)
            flipped, expected = aged["flipped"], aged["expected"]
            for side, n in (("from_p", n_p), ("from_ap", n_ap)):
                self.assertLessEqual(abs(flipped[side] - expected[side]),
                                     binomial_bound(n, expected[side] / n), (mode, side))
                self.assertGreater(flipped[side], 100)
                self.assertEqual(flipped[side], sum(layer["flipped"][side]
                                                    for layer in aged["result"]["layers"]))
                self.assertAlmostEqual(expected[side], sum(
                    layer["expected"][side] for layer in aged["result"]["layers"]), delta=1e-6)
            # From a perfect array every flip is an error, in the other direction's count.
            self.assertEqual(aged["before"]["cell_errors"], 0)
            self.assertEqual(aged["result"]["errors"],
                             {"p2ap": flipped["from_ap"], "ap2p": flipped["from_p"]})
            self.assertEqual(aged["result"]["wrong_bits"], sum(flipped.values()))
            # +1 is P: a cell that left P delivers -1.
            self.assertEqual(aged["result"]["wrong"],
                             {"minus_to_plus": flipped["from_ap"],
                              "plus_to_minus": flipped["from_p"]})
            answer = self.daemon.ask("POST", MODEL + "/classify", bytes(784)).json()
            self.assertEqual(answer["memory"]["wrong_bits"], sum(flipped.values()))

    def test_retention_is_that_of_the_tables(self):
        # core/README.md, retention: array mean of P and AP.
        for temperature, seconds, rate in ((328, 10 * YEAR, 8.17e-4), (358, 30 * DAY, 2.55e-3),
                                           (358, YEAR, 2.06e-2), (358, 10 * YEAR, 8.90e-2),
                                           (398, DAY, 4.51e-2), (398, YEAR, 0.431)):
            n_p, n_ap = self.perfect()
            aged = self.age(seconds, temperature)
            mean = (aged["expected"]["from_p"] / n_p + aged["expected"]["from_ap"] / n_ap) / 2
            self.assertAlmostEqual(mean / rate, 1, delta=0.01)
            measured = (aged["flipped"]["from_p"] / n_p + aged["flipped"]["from_ap"] / n_ap) / 2
            self.assertLessEqual(abs(measured - rate),
                                 binomial_bound(WEIGHTS, rate) / WEIGHTS + 0.01 * rate)

    def test_simulated_time_adds_up_and_intervals_compose(self):
        # Cell by cell: a cell that is everyone's mean forgets which cells have flipped already.
        self.perfect(mode="device")
        whole = self.age(2 * DAY, 380)
        self.assertEqual(whole["age_s"], 2 * DAY)
        self.daemon.post("mnist", "scrub")
        self.assertEqual(self.daemon.memory("mnist")["age_s"], 0)
        wrong, total = 0, 0.0
        for seconds in (0.5 * DAY, DAY, 0.5 * DAY):
            part = self.age(seconds, 380)
            total += seconds
            self.assertEqual(part["age_s"], total)
            self.assertEqual(part["before"]["wrong_bits"], wrong)
            wrong = part["result"]["wrong_bits"]
        self.assertEqual(self.daemon.point("mnist")["age_s"], 2 * DAY)
        self.assertLessEqual(abs(wrong - whole["result"]["wrong_bits"]),
                             5 * math.sqrt(wrong + whole["result"]["wrong_bits"]))
        # Some flip back on the way: both ways of counting differ.
        before = part["result"]["wrong_bits"]
        last = self.age(300 * DAY, 398)
        self.assertLess(last["result"]["wrong_bits"], before + sum(last["flipped"].values()))
        # It saturates at half of the cells.
        for _ in range(3):
            last = self.age(1e12, 398)
        n = WEIGHTS
        self.assertLess(abs(last["result"]["wrong_bits"] - n / 2), n * 0.02)

    def test_no_time_changes_nothing_and_a_temperature_is_that_of_the_operating_point(self):
        self.perfect()
        point = self.daemon.program("mnist", {"temperature_k": 390})
        before = self.daemon.memory("mnist")["state"]
        aged = self.age(0)
        self.assertEqual((aged["temperature_k"], aged["age_s"]), (390, 0))
        self.assertEqual(aged["generation"], point["generation"] + 1)
        self.assertEqual(self.daemon.memory("mnist")["state"], before)
        self.assertGreater(sum(self.age(1e5)["flipped"].values()), 1000)

    def test_what_has_no_physics_does_not_age(self):
        self.perfect()
        self.daemon.program("mnist", {"layers": {"fc2": {"mode": "iid"}}})
        aged = self.age(10 * YEAR, 358)
        wrong = {layer["name"]: layer["wrong_bits"] for layer in aged["result"]["layers"]}
        self.assertGreater(wrong["fc1"], 10000)
        self.assertEqual(wrong["fc2"], 0)
        self.assertEqual(aged["result"]["layers"][1]["expected"], {"from_p": 0, "from_ap": 0})

        self.daemon.program("mnist", {"mode": "iid"})
        before = self.daemon.point("mnist")
        problem = self.daemon.post("mnist", "age", {"seconds": 1}, 409)
        self.assertEqual(problem["code"], "no_physics")
        self.assertEqual(self.daemon.point("mnist"), before)

    def test_codes_hide_what_they_can(self):
        n_p, n_ap = self.perfect(ecc="bch2")
        aged = self.age(YEAR, 340)
        result = aged["result"]
        self.assertEqual(result["cell_errors"], sum(aged["flipped"].values()))
        self.assertGreater(result["cell_errors"], 500)
        self.assertLess(result["wrong_bits"], result["cell_errors"] / 20)
        self.assertGreater(result["code"]["corrected"], 300)

    def test_the_scaled_device_forgets_and_the_retention_device_does_not(self):
        wrong = {}
        for preset in ("default", "retention", "scaled"):
            self.daemon.ask("PUT", MODEL + "/device", {"new_array": True, "preset": preset})
            self.perfect()
            wrong[preset] = self.age(10 * YEAR, 358)["result"]["wrong_bits"]
        self.daemon.ask("PUT", MODEL + "/device", {"new_array": True, "preset": "default"})
        # core/README.md, variants: ten years at 85 C.
        self.assertAlmostEqual(wrong["default"] / (8.9e-2 * WEIGHTS), 1, delta=0.02)
        self.assert_poisson(wrong["retention"], 6.8e-7 * WEIGHTS)
        self.assertAlmostEqual(wrong["scaled"] / (0.5 * WEIGHTS), 1, delta=0.02)


class Scrub(UpkeepTest):
    def test_it_restores_and_says_what_it_cost(self):
        n_p, n_ap = self.perfect()
        aged = self.age(1e7, 370)
        scrubbed = self.daemon.post("mnist", "scrub")
        self.assertEqual(scrubbed["cause"], "scrub")
        state = {k: v for k, v in aged["result"].items() if k != "layers"}
        self.assertEqual(scrubbed["before"], state)
        result = scrubbed["result"]
        self.assertEqual(result["wrong_bits"], 0)
        self.assertEqual(scrubbed["restored_cells"], aged["result"]["cell_errors"])
        # Just the wrong cells toggle, the others hold.
        self.assertEqual(result["toggles"], aged["result"]["errors"])
        self.assertEqual(result["holds"]["p2ap"], n_ap - result["toggles"]["p2ap"])
        self.assertEqual(result["holds"]["ap2p"], n_p - result["toggles"]["ap2p"])
        self.assertAlmostEqual(scrubbed["energy_pj"], sum(
            v for k, v in scrubbed["energy"].items() if k != "total_pj"), delta=0.01)
        self.assertEqual(scrubbed["energy_pj"], result["energy_pj"])
        self.assertEqual(self.daemon.memory("mnist")["age_s"], 0)

    def test_a_weak_scrub_leaves_its_share(self):
        self.perfect()
        self.daemon.program("mnist", {"target_write_error_rate": 1e-2, "pulse_ns": 10})
        n = self.daemon.post("mnist", "inject", {"share": 0.2, "seed": 3})["flipped"]
        scrubbed = self.daemon.post("mnist", "scrub")
        left = scrubbed["result"]["cell_errors"]
        self.assert_poisson(left, n * 1e-2)
        self.assertEqual(scrubbed["restored_cells"], n - left)

    def test_it_writes_over_what_is_there_whatever_the_programming_went_over(self):
        self.perfect()
        self.daemon.program("mnist", {"program_over": "complement"})
        scrubbed = self.daemon.post("mnist", "scrub")
        self.assertEqual(sum(scrubbed["result"]["toggles"].values()), 0)
        self.assertEqual(self.daemon.point("mnist")["program_over"], "complement")

    def test_the_clock_scrubs(self):
        with Daemon(scrub_interval_s=1) as daemon:
            with Load(daemon, n_threads=1) as load:
                for _ in range(2):
                    generation = daemon.post("mnist", "inject", {"share": 0.01})["generation"]
                    self.assertTrue(eventually(lambda: (
                        daemon.point("mnist")["cause"] == "scrub" and
                        daemon.point("mnist")["generation"] > generation and
                        daemon.point("mnist")["result"]["wrong_bits"] == 0)))
            self.assertEqual(load.failures, [])
            self.assertEqual(daemon.stop(), 0)
            rows = database_rows(daemon, "SELECT cause, generation FROM v_operating_point WHERE "
                                 "model = 'mnist' ORDER BY generation")
            self.assertGreaterEqual([row["cause"] for row in rows].count("scrub"), 2)
            self.assertEqual([row["generation"] for row in rows],
                             list(range(1, len(rows) + 1)))


class Inject(UpkeepTest):
    def wrong_bits(self, generation):
        diff = self.daemon.get("%s/array/diff?a=%d&b=%d&list=10000" %
                               (MODEL, generation, generation)).json()
        return {(layer["name"], bit["row"], bit["column"])
                for layer in diff["layers"] for bit in layer["bits"]}

    def test_the_named_bits_are_exactly_those_and_a_scrub_undoes_them(self):
        rng = random.Random(5)
        for body in ({}, {"mode": "iid", "bit_error_rate": 0}, {"cell": "2t2r"},
                     {"polarity": "seeded"}):
            self.perfect()
            self.daemon.program("mnist", body)
            self.daemon.post("mnist", "scrub")
            named = {(name, rng.randrange(rows), rng.randrange(columns))
                     for name, (rows, columns) in SHAPES.items() for _ in range(50)}
            injected = self.daemon.post("mnist", "inject", {"bits": [
                {"layer": l, "row": r, "column": c} for l, r, c in sorted(named)]})
            self.assertEqual(injected["flipped"], len(named) * (2 if "cell" in body else 1))
            self.assertEqual(injected["stuck"], 0)
            self.assertEqual(injected["before"]["wrong_bits"], 0)
            self.assertEqual(injected["result"]["wrong_bits"], len(named))
            self.assertEqual(self.wrong_bits(injected["generation"]), named)
            # Again: they flip back.
            again = self.daemon.post("mnist", "inject", {"bits": [
                {"layer": l, "row": r, "column": c} for l, r, c in sorted(named)]})
            self.assertEqual(again["result"]["wrong_bits"], 0)
            self.daemon.post("mnist", "inject", {"bits": [
                {"layer": l, "row": r, "column": c} for l, r, c in sorted(named)]})
            scrubbed = self.daemon.post("mnist", "scrub")
            self.assertEqual(scrubbed["before"]["wrong_bits"], len(named))
            self.assertEqual(scrubbed["result"]["wrong_bits"], 0)

    def test_a_share_is_that_of_all_cells_and_keyed_by_its_seed(self):
        self.perfect(ecc="secded")
        cells = self.daemon.memory("mnist")["state"]["cells"]
        injected = self.daemon.post("mnist", "inject", {"share": 0.01, "seed": 4})
        self.assertLessEqual(abs(injected["flipped"] - cells * 0.01),
                             binomial_bound(cells, 0.01))
        self.assertEqual(injected["result"]["cell_errors"], injected["flipped"])
        self.assertLess(injected["result"]["wrong_bits"], injected["flipped"])
        self.daemon.post("mnist", "scrub")
        other = self.daemon.post("mnist", "inject", {"share": 0.01, "seed": 5})
        self.assertNotEqual(other["flipped"], injected["flipped"])
        self.daemon.post("mnist", "scrub")
        everything = self.daemon.post("mnist", "inject", {"share": 1})
        self.assertEqual(everything["flipped"], cells)
        self.assertEqual(self.daemon.post("mnist", "scrub")["result"]["wrong_bits"], 0)

    def test_a_code_mends_one_bit_a_word(self):
        self.perfect(ecc="secded")
        one = self.daemon.post("mnist", "inject", {"bits": [
            {"layer": "fc2", "row": r, "column": 64 * k + r % 64}
            for r in range(100) for k in range(16)]})
        self.assertEqual(one["result"]["wrong_bits"], 0)
        self.assertEqual(one["result"]["code"]["corrected"], 1600)
        two = self.daemon.post("mnist", "inject", {"bits": [
            {"layer": "fc2", "row": r, "column": 64 * k + (r + 9) % 64}
            for r in range(100) for k in range(16)]})
        self.assertEqual(two["result"]["code"]["detected"], 1600)
        self.assertEqual(two["result"]["wrong_bits"], 3200)


class Disturb(UpkeepTest):
    # core/README.md, read: array mean of one read at 398 K.
    RATE = 8.1e-8

    def classify(self, n):
        picture = {"b64": base64.b64encode(bytes(784)).decode()}
        connection = self.daemon.connection()
        for _ in range(n // 500):
            answer = self.daemon.ask("POST", MODEL + "/classify?top=1", {"images": [picture] * 500},
                                     connection=connection)
            self.assertEqual(answer.status, 200)
        connection.close()

    def test_reads_wear_on_cells_in_p_as_often_as_they_are_made(self):
        n_p, _ = self.perfect(temperature_k=398, read_disturb=True)
        n_reads = 6000
        first = self.daemon.point("mnist")["generation"]
        self.classify(n_reads)
        # What has not been accounted for in the background is now.
        settled = self.age(0, 300)
        self.assertEqual(sum(settled["flipped"].values()), 0)
        errors = settled["result"]["errors"]
        self.assertEqual(errors["p2ap"], 0)
        expected = n_p * -math.expm1(n_reads * math.log1p(-self.RATE))
        # The rate is known to two digits.
        self.assertLessEqual(abs(errors["ap2p"] - expected),
                             5 * math.sqrt(expected) + 0.01 * expected)
        self.assertEqual(self.daemon.memory("mnist")["pending_reads"], 0)
        self.assertEqual(settled["before"]["errors"], errors)
        # Reads do not age.
        self.assertEqual(self.daemon.point("mnist")["age_s"], 0)
        # Restored by a scrub, and not for ever.
        self.assertEqual(self.daemon.post("mnist", "scrub")["result"]["wrong_bits"], 0)
        self.assertGreater(settled["generation"], first)

    def test_it_happens_in_the_background_and_is_history(self):
        self.perfect(temperature_k=440, read_disturb=True)
        first = self.daemon.point("mnist")["generation"]
        self.classify(1000)
        self.assertTrue(eventually(lambda: self.daemon.point("mnist")["cause"] == "disturb"))
        self.assertTrue(eventually(lambda: self.daemon.memory("mnist")["pending_reads"] == 0))
        memory = self.daemon.memory("mnist")
        self.assertGreater(memory["state"]["errors"]["ap2p"], 100)
        # Hotter: more than the table has for 398 K.
        self.assertGreater(memory["state"]["errors"]["ap2p"], 2 * 1000 * self.RATE * WEIGHTS / 2)
        self.assertTrue(eventually(lambda: any(
            row["cause"] == "disturb" for row in database_rows(
                self.daemon, "SELECT cause FROM v_operating_point WHERE model = 'mnist' AND "
                "generation > ?", first))))

    def test_without_it_reads_do_nothing_and_those_before_do_not_count(self):
        self.perfect(temperature_k=440)
        generation = self.daemon.point("mnist")["generation"]
        self.classify(1000)
        time.sleep(1.5 * PATIENCE)
        self.assertEqual(self.daemon.point("mnist")["generation"], generation)
        self.assertEqual(self.daemon.memory("mnist")["pending_reads"], 1000)
        self.daemon.program("mnist", {"read_disturb": True})
        self.assertEqual(self.daemon.memory("mnist")["pending_reads"], 0)
        self.assertEqual(self.age(0, 300)["result"]["wrong_bits"], 0)

    def test_reads_of_one_array_do_not_wear_on_the_next(self):
        self.perfect(temperature_k=300, read_disturb=True)
        image = self.daemon.get(MODEL + "/array").body
        self.daemon.program("mnist", {"read_disturb": False, "temperature_k": 440})
        for change in (lambda: self.daemon.ask("PUT", MODEL + "/array", image),
                       lambda: self.daemon.ask("PUT", MODEL + "/device",
                                               {"new_array": True, "preset": "default"})):
            self.classify(500)
            self.assertEqual(change().status, 200)
            self.assertEqual(self.daemon.memory("mnist")["pending_reads"], 0)

    def test_pairs_and_codes_wear_in_all_their_cells(self):
        n_p, n_ap = self.perfect(temperature_k=398, read_disturb=True, cell="2t2r", ecc="secded")
        self.assertGreater(n_p, WEIGHTS)
        self.classify(3000)
        errors = self.age(0, 300)["result"]["errors"]
        expected = n_p * 3000 * self.RATE
        self.assertLessEqual(abs(errors["ap2p"] - expected),
                             5 * math.sqrt(expected) + 0.01 * expected)


class Serving(UpkeepTest):
    def test_nothing_that_happens_to_the_array_interrupts_it(self):
        image = self.daemon.get(MODEL + "/array").body
        steps = [("PATCH", "/operating-point", {"mode": "device", "ecc": "bch2", "cell": "2t2r"}),
                 ("POST", "/age", {"seconds": 1e6, "temperature_k": 370}),
                 ("POST", "/scrub", {}), ("POST", "/inject", {"share": 0.01}),
                 ("GET", "/memory?weakest=100", None), ("GET", "/memory/tiles/3.png", None),
                 ("GET", "/array", None), ("GET", "/energy", None), ("GET", "/device", None),
                 ("PUT", "/device", {"new_array": True, "preset": "scaled"}),
                 ("DELETE", "/operating-point", None), ("POST", "/program", {}),
                 ("PUT", "/array", image)]
        with Load(self.daemon, n_threads=3) as load:
            for method, path, body in steps * 3:
                answer = self.daemon.ask(method, MODEL + path, body)
                self.assertEqual(answer.status, 200, (path, answer.body[:300]))
        self.assertEqual(load.failures, [])
        self.assertGreater(load.answered, 200)
        self.assertGreater(len(load.generations), 10)


if __name__ == "__main__":
    unittest.main()
