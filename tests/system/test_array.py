# SPDX-License-Identifier: Apache-2.0
"""The array as a memory: layers of their own, codes, pairs, retries, polarity, a look inside."""
import math
import unittest

from spinbnn_system import (Daemon, Load, binomial_bound, is_poisson, png_pixels)

MODEL = "/api/v1/models/mnist"
POINT = MODEL + "/operating-point"
LAYERS = {"fc1": (1024, 784), "fc2": (1024, 1024), "fc3": (10, 1024)}
WEIGHTS = sum(rows * columns for rows, columns in LAYERS.values())
# All cells toggle with the array-mean rate.
WORST = {"mode": "device", "program_over": "complement", "pulse_ns": 10}
PERFECT = {"mode": "iid", "bit_error_rate": 0}


def post_code_rate(p, n, t, extra):
    """core/README.md, codes: what is left of independent errors of rate p."""
    def term(e):
        return math.exp(math.lgamma(n + 1) - math.lgamma(e + 1) - math.lgamma(n - e + 1) +
                        e * math.log(p) + (n - e) * math.log1p(-p))
    return sum(term(e) * min(n, e + extra(e)) / n for e in range(t + 1, n + 1))


def secded_rate(p):
    return post_code_rate(p, 72, 1, lambda e: 72 / 128 if e % 2 else 0)


def bch_rate(p):
    return post_code_rate(p, 78, 2, lambda e: 2 * 3081 / 16384)


class ArrayTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__()

    def setUp(self):
        self.daemon.ask("DELETE", POINT)

    def program(self, body, status=200, query=""):
        return self.daemon.program("mnist", body, status, query)

    def ask(self, method, path, body=None, headers=None, status=200):
        answer = self.daemon.ask(method, MODEL + path, body, headers)
        self.assertEqual(answer.status, status, answer.body)
        return answer

    def assert_poisson(self, n, mean, bunch=1):
        self.assertTrue(is_poisson(n, mean, bunch), "%r is not about %r" % (n, mean))

    def by_layer(self, answer):
        return {layer["name"]: layer for layer in answer["result"]["layers"]}


class Layers(ArrayTest):
    def test_a_layer_has_what_it_states_and_inherits_the_rest(self):
        self.program(dict(WORST, mode="uniform", target_write_error_rate=1e-3))
        point = self.program({"target_write_error_rate": 2e-2}, query="?layer=fc2")
        self.assertEqual((point["layer"], point["target_write_error_rate"]), ("fc2", 2e-2))
        point = self.daemon.point("mnist")
        self.assertEqual(point["layers"], {"fc2": {"target_write_error_rate": 2e-2}})
        self.assertEqual(point["target_write_error_rate"], 1e-3)
        for name, layer in self.by_layer(point).items():
            p = 2e-2 if name == "fc2" else 1e-3
            n = LAYERS[name][0] * LAYERS[name][1]
            self.assertEqual(layer["conditions"]["target_write_error_rate"], p)
            self.assertAlmostEqual(layer["predicted"]["wrong_bits"] / (n * p), 1, delta=1e-3)
            self.assert_poisson(layer["wrong_bits"], n * p)
        # What the base changes reaches the layers that say nothing of it.
        point = self.program({"pulse_ns": 12, "target_write_error_rate": 1e-2})
        for name, layer in self.by_layer(point).items():
            self.assertEqual(layer["conditions"]["pulse_ns"], 12)
            self.assertEqual(layer["conditions"]["target_write_error_rate"],
                             2e-2 if name == "fc2" else 1e-2)
        layer = self.ask("GET", "/operating-point?layer=fc2").json()
        self.assertEqual(layer["target_write_error_rate"], 2e-2)
        self.assertEqual(layer["result"]["wrong_bits"], self.by_layer(point)["fc2"]["wrong_bits"])

    def test_null_inherits_again_and_so_does_delete(self):
        self.program({"layers": {"fc1": {"ecc": "secded", "polarity": "odd_rows"},
                                 "fc3": {"cell": "2t2r"}}})
        point = self.program({"polarity": None}, query="?layer=fc1")
        self.assertEqual(self.daemon.point("mnist")["layers"],
                         {"fc1": {"ecc": "secded"}, "fc3": {"cell": "2t2r"}})
        self.assertEqual(point["polarity"], "none")
        self.ask("DELETE", "/operating-point?layer=fc1")
        self.assertEqual(self.daemon.point("mnist")["layers"], {"fc3": {"cell": "2t2r"}})
        point = self.program({"layers": {"fc3": None, "fc2": {"ecc": "bch2"}}})
        self.assertEqual(point["layers"], {"fc2": {"ecc": "bch2"}})
        self.ask("DELETE", "/operating-point")
        point = self.daemon.point("mnist")
        self.assertEqual((point["layers"], point["ecc"], point["mode"]), ({}, "none", "device"))

    def test_layers_may_differ_in_everything(self):
        point = self.program({
            "mode": "uniform", "program_over": "random", "pulse_ns": 10,
            "target_write_error_rate": 1e-2,
            "layers": {"fc1": {"mode": "iid", "bit_error_rate": 0.05},
                       "fc2": {"mode": "device", "ecc": "secded", "temperature_k": 350,
                               "polarity": "seeded"},
                       "fc3": {"cell": "2t2r", "verify_retries": 2}}})
        layers = self.by_layer(point)
        self.assertEqual(layers["fc1"]["conditions"]["mode"], "iid")
        self.assertIsNone(layers["fc1"]["energy_pj"])
        self.assertIsNone(layers["fc1"]["conditions"]["write_voltage_v"])
        self.assert_poisson(layers["fc1"]["wrong_bits"], 784 * 1024 * 0.05)
        self.assertEqual(layers["fc2"]["code"]["words"], 1024 * 16)
        self.assertEqual(layers["fc2"]["cells"], 1024 * 16 * 72)
        # Heat helps to switch: less voltage for the same rate.
        self.assertLess(layers["fc2"]["conditions"]["write_voltage_v"]["p2ap"],
                        layers["fc3"]["conditions"]["write_voltage_v"]["p2ap"])
        self.assertEqual(layers["fc3"]["cells"], 2 * 10240)
        result = point["result"]
        for field in ("weights", "cells", "wrong_bits", "cell_errors", "stuck_cells", "failures",
                      "retries"):
            self.assertEqual(result[field], sum(layer[field] for layer in layers.values()), field)
        for kind, joules in result["energy"].items():
            self.assertAlmostEqual(joules, sum(layer["energy"][kind] for layer in layers.values()
                                               if layer["energy"]), delta=0.01, msg=kind)
        self.assertAlmostEqual(result["energy_pj"], result["energy"]["total_pj"], delta=0.01)
        # A restart brings all of it back.
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()
        self.assertEqual(self.daemon.point("mnist"), point)

    def test_changes_obey_if_match_on_every_route(self):
        for method, path, body in (
                ("PATCH", "/operating-point", {}), ("PATCH", "/operating-point?layer=fc1", {}),
                ("DELETE", "/operating-point", None), ("DELETE", "/operating-point?layer=fc1", None),
                ("POST", "/program", {}), ("POST", "/scrub", {}), ("POST", "/age", {"seconds": 1}),
                ("POST", "/inject", {"share": 0.001}),
                ("PUT", "/device", {"new_array": True, "preset": "default"}),
                ("PUT", "/array", self.ask("GET", "/array").body)):
            with self.subTest(method=method, path=path):
                before = self.ask("GET", "/operating-point")
                tag = before.headers["ETag"]
                self.assertEqual(tag, '"%d"' % before.json()["generation"])
                for stale in ('"0"', 'W/' + tag, '"%d"' % (before.json()["generation"] + 1)):
                    problem = self.ask(method, path, body, {"If-Match": stale}, 412).json()
                    self.assertEqual(problem["code"], "stale_etag")
                self.assertEqual(self.daemon.point("mnist"), before.json())
                after = self.ask(method, path, body, {"If-Match": '"0", ' + tag})
                self.assertEqual(after.json()["generation"], before.json()["generation"] + 1)
                self.assertEqual(after.headers["ETag"], '"%d"' % after.json()["generation"])


class Protection(ArrayTest):
    def test_codes_deliver_what_the_formula_says(self):
        for ecc, n, rate, bunch in (("secded", 72, secded_rate, 4), ("bch2", 78, bch_rate, 6)):
            for mode in ("uniform", "device"):
                for p in (1e-2, 1e-3):
                    with self.subTest(ecc=ecc, mode=mode, p=p):
                        point = self.program(dict(WORST, mode=mode, ecc=ecc,
                                                  target_write_error_rate=p))
                        layers, result = self.by_layer(point), point["result"]
                        self.assert_poisson(result["cell_errors"], result["cells"] * p)
                        self.assert_poisson(result["cell_errors"],
                                            point["predicted"]["cell_errors"])
                        # A word that the code cannot mend brings several wrong bits at once.
                        self.assert_poisson(result["wrong_bits"],
                                            point["predicted"]["wrong_bits"], bunch)
                        # Whole words, so that the code is not shortened.
                        fc2 = layers["fc2"]
                        self.assertEqual(fc2["cells"], 1024 * 16 * n)
                        self.assertAlmostEqual(
                            fc2["predicted"]["wrong_bits"] / (1024 * 1024 * rate(p)), 1, delta=0.02)
                        self.assertLess(result["wrong_bits"], result["cell_errors"])
                        code = result["code"]
                        self.assertGreater(code["corrected"], 0)
                        self.assertLessEqual(code["corrected"] + code["detected"] +
                                             code["miscorrected"], code["words"])
                        words = code["words"]
                        self.assertAlmostEqual(result["energy"]["encode_pj"],
                                               words * (0.15 if ecc == "secded" else 0.30),
                                               delta=0.01)
                        per_image = self.ask("GET", "/energy").json()["per_image_pj"]
                        self.assertAlmostEqual(per_image["decode"],
                                               words * (0.35 if ecc == "secded" else 2.5),
                                               delta=0.01)

    def test_check_bits_cost_and_fail_like_others(self):
        plain = self.program(dict(WORST, target_write_error_rate=1e-2))
        coded = self.program({"ecc": "secded"})
        self.assertEqual(plain["result"]["energy"]["check_pj"], 0)
        fc2 = self.by_layer(coded)["fc2"]
        energy = fc2["energy"]
        share = energy["check_pj"] / (energy["toggle_pj"] + energy["hold_pj"])
        self.assertAlmostEqual(share, 8 / 64, delta=0.01)

    def test_pairs_fail_as_a_coin_decides(self):
        p = 2e-2
        for mode in ("uniform", "device"):
            point = self.program(dict(WORST, mode=mode, cell="2t2r", target_write_error_rate=p))
            result = point["result"]
            self.assertEqual(result["cells"], 2 * WEIGHTS)
            # p1*p2 + (p1*(1-p2) + p2*(1-p1))/2 with p1 = p2 = p is p.
            self.assert_poisson(result["wrong_bits"], WEIGHTS * p)
            self.assert_poisson(result["wrong_bits"], point["predicted"]["wrong_bits"])
            self.assert_poisson(result["equal_pairs"], WEIGHTS * 2 * p * (1 - p))
        # The coin is the pair's: reading again changes nothing.
        before = self.daemon.memory("mnist")["state"]
        self.daemon.post("mnist", "age", {"seconds": 0})
        self.assertEqual(self.daemon.memory("mnist")["state"], before)

    def test_retries_leave_the_weak_cells(self):
        p = 0.05
        uniform = self.program(dict(WORST, mode="uniform", verify_retries=1,
                                    target_write_error_rate=p))
        device = self.program({"mode": "device"})
        for point in (uniform, device):
            result = point["result"]
            self.assert_poisson(result["failures"], WEIGHTS * p)
            self.assertEqual(result["retries"], result["failures"])
            self.assert_poisson(result["wrong_bits"], point["predicted"]["wrong_bits"])
            self.assertGreater(result["energy"]["verify_pj"], 0)
        self.assert_poisson(uniform["result"]["wrong_bits"], WEIGHTS * p * p)
        # E[WER^2] is above E[WER]^2.
        self.assertGreater(device["result"]["wrong_bits"],
                           WEIGHTS * p * p + 10 * math.sqrt(WEIGHTS * p * p))
        # A verify read of each cell, and one more for those that were written again; 5.899 to
        # 6.890 fJ each.
        reads = WEIGHTS + device["result"]["retries"]
        verify = device["result"]["energy"]["verify_pj"]
        self.assertGreater(verify, reads * 5.89e-3)
        self.assertLess(verify, reads * 6.90e-3)
        more = self.program({"verify_retries": 3})["result"]
        self.assertLess(more["wrong_bits"], device["result"]["wrong_bits"])
        self.assertEqual(self.program({"verify_retries": 0})["result"]["energy"]["verify_pj"], 0)

    def test_what_is_written_over_right_cells_fails_nowhere_whatever_protects_it(self):
        for body in ({"ecc": "secded"}, {"ecc": "bch2", "cell": "2t2r", "polarity": "seeded"}):
            self.program(dict(body, mode="device", target_write_error_rate=1e-9))
            point = self.daemon.post("mnist", "program", {})
            self.assertEqual(sum(point["result"]["toggles"].values()), 0)
            self.assertEqual(point["result"]["cell_errors"], 0)


class Directions(ArrayTest):
    def test_each_direction_has_its_own_rate_in_iid(self):
        # All bits of one kind wrong: how many there are of it.
        minus = self.program({"mode": "iid", "bit_error_rate": {"to_p": 1, "to_ap": 0}}
                             )["result"]["wrong"]
        self.assertEqual(minus["plus_to_minus"], 0)
        n_minus = minus["minus_to_plus"]
        n_plus = self.program({"bit_error_rate": {"to_p": 0, "to_ap": 1}}
                              )["result"]["wrong"]["plus_to_minus"]
        self.assertEqual(n_minus + n_plus, WEIGHTS)
        for to_p, to_ap in ((0.1, 0), (0, 0.1), (0.02, 0.3)):
            point = self.program({"bit_error_rate": {"to_p": to_p, "to_ap": to_ap}})
            wrong = point["result"]["wrong"]
            self.assertLessEqual(abs(wrong["minus_to_plus"] - n_minus * to_p),
                                 binomial_bound(n_minus, to_p))
            self.assertLessEqual(abs(wrong["plus_to_minus"] - n_plus * to_ap),
                                 binomial_bound(n_plus, to_ap))
            self.assertAlmostEqual(point["predicted"]["wrong_bits"],
                                   n_minus * to_p + n_plus * to_ap, delta=1)
            self.assertEqual(point["bit_error_rate"], {"to_p": to_p, "to_ap": to_ap})
        # One of them: the other stays. Both the same: a number.
        point = self.program({"bit_error_rate": {"to_p": 0.3}})
        self.assertEqual(point["bit_error_rate"], 0.3)

    def test_polarity_spreads_a_direction_over_both_signs(self):
        body = {"mode": "iid", "bit_error_rate": {"to_p": 0.2, "to_ap": 0}}
        for polarity in ("odd_columns", "odd_rows", "seeded"):
            point = self.program(dict(body, polarity=polarity))
            wrong = point["result"]["wrong"]
            self.assert_poisson(point["result"]["wrong_bits"], point["predicted"]["wrong_bits"])
            for sign in wrong.values():
                # Half of the cells of a sign hold it as AP.
                self.assertAlmostEqual(sign / (WEIGHTS * 0.05), 1, delta=0.1, msg=polarity)
            # Cells fail in the one direction all the same.
            self.assertEqual(point["result"]["errors"]["ap2p"], 0)
        self.assertEqual(self.program(PERFECT)["result"]["wrong_bits"], 0)

    def test_weights_are_delivered_right_whatever_the_polarity(self):
        seven = bytes(784)
        want = self.daemon.ask("POST", MODEL + "/classify?top=10", seven).json()["results"]
        for polarity in ("odd_columns", "odd_rows", "seeded"):
            self.program({"mode": "device", "polarity": polarity})
            answer = self.daemon.ask("POST", MODEL + "/classify?top=10", seven).json()
            self.assertEqual(answer["memory"]["wrong_bits"], 0)
            self.assertEqual(answer["results"], want)


class Memory(ArrayTest):
    def test_the_map_of_the_memory_adds_up(self):
        self.program(dict(WORST, target_write_error_rate=1e-2, ecc="secded", cell="2t2r",
                          layers={"fc3": {"ecc": "none", "cell": "1t1r"}}))
        memory = self.daemon.memory("mnist", "?weakest=5")
        first = 0
        for layer in memory["layers"]:
            self.assertEqual((layer["rows"], layer["columns"]), LAYERS[layer["name"]])
            self.assertEqual(layer["first_tile"], first)
            first += layer["tiles"]
            self.assertEqual(len(layer["tile_wrong_cells"]), layer["tiles"])
            self.assertEqual(sum(layer["tile_wrong_cells"]), layer["cell_errors"])
            self.assertEqual(layer["sections"],
                             ["data"] if layer["name"] == "fc3" else
                             ["data", "check", "data_partner", "check_partner"])
            for histogram in layer["histograms"]:
                self.assertEqual(sum(histogram["cells"]), layer["weights"])
            self.assertEqual(len(layer["weakest"]), 5)
            rates = [max(cell["write_error_rate"].values()) for cell in layer["weakest"]]
            self.assertEqual(rates, sorted(rates, reverse=True))
            self.assertGreater(rates[0], 2e-2)
        self.assertEqual(memory["geometry"]["tiles"], first)
        for field in ("cells", "weights", "wrong_bits", "cell_errors"):
            self.assertEqual(memory["state"][field],
                             sum(layer[field] for layer in memory["layers"]))
        self.assertEqual(self.daemon.memory("mnist", "?weakest=0")["layers"][0]["weakest"], [])

    def test_weak_cells_are_named_and_fail_as_often_as_they_say(self):
        self.program(dict(WORST, target_write_error_rate=1e-2))
        weakest = self.daemon.memory("mnist", "?weakest=1000")["layers"][1]["weakest"]
        names = {(cell["row"], cell["column"]): cell["write_error_rate"] for cell in weakest}
        failed, expected = 0, 0.0
        for _ in range(8):
            generation = self.daemon.post("mnist", "program", {})["generation"]
            diff = self.ask("GET", "/array/diff?a=%d&b=%d&list=10000" %
                            (generation, generation)).json()
            bits = diff["layers"][1]["bits"]
            self.assertGreater(len(bits), 9000)
            self.assertLess(len(bits), 10000 + 1)
            last = (bits[-1]["row"], bits[-1]["column"])
            failed += sum((bit["row"], bit["column"]) in names for bit in bits)
            # The direction differs by cell: somewhere between both rates.
            expected += sum(sum(rate.values()) / 2 for place, rate in names.items()
                            if place <= last)
        self.assertAlmostEqual(failed / expected, 1, delta=0.2)

    def test_a_tile_draws_the_cells_as_they_are(self):
        self.program(dict(WORST, target_write_error_rate=3e-2, ecc="bch2", cell="2t2r",
                          layers={"fc3": {"ecc": "none", "cell": "1t1r"}}))
        memory = self.daemon.memory("mnist")
        for layer in memory["layers"]:
            for k in (0, layer["tiles"] - 1):
                bright = 0
                for section in layer["sections"]:
                    path = "/memory/tiles/%d" % (layer["first_tile"] + k)
                    answer = self.ask("GET", "%s.png?section=%s" % (path, section))
                    self.assertEqual(answer.headers["Content-Type"], "image/png")
                    width, height, pixels = png_pixels(answer.body)
                    self.assertEqual((width, height),
                                     (256, 256 if section.startswith("data") else 64))
                    self.assertLessEqual(set(pixels), {0, 16, 48, 200, 255})
                    bright += pixels.count(255) + pixels.count(200)
                    pgm = self.ask("GET", "%s.pgm?section=%s" % (path, section)).body
                    self.assertEqual(pgm, b"P5\n%d %d\n255\n" % (width, height) + pixels)
                self.assertEqual(bright, layer["tile_wrong_cells"][k], (layer["name"], k))
        # The first word line: the first 256 weights of row 0.
        self.program(PERFECT)
        self.daemon.post("mnist", "inject", {"bits": [
            {"layer": "fc1", "row": 0, "column": 0}, {"layer": "fc1", "row": 0, "column": 255}]})
        _, _, pixels = png_pixels(self.ask("GET", "/memory/tiles/0.png").body)
        self.assertEqual([i for i, p in enumerate(pixels) if p == 255], [0, 255])

    def test_unknown_places_are_4xx(self):
        tiles = self.daemon.memory("mnist")["geometry"]["tiles"]
        for path, status, code in (
                ("/memory/tiles/%d.png" % tiles, 404, "unknown_tile"),
                ("/memory/tiles/-1.png", 404, "unknown_tile"),
                ("/memory/tiles/0.gif", 404, "unknown_tile"),
                ("/memory/tiles/0", 404, "unknown_tile"),
                ("/memory/tiles/99999999999999999999.png", 404, "unknown_tile"),
                ("/memory/tiles/0.png?section=check", 404, "unknown_section"),
                ("/memory/tiles/0.png?section=data_partner", 404, "unknown_section"),
                ("/memory/tiles/0.png?section=", 422, "invalid_query"),
                ("/memory/tiles/0.png?section=checks", 422, "invalid_query"),
                ("/memory?weakest=1001", 422, "invalid_query"),
                ("/memory?weakest=-1", 422, "invalid_query"),
                ("/memory?weakest=x", 422, "invalid_query"),
                ("/operating-point?layer=fc9", 404, "unknown_layer"),
                ("/operating-point?layer=", 404, "unknown_layer"),
                ("/array/diff", 422, "invalid_query"),
                ("/array/diff?a=1", 422, "invalid_query"),
                ("/array/diff?a=1&b=x", 422, "invalid_query"),
                ("/array/diff?a=999999&b=1", 404, "generation_not_kept")):
            with self.subTest(path=path):
                self.assertEqual(self.ask("GET", path, status=status).json()["code"], code)
        for method in ("PATCH", "DELETE"):
            self.ask(method, "/operating-point?layer=fc9", {}, status=404)
        for path in ("operating-point", "memory", "memory/tiles/0.png", "array",
                     "array/diff?a=1&b=1", "device", "energy"):
            answer = self.daemon.get("/api/v1/models/nobody/" + path)
            self.assertEqual((answer.status, answer.json()["code"]), (404, "unknown_model"))


class Bodies(ArrayTest):
    def test_violations_name_the_member(self):
        before = self.daemon.point("mnist")
        table = [
            ("PATCH", "/operating-point", {"ecc": "hamming"}, "/ecc"),
            ("PATCH", "/operating-point", {"ecc": 1}, "/ecc"),
            ("PATCH", "/operating-point", {"cell": "3t"}, "/cell"),
            ("PATCH", "/operating-point", {"polarity": "odd"}, "/polarity"),
            ("PATCH", "/operating-point", {"verify_retries": 8}, "/verify_retries"),
            ("PATCH", "/operating-point", {"verify_retries": 1.5}, "/verify_retries"),
            ("PATCH", "/operating-point", {"verify_retries": -1}, "/verify_retries"),
            ("PATCH", "/operating-point", {"read_disturb": "yes"}, "/read_disturb"),
            ("PATCH", "/operating-point", {"layers": []}, "/layers"),
            ("PATCH", "/operating-point", {"layers": {"fc9": {}}}, "/layers/fc9"),
            ("PATCH", "/operating-point", {"layers": {"fc1": 3}}, "/layers/fc1"),
            ("PATCH", "/operating-point", {"layers": {"fc1": {"seed": 3}}}, "/layers/fc1/seed"),
            ("PATCH", "/operating-point", {"layers": {"fc1": {"ecc": "x"}}}, "/layers/fc1/ecc"),
            ("PATCH", "/operating-point", {"layers": {"fc1": {"pulse_ns": 0}}},
             "/layers/fc1/pulse_ns"),
            ("PATCH", "/operating-point", {"mode": "iid", "bit_error_rate": {"to_p": 2}},
             "/bit_error_rate/to_p"),
            ("PATCH", "/operating-point", {"mode": "iid", "bit_error_rate": {"to_x": 0}},
             "/bit_error_rate/to_x"),
            ("PATCH", "/operating-point", {"mode": "iid", "bit_error_rate": "x"},
             "/bit_error_rate"),
            ("PATCH", "/operating-point", {"mode": "iid", "verify_retries": 1}, "/verify_retries"),
            ("PATCH", "/operating-point?layer=fc1", {"seed": 1}, "/seed"),
            ("PATCH", "/operating-point?layer=fc1", {"read_disturb": True}, "/read_disturb"),
            ("PATCH", "/operating-point?layer=fc1", {"layers": {}}, "/layers"),
            ("POST", "/age", {}, "/seconds"),
            ("POST", "/age", {"seconds": -1}, "/seconds"),
            ("POST", "/age", {"seconds": 2e12}, "/seconds"),
            ("POST", "/age", {"seconds": "1"}, "/seconds"),
            ("POST", "/age", {"seconds": 1, "temperature_k": 10}, "/temperature_k"),
            ("POST", "/age", {"seconds": 1, "second": 1}, "/second"),
            ("POST", "/scrub", {"x": 1}, "/x"),
            ("POST", "/program", {"seed": 1}, "/seed"),
            ("POST", "/inject", {}, ""),
            ("POST", "/inject", {"bits": []}, "/bits"),
            ("POST", "/inject", {"bits": {}}, "/bits"),
            ("POST", "/inject", {"bits": [7]}, "/bits/0"),
            ("POST", "/inject", {"bits": [{"layer": "fc1", "row": 0}]}, "/bits/0/column"),
            ("POST", "/inject", {"bits": [{"layer": "fc9", "row": 0, "column": 0}]},
             "/bits/0/layer"),
            ("POST", "/inject", {"bits": [{"layer": "fc1", "row": 1024, "column": 0}]},
             "/bits/0/row"),
            ("POST", "/inject", {"bits": [{"layer": "fc1", "row": 0, "column": 784}]},
             "/bits/0/column"),
            ("POST", "/inject", {"bits": [{"layer": "fc1", "row": -1, "column": 0.5}]},
             "/bits/0/column"),
            ("POST", "/inject", {"share": 1.5}, "/share"),
            ("POST", "/inject", {"share": 0.1, "seed": -1}, "/seed"),
            ("POST", "/inject", {"seed": 1, "bits": [{"layer": "fc1", "row": 0, "column": 0}]},
             "/seed"),
            ("POST", "/inject", {"share": 0.1, "sead": 1}, "/sead"),
        ]
        for method, path, body, pointer in table:
            with self.subTest(path=path, body=body):
                problem = self.ask(method, path, body, status=422).json()
                self.assertIn(pointer, [error["pointer"] for error in problem["errors"]])
                self.assertEqual(problem["status"], 422)
        for method, path in (("PATCH", "/operating-point"), ("POST", "/age"), ("POST", "/scrub"),
                             ("POST", "/program"), ("POST", "/inject"), ("PUT", "/device")):
            for body in (b"{", b"[]", b"null", b"7", b'{"a":1,"a":2}', b"\xff", b'{"seconds":1}x',
                         b"[" * 3000, b'{"seconds":1e999}'):
                with self.subTest(path=path, body=body[:20]):
                    answer = self.daemon.ask(method, MODEL + path, body,
                                             {"Content-Type": "application/json"})
                    self.assertIn(answer.status, (400, 422), answer.body)
                    self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        self.ask("POST", "/age", b" " * 5000, status=413)
        self.assertEqual(self.daemon.point("mnist"), before)

    def test_what_no_voltage_reaches_names_the_layer(self):
        before = self.daemon.point("mnist")
        problem = self.program({"layers": {"fc2": {"target_write_error_rate": 1e-12,
                                                   "pulse_ns": 0.5, "temperature_k": 200}}}, 422)
        self.assertEqual(problem["code"], "unreachable")
        self.assertEqual(problem["errors"][0]["pointer"], "/layers/fc2/target_write_error_rate")
        self.assertEqual(self.daemon.point("mnist"), before)


class Diff(ArrayTest):
    def overlap(self, body):
        """Weights that fail in two programmings, and how many would if by chance."""
        a = self.program(body)
        b = self.daemon.post("mnist", "program", {})
        diff = self.ask("GET", "/array/diff?a=%d&b=%d" % (a["generation"], b["generation"])).json()
        self.assertEqual(diff["wrong_a"], a["result"]["wrong_bits"])
        self.assertEqual(diff["wrong_b"], b["result"]["wrong_bits"])
        self.assertEqual(diff["only_a"], diff["wrong_a"] - diff["both"])
        self.assertEqual(diff["only_b"], diff["wrong_b"] - diff["both"])
        for field in ("wrong_a", "wrong_b", "both", "only_a", "only_b"):
            self.assertEqual(diff[field], sum(layer[field] for layer in diff["layers"]))
        chance = sum(layer["wrong_a"] * layer["wrong_b"] /
                     (LAYERS[layer["name"]][0] * LAYERS[layer["name"]][1])
                     for layer in diff["layers"])
        self.assertAlmostEqual(diff["expected_both_if_independent"] / chance, 1, delta=0.01)
        return diff["both"], chance

    def test_weak_cells_fail_again(self):
        both, chance = self.overlap(dict(WORST, mode="uniform", target_write_error_rate=0.02))
        self.assert_poisson(both, chance)
        both, chance = self.overlap(dict(WORST, mode="device", target_write_error_rate=0.02))
        self.assertGreater(both, chance * 1.2)
        self.assertGreater(both, chance + 5 * math.sqrt(chance))
        # Retries mend the others, so that those left are the weak ones.
        both, chance = self.overlap(dict(WORST, mode="device", target_write_error_rate=0.1,
                                         verify_retries=1))
        self.assertGreater(both, chance * 1.4)
        self.assertGreater(both, chance + 5 * math.sqrt(chance))
        # Far above where devices differ more.
        self.ask("PUT", "/device", {"new_array": True, "parameters": {
            "sigma_ln_diameter": 0.08, "sigma_ln_anisotropy": 0.08}})
        both, chance = self.overlap(dict(WORST, mode="device", target_write_error_rate=0.02))
        self.assertGreater(both, chance * 4)
        both, chance = self.overlap(dict(WORST, mode="uniform", target_write_error_rate=0.02))
        self.assert_poisson(both, chance)
        self.ask("PUT", "/device", {"new_array": True, "preset": "default"})

    def test_sixteen_generations_are_kept(self):
        last = self.program(dict(PERFECT, bit_error_rate=1e-4))["generation"]
        for _ in range(16):
            last = self.daemon.post("mnist", "program", {})["generation"]
        self.ask("GET", "/array/diff?a=%d&b=%d" % (last, last - 15))
        problem = self.ask("GET", "/array/diff?a=%d&b=%d" % (last, last - 16), status=404).json()
        self.assertEqual(problem["code"], "generation_not_kept")


class Transfer(ArrayTest):
    def aged(self):
        """An array that has seen something of everything."""
        self.program(dict(WORST, target_write_error_rate=1e-2, seed=11, polarity="seeded",
                          layers={"fc1": {"ecc": "secded"}, "fc3": {"cell": "2t2r"}}))
        self.daemon.post("mnist", "age", {"seconds": 1e6, "temperature_k": 370})
        return self.daemon.post("mnist", "inject", {"share": 1e-3, "seed": 5})

    def scores(self, daemon):
        pixels = bytes((x * 31 + 7) % 256 for x in range(784))
        return daemon.ask("POST", MODEL + "/classify?top=10", pixels).json()["results"]

    def test_an_array_comes_back_from_its_export_over_a_restart(self):
        aged = self.aged()
        export = self.ask("GET", "/array")
        self.assertEqual(export.headers["Content-Type"], "application/octet-stream")
        self.assertEqual(export.headers["ETag"], '"%d"' % aged["generation"])
        self.assertIn("mnist-%d.array" % aged["generation"],
                      export.headers["Content-Disposition"])
        scores, state = self.scores(self.daemon), self.daemon.memory("mnist")["state"]
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()
        self.assertEqual(self.daemon.memory("mnist")["state"], state)
        self.program({"mode": "iid", "bit_error_rate": 0.3, "seed": 12, "layers": {"fc1": None}})
        back = self.ask("PUT", "/array", export.body).json()
        self.assertEqual((back["cause"], back["generation"]), ("import", aged["generation"] + 2))
        self.assertEqual((back["seed"], back["layers"]),
                         (11, {"fc1": {"ecc": "secded"}, "fc3": {"cell": "2t2r"}}))
        self.assertEqual(back["age_s"], 1e6)
        self.assertEqual(self.daemon.memory("mnist")["state"], state)
        self.assertEqual(self.scores(self.daemon), scores)
        diff = self.ask("GET", "/array/diff?a=%d&b=%d" %
                        (aged["generation"], back["generation"])).json()
        self.assertEqual((diff["only_a"], diff["only_b"]), (0, 0))
        self.assertEqual(diff["both"], state["wrong_bits"])
        # And elsewhere: another state folder, where the cells then fare alike.
        with Daemon() as other:
            answer = other.ask("PUT", MODEL + "/array", export.body)
            self.assertEqual(answer.status, 200, answer.body)
            self.assertEqual(answer.json()["generation"], 2)
            self.assertEqual(other.memory("mnist")["state"], state)
            self.assertEqual(self.scores(other), scores)
            self.assertEqual(other.memory("mnist")["layers"][1]["weakest"],
                             self.daemon.memory("mnist")["layers"][1]["weakest"])
            self.assertEqual(other.stop(), 0)
            other.start()
            self.assertEqual(other.memory("mnist")["state"], state)

    def test_images_that_are_not_whole_are_refused_and_nothing_is_lost(self):
        self.aged()
        good = self.ask("GET", "/array").body
        before = self.daemon.point("mnist"), self.daemon.memory("mnist"), self.scores(self.daemon)
        flipped = bytearray(good)
        bad = [b"", b"x", good[:4], good[:100], good[:len(good) // 2], good[:-1], good + b"\0",
               bytes(len(good))]
        for k in range(60):
            at = (k * k * 7919) % len(good) if k > 20 else k * 4
            flipped[at] ^= 1 << k % 8
            bad.append(bytes(flipped))
            flipped[at] ^= 1 << k % 8
        with Load(self.daemon, n_threads=1) as load:
            for body in bad:
                answer = self.daemon.ask("PUT", MODEL + "/array", body)
                self.assertIn(answer.status, (409, 422), answer.body[:200])
                self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
            # Of another network.
            other = self.daemon.get("/api/v1/models/fashion/array").body
            answer = self.daemon.ask("PUT", MODEL + "/array", other)
            self.assertEqual((answer.status, answer.json()["code"]), (409, "other_model"))
        self.assertEqual(load.failures, [])
        after = self.daemon.point("mnist"), self.daemon.memory("mnist"), self.scores(self.daemon)
        self.assertEqual(after[0], before[0])
        self.assertEqual(after[1]["state"], before[1]["state"])
        self.assertEqual(after[2], before[2])
        self.assertEqual(self.ask("GET", "/array").body, good)


if __name__ == "__main__":
    unittest.main()
