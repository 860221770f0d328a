// How long the page takes to be there, in a fresh browser: `node loading.mjs`, once the page is in ../../dist.
//
// Files come packed, as from a good host, over this machine's loopback or what is made to look like a slow phone's network.

import { join } from 'node:path';

import { visit } from './page.mjs';
import { serve } from './server.mjs';

const DIST = process.env.DIAR_DIST ?? join(import.meta.dirname ?? '.', '../../dist');
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const NETWORKS = {
  'no limit': null,
  '1.6 Mbit/s, 150 ms': { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 93_750 },
};

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

/// Milliseconds since the page was asked for, until it meets a condition.
async function until(page, holds) {
  for (;;) {
    const now = await page.evaluate(holds).catch(() => false);
    if (now) return now;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function load(url, network) {
  const times = {};
  await visit('about:blank', {}, async (page) => {
    if (network) {
      const browser = await page.context().newCDPSession(page);
      await browser.send('Network.enable');
      await browser.send('Network.emulateNetworkConditions', network);
    }
    await page.goto(url, { waitUntil: 'commit' });
    times['first paint'] = await until(page, () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
    const state = (key, value) => until(page, `JSON.parse(window.__diar?.status() ?? '{}').${key} === '${value}' && performance.now()`);
    times['a run to watch, controls that answer'] = await state('source', 'recorded');
    times['decides itself'] = await state('worker', 'ready');
  });
  return times;
}

const site = await serve(DIST, {}, { compress: true });
try {
  // Packing takes longer than the network.
  await load(site.url, null);
  for (const [name, network] of Object.entries(NETWORKS)) {
    const rounds = [];
    for (let round = 0; round < ROUNDS; round++) rounds.push(await load(site.url, network));
    console.log(`${name}, ${ROUNDS} times:`);
    for (const what of Object.keys(rounds[0])) {
      const times = rounds.map((round) => round[what]);
      const [least, middle, most] = [Math.min(...times), median(times), Math.max(...times)];
      console.log(`  ${what}: ${middle.toFixed(0)} ms (${least.toFixed(0)} to ${most.toFixed(0)})`);
    }
  }
} finally {
  await site.close();
}
