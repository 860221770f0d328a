// Loads the program, shows how far that is, and says so when it does not come.
const build = JSON.parse(document.getElementById('build').textContent);
const address = (name) => new URL(build.files[name]?.file ?? name, document.baseURI).href;

const name = document.documentElement.dataset.program;

// A build without a version is under development: it is never kept.
const kept = build.version && navigator.serviceWorker && !new URLSearchParams(location.search).has('nosw');

/// Shows how much of a file has come; its size is known, compressed or not.
function progress(size) {
  const bar = document.getElementById('boot-progress');
  const status = document.getElementById('boot-status');
  let loaded = 0;
  return new TransformStream({
    transform(chunk, controller) {
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
  if (!response.ok) throw new Error(`${name} answered ${response.status} ${response.statusText}`);
  const body = response.body.pipeThrough(progress(build.files[name]?.size));
  return new Response(body, { headers: { 'Content-Type': 'application/wasm' } });
}

try {
  // The cache is there before any worker looks for it.
  if (kept) await caches.open(`diar ${new URL('./', document.baseURI).pathname}`);
  const [program, module_or_path] = await Promise.all([import(address(`${name}.js`)), fetched(`${name}_bg.wasm`)]);
  await program.default({ module_or_path });
  if (kept) await navigator.serviceWorker.register(`service.js?program=${name}`);
} catch (error) {
  if (document.getElementById('boot')) window.showFailure(`The program did not load: ${error.message ?? error}`);
  else console.warn(error);
}
