# SPDX-License-Identifier: Apache-2.0
"""ONNX files sent to the daemon: what it says of them, what it asks for, what it survives."""
import json
import os
import random
import re
import shutil
import struct
import subprocess
import tempfile
import unittest
import zlib
from urllib.parse import urlencode

from small_nets import SmallNet, conv_net, logits_of
from spinbnn_system import SOURCE, SPINBNN, Daemon

from onnx_writer import INT64, Graph, blob, number, varint  # small_nets knows where it lies


class ImportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().__enter__()

    @classmethod
    def tearDownClass(cls):
        code = cls.daemon.stop()  # a sanitizer tells of leaks here
        cls.daemon.__exit__()
        if code != 0:
            raise AssertionError("\n".join(cls.daemon.log[-40:]))

    def put(self, body, model="net", **contract):
        query = "?" + urlencode(contract) if contract else ""
        return self.daemon.ask("PUT", "/api/v1/models/%s%s" % (model, query), body)

    def imported(self, body, **contract):
        """The answer to a PUT that must succeed."""
        answer = self.put(body, **contract)
        self.assertIn(answer.status, (200, 201), answer.body)
        return answer.json()

    def refused(self, code, body, status=422, **contract):
        """The problem of a PUT that must not succeed."""
        answer = self.put(body, "refused", **contract)
        if answer.status in (200, 201):  # no trouble for the tests that follow
            self.daemon.ask("DELETE", "/api/v1/models/refused")
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        problem = answer.json()
        self.assertEqual(problem["code"], code, problem)
        self.assertNotEqual(problem["detail"], "")
        self.assertEqual(self.daemon.get("/api/v1/models/refused").status, 404)
        return problem

    def classify(self, pixels, model="net", classes=3):
        answer = self.daemon.ask("POST", "/api/v1/models/%s/classify?top=%d" % (model, classes),
                                 bytes(pixels))
        self.assertEqual(answer.status, 200, answer.body)
        return logits_of(answer.json()["results"][0], classes)


class Contract(ImportTest):
    def test_logits_are_those_of_the_sums_for_every_range(self):
        net = SmallNet(1)
        of_pixel = {"0..255": lambda p: p, "0..1": lambda p: p / 255,
                    "-1..1": lambda p: p / 127.5 - 1, "2": lambda p: 2 * p,
                    "-0.5": lambda p: -p / 2}
        different = set()
        for text, value in of_pixel.items():
            self.imported(net.onnx(), range=text, layout="nchw")
            for seed in range(8):
                picture = net.picture(seed)
                logits = net.logits([value(p) for p in picture])
                self.assertEqual(self.classify(picture), logits, (text, seed))
                different.add((seed, tuple(logits)))
        self.assertGreater(len(different), 8)  # the range does say something

    def test_mean_and_deviation_follow_the_range(self):
        net = SmallNet(2, dims=(3, 4, 4))
        self.imported(net.onnx(), range="0..255", mean="10,20,30", std="2,4,0.5", layout="nchw")
        for seed in range(8):
            picture = net.picture(seed)  # rows, columns, channels
            values = [(picture[(y * 4 + x) * 3 + c] - (10, 20, 30)[c]) / (2, 4, 0.5)[c]
                      for c in range(3) for y in range(4) for x in range(4)]
            self.assertEqual(self.classify(picture), net.logits(values))
        one = self.imported(SmallNet(2).onnx(), range="0..255", mean="7", std="2", layout="nchw")
        self.assertEqual(one["model"]["input"]["channels"], 1)

    def test_a_net_without_a_range_asks_for_it(self):
        problem = self.refused("input_contract", SmallNet(1).onnx(), layout="nchw")
        self.assertIn("range", problem["detail"] + str(problem["errors"]))

    def test_layout_is_told_or_asked_for(self):
        model = self.imported(conv_net().write(), range="0..255")["model"]
        self.assertEqual([model["input"][k] for k in ("height", "width", "channels")], [4, 5, 3])
        net = SmallNet(3, dims=(3, 4, 5))
        problem = self.refused("input_contract", SmallNet(3, dims=(3, 4, 3)).onnx(),
                               range="0..255")
        self.assertIn("layout", problem["detail"] + str(problem["errors"]))
        for layout, dims in (("nchw", (3, 4, 5)), ("nhwc", (4, 5, 3))):
            net = SmallNet(3, dims=dims)
            model = self.imported(net.onnx(), range="0..255", layout=layout)["model"]
            self.assertEqual([model["input"][k] for k in ("height", "width", "channels")],
                             [4, 5, 3])
            picture = net.picture(9)
            values = picture if layout == "nhwc" else \
                [picture[i * 3 + c] for c in range(3) for i in range(20)]
            self.assertEqual(self.classify(picture), net.logits(values), layout)

    def test_channels_say_which_colour_comes_first(self):
        for text, bgr in (("rgb", False), ("bgr", True)):
            model = self.imported(conv_net().write(), range="0..255", channels=text)["model"]
            self.assertEqual(model["input"]["bgr"], bgr)
        grey = self.imported(conv_net(channels=1).write(), range="0..255", channels="grey")
        self.assertEqual(grey["model"]["input"]["channels"], 1)
        self.refused("input_contract", conv_net().write(), range="0..255", channels="grey")
        self.refused("input_contract", conv_net(channels=1).write(), range="0..255",
                     channels="bgr")

    def test_a_flat_input_has_the_height_and_width_that_are_said(self):
        net = SmallNet(4, dims=(1, 2, 8))
        model = self.imported(net.onnx(flat=True), range="0..255", height=2, width=8)["model"]
        self.assertEqual((model["input"]["height"], model["input"]["width"]), (2, 8))
        picture = net.picture(1)
        self.assertEqual(self.classify(picture), net.logits(picture))
        self.refused("input_contract", net.onnx(flat=True), range="0..255", height=3, width=5)

    def test_crop_and_resize_say_how_pictures_are_fitted(self):
        net = conv_net().write()
        fit = self.imported(net, range="0..255")["model"]["input"]
        self.assertEqual((fit["fit"], fit["resize"]), ("letterbox", None))
        fit = self.imported(net, range="0..255", crop="true", resize=8)["model"]["input"]
        self.assertEqual((fit["fit"], fit["resize"]), ("crop", 8))
        fit = self.imported(net, range="0..255", crop="true")["model"]["input"]
        self.assertEqual((fit["fit"], fit["resize"]), ("crop", 5))
        self.refused("input_contract", net, range="0..255", crop="true", resize=3)
        self.refused("input_contract", net, range="0..255", resize=8)

    def test_labels_are_one_for_each_class(self):
        net = SmallNet(5).onnx()
        names = ["a", "b c", "\u00fc\"<"]
        model = self.imported(net, range="0..255", layout="nchw", labels=",".join(names))["model"]
        self.assertEqual(model["labels"], names)
        model = self.imported(net, range="0..255", layout="nchw")
        self.assertEqual(model["model"]["labels"], ["0", "1", "2"])
        self.assertIn("no_labels", [r["code"] for r in model["remarks"]])
        for labels in ("a,b", "a,b,c,d", ""):
            self.refused("input_contract", net, range="0..255", layout="nchw", labels=labels)

    def test_ties_go_where_they_are_told(self):
        # Two hidden bits of a sum and a difference, both 0 for a black picture.
        def tie():
            g = Graph(["N", 1, 1, 2])
            x = g.node("Flatten", ["x"], axis=1)
            x = g.node("Sign", [g.node("MatMul", [x, g.init([2, 2], [1.0, 1.0, 1.0, -1.0])])])
            g.outputs = [g.node("MatMul", [x, g.init([2, 2], [1.0, -1.0, 1.0, -1.0])])]
            return g.write()
        for ties, logits in ((None, [2, -2]), ("up", [2, -2]), ("down", [-2, 2])):
            contract = dict(range="0..255", layout="nchw")
            if ties is not None:
                contract["ties"] = ties
            answer = self.imported(tie(), **contract)
            self.assertIn("ties", [r["code"] for r in answer["remarks"]])
            self.assertEqual(self.classify([0, 0], classes=2), logits, ties)
            self.assertEqual(self.classify([9, 5], classes=2), [2, -2], ties)

    def test_a_lost_sign_is_assumed_only_when_told(self):
        def lost():
            g = Graph(["N", 1, 2, 2])
            x = g.node("Flatten", ["x"], axis=1)
            x = g.node("MatMul", [x, g.init([4, 4], [1.0, -1.0] * 8)])
            x = g.node("Clip", [g.node("Sub", [x, g.init([], [0.5])]), g.init([], [-1.0]),
                                g.init([], [1.0])])
            g.outputs = [g.node("MatMul", [x, g.init([4, 2], [1.0, -1.0] * 4)])]
            return g.write()
        self.refused("bnn_input_not_binary", lost(), range="0..255", layout="nchw")
        self.refused("bnn_input_not_binary", lost(), range="0..255", layout="nchw",
                     assume_sign="false")
        answer = self.imported(lost(), range="0..255", layout="nchw", assume_sign="true")
        self.assertIn("assumed_sign", [r["code"] for r in answer["remarks"]])

    def test_every_wrong_argument_is_named(self):
        wrong = {"layout": "chw", "range": "0..2", "mean": "1,2", "std": "0", "channels": "red",
                 "height": "0", "width": "4097", "resize": "-1", "crop": "yes", "ties": "none",
                 "assume_sign": "1"}
        body = SmallNet(1).onnx()
        problem = self.refused("invalid_query", body, 422, **wrong)
        self.assertEqual({e["pointer"] for e in problem["errors"]},
                         {"?" + name for name in wrong})
        for name, value in wrong.items():
            problem = self.refused("invalid_query", body, 422, **{name: value})
            self.assertIn('%s: "%s" is not ' % (name, value), problem["detail"])

    def test_numbers_that_are_none_are_refused(self):
        for name in ("range", "mean", "std"):
            for value in ("", " ", "nan", "inf", "-inf", "1e99", "1,", ",1", "1;2;3", "1,2,3,4",
                          "0x", "1 2", "one"):
                self.refused("invalid_query", SmallNet(1).onnx(), 422, **{name: value})
        for value in ("", "1.5", " 4", "99999999999999999999", "4,4"):
            self.refused("invalid_query", SmallNet(1).onnx(), 422, height=value)

    def test_an_argument_that_nobody_knows_is_an_error(self):
        # A slip would leave the network with another input than its owner thinks.
        problem = self.refused("invalid_query", SmallNet(1).onnx(), range="0..255", means="1")
        self.assertEqual(problem["errors"][0]["pointer"], "?means")
        self.assertIn("mean", problem["detail"])

    def test_a_model_file_has_its_contract_already(self):
        with open(SOURCE + "/models/mnist.sbnn", "rb") as f:
            body = f.read()
        problem = self.refused("invalid_query", body, range="0..1")
        self.assertEqual(problem["errors"][0]["pointer"], "?range")


class Report(ImportTest):
    def test_remarks_name_a_node_and_say_what_to_know(self):
        g = SmallNet(6).graph()
        g.node("Relu", ["x"])  # nobody reads it
        answer = self.imported(g.write(), range="0..255", layout="nchw")
        self.assertEqual(answer["remarks_dropped"], 0)
        for remark in answer["remarks"]:
            self.assertEqual(set(remark), {"code", "node", "text"})
            self.assertNotEqual(remark["text"], "")
        self.assertIn("unused_nodes", [r["code"] for r in answer["remarks"]])
        self.assertEqual(answer["model"], self.daemon.get("/api/v1/models/net").json())

    def test_a_refusal_says_where_what_and_what_would_do(self):
        g = Graph(["N", 1, 4, 4])
        x = g.node("Flatten", ["x"], axis=1)
        g.outputs = [g.node("Einsum", [x], node_name="/evil\x1b[31m\"node", equation="ij->ij")]
        problem = self.refused("onnx_operator", g.write(), range="0..255", layout="nchw")
        where = " ".join(e["detail"] for e in problem["errors"])
        self.assertIn("Einsum", where)
        self.assertIn("found: ", where)
        self.assertIn("accepted: ", where)
        self.assertFalse(any("\x1b" in line for line in self.daemon.log))

    def test_weights_that_are_not_binary_are_counted(self):
        net = SmallNet(7)
        net.first[2][5] = net.first[3][6] = 0.0
        problem = self.refused("bnn_weight_not_binary", net.onnx(), range="0..255",
                               layout="nchw")
        self.assertIn("2 zeros among the signs of 2 rows", problem["detail"])

    def test_a_network_without_anything_to_store_is_none(self):
        net = SmallNet(7)
        net.first[2][5], net.last[1][3] = 0.25, 0.3
        self.refused("bnn_no_binary_layer", net.onnx(), range="0..255", layout="nchw")


def giant(field_dims):
    """A file of a few bytes whose weight claims these dimensions."""
    g = SmallNet(8).graph()
    name = next(iter(g.inits))
    dims, data, kind = g.inits[name]
    g.inits[name] = (field_dims, data, kind)
    return g.write()


class Hostile(ImportTest):
    def survive(self, body, **contract):
        """4xx, and it still serves."""
        answer = self.put(body, "hostile", **contract)
        if answer.status in (200, 201):
            self.daemon.ask("DELETE", "/api/v1/models/hostile")
        self.assertTrue(400 <= answer.status < 500, (answer.status, answer.body))
        self.assertEqual(answer.json()["status"], answer.status)
        self.assertNotEqual(answer.json()["code"], "")
        return answer.json()

    def alive(self):
        self.assertIsNone(self.daemon.process.poll())
        answer = self.daemon.ask("POST", "/api/v1/models/mnist/classify", bytes(784))
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.daemon.get("/api/v1/models/hostile").status, 404)

    def test_a_file_cut_anywhere(self):
        body = SmallNet(9).onnx()
        # Behind the graph stand the operator sets; without the last it is whole, too.
        for end in range(0, len(body) - 16, 3):
            self.survive(body[:end], range="0..255", layout="nchw")
        self.alive()

    def test_a_model_file_cut_or_changed_anywhere(self):
        with open(SOURCE + "/models/fashion.sbnn", "rb") as f:
            body = f.read()
        rng = random.Random(1)
        for _ in range(60):
            self.assertEqual(self.survive(body[:8 + rng.randrange(len(body) - 8)])["code"],
                             "invalid_model_file")
        for _ in range(60):
            at = rng.randrange(8, len(body))
            changed = body[:at] + bytes([body[at] ^ 1 << rng.randrange(8)]) + body[at + 1:]
            self.survive(changed)
            # With a checksum that agrees, too: most of it are weights, which may be anything.
            fixed = bytearray(changed)
            fixed[12:16] = struct.pack("<I", zlib.crc32(bytes(fixed[16:])))
            answer = self.put(bytes(fixed), "changed")
            self.assertIn(answer.status, (200, 201, 422), answer.body)
        self.survive(body + b"\0")
        self.alive()

    def test_bits_flipped_anywhere(self):
        body = SmallNet(10).onnx()
        rng = random.Random(2)
        for _ in range(300):
            changed = bytearray(body)
            for _ in range(rng.choice((1, 1, 2, 8))):
                changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
            answer = self.put(bytes(changed), "changed", range="0..255", layout="nchw")
            self.assertIn(answer.status, (200, 201, 422), answer.body)
        self.alive()

    def test_garbage(self):
        rng = random.Random(3)
        for size in (0, 1, 2, 7, 8, 100, 10000, 3000000):
            self.survive(rng.randbytes(size))
        for body in (b"\0" * 1000, b"\xff" * 1000, b"{}", b"GET / HTTP/1.1\r\n\r\n",
                     b"\x89PNG\r\n\x1a\n", b"\x89SBNN\r\n\x1a"):
            self.survive(body)
        self.alive()

    def test_dimensions_that_nothing_could_hold(self):
        for dims in ([1 << 31, 1 << 31], [1 << 62, 8], [(1 << 64) - 1, 8], [0, 8], [1 << 32],
                     [65536, 65536], [1] * 1000, [16, 8, 1 << 20]):
            self.survive(giant(dims), range="0..255", layout="nchw")
        for side in (4097, 1 << 20, 1 << 31, 1 << 63):
            g = conv_net()
            g.input_dims = ["N", 3, side, side]
            self.survive(g.write(), range="0..255")
        # Small weights, a padded map that is not.
        g = conv_net()
        g.nodes[0]["attrs"]["pads"] = [1 << 30] * 4
        self.survive(g.write(), range="0..255")
        self.alive()

    def test_constants_that_grow(self):
        def survive(grow):
            g = Graph(["N", 1, 4, 4])
            x = g.node("Flatten", ["x"], axis=1)
            g.outputs = [g.node("MatMul", [x, grow(g)])]
            self.assertEqual(self.survive(g.write(), range="0..255", layout="nchw")["code"],
                             "onnx_shape")

        def filled(g, dims):
            return g.node("ConstantOfShape", [g.init([len(dims)], dims, INT64)])

        def doubled(g):
            w = g.init([16, 4], [1.0] * 64)
            for _ in range(40):
                w = g.node("Concat", [w, w], axis=1)
            return w
        survive(doubled)
        survive(lambda g: filled(g, [65536, 65536]))
        survive(lambda g: g.node("Add", [filled(g, [30000, 1]), filled(g, [1, 30000])]))
        self.alive()

    def test_nesting_and_lengths_past_the_end(self):
        deep = b""
        for _ in range(2000):
            deep = blob(7, deep)
        self.survive(number(1, 7) + deep)
        self.survive(number(1, 7) + varint(7 << 3 | 2) + varint((1 << 63) - 1) + b"x")
        self.survive(number(1, 7) + varint(7 << 3 | 2) + b"\xff" * 11)
        self.alive()

    def test_a_path_in_a_model_is_never_opened(self):
        g = SmallNet(11).graph()
        entry = blob(1, "location") + blob(2, "/etc/passwd")
        hidden = number(1, 16) + number(1, 8) + number(2, 1) + blob(8, "out") + \
            blob(13, entry) + number(14, 1)
        g.graph_extra = blob(5, hidden)
        self.assertEqual(self.survive(g.write(), range="0..255", layout="nchw")["code"],
                         "onnx_external_data")

    def test_a_body_beyond_the_limit(self):
        got = self.daemon.raw(b"PUT /api/v1/models/hostile HTTP/1.1\r\nHost: localhost\r\n"
                              b"Content-Length: 99999999999\r\n\r\n")
        self.assertTrue(got.startswith(b"HTTP/1.1 413"), got[:100])
        self.alive()


class CommandLine(unittest.TestCase):
    """`spinbnn import` does the same without a daemon."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="spinbnn-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_import(self, body, *options, name="net.onnx", output="net.sbnn"):
        with open(self.path(name), "wb") as f:
            f.write(body)
        return subprocess.run([SPINBNN, "import", self.path(name), "-o", self.path(output)] +
                              list(options), capture_output=True, text=True, timeout=60)

    def test_a_daemon_serves_what_it_wrote(self):
        net = SmallNet(40, dims=(3, 4, 5))
        done = self.run_import(net.onnx(), "--range", "0..1", "--mean=0.5", "--std", "0.25,1,2",
                               "--layout", "nchw", "--labels", "a,b,c", "--name", "mine")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("504 cells in 2 layers", done.stdout)
        with open(self.path("net.sbnn"), "rb") as f:
            body = f.read()
        with Daemon() as daemon:
            path = "/api/v1/models/net"
            self.assertEqual(daemon.ask("PUT", path, body).status, 201)
            own = daemon.get(path).json()
            picture = net.picture(0)
            answers = [daemon.ask("POST", path + "/classify", picture).json()["results"]]
            answer = daemon.ask("PUT", path + "?" + urlencode(dict(
                range="0..1", mean="0.5", std="0.25,1,2", layout="nchw", labels="a,b,c")),
                net.onnx())
            self.assertEqual(answer.status, 200)
            # Both are the same file: the array stayed as it was.
            self.assertEqual(answer.json()["model"]["checksum"], own["checksum"])
            answers.append(daemon.ask("POST", path + "/classify", picture).json()["results"])
            self.assertEqual(answers[0], answers[1])
            self.assertIn(answers[0][0]["label"], ("a", "b", "c"))

    def labelled_set(self, net, n, side=4):
        """IDX files of pictures with the classes that the network gives them."""
        pictures = [net.picture(seed)[:side * side] for seed in range(n)]
        logits = [net.logits(p.ljust(16, b"\0")) for p in pictures]
        labels = bytes(scores.index(max(scores)) for scores in logits)
        folder = self.path("set%d" % side)
        os.mkdir(folder)
        with open(folder + "/t10k-images-idx3-ubyte", "wb") as f:
            f.write(struct.pack(">4I", 0x803, n, side, side) + b"".join(pictures))
        with open(folder + "/t10k-labels-idx1-ubyte", "wb") as f:
            f.write(struct.pack(">2I", 0x801, n) + labels)
        return folder, labels

    def test_a_labelled_set_tells_a_right_contract_from_a_wrong_one(self):
        net = SmallNet(42)
        folder, labels = self.labelled_set(net, 300)
        said = ["--layout", "nchw", "--labels", "a,b,c", "--check", folder]
        done = self.run_import(net.onnx(), "--range", "0..255", *said)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("check   300 of 300 right, 100.00 %\n", done.stdout)
        self.assertNotIn("chance", done.stdout)
        done = self.run_import(net.onnx(), "--range", "0..1", *said)
        self.assertEqual(done.returncode, 0)
        right = int(re.search(r"check +(\d+) of 300", done.stdout).group(1))
        values = [net.logits([p / 255 for p in net.picture(seed)]) for seed in range(300)]
        self.assertEqual(right, sum(v.index(max(v)) == c for v, c in zip(values, labels)))
        self.assertLess(right, 200)  # of three classes: nearer to chance than to all
        self.assertIn("hardly more than by chance", done.stdout)
        self.assertIn("is the range right?", done.stdout)
        told = json.loads(self.run_import(net.onnx(), "--range", "0..1", "--json", *said).stdout)
        self.assertEqual(told["file"], self.path("net.sbnn"))
        self.assertEqual((told["cells"], told["layers"], told["remarks_dropped"]),
                         (net.cells, 2, 0))
        self.assertEqual([(r["code"], set(r)) for r in told["remarks"]],
                         [("constant_outputs", {"code", "node", "text"})])
        self.assertAlmostEqual(told["check"].pop("accuracy"), right / 300)
        self.assertEqual(told["check"], {"images": 300, "correct": right, "near_chance": True})
        told = self.run_import(net.onnx(), "--range", "0..255", "--json", *said[:4])
        self.assertIsNone(json.loads(told.stdout)["check"])

    def test_a_set_that_cannot_be_checked_leaves_no_file(self):
        net = SmallNet(42)
        small, _ = self.labelled_set(net, 3, side=3)
        for folder, code in ((small, 65), (self.path("nothing"), 1)):
            done = self.run_import(net.onnx(), "--range", "0..255", "--layout", "nchw",
                                   "--check", folder)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertNotIn("net.sbnn", os.listdir(self.folder))

    def test_what_is_refused_leaves_no_file(self):
        net = SmallNet(41)
        net.first[0][0] = 0.0
        broken = self.run_import(net.onnx(), "--range", "0..255", "--layout", "nchw")
        self.assertEqual(broken.returncode, 65)
        self.assertEqual(broken.stderr.count("bnn_weight_not_binary"), 1)
        for options, code, said in (
                (("--layout", "nchw"), 65, "range"), (("--range", "9..1"), 64, "--range: "),
                (("--assume-sign", "1"), 64, "--assume-sign: "),
                (("--name", "../x"), 64, "is no name"), (("--rang", "1"), 64, "--range?")):
            done = self.run_import(SmallNet(41).onnx(), *options)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(said, done.stderr)
        self.assertEqual(self.run_import(b"").returncode, 66)
        self.assertEqual(self.run_import(b"garbage", "--range", "0..1").returncode, 65)
        done = self.run_import(SmallNet(41).onnx(), "--range", "0..1", "--layout", "nchw",
                               output="no/such.sbnn")
        self.assertEqual(done.returncode, 73)
        self.assertEqual(os.listdir(self.folder), ["net.onnx"])


if __name__ == "__main__":
    unittest.main()
