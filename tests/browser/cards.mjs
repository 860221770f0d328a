// Makes the pictures that links are shown with, from the figures of the documentation: `node cards.mjs`.

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { visit } from './page.mjs';

const ROOT = join(import.meta.dirname ?? '.', '../..');
const FOLDER = join(ROOT, 'web/assets/cards');
const CARDS = {
  umaze: 'watch an agent change its mind',
  medium: 'in the medium maze',
  large: 'in the large maze',
};

const card = (words, figure) => `<!doctype html>
<style>
  body { margin: 0; width: 1200px; height: 630px; box-sizing: border-box; padding: 48px 50px 40px; background: #fff;
    display: flex; flex-direction: column; font-family: system-ui, sans-serif; color: #1b1e22; }
  h1 { margin: 0; font-size: 58px; line-height: 1.1; }
  h1 span { color: #d9480f; }
  p { margin: 14px 0 0; font-size: 26px; color: #555; }
  div { flex: 1; display: flex; align-items: center; }
  svg { width: 1100px; height: auto; max-height: 370px; }
</style>
<h1>DIAR <span>·</span> ${words}</h1>
<p>It samples plans, follows the best one, and drops it when the world turns out better.</p>
<div>${figure}</div>`;

await mkdir(FOLDER, { recursive: true });
for (const [maze, words] of Object.entries(CARDS)) {
  const figure = await readFile(join(ROOT, `docs/figures/paths-${maze}.svg`), 'utf8');
  await visit('about:blank', { viewport: { width: 1200, height: 630 } }, async (page) => {
    await page.setContent(card(words, figure));
    await page.screenshot({ path: join(FOLDER, `${maze}.png`) });
  });
}
