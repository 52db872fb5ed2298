/* SPDX-License-Identifier: Apache-2.0 */
/* format.js - numbers for people. What is not known is a dash. */

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const known = (x) => typeof x === "number" && Number.isFinite(x);

function digits(x, n) {
  return known(x) ? Number(x.toPrecision(n)).toLocaleString("en-US", { maximumSignificantDigits: n }) : "–";
}
function percent(x) {
  if (!known(x)) return "–";
  if (x > 0 && x < 0.0005) return "< 0.1 %";
  if (x < 1 && x > 0.9995) return "> 99.9 %";
  return `${(100 * x).toFixed(x === 0 || x === 1 ? 0 : 1)} %`;
}
function energyText(pj) {
  if (!known(pj)) return "–";
  if (pj === 0) return "0 pJ";
  const units = ["fJ", "pJ", "nJ", "µJ", "mJ", "J"];
  const step = Math.min(5, Math.max(0, 1 + Math.floor(Math.log10(Math.abs(pj)) / 3 + 1e-9)));
  return `${digits(pj / 1000 ** (step - 1), 3)} ${units[step]}`;
}
function timeText(us) {
  if (!known(us)) return "–";
  return us < 1000 ? `${digits(us, 3)} µs` : us < 1e6 ? `${digits(us / 1000, 3)} ms` : `${digits(us / 1e6, 3)} s`;
}
function powerText(x) {
  if (!known(x)) return "–";
  if (x === 0) return "0";
  let exponent = Math.floor(Math.log10(x) + 1e-9);
  let mantissa = Number((x / 10 ** exponent).toPrecision(2));
  if (mantissa >= 10) { mantissa /= 10; exponent += 1; }
  const raised = [...String(exponent)].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("");
  return mantissa === 1 ? `10${raised}` : `${mantissa} × 10${raised}`;
}
/* A share, and by how much it may be off, if that is known. */
function marginText(x, margin) {
  if (!known(x)) return "–";
  return `${(100 * x).toFixed(2)} ${known(margin) ? `± ${(100 * margin).toFixed(2)} ` : ""}%`;
}
/* A share that may be very small. */
function shareText(x) {
  return x >= 0.001 ? `${digits(100 * x, 2)} %` : powerText(x);
}
/* "1 write in 1,000 fails"; `verb` may be empty. */
function rateWords(rate, noun, verb) {
  if (!known(rate)) return "–";
  return `${shareWords(rate, noun)} ${rate > 0.06 ? verb.replace(/s$/, "") : verb}`.trim();
}
function shareWords(rate, noun) {
  if (rate <= 0) return `no ${noun}`;
  if (rate > 0.06) return `${digits(100 * rate, 2)} % of ${noun}s`;
  const every = Number((1 / rate).toPrecision(2));
  if (every >= 1e9) return `1 ${noun} in ${every === 1e9 ? "a" : digits(every / 1e9, 2)} billion`;
  if (every >= 1e6) return `1 ${noun} in ${every === 1e6 ? "a" : digits(every / 1e6, 2)} million`;
  return `1 ${noun} in ${whole.format(every)}`;
}

