// A worker that decides with ONNX Runtime Web, on the graph of `export.py`.

import './dispatches.js';
import { serve } from './burst.js';

let ort, session, example, feeds;

/// Only what acting needs is read back; the page's own worker reads more.
const FETCHES = ['latent', 'v_end'];
/// How far single precision may be from the plain networks in double.
const TOLERANCE = 1e-3;

const tensors = (values) =>
  Object.fromEntries(
    Object.entries(values).map(([name, numbers]) => [
      name,
      new ort.Tensor('float32', Float32Array.from(numbers), example.shapes[name]),
    ]),
  );

async function prepare({ backend, module, model }) {
  ort = await import(module);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL('./', module).href;
  ort.env.logLevel = 'error';
  const [graph, description] = await Promise.all([fetch(`${model}.onnx`), fetch(`${model}.json`)]);
  example = await description.json();
  session = await ort.InferenceSession.create(new Uint8Array(await graph.arrayBuffer()), {
    executionProviders: [backend],
    graphOptimizationLevel: 'all',
  });
  feeds = tensors(example.feeds);
  const found = await session.run(feeds);
  let off = 0;
  for (const [name, expected] of Object.entries(example.expected)) {
    expected.forEach((value, i) => (off = Math.max(off, Math.abs(found[name].data[i] - value))));
  }
  if (!(off < TOLERANCE)) throw new Error(`ONNX Runtime is off by ${off}`);
  const { candidates, kind, steps } = example;
  return { name: `ONNX Runtime Web ${ort.env.versions.web}`, off, candidates, kind, steps };
}

const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

async function decide() {
  // Fresh noise for each decision; drawing it is not counted against ONNX Runtime.
  example.factors.forEach((factor, i) => {
    const noise = feeds[`noise_${i}`].data;
    for (let k = 0; k < noise.length; k++) noise[k] = factor * normal();
  });
  const begin = performance.now();
  const { latent, v_end } = await session.run(feeds, FETCHES);
  const millis = performance.now() - begin;
  if (![...latent.data, ...v_end.data].every(Number.isFinite)) throw new Error('ONNX Runtime gave no numbers');
  return millis;
}

serve({ prepare, decide });
