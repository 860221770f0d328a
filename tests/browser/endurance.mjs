// How the page holds out: the time between frames while it plays, and its memory over many decisions.
// `node endurance.mjs [decisions]`, once the page is in ../../dist.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { ready, status, statusWhere, visit } from './page.mjs';
import { serve } from './server.mjs';

const DECISIONS = Number(process.argv[2] ?? 10_000);
const DIST = process.env.DIAR_DIST ?? join(import.meta.dirname ?? '.', '../../dist');

/// Megabytes that all renderers of the browser hold.
const memory = () => {
  const lines = execFileSync('ps', ['-eo', 'rss,args']).toString().split('\n').filter((line) => line.includes('--type=renderer'));
  return lines.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[0]), 0) / 1024;
};

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
    console.log(`large maze: ${(await status(page)).latency_ms?.toFixed(1)} ms per decision`);
  });
  await visit(site.url, {}, async (page) => {
    await ready(page);
    console.log(`decisions 0: ${memory().toFixed(0)} MB`);
    let [made, told] = [0, 0];
    for (let seed = 1; made < DECISIONS; seed++) {
      await page.fill('#seed', String(seed));
      await page.press('#seed', 'Enter');
      await ready(page);
      await page.locator('#maze').focus();
      for (let finished = false; !finished; ) {
        for (let i = 0; i < 5; i++) await page.keyboard.press('d');
        ({ finished } = await statusWhere(page, (now) => !now.computing));
      }
      made += await page.evaluate(() => JSON.parse(window.__diar.trace()).decisions.length);
      if (made - told >= DECISIONS / 10) {
        told = made;
        console.log(`decisions ${made}: ${memory().toFixed(0)} MB; ${(await status(page)).latency_ms.toFixed(1)} ms per decision`);
      }
    }
  });
} finally {
  await site.close();
}
