/* SPDX-License-Identifier: Apache-2.0 */
/* memory.js - the memory itself: codes, pairs and retries, time and faults, and a picture of
 * one tile. */

const PROTECT_TEXT = {
  none: "Each weight is one cell, delivered as it is.",
  secded: "SECDED: eight check cells to 64 weights mend one wrong cell in each word and notice two.",
  bch2: "BCH: fourteen check cells to 64 weights mend two wrong cells in each word.",
};
const PAIR_TEXT = " A pair reads more safely, but a failed write leaves it to chance: twice the energy, the same error rate.";
const RETRY_TEXT = " Every cell is read after the write, and those that failed are written again.";

/* The conditions of this card, as a patch has them. */
function protectPatch(iid) {
  const patch = { ecc: $("ecc").value, cell: $("cell").value, polarity: $("polarity").value };
  if (!iid) patch.verify_retries = Number($("retries").value);
  return patch;
}

/* Puts the controls where the daemon's operating point is. */
function showProtection(point) {
  for (const [id, value] of [["ecc", point.ecc], ["cell", point.cell], ["polarity", point.polarity]]) $(id).value = value;
  if (known(point.verify_retries)) {
    const retries = String(point.verify_retries);
    /* A number that somebody else asked for. */
    if (![...$("retries").options].some((o) => o.value === retries)) $("retries").append(new Option(`${retries} times`, retries));
    $("retries").value = retries;
  }
  $("retries").disabled = point.mode === "iid";
  showProtectText();
}
function showProtectText() {
  text("protect-text", PROTECT_TEXT[$("ecc").value] + ($("cell").value === "2t2r" ? PAIR_TEXT : "") +
    ($("retries").value !== "0" && !$("retries").disabled ? RETRY_TEXT : ""));
}

/* What the array holds and what it delivers. */
function showMemory(result) {
  const { code } = result;
  text("m-cells", whole.format(result.cell_errors));
  text("m-cells-sub", `of ${whole.format(result.cells)}${result.stuck_cells > 0 ? `, ${whole.format(result.stuck_cells)} stuck` : ""}`);
  text("m-mended", code === null ? "–" : `${whole.format(code.corrected)} words`);
  text("m-mended-sub", code === null ? "no code" : `${whole.format(code.detected)} seen but not mended, ${whole.format(code.miscorrected)} mistaken`);
  text("m-wrong", whole.format(result.wrong_bits));
  text("m-wrong-sub", `${whole.format(result.wrong.minus_to_plus)} −1 as +1, ${whole.format(result.wrong.plus_to_minus)} +1 as −1`);
  showTile();
}

/* Fetched by hand, because a picture's own request has no token. The last one asked for
 * is shown. */
let tilesAsked = 0;
async function showTile() {
  const number = Math.max(0, Math.floor(Number($("tile-number").value)) || 0);
  const asked = ++tilesAsked;
  try {
    const response = await ask(modelPath(`/memory/tiles/${number}.png`));
    const picture = await response.blob();
    if (asked !== tilesAsked) return;
    URL.revokeObjectURL($("tile").src);
    if (response.ok) $("tile").src = URL.createObjectURL(picture);
    else tileMissing();
  } catch (error) {
    if (asked === tilesAsked) tileMissing();
  }
}
function tileMissing() {
  text("tile-text", "there is no such tile");
}
function tileThere() {
  text("tile-text", "wrong cells are bright");
}

/* -- Changes without a knob -- */

async function changeArray(what, body) {
  const { model } = state;
  const buttons = ["age", "inject", "scrub"].map($);
  for (const button of buttons) button.disabled = true;
  try {
    const { json } = await request(modelPath(`/${what}`), {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    if (model !== state.model) return;
    text("change-text", changeText(json));
    showMessage("");
    await loadPoint();
    await classify();
  } catch (error) {
    report(error);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}
function changeText(json) {
  const wrong = `${whole.format(json.before.wrong_bits)} wrong weights became ${whole.format(json.result.wrong_bits)}.`;
  if (json.cause === "scrub")
    return `Scrubbed: ${whole.format(json.restored_cells)} cells restored for ${json.energy_pj === null ? "nothing" : energyText(json.energy_pj)}. ${wrong}`;
  if (json.cause === "age")
    return `${whole.format(json.flipped.from_p + json.flipped.from_ap)} cells lost their state, ${expectedText(json.expected.from_p + json.expected.from_ap)} expected. ${wrong}`;
  return `${whole.format(json.flipped)} cells flipped. ${wrong}`;
}

/* `changed`: a control of the operating point was moved. */
function watchMemory(changed) {
  for (const id of ["ecc", "cell", "retries", "polarity"])
    $(id).addEventListener("change", () => { showProtectText(); changed(); });
  $("age").addEventListener("click", () => changeArray("age", {
    seconds: Number($("age-time").value), temperature_k: Number($("age-temperature").value),
  }));
  $("inject").addEventListener("click", () => changeArray("inject", { share: 1e-3 }));
  $("scrub").addEventListener("click", () => changeArray("scrub", {}));
  $("tile-number").addEventListener("change", showTile);
  $("tile").addEventListener("error", tileMissing);
  $("tile").addEventListener("load", tileThere);
}
