// Keeps the page for when there is no network.
//
// Files have the hash of their content in their name: one cache holds them, whatever build they are of, and a page names
// exactly those that it was built with. Pages come from the network as long as it answers. A new version of this script
// waits until no page of the old one is open, then drops what only that one needed.
const build = {"version":"","pages":[],"files":{}};

const SCOPE = new URL('./', self.location);
const FILES = `diar ${SCOPE.pathname}`;
const PAGES = `${FILES} ${build.version}`;
/// The build of the program that this browser runs.
const PROGRAM = new URLSearchParams(self.location.search).get('program') ?? 'diar-web';
/// What every page needs. Weights and the WebGPU module are kept once they are used.
const SHELL = new RegExp(`^(${PROGRAM}|worker|assets/)`);

/// Milliseconds that the network has for a page before the kept one is shown.
const PATIENCE = 5_000;

const HASHED = /-[0-9a-f]{12}\.\w+$/;

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(tidy()));
self.addEventListener('fetch', (event) => {
  const { method, mode, url } = event.request;
  if (method !== 'GET' || !url.startsWith(SCOPE.href)) return;
  // Some programs pass a link on with its `#` percent-encoded.
  const mended = url.replace(/%(?:25)*23(?=v\d+(?:\.|%)|tour)/i, '#');
  if (mode === 'navigate' && mended !== url) event.respondWith(Response.redirect(mended));
  else if (mode === 'navigate') event.respondWith(page(event.request));
  else if (HASHED.test(url)) event.respondWith(file(event.request));
});

async function install() {
  const pages = await caches.open(PAGES);
  for (const name of build.pages) {
    const response = await fetch(new URL(name, SCOPE), { cache: 'no-cache' });
    // In the middle of an update the site may still serve the old page, or already a newer one: try again later.
    if (!response.ok || !(await response.clone().text()).includes(build.version)) {
      await caches.delete(PAGES);
      throw new Error(`${name} is of another version`);
    }
    await pages.put(new URL(name, SCOPE), response);
  }
  const files = await caches.open(FILES);
  for (const name of Object.keys(build.files).filter((name) => SHELL.test(name))) {
    const url = new URL(build.files[name].file, SCOPE);
    if (!(await files.match(url))) await files.add(url);
  }
}

async function tidy() {
  for (const name of await caches.keys()) {
    if (name.startsWith(`${FILES} `) && name !== PAGES) await caches.delete(name);
  }
  const files = await caches.open(FILES);
  const ours = new Set(Object.values(build.files).map(({ file }) => new URL(file, SCOPE).href));
  for (const { url } of await files.keys()) {
    if (!ours.has(url)) await files.delete(url);
  }
}

/// The page from the network; the kept one where no answer comes in time, or an error of the server's.
async function page(request) {
  const stop = new AbortController();
  const fresh = fetch(request, { signal: stop.signal });
  const kept = await keptPage(request.url).catch(() => undefined);
  if (!kept) return fresh;
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  const answer = await Promise.race([fresh.catch(() => undefined), late]);
  if (answer && answer.status < 500) return answer;
  // A request that hangs would keep the next one for the same page waiting.
  stop.abort();
  return kept;
}

async function keptPage(url) {
  const pages = await caches.open(PAGES);
  return pages.match(url.replace(/index\.html(?=$|[?#])/, ''), { ignoreSearch: true });
}

async function file(request) {
  // Cookies may have been blocked since: then the network is all there is.
  const files = await caches.open(FILES).catch(() => undefined);
  const kept = await files?.match(request.url);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok) await files?.put(request.url, response.clone()).catch(() => {});
  return response;
}
