// Journeys through what people do on the page beyond watching: look, ask, change, compare, share, bring.

import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { click, ready, status, statusWhere, trace, until, visit } from './page.mjs';
import { build, serve } from './server.mjs';

const DIST = process.env.DIAR_DIST ?? join(import.meta.dirname ?? '.', '../../dist');
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

let site;
before(async () => {
  site = await serve(DIST);
});
after(() => site.close());

/// A run with some decisions in it, the cursor on one that has been predicted.
async function predicted(page) {
  await ready(page);
  await click(page, '#restart');
  for (let part = 0; part < 3; part++) await click(page, '#step-part');
  await statusWhere(page, (now) => now.ways !== null);
}

const decision = async (page, index) => (await trace(page)).decisions[index];
const play = async (page) => {
  await page.keyboard.press('End');
  while (!(await status(page)).finished) await click(page, '#step-decision');
};

test('the theme follows the system, can be chosen, and is remembered', () =>
  visit(site.url, { colorScheme: 'dark' }, async (page) => {
    await ready(page);
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const remembered = () => page.evaluate(() => localStorage.getItem('diar-theme'));
    const dark = await ground();
    assert.equal(await page.getAttribute('html', 'data-ground'), 'dark');
    await page.click('#theme');
    assert.deepEqual([await page.getAttribute('html', 'data-ground'), await remembered()], ['light', 'light']);
    const light = await ground();
    assert.notEqual(light, dark);
    await page.reload();
    await ready(page);
    assert.equal(await ground(), light);
    await page.click('#theme');
    assert.deepEqual([await ground(), await remembered()], [dark, 'dark']);
    await page.click('#theme');
    assert.equal(await remembered(), null);
    // The system's again, and it follows the system.
    await page.emulateMedia({ colorScheme: 'light' });
    await until(page, (expected) => getComputedStyle(document.body).backgroundColor === expected, light);
  }));

test('the tour goes step by step, moves the figure, and can be linked to', () =>
  visit(site.url, {}, async (page) => {
    await ready(page);
    await page.click('#claim-tour');
    const moments = [];
    for (;;) {
      const { tour, at } = await status(page);
      moments.push(at);
      assert.match(await page.textContent('#tour'), new RegExp(`${tour + 1} of 7`));
      await page.click('#tour-next');
      if ((await status(page)).tour === null) break;
    }
    assert.equal(moments.length, 7);
    assert.ok(new Set(moments).size >= 4, `moments ${moments}`);
    await page.goto('about:blank');
    await page.goto(`${site.url}#tour=6`);
    await statusWhere(page, (now) => now.tour === 5 && now.length > 0 && !now.computing);
    const { at } = await status(page);
    assert.ok(at > 0, 'the sixth step shows a revaluation');
    await page.click('#tour-skip');
    assert.equal((await status(page)).tour, null);
  }));

test('a candidate can be looked at, from the maze and from the keyboard, and followed instead', () =>
  visit(site.url, {}, async (page) => {
    await predicted(page);
    const { chosen, ends, q } = await decision(page, 0);
    assert.match(await page.textContent('#candidate'), new RegExp(`Plan ${chosen + 1} of ${q.length}`));
    await page.focus('#worse');
    await page.keyboard.press('Enter');
    const second = q.map((value, index) => [value, index]).sort((a, b) => b[0] - a[0])[1][1];
    assert.match(await page.textContent('#candidate'), new RegExp(`Plan ${second + 1} of .*2nd best`));

    // On the maze: the end that is farthest from the chosen one.
    const far = (end) => Math.hypot(end[0] - ends[chosen][0], end[1] - ends[chosen][1]);
    const target = ends.map((end, index) => [far(end), index]).sort((a, b) => b[0] - a[0])[0][1];
    await page.evaluate(() => scrollTo(0, 0));
    const box = await page.locator('#maze').boundingBox();
    // The U-maze: 3.6 m across and down, from 0 m.
    const [left, top] = [ends[target][1] / 3.6, ends[target][0] / 3.6];
    await page.mouse.move(box.x + left * box.width, box.y + top * box.height, { steps: 3 });
    await until(page, (own) => !document.querySelector('#candidate').textContent.includes(`Plan ${own} of`), second + 1);
    const looked = Number((await page.textContent('#candidate')).match(/Plan (\d+) of/)[1]) - 1;
    assert.notEqual(looked, chosen);

    await page.focus('#take');
    await page.keyboard.press('Enter');
    await statusWhere(page, (now) => !now.computing);
    const changed = await trace(page);
    assert.deepEqual(changed.run.scenario.interventions.length, 1);
    assert.equal(changed.decisions[0].chosen, looked);
    assert.deepEqual(changed.decisions[0].q, q, 'the same candidates');
    // The run it would have been is beside it.
    assert.ok(await page.isVisible('#rival'));
    await statusWhere(page, (now) => now.rival?.finished);
    await play(page);
    assert.match(await page.textContent('#difference'), /This run: .* Other run/);
    await page.click('#leave-alone');
    await statusWhere(page, (now) => !now.computing);
    assert.equal((await trace(page)).decisions[0].chosen, chosen);
  }));

test('the denoising can be scrubbed from noise to the plans', () =>
  visit(site.url, {}, async (page) => {
    await predicted(page);
    const label = () => page.getAttribute('.latents svg', 'aria-label');
    const spread = () =>
      page.evaluate(() => {
        const places = [...document.querySelectorAll('.latents circle')].map((c) => [c.cx.baseVal.value, c.cy.baseVal.value]);
        return JSON.stringify(places);
      });
    const finished = await spread();
    await page.focus('#denoise');
    await page.keyboard.press('Home');
    const { trail } = await statusWhere(page, (now) => now.trail !== null);
    assert.equal(trail, 6, 'five steps have six states');
    await until(page, () => /after 0 of 5/.test(document.querySelector('.latents svg').getAttribute('aria-label')));
    const seen = new Set([await spread()]);
    for (let step = 1; step <= 5; step++) {
      await page.keyboard.press('ArrowRight');
      assert.match(await label(), new RegExp(`after ${step} of 5`));
      seen.add(await spread());
    }
    assert.equal(seen.size, 6, 'every step looks different');
    await page.click('#denoise-end');
    assert.equal(await spread(), finished);
  }));

test('two runs go side by side, and a dropped plan can be followed all the same', () =>
  visit(site.url, {}, async (page) => {
    await ready(page);
    await page.selectOption('#compare', 'revaluation');
    await statusWhere(page, (now) => now.rival?.finished && !now.computing);
    await play(page);
    assert.match(await page.textContent('#difference'), /revaluation off.*(faster|no difference|arrives)/);
    await page.click('#compare-end');
    assert.equal((await status(page)).rival, null);

    await page.keyboard.press('Home');
    await page.click('#next-revaluation');
    const at = (await status(page)).at;
    assert.ok(at > 0);
    const before = await trace(page);
    await page.click('#what-if');
    await statusWhere(page, (now) => now.rival?.finished);
    assert.deepEqual(await trace(page), before, 'the run itself stays as it was');
    assert.match(await page.textContent('#difference'), /is not dropped/);
    const link = await page.inputValue('#link-field');
    await page.goto('about:blank');
    await page.goto(link);
    await statusWhere(page, (now) => now.rival?.finished && now.agreement !== null, 120_000);
    assert.ok(await page.isVisible('#rival'), 'the link brings the comparison');
  }));

test('two bundles are compared: one that comes with the page, one from a file, one from an address', async () => {
  const files = build(DIST).files;
  const LDCQ = 'weights/maze2d-umaze-v1.ldcq.safetensors';
  const path = (name) => join(DIST, files[name].file);
  const compared = (page) => statusWhere(page, (now) => now.rival?.finished && !now.computing, 120_000);
  const hash = (page) => page.textContent('#guest dd:nth-of-type(1) >> nth=1');
  let link;
  await visit(site.url, {}, async (page) => {
    await ready(page);
    await play(page);
    const before = await trace(page);
    await page.selectOption('#compare', 'ldcq');
    await compared(page);
    assert.deepEqual(await trace(page), before, 'the run itself stays as it was');
    assert.match(await page.textContent('#difference'), /LDCQ's critic\): first contact at step/);
    link = await page.inputValue('#link-field');
    const shipped = await hash(page);
    // The same file, brought by hand, is the same agent.
    const difference = await page.textContent('#difference');
    await page.setInputFiles('#compare-bring', path(LDCQ));
    await compared(page);
    assert.equal(await hash(page), shipped);
    assert.equal(await page.textContent('#difference'), difference.replace("LDCQ's critic", 'weights from a file'));
    // Weights for another maze are not compared, and nothing is lost.
    await page.setInputFiles('#compare-bring', path('weights/maze2d-medium-v1.safetensors'));
    await page.waitForSelector('#error:visible');
    assert.match(await page.textContent('#error'), /are for maze2d-medium-v1/);
    assert.equal((await status(page)).rival, null);
    assert.deepEqual(await trace(page), before);
  });
  // The link finds the weights that come with the page.
  await visit(link, {}, async (page) => {
    await compared(page);
    assert.match(await page.textContent('#difference'), /first contact at step/);
    assert.ok(!(await page.isVisible('.notice--warning')));
  });
  await visit(`${site.url}?other=${encodeURIComponent(files[LDCQ].file)}`, {}, async (page) => {
    await compared(page);
    assert.ok(await page.isVisible('#rival'));
  });
});

test('walls and goal can be changed, by pointer and keyboard, and taken back', () =>
  visit(site.url, {}, async (page) => {
    await ready(page);
    await click(page, '#restart');
    await page.evaluate(() => scrollTo(0, 0));
    const box = await page.locator('#maze').boundingBox();
    // The goal, dragged from (1, 1) to (3, 1).
    const at = ([x, y]) => [box.x + (y / 3.6) * box.width, box.y + (x / 3.6) * box.height];
    await page.mouse.move(...at([1, 1]));
    await page.mouse.down();
    await page.mouse.move(...at([2, 1.5]), { steps: 4 });
    await page.mouse.move(...at([3, 1]), { steps: 4 });
    await page.mouse.up();
    await statusWhere(page, (now) => !now.computing);
    const moved = (await trace(page)).run.scenario.world.goal;
    assert.ok(Math.hypot(moved[0] - 3, moved[1] - 1) < 0.1, `${moved}`);
    assert.match(await page.textContent('#world-warning'), /goal has moved/i);
    await page.focus('#goal');
    await page.keyboard.press('ArrowRight');
    await statusWhere(page, (now) => !now.computing);
    const pushed = (await trace(page)).run.scenario.world.goal;
    assert.ok(Math.abs(pushed[1] - moved[1] - 0.1) < 0.011, `${moved} to ${pushed}`);
    await page.click('#reset-world');
    await statusWhere(page, (now) => !now.computing);
    assert.equal((await trace(page)).run.scenario.world.goal, null);

    await page.click('#tool-walls');
    await page.focus('#maze');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await statusWhere(page, (now) => !now.computing);
    const [first] = (await trace(page)).run.scenario.world.toggled;
    assert.equal((await trace(page)).run.scenario.world.toggled.length, 1);
    assert.match(await page.textContent('#world-warning'), /never seen/);
    await page.mouse.click(...at([first[0] - 0.2, first[1] - 0.2]));
    await statusWhere(page, (now) => !now.computing);
    assert.deepEqual((await trace(page)).run.scenario.world.toggled, []);
    await page.click('#undo');
    await statusWhere(page, (now) => !now.computing);
    assert.deepEqual((await trace(page)).run.scenario.world.toggled, [first]);
  }));

test('Q and V are trained for a goal that was moved, and can be given back', () =>
  visit(site.url, {}, async (page) => {
    await ready(page);
    await page.focus('#goal');
    const field = () => page.evaluate(() => document.querySelector('.legend__number').textContent);
    const before = await field();
    for (let i = 0; i < 18; i++) await page.keyboard.press('ArrowDown');
    for (let i = 0; i < 18; i++) await page.keyboard.press('ArrowDown');
    await statusWhere(page, (now) => !now.computing);
    const goal = (await trace(page)).run.scenario.world.goal;
    assert.ok(goal[0] > 2.5 || goal[1] > 2.5 || goal[0] > 1.1, `${goal}`);
    // Stopped on the way, nothing has changed.
    await page.click('#lesson-begin');
    await statusWhere(page, (now) => now.learning?.[0] > 3, 60_000);
    await page.click('#lesson-stop');
    assert.deepEqual([(await status(page)).learning, (await status(page)).learned], [null, false]);
    const since = performance.now();
    await page.click('#lesson-begin');
    await statusWhere(page, (now) => now.learned && !now.computing, 400_000);
    console.log(`trained anew in the browser, on the CPU: ${((performance.now() - since) / 1000).toFixed(0)} s`);
    assert.match(await page.textContent('#lesson-done'), /trained here/);
    await page.click('#random-start').catch(() => {});
    await play(page);
    const run = await trace(page);
    assert.equal(run.decisions.at(-1).outcome, 'goal');
    const [x, y] = run.decisions.at(-1).steps.at(-1).state;
    assert.ok(Math.hypot(x - goal[0], y - goal[1]) <= 0.5, 'it ends at the goal that was moved');
    assert.notEqual(await field(), before);
    await page.click('#unlearn');
    await statusWhere(page, (now) => !now.computing && !now.learned);
  }));

test('an adapter is tried beside the CPU, and passed over where it is slower', () =>
  visit('about:blank', { gpu: 'software' }, async (page) => {
    // The page is to take software rendering for a GPU.
    await page.addInitScript(() => {
      const info = { description: 'pretended adapter', architecture: 'none', isFallbackAdapter: false };
      if (self.GPUAdapter) Object.defineProperty(GPUAdapter.prototype, 'info', { get: () => info });
    });
    await page.goto(site.url);
    await ready(page);
    assert.match(await page.textContent('#badge'), /CPU/);
    const run = await trace(page);
    await until(page, () => /stay on the CPU: .* ms each, .* ms on WebGPU/.test(document.querySelector('.notices').textContent), null, 240_000);
    console.log(await page.textContent('.notices'));
    assert.deepEqual((await trace(page)).decisions[0], run.decisions[0], 'the run goes on');
    await click(page, '#step-decision');
  }));

test('a scoreboard fills up, with intervals, and can be stopped', () =>
  visit(site.url, {}, async (page) => {
    await ready(page);
    await page.click('#score');
    await statusWhere(page, (now) => now.scored?.episodes >= 24, 120_000);
    await page.click('#score-stop');
    const { scored } = await statusWhere(page, (now) => now.scored?.done);
    assert.ok(scored.episodes < 96, 'stopped on the way');
    const text = await page.textContent('#scoreboard');
    const [, mean, half] = text.match(/with(\d+\.\d) ± (\d+\.\d)/);
    assert.ok(Number(mean) > 130 && Number(mean) < 165 && Number(half) < 20, text);
    await click(page, '#step-decision');
  }));

test('links are short, replay exactly, and can be embedded', async () => {
  let link;
  let made;
  await visit(site.url, {}, async (page) => {
    await ready(page);
    await page.fill('#seed', '4');
    await page.press('#seed', 'Enter');
    await ready(page);
    await play(page);
    made = await trace(page);
    link = await page.inputValue('#link-field');
    assert.match(await page.inputValue('#replay-command'), /^diar replay 'v3\./);
    assert.match(await page.inputValue('#embed-code'), /\?embed.*#v3\./);
  });
  const fragment = link.split('#')[1];
  console.log(`an episode of ${made.decisions.length} decisions: a link of ${fragment.length} characters`);
  assert.ok(fragment.length <= 2000, `${fragment.length} characters`);
  // Without weights the recorded decisions are there all the same, step by step.
  const [page_, hash] = link.split('#');
  const broken = await serve(DIST, { '/weights/maze2d-umaze-v1.safetensors': { status: 404, body: '' } });
  try {
    await visit(`${page_.replace(site.url, broken.url)}#${hash}`, {}, async (page) => {
      await statusWhere(page, (now) => now.source === 'replayed' && now.worker === 'failed');
      const replayed = await trace(page);
      const states = (run) => run.decisions.flatMap((d) => d.steps.map((step) => step.state));
      assert.deepEqual(states(replayed), states(made), 'every state is the same');
      assert.match(await page.textContent('#badge'), /replayed/);
    });
  } finally {
    await broken.close();
  }
  await visit(`${page_}?embed#${hash}`, {}, async (page) => {
    await statusWhere(page, (now) => now.source === 'computed' && now.agreement !== null, 120_000);
    assert.ok(!(await page.isVisible('#settings-title')) && (await page.isVisible('#play')));
    assert.equal(await page.getAttribute('#embed-open', 'href'), link);
  });
});

test('figure, episode and trace can be saved', () =>
  visit(site.url, { acceptDownloads: true }, async (page) => {
    await predicted(page);
    const saved = async (id) => {
      const [download] = await Promise.all([page.waitForEvent('download', { timeout: 90_000 }), page.click(id)]);
      return [download.suggestedFilename(), await readFile(await download.path())];
    };
    const [svgName, svg] = await saved('#save-svg');
    assert.match(svgName, /umaze.*\.svg$/);
    assert.match(svg.toString(), /^<svg[\s\S]*<\/svg>\s*$/);
    const [, png] = await saved('#save-png');
    assert.equal(png.subarray(1, 4).toString(), 'PNG');
    const [, json] = await saved('#save-json');
    assert.deepEqual(JSON.parse(json), await trace(page));
    const [, gif] = await saved('#save-gif');
    assert.equal(gif.subarray(0, 6).toString(), 'GIF89a');
    console.log(`saved: SVG ${svg.length}, PNG ${png.length}, JSON ${json.length}, GIF ${gif.length} bytes`);
  }));

test('weights can be brought as a file, and are checked', async () => {
  const medium = await readFile(join(DIST, build(DIST).files['weights/maze2d-medium-v1.safetensors'].file));
  const [whole, cut] = ['whole', 'cut'].map((name) => join(tmpdir(), `diar-${process.pid}-${name}.safetensors`));
  await writeFile(whole, medium);
  await writeFile(cut, medium.subarray(0, 100_000));
  try {
    await visit(site.url, {}, async (page) => {
      await ready(page);
      await page.setInputFiles('#bring', whole);
      await until(page, () => JSON.parse(window.__diar.trace())?.task === 'maze2d-medium-v1');
      await ready(page);
      await click(page, '#step-decision');
      assert.notEqual((await decision(page, 0)).outcome, null);
      await page.setInputFiles('#bring', cut);
      await statusWhere(page, (now) => now.worker === 'failed');
      assert.match(await page.textContent('#error'), /safetensors/);
    });
  } finally {
    await rm(whole, { force: true });
    await rm(cut, { force: true });
  }
});

test('axe finds nothing to complain about, in light and dark, wide and narrow', async () => {
  for (const colorScheme of ['light', 'dark']) {
    for (const viewport of [{ width: 1280, height: 900 }, { width: 390, height: 844 }]) {
      await visit(site.url, { colorScheme, viewport }, async (page) => {
        await predicted(page);
        await page.click('#claim-tour');
        await page.selectOption('#compare', 'revaluation');
        await statusWhere(page, (now) => now.rival?.finished);
        // The page's policy forbids scripts from elsewhere; this one comes from the test.
        await page.evaluate(await readFile(AXE, 'utf8'));
        const { violations } = await page.evaluate(() => window.axe.run());
        const words = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((n) => n.html.slice(0, 160)).join(' | ')}`);
        assert.deepEqual(words, [], `${colorScheme}, ${viewport.width} px`);
      });
    }
  }
});
