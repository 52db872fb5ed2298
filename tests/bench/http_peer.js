// SPDX-License-Identifier: Apache-2.0
// What somebody would write who serves a picture classifier with Node.js and onnxruntime:
// node http_peer.js MODULES GRAPH.onnx
//
// POST a picture, row by row, one byte a pixel; answered as JSON: {"class":3,"logits":[...]}.
// One thread computes. Listens on 127.0.0.1 and prints the port.
"use strict";
const http = require("http");
const path = require("path");

const [modules, graph] = process.argv.slice(2);
const ort = require(path.resolve(modules, "node_modules", "onnxruntime-node"));

const OPTIONS = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: "sequential",
                  graphOptimizationLevel: "all" };

async function classify(session, bytes) {
  const [input] = session.inputNames;
  const shape = [1, ...session.inputMetadata[0].shape.slice(1)];
  const tensor = new ort.Tensor("float32", Float32Array.from(bytes), shape);
  const result = await session.run({ [input]: tensor });
  const logits = Array.from(result[session.outputNames[0]].data);
  return { class: logits.indexOf(Math.max(...logits)), logits };
}

function answer(response, status, body) {
  const text = JSON.stringify(body) + "\n";
  response.writeHead(status, { "Content-Type": "application/json",
                               "Content-Length": Buffer.byteLength(text) });
  response.end(text);
}

async function main() {
  const session = await ort.InferenceSession.create(graph, OPTIONS);
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => classify(session, Buffer.concat(parts)).then(
      (body) => answer(response, 200, body),
      (error) => answer(response, 422, { error: error.message })));
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
}

main().catch((error) => {
  console.error("http_peer.js: " + error.message);
  process.exit(1);
});
