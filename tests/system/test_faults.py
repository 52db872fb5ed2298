# SPDX-License-Identifier: Apache-2.0
"""What the world does to a daemon: full and read-only disks, broken files, stopped
processes, odd, slow and very many clients."""
import contextlib
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import time
import unittest

from spinbnn_system import Daemon, Load, PATIENCE, SPINBNND, eventually

CLASSIFY = "/api/v1/models/mnist/classify"
PICTURE = (b"POST " + CLASSIFY.encode() + b" HTTP/1.1\r\nHost: localhost\r\n"
           b"Content-Type: application/octet-stream\r\nContent-Length: 784\r\n\r\n" + bytes(784))
LIVE = b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds * PATIENCE
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited %g s for: %s" % (seconds * PATIENCE, what))


def status(daemon):
    return daemon.get("/api/v1/status").json()


def events(daemon):
    database = sqlite3.connect("file:%s/spinbnn.db?mode=ro" % daemon.state, uri=True)
    try:
        return database.execute("SELECT severity, kind, model, message FROM v_events").fetchall()
    finally:
        database.close()


def counted(daemon, column="requests"):
    database = sqlite3.connect("file:%s/spinbnn.db?mode=ro" % daemon.state, uri=True)
    try:
        return database.execute("SELECT coalesce(sum(%s), 0) FROM w10" % column).fetchone()[0]
    finally:
        database.close()


def random_point(rate):
    return {"mode": "uniform", "program_over": "random", "pulse_ns": 10,
            "target_write_error_rate": rate}


def can_mount():
    return subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"],
                          stderr=subprocess.DEVNULL).returncode == 0


@contextlib.contextmanager
def mounts_of_its_own(script):
    """A program that runs spinbnnd in a mount namespace of its own, after `script`."""
    with tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False) as f:
        f.write('#!/bin/sh\nset -e\n%s\nexec "%s" "$@"\n' % (script, SPINBNND))
    os.chmod(f.name, 0o700)
    try:
        yield ["unshare", "--mount", f.name]
    finally:
        os.unlink(f.name)


class FullDisk(unittest.TestCase):
    """The counters wait in memory, the array keeps serving, and both say so."""

    def check(self, daemon, fill, free):
        """`fill` leaves no space in the state folder, `free` gives it back."""
        body = PICTURE.split(b"\r\n\r\n", 1)[1]
        answered = 0

        def classify(n):
            nonlocal answered
            for _ in range(n):
                self.assertEqual(daemon.ask("POST", CLASSIFY, body).status, 200)
            answered += n
        classify(20)
        self.assertIs(daemon.point("mnist")["durable"], True)
        fill()
        classify(20)

        def patch(rate):
            answer = daemon.patch("mnist", random_point(rate))
            self.assertEqual(answer.status, 200, answer.body)
            return answer.json()
        point = patch(1e-2)
        self.assertIs(point["durable"], False)
        self.assertEqual(daemon.point("mnist"), point)
        # A write-ahead log may have room left for a while.
        deadline = time.monotonic() + 60 * PATIENCE
        while not status(daemon)["database"]["degraded"]:
            self.assertLess(time.monotonic(), deadline)
            patch(1e-3)
            classify(10)
        self.assertEqual(daemon.get("/v2/health/ready").status, 200)
        metrics = daemon.get("/metrics").body.decode()
        self.assertIn("\nspinbnn_db_degraded 1\n", metrics)
        self.assertNotIn("\nspinbnn_db_write_errors_total 0\n", metrics)
        classify(20)

        free()
        wait_until(lambda: not status(daemon)["database"]["degraded"], 20, "the database")
        self.assertIs(patch(1e-2)["durable"], True)
        generation = daemon.point("mnist")
        self.assertEqual(status(daemon)["database"]["rows_dropped"], 0)
        return answered, generation

    def check_rows(self, daemon, answered, generation):
        self.assertEqual(counted(daemon), answered)
        found = [e for e in events(daemon) if e[1] == "array" and e[2] == "mnist"]
        self.assertTrue(found)
        self.assertEqual(found[0][0], "error")
        self.assertIn("not on disk", found[0][3])
        database = sqlite3.connect("file:%s/spinbnn.db?mode=ro" % daemon.state, uri=True)
        numbers = [r[0] for r in database.execute(
            "SELECT generation FROM v_operating_point WHERE model = 'mnist' ORDER BY ts, generation")]
        database.close()
        self.assertEqual(numbers, list(range(1, generation["generation"] + 1)))

    @unittest.skipUnless(can_mount(), "file systems cannot be mounted here")
    def test_a_full_file_system(self):
        with tempfile.TemporaryDirectory() as state, \
                mounts_of_its_own("mount -t tmpfs -o size=16m none " + state) as command:
            daemon = Daemon(state=state, command=command).start()
            # The folder as the process has it.
            inside = "/proc/%d/root%s" % (daemon.process.pid, state)
            hog = os.path.join(inside, "hog")

            def fill():
                with open(hog, "wb", buffering=0) as f:
                    with contextlib.suppress(OSError):
                        while True:
                            f.write(bytes(65536))
                    with contextlib.suppress(OSError):
                        while True:
                            f.write(bytes(512))
            try:
                answered, generation = self.check(daemon, fill, lambda: os.unlink(hog))
                root = os.open(inside, os.O_RDONLY)
                code = daemon.stop()
                # The file system lives as long as the descriptor.
                shutil.copy("/proc/self/fd/%d/spinbnn.db" % root, state)
                os.close(root)
            finally:
                if daemon.process is not None:
                    daemon.kill()
            self.assertEqual(code, 0)
            self.check_rows(daemon, answered, generation)

    def test_a_limit_of_file_size(self):
        with Daemon() as daemon:
            def limit(n):
                resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE,
                                 (n, resource.RLIM_INFINITY))
            answered, generation = self.check(daemon, lambda: limit(100),
                                              lambda: limit(resource.RLIM_INFINITY))
            self.assertEqual(daemon.stop(), 0)
            self.check_rows(daemon, answered, generation)
            # The array is that of the last programming.
            daemon.start()
            self.assertEqual(daemon.point("mnist"), generation)


class StateFolder(unittest.TestCase):
    def fails(self, command, state, word):
        done = subprocess.run([*command, "--state-dir", state, "--listen", "127.0.0.1:0"],
                              capture_output=True, text=True, timeout=60 * PATIENCE)
        self.assertEqual(done.returncode, 73, done.stderr)
        self.assertIn(state, done.stderr)
        self.assertIn(word, done.stderr)
        # The cause is said once.
        self.assertEqual(done.stderr.count("error "), 1, done.stderr)

    @unittest.skipUnless(can_mount(), "file systems cannot be mounted here")
    def test_a_read_only_folder_is_exit_73(self):
        with tempfile.TemporaryDirectory() as state:
            with mounts_of_its_own("mount -t tmpfs -o ro none " + state) as command:
                self.fails(command, state, "Read-only file system")
            # Used before, and read-only now: every file is there.
            with Daemon(state=state) as daemon:
                self.assertEqual(daemon.stop(), 0)
            with mounts_of_its_own("mount --bind %s %s\nmount -o remount,ro,bind %s" %
                                   (state, state, state)) as command:
                self.fails(command, state, "Read-only file system")

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_a_folder_of_others_is_exit_73(self):
        with tempfile.TemporaryDirectory() as state:
            os.chmod(state, 0o555)
            self.fails([SPINBNND], state, "Permission denied")
            os.chmod(state, 0o755)

    def test_a_file_in_its_place_is_exit_73(self):
        with tempfile.NamedTemporaryFile() as f:
            self.fails([SPINBNND], f.name, "Not a directory")

    def test_a_folder_without_space_is_exit_73(self):
        if not can_mount():
            self.skipTest("file systems cannot be mounted here")
        with tempfile.TemporaryDirectory() as state, \
                mounts_of_its_own("mount -t tmpfs -o size=4k none " + state) as command:
            self.fails(command, state, "spinbnn.db")


class ArrayImage(unittest.TestCase):
    """An image that cannot be used costs the array, never the service."""

    def start_with(self, daemon, image):
        """What it serves after the image of mnist became these bytes."""
        path = daemon.state + "/arrays/mnist.array"
        with open(path, "wb") as f:
            f.write(image)
        daemon.start()
        self.assertEqual(daemon.ask("POST", CLASSIFY, bytes(784)).status, 200)
        point = daemon.point("mnist")
        self.assertEqual(daemon.stop(), 0)
        return point

    def test_broken_images_are_replaced_by_a_new_array_and_an_event(self):
        rng = random.Random(7)
        with Daemon() as daemon:
            daemon.patch("mnist", random_point(1e-2))
            good_point = daemon.point("mnist")
            other = daemon.point("fashion")
            self.assertEqual(daemon.stop(), 0)
            with open(daemon.state + "/arrays/mnist.array", "rb") as f:
                good = f.read()
            with open(daemon.state + "/arrays/fashion.array", "rb") as f:
                fashion = f.read()
            flipped = bytearray(good)
            flipped[len(good) // 2] ^= 4
            table = [b"", good[:7], good[:-1], good[:len(good) // 3], good + b"x", bytes(flipped),
                     fashion, bytes(len(good)), rng.randbytes(5000)]
            for n, image in enumerate(table, 1):
                with self.subTest(n=n):
                    point = self.start_with(daemon, image)
                    self.assertEqual((point["generation"], point["mode"]), (1, "device"))
                    self.assertIs(point["durable"], True)
                    found = [e for e in events(daemon) if e[1] == "array"]
                    self.assertEqual(len(found), n)
                    self.assertEqual(found[-1][0], "warning")
                    self.assertEqual(found[-1][2], "mnist")
                    self.assertIn("mnist.array", found[-1][3])
            # The real one is as good as ever, and the other model was never touched.
            self.assertEqual(self.start_with(daemon, good), good_point)
            daemon.start()
            self.assertEqual(daemon.point("fashion"), other)

    def test_what_a_crash_left_beside_the_image_is_no_harm(self):
        with Daemon() as daemon:
            point = daemon.point("mnist")
            self.assertEqual(daemon.stop(), 0)
            with open(daemon.state + "/arrays/mnist.array.tmp", "wb") as f:
                f.write(b"half")
            daemon.start()
            self.assertEqual(daemon.point("mnist"), point)
            self.assertIs(daemon.patch("mnist", random_point(1e-2)).json()["durable"], True)
            self.assertFalse(os.path.exists(daemon.state + "/arrays/mnist.array.tmp"))


class Processes(unittest.TestCase):
    def test_a_stopped_process_goes_on_where_it_was(self):
        with Daemon() as daemon:
            with Load(daemon, n_threads=3) as load:
                for _ in range(3):
                    time.sleep(0.2)
                    daemon.process.send_signal(signal.SIGSTOP)
                    time.sleep(0.5)
                    before = load.answered
                    daemon.process.send_signal(signal.SIGCONT)
                    wait_until(lambda: load.answered > before + 10, 10, "answers")
            self.assertEqual(load.failures, [])
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(counted(daemon), load.answered)

    def test_a_second_sigterm_ends_it_at_once_though_a_client_dawdles(self):
        with Daemon(drain_timeout_s=300) as daemon:
            # A request that is never finished holds the drain up.
            with socket.create_connection(("127.0.0.1", daemon.port)) as s:
                s.sendall(PICTURE[:-1])
                time.sleep(0.3)
                daemon.process.terminate()
                time.sleep(1)
                self.assertIsNone(daemon.process.poll())
                began = time.monotonic()
                self.assertEqual(daemon.stop(), 0)
                self.assertLess(time.monotonic() - began, 10 * PATIENCE)

    def test_a_drain_ends_when_its_time_is_up(self):
        with Daemon(drain_timeout_s=1) as daemon:
            with socket.create_connection(("127.0.0.1", daemon.port)) as s:
                s.sendall(PICTURE[:-1])
                time.sleep(0.3)
                began = time.monotonic()
                self.assertEqual(daemon.stop(), 0)
                self.assertLess(time.monotonic() - began, 10 * PATIENCE)


class Clients(unittest.TestCase):
    def test_five_hundred_idle_connections_and_load(self):
        # On a slow build all of them go to the workers at once.
        with Daemon(queue=1000) as daemon:
            with contextlib.ExitStack() as stack:
                idle = []
                for _ in range(500):
                    s = stack.enter_context(socket.create_connection(("127.0.0.1", daemon.port)))
                    s.settimeout(30 * PATIENCE)
                    s.sendall(LIVE)
                    idle.append(s)
                for s in idle:
                    self.assertIn(b"200 OK", s.recv(4096))
                with Load(daemon, n_threads=4) as load:
                    time.sleep(1)
                self.assertEqual(load.failures, [])
                self.assertGreater(load.answered, 50)
                self.assertGreaterEqual(status(daemon)["connections"], 500)
                # And each of them still works.
                for s in idle:
                    s.sendall(PICTURE)
                for s in idle:
                    self.assertIn(b"200 OK", s.recv(4096))
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(counted(daemon), load.answered + 500)

    def test_more_connections_than_the_limit_are_closed_at_once(self):
        with Daemon(max_connections=10) as daemon, contextlib.ExitStack() as stack:
            held = [stack.enter_context(socket.create_connection(("127.0.0.1", daemon.port)))
                    for _ in range(10)]
            for s in held:
                s.sendall(LIVE)
                self.assertIn(b"200 OK", s.recv(4096))
            with socket.create_connection(("127.0.0.1", daemon.port), timeout=10) as s:
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(s.recv(100), b"")
            held[0].sendall(LIVE)
            self.assertIn(b"200 OK", held[0].recv(4096))

    def test_a_slow_sender_hinders_nobody_and_is_closed_in_the_end(self):
        with Daemon(threads=1, head_timeout_s=2) as daemon, contextlib.ExitStack() as stack:
            slow = [stack.enter_context(socket.create_connection(("127.0.0.1", daemon.port)))
                    for _ in range(20)]
            ended = set()
            with Load(daemon, n_threads=2) as load:
                end = time.monotonic() + 20 * PATIENCE
                at = 0
                while len(ended) < len(slow) and time.monotonic() < end:
                    for i, s in enumerate(slow):
                        if i in ended:
                            continue
                        try:
                            s.sendall(LIVE[at % 20:at % 20 + 1])
                            if s.recv(100, socket.MSG_DONTWAIT) == b"":
                                ended.add(i)
                        except BlockingIOError:
                            pass
                        except (BrokenPipeError, ConnectionResetError):
                            ended.add(i)
                    at += 1
                    before = load.answered
                    time.sleep(0.5)
                    self.assertGreater(load.answered, before)
            self.assertEqual(len(ended), len(slow))
            self.assertEqual(load.failures, [])

    def test_bodies_together_have_a_limit(self):
        """Of 16 MiB two bodies of 12 MiB do not find room, and one does as soon as it is let go."""
        size = 12 << 20
        head = ("POST /v2/models/mnist/infer HTTP/1.1\r\nHost: localhost\r\n"
                "Content-Length: %d\r\n\r\n" % (size + 1)).encode()
        with Daemon(threads=2, body_memory_mb=16) as daemon:
            def room():
                """Whether a second one would be read; refused by its head alone."""
                with socket.create_connection(("127.0.0.1", daemon.port),
                                              timeout=30 * PATIENCE) as s:
                    s.sendall(head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
                    answer = s.recv(4096)
                if answer.startswith(b"HTTP/1.1 100 "):
                    return True
                self.assertTrue(answer.startswith(b"HTTP/1.1 503 "), answer)
                self.assertIn(b"\r\nRetry-After: 1\r\n", answer)
                self.assertIn(b"16 MiB together", answer)
                return False
            with socket.create_connection(("127.0.0.1", daemon.port)) as held:
                held.sendall(head + bytes(size))
                self.assertTrue(eventually(lambda: not room()))
                for _ in range(3):
                    self.assertEqual(daemon.ask("POST", CLASSIFY, bytes(784)).status, 200)
            self.assertTrue(eventually(room))
            self.assertEqual(daemon.stop(), 0)

    def pipelined(self, daemon, requests, n):
        """All that comes back until n answers began and the server falls silent."""
        got = b""
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=20 * PATIENCE) as s:
            s.sendall(requests)
            while got.count(b"HTTP/1.1 ") < n:
                part = s.recv(65536)
                if not part:
                    break
                got += part
            s.settimeout(0.3)
            with contextlib.suppress(socket.timeout):
                got += s.recv(65536)
        return got

    def test_pipelined_requests_are_answered_in_order(self):
        with Daemon() as daemon:
            for request, word in ((LIVE, b'{"live":true}'), (PICTURE, b'"results"')):
                got = self.pipelined(daemon, request * 40, 40)
                self.assertEqual(got.count(b"HTTP/1.1 200 OK"), 40)
                self.assertEqual(got.count(word), 40)
            mixed = self.pipelined(daemon, LIVE + PICTURE + LIVE +
                                   b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n" + LIVE, 5)
            self.assertEqual(re.findall(rb"HTTP/1\.1 (\d+)", mixed),
                             [b"200", b"200", b"200", b"404", b"200"])

    def test_random_bytes_never_hurt(self):
        rng = random.Random(31415)
        words = [b"GET ", b"POST ", b"PATCH ", b"/api/v1/models/mnist/classify", b" HTTP/1.1",
                 b"\r\n", b"Host: localhost", b"Content-Length: ", b"784", b"-1", b"99999999999999999999",
                 b"Transfer-Encoding: chunked", b"\r\n\r\n", b"?top=3", b"%", b"%2e", b"\0",
                 b"{\"images\":[{\"pixels\":[0,", b"\x89PNG\r\n\x1a\n", b"P5\n28 28\n255\n",
                 b"If-Match: ", b"\"1\"", b"Expect: 100-continue", b"/", b":", b"a" * 9000]
        with Daemon() as daemon:
            for i in range(1000):
                if i % 2:
                    data = rng.randbytes(rng.randrange(1, 400))
                else:
                    data = b"".join(rng.choice(words) for _ in range(rng.randrange(1, 14)))
                with socket.create_connection(("127.0.0.1", daemon.port), timeout=30) as s:
                    with contextlib.suppress(OSError):
                        s.sendall(data)
                        if i % 3 == 0:
                            s.shutdown(socket.SHUT_WR)
                            s.settimeout(0.05)
                            s.recv(4096)
                        if i % 7 == 0:
                            # Gone with a reset.
                            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                         struct.pack("ii", 1, 0))
                self.assertIsNone(daemon.process.poll(), "\n".join(daemon.log))
            self.assertEqual(daemon.ask("POST", CLASSIFY, bytes(784)).status, 200)
            self.assertEqual(daemon.stop(), 0, "\n".join(daemon.log))

    def test_without_descriptors_it_waits_and_the_database_does_not(self):
        with Daemon(limits={resource.RLIMIT_NOFILE: 128}, threads=2, workers=1) as daemon, \
                contextlib.ExitStack() as stack:
            held = []
            for _ in range(150):
                s = stack.enter_context(socket.create_connection(("127.0.0.1", daemon.port)))
                s.settimeout(20 * PATIENCE)
                s.sendall(LIVE)
                held.append(s)
            self.assertIn(b"200 OK", held[0].recv(4096))
            wait_until(lambda: any("accept paused" in line for line in daemon.log), 10, "the log")
            # Who is in is served, and what needs files has them.
            body = json.dumps(random_point(1e-2)).encode()
            held[0].sendall(b"PATCH /api/v1/models/mnist/operating-point HTTP/1.1\r\nHost: localhost\r\n"
                            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" %
                            len(body) + body)
            got = b""
            while b'"durable"' not in got:
                got += held[0].recv(65536)
            self.assertIn(b'"durable":true', got)
            # The last ones wait, and get their turn.
            held[-1].settimeout(0.5)
            with self.assertRaises(socket.timeout):
                held[-1].recv(1)
            for s in held[:100]:
                s.close()
            held[-1].settimeout(20 * PATIENCE)
            self.assertIn(b"200 OK", held[-1].recv(4096))
            wait_until(lambda: any("accept goes on" in line for line in daemon.log), 10, "the log")
            # Said once, not ten times a second.
            self.assertLess(sum("accept paused" in line for line in daemon.log), 5)
            self.assertEqual(daemon.get("/v2/health/ready").status, 200)
            self.assertIs(status(daemon)["database"]["degraded"], False)


if __name__ == "__main__":
    unittest.main()
