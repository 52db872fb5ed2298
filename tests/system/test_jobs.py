# SPDX-License-Identifier: Apache-2.0
"""Experiments in the background: on arrays of their own, counted as classify would answer."""
import csv
import io
import json
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import tempfile
import unittest

from spinbnn_system import (PATIENCE, SPINBNN, Daemon, Load, binomial_bound, classify_all,
                            database_rows, eventually, is_poisson)
from test_events import Follower

JOBS = "/api/v1/jobs"
N = 400
# A sweep that takes long: nobody waits for its end.
LONG = {"kind": "sweep", "model": "cifar10", "seeds": list(range(100)), "axes": {
    "target_write_error_rate": [1e-9, 1e-7, 1e-5, 1e-3, 1e-2]}}
SHORT = {"kind": "sweep", "model": "mnist", "operating_point": {"mode": "iid"}}
# Which of seven segments a digit has: top, upper left and right, middle, lower left and right, bottom.
SEGMENTS = ["1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010",
            "1111111", "1111011"]
PLACES = [(4, 8, 7, 20), (5, 7, 14, 10), (5, 18, 14, 21), (12, 8, 15, 20), (13, 7, 23, 10),
          (13, 18, 23, 21), (21, 8, 24, 20)]


def draw(digit, rng):
    """28 x 28, light on dark, with some noise."""
    pixels = bytearray(rng.randrange(256) if rng.random() < 0.05 else 0 for _ in range(784))
    for on, (top, left, bottom, right) in zip(SEGMENTS[digit], PLACES):
        for y in range(top, bottom if on == "1" else top):
            for x in range(left, right):
                pixels[28 * y + x] = 255
    return bytes(pixels)


def write_idx(folder, pictures, labels, shape=(28, 28), head="t10k"):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, head + "-images-idx3-ubyte"), "wb") as f:
        f.write(struct.pack(">IIII", 0x803, len(pictures), *shape) + b"".join(pictures))
    with open(os.path.join(folder, head + "-labels-idx1-ubyte"), "wb") as f:
        f.write(struct.pack(">II", 0x801, len(labels)) + bytes(labels))


def setUpModule():
    global DATA, PICTURES, LABELS
    rng = random.Random(7)
    DATA = tempfile.mkdtemp(prefix="spinbnn-data-")
    LABELS = [rng.randrange(10) for _ in range(N)]
    PICTURES = [draw(digit, rng) for digit in LABELS]
    write_idx(os.path.join(DATA, "digits"), PICTURES, LABELS)
    write_idx(os.path.join(DATA, "digits"), PICTURES[:50], LABELS[:50], head="train")
    write_idx(os.path.join(DATA, "many"), PICTURES[:9], [0, 1, 2, 3, 4, 5, 6, 7, 10])
    os.mkdir(os.path.join(DATA, "empty"))
    write_idx(os.path.join(DATA, "torn"), PICTURES[:9], LABELS[:8])
    write_idx(os.path.join(DATA, ".hidden"), PICTURES[:9], LABELS[:9])


def tearDownModule():
    shutil.rmtree(DATA)


def post(daemon, body, status=202):
    answer = daemon.ask("POST", JOBS, body)
    if answer.status != status:
        raise AssertionError("%s: %d %s" % (body, answer.status, answer.body))
    if status == 202 and answer.headers["Location"] != "%s/%d" % (JOBS, answer.json()["id"]):
        raise AssertionError(answer.headers["Location"])
    return answer.json()


def state(daemon, job):
    return daemon.get("%s/%d" % (JOBS, job)).json()["state"]


def wait(daemon, job, *states):
    if not eventually(lambda: state(daemon, job) in states, 120):
        raise AssertionError(daemon.get("%s/%d" % (JOBS, job)).body)
    return daemon.get("%s/%d" % (JOBS, job)).json()


def results(daemon, job):
    return daemon.get("%s/%d/results" % (JOBS, job)).json()


def run(daemon, body, *states):
    """What came of a job."""
    job = post(daemon, body)["id"]
    wait(daemon, job, *(states or ("done",)))
    return results(daemon, job)


def right(classes):
    return sum(a == b for a, b in zip(classes, LABELS))


class Jobs(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(data=DATA).start()
        self.addCleanup(self.daemon.__exit__)

    def test_data_sets_are_listed(self):
        listed = {s["name"]: s["splits"] for s in self.daemon.get("/api/v1/datasets").json()["datasets"]}
        self.assertEqual(sorted(listed), ["digits", "many", "torn"])
        self.assertEqual(listed["digits"], [
            {"split": "test", "images": N, "classes": 10, "shape": [28, 28, 1]},
            {"split": "train", "images": 50, "classes": 10, "shape": [28, 28, 1]}])
        self.assertEqual(listed["many"][0]["classes"], 11)
        self.assertIn("8 labels", listed["torn"][0]["error"])

    def test_a_data_set_that_changes_is_looked_at_again(self):
        folder = os.path.join(DATA, "grows")
        self.addCleanup(shutil.rmtree, folder)
        write_idx(folder, PICTURES[:5], LABELS[:5])
        body = {"kind": "evaluate", "model": "mnist", "dataset": "grows"}
        self.assertEqual(post(self.daemon, body)["total"], 6)
        shutil.rmtree(folder)
        write_idx(folder, PICTURES[:7], LABELS[:7])
        self.assertEqual(post(self.daemon, body)["total"], 8)

    def test_an_evaluation_counts_what_classify_answers(self):
        body = {"kind": "evaluate", "model": "mnist", "dataset": "digits"}
        for rate in (0, 0.2):
            point = self.daemon.program("mnist", {"mode": "iid", "bit_error_rate": rate, "seed": 5})
            correct = right(classify_all(self.daemon, "mnist", PICTURES, LABELS))
            (served,) = run(self.daemon, body)["points"]
            (trial,) = served["trials"]
            self.assertEqual((trial["images"], trial["correct"]), (N, correct))
            self.assertEqual(trial["generation"], point["generation"])
            self.assertEqual(trial["wrong_bits"], point["result"]["wrong_bits"])
            self.assertEqual((trial["seed"], served["operating_point"]), (5, None))
            self.assertGreaterEqual(trial["correct_top5"], correct)
            low, high = served["accuracy_interval"]["low"], served["accuracy_interval"]["high"]
            self.assertTrue(low < correct / N < high)
        (few,) = run(self.daemon, dict(body, limit=10, split="train"))["points"]
        self.assertEqual(few["trials"][0]["images"], 10)

    def test_an_array_of_its_own_is_written_as_those_that_serve(self):
        """The same seed from the beginning gives the same cells and the same answers."""
        body = {"kind": "evaluate", "model": "mnist", "dataset": "digits", "operating_point": {}}
        before = self.daemon.point("mnist")
        (trial,) = run(self.daemon, body)["points"][0]["trials"]
        (served,) = run(self.daemon, {k: body[k] for k in ("kind", "model", "dataset")})["points"][0]["trials"]
        self.assertEqual(dict(trial, generation=1), served)
        self.assertEqual(trial["generation"], None)
        self.assertEqual(trial["energy_pj"], before["result"]["energy_pj"])

    def test_what_serves_stays_as_it_is(self):
        self.daemon.program("mnist", {"mode": "iid", "bit_error_rate": 0.01})
        before = self.daemon.point("mnist"), self.daemon.memory("mnist")
        run(self.daemon, dict(SHORT, dataset="digits", axes={"bit_error_rate": [0.5]}))
        run(self.daemon, {"kind": "minimise-energy", "model": "mnist", "dataset": "digits", "tolerance": 0.2})
        self.assertEqual((self.daemon.point("mnist"), self.daemon.memory("mnist")), before)

    def test_a_sweep_tells_what_errors_do(self):
        rates, seeds = [0, 1e-3, 1e-2, 0.1, 0.5], [1, 2, 3]
        clean = run(self.daemon, {"kind": "evaluate", "model": "mnist", "dataset": "digits"})
        clean = clean["points"][0]["trials"][0]["correct"]
        job = post(self.daemon, dict(SHORT, dataset="digits", seeds=seeds, axes={"bit_error_rate": rates}))["id"]
        wait(self.daemon, job, "done")
        told = results(self.daemon, job)
        self.assertEqual([p["operating_point"]["bit_error_rate"] for p in told["points"]], rates)
        for rate, point in zip(rates, told["points"]):
            self.assertEqual([t["seed"] for t in point["trials"]], seeds)
            for t in point["trials"]:
                self.assertAlmostEqual(t["predicted_wrong_bits"], rate * t["weights"], delta=1e-6 * t["weights"])
                self.assertLessEqual(abs(t["wrong_bits"] - rate * t["weights"]),
                                     binomial_bound(t["weights"], rate))
                self.assertEqual(t["energy_pj"], None)
            mean = sum(t["correct"] for t in point["trials"]) / N / len(seeds)
            self.assertAlmostEqual(point["mean"]["accuracy"], mean)
        first, last = told["points"][0], told["points"][-1]
        self.assertTrue(all((t["wrong_bits"], t["correct"]) == (0, clean) for t in first["trials"]))
        self.assertAlmostEqual(first["standard_error"]["accuracy"], 0)
        # Weights that are coins answer like dice: a tenth, within the bound.
        self.assertLess(last["mean"]["accuracy"] + 2 * 5 * (0.25 / N) ** 0.5, first["mean"]["accuracy"])
        answer = self.daemon.get("%s/%d/results" % (JOBS, job), headers={"Accept": "text/csv"})
        self.assertEqual(answer.headers["Content-Type"], "text/csv; charset=utf-8; header=present")
        self.assertEqual(answer.headers["Vary"], "Accept")
        rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
        trials = [t for p in told["points"] for t in p["trials"]]
        self.assertEqual([(int(r["seed"]), int(r["wrong_bits"]), float(r["accuracy"])) for r in rows],
                         [(t["seed"], t["wrong_bits"], t["accuracy"]) for t in trials])
        view = database_rows(self.daemon, "SELECT seed, wrong_bits, accuracy FROM v_job_result "
                             "WHERE job = ? AND kind = 'sweep' AND model = 'mnist' ORDER BY trial", job)
        self.assertEqual([tuple(r.values()) for r in view],
                         [(t["seed"], t["wrong_bits"], t["accuracy"]) for t in trials])

    def test_a_sweep_without_pictures_tells_bits_and_energy(self):
        told = run(self.daemon, {"kind": "sweep", "model": "mnist", "axes": {
            "target_write_error_rate": [1e-9, 1e-4, 1e-2], "ecc": ["none", "secded"]}})
        trials = [p["trials"][0] for p in told["points"]]
        for t in trials:
            self.assertTrue(is_poisson(t["wrong_bits"], t["predicted_wrong_bits"], bunch=3), t)
            self.assertEqual((t["images"], t["accuracy"], t["correct"]), (0, None, None))
        # Weaker writes cost less and a code costs more.
        plain, coded = [t["energy_pj"] for t in trials[::2]], [t["energy_pj"] for t in trials[1::2]]
        self.assertEqual(plain, sorted(plain, reverse=True))
        self.assertTrue(all(p < c for p, c in zip(plain, coded)))

    def test_the_same_job_gives_the_same_numbers_anywhere(self):
        body = {"kind": "sweep", "model": "mnist", "dataset": "digits", "limit": 100, "seeds": [1, 9], "axes": {
            "target_write_error_rate": [1e-2, 0.2], "ecc": ["none", "bch2"]}}
        self.daemon.program("mnist", {"mode": "iid", "bit_error_rate": 0.3, "seed": 4})
        told = run(self.daemon, body)
        with Daemon(data=DATA, kernel="scalar", threads=1, workers=1) as other:
            self.assertEqual(run(other, body)["points"], told["points"])

    def test_the_least_energy_is_found_within_the_tolerance(self):
        body = {"kind": "minimise-energy", "model": "mnist", "dataset": "digits", "tolerance": 0.1,
                "confidence": 0.9, "seeds": [1, 2]}
        told = run(self.daemon, body)
        summary = told["summary"]
        best, reference = summary["best"], summary["reference"]
        trials = {p["point"]: p["trials"] for p in told["points"]}
        self.assertEqual([c["way"] for c in summary["candidates"]], [{"ecc": "none"}, {"ecc": "secded"}])
        self.assertEqual(len(trials), 1 + 2 * 8)
        self.assertEqual(best["energy_pj"], min(c["energy_pj"] for c in summary["candidates"]))
        self.assertAlmostEqual(best["energy_pj"], sum(t["energy_pj"] for t in trials[best["point"]]) / 2, 2)
        self.assertAlmostEqual(reference["energy_pj"], sum(t["energy_pj"] for t in trials[0]) / 2, 2)
        self.assertAlmostEqual(best["relative_energy"], best["energy_pj"] / reference["energy_pj"])
        self.assertLess(best["relative_energy"], 0.6)
        # Every try that passed is within the tolerance by its lower end, and none that is cheaper is.
        least = summary["error_free_accuracy"] - body["tolerance"]
        for candidate in summary["candidates"]:
            self.assertGreaterEqual(candidate["accuracy_at_least"], least)
            self.assertLess(candidate["accuracy_at_least"], candidate["accuracy"])
            for point, tried in trials.items():
                way = told["points"][point]["operating_point"]
                energy = sum(t["energy_pj"] for t in tried) / 2
                if way.get("ecc") == candidate["way"]["ecc"] and energy < candidate["energy_pj"] - 1:
                    share = sum(t["correct"] for t in tried) / (2 * N)
                    self.assertLess(share - 1.2816 * (share * (1 - share) / (2 * N)) ** 0.5, least + 0.005)

    def test_too_few_pictures_for_a_search_are_a_reason(self):
        job = post(self.daemon, {"kind": "minimise-energy", "model": "mnist", "dataset": "digits",
                                 "tolerance": 0.001})["id"]
        failed = wait(self.daemon, job, "failed")
        self.assertIn("too few", failed["error"])
        self.assertEqual(failed["summary"], None)

    def test_what_cannot_be_is_refused(self):
        on_digits = {"kind": "evaluate", "dataset": "digits"}
        for body, pointer, words in (
                (dict(on_digits, model="none"), "/model", "no model"),
                (dict(on_digits, model="cifar10"), "/dataset", "takes 32 x 32 x 3"),
                (dict(on_digits, model="mnist", dataset="none"), "/dataset", "no data set"),
                (dict(on_digits, model="mnist", dataset="empty"), "/dataset", "no t10k-images"),
                (dict(on_digits, model="mnist", dataset="torn"), "/dataset", "8 labels"),
                (dict(on_digits, model="mnist", dataset="many"), "/dataset", "labels up to 10"),
                (dict(on_digits, model="mnist", dataset=".."), "/dataset", "expected a name"),
                (dict(SHORT, axes={"bit_error_rate": [0, 2]}), "/bit_error_rate", "operating point 1"),
                (dict(SHORT, axes={"bit_error": [0]}), "/bit_error", "did you mean bit_error_rate"),
                (dict(SHORT, kind="minimise-energy", dataset="digits"), "/target_write_error_rate", "iid")):
            problem = post(self.daemon, body, 422)
            self.assertEqual(problem["errors"][0]["pointer"], pointer, body)
            self.assertIn(words, problem["detail"], body)
        self.assertEqual(self.daemon.get(JOBS).json(), {"jobs": []})
        for path in (JOBS + "/1", JOBS + "/x", JOBS + "/1/results"):
            self.assertEqual(self.daemon.get(path).status, 404)
        self.assertEqual(self.daemon.ask("DELETE", JOBS + "/1").status, 404)
        self.assertEqual(self.daemon.get(JOBS + "?limit=0").status, 422)

    def test_a_write_that_cannot_be_driven_is_a_reason(self):
        job = post(self.daemon, {"kind": "sweep", "model": "mnist", "points": [
            {"target_write_error_rate": 0.1}, {"target_write_error_rate": 1e-15, "pulse_ns": 0.2}]})["id"]
        self.assertIn("operating point 1", wait(self.daemon, job, "failed")["error"])
        self.assertEqual(len(results(self.daemon, job)["points"]), 1)

    def test_a_job_that_runs_is_cancelled_and_keeps_what_it_did(self):
        job = post(self.daemon, LONG)["id"]
        self.assertTrue(eventually(lambda: results(self.daemon, job)["points"]))
        answer = self.daemon.ask("DELETE", "%s/%d" % (JOBS, job))
        self.assertEqual((answer.status, answer.json()["state"]), (202, "running"))
        ended = wait(self.daemon, job, "cancelled")
        self.assertLess(ended["done"], ended["total"])
        self.assertGreaterEqual(ended["done"], len(results(self.daemon, job)["points"][0]["trials"]))
        self.assertEqual(self.daemon.ask("DELETE", "%s/%d" % (JOBS, job)).status, 204)
        self.assertEqual(self.daemon.get("%s/%d" % (JOBS, job)).status, 404)
        self.assertEqual(database_rows(self.daemon, "SELECT * FROM v_job_result"), [])

    def test_so_many_may_wait_and_no_more(self):
        running = post(self.daemon, LONG)["id"]
        wait(self.daemon, running, "running")
        waiting = [post(self.daemon, SHORT)["id"] for _ in range(16)]
        answer = self.daemon.ask("POST", JOBS, SHORT)
        self.assertEqual((answer.status, answer.json()["code"]), (429, "queue_full"))
        self.assertIn("Retry-After", answer.headers)
        # One that waits is cancelled at once, and makes room.
        answer = self.daemon.ask("DELETE", "%s/%d" % (JOBS, waiting[3]))
        self.assertEqual((answer.status, answer.json()["state"]), (200, "cancelled"))
        waiting.append(post(self.daemon, SHORT)["id"])
        metrics = self.daemon.get("/metrics").body.decode()
        self.assertIn('spinbnn_jobs{state="queued"} 16\n', metrics)
        self.assertIn('spinbnn_jobs{state="running"} 1\n', metrics)
        self.daemon.ask("DELETE", "%s/%d" % (JOBS, running))
        for job in waiting[:3] + waiting[4:]:
            wait(self.daemon, job, "done")
        listed = [j["id"] for j in self.daemon.get(JOBS + "?limit=5").json()["jobs"]]
        self.assertEqual(listed, waiting[:-6:-1])

    def test_followers_hear_of_every_state_and_of_progress(self):
        follower = Follower(self.daemon)
        job = post(self.daemon, LONG)["id"]
        heard = [follower.next("job")[1] for _ in range(4)]
        self.assertEqual([h["state"] for h in heard], ["queued", "running", "running", "running"])
        done = [h["done"] for h in heard]
        self.assertTrue(done == sorted(done) and done[1] < done[2] < done[3] < heard[0]["total"], done)
        self.daemon.ask("DELETE", "%s/%d" % (JOBS, job))
        while heard[-1]["state"] == "running":
            heard.append(follower.next("job")[1])
        self.assertEqual(heard[-1], dict(heard[-1], id=job, kind="sweep", model="cifar10", state="cancelled"))
        follower.close()

    def test_requests_are_answered_beside_a_job(self):
        job = post(self.daemon, LONG)["id"]
        wait(self.daemon, job, "running")
        with Load(self.daemon, n_threads=3) as load:
            self.assertTrue(eventually(lambda: load.answered > 200))
            # The array is programmed beside it, too.
            self.assertEqual(self.daemon.program("mnist", {"mode": "iid"})["generation"], 2)
        self.assertEqual(load.failures, [])
        self.assertEqual(state(self.daemon, job), "running")

    def test_a_model_that_is_deleted_is_kept_for_its_jobs(self):
        with open(os.path.join(os.path.dirname(__file__), "../../models/mnist.sbnn"), "rb") as f:
            self.assertEqual(self.daemon.ask("PUT", "/api/v1/models/mine", f.read()).status, 201)
        running = post(self.daemon, LONG)["id"]
        job = post(self.daemon, dict(SHORT, model="mine", dataset="digits"))["id"]
        self.assertEqual(self.daemon.ask("DELETE", "/api/v1/models/mine").status, 204)
        self.daemon.ask("DELETE", "%s/%d" % (JOBS, running))
        wait(self.daemon, job, "done")


class CommandLine(unittest.TestCase):
    def spinbnn(self, *args, code=0):
        done = subprocess.run([SPINBNN, "--url", self.daemon.url] + list(args), text=True,
                              capture_output=True, timeout=120 * PATIENCE)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout + done.stderr

    def test_a_job_from_its_beginning_to_its_end(self):
        with Daemon(data=DATA) as self.daemon:
            out = self.spinbnn("job", "sweep", "-m", "mnist", "-d", "digits", "--at", "mode=iid",
                               "--axis", "bit_error_rate=0,0.1", "--seeds", "2", "--limit", "50", "--wait")
            self.assertRegex(out, r'"bit_error_rate":0\} +2 +0 +0 +- +[0-9.]+ % \+- 0.00')
            told = results(self.daemon, 1)
            shown = json.loads(self.spinbnn("--json", "job", "results", "1"))
            # In as many digits as people type.
            self.assertEqual([[t["wrong_bits"] for t in p["trials"]] for p in shown["points"]],
                             [[t["wrong_bits"] for t in p["trials"]] for p in told["points"]])
            self.assertEqual(told["points"][1]["trials"][1]["images"], 50)
            self.assertEqual(len(self.spinbnn("job", "results", "1", "--csv", "-").splitlines()), 5)
            self.assertRegex(self.spinbnn("job", "list"), r"1 +sweep +mnist +done +204 +204")
            self.assertIn("job 1, sweep of mnist: done", self.spinbnn("job", "show", "1"))
            # One that runs is cancelled, one that has ended is forgotten.
            post(self.daemon, LONG)
            wait(self.daemon, 2, "running")
            self.assertIn("job 2, sweep of cifar10: running", self.spinbnn("job", "stop", "2"))
            wait(self.daemon, 2, "cancelled")
            self.assertIn("is forgotten", self.spinbnn("job", "stop", "2"))
            self.assertIn("no job", self.spinbnn("job", "show", "2", code=1))
            out = self.spinbnn("job", "evaluate", "-m", "mnist", "-d", "none", code=1)
            self.assertIn("no data set", out)
            out = self.spinbnn("job", "minimise-energy", "-m", "mnist", "-d", "digits", "--tolerance", "0.2", "-w")
            self.assertIn("of the reference", out)


class Restarts(unittest.TestCase):
    def ended_by(self, end):
        """What is left of a job that had ended, one that ran and one that waited."""
        with Daemon(data=DATA) as daemon:
            told = run(daemon, dict(SHORT, dataset="digits", axes={"bit_error_rate": [0, 0.1]}))
            running, waiting = post(daemon, LONG)["id"], post(daemon, SHORT)["id"]
            self.assertTrue(eventually(lambda: results(daemon, running)["points"]))
            end(daemon)
            daemon.start()
            self.assertEqual(results(daemon, told["job"]), told)
            states = {j["id"]: j["state"] for j in daemon.get(JOBS).json()["jobs"]}
            self.assertEqual(states, {told["job"]: "done", running: "interrupted", waiting: "interrupted"})
            self.assertNotEqual(results(daemon, running)["points"], [])
            self.assertNotEqual(daemon.get("%s/%d" % (JOBS, running)).json()["ended_at"], None)
            # Numbers go on, even after the last one was taken away.
            self.assertEqual(daemon.ask("DELETE", "%s/%d" % (JOBS, waiting)).status, 204)
            self.assertEqual(post(daemon, SHORT)["id"], waiting + 1)

    def test_a_thousand_are_kept(self):
        with Daemon() as daemon:
            daemon.stop()
            with sqlite3.connect(os.path.join(daemon.state, "spinbnn.db")) as database:
                for _ in range(1005):
                    database.execute("INSERT INTO job (kind, state, model, request, created_ts, done, total) "
                                     "VALUES ('sweep', 'done', 'mnist', '{}', 1, 1, 1)")
            database.close()
            daemon.start()
            listed = [j["id"] for j in daemon.get(JOBS + "?limit=1000").json()["jobs"]]
            self.assertEqual(listed, list(range(1005, 5, -1)))
            for _ in range(3):
                wait(daemon, post(daemon, SHORT)["id"], "done")
            listed = [j["id"] for j in daemon.get(JOBS + "?limit=1000").json()["jobs"]]
            self.assertEqual(listed, list(range(1008, 8, -1)))
            kept = database_rows(daemon, "SELECT id FROM job WHERE id > 5 ORDER BY id DESC")
            self.assertEqual([row["id"] for row in kept], listed)

    def test_a_stop_interrupts_and_loses_nothing(self):
        self.ended_by(lambda daemon: self.assertEqual(daemon.stop(), 0))

    def test_a_kill_interrupts_and_loses_nothing(self):
        self.ended_by(lambda daemon: daemon.kill())


if __name__ == "__main__":
    unittest.main()
