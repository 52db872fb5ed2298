# SPDX-License-Identifier: Apache-2.0
"""TLS: handshakes, requests of every kind through it, and certificates that are swapped."""
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest
import warnings

from spinbnn_system import Daemon, PATIENCE, SPINBNN, SPINBNND, eventually

CLASSIFY = "/api/v1/models/mnist/classify"


class TlsDaemon(Daemon):
    """`certificate` is who it is believed to be."""

    def context(self):
        return ssl.create_default_context(cafile=self.settings["tls_certificate"])

    def connection(self, timeout=30):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout * PATIENCE,
                                           context=self.context())

    @property
    def url(self):
        return "https://127.0.0.1:%d" % self.port


@unittest.skipUnless(shutil.which("openssl"), "openssl, which makes certificates, is not installed")
class Tls(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="spinbnn-tls-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.key, self.certificate = self.path("key.pem"), self.path("certificate.pem")
        self.make("first", self.certificate, self.key)
        self.settings = {"tls_certificate": self.certificate, "tls_key": self.key}

    def path(self, name):
        return os.path.join(self.folder, name)

    def make(self, name, certificate, key, kind=("-newkey", "ec", "-pkeyopt",
                                                 "ec_paramgen_curve:prime256v1")):
        subprocess.run(["openssl", "req", "-x509", *kind, "-nodes", "-days", "2", "-subj",
                        "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        os.chmod(key, 0o600)

    @staticmethod
    def shown(daemon):
        """Common name of what a new handshake shows; None if it is not the one on the disk."""
        context = daemon.context()
        with contextlib.ExitStack() as stack:
            s = stack.enter_context(socket.create_connection(("127.0.0.1", daemon.port),
                                                             timeout=30 * PATIENCE))
            try:
                secured = stack.enter_context(context.wrap_socket(s, server_hostname="127.0.0.1"))
            except ssl.SSLCertVerificationError:
                return None
            return dict(pair[0] for pair in secured.getpeercert()["subject"])["commonName"]

    def test_requests_of_every_kind_come_through(self):
        with TlsDaemon(**self.settings) as daemon:
            self.assertEqual(daemon.get("/v2/health/ready").status, 200)
            connection = daemon.connection()
            for _ in range(20):  # Small ones are answered where they are parsed,
                answer = daemon.ask("POST", CLASSIFY, bytes(784), connection=connection)
                self.assertEqual(answer.status, 200)
            # what takes longer is deferred,
            self.assertEqual(daemon.ask("PATCH", "/api/v1/models/mnist/operating-point",
                                        {"mode": "uniform"}, connection=connection).status, 200)
            array = daemon.get("/api/v1/models/mnist/array", connection=connection)
            self.assertGreater(len(array.body), 200000)
            # and a large body arrives whole.
            self.assertEqual(daemon.ask("PUT", "/api/v1/models/mnist/array", array.body,
                                        connection=connection).status, 200)
            connection.close()
            self.assertEqual(daemon.stop(), 0)

    def test_pipelined_requests_are_each_answered(self):
        live = b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with TlsDaemon(**self.settings) as daemon:
            with socket.create_connection(("127.0.0.1", daemon.port),
                                          timeout=30 * PATIENCE) as s, \
                    daemon.context().wrap_socket(s, server_hostname="127.0.0.1") as secured:
                secured.sendall(live * 40)
                got = b""
                while got.count(b"HTTP/1.1 200") < 40 or not got.endswith(b"}\n"):
                    part = secured.recv(65536)
                    self.assertTrue(part, got[-200:])
                    got += part

    def test_events_are_told_live(self):
        with TlsDaemon(**self.settings) as daemon:
            connection = daemon.connection()
            connection.request("GET", "/api/v1/events")
            stream = connection.getresponse()
            self.assertEqual(stream.status, 200)
            self.assertEqual(daemon.ask("POST", "/api/v1/models/mnist/scrub").status, 200)
            told = b""
            while b"mnist" not in told:
                part = stream.readline()
                self.assertTrue(part, told)
                told += part
            stream.close()
            connection.close()
            self.assertEqual(daemon.stop(), 0)

    def test_many_connections_at_once(self):
        with TlsDaemon(**self.settings) as daemon:
            failures = []

            def ask():
                try:
                    connection = daemon.connection()
                    for _ in range(30):
                        if daemon.ask("POST", CLASSIFY, bytes(784),
                                      connection=connection).status != 200:
                            failures.append("status")
                    connection.close()
                except (OSError, http.client.HTTPException) as error:
                    failures.append(repr(error))
            threads = [threading.Thread(target=ask) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(failures, [])
            self.assertEqual(daemon.stop(), 0)

    def test_a_certificate_is_swapped_while_connections_go_on(self):
        with TlsDaemon(**self.settings) as daemon:
            connection = daemon.connection()
            self.assertEqual(daemon.get("/v2/health/live", connection=connection).status, 200)
            self.assertEqual(self.shown(daemon), "first")
            self.make("second", self.certificate, self.key, ("-newkey", "rsa:2048"))
            for changed in (["tls_certificate", "tls_key"], []):
                answer = daemon.ask("POST", "/api/v1/admin/reload", connection=connection)
                self.assertEqual((answer.status, answer.json()["changed"]), (200, changed))
            self.assertEqual(self.shown(daemon), "second")
            self.assertEqual(daemon.get("/v2/health/live", connection=connection).status, 200)
            # By a signal, too; and a key of another certificate changes nothing.
            self.make("third", self.path("other.pem"), self.key)
            answer = daemon.ask("POST", "/api/v1/admin/reload", connection=connection)
            self.assertEqual(answer.status, 409)
            self.assertIn("tls_certificate", answer.json()["detail"])
            self.assertEqual(self.shown(daemon), "second")
            shutil.copy(self.path("other.pem"), self.certificate)
            self.assertIsNone(self.shown(daemon))
            daemon.process.send_signal(signal.SIGHUP)
            self.assertTrue(eventually(lambda: self.shown(daemon) == "third"))
            connection.close()

    def test_old_versions_and_plain_requests_get_nothing(self):
        with TlsDaemon(**self.settings) as daemon:
            context = daemon.context()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
                context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
            with socket.create_connection(("127.0.0.1", daemon.port), timeout=30) as s:
                with self.assertRaises((ssl.SSLError, OSError)):
                    context.wrap_socket(s, server_hostname="127.0.0.1")
            with socket.create_connection(("127.0.0.1", daemon.port), timeout=30) as s:
                s.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
                try:
                    self.assertNotIn(b"HTTP", s.recv(1000))
                except ConnectionResetError:
                    pass
            self.assertEqual(daemon.get("/v2/health/live").status, 200)

    def test_a_handshake_that_is_never_finished_ends(self):
        with TlsDaemon(head_timeout_s=1, **self.settings) as daemon, \
                socket.create_connection(("127.0.0.1", daemon.port),
                                         timeout=20 * PATIENCE) as s:
            s.sendall(b"\x16\x03\x01")
            try:
                self.assertEqual(s.recv(100), b"")
            except ConnectionResetError:
                pass

    def test_the_command_line_asks_through_it(self):
        with TlsDaemon(**self.settings) as daemon:
            def ask(*args, **env):
                return subprocess.run([SPINBNN, "health", "--url", daemon.url, *args],
                                      capture_output=True, text=True, timeout=60 * PATIENCE,
                                      env=dict(os.environ, **env))
            self.assertEqual(ask("--ca-file", self.certificate).returncode, 0)
            self.assertEqual(ask(SPINBNN_CA_FILE=self.certificate).returncode, 0)
            stranger = ask()
            self.assertEqual(stranger.returncode, 1)  # not known to be ready
            self.assertIn("--ca-file FILE", stranger.stderr)

    def test_files_that_are_no_good_are_refused(self):
        def check(**settings):
            args = [a for name, each in settings.items()
                    for a in ("--" + name.replace("_", "-"), each)]
            return subprocess.run([SPINBNND, "--check-config", *args], capture_output=True,
                                  text=True, timeout=30 * PATIENCE)
        self.assertEqual(check(**self.settings).returncode, 0)
        self.make("other", self.path("other.pem"), self.path("other-key.pem"))
        for settings, words in (({"tls_certificate": self.certificate}, "go together"),
                                ({"tls_key": self.key}, "go together"),
                                (dict(self.settings, tls_key=self.path("other-key.pem")),
                                 "its own key"),
                                (dict(self.settings, tls_key=self.certificate), "tls_key"),
                                (dict(self.settings, tls_certificate=self.key), "in PEM")):
            if settings.get("tls_key") == self.certificate:
                os.chmod(self.certificate, 0o600)
            done = check(**settings)
            self.assertEqual(done.returncode, 78, settings)
            self.assertIn(words, done.stderr)
        done = check(**dict(self.settings, tls_certificate="/nowhere"))
        self.assertEqual(done.returncode, 74)
        self.assertIn("/nowhere", done.stderr)
        os.chmod(self.key, 0o644)
        done = check(**self.settings)
        self.assertEqual(done.returncode, 78)
        self.assertIn("open to every user", done.stderr)

    def test_to_begin_or_end_with_it_takes_a_restart(self):
        config = self.path("config.json")
        with open(config, "w", encoding="ascii") as f:
            json.dump({}, f)
        with Daemon(config=config) as daemon:
            with open(config, "w", encoding="ascii") as f:
                json.dump(self.settings, f)
            answer = daemon.ask("POST", "/api/v1/admin/reload")
            self.assertEqual(answer.status, 409)
            self.assertIn("takes a restart", answer.json()["detail"])
            self.assertEqual(daemon.get("/v2/health/live").status, 200)


if __name__ == "__main__":
    unittest.main()
