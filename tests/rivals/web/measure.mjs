// DIAR's page beside ONNX Runtime Web, one decision each, in the same browser and in turn.
//
//   node measure.mjs GRAPH_FOLDER [--backends wasm,webgpu] [--rounds 7] [--seconds 1] [--json FILE]
//
// GRAPH_FOLDER is what `export.py` wrote. The built page is taken from DIAR_DIST (../../../dist), the bundle from
// DIAR_BUNDLE (its path in the page); it must be the one that was exported.

import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { visit } from '../../browser/page.mjs';
import { build, serve } from '../../browser/server.mjs';

const HERE = import.meta.dirname;
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    backends: { type: 'string', default: 'wasm,webgpu' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
if (positionals.length !== 1) {
  console.error('usage: node measure.mjs GRAPH_FOLDER [--backends NAMES] [--rounds N] [--seconds S] [--json FILE]');
  process.exit(2);
}
const DIST = resolve(process.env.DIAR_DIST ?? join(HERE, '../../../dist'));
const FILES = build(DIST).files;
const named = (name) => FILES[name]?.file ?? name;
const BUNDLE = named(process.env.DIAR_BUNDLE ?? 'weights/maze2d-umaze-v1.safetensors');
/// The page's worker with its module for a backend.
const worker = (backend) => {
  const name = backend === 'webgpu' ? 'diar-gpu' : (process.env.DIAR_PROGRAM ?? 'diar-relaxed');
  return `${named('worker.js')}?program=${named(`${name}.js`)}&wasm=${named(`${name}_bg.wasm`)}`;
};
/// ONNX Runtime's builds with a provider, of which the fastest counts.
const BUILDS = {
  wasm: { wasm: 'ort.wasm.bundle.min.mjs' },
  webgpu: { asyncify: 'ort.webgpu.bundle.min.mjs', jspi: 'ort.jspi.bundle.min.mjs', jsep: 'ort.bundle.min.mjs' },
};

const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/// Runs in the page: one message to a worker, and its answer.
const ask = ({ name, message, answer }) =>
  new Promise((resolve, reject) => {
    globalThis.rivals ??= {};
    const worker = (globalThis.rivals[name] ??= new Worker(`/rivals/${name.split(' ')[0]}.js`, { type: 'module' }));
    worker.onerror = (event) => reject(new Error(`${name}: ${event.message}`));
    worker.onmessage = ({ data }) => {
      if (data.failed) reject(new Error(`${name}: ${data.failed}`));
      else if (answer in data) resolve(data[answer]);
    };
    worker.postMessage(message);
  });

async function measure(page, url, backend) {
  const at = (path) => new URL(path, url).href;
  const prepare = (name, message) => page.evaluate(ask, { name, message: { prepare: message }, answer: 'prepared' });
  const found = {};
  let graph;
  for (const [build, module] of Object.entries(BUILDS[backend])) {
    const name = `ort ${build}`;
    graph = await prepare(name, { backend, module: at(`ort/${module}`), model: at('graph/decision') });
    found[name] = { millis: [], counts: [] };
  }
  const { candidates, kind, steps } = graph;
  const sampler = { candidates, kind, steps };
  const { device } = await prepare('ours', { backend, worker: at(worker(backend)), bundle: at(BUNDLE), ...sampler });
  found.ours = { millis: [], counts: [] };

  const seconds = Number(options.seconds);
  for (let round = -1; round < Number(options.rounds); round++) {
    for (const name of Object.keys(found)) {
      const burst = await page.evaluate(ask, { name, message: { seconds }, answer: 'burst' });
      // The first round warms up.
      if (round >= 0) for (const key of ['millis', 'counts']) found[name][key].push(...burst[key]);
    }
  }
  const results = Object.entries(found).map(([name, { millis, counts }]) => ({
    name,
    ms: Number(median(millis).toFixed(3)),
    dispatches: median(counts),
    decisions: millis.length,
  }));
  const ours = results.find(({ name }) => name === 'ours');
  const theirs = results.filter((result) => result !== ours).sort((a, b) => a.ms - b.ms);
  return {
    backend,
    device,
    candidates,
    sampler: `${kind} ${steps}`,
    ours_ms: ours.ms,
    ours_dispatches: ours.dispatches,
    ort_ms: theirs[0].ms,
    ort_dispatches: theirs[0].dispatches,
    ratio: Number((theirs[0].ms / ours.ms).toFixed(2)),
    ort: graph.name,
    all: results,
  };
}

// Isolated, the browser gives its clock to 5 µs; else to 100 µs.
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
const mounts = {
  '/rivals/': HERE,
  '/graph/': resolve(positionals[0]),
  '/ort/': join(HERE, 'node_modules/onnxruntime-web/dist'),
};
const site = await serve(DIST, {}, { mounts, headers });
const rows = [];
try {
  for (const backend of options.backends.split(',')) {
    await visit(`${site.url}rivals/empty.html`, { gpu: backend === 'webgpu' ? 'software' : 'none' }, async (page) => {
      rows.push(await measure(page, site.url, backend));
    });
  }
} finally {
  await site.close();
}
console.table(rows.map(({ all, ...row }) => row));
for (const { backend, all } of rows) {
  console.log(`${backend}, everything measured:`);
  console.table(all);
}
if (options.json) await writeFile(options.json, `${JSON.stringify(rows, null, 2)}\n`);
