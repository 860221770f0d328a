// A worker: runs the wasm module that its own address names, off the page's thread.
const { searchParams } = new URL(import.meta.url);
const here = new URL('./', import.meta.url).href;

/// The address of a file that lies beside this script. Nothing else is run, whoever wrote the address.
function address(name, otherwise) {
  const { href } = new URL(searchParams.get(name) ?? otherwise, here);
  if (!href.startsWith(here)) throw new Error(`${href} is not part of this site: only programs from ${here} are run`);
  return href;
}

const ready = (async () => {
  const [script, module_or_path] = [address('program', 'diar-web.js'), address('wasm', 'diar-web_bg.wasm')];
  const program = await import(script);
  await program.default({ module_or_path });
  return program;
})();
// The first message is answered with what went wrong.
ready.catch(() => {});

onmessage = async ({ data }) => {
  let program;
  try {
    program = await ready;
  } catch (error) {
    postMessage({ Failed: { failure: 'Compute', generation: null, message: `the worker did not start: ${error}` } });
    return;
  }
  program.receive(data);
};

// What was fetched here before there was a service worker is there without a network, too.
async function keep(urls) {
  const name = `diar ${new URL(here).pathname}`;
  if (!self.caches || !(await caches.has(name))) return;
  const cache = await caches.open(name);
  for (const url of urls) {
    const hashed = url.startsWith(here) && /-[0-9a-f]{12}\.\w+$/.test(url);
    if (hashed && !(await cache.match(url))) await cache.add(url).catch(() => {});
  }
}
new PerformanceObserver((list) => {
  // A browser that blocks cookies has no caches; then nothing is kept.
  keep(list.getEntries().map((entry) => entry.name)).catch(() => {});
}).observe({ type: 'resource', buffered: true });
