#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks at the dashboard through chromium: draws a digit, turns the knob, reads the numbers.

    page.py URL [--size 1280x800] [--dark] [--screenshot FILE] [--expect 1] [--look]
            [--picture FILE] [--token TOKEN] [--newer FILE] [--jobs]

URL is that of a running daemon with at least one model of digits. Drives chromedriver over
its HTTP protocol; needs only the standard library. Exit status 77 (skipped) if chromium or
chromedriver is missing. --look stops after the drawing and leaves the knob alone; --picture takes a colour
picture in place of the drawing; --newer sends a model file as the next version of the model while the page
is open, and goes on with the version before; --jobs makes experiments with the data set that the page suggests.
"""

import argparse
import base64
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SKIPPED = 77
WAIT_S = 15.0
PATIENCE_S = 0.1
LONG_S = 120.0
KEY_END, KEY_HOME, KEY_ENTER = "\ue010", "\ue011", "\ue007"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Driver:
    """One browser window behind a chromedriver of our own."""

    def __init__(self, chromium, chromedriver, profile, size):
        self.process = subprocess.Popen([chromedriver, "--port=0"], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        try:
            self.base = f"http://127.0.0.1:{self.read_port()}"
            self.session = self.open_session(chromium, profile, size)
        except BaseException:
            self.process.kill()
            raise

    def read_port(self):
        for line in self.process.stdout:
            found = re.search(r"successfully on port (\d+)", line)
            if found:
                return int(found.group(1))
        raise RuntimeError("chromedriver ended before it said its port")

    def open_session(self, chromium, profile, size):
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
                     "--no-first-run", "--disable-background-networking",
                     "--disable-component-update", "--disable-sync",
                     "--disable-dev-shm-usage", "--hide-scrollbars",
                     f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"]
        wanted = {"browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
                  "goog:chromeOptions": {"binary": chromium, "args": arguments}}
        answer = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        return f"/session/{answer['sessionId']}"

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: {error.read().decode()[:500]}") from error

    def do(self, path, body):
        return self.ask("POST", self.session + path, body)

    def devtools(self, command, **parameters):
        return self.do("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def run(self, script, *arguments):
        return self.do("/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, element_id):
        return self.run("return document.getElementById(arguments[0]).textContent", element_id)

    def pick(self, selector):
        return self.do("/element", {"using": "css selector", "value": selector})[ELEMENT]

    def press(self, selector, keys):
        self.do(f"/element/{self.pick(selector)}/value", {"text": keys})

    def click(self, selector):
        self.do(f"/element/{self.pick(selector)}/click", {})

    def draw(self, selector, points):
        """A stroke; points are relative to the element's middle, in its half sides."""
        box = self.run("""const e = document.querySelector(arguments[0]);
            e.scrollIntoView({block: "center"});
            const r = e.getBoundingClientRect();
            return [r.x + r.width / 2, r.y + r.height / 2, r.width / 2];""", selector)
        moves = [{"type": "pointerMove", "duration": 10, "x": round(box[0] + x * box[2]),
                  "y": round(box[1] + y * box[2])} for x, y in points]
        actions = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:],
                   {"type": "pointerUp", "button": 0}]
        self.do("/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": actions,
                                          "parameters": {"pointerType": "mouse"}}]})

    def console(self):
        return self.do("/se/log", {"type": "browser"})

    def screenshot(self, path):
        height = self.run("return document.documentElement.scrollHeight")
        width = self.run("return window.innerWidth")
        shot = self.devtools("Page.captureScreenshot", captureBeyondViewport=True,
                             clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def close(self):
        try:
            self.ask("DELETE", self.session)
        finally:
            self.process.terminate()
            self.process.wait(timeout=20)


def wait_for(what, probe, limit_s=WAIT_S):
    """Asks again and again; the last answer that is true."""
    until = time.monotonic() + limit_s
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > until:
            raise AssertionError(f"waited {limit_s:g} s in vain: {what}")
        time.sleep(PATIENCE_S)


def number_in(text):
    found = re.search(r"[0-9][0-9,]*", text)
    return None if found is None else int(found.group().replace(",", ""))


def stroke(digit):
    if digit == "1":
        return [(0.05 - 0.005 * i, -0.65 + 0.065 * i) for i in range(21)]
    if digit == "0":
        return [(0.42 * math.sin(a / 4), -0.6 * math.cos(a / 4)) for a in range(27)]
    return [(x, y) for x, y in
            [(-0.4, -0.35), (-0.2, -0.6), (0.1, -0.65), (0.35, -0.45), (0.35, -0.2), (0.1, 0.1),
             (-0.2, 0.35), (-0.45, 0.6), (-0.1, 0.58), (0.2, 0.58), (0.5, 0.6)]]


def give_token(page, token):
    """The page asks for one, keeps it in the tab and goes on; refusals until then are as
    they should be."""
    wait_for("the page asks for a token",
             lambda: page.run("return !document.getElementById('token-form').hidden"))
    assert "asks for a token" in page.text("token-why"), page.text("token-why")
    page.press("#token", "nonsense")
    page.click("#token-form button")
    wait_for("a wrong one is refused", lambda: "does not know" in page.text("token-why")
             and page.run("return !document.getElementById('token-form').hidden"))
    page.press("#token", token)
    page.click("#token-form button")
    wait_for("it is taken", lambda: "ready" in page.text("server"))
    wait_for("the events are followed with it", lambda: "no labelled pictures" in page.text("job-text"))
    assert page.run("return document.cookie + localStorage.length") == "0"
    bad = [entry for entry in page.console() if "401" not in entry["message"]]
    assert bad == [], bad


def check_loading(page):
    wait_for("the server is ready", lambda: "ready" in page.text("server"))
    wait_for("the operating point is shown",
             lambda: page.run("return !document.getElementById('rate').disabled"))
    overflow = page.run("return document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0, f"the page is {overflow} px wider than the window"
    unnamed = page.run("""return [...document.querySelectorAll("button, input, select, canvas")]
        .filter(e => !e.hidden && !e.labels?.length && !e.textContent.trim()
                     && !e.getAttribute("aria-label")).map(e => e.id)""")
    assert unnamed == [], f"controls without a name: {unnamed}"


def check_drawing(page, digit):
    labels = shown_labels(page)
    page.draw("#pad", stroke(digit))
    said = wait_for("a prediction", lambda: page.text("says") in labels and page.text("says"))
    ink = page.run("""const c = document.getElementById("seen");
        return c.getContext("2d").getImageData(0, 0, c.width, c.height).data
            .filter((v, i) => i % 4 === 0 && v > 128).length""")
    assert ink > 10, f"the prepared picture has only {ink} bright pixels"
    return said


def shown_labels(page):
    return page.run("return [...document.querySelectorAll('#labels button')].map(b => b.textContent)")


def check_versions(page, path):
    """The page follows to a version that comes, and goes back to the one before by keys."""
    model = page.run("return document.getElementById('model').value")
    old, field = shown_labels(page), "document.getElementById('version-field')"
    assert page.run(f"return {field}.hidden"), "there is a choice of one version"
    with open(path, "rb") as file:
        urllib.request.urlopen(urllib.request.Request(
            page.run("return location.origin") + "/api/v1/models/" + model, file.read(),
            method="PUT"), timeout=60).close()
    wait_for("the versions are shown", lambda: page.run(f"return !{field}.hidden"))
    offered = page.run("return [...document.getElementById('version').options].map(o => o.textContent)")
    assert offered == ["2, the newest", "1"], offered
    wait_for("the page asks the new one", lambda: shown_labels(page) != old)
    assert page.run("return document.getElementById('version-note').hidden")
    page.press("#version", "1")
    wait_for("the page asks the old one", lambda: shown_labels(page) == old)
    note = page.text("version-note")
    assert "version 1" in note and "Version 2 answers" in note, note
    assert page.run("return location.hash") == f"#{model}:1"
    wait_for("its operating point is shown",
             lambda: page.run("return !document.getElementById('rate').disabled"))


def check_picture(page, path):
    """A colour picture from a file, on its way to a network that takes colours."""
    labels = shown_labels(page)
    assert "picture" in page.text("draw-heading") and "picture" in page.text("pad-hint")
    page.press("#file", os.path.abspath(path))
    said = wait_for("a prediction", lambda: page.text("says") in labels and page.text("says"))
    colourful = page.run("""const c = document.getElementById("seen");
        const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
        let n = 0;
        for (let i = 0; i < d.length; i += 4) n += Math.abs(d[i] - d[i + 2]) > 32;
        return n""")
    assert colourful > 10, f"the picture it sees has only {colourful} coloured pixels"
    return said


def turn(page, key):
    """Moves the slider to an end; the wrong bits once the array is written."""
    page.press("#rate", key)
    # Longer than the page waits for the hand to rest.
    time.sleep(0.4)
    wait_for("the programming ends", lambda: page.run("return document.getElementById('busy').hidden"))
    return number_in(page.text("wrong"))


def check_knob(page):
    few = turn(page, KEY_HOME)
    before = page.text("cost")
    many = turn(page, KEY_END)
    cells = number_in(page.text("t-wrong-sub"))
    assert many > few, f"{many} wrong bits at the weak end, {few} at the strong one"
    assert 0.05 * cells < many < 0.5 * cells, f"{many} of {cells} bits are wrong at a rate of 0.3"
    wait_for("the tile follows", lambda: number_in(page.text("t-wrong")) == many)
    wait_for("the drawing is classified again", lambda: page.text("cost") != before)
    assert page.run("return document.getElementById('message').hidden"), page.text("message-text")
    return few, many


def check_feedback(page, label):
    index = page.run("""return [...document.querySelectorAll('#labels button')]
        .findIndex(b => b.textContent === arguments[0])""", label)
    page.click(f"#labels button:nth-child({index + 1})")
    wait_for("the feedback is counted", lambda: "Counted" in page.text("feedback-text"))
    wait_for("the live accuracy is shown", lambda: "%" in page.text("t-accuracy"))


def check_new_conditions(page):
    """Labels given before a writing are no longer those of the memory that serves."""
    wait_for("the accuracy starts anew",
             lambda: page.text("t-accuracy") == "–" and "yet" in page.text("t-accuracy-sub"))
    assert "% since start" in page.text("t-accuracy-all"), page.text("t-accuracy-all")


def check_iid(page):
    heading = page.text("knob-heading")
    page.run("document.querySelector('input[value=iid]').click()")
    time.sleep(0.4)
    wait_for("the programming ends", lambda: page.run("return document.getElementById('busy').hidden"))
    told = page.text("knob-heading"), page.text("rate-words"), page.text("energy")
    assert "bit error rate" in told[0] and "bits flip" in told[1] and told[2] == "none", told
    page.run("document.querySelector('input[value=device]').click()")
    wait_for("the heading is back", lambda: page.text("knob-heading") == heading)


def ask_api(page, path, body=None):
    url = page.run("return location.origin") + path
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def job_row(page, job):
    """State and progress of an experiment as the list has them."""
    return page.run("""const item = [...document.querySelectorAll("#job-list li")]
        .find(e => e.textContent.startsWith(arguments[0] + " ·"));
        return item && {at: [...item.parentNode.children].indexOf(item) + 1,
                        state: item.querySelector(".muted").textContent,
                        share: item.querySelector(".fill").style.transform,
                        may_cancel: !item.querySelector("button:not(.show)").hidden}""", job)


def start_job(page, kind):
    """By keys. Its number."""
    last = ask_api(page, "/api/v1/jobs?limit=1")["jobs"]
    page.run("document.querySelector(`input[name=kind][value=${arguments[0]}]`).click()", kind)
    page.press("#job-limit", KEY_ENTER)
    job = last[0]["id"] + 1 if last else 1
    wait_for("the experiment is listed", lambda: job_row(page, job))
    return job


def wait_for_job(page, job, state):
    wait_for(f"experiment {job} is {state}", lambda: job_row(page, job)["state"] == state, LONG_S)
    assert not job_row(page, job)["may_cancel"]


def check_sweep(page, folder):
    job = start_job(page, "sweep")
    wait_for_job(page, job, "done")
    wait_for("its end is told", lambda: "over 3 arrays" in page.text("job-says"))
    points = ask_api(page, f"/api/v1/jobs/{job}/results")["points"]
    axis, line, low, high = page.run("""const {data, scales} = Chart.getChart("c-curve");
        return [scales.x.type, ...data.datasets.map(set => set.data)]""")
    assert axis == "logarithmic"
    assert [p["rate"] for p in line] == [p["mean"]["bit_error_rate"] for p in points]
    assert [p["y"] for p in line] == [p["mean"]["accuracy"] for p in points]
    for point, bottom, top in zip(points, low, high):
        assert math.isclose(top["y"] - bottom["y"], 2 * point["standard_error"]["accuracy"], abs_tol=1e-12)
    # No wrong bits have a place of their own, left of the others.
    assert line[0]["rate"] == 0 and 0 < line[0]["x"] < 0.11 * line[1]["x"], line[:2]
    assert page.run("return document.querySelectorAll('#job-rows tr').length") == len(points)
    page.devtools("Browser.setDownloadBehavior", behavior="allow", downloadPath=folder)
    wait_for("a table is offered", lambda: page.run("return !document.getElementById('job-csv').hidden"))
    page.click("#job-csv")
    table = os.path.join(folder, f"job-{job}.csv")
    wait_for("the table is there", lambda: os.path.exists(table))
    with open(table, encoding="utf-8") as file:
        assert len(file.readlines()) == 1 + 3 * len(points)


def check_least_energy(page):
    page.run("document.getElementById('job-loss').value = '0.05'")
    job = start_job(page, "minimise-energy")
    wait_for_job(page, job, "done")
    best = ask_api(page, f"/api/v1/jobs/{job}")["summary"]["best"]
    saved = f"saves {100 * (1 - best['relative_energy']):.1f} %"
    wait_for("what it saves is told", lambda: saved in page.text("job-says"))
    assert str(best["operating_point"]["target_write_error_rate"]) in page.text("job-says")
    assert page.run("return document.getElementById('job-plot').hidden")


def check_cancelling(page):
    """One that others started and that takes long, and one that waits behind it."""
    running = ask_api(page, "/api/v1/jobs", {
        "kind": "sweep", "model": "cifar10", "seeds": list(range(100)),
        "axes": {"target_write_error_rate": [1e-9, 1e-7, 1e-5, 1e-3, 1e-2]}})["id"]
    wait_for("it gets on", lambda: (job_row(page, running) or {}).get("share", "scaleX(0)") != "scaleX(0)", LONG_S)
    waiting = start_job(page, "evaluate")
    assert job_row(page, waiting)["state"] == "waits"
    for job in (waiting, running):
        page.click(f"#job-list li:nth-child({job_row(page, job)['at']}) button:not(.show)")
        wait_for_job(page, job, "cancelled")


def check_jobs(page, folder):
    wait_for("there are data sets", lambda: page.run("return !document.getElementById('job-start').disabled"))
    chosen = "document.getElementById('job-set').selectedOptions[0].textContent"
    assert page.run(f"return {chosen}") == "digits, test", page.run(f"return {chosen}")
    check_sweep(page, folder)
    check_least_energy(page)
    check_cancelling(page)
    # What the API says, as it says it; the browser tells the console of it, too.
    page.press("#job-set", "many")
    page.press("#job-limit", KEY_ENTER)
    wait_for("the refusal is told", lambda: 'data set "many" has labels up to 10' in page.text("job-problem"))
    bad = [entry for entry in page.console() if "/api/v1/jobs" not in entry["message"] or "422" not in entry["message"]]
    assert bad == [], bad
    assert page.run("return document.getElementById('message').hidden"), page.text("message-text")


def check(page, options):
    if options.dark:
        page.devtools("Emulation.setEmulatedMedia",
                      features=[{"name": "prefers-color-scheme", "value": "dark"}])
    page.devtools("Emulation.setDeviceMetricsOverride", width=options.size[0],
                  height=options.size[1], deviceScaleFactor=1, mobile=False)
    page.do("/url", {"url": options.url})
    if options.token:
        give_token(page, options.token)
    check_loading(page)
    if options.newer:
        check_versions(page, options.newer)
    if options.picture:
        said = check_picture(page, options.picture)
        print(f"took {options.picture}, the network says {said}")
    else:
        said = check_drawing(page, options.draw)
        print(f"drew a {options.draw}, the network says {said}")
    if options.expect is not None:
        assert said == options.expect, f"the network says {said}, not {options.expect}"
    if not options.look:
        check_feedback(page, said)
        few, many = check_knob(page)
        check_new_conditions(page)
        check_iid(page)
        print(f"wrong bits: {few} at the strong end, {many} at the weak one")
    if options.jobs:
        with tempfile.TemporaryDirectory() as folder:
            check_jobs(page, folder)
    if options.screenshot:
        time.sleep(1.5)
        page.screenshot(options.screenshot)
    if not options.look:
        turn(page, KEY_HOME)
    bad = [entry for entry in page.console() if entry["level"] in ("SEVERE", "WARNING")]
    assert bad == [], "the console complains: " + json.dumps(bad, indent=1)


def parse():
    size = lambda text: tuple(int(side) for side in text.split("x"))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url")
    parser.add_argument("--size", type=size, default=(1280, 800))
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--screenshot")
    parser.add_argument("--draw", choices=["0", "1", "2"], default="1")
    parser.add_argument("--expect", help="fail unless the network says this")
    parser.add_argument("--token", help="that the daemon asks for")
    parser.add_argument("--look", action="store_true")
    parser.add_argument("--picture", metavar="FILE")
    parser.add_argument("--newer", metavar="FILE")
    parser.add_argument("--jobs", action="store_true")
    return parser.parse_args()


def main():
    options = parse()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    chromedriver = shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        print("skipped: apt-get install chromium chromium-driver")
        return SKIPPED
    # Proxies are not for a server on this machine.
    os.environ["no_proxy"] = "*"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        page = Driver(chromium, chromedriver, profile, options.size)
        try:
            check(page, options)
        finally:
            page.close()
    print("the page works")
    return 0


if __name__ == "__main__":
    sys.exit(main())
