// A worker around the page's own: it sends the messages that the page would send, and takes the time of their answers.

import './dispatches.js';
import { serve } from './burst.js';

const answer = postMessage.bind(globalThis);
/// What waits for an answer of the page's worker: `{ name, resolve, reject }`.
let waiting = null;
let receive, settings;
let generation = 0;
let running = false;

/// One message to the page's worker, until it answers with one of this name.
function ask(message, name) {
  return new Promise((resolve, reject) => {
    waiting = { name, resolve, reject };
    receive({ data: message });
  });
}

/// In the place of `postMessage` for what the page's worker says.
function hear(message) {
  if (message.Failed) waiting?.reject(new Error(message.Failed.message));
  const over = ({ part, outcome }) => part === 'followed' && outcome && outcome !== 'completed';
  if (message.Events?.events.some(over)) running = false;
  if (waiting && message[waiting.name]) waiting.resolve(message[waiting.name]);
}

async function prepare({ backend, worker, bundle, candidates, kind, steps }) {
  globalThis.postMessage = (message, ...rest) => {
    const ours = message.prepared || message.burst || message.failed;
    return ours ? answer(message, ...rest) : hear(message);
  };
  await import(worker);
  receive = globalThis.onmessage;
  globalThis.onmessage = null;
  const ready = await ask({ Load: { bundle, backend: backend === 'wasm' ? 'cpu' : 'webgpu' } }, 'Ready');
  if (ready.device.webgpu !== (backend === 'webgpu')) {
    throw new Error(`the page decides on ${ready.device.name}, not on ${backend}: ${ready.device.note}`);
  }
  // One step per plan, so that nearly everything is deciding; no plan is dropped, so that all parts follow in order.
  settings = {
    ...ready.weights.settings,
    candidates,
    sampler: { kind, steps, extra_steps: 0 },
    exec_horizon: 1,
    revalue: false,
  };
  return { name: 'DIAR', device: ready.device.name };
}

const part = () => ask({ Advance: { generation, unit: 'Part' } }, 'Idle');

/// Sample, rank and predict; then, not counted, compare and follow.
async function decide() {
  const first = !running;
  if (first) {
    generation += 1;
    const scenario = { world: { toggled: [] }, interventions: [] };
    const plan = { settings, seed: 1, episode: generation, scenario, decider: 'Own', shareable: true };
    await ask({ Begin: { generation, lane: 'Main', plan } }, 'Begun');
    running = true;
  }
  const begin = performance.now();
  for (let i = 0; i < 3; i++) await part();
  const millis = performance.now() - begin;
  for (let i = 0; i < 2; i++) await part();
  // What a run sets up may still be under way on the device in its first decision.
  return first ? undefined : millis;
}

serve({ prepare, decide });
