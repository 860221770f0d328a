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
import { serve } from '../../browser/server.mjs';

const HERE = import.meta.dirname;
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    backends: { type: 'string', default: 'wasm,webgpu' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '1' },
    only: { type: 'string' },
    json: { type: 'string' },
  },
});
if (positionals.length !== 1) {
  console.error('usage: node measure.mjs GRAPH_FOLDER [--backends wasm,webgpu] [--rounds 7] [--seconds 1] [--json FILE]');
  process.exit(2);
}
const DIST = resolve(process.env.DIAR_DIST ?? join(HERE, '../../../dist'));
const BUNDLE = process.env.DIAR_BUNDLE ?? 'weights/maze2d-umaze-v1.safetensors';
/// One thread for wasm; and the build of ONNX Runtime that has the WebGPU provider.
const MODULES = { wasm: 'ort.wasm.bundle.min.mjs', webgpu: 'ort.webgpu.bundle.min.mjs' };

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
  const ort = await prepare(`ort ${backend}`, { backend, module: at(`ort/${MODULES[backend]}`), model: at('graph/decision') });
  const { candidates, kind, steps } = ort;
  const names = [`ort ${backend}`];
  if (options.only !== 'ort') {
    names.unshift(`ours ${backend}`);
    await prepare(names[0], { backend, worker: at('worker.js'), bundle: at(BUNDLE), candidates, kind, steps });
  }

  const found = Object.fromEntries(names.map((name) => [name, { millis: [], counts: [] }]));
  const seconds = Number(options.seconds);
  for (let round = -1; round < Number(options.rounds); round++) {
    for (const name of names) {
      const burst = await page.evaluate(ask, { name, message: { seconds }, answer: 'burst' });
      // The first round warms up.
      if (round >= 0) for (const key of ['millis', 'counts']) found[name][key].push(...burst[key]);
    }
  }
  const [ours, theirs] = [found[`ours ${backend}`], found[`ort ${backend}`]];
  return {
    backend,
    candidates,
    steps,
    ours_ms: ours && median(ours.millis),
    ours_dispatches: ours && median(ours.counts),
    ort_ms: median(theirs.millis),
    ort_dispatches: median(theirs.counts),
    ratio: ours && median(theirs.millis) / median(ours.millis),
    rival: ort.name,
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
const round = (number) => (number === undefined ? undefined : Number(number.toFixed(2)));
console.table(rows.map((row) => ({ ...row, ours_ms: round(row.ours_ms), ort_ms: round(row.ort_ms), ratio: round(row.ratio) })));
if (options.json) await writeFile(options.json, `${JSON.stringify(rows, null, 2)}\n`);
