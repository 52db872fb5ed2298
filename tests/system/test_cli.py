# SPDX-License-Identifier: Apache-2.0
"""The command line against a running daemon."""
import json
import lzma
import math
import os
import re
import subprocess
import tempfile
import unittest

from small_nets import SmallNet, logits_of
from spinbnn_system import (CIFAR10, Daemon, FASHION, PATIENCE, SOURCE, SPINBNN, jpeg,
                            needs_fashion, png)

SEVEN = os.path.join(SOURCE, "models", "examples", "seven.png")


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__()

    def run_cli(self, *args, code=0, url=None):
        done = subprocess.run([SPINBNN, *args], capture_output=True, text=True,
                              timeout=120 * PATIENCE,
                              env=dict(os.environ, SPINBNN_URL=url or self.daemon.url))
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def json(self, *args):
        return json.loads(self.run_cli("--json", *args).stdout)

    def test_classify_names_the_digit(self):
        out = self.run_cli("classify", "-m", "mnist", SEVEN).stdout
        self.assertRegex(out, r"\b7\b")
        done = self.run_cli("classify", "-m", "mnist", SEVEN, "/nonexistent", code=1)
        self.assertRegex(done.stdout, r"\b7\b")
        self.assertIn("/nonexistent", done.stderr)

    def test_several_models_and_none_named_lists_them(self):
        done = self.run_cli("classify", SEVEN, code=64)
        self.assertIn("mnist", done.stderr)
        self.assertIn("fashion", done.stderr)

    def test_operating_point_round_trip(self):
        self.run_cli("operating-point", "set", "-m", "mnist", "--mode", "uniform", "--target",
                     "1e-2", "--pulse-ns", "10", "--over", "random")
        point = self.daemon.point("mnist")
        self.assertEqual((point["mode"], point["target_write_error_rate"], point["pulse_ns"]),
                         ("uniform", 0.01, 10))
        out = self.run_cli("operating-point", "get", "-m", "mnist").stdout
        self.assertIn("0.5008", out)
        self.assertIn("fc2", out)
        done = self.run_cli("operating-point", "set", "-m", "mnist", "--pulse-ns", "0", code=1)
        self.assertIn("pulse_ns", done.stderr)
        done = self.run_cli("operating-point", "set", "-m", "mnist", "--if-match", "999999",
                            "--target", "1e-3", code=1)
        self.assertIn("999999", done.stderr)

    def set(self, *args):
        return self.json("operating-point", "set", "-m", "mnist", *args)

    def reset(self):
        return self.json("operating-point", "reset", "-m", "mnist")

    def test_a_layer_has_conditions_of_its_own_until_it_is_reset(self):
        self.reset()
        self.set("--target", "1e-2", "--pulse-ns", "10", "--over", "random")
        out = self.run_cli("operating-point", "set", "-m", "mnist", "--layer", "fc3", "--ecc",
                           "secded", "--target", "1e-6").stdout
        self.assertIn("layer fc3", out)
        self.assertIn("MISCORRECTED", out)
        point = self.daemon.point("mnist")
        self.assertEqual(point["ecc"], "none")
        self.assertEqual(point["layers"],
                         {"fc3": {"ecc": "secded", "target_write_error_rate": 1e-6}})
        out = self.run_cli("operating-point", "get", "-m", "mnist").stdout
        self.assertRegex(out, r"\n  fc3 \* ")
        self.assertRegex(out, r"\n  fc3 +target 1\.00e-06; code secded\n")
        layer = self.json("operating-point", "get", "-m", "mnist", "--layer", "fc3")
        self.assertEqual((layer["layer"], layer["ecc"], layer["pulse_ns"]),
                         ("fc3", "secded", 10))
        self.run_cli("operating-point", "reset", "-m", "mnist", "--layer", "fc3")
        point = self.daemon.point("mnist")
        self.assertEqual((point["layers"], point["target_write_error_rate"]), ({}, 1e-2))
        self.assertEqual(self.reset()["target_write_error_rate"], 1e-9)
        done = self.run_cli("operating-point", "get", "-m", "mnist", "--layer", "fc9", code=1)
        self.assertIn("fc", done.stderr)

    def test_every_condition_reaches_the_daemon(self):
        self.reset()
        point = self.set("--ecc", "bch2", "--cell", "2t2r", "--verify-retries", "2",
                         "--polarity", "odd_columns", "--read-disturb", "on")
        self.assertEqual((point["ecc"], point["cell"], point["verify_retries"],
                          point["polarity"], point["read_disturb"]),
                         ("bch2", "2t2r", 2, "odd_columns", True))
        self.assertGreater(point["result"]["energy"]["check_pj"], 0)
        self.assertGreater(point["result"]["energy"]["verify_pj"], 0)
        out = self.run_cli("operating-point", "get", "-m", "mnist").stdout
        self.assertIn("check cells", out)
        self.assertIn("verifying", out)
        point = self.set("--default", "ecc", "--default", "read-disturb")
        self.assertEqual((point["ecc"], point["cell"], point["read_disturb"]),
                         ("none", "2t2r", False))
        self.reset()
        point = self.set("--mode", "iid", "--ber-to-p", "1e-2", "--ber-to-ap", "0")
        self.assertEqual(point["bit_error_rate"], {"to_p": 1e-2, "to_ap": 0})
        self.assertGreater(point["result"]["errors"]["p2ap"], 0)
        self.assertEqual(point["result"]["errors"]["ap2p"], 0)
        self.reset()

    def test_program_writes_again_with_new_luck(self):
        self.reset()
        before = self.set("--target", "1e-2", "--pulse-ns", "10", "--over", "random")
        after = self.json("program", "-m", "mnist")
        self.assertEqual(after["generation"], before["generation"] + 1)
        self.assertEqual(after["predicted"]["write_error_rate"],
                         before["predicted"]["write_error_rate"])
        self.assertNotEqual(after["result"]["errors"], before["result"]["errors"])
        self.assertIn("generation %d" % (after["generation"] + 1),
                      self.run_cli("program", "-m", "mnist").stdout)

    def test_age_and_scrub(self):
        self.reset()
        self.set("--ecc", "secded", "--seed", "1")
        aged = self.json("age", "-m", "mnist", "--days", "1", "--temperature-k", "360")
        flipped = sum(aged["flipped"].values())
        self.assertEqual((aged["seconds"], aged["temperature_k"]), (86400, 360))
        self.assertGreater(flipped, 0)
        scrubbed = self.json("scrub", "-m", "mnist")
        self.assertEqual(scrubbed["before"]["cell_errors"], aged["result"]["cell_errors"])
        self.assertGreater(scrubbed["restored_cells"], 0)
        self.assertLess(scrubbed["result"]["cell_errors"], aged["result"]["cell_errors"])
        out = self.run_cli("age", "-m", "mnist", "--years", "10", "--celsius", "85").stdout
        self.assertIn("10.0 years at 358.1 K", out)
        self.assertIn("EXPECTED", out)
        self.assertIn("restored", self.run_cli("scrub", "-m", "mnist").stdout)
        self.run_cli("age", "-m", "mnist", code=64)
        self.run_cli("age", "-m", "mnist", "--days", "1", "--years", "1", code=64)
        self.set("--mode", "iid", "--bit-error-rate", "0")
        done = self.run_cli("age", "-m", "mnist", "--days", "1", code=1)
        self.assertIn("iid", done.stderr)
        self.reset()

    def test_inject_flips_what_is_named(self):
        self.reset()
        before = self.daemon.point("mnist")["result"]["cell_errors"]
        out = self.json("inject", "-m", "mnist", "--bit", "fc3:0:12", "--bit", "fc3:1:12")
        self.assertEqual((out["flipped"], out["stuck"]), (2, 0))
        self.assertEqual(out["result"]["cell_errors"], before + 2)
        text = self.run_cli("inject", "-m", "mnist", "--share", "1e-3", "--seed", "7").stdout
        self.assertRegex(text, r"flipped +1,[789]\d\d cells|flipped +2,0\d\d cells")
        self.run_cli("inject", "-m", "mnist", code=64)
        self.run_cli("inject", "-m", "mnist", "--bit", "fc3:0", code=64)
        done = self.run_cli("inject", "-m", "mnist", "--bit", "fc3:10:0", code=1)
        self.assertIn("row", done.stderr)
        self.reset()

    def test_memory_is_shown_and_drawn(self):
        self.reset()
        self.set("--target", "1e-2", "--pulse-ns", "10", "--over", "random", "--ecc", "secded")
        out = self.run_cli("memory", "-m", "mnist", "--weakest", "3").stdout
        for word in ("fc1", "tiles of 256 x 256", "P to AP, cells by write error rate", "##",
                     "WEAKEST CELLS"):
            self.assertIn(word, out)
        memory = self.json("memory", "-m", "mnist", "--weakest", "3")
        self.assertEqual([len(layer["weakest"]) for layer in memory["layers"]], [3, 3, 3])
        with tempfile.TemporaryDirectory() as folder:
            for name, magic, more in (("t.png", b"\x89PNG", ()), ("t.pgm", b"P5", ()),
                                      ("c.png", b"\x89PNG", ("--section", "check"))):
                path = os.path.join(folder, name)
                self.run_cli("memory", "-m", "mnist", "--tile", "0", "--output", path, *more)
                with open(path, "rb") as f:
                    self.assertEqual(f.read(len(magic)), magic)
            path = os.path.join(folder, "none.png")
            self.run_cli("memory", "-m", "mnist", "--tile", "999999", "-o", path, code=1)
            self.assertFalse(os.path.exists(path))
        self.run_cli("memory", "-m", "mnist", "--tile", "0", code=64)

    def test_an_array_goes_to_a_file_and_comes_back(self):
        self.reset()
        was = self.set("--target", "1e-2", "--pulse-ns", "10", "--over", "random")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "mnist.array")
            told = self.json("array", "export", "-m", "mnist", "-o", path)
            self.assertEqual(told, {"file": path, "bytes": os.path.getsize(path)})
            self.set("--target", "1e-9", "--over", "complement")
            back = self.json("array", "import", "-m", "mnist", path)
            self.assertEqual((back["cause"], back["target_write_error_rate"]),
                             ("import", 1e-2))
            self.assertEqual(back["result"]["errors"], was["result"]["errors"])
            self.run_cli("array", "import", "-m", "fashion", path, code=1)
            with open(path, "r+b") as f:
                f.seek(os.path.getsize(path) // 2)
                f.write(b"\0\1\2\3\4\5\6\7")
            self.run_cli("array", "import", "-m", "mnist", path, code=1)
        self.run_cli("array", "export", "-m", "mnist", code=64)
        self.run_cli("array", "exprot", "-m", "mnist", code=64)
        self.reset()

    def test_weak_cells_fail_in_two_generations(self):
        self.reset()
        a = self.set("--target", "5e-2", "--pulse-ns", "10", "--over", "complement")
        b = self.json("program", "-m", "mnist")
        names = (str(a["generation"]), str(b["generation"]))
        diff = self.json("array", "diff", "-m", "mnist", *names, "--list", "5")
        self.assertEqual(diff["wrong_a"], a["result"]["wrong_bits"])
        self.assertEqual(diff["both"] + diff["only_b"], b["result"]["wrong_bits"])
        chance = diff["expected_both_if_independent"]
        self.assertGreater(diff["both"], chance + 5 * math.sqrt(chance))
        out = self.run_cli("array", "diff", "-m", "mnist", *names, "--list", "5").stdout
        self.assertIn("the same cells fail again", out)
        self.assertRegex(out, r"\n  fc1:\d+:\d+\n")
        done = self.run_cli("array", "diff", "-m", "mnist", "999998", "999999", code=1)
        self.assertIn("generation", done.stderr)
        self.run_cli("array", "diff", "-m", "mnist", "1", code=64)
        self.reset()

    def test_a_new_device_is_a_new_array(self):
        self.reset()
        self.set("--target", "1e-2")  # which the table below can reach, too
        out = self.run_cli("device", "presets").stdout
        for word in ("default", "retention", "diameter_nm"):
            self.assertIn(word, out)
        done = self.run_cli("device", "set", "-m", "mnist", "--preset", "retention", code=1)
        self.assertIn("new", done.stderr)
        self.assertEqual(self.json("device", "-m", "mnist")["device"], "default")
        self.run_cli("device", "set", "-m", "mnist", "--new-array", "--preset", "retention",
                     "--set", "diameter_nm=42", "--name", "mine", "--stuck-p", "1e-3")
        device = self.json("device", "-m", "mnist")
        self.assertEqual((device["device"], device["parameters"]["diameter_nm"],
                          device["defects"]["stuck_p"]), ("mine", 42, 1e-3))
        self.assertIn("kT", self.run_cli("device", "show", "-m", "mnist").stdout)
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
            f.write("direction,error_rate\nboth,1e-3\n")
            f.flush()
            self.run_cli("device", "set", "-m", "mnist", "--new-array", "--table", f.name)
        self.assertIn("measured table", self.run_cli("device", "-m", "mnist").stdout)
        self.run_cli("device", "set", "-m", "mnist", "--new-array", "--set", "tmr", code=64)
        self.run_cli("device", "set", "-m", "mnist", "--new-array", "--set", "tmrr=1", code=1)
        self.run_cli("device", "set", "-m", "mnist", "--new-array", "--preset", "default")
        self.reset()

    def test_solve_names_both_ends_of_the_comparison(self):
        out = " ".join(self.run_cli("solve", "--target", "1e-3").stdout.split())
        self.assertIn("Strong writes at 1.00e-06 with SECDED", out)
        self.assertIn("weak writes at 1.00e-03 without a code", out)
        self.assertIn("Where both deliver 1.00e-03", out)
        at_10 = self.json("solve", "--target", "1e-3", "--pulse-ns", "10")
        self.assertAlmostEqual(at_10["write_voltage_v"]["p2ap"], 0.5696, delta=1.5e-4)
        self.assertEqual(at_10["pulse_ns"], 10)
        self.assertEqual(self.json("solve", "--target", "1e-3", "--device", "scaled")["device"],
                         "scaled")
        self.assertEqual(self.json("solve", "--target", "1e-3", "-m", "fashion")["device"],
                         "default")
        self.run_cli("solve", code=64)
        self.run_cli("solve", "--target", "1e-3", "-m", "fashion", "--device", "scaled", code=64)
        done = self.run_cli("solve", "--target", "2", code=1)
        self.assertIn("target_error_rate", done.stderr)

    def test_energy_is_shown_by_layer(self):
        self.run_cli("classify", "-m", "mnist", SEVEN)
        ledger = self.json("energy", "-m", "mnist")
        self.assertGreater(ledger["joules"]["read"], 0)
        for layer in ledger["layers"]:
            self.assertAlmostEqual(sum(v for k, v in layer["joules"].items() if k != "total") /
                                   layer["joules"]["total"], 1, places=6)
        out = self.run_cli("energy", "-m", "mnist").stdout
        for word in ("fc1", "TOGGLE", "COMPUTE", "a picture"):
            self.assertIn(word, out)

    @needs_fashion
    def test_evaluate_counts_what_the_daemon_counts(self):
        self.run_cli("operating-point", "set", "-m", "fashion", "--mode", "iid",
                     "--bit-error-rate", "0")
        out = self.json("evaluate", "-m", "fashion", "-d", FASHION, "--limit", "1000")
        text = self.run_cli("evaluate", "-m", "fashion", "-d", FASHION, "--limit", "1000").stdout
        status = self.daemon.get("/api/v1/status").json()
        fashion = next(m for m in status["models"] if m["name"] == "fashion")
        self.assertEqual(fashion["labelled"], 2000)
        self.assertIn("%.2f" % (100 * fashion["accuracy"]), text)
        self.assertAlmostEqual(out["accuracy"], fashion["accuracy"])

    def blocks(self, k):
        return bytes((x // 8 * 53 + y // 8 * 29 + k * 71) % 256 for y in range(28)
                     for x in range(28))

    def test_evaluate_sends_files_as_they_are(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "more"))
            names = []
            for k in range(40):
                name = ("more/%d.jpg" if k % 2 else "%d.png") % k
                with open(os.path.join(folder, name), "wb") as f:
                    f.write((jpeg if k % 2 else png)(28, 28, self.blocks(k)))
                names.append(name)
            answers = [json.loads(line) for line in self.run_cli(
                "--json", "classify", "-m", "mnist", "--top", "10",
                *(os.path.join(folder, n) for n in names)).stdout.splitlines()]
            ranks = [[s["class"] for s in a["results"][0]["scores"]] for a in answers]
            # The best class for 30 of them, the third best for 10.
            labels = [r[0] if k % 4 else r[2] for k, r in enumerate(ranks)]
            with open(os.path.join(folder, "labels.csv"), "w", encoding="utf-8") as f:
                f.write("class,name,file\n")
                f.writelines('%d,"a, b",%s\n' % row for row in zip(labels, names))

            evaluate = ("evaluate", "-m", "mnist", "-d", folder, "--batch", "7")
            out = self.json(*evaluate)
            self.assertEqual((out["images"], out["correct"], out["top"]), (40, 30, None))
            self.assertEqual(self.json(*evaluate, "--top", "2")["top"]["correct"], 30)
            top = self.json(*evaluate, "--top", "3")["top"]
            self.assertEqual((top["n"], top["correct"], top["accuracy"]), (3, 40, 1.0))
            self.assertRegex(self.run_cli(*evaluate, "--top", "3").stdout, r"top 3 +100")
            self.run_cli(*evaluate, "--top", "11", code=64)

            with open(os.path.join(folder, names[33]), "r+b") as f:
                f.truncate(100)
            self.assertIn(names[33], self.run_cli(*evaluate, code=1).stderr)
            os.unlink(os.path.join(folder, names[33]))
            self.assertIn("line 35", self.run_cli(*evaluate, code=1).stderr)

    def test_evaluate_reads_cifar_batches(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "test_batch.bin"), "wb") as f:
                for k in range(10):
                    f.write(bytes([k]) + bytes(range(256)) * 12)
            evaluate = ("evaluate", "-m", "mnist", "-d", folder)
            out = self.json(*evaluate)
            self.assertEqual((out["images"], out["correct"]), (10, 1))
            with open(os.path.join(folder, "batches.meta.txt"), "w", encoding="utf-8") as f:
                f.write("1\n0\n")
            done = self.run_cli(*evaluate, code=65)
            self.assertIn('"1" is class 0, of mnist class 1', done.stderr)

    @unittest.skipUnless(os.path.isdir(CIFAR10), "CIFAR-10 is not here (../shared/data)")
    def test_evaluate_is_exact_on_cifar10(self):
        self.run_cli("operating-point", "set", "-m", "cifar10", "--mode", "iid",
                     "--bit-error-rate", "0")
        with tempfile.TemporaryDirectory() as folder:
            with lzma.open(os.path.join(CIFAR10, "test_batch.bin.xz")) as packed, \
                    open(os.path.join(folder, "test_batch.bin"), "wb") as plain:
                plain.write(packed.read())
            out = self.json("evaluate", "-m", "cifar10", "-d", folder, "--limit", "500")
        self.assertEqual(out["correct"], 473)

    def test_put_serves_a_network_and_delete_ends_it(self):
        net = SmallNet(60, dims=(3, 4, 5))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "net.onnx")
            with open(path, "wb") as f:
                f.write(net.onnx())
            done = self.run_cli("put", "mine", path, "--range=0..255", "--mean", "10,20,30",
                                "--layout", "nchw", "--labels", "a & b,c=d,\u00fc/?#")
            self.assertIn("mine: version 1, %d cells in 2 layers, generation 1\n" % net.cells,
                          done.stdout)
            self.assertNotIn("remark", done.stdout)  # nothing was assumed
            model = self.daemon.get("/api/v1/models/mine").json()
            self.assertEqual(model["labels"], ["a & b", "c=d", "\u00fc/?#"])
            picture = net.picture(1)
            answer = self.daemon.ask("POST", "/api/v1/models/mine/classify?top=3", picture).json()
            values = [picture[i * 3 + c] - 10 * (c + 1) for c in range(3) for i in range(20)]
            self.assertEqual(logits_of(answer["results"][0], 3), net.logits(values))
            # Again, without labels, as JSON: the answer of the API.
            again = self.json("put", "mine", path, "--range", "0..255", "--layout", "nchw")
            self.assertEqual(again["model"]["generation"], 2)
            self.assertEqual([r["code"] for r in again["remarks"]], ["no_labels"])
            done = self.run_cli("put", "mine", path, code=1)
            self.assertIn("range", done.stderr)
            done = self.run_cli("put", "mine", path, "--range", "9..1", code=1)
            self.assertIn("range", done.stderr)
            self.assertEqual(self.run_cli("delete", "mine").stdout,
                             "mine: is served no more\n")
            self.assertEqual(self.daemon.get("/api/v1/models/mine").status, 404)
            self.assertIn("mine", self.run_cli("delete", "mine", code=1).stderr)
            self.run_cli("put", "../x", path, "--range", "0..1", code=1)

    def test_put_sends_a_model_file_and_delete_keeps_what_is_built_in(self):
        path = os.path.join(SOURCE, "models", "mnist.sbnn")
        out = self.run_cli("put", "copy", path).stdout
        self.assertEqual(out, "copy: version 1, 1,861,632 cells in 3 layers, generation 1\n")
        self.assertIn("range", self.run_cli("put", "copy", path, "--range", "0..1",
                                            code=1).stderr)
        self.assertRegex(self.run_cli("classify", "-m", "copy", SEVEN).stdout, r"\b7\b")
        self.assertEqual(self.run_cli("--json", "delete", "copy").stdout, "")
        self.assertIn("mnist", self.run_cli("delete", "mnist", code=1).stderr)
        self.assertEqual(self.daemon.get("/api/v1/models/mnist").status, 200)
        self.run_cli("put", "copy", "/nonexistent", code=1)
        for args in (("put", "-m", "copy", "copy", path), ("delete", "-m", "mnist", "mnist"),
                     ("put", "copy"), ("delete",), ("delete", "a", "b")):
            self.run_cli(*args, code=64)

    def test_status_models_health_and_version(self):
        self.assertIn("mnist", self.run_cli("status").stdout)
        self.assertIn("99.00", self.run_cli("models", "-m", "mnist").stdout)
        self.run_cli("health")
        self.assertRegex(self.run_cli("version").stdout, r"\d+\.\d+\.\d+")

    def test_inspect_needs_no_daemon(self):
        done = self.run_cli("inspect", os.path.join(SOURCE, "models", "mnist.sbnn"),
                            url="http://127.0.0.1:1")
        self.assertIn("1,861,632", done.stdout)
        done = self.run_cli("inspect", SEVEN, code=65)
        self.assertIn("seven.png", done.stderr)

    def test_no_daemon_is_exit_69_and_says_what_to_do(self):
        done = self.run_cli("status", code=69, url="http://127.0.0.1:1")
        self.assertIn("./run", done.stderr)
        self.run_cli("health", code=1, url="http://127.0.0.1:1")

    def test_wrong_usage_is_exit_64_with_the_nearest_word(self):
        self.assertIn("evaluate", self.run_cli("evalute", code=64).stderr)
        self.assertIn("--target", self.run_cli("operating-point", "set", "--targt", "1",
                                               code=64).stderr)

    def test_every_command_teaches(self):
        for command in ("classify", "evaluate", "operating-point", "solve", "program", "scrub",
                        "age", "inject", "memory", "array", "device", "energy", "models",
                        "status", "put", "delete", "import", "inspect", "job"):
            out = self.run_cli(command, "--help").stdout
            self.assertIn("Examples:", out, command)
            self.assertTrue(all(len(line) <= 100 for line in out.split("\n")))
            self.assertTrue(re.search(r"spinbnn " + command, out))


if __name__ == "__main__":
    unittest.main()
