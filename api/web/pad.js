/* SPDX-License-Identifier: Apache-2.0 */
/* pad.js - the black square: strokes by mouse, finger or keys, or a picture file, and what
 * of it goes to the network. Strokes are points in a square of side 1.
 */

const STROKE_PAUSE_MS = 100;
/* Of the square's side, at which a digit of usual size has MNIST's thickness of line. */
const BRUSH = 0.078;
const KEY_STEP = 0.04;

const pad = $("pad");
const ink = pad.getContext("2d");
const pen = { x: 0.5, y: 0.5, down: false, shown: false };
let strokes = [];
let invitation = "draw here";
let picture = null; /* {file, bitmap}; bitmap is null where the browser cannot read it */
let listener = { changed() {}, cleared() {} };

const changedSoon = debounce(STROKE_PAUSE_MS, () => listener.changed());

/* -- Painting -- */

function strokePath(context, stroke, map) {
  context.beginPath();
  stroke.forEach((p, i) => (i === 0 ? context.moveTo(...map(p)) : context.lineTo(...map(p))));
  /* A dot is a line of no length: round caps make it a disc. */
  if (stroke.length === 1) context.lineTo(...map(stroke[0]));
  context.stroke();
}
function paintPad() {
  const side = pad.width;
  ink.fillStyle = "#000";
  ink.fillRect(0, 0, side, side);
  if (picture?.bitmap) paintFitted(ink, picture.bitmap, side, side);
  Object.assign(ink, {
    lineWidth: BRUSH * side, lineCap: "round", lineJoin: "round",
    strokeStyle: "#fff", shadowColor: "#fff", shadowBlur: 6,
  });
  for (const stroke of strokes) strokePath(ink, stroke, (p) => [p.x * side, p.y * side]);
  ink.shadowBlur = 0;
  if (pen.shown) paintPen(side);
  const unreadable = picture !== null && picture.bitmap === null;
  text("pad-hint", unreadable ? picture.file.name : invitation);
  $("pad-hint").hidden = !unreadable && (strokes.length > 0 || picture !== null || pen.shown);
}
function paintPen(side) {
  Object.assign(ink, { lineWidth: 4, strokeStyle: pen.down ? "#ffa46e" : "#82a5ff" });
  ink.beginPath();
  ink.arc(pen.x * side, pen.y * side, BRUSH * side * 0.6, 0, 2 * Math.PI);
  ink.stroke();
}
function paintFitted(context, bitmap, width, height) {
  const scale = Math.min(width / bitmap.width, height / bitmap.height);
  const [w, h] = [bitmap.width * scale, bitmap.height * scale];
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
}
/* What goes out, in the small picture beside the answer. */
function paintSeen(input, grey) {
  const seen = $("seen");
  Object.assign(seen, { width: input.width, height: input.height });
  const context = seen.getContext("2d");
  if (grey !== null) {
    const image = context.createImageData(input.width, input.height);
    grey.forEach((value, i) => image.data.set([value, value, value, 255], 4 * i));
    context.putImageData(image, 0, 0);
  } else if (picture?.bitmap) {
    paintFitted(context, picture.bitmap, input.width, input.height);
  }
}

/* -- From strokes to pixels -- */

/* Brings strokes into the form the network was trained on and gives its grey pixels, or null.
 * Digits as MNIST has them: the longer side scaled to 20 of 28, centre of mass in the middle.
 * Anything else fills the frame. The line keeps its thickness at any size drawn. */
function prepare(input, asDigits) {
  const points = strokes.flat();
  if (points.length === 0) return null;
  const [xs, ys] = [points.map((p) => p.x), points.map((p) => p.y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const side = Math.min(input.width, input.height);
  const line = 2.5 / 28 * side;
  const box = (asDigits ? 20 / 28 : 1) * side - line;
  /* A dot stays a dot: little ink is enlarged a little only. */
  const scale = Math.min(box / Math.max(right - left, bottom - top, 1e-6), 3 * side);
  const place = {
    x: input.width / 2 - scale * (left + right) / 2,
    y: input.height / 2 - scale * (top + bottom) / 2,
  };
  const grey = rasterise(input, scale, place, line);
  if (!asDigits) return grey;

  const mass = centreOfMass(grey, input.width);
  place.x += input.width / 2 - mass.x;
  place.y += input.height / 2 - mass.y;
  return rasterise(input, scale, place, line);
}
/* Draws eight times as fine and averages: the grey edges that scanned digits have. */
function rasterise(input, scale, place, line) {
  const fine = 8;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: input.width * fine, height: input.height * fine });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillRect(0, 0, canvas.width, canvas.height);
  Object.assign(context, { lineWidth: line * fine, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
  for (const stroke of strokes)
    strokePath(context, stroke, (p) => [fine * (place.x + scale * p.x), fine * (place.y + scale * p.y)]);

  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const sums = new Float64Array(input.width * input.height);
  for (let y = 0; y < canvas.height; y++)
    for (let x = 0; x < canvas.width; x++)
      sums[Math.floor(y / fine) * input.width + Math.floor(x / fine)] += data[4 * (y * canvas.width + x)];
  return Uint8Array.from(sums, (sum) => Math.round(sum / fine ** 2));
}
function centreOfMass(grey, width) {
  let [sum, x, y] = [0, 0, 0];
  grey.forEach((value, i) => {
    sum += value;
    x += value * (i % width + 0.5);
    y += value * (Math.floor(i / width) + 0.5);
  });
  return { x: x / sum, y: y / sum };
}

/* {body, type} for a model's input contract, or null if there is nothing yet. A file goes as
 * it is: fitting it is the daemon's business. */
function pictureToSend(input, asDigits) {
  const grey = picture === null ? prepare(input, asDigits) : null;
  if (grey === null && picture === null) return null;
  paintSeen(input, grey);
  if (picture !== null) return { body: picture.file, type: picture.file.type || "application/octet-stream" };
  const pixels = Uint8Array.from({ length: grey.length * input.channels }, (_, i) => grey[Math.floor(i / input.channels)]);
  return { body: pixels, type: "application/octet-stream" };
}

/* -- Hands -- */

function clearPad() {
  strokes = [];
  picture = null;
  pen.down = false;
  paintPad();
  $("seen").getContext("2d").clearRect(0, 0, $("seen").width, $("seen").height);
  listener.cleared();
}
async function takePicture(file) {
  if (!file) return;
  clearPad();
  /* A PGM or PPM is no picture to the browser; the daemon reads it all the same. */
  const bitmap = await createImageBitmap(file).catch(() => null);
  picture = { file, bitmap };
  paintPad();
  listener.changed();
}

function pointerPoint(event) {
  const box = pad.getBoundingClientRect();
  return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
}
function extend(stroke, point) {
  const last = stroke.at(-1);
  if (Math.hypot(point.x - last.x, point.y - last.y) > 0.004) stroke.push(point);
}
function beginStroke(point) {
  if (picture !== null) clearPad();
  const stroke = [point];
  strokes.push(stroke);
  return stroke;
}
function watchPointer() {
  let stroke = null;
  pad.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pad.setPointerCapture(event.pointerId);
    pen.shown = false;
    stroke = beginStroke(pointerPoint(event));
    paintPad();
  });
  pad.addEventListener("pointermove", (event) => {
    if (stroke === null) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length > 0 ? events : [event]) extend(stroke, pointerPoint(each));
    paintPad();
  });
  const lift = () => {
    if (stroke !== null) changedSoon();
    stroke = null;
  };
  pad.addEventListener("pointerup", lift);
  pad.addEventListener("pointercancel", lift);
}
function pressKey(event) {
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const step = steps[event.key];
  if (step !== undefined) {
    pen.x = Math.min(0.95, Math.max(0.05, pen.x + KEY_STEP * step[0]));
    pen.y = Math.min(0.95, Math.max(0.05, pen.y + KEY_STEP * step[1]));
    if (pen.down) strokes.at(-1).push({ x: pen.x, y: pen.y });
  } else if (event.key === " ") {
    if (!pen.down) beginStroke({ x: pen.x, y: pen.y });
    pen.down = !pen.down;
  } else if (event.key === "Delete" || event.key === "Backspace") {
    clearPad();
  } else {
    return;
  }
  event.preventDefault();
  pen.shown = true;
  paintPad();
  if (pen.down) changedSoon();
}

function padInvites(words) {
  invitation = words;
  paintPad();
}

/* `changed` is called when there is something new to classify, `cleared` when nothing is. */
function watchPad(newListener) {
  listener = newListener;
  watchPointer();
  pad.addEventListener("keydown", pressKey);
  pad.addEventListener("blur", () => {
    Object.assign(pen, { shown: false, down: false });
    paintPad();
  });
  $("clear").addEventListener("click", clearPad);
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    takePicture($("file").files[0]);
    $("file").value = "";
  });
  /* A file dropped beside the square must not replace the page. */
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
  $("drop").addEventListener("dragover", () => $("drop").classList.add("over"));
  $("drop").addEventListener("dragleave", () => $("drop").classList.remove("over"));
  $("drop").addEventListener("drop", (event) => {
    $("drop").classList.remove("over");
    takePicture(event.dataTransfer.files[0]);
  });
}
