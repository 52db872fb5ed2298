/* SPDX-License-Identifier: Apache-2.0 */
/* tools.js - the page's small helpers, and the one way to ask the API. */

const TIMEOUT_MS = 10000;

export const $ = (id) => document.getElementById(id);
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export function text(id, value) {
  const node = $(id);
  if (node.textContent !== value) node.textContent = value;
}
export function element(tag, className, content) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (content !== undefined) node.textContent = content;
  return node;
}
export function fill(node, share) {
  node.style.setProperty("transform", `scaleX(${Math.min(1, Math.max(0, share || 0))})`);
}
export function debounce(ms, call) {
  let timer = 0;
  const later = () => { clearTimeout(timer); timer = setTimeout(call, ms); };
  later.now = () => { clearTimeout(timer); call(); };
  return later;
}
export function showMessage(what) {
  text("message-text", what);
  $("message").hidden = what === "";
}

/* -- The API -- */

export class Problem extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

export async function request(path, options = {}) {
  let response;
  let body;
  try {
    response = await fetch(path, { ...options, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
    body = response.status === 204 ? "" : await response.text();
  } catch (error) {
    throw new Problem(0, "The daemon does not answer.");
  }
  let json = null;
  try {
    json = body === "" ? null : JSON.parse(body);
  } catch (error) {
    if (response.ok) throw new Problem(response.status, "The daemon's answer is not JSON.");
  }
  if (!response.ok) throw new Problem(response.status, problemText(response.status, json));
  return { json, etag: response.headers.get("ETag") };
}
export function problemText(status, json) {
  if (json === null || typeof json !== "object") return `The daemon answered with status ${status}.`;
  const parts = [json.detail || json.title || json.error || `status ${status}`];
  for (const each of Array.isArray(json.errors) ? json.errors : [])
    if (each.detail && each.detail !== json.detail) parts.push(`${each.pointer || ""} ${each.detail}`.trim());
  return parts.join(" · ");
}

/* Says what went wrong; a daemon that is away is shown by the dot and needs no message. */
export function report(error) {
  if (error instanceof Problem) {
    if (error.status !== 0) showMessage(error.message);
    return;
  }
  throw error;
}
