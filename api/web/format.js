/* SPDX-License-Identifier: Apache-2.0 */
/* format.js - numbers for people. What is not known is a dash. */

export const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
export const known = (x) => typeof x === "number" && Number.isFinite(x);

export function digits(x, n) {
  return known(x) ? Number(x.toPrecision(n)).toLocaleString("en-US", { maximumSignificantDigits: n }) : "–";
}
export function percent(x) {
  return known(x) ? `${(100 * x).toFixed(x >= 0.9995 || x < 0.1 ? 2 : 1)} %` : "–";
}
export function energyText(pj) {
  if (!known(pj)) return "–";
  if (pj === 0) return "0 pJ";
  const units = ["fJ", "pJ", "nJ", "µJ", "mJ", "J"];
  const step = Math.min(5, Math.max(0, 1 + Math.floor(Math.log10(Math.abs(pj)) / 3 + 1e-9)));
  return `${digits(pj / 1000 ** (step - 1), 3)} ${units[step]}`;
}
export function timeText(us) {
  if (!known(us)) return "–";
  return us < 1000 ? `${digits(us, 3)} µs` : us < 1e6 ? `${digits(us / 1000, 3)} ms` : `${digits(us / 1e6, 3)} s`;
}
export function powerText(x) {
  if (!known(x)) return "–";
  if (x === 0) return "0";
  let exponent = Math.floor(Math.log10(x) + 1e-9);
  let mantissa = Number((x / 10 ** exponent).toPrecision(2));
  if (mantissa >= 10) { mantissa /= 10; exponent += 1; }
  const raised = [...String(exponent)].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("");
  return mantissa === 1 ? `10${raised}` : `${mantissa} × 10${raised}`;
}
/* "1 write in 1,000 fails" */
export function rateWords(rate, noun, verb) {
  if (!known(rate)) return "–";
  if (rate <= 0) return `no ${noun} ${verb}`;
  if (rate > 0.06) return `${digits(100 * rate, 2)} % of ${noun}s ${verb.replace(/s$/, "")}`;
  const every = 1 / rate;
  if (every >= 1e9) return `1 ${noun} in ${digits(every / 1e9, 2)} billion ${verb}`;
  if (every >= 1e6) return `1 ${noun} in ${digits(every / 1e6, 2)} million ${verb}`;
  return `1 ${noun} in ${whole.format(Number(every.toPrecision(2)))} ${verb}`;
}

