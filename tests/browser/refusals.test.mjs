// What browsers, hosts and chats refuse or spoil: the page goes on, or says why in one sentence.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { BLOCKED, click, decides, ready, status, statusWhere, trace, until, visit } from './page.mjs';
import { build, hosting } from './server.mjs';

const DIST = process.env.DIAR_DIST ?? join(import.meta.dirname ?? '.', '../../dist');
const hosted = hosting(DIST);
const { files: FILES } = build(DIST);
const WEIGHTS = `/${FILES['weights/maze2d-umaze-v1.safetensors'].file}`;
const LDCQ = `/${FILES['weights/maze2d-umaze-v1.ldcq.safetensors'].file}`;

/// Why the program did not start; one sentence, perhaps with what to do.
async function reason(page) {
  await page.waitForSelector('#fatal:visible');
  return page.textContent('#fatal-reason');
}

/// What the page says on top, all of it.
const notices = (page) => page.locator('.notices').textContent();

/// A link, made by playing some decisions of a seed.
async function linkTo(page, seed) {
  await page.fill('#seed', String(seed));
  await page.press('#seed', 'Enter');
  await ready(page);
  await click(page, '#step-decision');
  return page.inputValue('#link-field');
}

test('with all cookies blocked the page decides, and only forgets', () =>
  hosted((site) => visit(site.url, { preferences: BLOCKED, serviceWorkers: 'allow' }, async (page) => {
    const refused = await page.evaluate(() => {
      try {
        return localStorage.length;
      } catch (error) {
        return error.name;
      }
    });
    assert.equal(refused, 'SecurityError', 'the browser refuses storage');
    await decides(page);
    await page.click('#theme');
    await click(page, '#step-decision');
    assert.ok(!(await page.isVisible('#fatal')));
  })));

test('where every store and the clipboard throw, the page decides, and the link can be taken by hand', () =>
  hosted((site) => visit('about:blank', { serviceWorkers: 'allow' }, async (page) => {
    await page.addInitScript(() => {
      const refuse = () => {
        throw new DOMException('refused', 'SecurityError');
      };
      for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches']) Object.defineProperty(window, name, { get: refuse });
      Object.defineProperty(Navigator.prototype, 'serviceWorker', { get: refuse });
      Object.defineProperty(Navigator.prototype, 'clipboard', { get: refuse });
      history.replaceState = refuse;
    });
    await page.goto(site.url);
    await decides(page);
    await page.click('#copy-link');
    await page.waitForSelector('text=/select the link/i');
  })));

test('in a frame that is kept apart from its site, the page says what the frame lacks', async () => {
  const frame = { '/frame.html': { status: 200, body: '<iframe sandbox="allow-scripts" src="index.html" width="900" height="900"></iframe>' } };
  const inside = (page) => page.frames().find((frame) => frame !== page.mainFrame());
  // Most hosts: not even the program may be loaded.
  await hosted((site) => visit(`${site.url}frame.html`, { serviceWorkers: 'allow' }, async (page) => {
    assert.match(await reason(inside(page)), /allow-same-origin/);
  }), frame);
  // Hosts that let everyone load their files, as GitHub Pages does: the recorded run plays, but no worker starts.
  await hosted((site) => visit(`${site.url}frame.html`, { serviceWorkers: 'allow' }, async (page) => {
    const framed = inside(page);
    await statusWhere(framed, (now) => now.worker === 'failed' && now.source === 'recorded');
    assert.match(await framed.textContent('#error'), /allow-same-origin/);
  }), frame, { headers: { 'Access-Control-Allow-Origin': '*' } });
  // What the sentence asks for helps.
  frame['/frame.html'].body = frame['/frame.html'].body.replace('scripts', 'scripts allow-same-origin');
  await hosted((site) => visit(`${site.url}frame.html`, { serviceWorkers: 'allow' }, (page) => decides(inside(page))), frame);
});

test('opened as a file, the page says that it must be served', () =>
  visit(pathToFileURL(join(DIST, 'index.html')).href, {}, async (page) => {
    assert.match(await reason(page), /opened as a file.*http\.server/);
    assert.doesNotMatch(await page.textContent('#fatal'), /2023/);
  }));

test('a browser that is too old is told so, and only such a one', () =>
  hosted((site) => visit('about:blank', {}, async (page) => {
    await page.addInitScript(() => {
      WebAssembly.validate = () => false;
      WebAssembly.instantiateStreaming = WebAssembly.instantiate = () => Promise.reject(new WebAssembly.CompileError('no SIMD'));
    });
    await page.goto(site.url);
    assert.match(await reason(page), /2023/);
  })));

test('a program that does not come is said with its cause', async () => {
  for (const [answer, expected] of [
    [{ status: 404, body: 'Not Found' }, /404.*reload/],
    [{ status: 503, body: '' }, /503/],
    [{ status: 200, body: 'x'.repeat(1000) }, /damaged or cut short/],
  ]) {
    await hosted((site) => visit(site.url, {}, async (page) => {
      const said = await reason(page);
      assert.match(said, expected);
      assert.doesNotMatch(await page.textContent('#fatal'), /2023/);
    }), { '/diar-relaxed_bg.wasm': answer });
  }
});

test('an adapter that is never offered leaves the CPU to decide, and that is said', () =>
  hosted((site) => visit('about:blank', {}, async (page) => {
    await page.addInitScript(() => {
      Object.defineProperty(Navigator.prototype, 'gpu', { get: () => ({ requestAdapter: () => new Promise(() => {}) }), configurable: true });
    });
    await page.goto(`${site.url}?backend=webgpu`);
    await decides(page);
    assert.match(await page.textContent('#badge'), /CPU/);
    assert.match(await notices(page), /WebGPU was asked for.*within 10 s.*CPU is used/);
  })));

test('links are opened as chats pass them on', () =>
  hosted(async (site) => {
    const [link, made] = await visit(site.url, {}, async (page) => {
      await ready(page);
      return [await linkTo(page, 12), await trace(page)];
    });
    assert.match(link, /\/#v3\.[\w-]*[A-Za-z0-9]$/);
    const fragment = link.split('#')[1];
    const half = fragment.length >> 1;
    await visit('about:blank', {}, async (page) => {
      for (const spoilt of [
        `${link}.`, `${link},`, `${link})`, `${link}>`, `${link}"`, `${link}\u{201D}`, `${link}'.`, `${link}]`, `${link}!`, `${link}_`, `${link}**`,
        `${link}\u{200B}`, `${link}\u{AD}`, `${link}%20`, `${link}%E2%80%8B`, `${link}&utm_source=chat`, `${link}#`,
        `${site.url}#${fragment.replace('v3.', 'v3%2E')}`, `${site.url}#%23${fragment}`, `${site.url}#%2523${fragment.replace('.', '%252E')}`,
        `${site.url}#${fragment.slice(0, half)}%0A${fragment.slice(half)}`, `${site.url}#${fragment.slice(0, half)}\u{200B}${fragment.slice(half)}`,
        `${site.url}?%23${fragment}`, `${site.url}?nosw%23${fragment}.`, `${site.url}%23${fragment}`, `${site.url}index.html%23${fragment})`, `${site.url}%2523${fragment}`,
        `${site.url}medium.html#${fragment}.`,
      ]) {
        await page.goto('about:blank');
        await page.goto(spoilt, { waitUntil: 'commit' });
        // An address without a page leads to one that mends it.
        await page.waitForURL(/#/, { waitUntil: 'commit' });
        const opened = await statusWhere(page, (now) => now.worker === 'ready' && now.agreement, 120_000).catch((error) => assert.fail(`${spoilt}: ${error}`));
        assert.equal(opened.agreement[0], opened.agreement[1], spoilt);
        assert.equal((await trace(page)).run.seed, made.run.seed, spoilt);
        assert.ok(!(await page.isVisible('#error')), spoilt);
      }
    });
  }));

test('a link that cannot be read is said, and stays in the address bar', () =>
  hosted((site) => visit('about:blank', {}, async (page) => {
    const cut = '#v2.AAAAAAAAAAAAAAAA.';
    await page.goto(`${site.url}${cut}`);
    await ready(page);
    assert.match(await page.textContent('#error'), /This link cannot be opened: .*Another run is shown instead/);
    await page.waitForTimeout(600);
    assert.ok(page.url().endsWith(cut), page.url());
    await page.fill('#seed', '9');
    await page.press('#seed', 'Enter');
    await ready(page);
    await until(page, (cut) => location.hash.length > 30 && location.hash !== cut, cut);
    assert.ok(!(await page.isVisible('#error')));
  })));

test('a second link in the same tab is opened, and so is the first by going back', () =>
  hosted(async (site) => {
    const links = await visit(site.url, {}, async (page) => {
      await ready(page);
      return [await linkTo(page, 21), await linkTo(page, 22)];
    });
    const other = await visit(`${site.url}medium.html`, {}, async (page) => {
      await ready(page);
      return linkTo(page, 23);
    });
    assert.ok(other.startsWith(`${site.url}#v3.`), other);
    await visit(links[0], {}, async (page) => {
      const shows = async (seed) => {
        await until(page, (seed) => JSON.parse(window.__diar?.trace() ?? 'null')?.run.seed === seed, seed);
        await statusWhere(page, (now) => now.worker === 'ready' && !now.computing);
        assert.equal((await trace(page)).run.seed, seed);
      };
      const paste = (link) => page.evaluate((hash) => void (location.hash = hash), link.slice(link.indexOf('#')));
      await shows(21);
      await paste(links[1]);
      await shows(22);
      await paste('#v2.AAAA');
      await page.waitForSelector('#error:visible');
      assert.equal((await trace(page)).run.seed, 22, 'the run before stays');
      await page.goBack();
      await shows(22);
      await until(page, () => document.getElementById('error') === null);
      await page.goBack();
      await shows(21);
      // A link for another maze brings the weights for it.
      await paste(other);
      await shows(23);
      assert.equal((await trace(page)).task, 'maze2d-medium-v1');
      await decides(page);
      await page.goBack();
      await shows(21);
      assert.equal((await trace(page)).task, 'maze2d-umaze-v1');
    });
  }));

test('a server that hangs or fails gets the kept page shown', async () => {
  const replaced = {};
  await hosted((site) => visit(site.url, { serviceWorkers: 'allow' }, async (page) => {
    await decides(page);
    await page.evaluate(async () => void (await navigator.serviceWorker.ready));
    await until(page, async (weights) => (await caches.match(weights)) !== undefined, WEIGHTS.slice(1));
    for (const trouble of [{ hangs: true }, { status: 503, body: 'busy' }, { status: 500, body: '' }]) {
      for (const path of ['/', '/index.html', '/medium.html']) replaced[path] = trouble;
      await page.goto('about:blank');
      await page.goto(site.url);
      await decides(page);
      await page.goto('about:blank');
      await page.goto(`${site.url}medium.html`);
      assert.match(await page.title(), /DIAR/);
    }
    // Its own answers are the server's business.
    replaced['/'] = { status: 404, body: 'gone' };
    await page.goto('about:blank');
    assert.equal((await page.goto(site.url)).status(), 404);
  }), replaced);
});

test('a server that hangs at first is waited for, and that is said', async () => {
  await hosted((site) => visit('about:blank', {}, async (page) => {
    await page.goto(site.url, { waitUntil: 'commit' });
    await until(page, () => /Nothing has come from localhost/.test(document.getElementById('boot-status')?.textContent));
  }), { '/diar-relaxed_bg.wasm': { hangs: true } });
});

test('an old tab of a site that was updated says so', async () => {
  const replaced = {};
  await hosted((site) => visit(site.url, {}, async (page) => {
    await decides(page);
    const old = await readFile(join(DIST, 'index.html'), 'utf8');
    const { version } = build(DIST);
    replaced['/'] = { status: 200, body: old.replaceAll(version, 'fedcba987654') };
    replaced['/diar-train.js'] = { status: 404, body: 'Not Found' };
    await page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
    await page.click('#lesson-begin');
    await until(page, () => /updated since the page was opened.*reload/.test(document.querySelector('.notices')?.textContent));
  }), replaced);
});

test('a worker runs nothing but the programs beside it', () =>
  hosted((site) => visit(site.url, {}, async (page) => {
    await ready(page);
    const script = FILES['worker.js'].file;
    for (const foreign of ['https://example.org/x.js', 'data:text/javascript,export default 1', '//example.org/x.js', `blob:${site.url}x`]) {
      const said = await page.evaluate(([script, foreign]) => new Promise((resolve) => {
        const worker = new Worker(`${script}?program=${encodeURIComponent(foreign)}`, { type: 'module' });
        worker.onmessage = ({ data }) => resolve(data.Failed.message);
        worker.postMessage('anything');
      }), [script, foreign]);
      assert.match(said, /not part of this site/, foreign);
    }
  })));

test('files chosen by hand are let go of', () =>
  hosted((site) => visit('about:blank', {}, async (page) => {
    await page.addInitScript(() => {
      window.held = new Set();
      const { createObjectURL, revokeObjectURL } = URL;
      URL.createObjectURL = (blob) => {
        const url = createObjectURL.call(URL, blob);
        window.held.add(url);
        return url;
      };
      URL.revokeObjectURL = (url) => {
        window.held.delete(url);
        revokeObjectURL.call(URL, url);
      };
    });
    await page.goto(site.url);
    await ready(page);
    const bytes = await readFile(join(DIST, WEIGHTS));
    for (let i = 0; i < 3; i++) {
      await page.evaluate((numbers) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(numbers)], 'a.safetensors'));
        window.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
      }, [...bytes]);
      await ready(page);
    }
    assert.equal(await page.evaluate(() => window.held.size), 1, 'only the file in use is held');
    // Nothing is held of files that the page made.
    await page.click('#save-json');
    await page.click('#save-png');
    await until(page, () => window.held.size === 1);
  })));

test('what is too large is not fetched, and both figures are said', async () => {
  const zeros = gzipSync(Buffer.alloc(80 << 20));
  for (const [what, answer] of [
    ['announced', { status: 200, claims: 3_000_000_000, body: 'x' }],
    ['found on the way', { stream: (response) => {
      response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Encoding': 'gzip' });
      response.end(zeros);
    }, status: 200 }],
  ]) {
    await hosted((site) => visit(site.url, {}, async (page) => {
      await statusWhere(page, (now) => now.worker === 'failed');
      assert.match(await page.textContent('#error'), /it has (3000\.0|more than \d+\.\d) MB, and the page fetches at most 67\.1 MB/, what);
      assert.equal((await status(page)).source, 'recorded');
    }), { [WEIGHTS]: answer });
  }
  // The weights of a second run, which the page itself fetches.
  await hosted((site) => visit(`${site.url}?other=${LDCQ.slice(1)}`, {}, async (page) => {
    await until(page, () => /3000\.0 MB, and the page fetches at most 67\.1 MB/.test(document.querySelector('.notices')?.textContent));
    await decides(page);
  }), { [LDCQ]: { status: 200, claims: 3_000_000_000, body: 'x' } });
});

test('in the middle of a long decision the worker answers, and takes up another choice', () =>
  hosted((site) => visit('about:blank', {}, async (page) => {
    await page.addInitScript(() => {
      window.answers = 0;
      const Original = Worker;
      window.Worker = class extends Original {
        constructor(...given) {
          super(...given);
          this.addEventListener('message', () => window.answers++);
        }
      };
    });
    await page.goto(site.url);
    await ready(page);
    // Some thousand times as much as the weights' own settings take.
    await page.fill('#sampler-steps', '500');
    await page.press('#sampler-steps', 'Enter');
    await ready(page);
    await page.fill('#candidates', '4096');
    await page.press('#candidates', 'Enter');
    await ready(page);
    await page.click('#step-decision');
    const before = await page.evaluate(() => window.answers);
    await until(page, (before) => window.answers > before + 10, before);
    const { computing, length } = await status(page);
    assert.ok(computing && length === 0, 'the first part of the decision is not done');
    await page.fill('#candidates', '4');
    await page.press('#candidates', 'Enter');
    await ready(page);
    await click(page, '#step-part');
    assert.equal((await trace(page)).decisions[0].latents.length, 4);
  })));

test('a denoising that is too large to show is refused in one sentence, and the run goes on', () =>
  hosted((site) => visit(site.url, {}, async (page) => {
    await ready(page);
    await page.fill('#sampler-steps', '400');
    await page.press('#sampler-steps', 'Enter');
    await ready(page);
    await page.fill('#candidates', '700');
    await page.press('#candidates', 'Enter');
    await ready(page);
    await click(page, '#step-part');
    await page.focus('#denoise');
    await page.keyboard.press('Home');
    await until(page, () => /700 candidates over 400 steps is more than the page can show/.test(document.querySelector('.notices')?.textContent));
    await click(page, '#step-part');
    assert.equal((await trace(page)).decisions[0].q.length, 700);
  })));
