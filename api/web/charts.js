/* SPDX-License-Identifier: Apache-2.0 */
/* charts.js - accuracy, wrong bits and energy of the last quarter of an hour; accuracy against
 * the bit error rate.
 *
 * Rows are what /api/v1/series answers, as objects by column; times are UTC seconds.
 */

const WINDOW_S = 900;
const STEP_S = 10;
/* The daemon counts an answer into the window in which it notices it. */
const LATE_S = 2;

const charts = {};
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const clock = (s) => new Date(s * 1000).toLocaleTimeString("en-GB");
/* No wrong bit at all has no place on a logarithmic axis: it lies on the floor. */
const BER_FLOOR = 1e-7;

const timeAxis = {
  title: (items) => clock(items[0].parsed.x),
  scale: { type: "linear", afterBuildTicks: (axis) => { axis.ticks = [0, 300, 600, 900].map((s) => ({ value: axis.max - WINDOW_S + s })); } },
  ticks: { align: "inner", callback: (_, i) => ["15 min ago", "10", "5", "now"][i] },
};
function chartOptions(y, x = timeAxis) {
  const grid = { color: color("--line"), drawBorder: false };
  const ticks = { color: color("--muted"), maxRotation: 0, font: { size: Math.max(11, 0.72 * parseFloat(getComputedStyle(document.documentElement).fontSize)) } };
  return {
    animation: false, responsive: true, maintainAspectRatio: false, normalized: true,
    interaction: { mode: "nearest", axis: "x", intersect: false },
    plugins: {
      legend: { display: false },
      tooltip: { displayColors: false, filter: y.told, callbacks: { title: x.title, label: y.label } },
    },
    scales: {
      x: { ...x.scale, offset: false, stacked: Boolean(y.stacked), grid: { ...grid, display: false, offset: false }, ticks: { ...ticks, ...x.ticks } },
      y: { type: y.type || "linear", stacked: Boolean(y.stacked), min: y.min, max: y.max, grid, ticks: { ...ticks, maxTicksLimit: 6, callback: y.tick }, afterBuildTicks: y.afterBuildTicks },
    },
  };
}
function lineOf(name, extra) {
  return { data: [], borderColor: color(name), backgroundColor: color(name), borderWidth: 2.5, pointRadius: 2.5, pointHitRadius: 10, clip: 6, ...extra };
}
/* Thin upright lines where the array was written anew. */
const writings = {
  id: "writings",
  at: [], /* UTC seconds */
  beforeDatasetsDraw({ ctx, chartArea, scales }) {
    ctx.save();
    ctx.strokeStyle = color("--line");
    ctx.lineWidth = 1.5;
    for (const ts of writings.at.filter((t) => t >= scales.x.min)) {
      const x = scales.x.getPixelForValue(ts);
      ctx.beginPath();
      ctx.moveTo(x, chartArea.top);
      ctx.lineTo(x, chartArea.bottom);
      ctx.stroke();
    }
    ctx.restore();
  },
};
function buildCharts() {
  if (typeof Chart === "undefined") return;
  for (const chart of Object.values(charts)) chart.destroy();
  charts.accuracy = new Chart($("c-accuracy"), {
    type: "line",
    data: {
      /* A hollow point may count pictures of two memories. */
      datasets: [lineOf("--good", { pointBackgroundColor: (c) => color(c.raw?.mixed ? "--card" : "--good") }), lineOf("--muted", { borderDash: [5, 5], borderWidth: 1.5, pointRadius: 0, pointHitRadius: 0 })],
    },
    plugins: [writings],
    options: chartOptions({
      min: 0, max: 1, tick: (v) => `${Math.round(100 * v)} %`,
      label: (i) => (i.datasetIndex === 0 ? `${percent(i.raw.y)} of ${whole.format(i.raw.n)}${i.raw.mixed ? ", around a writing" : ""}` : `without wrong bits ${percent(i.raw.y)}`),
    }),
  });
  charts.errors = new Chart($("c-errors"), {
    type: "line",
    data: { datasets: [lineOf("--warm", { stepped: "before" })] },
    options: chartOptions({
      type: "logarithmic", min: BER_FLOOR, max: 1,
      tick: (v) => (v <= BER_FLOOR ? "none" : powerText(v)),
      afterBuildTicks: (axis) => { axis.ticks = [BER_FLOOR, 1e-5, 1e-3, 0.1].map((value) => ({ value })); },
      label: (i) => (i.raw.y <= BER_FLOOR ? "no wrong bits" : `${shareText(i.raw.y)} wrong`),
    }),
  });
  const bars = { maxBarThickness: 8, barPercentage: 1, categoryPercentage: 1, stack: "energy" };
  charts.energy = new Chart($("c-energy"), {
    type: "bar",
    data: { datasets: [lineOf("--accent", { ...bars, label: "writing", borderWidth: 0 }), lineOf("--good", { ...bars, label: "answering", borderWidth: 0 })] },
    options: chartOptions({ min: 0, stacked: true, tick: (v) => energyText(v), label: (i) => `${i.dataset.label} ${energyText(i.raw.y)}` }),
  });
  /* The line, and the band's ends: the upper one is filled down to the lower one. */
  const end = { pointRadius: 0, pointHitRadius: 0, borderWidth: 0 };
  charts.curve = new Chart($("c-curve"), {
    type: "line",
    data: { datasets: [lineOf("--accent", { pointRadius: 3 }), lineOf("--accent", end), lineOf("--accent", { ...end, fill: "-1", backgroundColor: `${color("--accent")}33` })] },
    options: chartOptions(
      { min: 0, max: 1, tick: (v) => `${Math.round(100 * v)} %`, told: (i) => i.datasetIndex === 0, label: (i) => marginText(i.raw.y, i.raw.margin) },
      rateAxis),
  });
  drawCurve(curve);
}

/* -- Accuracy against the bit error rate -- */

let curve = []; /* {rate, accuracy, margin} as shown last; a margin that is not known is null */

const decade = (x) => 10 ** Math.floor(Math.log10(x) + 1e-9);
const rateAxis = {
  title: (items) => (items[0].raw.rate === 0 ? "no wrong bits" : `${shareText(items[0].raw.rate)} of the bits wrong`),
  scale: {
    type: "logarithmic",
    afterBuildTicks: (axis) => {
      const decades = Math.round(Math.log10(axis.max / axis.min));
      axis.ticks = Array.from({ length: decades + 1 }, (_, i) => ({ value: axis.min * 10 ** i }));
    },
  },
  ticks: { callback: (v, i) => (i === 0 && curve[0]?.rate === 0 ? "none" : powerText(v)) },
};
/* `points` go from few wrong bits to many; none at all has its place below the least decade. */
function drawCurve(points) {
  curve = points;
  if (!charts.curve) return;
  const rates = points.map((p) => p.rate).filter((rate) => rate > 0);
  const least = decade(Math.min(...rates, 0.1));
  const min = rates.length < points.length ? least / 10 : least;
  const line = (y) => points.map((p) => ({ ...p, x: Math.max(p.rate, min), y: y(p) }));
  const sets = [line((p) => p.accuracy), line((p) => p.accuracy - p.margin), line((p) => p.accuracy + p.margin)];
  sets.forEach((set, i) => { charts.curve.data.datasets[i].data = set; });
  Object.assign(charts.curve.options.scales.x, { min, max: 1 });
  charts.curve.update("none");
  $("c-curve").setAttribute("aria-label", `Accuracy against the bit error rate: ${points.map((p) => `${marginText(p.accuracy, p.margin)} at ${shareText(p.rate)}`).join(", ")}`);
}

/* Without a data point the plot gives way to a sentence. */
function draw(name, to, sets, spoken) {
  const chart = charts[name];
  const none = sets.every((points) => points.length === 0);
  $(`c-${name}-empty`).hidden = !none;
  if (!chart) return;
  sets.forEach((points, i) => { chart.data.datasets[i].data = points; });
  /* Smaller dots where they would touch. */
  if (chart.config.type === "line") chart.data.datasets[0].pointRadius = sets[0].length > 30 ? 1.5 : 3;
  Object.assign(chart.options.scales.x, { min: to - WINDOW_S, max: to });
  chart.update("none");
  $(`c-${name}`).setAttribute("aria-label", spoken);
}
/* Did a writing fall among the pictures of the steps that begin at `first` to `last`? */
const writtenAmong = (first, last) => writings.at.some((t) => t >= first - LATE_S && t < last + STEP_S);
/* No line leads across a writing: the points at its sides belong to different memories. */
function withoutBridges(points) {
  return points.flatMap((b, i) => {
    const a = points[i - 1];
    return a && writtenAmong(a.x, b.x) ? [{ x: (a.x + b.x) / 2, y: NaN }, b] : [b];
  });
}
function drawAccuracy({ rows, to }, errorRows, shipped) {
  writings.at = errorRows.map((r) => r.ts);
  const points = rows.filter((r) => known(r.accuracy)).map((r) => ({ x: r.ts, y: r.accuracy, n: r.labelled, mixed: writtenAmong(r.ts, r.ts) }));
  const reference = known(shipped) && points.length > 0 ? [{ x: to - WINDOW_S, y: shipped }, { x: to, y: shipped }] : [];
  draw("accuracy", to, [withoutBridges(points), reference], `Accuracy over the last 15 minutes, now ${percent(points.at(-1)?.y)}`);
}
function drawErrors({ rows, to }, { wrong_bits: wrong, cells }) {
  const points = rows.filter((r) => known(r.bit_error_rate)).map((r) => ({ x: r.ts, y: Math.max(r.bit_error_rate, BER_FLOOR) }));
  const now = Math.max(wrong / cells, BER_FLOOR);
  /* What was written stays until it is written again. */
  if (points.length === 0) points.push({ x: to - WINDOW_S, y: now });
  points.push({ x: to, y: now });
  draw("errors", to, [points], `Share of wrong bits over the last 15 minutes, now ${shareText(wrong / cells)}`);
}
function drawEnergy({ rows, to }) {
  const of = (column) => rows.filter((r) => r[column] > 0).map((r) => ({ x: r.ts, y: r[column] * 1e12 }));
  const [written, read] = [of("write_j"), of("inference_j")];
  const sum = (points) => points.reduce((total, p) => total + p.y, 0);
  draw("energy", to, [written, read], `Energy over the last 15 minutes: writing ${energyText(sum(written))}, answering ${energyText(sum(read))}`);
}
