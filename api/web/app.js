/* SPDX-License-Identifier: Apache-2.0 */
/* app.js - the dashboard: a client of the HTTP API like any other.
 *
 * Everything that comes from the API reaches the page as text, never as markup. The page
 * outlives the daemon: it keeps asking and picks up again when somebody answers.
 *
 * The browser gets one module, /app.js: tools.js, format.js, charts.js, pad.js, memory.js, jobs.js
 * and this file, one after the other.
 */

const STATUS_EVERY_MS = 1000;
const SERIES_EVERY_MS = 5000;
const FOLLOW_AGAIN_MS = 1000;
const KNOB_PAUSE_MS = 150;
/* Requests per second are those of so many seconds. */
const RECENT_S = 5.5;
/* Accuracy lost against the network without wrong bits, that is still good, still fair. */
const GOOD_LOSS = 0.01;
const FAIR_LOSS = 0.1;
/* The reference that energies are compared with, as the literature's "reliable" write. */
const STRONG_RATE = 1e-9;
/* Knob positions: 1, 1.5, 2, 3, 5, 7 of each decade from 1e-9 to 0.3. */
const RATES = Array.from({ length: 52 },
  (_, i) => Number(`${[1, 1.5, 2, 3, 5, 7][i % 6]}e${Math.floor(i / 6) - 9}`));

const PULSE_TEXT = "Left: strong pulses, reliable but costly. Right: weak, cheap pulses that leave some cells with their old bit. Each move writes the whole network anew.";
const IID_TEXT = "Each stored bit is flipped with this probability; no physics, no write energies. Each move writes the whole network anew.";
const MODE_TEXT = {
  device: "Device: every cell is a little different, as fabricated; the weak ones fail first.",
  uniform: "Uniform: every cell fails with the same chance, the array's mean.",
  iid: "iid: every bit has the same chance, independently of the others, as in published accuracy curves.",
};
const OVER_TEXT = {
  random: "Over another network half of the cells have to change; only a cell that has to change can fail.",
  present: "Over itself nothing has to change but the bits that are wrong now, so hardly any cell can fail.",
  complement: "Over its opposite every cell has to change: the worst case.",
  erased_p: "Over cells erased to P only AP bits are written, so errors fall on one side.",
  erased_ap: "Over cells erased to AP only P bits are written, so errors fall on one side.",
};

/* -- State -- */

/* Who names no version gets the newest, and goes on with the next one that comes. */
function modelPath(rest, query = {}) {
  const { name, version } = state.model;
  const asked = String(new URLSearchParams(isNewest(state.model) ? query : { ...query, version }));
  return `/api/v1/models/${encodeURIComponent(name)}${rest}${asked && `?${asked}`}`;
}

const state = {
  models: [],         /* every version of every model; of a name the newest first */
  model: null,        /* MODEL of the API: the version that is asked and turned */
  point: null,        /* the operating point's last answer, and its tag */
  etag: null,
  programming: false, /* a PATCH is on its way, */
  again: false,       /* and the controls were moved since */
  away: false,        /* the daemon did not answer the last time */
  samples: [],        /* {at, requests, uptime} of the last seconds */
  answerId: null,     /* request id that feedback would name */
  answered: null,     /* and the class that was answered */
};

/* -- Models -- */

async function loadModels() {
  const { json } = await request("/api/v1/models");
  state.models = json.models;
  const names = [...new Set(json.models.map((m) => m.name))];
  $("model").replaceChildren(...names.map((name) => new Option(name, name)));
  $("model").disabled = names.length < 2;
  const next = wantedModel();
  if (next === undefined) throw new Problem(500, "The daemon serves no model.");
  const stays = !state.away && state.point !== null && keyOf(next) === keyOf(state.model);
  if (stays) showVersions();
  else await chooseModel(next);
}
/* The address says which: #NAME, the newest version of it, or #NAME:VERSION. */
function wantedModel() {
  const [name, version] = location.hash.slice(1).split(":").map(decodeURIComponent);
  return versionsOf(name).find((m) => m.version === version) || versionsOf(name)[0]
    || versionsOf(state.model?.name)[0] || state.models[0];
}
const versionsOf = (name) => state.models.filter((m) => m.name === name);
const isNewest = (model) => versionsOf(model.name)[0]?.version === model.version;
const keyOf = (model) => `${model.name}:${model.version}`;

function turnTo(model) {
  const version = isNewest(model) ? "" : `:${model.version}`;
  history.replaceState(null, "", `#${encodeURIComponent(model.name)}${version}`);
  chooseModel(model).catch(report);
}
function showVersions() {
  const { model } = state;
  const versions = versionsOf(model.name);
  $("model").value = model.name;
  $("version").replaceChildren(...versions.map((m, i) => new Option(i === 0 ? `${m.version}, the newest` : m.version, m.version)));
  $("version").value = model.version;
  $("version-field").hidden = versions.length < 2;
  $("version-note").hidden = isNewest(model);
  text("version-note", `You ask and turn version ${model.version}. Version ${versions[0].version} answers who names none, and is what experiments try.`);
}

async function chooseModel(model) {
  const same = state.model !== null && state.model.name === model.name;
  state.model = model;
  state.point = null;
  state.samples = [];
  showVersions();
  const inColour = model.input.channels > 1;
  text("draw-heading", isDigits(model) ? "Draw a digit" : inColour ? "Take a picture" : "Draw, or take a picture");
  padInvites(inColour ? "drop a picture here" : "draw here");
  document.title = `spinbnn · ${model.name}`;
  text("about", `${model.name}: ${model.description || ""}`);
  buildAnswer(model);
  if (!same) {
    suggestSet(model);
    clearPad();
  }
  await loadPoint();
  await classify();
  await refreshSeries();
}
const isDigits = (model) => model.labels.every((l) => /^[0-9]$/.test(l));

/* -- The operating point -- */

async function loadPoint() {
  const { model } = state;
  const { json, etag } = await request(modelPath("/operating-point"));
  if (takePoint(model, json, etag)) showConditions(json);
}
/* False if another model was chosen since the question. */
function takePoint(model, json, etag) {
  if (model !== state.model) return false;
  state.point = json;
  state.etag = etag || `"${json.result.generation}"`;
  showPoint();
  return true;
}

/* Puts the controls where the daemon's operating point is. */
function showConditions(point) {
  const rate = wantedRate(point);
  const distance = (r) => Math.abs(Math.log(r) - Math.log(rate));
  if (known(rate) && rate > 0)
    $("rate").value = RATES.reduce((best, r, i) => (distance(r) < distance(RATES[best]) ? i : best), 0);
  $("rate").disabled = false;
  for (const radio of document.getElementsByName("mode")) radio.checked = radio.value === point.mode;
  if (known(point.temperature_k)) $("temperature").value = point.temperature_k;
  /* A width that the daemon chose is a result, not a wish. */
  if (point.mode !== "iid") $("pulse").value = point.solved?.includes("pulse_ns") ? "" : point.pulse_ns;
  /* "present" is the daemon's default and makes no errors: the page starts with "random". */
  if (point.program_over && point.program_over !== "present") $("over").value = point.program_over;
  showProtection(point);
  showKnob(rate);
  showModeTexts();
}
function wantedRate(point) {
  const { bit_error_rate: flips } = point;
  if (point.mode === "iid") return known(flips?.to_p) ? (flips.to_p + flips.to_ap) / 2 : flips;
  if (known(point.target_write_error_rate)) return point.target_write_error_rate;
  return point.predicted.write_error_rate;
}
const mode = () => document.querySelector("input[name=mode]:checked").value;

function showKnob(rate) {
  const iid = mode() === "iid";
  const words = iid ? rateWords(rate, "bit", "flips") : rateWords(rate, "write", "fails");
  text("rate-words", words);
  text("rate-number", powerText(rate));
  $("rate").setAttribute("aria-valuetext", words);
  $("rate").setAttribute("aria-label", iid ? "Bit error rate" : "Write error rate");
}
function showModeTexts() {
  const iid = mode() === "iid";
  text("knob-heading", iid ? "Turn the bit error rate" : "Turn the write error rate");
  text("knob-text", iid ? IID_TEXT : PULSE_TEXT);
  text("mode-text", MODE_TEXT[mode()]);
  text("over-text", OVER_TEXT[$("over").value]);
  $("over-text").hidden = iid;
  for (const id of ["temperature", "pulse", "over", "retries"]) $(id).disabled = iid;
  showProtectText();
}

function wantedPatch() {
  const rate = RATES[$("rate").value];
  if (mode() === "iid") return { mode: "iid", bit_error_rate: rate, ...protectPatch(true) };
  return {
    ...protectPatch(false),
    mode: mode(),
    target_write_error_rate: rate,
    pulse_ns: $("pulse").value === "" ? null : Number($("pulse").value),
    temperature_k: Number($("temperature").value) || 300,
    program_over: $("over").value,
  };
}

async function patchPoint(patch) {
  const { model } = state;
  const { json, etag } = await request(modelPath("/operating-point"), {
    method: "PATCH",
    headers: { "Content-Type": "application/merge-patch+json", "If-Match": state.etag },
    body: JSON.stringify(patch),
  });
  takePoint(model, json, etag);
}
async function patchPointOrReload(patch) {
  try {
    await patchPoint(patch);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 412) throw error;
    /* Somebody else turned a knob: what we want still stands, so say it once more. */
    state.etag = (await request(modelPath("/operating-point"))).etag;
    await patchPoint(patch);
  }
}
/* One programming at a time; what was asked meanwhile is done once, at the end. */
async function program() {
  if (state.point === null) return;
  if (state.programming) { state.again = true; return; }
  state.programming = true;
  $("busy").hidden = false;
  try {
    do {
      state.again = false;
      await patchPointOrReload(wantedPatch());
      showMessage("");
      classify();
    } while (state.again);
  } catch (error) {
    report(error);
  } finally {
    state.programming = false;
    $("busy").hidden = true;
  }
}
const programSoon = debounce(KNOB_PAUSE_MS, program);

/* -- What a programming did -- */

function showPoint() {
  const { point } = state;
  const { result, predicted } = point;
  const iid = point.mode === "iid";
  text("wrong", whole.format(result.wrong_bits));
  text("wrong-expected", `expected ${expectedText(predicted.wrong_bits)} · ${shareText(result.bit_error_rate)}`);
  text("energy", iid ? "none" : energyText(result.energy_pj));
  text("energy-expected", iid ? "iid has no physics" : `expected ${energyText(predicted.energy_pj)}`);
  const volts = point.write_voltage_v;
  const physical = !iid && volts && known(volts.p2ap) && known(volts.ap2p);
  text("volts", physical ? `${volts.p2ap.toFixed(3)} / ${volts.ap2p.toFixed(3)} V` : "none");
  text("volts-text", physical ? `P→AP / AP→P, for ${digits(point.pulse_ns, 3)} ns` : "bits are flipped directly");
  text("t-write", iid ? "none" : energyText(result.energy_pj));
  showLayers(result.layers || []);
  showMemory({ ...result, generation: point.generation });
  /* Only the newest version's device can be solved for by the model's name. */
  showCompare(physical && isNewest(state.model));
}
function expectedText(n) {
  return known(n) ? (n < 0.05 ? "none" : n < 100 ? digits(n, 2) : whole.format(n)) : "–";
}
function showLayers(layers) {
  $("layer-rows").replaceChildren(...layers.map((layer, i) => {
    const name = layer.name || state.model.layers[i]?.name || `layer ${i + 1}`;
    const row = element("tr");
    row.append(element("td", "", name), element("td", "", whole.format(layer.weights)),
      element("td", "", whole.format(layer.wrong_bits)),
      element("td", "", shareText(layer.bit_error_rate)),
      element("td", "", whole.format(layer.cells)),
      element("td", "", whole.format(layer.errors?.p2ap ?? 0)),
      element("td", "", whole.format(layer.errors?.ap2p ?? 0)));
    return row;
  }));
}

/* -- Energy against a strong write -- */

/* What the cheapest pulse for STRONG_RATE takes with this model's device, pJ; Infinity if no
 * pulse reaches that rate, null for a device without energies. Its parameters may be new in
 * each generation. */
const strongCache = new Map();
function strongEnergy(point) {
  const key = `${point.model} ${point.generation}`;
  if (!strongCache.has(key)) {
    const found = request("/api/v1/solve", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ target_error_rate: STRONG_RATE, temperature_k: point.temperature_k, device: { model: point.model } }),
    }).then(({ json }) => (json.cheapest === null ? Infinity : json.cheapest.toggle_energy_pj), (error) => {
      if (error instanceof Problem && error.status === 422) return Infinity;
      strongCache.delete(key);
      throw error;
    });
    strongCache.clear();
    strongCache.set(key, found);
  }
  return strongCache.get(key);
}
async function showCompare(physical) {
  $("compare").hidden = !physical;
  if (!physical) return;
  const { point } = state;
  try {
    const strong = await strongEnergy(point);
    if (state.point !== point) return; /* a newer one is being shown */
    const pj = point.predicted.toggle_energy_pj;
    $("compare").hidden = strong === null || pj === null;
    const share = pj / strong;
    const words = Number.isFinite(strong)
      ? `${energyText(pj)}, ${digits(100 * share, 2)} % of the ${energyText(strong)} that 1 error in a billion takes` : energyText(pj);
    text("compare-text", words);
    $("compare").setAttribute("aria-label", `Energy to flip one bit: ${words}`);
    fill($("compare-fill"), share);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    $("compare").hidden = true;
  }
}

/* -- Live numbers -- */

async function pollStatus() {
  let status;
  try {
    status = (await request("/api/v1/status")).json;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401) showServer("wait", "asks for a token");
    else showServer("gone", error.status === 0 ? "no answer, trying again" : error.message);
    state.away = true;
    return false;
  }
  const stateText = status.draining ? "shutting down" : status.ready ? "ready" : "starting";
  showServer(status.ready && !status.draining ? "ready" : "wait", `${stateText} · ${status.kernel} · ${status.version}`);
  try {
    if (status.ready && (state.away || state.point === null)) {
      await loadModels();
      state.away = false;
      showMessage("");
    }
    await takeStatus(status);
  } catch (error) {
    report(error);
  }
  return true;
}
function showServer(kind, what) {
  $("dot").className = `dot ${kind}`;
  text("server", what);
}

async function takeStatus(status) {
  if (status.models.map(keyOf).join() !== state.models.map(keyOf).join()) await loadModels();
  const row = state.model && status.models.find((m) => keyOf(m) === keyOf(state.model));
  if (!row) return;
  const at = performance.now() / 1000;
  const last = state.samples.at(-1);
  if (last && status.uptime_s < last.uptime) state.samples = []; /* another daemon */
  state.samples.push({ at, requests: status.requests, uptime: status.uptime_s });
  while (state.samples[0].at < at - RECENT_S) state.samples.shift();
  showTiles(row, status);
  if (!state.programming && state.point && row.generation !== state.point.result.generation) {
    await loadPoint();
    await classify();
  }
}

function showTiles(row, status) {
  showAccuracy(row, state.model.accuracy?.ratio);
  text("t-wrong", whole.format(row.wrong_bits));
  text("t-wrong-sub", row.wrong_bits === 0 ? `of ${whole.format(row.weights)}` : `of ${whole.format(row.weights)} · ${shareText(row.bit_error_rate)}`);
  text("t-write-sub", `${energyText(row.programming_energy_pj)} so far`);
  const perPicture = row.images > 0 ? row.inference_energy_pj / row.images : state.model.energy?.total_pj;
  text("t-picture", energyText(perPicture));
  text("t-picture-sub", `of ${whole.format(row.images)} pictures so far`);
  const recent = state.samples[0];
  const seconds = state.samples.at(-1).at - recent.at;
  text("t-requests", seconds > 0.5 ? digits((status.requests - recent.requests) / seconds, 3) : "–");
  text("t-requests-sub", `${whole.format(status.requests)} so far, with this page's`);
  text("t-latency", row.latency_us && row.images > 0 ? timeText(row.latency_us.p99) : "–");
  text("t-latency-sub", row.latency_us && row.images > 0 ? `half within ${timeText(row.latency_us.p50)}` : "no answers yet");
}

/* Counts since the last writing, so that the knob's effect shows; `shipped` is the accuracy
 * without wrong bits. */
function showAccuracy({ current, labelled, accuracy }, shipped) {
  const none = current.labelled === 0;
  text("t-accuracy", percent(current.accuracy));
  $("t-accuracy").className = none || !known(shipped) ? "" : accuracyKind(shipped - current.accuracy);
  text("t-accuracy-sub", none ? "no labelled picture under these conditions yet"
    : `of ${whole.format(current.labelled)} labelled ${current.labelled === 1 ? "picture" : "pictures"} under these conditions`);
  text("t-accuracy-all", none && labelled > 0 ? `${percent(accuracy)} since start` : "");
}
function accuracyKind(loss) {
  const rounding = 1e-9;
  return loss <= GOOD_LOSS + rounding ? "good" : loss <= FAIR_LOSS + rounding ? "amber" : "bad";
}

/* -- History -- */

async function series(metric, step = STEP_S) {
  const of = { model: state.model.name, version: state.point.version };
  const query = new URLSearchParams({ metric, ...of, from: `-${WINDOW_S / 60}m`, step });
  const { json } = await request(`/api/v1/series?${query}`);
  const points = json.series.find((s) => s.model === state.model.name)?.points ?? [];
  const rows = points.map((p) => Object.fromEntries(json.columns.map((name, i) => [name, p[i]])));
  return { rows, to: json.to };
}
async function refreshSeries() {
  if (state.point === null) return;
  const { model } = state;
  try {
    const [accuracy, errors, energy] = await Promise.all([series("accuracy"), series("bit_error_rate", 1), series("energy")]);
    if (model !== state.model || state.point === null) return;
    drawAccuracy(accuracy, errors.rows, state.model.accuracy?.ratio);
    drawErrors(errors, state.point.result);
    drawEnergy(energy);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
}

/* -- Classify -- */

let asked = 0;

async function classify() {
  if (state.model === null) return;
  const { model } = state;
  const picture = pictureToSend(model.input, isDigits(model));
  if (picture === null) return;
  const ticket = ++asked;
  try {
    const { json } = await request(modelPath("/classify", { top: Math.min(model.classes, 10) }), { method: "POST", headers: { "Content-Type": picture.type }, body: picture.body });
    /* An answer that a newer question has overtaken is not shown. */
    if (ticket === asked && model === state.model) showAnswer(json);
  } catch (error) {
    report(error);
  }
}
/* Few classes keep their places, so that bars move and names do not. */
function buildAnswer(model) {
  const named = model.labels.some((l) => l.length > 3);
  const shown = Math.min(model.classes, 10);
  $("bars").className = named ? "bars named" : "bars";
  $("bars").replaceChildren(...Array.from({ length: shown }, (_, i) => {
    const row = element("li");
    const track = element("div", "track");
    track.append(element("div", "fill"));
    row.append(element("span", "name", model.classes <= 10 ? model.labels[i] : ""), track, element("span", "number", ""));
    return row;
  }));
  $("labels").className = named ? "chips named" : "chips";
  $("labels").replaceChildren(...model.labels.slice(0, 100).map((label, i) => {
    const button = element("button", "", label);
    button.type = "button";
    button.disabled = true;
    button.addEventListener("click", () => sendFeedback(i));
    return button;
  }));
  text("says", "–");
  $("says").className = named ? "says long" : "says";
  text("sure", "nothing drawn yet");
  text("feedback-text", "What was it really? Your choice counts into the live accuracy.");
  text("cost", "Each answer reads every weight out of the memory once.");
}
function showAnswer(answer) {
  const { scores, label } = answer.results[0];
  const best = answer.results[0].class;
  state.answerId = answer.request_id;
  state.answered = best;
  text("says", label);
  text("sure", `${percent(scores[0].probability)} sure`);
  [...$("bars").children].forEach((row, i) => {
    const score = state.model.classes <= 10 ? scores.find((s) => s.class === i) : scores[i];
    row.className = score?.class === best ? "best" : "";
    row.children[0].textContent = score?.label ?? state.model.labels[i];
    row.children[0].title = row.children[0].textContent;
    fill(row.children[1].firstChild, score?.probability ?? 0);
    row.children[2].textContent = score ? percent(score.probability) : "";
  });
  for (const button of $("labels").children) { button.disabled = false; button.className = ""; }
  text("feedback-text", "What was it really? Your choice counts into the live accuracy.");
  const { energy, memory } = answer;
  text("cost", `${energyText(energy.total_pj)}, ${energyText(energy.read_pj)} of it for reading, in ${timeText(answer.time_us.total)} · ${whole.format(memory.wrong_bits)} wrong bits · generation ${answer.generation}`);
}

async function sendFeedback(label) {
  if (state.answerId === null) return;
  const id = state.answerId;
  const buttons = [...$("labels").children];
  for (const button of buttons) button.disabled = true;
  try {
    const { json } = await request("/api/v1/feedback", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ feedback: [{ request_id: id, label }] }),
    });
    if (id !== state.answerId) return;
    const right = label === state.answered;
    buttons[label].className = right ? "right" : "wrong";
    text("feedback-text", json.accepted === 0 ? "This answer is too old to count." : right ? "Counted as right." : "Counted as wrong.");
  } catch (error) {
    for (const button of buttons) button.disabled = false;
    report(error);
  }
}

/* -- Wiring -- */

function watchControls() {
  $("model").addEventListener("change", () => turnTo(versionsOf($("model").value)[0]));
  $("version").addEventListener("change", () =>
    turnTo(versionsOf(state.model.name).find((m) => m.version === $("version").value)));
  $("rate").addEventListener("input", () => { showKnob(RATES[$("rate").value]); programSoon(); });
  $("rate").addEventListener("change", () => programSoon.now());
  for (const radio of document.getElementsByName("mode"))
    radio.addEventListener("change", () => { showModeTexts(); showKnob(RATES[$("rate").value]); programSoon(); });
  for (const id of ["temperature", "pulse", "over"])
    $(id).addEventListener("change", () => { showModeTexts(); programSoon(); });
  $("message-close").addEventListener("click", () => showMessage(""));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { buildCharts(); refreshSeries(); });
}
const visible = () => new Promise((done) => {
  if (!document.hidden) { done(); return; }
  document.addEventListener("visibilitychange", () => done(), { once: true });
});
async function forever(everyMs, work) {
  for (let failures = 0; ; ) {
    await visible();
    try {
      failures = (await work()) === false ? failures + 1 : 0;
    } catch (error) {
      /* A fault of this page; the next round may be without it. */
      console.error(error);
      failures += 1;
    }
    await sleep(Math.min(everyMs * (1 + failures), 5000));
  }
}

watchPad({ changed: classify, cleared: () => { state.answerId = null; if (state.model) buildAnswer(state.model); } });
watchControls();
watchMemory(programSoon);
watchJobs();
watchTokenForm(() => pollStatus());
paintPad();
buildCharts();
forever(STATUS_EVERY_MS, pollStatus);
forever(SERIES_EVERY_MS, refreshSeries);
forever(FOLLOW_AGAIN_MS, followJobs);
