// A worker: runs the wasm module that its own address names, off the page's thread.
const { searchParams } = new URL(import.meta.url);
const address = (name, otherwise) => new URL(searchParams.get(name) ?? otherwise, import.meta.url).href;

const ready = (async () => {
  const program = await import(address('program', 'diar-web.js'));
  await program.default({ module_or_path: address('wasm', 'diar-web_bg.wasm') });
  return program;
})();

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
  const here = new URL('./', import.meta.url);
  const name = `diar ${here.pathname}`;
  if (!self.caches || !(await caches.has(name))) return;
  const cache = await caches.open(name);
  for (const url of urls) {
    const hashed = url.startsWith(here.href) && /-[0-9a-f]{12}\.\w+$/.test(url);
    if (hashed && !(await cache.match(url))) await cache.add(url).catch(() => {});
  }
}
new PerformanceObserver((list) => keep(list.getEntries().map((entry) => entry.name))).observe({
  type: 'resource',
  buffered: true,
});
