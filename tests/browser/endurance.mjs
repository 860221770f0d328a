// How the page holds out: the time between frames while it plays, the time of a decision, and its memory over many.
// `node endurance.mjs [decisions]`, once the page is in ../../dist.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { ready, status, statusWhere, visit } from './page.mjs';
import { serve } from './server.mjs';

const DECISIONS = Number(process.argv[2] ?? 10_000);
const DIST = process.env.DIAR_DIST ?? join(import.meta.dirname ?? '.', '../../dist');

/// What is held once garbage is collected: by all renderers of the browser, by scripts, in the document.
const memory = async (page) => {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters');
  await session.detach();
  const lines = execFileSync('ps', ['-eo', 'rss,args']).toString().split('\n').filter((line) => line.includes('--type=renderer'));
  const renderers = lines.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[0]), 0) / 1024;
  return `${renderers.toFixed(0)} MB; scripts ${(usedSize / 1e6).toFixed(2)} MB, ${nodes} nodes, ${jsEventListeners} listeners`;
};

/// Plays an episode, so many decisions between two looks at the page.
async function play(page, seed, decisions) {
  await page.fill('#seed', String(seed));
  await page.press('#seed', 'Enter');
  await ready(page);
  await page.locator('#maze').focus();
  for (let finished = false; !finished; ) {
    for (let i = 0; i < decisions; i++) await page.keyboard.press('d');
    ({ finished } = await statusWhere(page, (now) => !now.computing));
  }
}

/// Milliseconds per decision of the episode just played: all that the worker did in it.
const latency = async (page) => (await status(page)).latency_ms.toFixed(1);

const site = await serve(DIST);
try {
  await visit(`${site.url}large.html`, { reducedMotion: 'no-preference' }, async (page) => {
    await ready(page);
    if (!(await status(page)).playing) await page.click('#play');
    const gaps = await page.evaluate(
      () =>
        new Promise((resolve) => {
          const gaps = [];
          let last = performance.now();
          const frame = (now) => {
            gaps.push(now - last);
            last = now;
            if (gaps.length < 600) requestAnimationFrame(frame);
            else resolve(gaps);
          };
          requestAnimationFrame(frame);
        }),
    );
    const sorted = gaps.slice(1).sort((a, b) => a - b);
    const at = (part) => sorted[Math.floor(part * (sorted.length - 1))].toFixed(1);
    console.log(`between frames while playing, ms: median ${at(0.5)}, 95 % ${at(0.95)}, 99 % ${at(0.99)}, longest ${at(1)}`);
    console.log(`large maze, while it plays: ${await latency(page)} ms per decision`);
  });
  for (const name of ['large.html', 'medium.html', '']) {
    await visit(`${site.url}${name}`, {}, async (page) => {
      await ready(page);
      const episodes = [];
      for (let seed = 1; seed <= 6; seed++) {
        await play(page, seed, 1);
        episodes.push(await latency(page));
      }
      console.log(`${name || 'index.html'}, stepped, ms per decision in six episodes: ${episodes.join(', ')}`);
    });
  }
  await visit(site.url, {}, async (page) => {
    await ready(page);
    console.log(`decisions 0: ${await memory(page)}`);
    let [made, told] = [0, 0];
    for (let seed = 1; made < DECISIONS; seed++) {
      await play(page, seed, 5);
      made += await page.evaluate(() => JSON.parse(window.__diar.trace()).decisions.length);
      if (made - told >= DECISIONS / 10 || made >= DECISIONS) {
        told = made;
        console.log(`decisions ${made}: ${await memory(page)}; ${await latency(page)} ms per decision`);
      }
    }
  });
} finally {
  await site.close();
}
