# SPDX-License-Identifier: Apache-2.0
"""Models that come and go while others are served: PUT, DELETE, ends of every kind."""
import http.client
import json
import os
import random
import shutil
import struct
import tempfile
import threading
import time
import unittest
import zlib
from urllib.parse import quote

from small_nets import SmallNet, logits_of
from spinbnn_system import (SOURCE, Daemon, Load, PATIENCE, database_rows, eventually)

MODELS = "/api/v1/models"
CONTRACT = "?range=0..255&layout=nchw"


def model_file(name):
    with open("%s/models/%s.sbnn" % (SOURCE, name), "rb") as f:
        return f.read()


def put(daemon, name, body, query=""):
    return daemon.ask("PUT", "%s/%s%s" % (MODELS, name, query), body)


def put_net(daemon, name, net):
    return put(daemon, name, net.onnx(), CONTRACT)


def delete(daemon, name):
    return daemon.ask("DELETE", "%s/%s" % (MODELS, name)).status


def names(daemon):
    return [m["name"] for m in daemon.get(MODELS).json()["models"]]


def version(daemon, name):
    """That which answers where none is named."""
    return daemon.get("%s/%s" % (MODELS, name)).json()["version"]


def files(daemon, folder):
    path = os.path.join(daemon.state, folder)
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def logits(daemon, name, picture, classes=3):
    answer = daemon.ask("POST", "%s/%s/classify?top=%d" % (MODELS, name, classes), picture)
    if answer.status != 200:
        raise AssertionError("%d %s" % (answer.status, answer.body))
    return logits_of(answer.json()["results"][0], classes)


class ModelsTest(unittest.TestCase):
    def assert_serves(self, daemon, name, net):
        for seed in range(4):
            picture = net.picture(seed)
            self.assertEqual(logits(daemon, name, picture, net.classes), net.logits(picture))


class Put(ModelsTest):
    def test_a_model_file_is_served_under_the_name_of_the_path(self):
        with Daemon() as daemon:
            answer = put(daemon, "clothes", model_file("fashion"))
            self.assertEqual(answer.status, 201, answer.body)
            model = answer.json()["model"]
            self.assertEqual((model["name"], model["generation"], model["state"]),
                             ("clothes", 1, "ready"))
            self.assertEqual(answer.json()["remarks"], [])
            self.assertEqual(model["origin"], "uploaded")
            self.assertEqual(daemon.get(MODELS + "/mnist").json()["origin"], "built_in")
            self.assertEqual(daemon.get(MODELS + "/clothes").json(), model)
            self.assertEqual(sorted(names(daemon)), ["cifar10", "clothes", "fashion", "mnist"])
            picture = random.Random(1).randbytes(784)
            self.assertEqual(logits(daemon, "clothes", picture, 10),
                             logits(daemon, "fashion", picture, 10))
            self.assertEqual(files(daemon, "models"), ["clothes.sbnn"])

    def test_the_same_file_again_keeps_the_array_as_it_is(self):
        with Daemon() as daemon:
            put(daemon, "clothes", model_file("fashion"))
            daemon.program("clothes", {"mode": "iid", "bit_error_rate": 0.01})
            before = daemon.memory("clothes")
            self.assertGreater(before["state"]["wrong_bits"], 10000)
            answer = put(daemon, "clothes", model_file("fashion"))
            self.assertEqual(answer.status, 200)
            self.assertEqual(daemon.memory("clothes"), before)

    def test_another_network_of_the_name_has_an_array_of_its_own(self):
        a, b = SmallNet(1), SmallNet(2)
        with Daemon() as daemon:
            self.assertEqual(put_net(daemon, "net", a).status, 201)
            self.assert_serves(daemon, "net", a)
            daemon.program("net", {"mode": "iid", "bit_error_rate": 1})
            image = daemon.get(MODELS + "/net/array").body
            answer = put_net(daemon, "net", b)
            self.assertEqual(answer.status, 200)
            # One row of numbers for a name: who knows the version before sees the change.
            self.assertEqual(answer.json()["model"]["generation"], 3)
            stale = daemon.ask("PATCH", MODELS + "/net/operating-point", {}, headers={
                "If-Match": '"2"'})
            self.assertEqual(stale.status, 412)
            self.assert_serves(daemon, "net", b)
            # Same shape, other weights: the image is refused, not taken for this one's.
            refused = daemon.ask("PUT", MODELS + "/net/array", image)
            self.assertIn(refused.status, (409, 422), refused.body)
            self.assert_serves(daemon, "net", b)
            # Its history and its ledger are its own.
            rows = database_rows(
                daemon, "SELECT version FROM model WHERE name = 'net' ORDER BY id")
            self.assertEqual([r["version"] for r in rows], [1, 2])
            generations = database_rows(
                daemon, "SELECT model_id, generation FROM operating_point"
                " JOIN model ON model.id = model_id WHERE name = 'net' ORDER BY 1, 2")
            self.assertEqual([r["generation"] for r in generations], [1, 2, 3])
            shown = database_rows(daemon, "SELECT version, generation FROM v_operating_point"
                                  " WHERE model = 'net' ORDER BY 2")
            self.assertEqual([tuple(r.values()) for r in shown], [(1, 1), (1, 2), (2, 3)])
            self.assertEqual(answer.json()["model"]["version"], "2")
            self.assertEqual(files(daemon, "models"), ["net@2.sbnn"])
            self.assertNotIn("net.array", files(daemon, "arrays"))
            daemon.kill()
            daemon.start()
            self.assert_serves(daemon, "net", b)

    def test_an_upload_that_fails_costs_the_model_of_its_name_nothing(self):
        a, b = SmallNet(1), SmallNet(2)
        with Daemon() as daemon:
            put_net(daemon, "net", a)
            daemon.program("net", {"mode": "iid", "bit_error_rate": 1})
            before, image = daemon.memory("net"), daemon.get(MODELS + "/net/array").body
            place = os.path.join(daemon.state, "models", "net@2.sbnn")
            os.mkdir(place)  # nothing can take its place
            answer = put_net(daemon, "net", b)
            self.assertEqual((answer.status, answer.json()["code"]), (507, "model_not_kept"))
            self.assertEqual(daemon.memory("net"), before)
            os.rmdir(place)
            self.assertEqual(files(daemon, "models"), ["net.sbnn"])
            self.assertNotIn("net@2.array", files(daemon, "arrays"))
            daemon.kill()
            daemon.start()
            self.assertEqual(daemon.get(MODELS + "/net/array").body, image)
            # Its number was given, and no other network has come since.
            self.assertEqual(put_net(daemon, "net", b).json()["model"]["version"], "2")

    def test_one_of_the_name_of_a_built_in_model_takes_its_place(self):
        with Daemon() as daemon:
            picture = bytes(range(196)) * 4
            mnist, fashion = (logits(daemon, m, picture, 10) for m in ("mnist", "fashion"))
            self.assertEqual(put(daemon, "mnist", model_file("fashion")).status, 200)
            self.assertEqual(logits(daemon, "mnist", picture, 10), fashion)
            self.assertEqual(sorted(names(daemon)), ["cifar10", "fashion", "mnist"])
            daemon.stop()
            daemon.start()
            self.assertEqual(logits(daemon, "mnist", picture, 10), fashion)
            self.assertEqual(delete(daemon, "mnist"), 204)
            self.assertEqual(sorted(names(daemon)), ["cifar10", "fashion"])
            # What is built in comes back with the next start.
            daemon.stop()
            daemon.start()
            self.assertEqual(logits(daemon, "mnist", picture, 10), mnist)

    def test_names_that_are_none(self):
        with Daemon() as daemon:
            listed = names(daemon)
            body = SmallNet(1).onnx()
            for name in ("..", ".hidden", "a b", "\u00fc", "x" * 65, "a\x1bb", "a'b", "a\"b", "a;b",
                         "%", "a\nb", "a\\b", "$(x)", "..%2f..%2fetc", "a:b", "*"):
                answer = put(daemon, quote(name, safe=""), body, CONTRACT)
                self.assertIn(answer.status, (400, 404, 422), (name, answer.body))
                self.assertIn(delete(daemon, quote(name, safe="")), (400, 404), name)
            for path in ("/../x", "/%2e%2e/x", "/a/b", "/a%2fb", "/a%00b", "/", ""):
                answer = daemon.ask("PUT", MODELS + path + CONTRACT, body)
                self.assertIn(answer.status, (400, 404, 405, 422), (path, answer.body))
            self.assertEqual(names(daemon), listed)
            self.assertEqual(files(daemon, "models"), [])
            good = ["x" * 64, "A-b_c.1", "a.new", "a.sbnn", "a..b", "-", "_", "0"]
            for name in good:
                self.assertEqual(put(daemon, name, body, CONTRACT).status, 201, name)
            daemon.kill()
            daemon.start()
            self.assertEqual(sorted(names(daemon)), sorted(listed + good))
            for name in good:
                self.assert_serves(daemon, name, SmallNet(1))
                self.assertEqual(delete(daemon, name), 204)
            self.assertEqual(files(daemon, "models"), [])

    def test_a_disk_that_takes_nothing(self):
        with Daemon() as daemon:
            # A file where the folder should be: nothing can be kept, whoever asks.
            with open(os.path.join(daemon.state, "models"), "w"):
                pass
            answer = put_net(daemon, "net", SmallNet(1))
            self.assertEqual((answer.status, answer.json()["code"]), (507, "model_not_kept"))
            self.assertNotIn("net", names(daemon))
            os.remove(os.path.join(daemon.state, "models"))
            self.assertEqual(put_net(daemon, "net", SmallNet(1)).status, 201)


class Delete(ModelsTest):
    def test_only_what_was_uploaded_can_be_deleted(self):
        folder = tempfile.mkdtemp(prefix="spinbnn-test-")
        self.addCleanup(shutil.rmtree, folder)
        shutil.copy("%s/models/fashion.sbnn" % SOURCE, folder)
        with Daemon(model_dir=folder) as daemon:
            for name, where in (("mnist", "built into"), ("fashion", "model_dir")):
                answer = daemon.ask("DELETE", "%s/%s" % (MODELS, name))
                self.assertEqual((answer.status, answer.json()["code"]), (409, "not_uploaded"))
                self.assertIn(where, answer.json()["detail"])
            self.assertEqual(delete(daemon, "nobody"), 404)
            put_net(daemon, "net", SmallNet(1))
            self.assertEqual((delete(daemon, "net"), delete(daemon, "net")), (204, 404))
            self.assertEqual(sorted(names(daemon)), ["cifar10", "fashion", "mnist"])
            for what in ("", "/memory", "/operating-point", "/energy"):
                self.assertEqual(daemon.get(MODELS + "/net" + what).status, 404)
            self.assertEqual(files(daemon, "models"), [])
            self.assertNotIn("net.array", files(daemon, "arrays"))
            self.assertTrue(eventually(
                lambda: b'model="net"' not in daemon.get("/metrics").body))
            # Its history stays.
            self.assertEqual(len(database_rows(
                daemon, "SELECT * FROM v_operating_point WHERE model = 'net'")), 1)
            daemon.stop()
            daemon.start()
            self.assertEqual(sorted(names(daemon)), ["cifar10", "fashion", "mnist"])

    def test_what_cannot_be_deleted_for_good_is_served_on(self):
        net = SmallNet(3)
        with Daemon() as daemon:
            put_net(daemon, "net", net)
            path = os.path.join(daemon.state, "models", "net.sbnn")
            os.remove(path)
            os.mkdir(path)  # unlink refuses a folder, whoever asks
            answer = daemon.ask("DELETE", MODELS + "/net")
            self.assertEqual((answer.status, answer.json()["code"]), (507, "model_not_deleted"))
            self.assert_serves(daemon, "net", net)
            os.rmdir(path)
            self.assertEqual(delete(daemon, "net"), 204)

    def test_deletion_in_the_middle_of_changes(self):
        net = SmallNet(4, dims=(1, 32, 32), hidden=64)
        changes = [("scrub", {}), ("age", {"seconds": 1e6}), ("program", {}),
                   ("inject", {"share": 0.01}),
                   ("operating-point", {"target_write_error_rate": 1e-3})]
        with Daemon() as daemon:
            strange, stopping = [], threading.Event()

            def change(what, body):
                connection = daemon.connection()
                while not stopping.is_set():
                    method = "PATCH" if what == "operating-point" else "POST"
                    answer = daemon.ask(method, "%s/net/%s" % (MODELS, what), body,
                                        connection=connection)
                    if answer.status not in (200, 404):
                        strange.append((what, answer.status, answer.body))
                connection.close()
            threads = [threading.Thread(target=change, args=c) for c in changes]
            for thread in threads:
                thread.start()
            for _ in range(12):
                self.assertIn(put_net(daemon, "net", net).status, (200, 201))
                time.sleep(0.05)
                self.assertEqual(delete(daemon, "net"), 204)
                self.assertEqual(daemon.get(MODELS + "/net").status, 404)
            stopping.set()
            for thread in threads:
                thread.join()
            self.assertEqual(strange, [])
            # Whatever was on its way did not write the array's file again.
            self.assertNotIn("net.array", files(daemon, "arrays"))
            self.assertEqual(daemon.stop(), 0)


class Ends(ModelsTest):
    def test_an_uploaded_model_comes_back_with_its_array(self):
        net = SmallNet(5, dims=(3, 8, 8), hidden=32)
        with Daemon() as daemon:
            self.assertEqual(put(daemon, "net", net.onnx(), CONTRACT).status, 201)
            daemon.program("net", {"mode": "iid", "bit_error_rate": 0.02, "seed": 7})
            model = daemon.get(MODELS + "/net").json()
            point, memory = daemon.point("net"), daemon.memory("net")
            self.assertGreater(memory["state"]["wrong_bits"], 0)
            for end in (daemon.stop, daemon.kill):
                end()
                daemon.start()
                self.assertEqual(daemon.get(MODELS + "/net").json(), model)
                self.assertEqual(daemon.point("net"), point)
                self.assertEqual(daemon.memory("net"), memory)

    def test_kill_while_uploading_leaves_one_network_or_the_other(self):
        nets = [SmallNet(seed, dims=(1, 16, 16), hidden=48) for seed in (6, 7)]
        rng = random.Random(8)
        with Daemon() as daemon:
            last, highest = None, 0
            for _ in range(10):
                answered = [last]

                def upload():
                    try:
                        for i in range(10000):
                            if put_net(daemon, "net", nets[i % 2]).status in (200, 201):
                                answered.append(i % 2)
                    except (OSError, http.client.HTTPException, json.JSONDecodeError):
                        pass
                thread = threading.Thread(target=upload)
                thread.start()
                time.sleep(rng.uniform(0.02, 0.3) * PATIENCE)
                daemon.kill()
                thread.join()
                daemon.start()
                if answered[-1] is None and "net" not in names(daemon):
                    continue
                picture = nets[0].picture(1)
                got = logits(daemon, "net", picture)
                may = [nets[i].logits(picture) for i in (0, 1)]
                self.assertIn(got, may)
                last = may.index(got)
                # What was answered is there, or the one that was on its way.
                if answered[-1] is not None:
                    self.assertIn(last, (answered[-1], 1 - answered[-1]))
                kept = [f for f in files(daemon, "models") if f.endswith(".sbnn")]
                # The one before may still be there.
                self.assertIn(len(kept), (1, 2), kept)
                self.assertGreaterEqual(int(version(daemon, "net")), highest)
                highest = int(version(daemon, "net"))
            self.assertIn(put_net(daemon, "net", SmallNet(9)).status, (200, 201))
            self.assertEqual(files(daemon, "models"), ["net@%s.sbnn" % version(daemon, "net")])
            self.assertEqual([f for f in files(daemon, "arrays") if f.startswith("net")],
                             ["net@%s.array" % version(daemon, "net")])

    @unittest.skipIf(PATIENCE > 1, "a thousand models are too many for a sanitized build")
    def test_no_more_cells_than_the_quota(self):
        with Daemon() as daemon:
            served = sum(m["cells"] for m in daemon.get("/api/v1/models").json()["models"])
            put_net(daemon, "net", SmallNet(1))
            cells = daemon.get("/api/v1/models/net").json()["cells"]
            self.assertEqual(daemon.ask("DELETE", "/api/v1/models/net").status, 204)
        with Daemon(max_cells=served + 2 * cells - 1) as daemon:
            self.assertEqual(put_net(daemon, "a", SmallNet(1)).status, 201)
            answer = put_net(daemon, "b", SmallNet(1))
            self.assertEqual((answer.status, answer.json()["code"]), (409, "too_many_cells"))
            self.assertIn("has %d cells" % cells, answer.json()["detail"])
            self.assertEqual(files(daemon, "models"), ["a.sbnn"])
            self.assertNotIn("b.array", files(daemon, "arrays"))
            # In place of what has its name, or once there is room, it may come.
            self.assertEqual(put_net(daemon, "a", SmallNet(2)).status, 200)
            daemon.ask("DELETE", "/api/v1/models/a")
            self.assertEqual(put_net(daemon, "b", SmallNet(1)).status, 201)
            self.assertEqual(daemon.ask("POST", "/v2/repository/models/b/unload", b"").status,
                             200)
            self.assertEqual(put_net(daemon, "c", SmallNet(1)).status, 201)
            answer = daemon.ask("POST", "/v2/repository/models/b/load", b"")
            self.assertEqual(answer.status, 409)
            self.assertIn("max_cells", answer.json()["error"])

    def test_more_models_than_there_is_room_for(self):
        """Told by the answer, and no trouble at the next start."""
        folder = tempfile.mkdtemp(prefix="spinbnn-test-")
        self.addCleanup(shutil.rmtree, folder)
        with Daemon() as daemon:
            put_net(daemon, "net", SmallNet(1))
            with open(os.path.join(daemon.state, "models", "net.sbnn"), "rb") as f:
                body = f.read()
        at = body.index(b"\3\0net") + 2
        for i in range(1021):
            renamed = body[:at] + (b"%03x" % i) + body[at + 3:]
            renamed = renamed[:12] + struct.pack("<I", zlib.crc32(renamed[16:])) + renamed[16:]
            with open("%s/%03x.sbnn" % (folder, i), "wb") as f:
                f.write(renamed)
        with Daemon(model_dir=folder) as daemon:
            self.assertEqual(len(names(daemon)), 1024)
            answer = put_net(daemon, "one-more", SmallNet(1))
            self.assertEqual((answer.status, answer.json()["code"]), (409, "too_many_models"))
            self.assertEqual(put_net(daemon, "mnist", SmallNet(1)).status, 200)
            self.assertEqual(files(daemon, "models"), ["mnist@2.sbnn"])
            self.assertNotIn("one-more.array", files(daemon, "arrays"))
            daemon.stop()
            daemon.start()
            self.assertEqual(len(names(daemon)), 1024)

    def test_stopping_while_uploading(self):
        with Daemon() as daemon:
            codes = []

            def upload():
                try:
                    while True:
                        codes.append(put_net(daemon, "net", SmallNet(9)).status)
                except (OSError, http.client.HTTPException):
                    pass
            thread = threading.Thread(target=upload)
            thread.start()
            time.sleep(0.3 * PATIENCE)
            self.assertEqual(daemon.stop(), 0)
            thread.join()
            self.assertEqual(set(codes) - {200, 201}, set())
            daemon.start()
            self.assert_serves(daemon, "net", SmallNet(9))


class AtOnce(ModelsTest):
    def test_two_uploads_at_once(self):
        nets = [SmallNet(seed) for seed in range(10, 14)]
        with Daemon() as daemon:
            codes = [[] for _ in nets]

            def upload(i, name):
                for _ in range(10):
                    codes[i].append(put_net(daemon, name, nets[i]).status)

            for same in (True, False):
                threads = [threading.Thread(target=upload, args=(i, "net" if same else "n%d" % i))
                           for i in range(len(nets))]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            everything = [c for own in codes for c in own]
            # Each name is new once.
            self.assertEqual((everything.count(201), set(everything)),
                             (1 + len(nets), {200, 201}))
            for i, net in enumerate(nets):
                self.assert_serves(daemon, "n%d" % i, net)
            picture = nets[0].picture(0)
            self.assertIn(logits(daemon, "net", picture), [n.logits(picture) for n in nets])

    def test_replacing_while_classifying_loses_no_request(self):
        """Every answer is whole: of one network or of the other, never of both."""
        nets = [SmallNet(20, hidden=8, classes=3), SmallNet(21, hidden=100, classes=5)]
        picture = nets[0].picture(0)
        may = [dict(enumerate(map(float, net.logits(picture)))) for net in nets]
        with Daemon() as daemon:
            put_net(daemon, "net", nets[0])
            failures, stopping, counts = [], threading.Event(), [0, 0]

            def classify():
                connection = daemon.connection()
                while not stopping.is_set():
                    answer = daemon.ask("POST", MODELS + "/net/classify?top=3", picture,
                                        connection=connection)
                    got = {s["class"]: s["logit"] for s in answer.json()["results"][0]["scores"]} \
                        if answer.status == 200 else None
                    of = [i for i in (0, 1) if got and got.items() <= may[i].items()]
                    if not of:
                        failures.append((answer.status, answer.body))
                    else:
                        counts[of[0]] += 1
                connection.close()
            threads = [threading.Thread(target=classify) for _ in range(3)]
            for thread in threads:
                thread.start()
            for i in range(30):
                self.assertEqual(put_net(daemon, "net", nets[(i + 1) % 2]).status, 200)
                time.sleep(0.02)
            stopping.set()
            for thread in threads:
                thread.join()
            self.assertEqual(failures[:3], [])
            self.assertGreater(min(counts), 10)

    def test_others_are_served_while_a_large_one_comes(self):
        net = SmallNet(22, dims=(1, 32, 32), hidden=512, classes=10)
        body = net.onnx()
        with Daemon() as daemon:
            with Load(daemon, n_threads=2) as load:
                for _ in range(3):
                    self.assertIn(put(daemon, "large", body, CONTRACT).status, (200, 201))
                    self.assertEqual(delete(daemon, "large"), 204)
            self.assertEqual(load.failures, [])
            self.assertGreater(load.answered, 50)

    def test_what_was_deleted_is_let_go(self):
        body = model_file("mnist")
        with Daemon() as daemon:
            def round_trip(n):
                for _ in range(n):
                    put(daemon, "again", body)
                    daemon.ask("POST", MODELS + "/again/classify", bytes(784))
                    delete(daemon, "again")
                time.sleep(1.5)  # the record lets go once a second
                return daemon.resident_kb()
            before = round_trip(10)
            after = round_trip(40)
            # Each has more than 500 kB of cells and weights. A sanitizer keeps what was
            # freed for a while, and tells of what was not when the process ends.
            if PATIENCE == 1:
                self.assertLess(after - before, 40 * 500 / 2)
            self.assertEqual(daemon.stop(), 0)


class Array(ModelsTest):
    def test_everything_that_an_array_does(self):
        net = SmallNet(30, dims=(1, 16, 16), hidden=70, classes=4)
        with Daemon() as daemon:
            answer = put_net(daemon, "net", net)
            layers = [layer["name"] for layer in answer.json()["model"]["layers"]]
            self.assertEqual(len(layers), 2)
            path = MODELS + "/net"
            self.assertEqual(daemon.memory("net")["state"]["weights"], net.cells)
            point = daemon.program("net", {"mode": "device", "target_write_error_rate": 1e-2,
                                           "program_over": "random", "pulse_ns": 10,
                                           "layers": {layers[0]: {"ecc": "secded"}}})
            self.assertEqual(point["layers"], {layers[0]: {"ecc": "secded"}})
            self.assertGreater(point["result"]["cell_errors"], 0)
            layer = daemon.get("%s/operating-point?layer=%s"
                               % (path, quote(layers[0], safe=""))).json()
            self.assertEqual((layer["layer"], layer["ecc"]), (layers[0], "secded"))
            daemon.post("net", "age", {"seconds": 1e7, "temperature_k": 400})
            scrubbed = daemon.post("net", "scrub")
            self.assertGreater(scrubbed["restored_cells"], 0)
            daemon.program("net", {"mode": "iid", "bit_error_rate": 0,
                                   "layers": {layers[0]: None}})
            self.assert_serves(daemon, "net", net)
            before = daemon.get(path + "/array").body
            generation = daemon.point("net")["generation"]
            done = daemon.post("net", "inject", {"bits": [
                {"layer": layers[0], "row": 69, "column": 255}]})
            self.assertEqual(done["result"]["wrong_bits"], 1)
            diff = daemon.get("%s/array/diff?a=%d&b=%d" % (path, generation, generation + 1))
            self.assertEqual(diff.json()["wrong_b"], 1)
            tile = daemon.get(path + "/memory/tiles/0.png")
            self.assertEqual((tile.status, tile.headers["Content-Type"]), (200, "image/png"))
            self.assertEqual(daemon.ask("PUT", path + "/array", before).status, 200)
            self.assertEqual(daemon.memory("net")["state"]["wrong_bits"], 0)
            self.assertEqual(daemon.ask("PUT", path + "/device", {
                "new_array": True, "preset": "retention"}).status, 200)
            self.assertGreater(daemon.get(path + "/energy").json()["joules"]["total"], 0)

            picture = net.picture(0)
            best = net.logits(picture)
            classified = daemon.ask("POST", path + "/classify?label=%d" % best.index(max(best)),
                                    picture).json()
            self.assertEqual(classified["model"], "net")
            metrics = daemon.get("/metrics").body.decode()
            self.assertIn('model="net"', metrics)
            status = daemon.get("/api/v1/status").json()
            self.assertIn("net", [m.get("name", m.get("model")) for m in status["models"]])
            self.assertTrue(eventually(lambda: database_rows(
                daemon, "SELECT * FROM v_accuracy WHERE model = 'net'")))
            series = daemon.get("/api/v1/series?metric=accuracy&model=net").json()
            self.assertEqual([s["model"] for s in series["series"]], ["net"])
            causes = [r["cause"] for r in database_rows(
                daemon, "SELECT cause FROM v_operating_point WHERE model = 'net'"
                " ORDER BY generation")]
            self.assertEqual(causes, ["program", "program", "age", "scrub", "program", "inject",
                                      "import", "program"])
            events = [r["message"] for r in database_rows(
                daemon, "SELECT message FROM event WHERE kind = 'model'")]
            self.assertTrue(any("uploaded" in e for e in events), events)


if __name__ == "__main__":
    unittest.main()
