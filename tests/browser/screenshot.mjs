// Takes the picture of the page in the README: `node screenshot.mjs`, once the page is in ../../dist.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { click, ready, trace, visit } from './page.mjs';
import { serve } from './server.mjs';

const ROOT = join(import.meta.dirname ?? '.', '../..');
const FOLDER = join(ROOT, 'docs/screenshots');

await mkdir(FOLDER, { recursive: true });
const site = await serve(process.env.DIAR_DIST ?? join(ROOT, 'dist'));
try {
  await visit(site.url, { viewport: { width: 1280, height: 1000 }, colorScheme: 'light' }, async (page) => {
    await ready(page);
    await click(page, '#restart');
    // Far enough for a few plans to have been dropped, but not to the goal.
    for (let i = 0; i < 4; i++) await click(page, '#step-decision');
    while ((await trace(page)).decisions.at(-1).v_end === null) await click(page, '#step-part');
    await page.screenshot({ path: join(FOLDER, 'page.png') });
  });
} finally {
  await site.close();
}
