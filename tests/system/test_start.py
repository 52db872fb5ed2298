# SPDX-License-Identifier: Apache-2.0
"""Starting, settings, stopping, and what a second start finds."""
import glob
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from small_nets import SmallNet
from spinbnn_system import Daemon, PATIENCE, SPINBNND, eventually


def run(*args, env=None):
    return subprocess.run([SPINBNND, *args], capture_output=True, text=True, timeout=30,
                          env=dict(os.environ, **(env or {})))


class Settings(unittest.TestCase):
    def test_print_config_shows_each_value_and_where_it_came_from(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            json.dump({"queue": 17, "log_level": "debug", "threads": 1}, f)
            f.flush()
            out = run("--config", f.name, "--threads=3", "--print-config",
                      env={"SPINBNN_LOG_LEVEL": "error"}).stdout
        self.assertRegex(out, r"queue += 17 +# " + f.name)
        self.assertRegex(out, r"log_level += error +# environment SPINBNN_LOG_LEVEL")
        self.assertRegex(out, r"threads += 3 +# flag --threads")
        self.assertRegex(out, r"listen += 127\.0\.0\.1:8080 +# default")

    def test_an_unknown_key_is_an_error_with_the_nearest_match(self):
        flag = run("--state-dri", "x")
        self.assertEqual(flag.returncode, 64)
        self.assertIn("did you mean --state-dir?", flag.stderr)
        env = run("--print-config", env={"SPINBNN_STATEDIR": "x"})
        self.assertEqual(env.returncode, 78)
        self.assertIn("did you mean state_dir?", env.stderr)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            f.write('{"lisen": "127.0.0.1:0"}')
            f.flush()
            key = run("--config", f.name)
        self.assertEqual(key.returncode, 78)
        self.assertIn("did you mean listen?", key.stderr)
        self.assertIn(f.name, key.stderr)

    def test_a_broken_file_is_an_error_with_its_line(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            f.write('{\n "queue": 17,\n}')
            f.flush()
            done = run("--config", f.name)
        self.assertEqual(done.returncode, 78)
        self.assertIn("line 3", done.stderr)

    def test_a_value_out_of_range_names_the_range(self):
        done = run("--threads", "65")
        self.assertEqual(done.returncode, 64)
        self.assertIn("0 .. 64", done.stderr)
        done = run("--log-level", "loud")
        self.assertIn("error|warning|info|debug", done.stderr)

    def test_help_and_version(self):
        self.assertIn("--state-dir", run("--help").stdout)
        self.assertRegex(run("--version").stdout, r"^spinbnnd \d+\.\d+\.\d+$")


class StartAndStop(unittest.TestCase):
    def test_ready_soon_and_both_signals_end_it_with_0(self):
        with tempfile.TemporaryDirectory() as state:
            for sig in (signal.SIGTERM, signal.SIGINT):
                daemon = Daemon(state=state).start()
                # 100 ms is the goal on an idle machine (tests/bench measures it); this
                # bound only catches a start that waits for something.
                self.assertLess(daemon.ready_s, 5 * PATIENCE)
                self.assertEqual(daemon.get("/v2/health/ready").status, 200)
                self.assertEqual(daemon.stop(sig), 0)

    def test_an_address_in_use_is_exit_69(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            with tempfile.TemporaryDirectory() as state:
                done = run("--state-dir", state, "--listen",
                           "127.0.0.1:%d" % s.getsockname()[1])
                self.assertEqual(done.returncode, 69)
                self.assertIn("in use", done.stderr)
                # And nothing was programmed.
                self.assertEqual(os.listdir(os.path.join(state, "arrays")), [])

    def test_a_state_folder_in_use_is_exit_73(self):
        with Daemon() as daemon:
            done = run("--state-dir", daemon.state, "--listen", "127.0.0.1:0")
            self.assertEqual(done.returncode, 73)
            self.assertIn("in use by another spinbnnd", done.stderr)

    def test_a_bad_model_file_is_exit_65_and_named(self):
        with tempfile.TemporaryDirectory() as state:
            bad = os.path.join(state, "bad.sbnn")
            with open(bad, "wb") as f:
                f.write(b"\x89SBNN\r\n\x1a" + bytes(100))
            done = run("--state-dir", state, "--model-dir", state)
        self.assertEqual(done.returncode, 65)
        self.assertIn("bad.sbnn", done.stderr)

    def test_an_address_that_makes_no_sense_is_exit_78(self):
        with tempfile.TemporaryDirectory() as state:
            done = run("--state-dir", state, "--listen", "nonsense")
        self.assertEqual(done.returncode, 78)
        self.assertIn("HOST:PORT", done.stderr)

    def test_a_unix_socket_serves_and_is_gone_afterwards(self):
        with tempfile.TemporaryDirectory() as state:
            path = os.path.join(state, "sock")
            daemon = Daemon(state=state, listen="127.0.0.1:0,unix:" + path).start()
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(path)
                s.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertIn(b"200 OK", s.recv(4096))
            self.assertEqual(daemon.stop(), 0)
            self.assertFalse(os.path.exists(path))

    def test_sockets_handed_over_by_the_service_manager_are_used(self):
        with socket.socket() as s, tempfile.TemporaryDirectory() as state:
            s.bind(("127.0.0.1", 0))
            s.listen()
            port = s.getsockname()[1]
            fd = s.fileno()

            # LISTEN_PID must be the process's own: a shell sets it and becomes spinbnnd.
            process = subprocess.Popen(
                ["sh", "-c", 'exec 3<&%d; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"' % fd,
                 SPINBNND, "--state-dir", state, "--listen", "127.0.0.1:1"],
                pass_fds=[fd], stderr=subprocess.PIPE, text=True)
            for line in process.stderr:
                if "ready after" in line:
                    break
            with socket.create_connection(("127.0.0.1", port), timeout=30 * PATIENCE) as c:
                c.sendall(b"GET /v2/health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertIn(b"200 OK", c.recv(4096))
            process.terminate()
            self.assertEqual(process.wait(timeout=30), 0)
            process.stderr.close()

    def test_a_quit_logs_the_state_and_nothing_else(self):
        with Daemon() as daemon:
            daemon.ask("POST", "/api/v1/models/mnist/classify", bytes(784))
            daemon.ask("POST", "/api/v1/models/mnist/classify", b"bad")
            daemon.process.send_signal(signal.SIGQUIT)

            def state(name):
                return [line for line in daemon.log if line.startswith("info state " + name)]
            self.assertTrue(eventually(lambda: state("model=cifar10")))
            (whole,) = state("uptime_s=")
            # A worker counts until it has put its request away, which is after the answer.
            self.assertRegex(whole, " ready=1 draining=0 connections=\\d+ accepted=2 refused=0 "
                                    "handler_ms=0 workers_load=[01] programming_load=0 reader_load=0$")
            (database,) = state("database=")
            self.assertIn("/spinbnn.db degraded=0 ", database)
            (model,) = state("model=mnist")
            self.assertIn("model=mnist version=1 generation=1 durable=1 wrong_bits=0 requests=1 errors=1 "
                          "cancelled=0", model)
            self.assertEqual(daemon.get("/v2/health/ready").status, 200)
            self.assertEqual(daemon.stop(), 0)

    def test_it_tells_systemd(self):
        with tempfile.TemporaryDirectory() as state:
            path = os.path.join(state, "notify")
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
                s.bind(path)
                s.settimeout(20)
                daemon = Daemon(state=os.path.join(state, "s"))
                daemon.start(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
                heard = {s.recv(4096) for _ in range(4)}
                self.assertIn(b"READY=1", heard)
                self.assertIn(b"WATCHDOG=1", heard)
                daemon.stop()
                s.setblocking(False)
                while True:
                    try:
                        heard.add(s.recv(4096))
                    except BlockingIOError:
                        break
                self.assertIn(b"STOPPING=1", heard)
                # More than the drain may take: 0 + 25 s.
                (longest,) = [int(state.split(b"=")[1]) for state in heard
                              if state.startswith(b"EXTEND_TIMEOUT_USEC=")]
                self.assertGreater(longest, 25000000)

    def test_a_second_start_finds_the_array_as_it_was_left(self):
        with Daemon() as daemon:
            answer = daemon.patch("mnist", {"mode": "uniform", "program_over": "random",
                                            "target_write_error_rate": 0.01,
                                            "pulse_ns": 10, "seed": 5})
            self.assertEqual(answer.status, 200)
            before = answer.json()
            self.assertGreater(before["result"]["wrong_bits"], 1000)
            scores = daemon.ask("POST", "/api/v1/models/mnist/classify?top=10",
                                bytes(range(256)) * 3 + bytes(16)).json()["results"]
            self.assertEqual(daemon.stop(), 0)
            daemon.start()
            self.assertEqual(daemon.point("mnist"), before)
            self.assertEqual(daemon.ask("POST", "/api/v1/models/mnist/classify?top=10",
                                        bytes(range(256)) * 3 + bytes(16)).json()["results"],
                             scores)

    def test_a_second_start_reads_each_file_once_and_writes_none_that_it_serves(self):
        """Nothing is programmed, solved or converted again: what a start does for a model is to
        read what was left of it."""
        def served(state):
            return {path: os.stat(path) for folder in ("arrays", "models")
                    for path in glob.glob(os.path.join(state, folder, "*"))}
        with Daemon() as daemon:
            net = SmallNet(1)
            self.assertEqual(daemon.ask("PUT", "/api/v1/models/small?range=0..255&layout=nchw",
                                        net.onnx()).status, 201)
            self.assertEqual(daemon.stop(), 0)
            before = served(daemon.state)
            self.assertEqual(len(before), 5)
            daemon.start()
            try:
                with open("/proc/%d/io" % daemon.process.pid, encoding="ascii") as f:
                    n_read = int(re.search(r"^rchar: (\d+)$", f.read(), re.M).group(1))
            except PermissionError:
                self.skipTest("/proc does not tell here what a process has read")
            for path, now in served(daemon.state).items():
                self.assertEqual((now.st_ino, now.st_mtime_ns, now.st_size),
                                 (before[path].st_ino, before[path].st_mtime_ns,
                                  before[path].st_size), path)
            database = os.path.getsize(os.path.join(daemon.state, "spinbnn.db"))
            sizes = sum(stat.st_size for stat in before.values()) + database
            self.assertGreater(sizes, 2 << 20)
            # The rest is what the loader and the C library look at.
            self.assertLess(n_read, sizes + (1 << 20))


if __name__ == "__main__":
    unittest.main()
