# SPDX-License-Identifier: Apache-2.0
"""Server-sent events: what happens is told live, to those who read."""
import http.client
import json
import time
import unittest

from spinbnn_system import Daemon, PATIENCE, SOURCE

PATH = "/api/v1/events"
FOLLOWERS = 16


class Follower:
    """One reader of the stream, as a browser is one."""

    def __init__(self, daemon, last_id=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", daemon.port,
                                                     timeout=20 * PATIENCE)
        self.connection.request("GET", PATH, headers={} if last_id is None else {
            "Last-Event-ID": str(last_id)})
        self.response = self.connection.getresponse()
        self.id = None

    def next(self, *names):
        """The next event of one of these names: its name and data."""
        name = data = None
        end = time.monotonic() + 20 * PATIENCE
        while time.monotonic() < end:
            line = self.response.readline().decode()
            if line == "":
                return None, None
            field, _, value = line.rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data = json.loads(value)
            elif field == "id":
                self.id = int(value)
            elif field == "" and name is not None and (not names or name in names):
                return name, data
        raise AssertionError("none of %s in time" % (names,))

    def close(self):
        self.response.close()
        self.connection.close()


def connections(daemon):
    return daemon.ask("GET", "/api/v1/status").json()["connections"]


class Events(unittest.TestCase):
    def test_the_stream_is_one_that_browsers_read(self):
        with Daemon() as daemon:
            follower = Follower(daemon)
            self.assertEqual(follower.response.status, 200)
            self.assertEqual(follower.response.getheader("Content-Type"), "text/event-stream")
            self.assertEqual(follower.response.getheader("Cache-Control"), "no-store")
            self.assertEqual(follower.response.readline(), b"retry: 2000\n")
            follower.close()

    def test_counters_come_each_second_and_are_the_status(self):
        with Daemon() as daemon:
            follower = Follower(daemon)
            began = time.monotonic()
            _, first = follower.next("status")
            for _ in range(3):
                daemon.ask("POST", "/api/v1/models/mnist/classify", bytes(784))
            _, second = follower.next("status")
            while next(m for m in second["models"] if m["name"] == "mnist")["images"] < 3:
                _, second = follower.next("status")
            self.assertGreater(time.monotonic() - began, 0.9)
            self.assertEqual(set(first), set(daemon.ask("GET", "/api/v1/status").json()))
            follower.close()

    def test_what_changes_the_array_is_told_with_what_it_gave(self):
        with Daemon() as daemon:
            follower = Follower(daemon)
            point = daemon.patch("mnist", {"mode": "iid", "bit_error_rate": 0.01}).json()
            _, told = follower.next("generation")
            self.assertEqual((told["model"], told["generation"], told["cause"]),
                             ("mnist", point["generation"], "program"))
            self.assertEqual(told["wrong_bits"], point["result"]["wrong_bits"])
            daemon.ask("POST", "/api/v1/models/mnist/inject", json.dumps({"share": 0.001}),
                       {"Content-Type": "application/json"})
            self.assertEqual(follower.next("generation")[1]["cause"], "inject")
            follower.close()

    def test_events_are_told_as_they_are_kept(self):
        with Daemon() as daemon:
            follower = Follower(daemon)
            with open(SOURCE + "/models/mnist.sbnn", "rb") as file:
                answer = daemon.ask("PUT", "/api/v1/models/mine", file.read())
            self.assertEqual(answer.status, 201)
            _, told = follower.next("event")
            self.assertEqual((told["kind"], told["model"], told["version"], told["severity"]),
                             ("model", "mine", "1", "info"))
            self.assertLess(abs(told["ts"] - time.time()), 20 * PATIENCE)
            self.assertEqual(daemon.ask("POST", "/api/v1/admin/reload", b"{}").status, 200)
            _, told = follower.next("event")
            self.assertEqual((told["kind"], told["model"], told["version"]), ("reload", None, None))
            follower.close()

    def test_ids_grow_and_all_hear_the_same(self):
        with Daemon() as daemon:
            followers = [Follower(daemon) for _ in range(3)]
            for _ in range(3):
                daemon.ask("POST", "/api/v1/models/mnist/program", b"{}")
            heard = []
            for follower in followers:
                events = []
                for _ in range(3):
                    _, data = follower.next("generation")
                    events.append((follower.id, data["generation"]))
                heard.append(events)
                follower.close()
            self.assertEqual(heard[0], heard[1])
            self.assertEqual(heard[0], heard[2])
            self.assertEqual(heard[0], sorted(heard[0]))

    def test_who_comes_back_hears_what_he_missed(self):
        def program(n):
            for _ in range(n):
                daemon.program("mnist", {"mode": "iid", "bit_error_rate": 0.01})
            return daemon.point("mnist")["generation"]

        def hear(follower, upto):
            """Generations in their order, until this one; ids only grow."""
            heard, ids = [], []
            while not heard or heard[-1] < upto:
                name, data = follower.next("generation", "gap")
                self.assertEqual(name, "generation", data)
                ids.append(follower.id)
                if data["model"] == "mnist":
                    heard.append(data["generation"])
            self.assertEqual(ids, sorted(set(ids)))
            return heard
        with Daemon() as daemon:
            follower = Follower(daemon)
            first = program(1)
            self.assertEqual(hear(follower, first), [first])
            last_id = follower.id
            follower.close()
            # Nobody follows meanwhile.
            last = program(3)
            for given, begin in ((last_id, first + 1), (0, 1), (10 ** 18, 1), ("x", 1)):
                follower = Follower(daemon, given)
                self.assertEqual([g for g in hear(follower, last) if g >= begin],
                                 list(range(begin, last + 1)), given)
                follower.close()
            # Without a word of what was heard it begins with what comes.
            follower = Follower(daemon, "")
            self.assertEqual(hear(follower, program(1)), [last + 1])
            follower.close()
            self.assertEqual(daemon.stop(), 0)

    def test_a_place_is_free_again_when_somebody_leaves(self):
        with Daemon() as daemon:
            before = connections(daemon)
            followers = [Follower(daemon) for _ in range(FOLLOWERS)]
            refused = daemon.ask("GET", PATH)
            self.assertEqual((refused.status, refused.json()["code"]),
                             (503, "too_many_followers"))
            self.assertEqual(refused.headers["Retry-After"], "10")
            for follower in followers:
                follower.close()
            end = time.monotonic() + 20 * PATIENCE
            while connections(daemon) > before + 1 and time.monotonic() < end:
                time.sleep(0.1)
            self.assertLessEqual(connections(daemon), before + 1)
            for _ in range(3):
                follower = Follower(daemon)
                self.assertEqual(follower.response.status, 200)
                self.assertEqual(follower.next("status")[0], "status")
                follower.close()

    def test_a_head_has_no_stream(self):
        with Daemon() as daemon:
            for _ in range(FOLLOWERS + 2):
                answer = daemon.ask("HEAD", PATH)
                self.assertEqual((answer.status, answer.body), (200, b""))

    def test_the_end_is_no_delay_and_the_stream_ends_whole(self):
        with Daemon(drain_timeout_s=60) as daemon:
            followers = [Follower(daemon) for _ in range(4)]
            for follower in followers:
                follower.next("status")
            began = time.monotonic()
            self.assertEqual(daemon.stop(), 0)
            self.assertLess(time.monotonic() - began, 20 * PATIENCE)
            for follower in followers:
                while follower.next()[0] is not None:
                    pass  # to its end, without an incomplete chunk
                follower.close()


if __name__ == "__main__":
    unittest.main()
