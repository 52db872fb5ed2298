# SPDX-License-Identifier: Apache-2.0
"""The configuration: judged before it is used, read again while serving, and exit codes."""
import contextlib
import hashlib
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from spinbnn_system import Daemon, PATIENCE, SOURCE, SPINBNND, Load, eventually

NOBODY = 65534


def run(*args, env=None, **kwargs):
    return subprocess.run([SPINBNND, *args], capture_output=True, text=True,
                          timeout=60 * PATIENCE, env=dict(os.environ, **(env or {})), **kwargs)


class WithFolder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="spinbnn-config-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.config = self.path("spinbnn.json")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, **settings):
        with open(self.config, "w", encoding="ascii") as f:
            json.dump(settings, f)

    @contextlib.contextmanager
    def endless_reload(self, daemon):
        """A reload whose file is a pipe: it goes on when that is written and closed, which it
        is at the end. The connection that asked for it, and the pipe."""
        os.unlink(self.config)
        os.mkfifo(self.config)
        connection = daemon.connection()
        connection.request("POST", "/api/v1/admin/reload")
        pipes = []

        def somebody_reads():
            with contextlib.suppress(OSError):
                pipes.append(os.open(self.config, os.O_WRONLY | os.O_NONBLOCK))
            return pipes
        try:
            self.assertTrue(eventually(somebody_reads))
            with os.fdopen(pipes[0], "wb", buffering=0) as pipe:
                yield connection, pipe
        finally:
            connection.close()


def value(daemon, name):
    rows = daemon.get("/api/v1/config").json()["settings"]
    return next(row for row in rows if row["name"] == name)


def metric(daemon, name):
    text = daemon.get("/metrics").body.decode()
    return float(re.search(r"^%s (\S+)$" % name, text, re.M).group(1))


class Reload(WithFolder):
    def test_what_changes_while_serving_changes_and_what_does_not_is_named(self):
        self.write(log_level="info", queue=100, max_connections=50)
        with Daemon(config=self.config) as daemon:
            self.write(log_level="debug", queue=200, max_connections=60)
            with Load(daemon, n_threads=2) as load:
                answer = daemon.ask("POST", "/api/v1/admin/reload")
                self.assertEqual(answer.status, 200, answer.body)
                self.assertEqual(answer.json(), {"reloaded": True,
                                                 "changed": ["max_connections", "log_level"],
                                                 "restart_needed": ["queue"]})
            self.assertEqual(load.failures, [])
            self.assertEqual(value(daemon, "log_level")["value"], "debug")
            queue = value(daemon, "queue")
            self.assertEqual((queue["value"], queue["reload"], queue["restart_needed"]),
                             (100, False, True))
            self.assertEqual(metric(daemon, "spinbnn_queue_limit"), 100)
            # Nothing is new to the next one, but the restart is still needed.
            again = daemon.ask("POST", "/api/v1/admin/reload").json()
            self.assertEqual((again["changed"], again["restart_needed"]), ([], ["queue"]))
            self.assertTrue(eventually(
                lambda: any('restart_needed=["queue"]' in line for line in daemon.log)))
            self.assertEqual(daemon.stop(), 0)
            daemon.start()
            self.assertEqual(value(daemon, "queue")["value"], 200)
            self.assertFalse(value(daemon, "queue")["restart_needed"])

    def test_nobody_waits_for_a_reload_that_reads_its_files(self):
        self.write(log_level="info")
        with Daemon(config=self.config) as daemon:
            with self.endless_reload(daemon) as (connection, pipe):
                self.assertEqual(daemon.get("/v2/health/ready").status, 200)
                self.assertEqual(metric(daemon, "spinbnn_config_last_reload_successful"), 1)
                self.assertEqual(daemon.ask("POST", "/v2/logging", {"log_info": False}).status, 200)
                self.assertEqual(value(daemon, "log_level")["value"], "warning")
                pipe.write(b'{"log_level": "debug"}')
                pipe.close()
                answer = json.loads(connection.getresponse().read())
                self.assertEqual(answer["changed"], ["log_level"])
            # The reload ended last.
            self.assertEqual(value(daemon, "log_level")["value"], "debug")
            self.assertEqual(daemon.stop(), 0)

    def test_the_log_level_is_one_value_and_a_reload_goes_back_to_the_file(self):
        self.write(log_level="warning")
        with Daemon(config=self.config, log_level="info") as daemon:
            flag = value(daemon, "log_level")
            self.assertEqual((flag["value"], flag["origin"]), ("info", "flag --log-level"))
            # What is so already stays as it came.
            self.assertEqual(daemon.ask("POST", "/v2/logging", {"log_info": True}).status, 200)
            self.assertEqual(value(daemon, "log_level"), flag)
            for body, level in (({"log_verbose_level": 1}, "debug"),
                                ({"log_verbose_level": 0}, "info"),
                                ({"log_info": False}, "warning"),
                                ({"log_warning": False}, "error")):
                told = daemon.ask("POST", "/v2/logging", body).json()
                self.assertEqual(told, daemon.get("/v2/logging").json())
                row = value(daemon, "log_level")
                self.assertEqual((row["value"], row["origin"], row["restart_needed"]),
                                 (level, "POST /v2/logging", False))
            reload = "/api/v1/admin/reload"
            self.assertEqual(daemon.ask("POST", reload).json()["changed"], ["log_level"])
            self.assertEqual(value(daemon, "log_level"), flag)
            self.assertTrue(daemon.get("/v2/logging").json()["log_info"])
            self.assertEqual(daemon.ask("POST", reload).json()["changed"], [])
            # A reload that fails leaves it, too.
            daemon.ask("POST", "/v2/logging", {"log_info": False})
            with open(self.config, "w", encoding="ascii") as f:
                f.write("{")
            self.assertEqual(daemon.ask("POST", reload).status, 409)
            self.assertEqual(value(daemon, "log_level")["origin"], "POST /v2/logging")
            self.assertFalse(daemon.get("/v2/logging").json()["log_info"])
            self.assertEqual(daemon.stop(), 0)

    def test_a_changed_limit_is_in_force(self):
        self.write(max_connections=100)
        with Daemon(config=self.config) as daemon:
            self.write(max_connections=1)
            self.assertEqual(daemon.ask("POST", "/api/v1/admin/reload").status, 200)
            self.assertTrue(eventually(lambda: self.open_connections(daemon, 3) == 1))
            self.write(max_connections=200)
            daemon.process.send_signal(signal.SIGHUP)
            self.assertTrue(eventually(lambda: self.open_connections(daemon, 3) == 3))

    @staticmethod
    def open_connections(daemon, n):
        """How many of n connections are answered."""
        answered, connections = 0, []
        for _ in range(n):
            connection = daemon.connection()
            connections.append(connection)
            try:
                connection.request("GET", "/v2/health/live")
                answered += connection.getresponse().read() != b""
            except (http.client.HTTPException, OSError):
                pass
        for connection in connections:
            connection.close()
        return answered

    def test_a_broken_file_changes_nothing_and_is_seen(self):
        self.write(log_level="info", max_connections=50)
        with Daemon(config=self.config) as daemon:
            began = metric(daemon, "spinbnn_config_last_reload_success_timestamp_seconds")
            self.assertEqual(metric(daemon, "spinbnn_config_last_reload_successful"), 1)
            for text, words in (('{"log_level": "debug",', "line 1"),
                                ('{"log_level": "debug", "max_connections": 0}', "1 .. 1000000"),
                                ('{"log_level": "debug", "lisen": "x"}', "did you mean listen?"),
                                ('{"log_level": "debug", "kernel": "abacus"}', "none of auto"),
                                ('{"log_level": "debug", "device": "paper"}', "none of"),
                                ('{"log_level": "debug", "tokens_file": "/nowhere"}',
                                 "tokens_file: /nowhere")):
                with open(self.config, "w", encoding="ascii") as f:
                    f.write(text)
                answer = daemon.ask("POST", "/api/v1/admin/reload")
                self.assertEqual(answer.status, 409, text)
                self.assertEqual(answer.json()["code"], "reload_failed")
                self.assertIn(words, answer.json()["detail"])
                self.assertEqual(value(daemon, "log_level")["value"], "info")
                self.assertEqual(metric(daemon, "spinbnn_config_last_reload_successful"), 0)
                last = daemon.get("/api/v1/config").json()["last_reload"]
                self.assertFalse(last["successful"])
                self.assertIn(words, last["error"])
            self.assertEqual(
                metric(daemon, "spinbnn_config_last_reload_success_timestamp_seconds"), began)
            self.write(log_level="debug")
            daemon.process.send_signal(signal.SIGHUP)
            self.assertTrue(eventually(
                lambda: metric(daemon, "spinbnn_config_last_reload_successful") == 1))
            self.assertEqual(value(daemon, "log_level")["value"], "debug")
            # What is in the file no longer is at its default again.
            self.assertEqual(value(daemon, "max_connections")["origin"], "default")

    def test_the_stronger_source_stays_the_stronger(self):
        self.write(log_level="error")
        with Daemon(config=self.config, log_level="info") as daemon:
            self.write(log_level="debug")
            self.assertEqual(daemon.ask("POST", "/api/v1/admin/reload").json()["changed"], [])
            row = value(daemon, "log_level")
            self.assertEqual((row["value"], row["origin"]), ("info", "flag --log-level"))

    def test_reloads_under_load_lose_no_request(self):
        self.write()
        with Daemon(config=self.config) as daemon:
            with Load(daemon, n_threads=4) as load:
                for i in range(100):
                    self.write(inline_budget_us=(i % 2) * 1000, log_level=("info", "debug")[i % 2],
                               scrub_interval_s=i)
                    if i % 2:
                        daemon.process.send_signal(signal.SIGHUP)
                    self.assertEqual(daemon.ask("POST", "/api/v1/admin/reload").status, 200)
            self.assertEqual(load.failures, [])
            self.assertGreater(load.answered, 100)
            self.assertEqual(daemon.stop(), 0)

    def test_it_tells_systemd(self):
        path = self.path("notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(path)
            s.settimeout(20 * PATIENCE)
            with Daemon() as daemon:
                daemon.stop()
                daemon.start(env={"NOTIFY_SOCKET": path})
                self.assertEqual(s.recv(100), b"READY=1")
                daemon.process.send_signal(signal.SIGHUP)
                self.assertEqual(s.recv(100), b"RELOADING=1")
                self.assertEqual(s.recv(100), b"READY=1")


class Log(WithFolder):
    """Lines of requests, as text and as JSON."""
    TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @staticmethod
    def requests(daemon):
        return [json.loads(line) for line in list(daemon.log)
                if line.startswith("{") and '"event":"request"' in line]

    def test_a_request_leaves_a_line_with_its_id_and_its_trace(self):
        with Daemon(log_json="true", access_log_sample=1) as daemon:
            answer = daemon.get("/api/v1/models/mnist?version=1",
                                headers={"traceparent": self.TRACE})
            self.assertTrue(eventually(lambda: self.requests(daemon)))
            line = self.requests(daemon)[0]
            self.assertRegex(line.pop("ts"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertGreaterEqual(line.pop("duration_us"), 0)
            self.assertEqual(line, {
                "level": "info", "event": "request",
                "request_id": answer.headers["X-Request-Id"], "method": "GET",
                "route": "/api/v1/models/{m}", "status": 200, "bytes": len(answer.body),
                "peer": "127.0.0.1", "traceparent": self.TRACE, "path": "/api/v1/models/mnist"})
            self.assertEqual(daemon.stop(), 0)
            for each in daemon.log:
                self.assertIsInstance(json.loads(each), dict)

    def test_a_malformed_trace_is_not_passed_on(self):
        bad = ["", "x", self.TRACE + "0", self.TRACE.upper(), "ff" + self.TRACE[2:],
               self.TRACE.replace("-", "_"), self.TRACE[:3] + "0" * 32 + self.TRACE[35:],
               self.TRACE[:36] + "0" * 16 + self.TRACE[52:], self.TRACE[:54] + "g"]
        with Daemon(log_json="true", access_log_sample=1) as daemon:
            for trace in bad:
                daemon.get("/v2/health/live", headers={"traceparent": trace})
            self.assertTrue(eventually(lambda: len(self.requests(daemon)) == len(bad)))
            for line in self.requests(daemon):
                self.assertNotIn("traceparent", line)

    def test_of_what_went_well_a_share_is_logged_and_of_errors_all(self):
        config = self.config
        self.write(access_log_sample=10)
        with Daemon(config=config, log_json="true", threads=1) as daemon:
            with contextlib.closing(daemon.connection()) as connection:
                for _ in range(100):
                    daemon.get("/v2/health/live", connection=connection)
                for _ in range(20):
                    daemon.get("/nothing", connection=connection)
                statuses = lambda: [line["status"] for line in self.requests(daemon)]
                self.assertTrue(eventually(lambda: statuses().count(404) == 20))
                self.assertEqual(statuses().count(200), 10)
                self.write(access_log_sample=0)
                daemon.ask("POST", "/api/v1/admin/reload", connection=connection)
                before = len(self.requests(daemon))
                for _ in range(20):
                    daemon.get("/nothing", connection=connection)
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(len(self.requests(daemon)), before)

    def test_who_asked_a_trusted_proxy_is_named_and_nobody_else_is_believed(self):
        def ask(daemon, *lines):
            daemon.raw(("GET /v2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n" %
                        "".join(line + "\r\n" for line in lines)).encode())

        def clients(daemon, n):
            self.assertTrue(eventually(lambda: len(self.requests(daemon)) == n))
            return [line.get("client") for line in self.requests(daemon)]
        name = "X-Forwarded-For: "
        told = ([name + "192.0.2.66, 203.0.113.7"],
                [name + "192.0.2.66", "x-forwarded-for: 203.0.113.8", "X-Other-Header1: 1"],
                # Of what is too long the right end counts, and what is cut in two does not.
                [name + "192.0.2.66, " * 40 + "203.0.113.9"],
                [name + "192.0.2.66, " * 40, name + "203.0.113.10"],
                [name + "1" * 236 + "1.2.3.4" + ", 10.0.0.1"],
                [name + "9" * 255, name + "203.0.113.11"],
                [name + "evil\" client=\"203.0.113.12"], [name], [])
        with Daemon(log_json="true", access_log_sample=1, threads=1,
                    trusted_proxies="127.0.0.0/8,10.0.0.1") as daemon:
            for n, lines in enumerate(told, 1):
                ask(daemon, *lines)
                self.assertEqual(len(clients(daemon, n)), n)
            self.assertEqual(clients(daemon, len(told)), [
                "203.0.113.7", "203.0.113.8", "203.0.113.9", "203.0.113.10", "10.0.0.1",
                "203.0.113.11", None, None, None])
            self.assertEqual({line["peer"] for line in self.requests(daemon)}, {"127.0.0.1"})
        with Daemon(log_json="true", access_log_sample=1) as daemon:
            ask(daemon, *told[0])
            self.assertEqual(clients(daemon, 1), [None])

    def test_whoever_asks_over_a_unix_socket_or_with_a_token_is_named(self):
        tokens, path = self.path("tokens"), self.path("socket")
        with open(tokens, "w", encoding="ascii") as f:
            f.write("read viewer %s\n" % hashlib.sha256(b"tok-read").hexdigest())
        os.chmod(tokens, 0o600)
        with Daemon(listen="127.0.0.1:0,unix:" + path, tokens_file=tokens,
                    access_log_sample=1) as daemon:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(path)
                s.sendall(b"GET /a%22%20b HTTP/1.1\r\nHost: localhost\r\n\r\n")
                s.recv(4096)
            daemon.get("/api/v1/models", headers={"Authorization": "Bearer tok-read"})
            self.assertTrue(eventually(
                lambda: sum(line.startswith("info request ") for line in list(daemon.log)) == 2))
            self.assertEqual(daemon.stop(), 0)
            # Those of two threads, in the order in which they ended.
            lines = sorted(line.partition(" route=")[2] for line in daemon.log
                           if line.startswith("info request "))
            self.assertIn(" token=viewer ", lines[0])
            self.assertTrue(lines[1].startswith("_other "), lines)
            self.assertIn(" peer=unix ", lines[1])
            self.assertNotIn("tok-read", "\n".join(daemon.log))


class Judged(WithFolder):
    def test_check_config_says_what_a_start_would(self):
        self.write(queue=17)
        done = run("--config", self.config, "--check-config")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for settings, words in (({"queue": 0}, "1 .. 65536"), ({"kernel": "abacus"}, "auto"),
                                ({"device": "paper"}, "default"), ({"listen": "here"}, "HOST:PORT"),
                                ({"listen": ""}, "no address"), ({"listen": "unix:x"}, "absolute"),
                                ({"trusted_proxies": "proxy.example"}, "an address"),
                                ({"insecure_bind": 1}, "true or false"),
                                ({"queue": "2"}, "queue: found the text \"2\"")):
            self.write(**settings)
            done = run("--config", self.config, "--check-config")
            self.assertEqual(done.returncode, 78, settings)
            self.assertIn(words, done.stderr)
        # It leaves no trace.
        self.assertEqual(os.listdir(self.folder), ["spinbnn.json"])

    def test_check_config_refuses_what_a_start_refuses_in_the_same_words(self):
        for name in ("models", "twice"):
            os.mkdir(self.path(name))
        with open(self.path("models/bad.sbnn"), "wb") as f:
            f.write(b"nonsense")
        for name in ("a", "b"):
            shutil.copy(os.path.join(SOURCE, "models", "mnist.sbnn"),
                        self.path("twice/%s.sbnn" % name))
        with open(self.path("file"), "w", encoding="ascii"):
            pass
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            address = "127.0.0.1:%d" % s.getsockname()[1]
        for settings, code, words in (
                ({"model_dir": self.path("nowhere")}, 78, "model_dir: "),
                ({"model_dir": self.path("file")}, 78, "model_dir: "),
                ({"model_dir": self.path("models")}, 65, "bad.sbnn"),
                ({"model_dir": self.path("twice")}, 78, "has a model \"mnist\" too"),
                ({"state_dir": self.path("file")}, 73, "state_dir: "),
                ({"state_dir": self.path("file/below")}, 73, "Not a directory"),
                ({"state_dir": self.path("x" * 300)}, 73, "too long"),
                ({"allowed_hosts": "bnn.example,http://bnn.example"}, 78, "allowed_hosts: \"http:"),
                ({"tokens_file": "/nowhere"}, 74, "No such file"),
                ({"tokens_file": self.folder}, 74, "no plain file"),
                ({"listen": "unix:%s/no/socket" % self.folder}, 74, "No such file"),
                ({"listen": "unix:" + self.path("file")}, 69, "in use"),
                ({"listen": "%s,%s" % (address, address)}, 69, "listen: " + address),
                ({"listen": address, "admin_listen": address}, 69, "admin_listen: " + address)):
            settings = {"state_dir": self.path("s"), "listen": "127.0.0.1:0", **settings}
            args = [arg for name, each in settings.items()
                    for arg in ("--" + name.replace("_", "-"), each)]
            before = self.everything()
            checked = run(*args, "--check-config")
            self.assertEqual(self.everything(), before)
            started = run(*args)
            shutil.rmtree(self.path("s"), True)
            self.assertEqual((checked.returncode, started.returncode), (code, code),
                             (settings, checked.stderr, started.stderr))
            why = checked.stderr.strip().removeprefix("spinbnnd: ")
            self.assertIn(words, why)
            self.assertIn(why, started.stderr)

    def everything(self):
        """Each file and folder, and when it was changed last."""
        return sorted((path, os.lstat(path).st_mtime_ns) for folder, _, files in
                      os.walk(self.folder) for path in
                      [folder] + [os.path.join(folder, name) for name in files])

    def test_check_config_takes_what_a_start_takes(self):
        with Daemon() as daemon:
            done = run("--state-dir", daemon.state, "--listen", "127.0.0.1:%d" % daemon.port,
                       "--model-dir", os.path.join(SOURCE, "models"), "--check-config")
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_the_schema_is_that_of_the_table(self):
        schema = json.loads(run("--config-schema").stdout)
        self.assertIs(schema["additionalProperties"], False)
        shown = run("--config", "/dev/null", "--print-config", env={"SPINBNN_CONFIG": ""})
        names = set(re.findall(r"^(\w+) +=", run("--print-config").stdout, re.M))
        self.assertEqual(set(schema["properties"]), names)
        self.assertNotEqual(shown.returncode, 0)  # An empty file is no object.
        # The daemon agrees with it at each end of each range.
        for name, row in schema["properties"].items():
            good, bad = [row["default"]], []
            if "minimum" in row:
                good += [row["minimum"], row["maximum"]]
                bad += [row["minimum"] - 1, row["maximum"] + 1]
            if "enum" in row:
                good, bad = row["enum"], ["nonsense"]
            if "maxLength" in row:
                bad += ["x" * (row["maxLength"] + 1)]
                (bad if row["minLength"] > 0 else good).append("")
            if row["type"] == "boolean":
                good, bad = [True, False], ["nonsense"]
            self.assertTrue(bad, name)
            for what, codes in ((good, {0}), (bad, {78})):
                for each in what:
                    self.write(**{name: each})
                    done = run("--config", self.config, "--print-config")
                    self.assertIn(done.returncode, codes, (name, each, done.stderr))

    def test_the_example_follows_the_schema(self):
        schema = json.loads(run("--config-schema").stdout)
        with open(os.path.join(SOURCE, "systemd", "spinbnn.json"), encoding="utf-8") as f:
            example = json.load(f)
        types = {"string": str, "integer": int, "number": (int, float), "boolean": bool}
        for name, each in example.items():
            self.assertIsInstance(each, types[schema["properties"][name]["type"]], name)


class ExitCodes(WithFolder):
    """Those of README.md. 64, 65, 69 (in use), 73 (in use) and 78 are in test_start, too."""

    def code(self, *args, **kwargs):
        done = run("--state-dir", self.path("s"), "--listen", "127.0.0.1:0", *args, **kwargs)
        return done.returncode, done.stderr

    def test_64_is_wrong_usage(self):
        self.assertEqual(self.code("--nonsense")[0], 64)

    def test_65_is_a_broken_model_file(self):
        os.mkdir(self.path("models"))
        with open(self.path("models/bad.sbnn"), "wb") as f:
            f.write(b"nonsense")
        self.assertEqual(self.code("--model-dir", self.path("models"))[0], 65)

    def test_69_is_an_address_that_is_not_ours(self):
        code, told = self.code("--listen", "192.0.2.1:0", "--insecure-bind=true")
        self.assertEqual(code, 69, told)

    def test_70_is_a_stop_that_did_not_come_to_its_end(self):
        self.write(log_level="info")
        with Daemon(config=self.config, drain_timeout_s=1) as daemon, \
                self.endless_reload(daemon):
            self.assertEqual(daemon.stop(), 70)
            self.assertIn("connections were left", "\n".join(daemon.log))

    def test_73_is_a_state_folder_that_cannot_be_made(self):
        with open(self.path("s"), "w", encoding="ascii"):
            pass
        self.assertEqual(self.code()[0], 73)

    def test_74_is_a_file_that_cannot_be_read(self):
        self.assertEqual(self.code("--tokens-file", self.folder)[0], 74)

    def test_75_is_what_may_work_later(self):
        code, told = self.code(preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (10, 10)))
        self.assertEqual(code, 75, told)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become nobody")
    def test_77_is_what_the_system_forbids(self):
        os.mkdir(self.path("models"))
        with open(self.path("tokens"), "w", encoding="ascii"):
            pass
        os.chmod(self.path("tokens"), 0o600)
        os.chmod(self.folder, 0o755)
        binary = shutil.copy(SPINBNND, self.path("spinbnnd"))

        def as_nobody(*args):
            return subprocess.run([binary, "--listen", "127.0.0.1:0", *args], user=NOBODY,
                                  group=NOBODY, extra_groups=[], capture_output=True, text=True,
                                  timeout=60 * PATIENCE)
        for args, words in ((["--tokens-file", self.path("tokens")], "tokens_file"),
                            (["--state-dir", self.path("s")], "state_dir"),
                            (["--config", self.path("tokens")], "Permission denied")):
            done = as_nobody(*args)
            self.assertEqual(done.returncode, 77, done.stderr)
            self.assertIn(words, done.stderr)

    def test_78_is_a_wrong_configuration(self):
        self.write(queue=0)
        self.assertEqual(self.code("--config", self.config)[0], 78)


if __name__ == "__main__":
    unittest.main()
