// Loads the program, shows how far that is, and says why when it does not come.
const build = JSON.parse(document.getElementById('build').textContent);
const address = (name) => new URL(build.files[name]?.file ?? name, document.baseURI).href;

const name = document.documentElement.dataset.program;

// A build without a version is under development: it is never kept.
const keeps = build.version && !new URLSearchParams(location.search).has('nosw') && ifAllowed(() => navigator.serviceWorker);

/// Milliseconds without a byte after which that is said.
const PATIENCE = 10_000;

const status = document.getElementById('boot-status');
let came = performance.now();
const watch = setInterval(() => {
  const silent = performance.now() - came;
  if (silent > PATIENCE) status.textContent = `Nothing has come from ${location.host} for ${Math.round(silent / 1000)} s; still waiting.`;
}, 1000);

/// Shows how much of a file has come; its size is known, compressed or not.
function progress(size) {
  const bar = document.getElementById('boot-progress');
  let loaded = 0;
  return new TransformStream({
    transform(chunk, controller) {
      came = performance.now();
      loaded += chunk.byteLength;
      if (size) bar.value = loaded / size;
      const of = size ? ` of ${(size / 1e6).toFixed(1)}` : '';
      status.textContent = `Loading the program: ${(loaded / 1e6).toFixed(1)}${of} MB`;
      controller.enqueue(chunk);
    },
  });
}

async function fetched(name) {
  const response = await fetch(address(name));
  if (!response.ok) {
    throw new Error(`${name} answered ${response.status} ${response.statusText}. The site may just have been updated: reload the page.`);
  }
  const body = response.body.pipeThrough(progress(build.files[name]?.size));
  return new Response(body, { headers: { 'Content-Type': 'application/wasm' } });
}

/// What an error means for the reader.
function cause(error) {
  const message = error?.message ?? String(error);
  if (/memory/i.test(message)) return `the browser gives it no memory (${message}). Close other tabs and reload the page.`;
  if (error instanceof WebAssembly.CompileError) return `its file is damaged or cut short (${message}). Reload the page.`;
  if (error instanceof TypeError) return `its files could not be fetched (${message}). Check the connection and reload the page.`;
  return message;
}

try {
  // The cache is there before any worker looks for it. A browser that blocks cookies gives none; the page does without.
  const cache = keeps && (await ifAllowed(() => caches.open(`diar ${new URL('./', document.baseURI).pathname}`)));
  const [program, module_or_path] = await Promise.all([import(address(`${name}.js`)), fetched(`${name}_bg.wasm`)]);
  await program.default({ module_or_path });
  if (cache) await navigator.serviceWorker.register(`service.js?program=${name}`);
} catch (error) {
  if (document.getElementById('boot')) window.showFailure(`The program did not load: ${cause(error)}`);
  else console.warn(error);
} finally {
  clearInterval(watch);
}
