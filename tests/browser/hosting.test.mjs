// The built page on static hosts: under a path, without a network, behind its own policy, with and without an adapter.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { click, decides, ready, statusWhere, trace, until, visit } from './page.mjs';
import { build, hosting } from './server.mjs';

const DIST = process.env.DIAR_DIST ?? join(import.meta.dirname ?? '.', '../../dist');
const hosted = hosting(DIST);
const { files: FILES, pages: PAGES } = build(DIST);
const file = (name) => FILES[name].file;

/// The service worker is installed, and will see to the next page.
const active = (page) => page.evaluate(async () => void (await navigator.serviceWorker.ready));

test('the page works under any path', () =>
  hosted(
    (site) => visit(`${site.url}some/where/`, {}, async (page) => {
      await decides(page);
      const strays = site.requests.filter((path) => !path.startsWith('/some/where/') && path !== '/favicon.ico');
      assert.deepEqual(strays, []);
    }),
    {},
    { mounts: { '/some/where/': DIST } },
  ));

test('its policy holds, and nobody else is asked', () =>
  hosted((site) => visit('about:blank', {}, async (page) => {
    const asked = [];
    page.context().on('request', (request) => asked.push(request.url()));
    const complaints = [];
    page.on('console', (message) => {
      if (/Content Security Policy|Refused to/i.test(message.text())) complaints.push(message.text());
    });
    await page.addInitScript(() => {
      window.violations = [];
      addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
        window.violations.push(`${violatedDirective}: ${blockedURI}`));
    });
    for (const name of PAGES) {
      await page.goto(new URL(name, site.url).href);
      await decides(page);
      assert.deepEqual(await page.evaluate(() => window.violations), []);
    }
    assert.deepEqual(complaints, []);
    const foreign = asked.filter((url) => /^(https?|wss?):/.test(url) && !url.startsWith(site.url));
    assert.deepEqual(foreign, []);
    assert.ok(asked.length > 5, `${asked.length} requests were seen`);
    // The policy is there at all: what it forbids does not happen.
    const refused = await page.evaluate(() => new Promise((resolve) => setTimeout(() => {
      try {
        resolve(new Function('return 1')());
      } catch (error) {
        resolve(error.name);
      }
    })));
    assert.equal(refused, 'EvalError');
  })));

test('each page opens with its own task, title and picture', () =>
  hosted((site) => visit('about:blank', {}, async (page) => {
    const seen = new Set();
    for (const name of PAGES) {
      await page.goto(new URL(name, site.url).href);
      const [title, task, image] = await page.evaluate(() => [
        document.title,
        document.querySelector('meta[name=diar-task]').content,
        document.querySelector('meta[property="og:image"]').content,
      ]);
      await ready(page);
      assert.equal((await trace(page)).task, task);
      const picture = await fetch(new URL(image, page.url()));
      assert.equal(picture.status, 200, image);
      seen.add(title).add(image);
    }
    assert.equal(seen.size, 2 * PAGES.length, 'nothing twice');
  })));

test('once loaded, the page needs no network', () =>
  hosted((site) => visit(site.url, { serviceWorkers: 'allow' }, async (page) => {
    await decides(page);
    await active(page);
    const weights = file('weights/maze2d-umaze-v1.safetensors');
    await until(page, async (weights) => (await caches.match(weights)) !== undefined, weights);
    await site.close();
    const seed = (await trace(page)).run.seed;
    for (const address of [site.url, `${site.url}index.html?backend=cpu`]) {
      await page.goto('about:blank');
      await page.goto(address);
      await decides(page);
      assert.equal((await trace(page)).run.seed, seed);
    }
    // What was never used is not there, and says so.
    await page.goto(`${site.url}large.html`);
    await statusWhere(page, (now) => now.worker === 'failed');
    assert.match(await page.textContent('#error'), /could not be fetched/);
  })));

test('a new version takes over whole, and what only the old one needed is dropped', async () => {
  const text = async (name) => (await readFile(join(DIST, name))).toString();
  const { version } = build(DIST);
  const next = 'fedcba987654';
  const OLD = 'old-0123456789ab.bin';
  const replaced = {};
  await hosted((site) => visit(site.url, { serviceWorkers: 'allow' }, async (page) => {
    await ready(page);
    await active(page);
    // As if the old version had used a file that the new one does not have.
    await page.evaluate(async (old) => (await caches.open('diar /')).put(old, new Response('old')), OLD);
    const versions = () => page.evaluate(async () => (await caches.keys()).map((name) => name.split(' ').at(-1)));
    assert.ok((await versions()).includes(version));

    for (const name of ['index.html', 'medium.html', 'large.html', 'service.js']) {
      const body = (await text(name)).replaceAll(version, next);
      replaced[`/${name}`] = { status: 200, body };
    }
    replaced['/'] = replaced['/index.html'];
    await page.goto('about:blank');
    await page.goto(site.url);
    assert.equal(await page.evaluate(() => JSON.parse(document.getElementById('build').textContent).version), next);
    await decides(page);
    await until(page, async () => (await navigator.serviceWorker.getRegistration()).waiting !== null);
    assert.ok((await versions()).includes(version), 'the old one stays while a page of it may be open');
    // No page is open: the new one takes its place.
    await page.goto('about:blank');
    await page.waitForTimeout(1000);
    await page.goto(site.url);
    await until(page, async (version) => !(await caches.keys()).some((name) => name.endsWith(version)), version);
    assert.ok((await versions()).includes(next));
    await until(page, async (old) => (await caches.match(old)) === undefined, OLD);
    await decides(page);
  }), replaced);
});

test('the WebGPU module is fetched where there is an adapter, and only there', async () => {
  const wanted = (site) => site.requests.filter((path) => path.includes('diar-gpu'));
  await hosted((site) => visit(site.url, {}, async (page) => {
    await decides(page);
    assert.deepEqual(wanted(site), []);
  }));
  await hosted((site) => visit(site.url, { gpu: 'software' }, async (page) => {
    await decides(page);
    assert.deepEqual(wanted(site), [], 'an adapter in software is slower than the CPU');
  }));
  await hosted((site) => visit(`${site.url}?backend=webgpu`, { gpu: 'software' }, async (page) => {
    await statusWhere(page, (now) => now.worker === 'ready', 120_000);
    assert.match(await page.evaluate(() => window.__diar.device()), /WebGPU/);
    assert.deepEqual(wanted(site).sort(), [`/${file('diar-gpu.js')}`, `/${file('diar-gpu_bg.wasm')}`].sort());
  }));
});

test('a page that holds its first module only decides, and says what it lacks when that is asked for', () => {
  // As `cargo xtask demo` shows it at first.
  const index = readFileSync(join(DIST, 'index.html'), 'utf8');
  const known = JSON.parse(index.match(/id="build">(.*?)<\/script>/)[1]);
  const files = Object.entries(known.files).filter(([name]) => !/^diar-(relaxed|gpu|train)/.test(name));
  const first = JSON.stringify({ ...known, version: '', files: Object.fromEntries(files) });
  const body = index.replace(/(?<=id="build">).*?(?=<\/script>)/, () => first);
  return hosted((site) => visit(`${site.url}?backend=webgpu`, { gpu: 'software' }, async (page) => {
    await decides(page);
    assert.match(await page.evaluate(() => window.__diar.device()), /^CPU/);
    assert.match(await page.textContent('.notices'), /WebGPU was asked for.*module is not built yet/);
    await page.evaluate(() => {
      document.querySelector('#lesson-begin').closest('details').open = true;
    });
    await page.click('#lesson-begin');
    await until(page, () => /does not hold diar-train yet/.test(document.querySelector('.notices').textContent));
    await decides(page);
    assert.deepEqual(site.requests.filter((path) => /diar-(relaxed|gpu|train)/.test(path)), []);
  }), { '/': { status: 200, body } });
});

test('a browser without relaxed SIMD gets a program without, which decides the same', async () => {
  const first = async (site, page) => {
    const wanted = () => site.requests.map((path) => path.match(/\/(diar-(?:web|relaxed))-/)?.[1]).filter(Boolean);
    await decides(page);
    await statusWhere(page, (now) => now.worker === 'ready');
    return { wanted: [...new Set(wanted())], device: await page.evaluate(() => window.__diar.device()), trace: await trace(page) };
  };
  const fused = await hosted((site) => visit(site.url, {}, (page) => first(site, page)));
  const plain = await hosted((site) => visit('about:blank', {}, async (page) => {
    await page.addInitScript(() => {
      WebAssembly.validate = () => false;
    });
    await page.goto(site.url);
    return first(site, page);
  }));
  assert.deepEqual(fused.wanted, ['diar-relaxed']);
  assert.deepEqual(plain.wanted, ['diar-web']);
  assert.match(fused.device, /FMA/);
  assert.doesNotMatch(plain.device, /FMA/);
  const [one, other] = [fused, plain].map(({ trace }) => trace.decisions[0]);
  assert.equal(one.chosen, other.chosen);
  assert.equal(one.q.length, other.q.length);
  assert.notDeepEqual(one.q, other.q, 'the instructions round differently');
  for (const [i, q] of one.q.entries()) {
    assert.ok(Math.abs(q - other.q[i]) < 1e-2, `Q of candidate ${i}: ${q} and ${other.q[i]}`);
  }
});

// What a newer Node runs says nothing about browsers that lack it.
const chooses = readFileSync(join(import.meta.dirname ?? '.', '../../web/program.js'), 'utf8');
const [, bytes] = chooses.match(/RELAXED_SIMD = \[([\d,\s]+)\]/);
const relaxed = WebAssembly.validate(new Uint8Array(bytes.match(/\d+/g).map(Number)));

test('only the program for relaxed SIMD needs it', { skip: relaxed && 'this Node has relaxed SIMD itself' }, async () => {
  for (const [name, runs] of [['diar-web', true], ['diar-gpu', true], ['diar-train', true], ['diar-relaxed', false]]) {
    assert.equal(WebAssembly.validate(await readFile(join(DIST, file(`${name}_bg.wasm`)))), runs, name);
  }
});

test('a program that is missing, cut off or damaged is said', async () => {
  const whole = await readFile(join(DIST, file('diar-relaxed_bg.wasm')));
  const half = whole.subarray(0, whole.length / 2);
  for (const [what, answer, expected] of [
    ['missing', { status: 404, body: 'Not Found' }, /404/],
    ['cut off', { status: 200, body: half, claims: whole.length }, /could not be loaded|did not load/],
    ['cut short', { status: 200, body: half }, /did not load/],
    ['damaged', { status: 200, body: Buffer.from(whole).fill(7, 1000, 2000) }, /did not load/],
  ]) {
    await hosted((site) => visit(site.url, {}, async (page) => {
      await page.waitForSelector('#fatal:visible');
      assert.match(await page.textContent('#fatal-reason'), expected, what);
    }), { '/diar-relaxed_bg.wasm': answer });
  }
});
