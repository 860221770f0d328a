// Opening the page as a person would: in a browser of its own, with a fresh profile.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/// What the browser offers: no adapter, as on a machine without a GPU, or software rendering.
const GPU = {
  none: [],
  software: ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
};

/// A name for this machine that is not `localhost`: a page served under it, in plain http, gets no WebGPU and no
/// clipboard.
export const INSECURE = 'page.test';

/// Settings of the browser under which sites keep nothing: cookies, storage, caches and service workers are blocked.
export const BLOCKED = { profile: { default_content_setting_values: { cookies: 2 } } };

/// Runs `journey(page)` in a fresh browser, which is closed whatever happens, and gives what it gives. `preferences` are
/// the browser's own settings.
///
/// Motion is reduced unless told otherwise: then the page plays nothing that was not asked for.
export async function visit(url, { gpu = 'none', args = [], preferences = {}, ...options }, journey) {
  const profile = await mkdtemp(join(tmpdir(), 'diar-journey-'));
  await mkdir(join(profile, 'Default'));
  await writeFile(join(profile, 'Default', 'Preferences'), JSON.stringify(preferences));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...FLAGS, ...GPU[gpu], ...args, `--host-resolver-rules=MAP ${INSECURE} 127.0.0.1`],
    permissions: ['clipboard-read', 'clipboard-write'],
    reducedMotion: 'reduce',
    // It would answer requests that a journey means to catch.
    serviceWorkers: 'block',
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  const thrown = [];
  let result;
  try {
    const page = context.pages()[0] ?? (await context.newPage());
    page.setDefaultTimeout(30_000);
    page.on('pageerror', (error) => thrown.push(String(error)));
    await page.goto(url);
    result = await journey(page);
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
  if (thrown.length > 0) throw new Error(`the page threw: ${thrown.join('; ')}`);
  return result;
}

/// The trace on display, or null.
export const trace = async (page) => JSON.parse(await page.evaluate(() => window.__diar.trace()));

/// What the page is doing.
export const status = async (page) => JSON.parse(await page.evaluate(() => window.__diar.status()));

/// A page that is being left for another address answers nothing; the next one will.
const left = (error) => {
  if (!/context was destroyed|navigation/i.test(error.message)) throw error;
};

/// Waits until something holds in the page. (Playwright's own waiting evaluates text in the page, which its policy forbids.)
export async function until(page, holds, argument, timeout = 60_000) {
  const end = performance.now() + timeout;
  while (!(await page.evaluate(holds, argument).catch(left))) {
    if (performance.now() > end) throw new Error(`the page never came to ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/// Waits until the page's status meets a condition.
export async function statusWhere(page, condition, timeout = 60_000) {
  const end = performance.now() + timeout;
  for (;;) {
    const now = JSON.parse((await page.evaluate(() => window.__diar?.status()).catch(left)) ?? '{}');
    if (condition(now)) return now;
    if (performance.now() > end) throw new Error(`the page never came to ${condition}; it is at ${JSON.stringify(now)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/// Waits until decisions can be computed, and their run is on display.
export const ready = (page) =>
  statusWhere(page, (now) => now.worker === 'ready' && now.source === 'computed' && !now.computing);

/// Clicks, and waits until what was asked for is computed.
export async function click(page, id) {
  await page.click(id);
  return statusWhere(page, (now) => !now.computing, 120_000);
}

/// The page decides, for real.
export async function decides(page) {
  await ready(page);
  await click(page, '#step-decision');
  assert.notEqual((await trace(page)).decisions[0].outcome, null);
}
