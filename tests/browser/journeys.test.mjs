// Journeys through the built page: `cargo xtask test`, or `npm test` here once the page is in ../../dist.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { INSECURE, click, ready, status, statusWhere, trace, until, visit } from './page.mjs';
import { build, serve } from './server.mjs';

const DIST = process.env.DIAR_DIST ?? join(import.meta.dirname ?? '.', '../../dist');
const FILES = build(DIST).files;
const WEIGHTS = `/${FILES['weights/maze2d-umaze-v1.safetensors'].file}`;
/// How far WebGPU may be from the CPU on latents, Q and V.
const TOLERANCE = 1e-3;

let site;
before(async () => {
  site = await serve(DIST);
});
after(() => site.close());

/// What a decision came to, without the numbers that led there.
const gist = ({ chosen, outcome, steps }) => ({ chosen, outcome, actions: steps.map((step) => step.action) });

test('the page is alive before the weights arrive, and plays to the goal', async () => {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await visit('about:blank', { reducedMotion: 'no-preference' }, async (page) => {
    await page.route(`**${WEIGHTS}`, async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(site.url);
    assert.match(await page.title(), /DIAR/);
    await statusWhere(page, (now) => now.source === 'recorded' && now.at > 0 && now.playing);
    await statusWhere(page, (now) => now.worker === 'fetching');
    assert.ok(await page.isVisible('progress'));
    release();

    await statusWhere(page, (now) => now.worker === 'ready' && now.source === 'computed');
    assert.match(await page.textContent('#badge'), /CPU/);
    for (let i = 0; i < 8; i++) await page.keyboard.press(']');
    if (!(await status(page)).playing) await page.click('#play');
    await statusWhere(page, (now) => now.finished && now.at === now.length && !now.playing, 120_000);
    const { decisions } = await trace(page);
    assert.equal(decisions.at(-1).outcome, 'goal');
    assert.match(await page.textContent('#outcome'), /goal/i);
    console.log(`CPU in the browser: ${(await status(page)).latency_ms.toFixed(1)} ms per decision`);
  });
});

test('whichever comes first, recording or weights, the first run is the same', async () => {
  let seed;
  await visit(site.url, {}, async (page) => {
    await ready(page);
    seed = (await trace(page)).run.seed;
  });
  await visit('about:blank', {}, async (page) => {
    let release;
    const held = new Promise((resolve) => (release = resolve));
    await page.route(`**/${FILES['assets/recorded.bin'].file}`, async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(site.url);
    await statusWhere(page, (now) => now.worker === 'ready');
    release();
    await ready(page);
    assert.equal((await trace(page)).run.seed, seed);
  });
});

test('a decision goes part by part, and back', () =>
  visit(site.url, {}, async (page) => {
    await ready(page);
    await click(page, '#restart');
    const start = await statusWhere(page, (now) => now.at === 0 && now.length === 0);
    assert.equal(start.source, 'computed');

    const decision = async () => (await trace(page)).decisions[0];
    const times = {};
    for (const [part, has] of [
      ['sample', (d) => d.latents.length > 0 && d.q.length === 0],
      ['rank', (d) => d.q.length === d.latents.length && d.q[d.chosen] === Math.max(...d.q) && d.v_end === null],
      ['predict', (d) => Number.isFinite(d.v_end) && d.ends.length === d.latents.length && d.v_now.length === 0],
      ['compare', (d) => d.v_now.length === 1 && d.steps.length === 0],
    ]) {
      const before = performance.now();
      const { at } = await click(page, '#step-part');
      times[part] = `${(performance.now() - before).toFixed(0)} ms`;
      assert.equal(at, Object.keys(times).length, `moments after ${part}`);
      assert.ok(has(await decision()), `what is there after ${part}`);
    }
    console.log('a click and its part:', times);

    const steps = async () => (await trace(page)).decisions.reduce((sum, d) => sum + d.steps.length, 0);
    while ((await steps()) === 0) await click(page, '#step-env');
    const two = (await click(page, '#step-env')).at;
    assert.ok((await steps()) >= 1);
    const three = (await click(page, '#step-decision')).at;
    assert.ok(three > two);
    const ended = (await trace(page)).decisions.filter((d) => d.outcome !== null).length;
    assert.ok(ended >= 1, 'a decision has ended');

    const whole = await trace(page);
    await click(page, '#back');
    assert.ok((await status(page)).at < three, 'back goes back');
    await page.keyboard.press('Home');
    assert.equal((await status(page)).at, 0);
    await page.keyboard.press('End');
    assert.equal((await status(page)).at, (await status(page)).length);
    assert.deepEqual(await trace(page), whole, 'looking back changes nothing');
  }));

test('a link opens as the same run in a fresh browser', async () => {
  let link;
  let made;
  await visit(site.url, {}, async (page) => {
    await ready(page);
    await click(page, '#restart');
    for (let i = 0; i < 4; i++) await click(page, '#step-decision');
    await page.click('#copy-link');
    link = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(await page.inputValue('#link-field'), link);
    made = await trace(page);
  });
  assert.match(link, /#.{20,}/);
  await visit(link, {}, async (page) => {
    const opened = await statusWhere(page, (now) => now.worker === 'ready' && now.agreement !== null, 120_000);
    const ended = made.decisions.filter((d) => d.outcome !== null);
    assert.equal(opened.agreement[0], opened.agreement[1]);
    assert.ok(opened.agreement[1] >= ended.length);
    assert.match(await page.textContent('#agreement'), new RegExp(`${opened.agreement[1]}`));
    const again = await trace(page);
    assert.deepEqual(again.start, made.start);
    assert.deepEqual(again.decisions.slice(0, ended.length), ended, 'every number is the same on the same device');
  });
});

test('settings travel in the link', () =>
  visit(site.url, {}, async (page) => {
    await ready(page);
    await page.uncheck('#revalue');
    await page.fill('#seed', '12345');
    await page.press('#seed', 'Enter');
    await ready(page);
    await click(page, '#step-decision');
    const made = await trace(page);
    assert.deepEqual([made.run.seed, made.run.settings.revalue], [12345, false]);
    const link = await page.inputValue('#link-field');
    await page.goto('about:blank');
    await page.goto(link);
    await statusWhere(page, (now) => now.worker === 'ready' && now.agreement !== null, 120_000);
    const again = await trace(page);
    assert.deepEqual([again.run.seed, again.run.settings], [12345, made.run.settings]);
    assert.deepEqual(gist(again.decisions[0]), gist(made.decisions[0]));
    assert.equal(await page.isChecked('#revalue'), false);
  }));

test('a bad link is refused in words, and the page goes on', async () => {
  for (const fragment of ['nonsense', 'v9.AAAA', 'v1.!!!!', `v1.${'A'.repeat(300)}`]) {
    await visit(`${site.url}#${fragment}`, {}, async (page) => {
      await page.waitForSelector('#error:visible');
      assert.match(await page.textContent('#error'), /link/i);
      await ready(page);
      await click(page, '#step-decision');
      assert.notEqual((await trace(page)).decisions[0].outcome, null);
    });
  }
});

test('without WebGPU and clipboard the CPU decides, the badge says so, and the link can be taken by hand', () =>
  visit(site.url.replace('localhost', INSECURE), {}, async (page) => {
    assert.deepEqual(await page.evaluate(() => [navigator.gpu, navigator.clipboard]), [undefined, undefined]);
    await ready(page);
    assert.match(await page.textContent('#badge'), /CPU/);
    await click(page, '#step-decision');
    assert.notEqual((await trace(page)).decisions[0].outcome, null);
    await page.click('#copy-link');
    await page.waitForSelector('text=/select the link/i');
    assert.match(await page.inputValue('#link-field'), /#v3\./);
  }));

test('software WebGPU is passed over unless asked for, is named, and agrees with the CPU', async () => {
  const first = async (url, device) => {
    let made;
    await visit(url, { gpu: 'software' }, async (page) => {
      assert.equal(await page.evaluate(async () => (await navigator.gpu.requestAdapter()) !== null), true);
      await ready(page);
      assert.match(await page.textContent('#badge'), device);
      await page.fill('#candidates', '4');
      await page.press('#candidates', 'Enter');
      await page.fill('#sampler-steps', '2');
      await page.press('#sampler-steps', 'Enter');
      // Twice: the first time, kernels are compiled.
      for (const time of ['first', 'then']) {
        await click(page, '#restart');
        const before = performance.now();
        for (let part = 0; part < 4; part++) await click(page, '#step-part');
        const taken = (performance.now() - before).toFixed(0);
        console.log(`${await page.textContent('#badge')}: a decision of 4 x 2 steps, ${time} ${taken} ms`);
      }
      made = await trace(page);
      assert.equal(made.decisions[0].latents.length, 4);
    });
    return made;
  };
  const cpu = await first(site.url, /CPU/);
  const gpu = await first(`${site.url}?backend=webgpu`, /WebGPU.*software rendering/);
  for (const given of ['seed', 'settings', 'start']) assert.deepEqual(gpu[given], cpu[given]);
  const numbers = (d) => [...d.latents.flat(), ...d.q, d.v_end, d.v_now[0], ...d.ends.flat()];
  const [ours, theirs] = [numbers(cpu.decisions[0]), numbers(gpu.decisions[0])];
  const differences = ours.map((x, i) => Math.abs(x - theirs[i]));
  const largest = Math.max(...differences);
  console.log(`largest difference between WebGPU and the CPU: ${largest.toExponential(1)}`);
  assert.ok(largest > 0 && largest < TOLERANCE, `${largest}`);
  assert.equal(gpu.decisions[0].chosen, cpu.decisions[0].chosen);
});

test('a lost GPU is said, and the CPU goes on with the same run', () =>
  visit(`${site.url}?backend=webgpu`, { gpu: 'software' }, async (page) => {
    await ready(page);
    assert.match(await page.textContent('#badge'), /WebGPU/);
    const browser = await page.context().newCDPSession(page);
    await browser.send('Browser.crashGpuProcess');
    await until(page, () => window.__diar.device()?.startsWith('CPU'));
    assert.match(await page.textContent('#error'), /WebGPU/);
    await click(page, '#step-decision');
    assert.notEqual((await trace(page)).decisions[0].outcome, null);
  }));

test('weights that are missing, cut short or foreign are refused in words', async () => {
  const whole = await readFile(join(DIST, WEIGHTS));
  const flipped = Buffer.from(whole);
  flipped[flipped.length - 5] ^= 1;
  for (const [what, answer, expected] of [
    ['missing', { status: 404, body: 'Not Found' }, /404/],
    ['cut short', { status: 200, body: whole.subarray(0, whole.length / 2) }, /safetensors/i],
    ['damaged', { status: 200, body: flipped }, /damaged/i],
    ['foreign', { status: 200, body: '<!doctype html>' }, /safetensors/i],
    ['empty', { status: 200, body: '' }, /safetensors/i],
  ]) {
    const broken = await serve(DIST, { [WEIGHTS]: answer });
    try {
      await visit(broken.url, {}, async (page) => {
        await statusWhere(page, (now) => now.worker === 'failed');
        assert.match(await page.textContent('#error'), expected, what);
        assert.notEqual(await trace(page), null, 'the recording is still there');
      });
    } finally {
      await broken.close();
    }
  }
});

test('everything can be done from the keyboard', () =>
  visit(site.url, {}, async (page) => {
    await ready(page);
    await page.keyboard.press('r');
    await statusWhere(page, (now) => now.length === 0 && !now.computing);
    for (const [key, moves] of [['p', 1], ['p', 1]]) {
      const before = (await status(page)).at;
      await page.keyboard.press(key);
      await statusWhere(page, (now) => !now.computing);
      assert.equal((await status(page)).at - before, moves, key);
    }
    for (const key of ['s', 'd']) {
      const before = (await status(page)).at;
      await page.keyboard.press(key);
      await statusWhere(page, (now) => !now.computing);
      assert.ok((await status(page)).at > before, key);
    }
    await page.keyboard.press('Home');
    assert.equal((await status(page)).at, 0);

    // Every control is reached with Tab.
    await page.keyboard.press('End');
    const reached = new Set();
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press('Tab');
      const id = await page.evaluate(() => document.activeElement?.id ?? '');
      if (id) reached.add(id);
    }
    const controls = ['play', 'step-part', 'step-env', 'step-decision', 'back', 'restart', 'copy-link', 'link-field'];
    assert.deepEqual(controls.filter((id) => !reached.has(id)), [], 'not reached with Tab');
    await page.focus('#step-part');
    const before = (await status(page)).at;
    await page.keyboard.press('Enter');
    await statusWhere(page, (now) => !now.computing);
    assert.equal((await status(page)).at, before + 1, 'Enter presses the button');
  }));

test('buttons, fields and figures have names for a screen reader', () =>
  visit(site.url, {}, async (page) => {
    await ready(page);
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll('button, input, select, canvas, [role=img], [role=slider]')]
        .filter((element) => element.checkVisibility())
        .filter((element) => {
          const label = element.getAttribute('aria-label') ?? element.title;
          const labelledby = document.getElementById(element.getAttribute('aria-labelledby') ?? '')?.textContent;
          const text = [...(element.labels ?? [])].map((l) => l.textContent).join('') || element.textContent;
          const hidden = element.closest('[aria-hidden=true]');
          return !hidden && ![label, labelledby, text].some((name) => name?.trim());
        })
        .map((element) => element.outerHTML.slice(0, 120)),
    );
    assert.deepEqual(nameless, []);
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
    assert.ok(await page.evaluate(() => document.querySelector('[aria-live], [role=status]') !== null));
  }));

test('a phone shows all of it without sideways scrolling', () =>
  visit(site.url, { viewport: { width: 360, height: 740 }, hasTouch: true }, async (page) => {
    await ready(page);
    await click(page, '#step-decision');
    const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= window, `${wide} px wide in a window of ${window} px`);
    for (const id of ['#play', '#step-part', '#badge', '#decisions']) assert.ok(await page.isVisible(id), id);
  }));
