// Takes the pictures in docs/screenshots: `node screenshot.mjs [name…]`, once the page is in ../../dist.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { click, ready, status, statusWhere, trace, visit } from './page.mjs';
import { serve } from './server.mjs';

const ROOT = join(import.meta.dirname ?? '.', '../..');
const FOLDER = process.env.SCREENSHOTS ?? join(ROOT, 'docs/screenshots');
const WIDE = { width: 1360, height: 1020 };
const PHONE = { width: 390, height: 844 };

/// A decision that has just been predicted, some way into the run.
async function fan(page) {
  await click(page, '#restart');
  for (let decision = 0; decision < 3; decision++) await click(page, '#step-decision');
  while ((await trace(page)).decisions.at(-1).v_end === null) await click(page, '#step-part');
  await statusWhere(page, (now) => now.ways !== null);
}

/// Name, address, how the browser is set, and what is done before the picture.
const PICTURES = [
  ['page', 'large.html', { viewport: WIDE, colorScheme: 'light' }, fan],
  ['page-dark', 'large.html', { viewport: WIDE, colorScheme: 'dark' }, fan],
  ['phone', '', { viewport: PHONE, colorScheme: 'light', hasTouch: true }, fan],
  ['phone-dark', '', { viewport: PHONE, colorScheme: 'dark', hasTouch: true }, fan],
  ['tour', '', { viewport: WIDE, colorScheme: 'light' }, async (page) => {
    await page.click('#claim-tour');
    for (let step = 0; step < 5; step++) await page.click('#tour-next');
  }],
  ['compare', 'medium.html', { viewport: WIDE, colorScheme: 'light' }, async (page) => {
    await page.selectOption('#compare', 'revaluation');
    await statusWhere(page, (now) => now.rival?.finished, 120_000);
    await page.keyboard.press('End');
    while (!(await status(page)).finished) await click(page, '#step-decision');
  }],
  ['denoising', '', { viewport: WIDE, colorScheme: 'dark' }, async (page) => {
    await fan(page);
    await page.focus('#denoise');
    await page.keyboard.press('Home');
    await statusWhere(page, (now) => now.trail !== null);
    await page.keyboard.press('ArrowRight');
  }],
  ['whole', '', { viewport: WIDE, colorScheme: 'light', fullPage: true }, fan],
];

await mkdir(FOLDER, { recursive: true });
const site = await serve(process.env.DIAR_DIST ?? join(ROOT, 'dist'));
const wanted = process.argv.slice(2);
try {
  for (const [name, path, { fullPage = false, ...options }, prepare] of PICTURES) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    await visit(`${site.url}${path}`, options, async (page) => {
      await ready(page);
      await prepare(page);
      await page.evaluate(() => scrollTo(0, 0));
      await page.screenshot({ path: join(FOLDER, `${name}.png`), fullPage });
    });
  }
} finally {
  await site.close();
}
