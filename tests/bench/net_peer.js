// SPDX-License-Identifier: Apache-2.0
// onnxruntime, one thread, told what to do line by line: node net_peer.js MODULES FOLDER
//
//   version                         the package's
//   time GRAPH PICTURES BATCH MS    us a picture: "CPU WALL", for at least MS ms
//   logits GRAPH PICTURES N         of the first N pictures, in one line
//
// FOLDER holds GRAPH.onnx and PICTURES.pictures (row, column, channel; one byte each).
// CPU time is the process's, with whatever threads it starts.
"use strict";
const fs = require("fs");
const path = require("path");
const readline = require("readline");

const [modules, folder] = process.argv.slice(2);
const home = path.resolve(modules, "node_modules", "onnxruntime-node");
const ort = require(home);

const OPTIONS = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: "sequential",
                  graphOptimizationLevel: "all" };
// What comes out of net_graphs.py.
const N_PICTURES = 64;
const sessions = new Map();

async function sessionOf(graph) {
  if (!sessions.has(graph)) {
    const file = path.join(folder, graph + ".onnx");
    sessions.set(graph, await ort.InferenceSession.create(file, OPTIONS));
  }
  return sessions.get(graph);
}

// The first n pictures, channel by channel.
function feedsOf(session, pictures, n) {
  const { type, shape } = session.inputMetadata[0];
  const [, channels, height, width] = shape;
  const bytes = fs.readFileSync(path.join(folder, pictures + ".pictures"));
  const places = height * width;
  const data = new (type === "uint8" ? Uint8Array : Float32Array)(n * channels * places);
  if (bytes.length !== N_PICTURES * channels * places)
    throw new Error(pictures + ".pictures: " + bytes.length + " bytes");
  for (let i = 0; i < n; i++)
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < places; p++)
        data[(i * channels + c) * places + p] = bytes[(i * places + p) * channels + c];
  const tensor = new ort.Tensor(type, data, [n, channels, height, width]);
  return { [session.inputNames[0]]: tensor };
}

async function time(graph, pictures, batch, ms) {
  const session = await sessionOf(graph);
  const feeds = feedsOf(session, pictures, Number(batch));
  const cpu = process.cpuUsage();
  const began = performance.now();
  let n = 0;
  let wall;
  do {
    await session.run(feeds);
    n += Number(batch);
    wall = performance.now() - began;
  } while (wall < Number(ms));
  const used = process.cpuUsage(cpu);
  return (used.user + used.system) / n + " " + wall * 1e3 / n;
}

async function logits(graph, pictures, n) {
  const session = await sessionOf(graph);
  const result = await session.run(feedsOf(session, pictures, Number(n)));
  return Array.from(result[session.outputNames[0]].data).join(" ");
}

const version = () =>
  JSON.parse(fs.readFileSync(path.join(home, "package.json"), "utf8")).version;
const commands = { version, time, logits };

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [command, ...rest] = line.split(" ");
    console.log(await commands[command](...rest));
  }
}

main().catch((error) => {
  console.error("net_peer.js: " + error.message);
  process.exit(1);
});
