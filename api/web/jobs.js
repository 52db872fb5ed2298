/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.js - experiments in the background: asked for, followed as the daemon tells of them, and
 * what came of them.
 */

const JOBS_LISTED = 20;
/* Bit error rates of a sweep: from nothing to where every network is lost. */
const SWEEP_RATES = [0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.2, 0.3];
const KIND_TEXT = {
  "evaluate": "Asks the memory as it serves now about all of the pictures.",
  "sweep": "Flips 0 to 30 % of the bits (iid) in arrays of their own, and asks each about the pictures: the curve of accuracy.",
  "minimise-energy": "Looks for the weakest write, and so the cheapest, that loses no more accuracy than this; with and without a code.",
};
const WAY_TEXT = { "evaluate": "evaluate", "sweep": "sweep", "minimise-energy": "least energy" };
const NO_SETS_TEXT = "The daemon has no labelled pictures: start it with --data DIR.";

const jobs = {
  rows: new Map(), /* by id: {job, and elements: item, show, name, state, track, cancel} */
  shown: null,     /* id of the one whose results are shown */
  asking: false,   /* a POST is on its way */
  sets: null,      /* splits of data sets, once they are known: {name, split, images, ...}, {name, split, error} */
};

function reportJob(error) {
  if (!(error instanceof Problem)) throw error;
  if (error.status !== 0 && error.status !== 401) showJobProblem(error.message);
}
function showJobProblem(what) {
  text("job-problem", what);
  $("job-problem").hidden = what === "";
}

/* -- The list -- */

const isOver = (job) => job.state !== "queued" && job.state !== "running";
const jobName = (job) => `${WAY_TEXT[job.kind] ?? job.kind} of ${job.model}`;
function jobState(job) {
  if (job.state === "running") return `${Math.floor((100 * job.done) / Math.max(1, job.total))} %`;
  return job.state === "queued" ? "waits" : job.state;
}

async function loadJobs() {
  const { json } = await request(`/api/v1/jobs?limit=${JOBS_LISTED}`);
  jobs.rows = new Map(json.jobs.map((job) => [job.id, jobs.rows.get(job.id) ?? newRow(job.id)]));
  for (const job of json.jobs) showRow(job);
  /* Left alone where nothing came or went: it may have the focus. */
  const [list, items] = [$("job-list"), [...jobs.rows.values()].map((row) => row.item)];
  if (items.length !== list.children.length || items.some((item, i) => item !== list.children[i])) list.replaceChildren(...items);
  if (jobs.rows.has(jobs.shown)) showJob().catch(reportJob);
}
/* An event may be older than the list that was asked for after it. */
function takeJob(job) {
  const row = jobs.rows.get(job.id);
  if (row !== undefined && (isOver(row.job) || job.done < row.job.done)) return;
  if (row === undefined) {
    jobs.rows.set(job.id, newRow(job.id));
    $("job-list").prepend(jobs.rows.get(job.id).item);
  }
  showRow(job);
  if (job.id === jobs.shown) showJob().catch(reportJob);
}
function newRow(id) {
  const row = {
    job: null, item: element("li"), show: element("button", "show"), name: element("span"), state: element("span", "muted"),
    track: element("div", "track"), cancel: element("button", "", "Cancel"),
  };
  row.show.type = row.cancel.type = "button";
  row.show.append(row.name, row.state);
  row.show.addEventListener("click", () => chooseJob(id));
  row.cancel.addEventListener("click", () => cancelJob(id));
  row.track.append(element("div", "fill"));
  row.item.append(row.show, row.cancel, row.track);
  return row;
}
function showRow(job) {
  const row = jobs.rows.get(job.id);
  row.job = job;
  row.name.textContent = `${job.id} · ${jobName(job)}`;
  row.cancel.setAttribute("aria-label", `Cancel ${jobName(job)}`);
  row.state.textContent = jobState(job);
  row.state.classList.toggle("failed", job.state === "failed");
  row.show.setAttribute("aria-pressed", job.id === jobs.shown);
  row.cancel.hidden = isOver(job);
  row.track.hidden = job.state !== "running";
  fill(row.track.firstChild, job.done / job.total);
}

/* One round of following; false if nothing was heard. */
async function followJobs() {
  let opened = false;
  try {
    for await (const { name, data } of follow("/api/v1/events")) {
      if (name === "open") {
        showJobProblem("");
        loadSets().catch(reportJob);
      }
      if (name === "open" || name === "gap") await loadJobs();
      if (name === "job") takeJob(data);
      opened = true;
    }
  } catch (error) {
    reportJob(error);
  }
  return opened;
}

async function cancelJob(id) {
  try {
    const { json } = await request(`/api/v1/jobs/${id}`, { method: "DELETE" });
    if (json !== null) takeJob(json);
    jobs.rows.get(id)?.show.focus();
    showJobProblem("");
  } catch (error) {
    reportJob(error);
  }
}

/* -- Asking for one -- */

const jobKind = () => document.querySelector("input[name=kind]:checked").value;

function showKind() {
  const kind = jobKind();
  text("job-text", jobs.sets?.length === 0 ? NO_SETS_TEXT : KIND_TEXT[kind]);
  $("job-arrays-field").hidden = kind === "evaluate";
  $("job-loss-field").hidden = kind !== "minimise-energy";
}
async function loadSets() {
  const { json } = await request("/api/v1/datasets");
  const sets = json.datasets.flatMap(({ name, splits }) => splits.map((split) => ({ name, ...split })));
  if (JSON.stringify(sets) === JSON.stringify(jobs.sets)) return; /* the choice stays */
  jobs.sets = sets;
  $("job-set").replaceChildren(...jobs.sets.map((set, i) => {
    const option = new Option(setText(set), i);
    option.disabled = set.error !== undefined;
    return option;
  }));
  $("job-set").disabled = $("job-start").disabled = sets.every((set) => set.error !== undefined);
  showKind();
  if (state.model !== null) suggestSet(state.model);
}
const setText = ({ name, split, error }) => `${name}, ${split}${error === undefined ? "" : `: ${error}`}`;
const chosenSet = () => jobs.sets[$("job-set").value];
function showSet() {
  const { images } = chosenSet() ?? {};
  $("job-limit").placeholder = known(images) ? `all ${whole.format(images)}` : "all";
}
/* Of the sets that fit, the one that sounds like the model. */
function suggestSet(model) {
  if (jobs.sets === null) return;
  const { height, width, channels } = model.input;
  const fits = (set) => set.error === undefined && set.classes <= model.classes
    && (set.shape === null || set.shape.join() === [height, width, channels].join());
  const likeness = ({ name, split }) => (name === model.name ? 4 : name.includes(model.name) ? 2 : 0) + (split === "test" ? 1 : 0);
  const best = jobs.sets.filter(fits).sort((a, b) => likeness(b) - likeness(a))[0];
  if (best !== undefined) $("job-set").value = jobs.sets.indexOf(best);
  showSet();
}

function jobBody() {
  const kind = jobKind();
  const { name, split } = chosenSet();
  const body = { kind, model: state.model.name, dataset: name, split };
  if ($("job-limit").value !== "") body.limit = Number($("job-limit").value);
  if (kind !== "evaluate") body.seeds = Array.from({ length: Number($("job-arrays").value) }, (_, i) => i + 1);
  if (kind === "sweep") Object.assign(body, { operating_point: { mode: "iid" }, axes: { bit_error_rate: SWEEP_RATES } });
  if (kind === "minimise-energy") body.tolerance = Number($("job-loss").value);
  return body;
}
async function startJob() {
  if (state.model === null || jobs.asking) return;
  jobs.asking = true;
  try {
    const { json } = await request("/api/v1/jobs", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(jobBody()),
    });
    showJobProblem("");
    takeJob(json);
    chooseJob(json.id);
  } catch (error) {
    reportJob(error);
  } finally {
    jobs.asking = false;
  }
}

/* -- What came of one -- */

let resultsAsked = 0;

function chooseJob(id) {
  jobs.shown = id;
  for (const row of jobs.rows.values()) showRow(row.job);
  showJob().catch(reportJob);
}
async function showJob() {
  const ticket = ++resultsAsked;
  const path = `/api/v1/jobs/${jobs.shown}`;
  const [{ json: job }, { json: results }] = await Promise.all([request(path), request(`${path}/results`)]);
  if (ticket !== resultsAsked) return;
  $("job").hidden = false;
  $("job-none").hidden = true;
  text("job-title", jobTitle(job));
  text("job-says", jobSays(job, results.points));
  $("job-says").className = job.state === "failed" ? "job-says bad" : "job-says";
  showSaving(job.summary);
  showCurve(job, results.points);
  showWrites(results.points);
  $("job-csv").hidden = true;
  if (isOver(job)) await offerTable(job, ticket);
}
function jobTitle(job) {
  const { dataset, split = "test", limit } = job.request;
  const pictures = dataset === undefined ? "without pictures" : `on ${dataset}, ${split}${known(limit) && limit > 0 ? `, first ${whole.format(limit)}` : ""}`;
  return `${job.id} · ${jobName(job)}, ${pictures}`;
}
function jobSays(job, points) {
  if (job.state === "failed") return job.error ?? "failed";
  if (job.state === "queued") return "It waits for its turn.";
  if (job.state === "running") return "It runs; this is what there is so far.";
  if (job.state !== "done") return `It was ${job.state}; this is what there was.`;
  if (job.kind === "evaluate") return evaluateSays(points[0]);
  if (job.kind === "minimise-energy") return searchSays(job.summary);
  return sweepSays(points);
}
function sweepSays(points) {
  if (!points.some(hasAccuracy)) return "No pictures, so no accuracy: wrong bits and energies alone.";
  const arrays = points[0].trials.length;
  return `Accuracy against the share of wrong bits${arrays > 1 ? `; the band is the standard error over ${arrays} arrays` : ", of one array"}.`;
}
function evaluateSays({ mean, accuracy_interval: interval, trials }) {
  return `${percent(mean.accuracy)} of ${whole.format(trials[0].images)} pictures right, ${percent(interval.low)} to ${percent(interval.high)} with 95 % confidence, at ${whole.format(mean.wrong_bits)} wrong bits.`;
}
function searchSays({ best, error_free_accuracy: clean, tolerance }) {
  if (best === null) return `No write loses less than ${digits(100 * tolerance, 2)} points of accuracy.`;
  return `Found: ${writeText(best.operating_point)}. It saves ${percent(1 - best.relative_energy)} of the energy, with ${percent(best.accuracy)} of the pictures right in place of ${percent(clean)}.`;
}
function showSaving(summary) {
  const best = summary?.best;
  $("job-energy").hidden = !best;
  if (!best) return;
  const words = `${energyText(best.energy_pj)}, ${percent(best.relative_energy)} of the ${energyText(summary.reference.energy_pj)} of the reference`;
  text("job-energy-text", words);
  $("job-energy").setAttribute("aria-label", `Energy of the write: ${words}`);
  fill($("job-energy-fill"), best.relative_energy);
}

const hasAccuracy = (point) => known(point.mean.accuracy);

function showCurve(job, points) {
  const told = job.kind === "sweep" ? points.filter(hasAccuracy) : [];
  $("job-plot").hidden = told.length === 0;
  drawCurve(told.map(({ mean, standard_error: error }) => ({ rate: mean.bit_error_rate, accuracy: mean.accuracy, margin: error.accuracy }))
    .sort((a, b) => a.rate - b.rate));
}
/* An operating point in words: what it has of its own. */
function writeText(point) {
  if (point === null) return "as it served";
  const parts = Object.entries(point).map(([name, value]) =>
    `${name.replaceAll("_", " ")} ${typeof value === "object" ? JSON.stringify(value) : value}`);
  return parts.join(", ") || "the default write";
}
function showWrites(points) {
  $("job-points").hidden = points.length === 0;
  $("job-rows").replaceChildren(...points.map(({ operating_point: point, mean, standard_error: error }) => {
    const row = element("tr");
    row.append(element("td", "", writeText(point)), element("td", "", shareText(mean.bit_error_rate)),
      element("td", "", marginText(mean.accuracy, error.accuracy)), element("td", "", energyText(mean.energy_pj)));
    return row;
  }));
}
/* A link of its own could not ask for CSV, nor send a token. */
async function offerTable(job, ticket) {
  const response = await answered(ask(`/api/v1/jobs/${job.id}/results`, { headers: { Accept: "text/csv" } }));
  const table = await answered(response.blob());
  if (ticket !== resultsAsked || !response.ok) return;
  const link = $("job-csv");
  URL.revokeObjectURL(link.href);
  Object.assign(link, { href: URL.createObjectURL(table), download: `job-${job.id}.csv`, hidden: false });
}

function watchJobs() {
  for (const radio of document.getElementsByName("kind")) radio.addEventListener("change", showKind);
  $("job-set").addEventListener("change", showSet);
  $("job-form").addEventListener("submit", (event) => {
    event.preventDefault();
    startJob();
  });
}
