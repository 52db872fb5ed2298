# SPDX-License-Identifier: Apache-2.0
"""Who may ask for what: tokens, names, pages of others, addresses that others reach."""
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import unittest

from spinbnn_system import Daemon, PATIENCE, SOURCE, SPINBNN, SPINBNND, eventually

PICTURE = bytes(784)
CLASSIFY = "/api/v1/models/mnist/classify"
POINT = "/api/v1/models/mnist/operating-point"


def line(scopes, name, token):
    return "%s %s %s\n" % (scopes, name, hashlib.sha256(token.encode()).hexdigest())


def bearer(token):
    return {"Authorization": "Bearer " + token}


def write(path, text, mode=0o600):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    os.chmod(path, mode)


def start(*args, env=None, **kwargs):
    """A start that is to fail."""
    return subprocess.run([SPINBNND, *args], capture_output=True, text=True,
                          timeout=30 * PATIENCE, env=dict(os.environ, **(env or {})), **kwargs)


def client(*args, **kwargs):
    return subprocess.run([SPINBNN, *args], capture_output=True, text=True,
                          timeout=60 * PATIENCE, **kwargs)


class WithFolder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="spinbnn-security-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def path(self, name):
        return os.path.join(self.folder, name)


class Tokens(WithFolder):
    def setUp(self):
        super().setUp()
        self.tokens = self.path("tokens")
        write(self.tokens, line("infer", "camera", "tok-infer") +
              line("read", "grafana", "tok-read") + line("admin", "me", "tok-admin"))

    def test_each_scope_opens_its_routes_and_no_others(self):
        with Daemon(tokens_file=self.tokens) as daemon:
            asked = [("GET", "/api/v1/models", None, "read"),
                     ("GET", "/metrics", None, "read"),
                     ("GET", "/api/v1/status", None, "read"),
                     ("GET", "/api/v1/config", None, "read"),
                     ("POST", "/api/v1/solve", {"target_error_rate": 1e-3}, "read"),
                     ("POST", CLASSIFY, PICTURE, "infer"),
                     ("GET", "/v2/models/mnist", None, ("read", "infer")),
                     ("GET", "/v2/models/mnist/config", None, ("read", "infer")),
                     ("PATCH", POINT, {"mode": "uniform"}, "admin"),
                     ("POST", "/api/v1/models/mnist/scrub", None, "admin"),
                     ("POST", "/api/v1/admin/reload", None, "admin")]
            for method, path, body, scope in asked:
                nobody = daemon.ask(method, path, body)
                self.assertEqual(nobody.status, 401, path)
                self.assertEqual(nobody.headers["WWW-Authenticate"], 'Bearer realm="spinbnn"')
                if not path.startswith("/v2"):
                    self.assertEqual(nobody.json()["code"], "token_required")
                other = daemon.ask(method, path, body, bearer("tok-other"))
                self.assertEqual(other.status, 401, path)
                self.assertIn('error="invalid_token"', other.headers["WWW-Authenticate"])
                # Each says what would do, under /v2 as errors there are.
                needed = scope if isinstance(scope, str) else " or ".join(scope)
                for answer in (nobody, other):
                    told = answer.json()
                    self.assertIn("send Authorization: Bearer TOKEN", told["error"])
                    self.assertRegex(told["error"], r"the scope %s\b" % needed)
                    if path.startswith("/v2"):
                        self.assertEqual(list(told), ["error"])
                for has in ("infer", "read", "admin"):
                    answer = daemon.ask(method, path, body, bearer("tok-" + has))
                    if has == "admin" or has in scope:
                        self.assertEqual(answer.status, 200, (path, has, answer.body))
                        continue
                    self.assertEqual(answer.status, 403, (path, has))
                    self.assertIn('error="insufficient_scope", scope="%s"' % scope,
                                  answer.headers["WWW-Authenticate"])
            for path in ("/v2/health/live", "/v2/health/ready", "/", "/app.js"):
                self.assertEqual(daemon.get(path).status, 200, path)
            # Refusals are counted by their code.
            metrics = daemon.get("/metrics", headers=bearer("tok-read")).body.decode()
            self.assertRegex(metrics, r'route="/api/v1/models",method="GET",code="401"} 2')
            self.assertRegex(metrics, r'route="/api/v1/models",method="GET",code="403"} 1')

    def test_every_route_says_what_it_needs(self):
        """Nothing but health, the page and the description is open, and nothing changes without
        admin."""
        with open(os.path.join(SOURCE, "daemon", "routes.c"), encoding="utf-8") as f:
            rows = re.findall(r'\{ "(\w+)", "([^"]+)", [^,]+, (\w+),\s+(\w+),\s+\w+,\s+\w+ \}',
                              f.read())
        self.assertGreater(len(rows), 50)
        scopes = {"OPEN": None, "EITHER": "read", "TOKEN_READ": "read", "TOKEN_INFER": "infer",
                  "TOKEN_ADMIN": "admin"}
        write(self.tokens, "")
        with Daemon(tokens_file=self.tokens) as daemon:
            for method, path, scope, _ in rows:
                answer = daemon.ask(method, re.sub(r"\{\w+\}", "x", path))
                if scope == "OPEN":
                    self.assertEqual(answer.status, 200, path)
                    self.assertTrue(path.startswith("/v2/health/") or "/" not in path[1:], path)
                    continue
                self.assertEqual(answer.status, 401, path)
                wanted = re.search(r"the scope (\w+)", answer.body.decode()).group(1)
                self.assertEqual(wanted, scopes[scope], path)
                if method in ("PUT", "PATCH", "DELETE"):
                    self.assertEqual(scope, "TOKEN_ADMIN", path)

    def test_the_file_is_read_again_on_a_signal_and_on_request(self):
        with Daemon(tokens_file=self.tokens) as daemon:
            self.assertEqual(daemon.get("/metrics", headers=bearer("tok-new")).status, 401)
            write(self.tokens, line("read", "new", "tok-new") + line("admin", "me", "tok-admin"))
            daemon.process.send_signal(signal.SIGHUP)
            self.assertTrue(eventually(
                lambda: daemon.get("/metrics", headers=bearer("tok-new")).status == 200))
            self.assertEqual(daemon.get("/metrics", headers=bearer("tok-read")).status, 401)
            write(self.tokens, line("admin", "me", "tok-admin"))
            for changed in (["tokens_file"], []):
                answer = daemon.ask("POST", "/api/v1/admin/reload", None, bearer("tok-admin"))
                self.assertEqual((answer.status, answer.json()["changed"]), (200, changed))
            self.assertTrue(eventually(
                lambda: any('changed=["tokens_file"]' in each for each in daemon.log)))
            self.assertEqual(daemon.get("/metrics", headers=bearer("tok-new")).status, 401)
            self.assertEqual(daemon.stop(), 0)

    def test_a_stream_ends_with_the_token_that_opened_it(self):
        with Daemon(tokens_file=self.tokens) as daemon:
            connection = daemon.connection()
            connection.request("GET", "/api/v1/events", headers=bearer("tok-read"))
            stream = connection.getresponse()
            self.assertEqual(stream.status, 200)
            self.assertEqual(stream.readline(), b"retry: 2000\n")
            write(self.tokens, line("admin", "me", "tok-admin"))
            self.assertEqual(daemon.ask("POST", "/api/v1/admin/reload", None,
                                        bearer("tok-admin")).status, 200)
            stream.read()  # To its end.
            connection.close()
            self.assertEqual(daemon.get("/api/v1/events", headers=bearer("tok-read")).status, 401)
            self.assertEqual(daemon.stop(), 0)

    def test_who_was_let_in_before_a_reload_does_not_follow_after_it(self):
        """The head is judged, then the token goes, then the rest of the request comes."""
        head = b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" \
            b"Authorization: Bearer tok-read\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
        with Daemon(tokens_file=self.tokens) as daemon, \
                socket.create_connection(("127.0.0.1", daemon.port), timeout=60 * PATIENCE) as s:
            s.sendall(head)
            self.assertTrue(s.recv(100).startswith(b"HTTP/1.1 100"))
            write(self.tokens, line("admin", "me", "tok-admin"))
            self.assertEqual(daemon.ask("POST", "/api/v1/admin/reload", None,
                                        bearer("tok-admin")).status, 200)
            s.sendall(b"x")
            got = b""
            for part in iter(lambda: s.recv(65536), b""):  # To its end.
                got += part
                self.assertNotIn(b"event:", got)
            self.assertTrue(got.startswith(b"HTTP/1.1 200"), got)
            self.assertIn(b"retry: 2000\n", got)
            self.assertEqual(daemon.stop(), 0)

    def test_a_file_that_is_open_to_others_or_broken_is_refused(self):
        os.chmod(self.tokens, 0o644)
        for args in (["--check-config"], []):
            done = start("--state-dir", self.path("s"), "--listen", "127.0.0.1:0",
                         "--tokens-file", self.tokens, *args)
            self.assertEqual(done.returncode, 78)
            self.assertIn("open to every user (mode 0644)", done.stderr)
        write(self.tokens, line("infer", "a", "x") + "infer tok-secret\n")
        done = start("--state-dir", self.path("s"), "--tokens-file", self.tokens)
        self.assertEqual(done.returncode, 78)
        self.assertIn("tokens: line 2: the third word", done.stderr)
        self.assertNotIn("tok-secret", done.stderr)
        self.assertFalse(os.path.exists(self.path("s")))

    def test_a_broken_file_leaves_the_tokens_as_they_were(self):
        with Daemon(tokens_file=self.tokens) as daemon:
            write(self.tokens, "nonsense\n")
            answer = daemon.ask("POST", "/api/v1/admin/reload", None, bearer("tok-admin"))
            self.assertEqual(answer.status, 409)
            self.assertIn("line 1", answer.json()["detail"])
            self.assertEqual(daemon.get("/metrics", headers=bearer("tok-read")).status, 200)

    def test_the_command_line_makes_tokens_and_sends_them(self):
        mine = self.path("mine")
        made = client("token", "--scope", "infer,read", "--name", "bench", "-o", mine)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(stat.S_IMODE(os.stat(mine).st_mode), 0o600)
        with open(mine, encoding="ascii") as f:
            token = f.read().strip()
        self.assertRegex(token, r"^spinbnn_[0-9a-f]{64}$")
        self.assertEqual(made.stdout, line("infer,read", "bench", token))
        # It does not write over one that is there.
        again = client("token", "--scope", "read", "--name", "x", "-o", mine)
        self.assertEqual(again.returncode, 1)
        shown = json.loads(client("token", "--scope", "admin", "--name", "x", "--json").stdout)
        self.assertEqual(shown["line"] + "\n", line("admin", "x", shown["token"]))
        self.assertNotEqual(shown["token"], token)
        write(self.tokens, made.stdout)
        with Daemon(tokens_file=self.tokens) as daemon:
            without = client("--url", daemon.url, "models")
            self.assertEqual(without.returncode, 1)
            self.assertIn("token", without.stderr)
            for env, args in (({}, ["--token-file", mine]), ({"SPINBNN_TOKEN_FILE": mine}, [])):
                done = client("--url", daemon.url, "models", *args, env=dict(os.environ, **env))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("mnist", done.stdout)
            done = client("--url", daemon.url, "classify", "-m", "mnist", "--token-file", mine,
                          os.path.join(SOURCE, "models", "examples", "seven.png"))
            self.assertEqual(done.returncode, 0, done.stderr)
            denied = client("--url", daemon.url, "scrub", "-m", "mnist", "--token-file", mine)
            self.assertEqual(denied.returncode, 1)
            self.assertIn("scope admin", denied.stderr)
            self.assertEqual(client("health", "--url", daemon.url).returncode, 0)
            write(mine, "two words\n")
            self.assertIn("no token", client("--url", daemon.url, "models", "--token-file",
                                             mine).stderr)

    def test_a_wrong_scope_or_name_makes_no_token(self):
        for args in (["--scope", "write", "--name", "x"], ["--scope", "infer,", "--name", "x"],
                     ["--scope", "infer", "--name", "a b"], ["--scope", "infer"], []):
            done = client("token", *args)
            self.assertEqual((done.returncode, done.stdout), (64, ""))

    def test_a_token_is_never_logged_or_shown(self):
        with Daemon(tokens_file=self.tokens) as daemon:
            daemon.ask("POST", "/api/v1/admin/reload", None, bearer("tok-admin"))
            shown = daemon.get("/api/v1/config", headers=bearer("tok-read")).body.decode()
            self.assertIn(self.tokens, shown)
            self.assertEqual(daemon.stop(), 0)
            self.assertNotIn("tok-", "\n".join(daemon.log) + shown)


class Reach(WithFolder):
    def test_an_address_that_others_reach_needs_tokens_or_a_word(self):
        write(self.path("tokens"), "")
        for listen in ("0.0.0.0:0", "[::]:0"):
            for args in ([], ["--check-config"]):
                done = start("--state-dir", self.path("s"), "--listen", listen, *args)
                if "not supported" in done.stderr:
                    continue
                self.assertEqual(done.returncode, 78, done.stderr)
                self.assertIn("set tokens_file, or insecure_bind", done.stderr)
        for extra in (["--insecure-bind=true"], ["--tokens-file", self.path("tokens")]):
            done = start("--state-dir", self.path("s"), "--listen", "0.0.0.0:0", "--check-config",
                         *extra)
            self.assertEqual(done.returncode, 0, done.stderr)
        with Daemon(listen="127.0.0.1:0,0.0.0.0:0", insecure_bind="true") as daemon:
            self.assertEqual(daemon.get("/api/v1/models").status, 200)
            self.assertEqual(daemon.get("/api/v1/models",
                                        headers={"Host": "any.example"}).status, 200)

    def test_a_unix_socket_needs_none(self):
        done = start("--state-dir", self.path("s"), "--listen", "unix:" + self.path("x"),
                     "--check-config")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_taking_the_tokens_away_is_refused_where_others_reach_us(self):
        config = self.path("config.json")
        write(self.path("tokens"), line("admin", "me", "tok"))
        write(config, json.dumps({"tokens_file": self.path("tokens")}))
        with Daemon(listen="127.0.0.1:0,0.0.0.0:0", config=config) as daemon:
            write(config, "{}")
            answer = daemon.ask("POST", "/api/v1/admin/reload", None, bearer("tok"))
            self.assertEqual(answer.status, 409)
            self.assertIn("insecure_bind", answer.json()["detail"])
            self.assertEqual(daemon.get("/metrics").status, 401)


class PagesOfOthers(WithFolder):
    """What a page elsewhere can make a browser of ours send."""

    def test_nothing_is_changed_for_a_page_of_others(self):
        with Daemon(allowed_hosts="bnn.example") as daemon:
            own = daemon.url
            before = daemon.point("mnist")["generation"]
            simple = [("text/plain", '{"share":1e-3}'),
                      ("application/x-www-form-urlencoded", '{"share":1e-3}'),
                      ("multipart/form-data; boundary=x", "--x--")]
            for kind, body in simple:
                for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"},
                                {"Origin": "http://127.0.0.1:1"},
                                {"Sec-Fetch-Site": "cross-site"},
                                {"Sec-Fetch-Site": "same-site", "Origin": own}):
                    answer = daemon.ask("POST", "/api/v1/models/mnist/inject", body,
                                        {"Content-Type": kind, **headers})
                    self.assertEqual(answer.status, 403, headers)
                    self.assertEqual(answer.json()["code"], "cross_origin")
            for headers in ({"Origin": own}, {"Sec-Fetch-Site": "same-origin", "Origin": own},
                            {"Origin": "https://bnn.example"}, {}):
                answer = daemon.ask("POST", "/api/v1/models/mnist/scrub", None, headers)
                self.assertEqual(answer.status, 200, headers)
            self.assertEqual(daemon.point("mnist")["generation"], before + 4)

    def test_no_answer_lets_pages_of_others_read(self):
        with Daemon() as daemon:
            for method, path in (("GET", "/"), ("GET", "/api/v1/status"), ("OPTIONS", POINT),
                                 ("GET", "/nothing"), ("PATCH", POINT), ("GET", "/metrics")):
                answer = daemon.ask(method, path, headers={
                    "Origin": "http://evil.example", "Access-Control-Request-Method": "PATCH"})
                found = [h for h in answer.headers if h.lower().startswith("access-control")]
                self.assertEqual(found, [], path)

    def test_a_name_that_was_bound_to_our_address_gets_nothing(self):
        with Daemon(allowed_hosts="bnn.example,other.example") as daemon:
            for host in ("evil.example", "evil.example:%d" % daemon.port,
                         "127.0.0.1.evil.example"):
                answer = daemon.get("/api/v1/models", headers={"Host": host})
                self.assertEqual(answer.status, 421, host)
                self.assertEqual(answer.json()["code"], "unknown_host")
                self.assertEqual(daemon.ask("POST", CLASSIFY, PICTURE,
                                            {"Host": host}).status, 421)
                self.assertEqual(daemon.get("/v2/health/ready", headers={"Host": host}).status,
                                 200)
            for host in ("localhost", "127.0.0.1:80", "[::1]", "bnn.example:443",
                         "OTHER.example"):
                self.assertEqual(daemon.get("/api/v1/models", headers={"Host": host}).status,
                                 200, host)


if __name__ == "__main__":
    unittest.main()
