// What browsers do to a page: put it in the background, open it twice, run short of memory, lose a download.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { click, ready, status, statusWhere, trace, visit } from './page.mjs';
import { build, serve } from './server.mjs';

const DIST = process.env.DIAR_DIST ?? join(import.meta.dirname ?? '.', '../../dist');
const WEIGHTS = `/${build(DIST).files['weights/maze2d-umaze-v1.safetensors'].file}`;

let site;
before(async () => {
  site = await serve(DIST);
});
after(() => site.close());

const seeded = async (page, seed) => {
  await page.fill('#seed', String(seed));
  await page.press('#seed', 'Enter');
  await ready(page);
};

/// Gives a page a switch, `window.background(on)`: as long as it is on, no animation frame comes, as in a tab that nobody
/// sees. (The browser under test holds all of its tabs for visible.)
const withBackground = (page) =>
  page.addInitScript(() => {
    const frame = window.requestAnimationFrame.bind(window);
    let hidden = false;
    let held = [];
    window.requestAnimationFrame = (callback) => (hidden ? held.push(callback) : frame(callback));
    window.background = (on) => {
      hidden = on;
      if (!on) for (const callback of held.splice(0)) frame(callback);
    };
  });

test('in the background nothing is played, while scoring goes on; then the run goes on where it was', () =>
  visit('about:blank', { reducedMotion: 'no-preference' }, async (page) => {
    await withBackground(page);
    await page.goto(site.url);
    await ready(page);
    await seeded(page, 3);
    if (!(await status(page)).playing) await page.click('#play');
    await statusWhere(page, (now) => now.playing && now.at > 3);
    await page.click('#score');
    await page.evaluate(() => window.background(true));
    await page.waitForTimeout(200);
    const left = await status(page);
    assert.ok(left.playing && !left.finished);
    await statusWhere(page, (now) => now.scored.episodes > (left.scored?.episodes ?? 0) + 12, 60_000);
    const back = await status(page);
    assert.equal(back.at, left.at, 'nothing is played that nobody sees');
    await page.evaluate(() => window.background(false));
    const next = await statusWhere(page, (now) => now.at > back.at);
    assert.ok(next.at < back.at + 30, 'and nothing is skipped');
    await statusWhere(page, (now) => now.finished && now.at === now.length, 120_000);
    assert.equal((await trace(page)).decisions.at(-1).outcome, 'goal');
  }));

test('two tabs play two runs, and neither hears of the other', () =>
  visit(site.url, { serviceWorkers: 'allow' }, async (page) => {
    const other = await page.context().newPage();
    await other.goto(site.url);
    await Promise.all([ready(page), ready(other)]);
    await Promise.all([seeded(page, 5), seeded(other, 6)]);
    const play = async (tab) => {
      while (!(await status(tab)).finished) await click(tab, '#step-decision');
      return trace(tab);
    };
    const runs = await Promise.all([play(page), play(other)]);
    assert.deepEqual(runs.map((run) => [run.run.seed, run.decisions.at(-1).outcome]), [[5, 'goal'], [6, 'goal']]);
    // What is chosen in one is not chosen in the other, and closing one leaves the other as it is.
    await other.close();
    await seeded(page, 6);
    assert.deepEqual(await play(page), runs[1], 'the same run in either');
  }));

test('a device without memory for the networks (7.5 MB) is told so, keeps what is recorded, and can try again', () =>
  visit('about:blank', { args: ['--js-flags=--wasm-max-mem-pages=120'] }, async (page) => {
    await page.goto(`${site.url}large.html`);
    await statusWhere(page, (now) => now.worker === 'failed');
    assert.match(await page.textContent('#error'), /no more memory/);
    const { source, length } = await status(page);
    assert.equal(source, 'recorded');
    await page.keyboard.press('End');
    assert.equal((await status(page)).at, length, 'what is recorded can be looked at to its end');
    assert.ok(await page.isVisible('#retry'));
  }));

test('weights cut off on their way are said, and fetched again when asked', async () => {
  const whole = await readFile(join(DIST, WEIGHTS));
  const replaced = { [WEIGHTS]: { status: 200, body: whole.subarray(0, whole.length / 2), claims: whole.length } };
  const broken = await serve(DIST, replaced);
  try {
    await visit(broken.url, {}, async (page) => {
      await statusWhere(page, (now) => now.worker === 'failed');
      assert.match(await page.textContent('#error'), /could not be fetched.*try again/i);
      assert.equal((await status(page)).source, 'recorded');
      delete replaced[WEIGHTS];
      await page.click('#retry');
      await ready(page);
      assert.ok(!(await page.isVisible('#error')));
      await click(page, '#step-decision');
      assert.notEqual((await trace(page)).decisions[0].outcome, null);
    });
  } finally {
    await broken.close();
  }
});
