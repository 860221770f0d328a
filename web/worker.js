// The worker: the same wasm module as the page, off its thread.
import init, { receive } from './diar-web.js';

const ready = init({ module_or_path: new URL('./diar-web_bg.wasm', import.meta.url) });

onmessage = async (event) => {
  try {
    await ready;
  } catch (error) {
    postMessage({ Failed: { failure: 'Compute', generation: null, message: `the worker did not start: ${error}` } });
    return;
  }
  receive(event.data);
};
