/* SPDX-License-Identifier: Apache-2.0 */
/* tools.js - the page's small helpers, and the one way to ask the API. */

const TIMEOUT_MS = 10000;

const $ = (id) => document.getElementById(id);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function text(id, value) {
  const node = $(id);
  if (node.textContent !== value) node.textContent = value;
}
function element(tag, className, content) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (content !== undefined) node.textContent = content;
  return node;
}
function fill(node, share) {
  node.style.setProperty("transform", `scaleX(${Math.min(1, Math.max(0, share || 0))})`);
}
function debounce(ms, call) {
  let timer = 0;
  const later = () => { clearTimeout(timer); timer = setTimeout(call, ms); };
  later.now = () => { clearTimeout(timer); call(); };
  return later;
}
function showMessage(what) {
  text("message-text", what);
  $("message").hidden = what === "";
}

/* -- The API -- */

class Problem extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

/* A token stays in this tab: no cookie, so nothing that a page of others could make the
 * browser send, and nothing that a later visit finds. */
const TOKEN_KEY = "spinbnn-token";
function ask(path, options = {}) {
  const token = sessionStorage.getItem(TOKEN_KEY);
  const headers = token === null ? options.headers : { ...options.headers, Authorization: `Bearer ${token}` };
  return fetch(path, { ...options, headers, cache: "no-store", signal: options.signal ?? AbortSignal.timeout(TIMEOUT_MS) });
}
/* 401: no token or one that is not known; 403: one that may not do this. */
function showTokenForm(status) {
  if (status !== 401 && status !== 403) return;
  const had = sessionStorage.getItem(TOKEN_KEY) !== null;
  text("token-why", status === 403 ? "That takes another token." : had ? "The daemon does not know this token." : "This daemon asks for a token.");
  $("token-form").hidden = false;
}
function watchTokenForm(changed) {
  $("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(TOKEN_KEY, $("token").value.trim());
    $("token").value = "";
    $("token-form").hidden = true;
    changed();
  });
}

const answered = (promise) => promise.catch(() => { throw new Problem(0, "The daemon does not answer."); });

async function request(path, options = {}) {
  const response = await answered(ask(path, options));
  const body = response.status === 204 ? "" : await answered(response.text());
  const json = jsonOf(body);
  if (!response.ok) throw refusal(response.status, json);
  if (json === undefined) throw new Problem(response.status, "The daemon's answer is not JSON.");
  return { json, etag: response.headers.get("ETag") };
}
/* Null for nothing, undefined for what is no JSON. */
function jsonOf(body) {
  try {
    return body === "" ? null : JSON.parse(body);
  } catch (error) {
    return undefined;
  }
}
function refusal(status, json) {
  showTokenForm(status);
  return new Problem(status, problemText(status, json));
}

/* Server-sent events as {name, data}, until the stream ends; "open" is the first. By hand,
 * because a browser's EventSource sends no token. A page that nobody looks at follows nothing:
 * only so many may. */
async function* follow(path) {
  const leave = new AbortController();
  const leaveHidden = () => { if (document.hidden) leave.abort(); };
  const awaitNext = debounce(TIMEOUT_MS, () => leave.abort());
  document.addEventListener("visibilitychange", leaveHidden);
  try {
    awaitNext();
    const response = await answered(ask(path, { signal: leave.signal }));
    if (!response.ok) throw refusal(response.status, jsonOf(await answered(response.text())));
    yield { name: "open" };
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ;) {
      awaitNext();
      const { value, done } = await answered(reader.read());
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      yield* blocks.map(eventOf).filter((event) => event.data !== undefined);
    }
  } finally {
    leave.abort();
    document.removeEventListener("visibilitychange", leaveHidden);
  }
}
function eventOf(block) {
  const lines = block.split("\n");
  const field = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  const data = field("data");
  return { name: field("event"), data: data && jsonOf(data) };
}
function problemText(status, json) {
  if (typeof json !== "object" || json === null) return `The daemon answered with status ${status}.`;
  const parts = [json.detail || json.title || json.error || `status ${status}`];
  for (const each of Array.isArray(json.errors) ? json.errors : [])
    if (each.detail && each.detail !== json.detail) parts.push(`${each.pointer || ""} ${each.detail}`.trim());
  return parts.join(" · ");
}

/* Says what went wrong; a daemon that is away is shown by the dot and needs no message, one
 * that asks for a token by the form. */
function report(error) {
  if (error instanceof Problem) {
    if (error.status !== 0 && error.status !== 401) showMessage(error.message);
    return;
  }
  throw error;
}
