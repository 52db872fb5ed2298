# SPDX-License-Identifier: Apache-2.0
"""What is installed, the service unit, and what the container files promise."""
import functools
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from spinbnn_system import Daemon, SOURCE, SPINBNN, SPINBNND

BUILD = os.environ["TEST_BUILD"]
DOCKER = os.path.join(SOURCE, "docker")
# The score that `systemd-analyze security` may give at most; 10 is unprotected.
MAX_EXPOSURE = 1.5
# What the image may add to Debian's own.
MAX_IMAGE_BYTES = 40e6
# In every Debian image, because apt needs them.
IN_EVERY_DEBIAN = {"libc6", "libgcc-s1", "libstdc++6"}


def call(*args, **kwargs):
    return subprocess.run(args, capture_output=True, text=True, timeout=120, **kwargs)


def needs(tool):
    return unittest.skipUnless(shutil.which(tool), tool + " is not installed")


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as f:
        return f.read()


def read_yaml(*path):
    try:
        import yaml
    except ImportError:
        raise unittest.SkipTest("python3-yaml is not installed")
    return yaml.safe_load(read(*path))


def cached(name):
    """A variable of the build under test."""
    with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as f:
        return re.search(r"^%s:\w+=(.*)$" % name, f.read(), re.M).group(1)


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="spinbnn-install-")
        cls.addClassCleanup(shutil.rmtree, cls.root)
        done = call("cmake", "--install", BUILD, env=dict(os.environ, DESTDIR=cls.root))
        assert done.returncode == 0, done.stderr
        cls.prefix = cls.root + cached("CMAKE_INSTALL_PREFIX")

    def unit(self, folder):
        """The installed unit, with the binary where this test has it."""
        with open(os.path.join(self.prefix, "lib/systemd/system/spinbnnd.service"),
                  encoding="utf-8") as f:
            text = f.read()
        there = cached("CMAKE_INSTALL_PREFIX")
        path = os.path.join(folder, "spinbnnd.service")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace(there + "/bin/", self.prefix + "/bin/"))
        return path

    def test_both_binaries_run_from_where_they_are_installed(self):
        for name in ("spinbnnd", "spinbnn"):
            done = call(os.path.join(self.prefix, "bin", name), "--version")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, "^%s %s$" % (name, project_version()))

    def test_the_unit_starts_what_is_installed(self):
        with open(os.path.join(self.prefix, "lib/systemd/system/spinbnnd.service"),
                  encoding="utf-8") as f:
            unit = f.read()
        self.assertIn("ExecStart=%s/bin/spinbnnd\n" % cached("CMAKE_INSTALL_PREFIX"), unit)
        readme = re.search(r"^Documentation=file://(.*)$", unit, re.M).group(1)
        self.assertTrue(os.path.isfile(self.root + readme), readme)

    def test_the_example_settings_are_accepted(self):
        found = glob.glob(os.path.join(self.prefix, "share/doc/*/examples/spinbnn.json"))
        self.assertEqual(len(found), 1)
        done = call(SPINBNND, "--config", found[0], "--print-config")
        self.assertEqual(done.returncode, 0, done.stderr)

    @needs("systemd-analyze")
    def test_systemd_has_nothing_to_say_about_the_unit(self):
        with tempfile.TemporaryDirectory() as folder:
            unit = self.unit(folder)
            # Without the system's own units: what is wrong with those is not ours.
            done = call("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("spinbnnd.service", done.stderr)

    @needs("systemd-analyze")
    def test_systemd_finds_the_unit_well_protected(self):
        with tempfile.TemporaryDirectory() as folder:
            done = call("systemd-analyze", "security", "--offline=true", "--no-pager",
                        self.unit(folder))
        found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
        self.assertTrue(found, done.stdout + done.stderr)
        self.assertLessEqual(float(found.group(1)), MAX_EXPOSURE, done.stdout)


def project_version():
    return re.search(r"project\(spinbnn VERSION ([0-9.]+)", read("CMakeLists.txt")).group(1)


# -- The image --

def stages(dockerfile):
    """The instructions of each stage, continuation lines joined, by the stage's name."""
    found, name = {}, None
    for line in re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", dockerfile, flags=re.M)).split("\n"):
        begin = re.match(r"FROM \S+ AS (\S+)$", line)
        if begin:
            name = begin.group(1)
            found[name] = []
        elif name and line.strip():
            found[name].append(" ".join(line.split()))
    return found


def runtime_packages():
    """What the runtime stage asks apt for."""
    text = " ".join(stages(read("docker", "Dockerfile"))["runtime"])
    return set(re.search(r"apt-get install (.*?) &&", text).group(1).split()) - {
        "-q", "-y", "--no-install-recommends"}


def with_dependencies(packages):
    """These and all that they depend on, of what is installed here."""
    known, todo = set(), list(packages)
    while todo:
        name = todo.pop()
        if name in known:
            continue
        known.add(name)
        depends = call("dpkg-query", "-W", "-f", "${Depends}, ${Pre-Depends}", name).stdout
        todo += re.findall(r"(?:^|[,|]) *([a-z0-9][-+.a-z0-9]*)", depends)
    return known


def libraries(binary):
    """Paths of what ldd names, without the sanitizers' own."""
    named = re.findall(r"=> (/\S+)", call("ldd", binary).stdout)
    return [path for path in named if not re.search(r"/lib[a-z]+san\.so", path)]


@functools.lru_cache(maxsize=None)
def packages():
    """Debian's packages of the libraries of both binaries; /lib may be a link to /usr/lib."""
    found = set()
    paths = {os.path.realpath(path) for binary in (SPINBNND, SPINBNN)
             for path in libraries(binary)}
    other = {path: path[len("/usr"):] if path.startswith("/usr/") else "/usr" + path
             for path in paths}
    told = call("dpkg-query", "-S", *paths, *other.values()).stdout
    owners = dict(reversed(line.split(": ", 1)) for line in told.splitlines())
    for path in paths:
        owner = owners.get(path) or owners.get(other[path])
        if owner is None:
            raise AssertionError("no package has " + path)
        found.add(owner.split(":")[0])
    return found


def is_bookworm():
    try:
        with open("/etc/os-release", encoding="utf-8") as f:
            return "VERSION_CODENAME=bookworm" in f.read()
    except OSError:
        return False


class Image(unittest.TestCase):
    @unittest.skipIf(cached("SPINBNN_SANITIZE"), "the sanitizers are large")
    @unittest.skipUnless(is_bookworm(), "package names are those of Debian 12")
    @needs("dpkg-query")
    def test_what_is_installed_with_its_libraries_is_small(self):
        """As far as it can be told without an engine; docker/build-without-docker weighs the
        image itself. Whole packages, not only the libraries in them."""
        with tempfile.TemporaryDirectory() as root:
            done = call("cmake", "--install", BUILD, "--strip", env=dict(os.environ, DESTDIR=root))
            self.assertEqual(done.returncode, 0, done.stderr)
            ours = sum(os.path.getsize(os.path.join(folder, name))
                       for folder, _, names in os.walk(root) for name in names)
        told = call("dpkg-query", "-W", "-f", "${Installed-Size}\n", *packages() - IN_EVERY_DEBIAN)
        kib = [int(line) for line in told.stdout.split()]
        self.assertGreater(len(kib), 10)
        self.assertLess(ours + sum(kib) * 1024, MAX_IMAGE_BYTES)

    @unittest.skipUnless(is_bookworm(), "package names are those of Debian 12")
    @needs("dpkg-query")
    def test_every_library_comes_from_a_package_that_the_image_installs(self):
        self.assertEqual(packages() - with_dependencies(runtime_packages()) - IN_EVERY_DEBIAN,
                         set())

    @unittest.skipUnless(is_bookworm(), "package names are those of Debian 12")
    @needs("dpkg-query")
    def test_no_package_is_installed_for_nothing(self):
        self.assertEqual(runtime_packages() - packages(), set())

    def test_its_version_is_the_project_s(self):
        self.assertIn("ARG VERSION=" + project_version(),
                      stages(read("docker", "Dockerfile"))["runtime"])

    def test_it_runs_as_a_number_that_is_not_root_and_checks_itself(self):
        runtime = stages(read("docker", "Dockerfile"))["runtime"]
        self.assertIn("USER 10001:10001", runtime)
        self.assertIn("STOPSIGNAL SIGTERM", runtime)
        self.assertIn("VOLUME /var/lib/spinbnn", runtime)
        health = [line for line in runtime if line.startswith("HEALTHCHECK")]
        self.assertEqual(len(health), 1)
        command = json.loads(health[0][health[0].index("CMD") + 3:])
        with Daemon() as daemon:
            done = call(SPINBNN, *command[1:], env=dict(os.environ, SPINBNN_URL=daemon.url))
            self.assertEqual(done.returncode, 0, done.stderr)
            url = daemon.url
        done = call(SPINBNN, *command[1:], env=dict(os.environ, SPINBNN_URL=url))
        self.assertEqual(done.returncode, 1)

    def test_its_environment_is_understood_by_the_daemon(self):
        line = [line for line in stages(read("docker", "Dockerfile"))["runtime"]
                if line.startswith("ENV ")]
        env = dict(pair.split("=") for pair in line[0].split()[1:])
        done = call(SPINBNND, "--print-config", env=dict(os.environ, **env))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"listen += 0\.0\.0\.0:8080 ")
        # Whoever publishes it must say who may ask, or that everybody may.
        done = call(SPINBNND, "--check-config", env=dict(os.environ, **env))
        self.assertEqual(done.returncode, 78, done.stderr)
        told = read_yaml("docker", "compose.yaml")["services"]["spinbnn"]["environment"]
        done = call(SPINBNND, "--check-config", env=dict(os.environ, **env, **told))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_what_it_is_built_from_is_let_through(self):
        allowed = [line[1:] for line in read(".dockerignore").split("\n") if line[:1] == "!"]
        for pattern in allowed:
            self.assertTrue(glob.glob(os.path.join(SOURCE, pattern)), pattern)
        folders = re.findall(r"^ *add_subdirectory\((\w+)\)", read("CMakeLists.txt"), re.M)
        self.assertEqual(set(folders) - {"tests"} - set(allowed), set())


class Compose(unittest.TestCase):
    def test_every_service_is_bound_to_the_loopback_and_hardened(self):
        services = read_yaml("docker", "compose.yaml")["services"]
        self.assertEqual(set(services), {"spinbnn", "demo", "prometheus", "grafana"})
        for name, service in services.items():
            self.assertEqual(service["cap_drop"], ["ALL"], name)
            self.assertIn("no-new-privileges:true", service["security_opt"], name)
            for port in service.get("ports", []):
                self.assertRegex(port, r"^127\.0\.0\.1:\d+:\d+$", name)

    def test_the_daemon_may_write_only_where_its_state_is(self):
        service = read_yaml("docker", "compose.yaml")["services"]["spinbnn"]
        self.assertIs(service["read_only"], True)
        self.assertEqual(service["volumes"], ["state:/var/lib/spinbnn"])
        self.assertNotIn("profiles", service)

    def test_its_health_check_is_the_image_s(self):
        service = read_yaml("docker", "compose.yaml")["services"]["spinbnn"]
        self.assertIn("CMD " + json.dumps(service["healthcheck"]["test"][1:]),
                      " ".join(stages(read("docker", "Dockerfile"))["runtime"]))

    def test_what_it_mounts_is_there(self):
        for name, service in read_yaml("docker", "compose.yaml")["services"].items():
            for volume in service.get("volumes", []):
                if volume.startswith("./"):
                    path = os.path.join(DOCKER, volume.split(":")[0])
                    self.assertTrue(os.path.exists(path), "%s: %s" % (name, path))

    def test_what_it_starts_can_be_built(self):
        names = stages(read("docker", "Dockerfile"))
        for service in read_yaml("docker", "compose.yaml")["services"].values():
            target = service.get("build", {}).get("target", "spinbnn")
            self.assertIn(target, names)
        self.assertEqual(list(names)[-1], "spinbnn")


class Dashboards(unittest.TestCase):
    @staticmethod
    def dashboard():
        return json.loads(read("docker", "grafana", "dashboards", "spinbnn.json"))

    def test_every_metric_that_is_drawn_is_one_that_the_daemon_has(self):
        with Daemon() as daemon:
            text = daemon.get("/metrics").body.decode()
        there = set(re.findall(r"^([a-z_]+)", text, re.M))
        expressions = [target["expr"] for panel in self.dashboard()["panels"]
                       for target in panel.get("targets", [])]
        expressions += [a["expr"] for a in self.dashboard()["annotations"]["list"]]
        self.assertGreater(len(expressions), 20)
        for expression in expressions:
            for name in re.findall(r"\b(?:spinbnn|process)_[a-z_]+", expression):
                self.assertIn(name, there, expression)

    def test_panels_lie_side_by_side_and_have_numbers_of_their_own(self):
        panels = self.dashboard()["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken = set()
        for panel in panels:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                     for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(at["x"] + at["w"], 24)
            taken |= cells

    def test_prometheus_accepts_its_settings(self):
        tool = shutil.which("promtool", path=os.environ.get("PATH", "") + os.pathsep +
                            os.path.join(SOURCE, "build/tools/usr/bin"))
        if tool is None:
            self.skipTest("promtool is not installed")
        done = call(tool, "check", "config", os.path.join(DOCKER, "prometheus.yml"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
