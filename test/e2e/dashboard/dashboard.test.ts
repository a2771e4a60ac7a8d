/**
 * The dashboard in a real browser on a running cluster: what it shows, what it does when the owner's
 * power is cut, what a keyboard can do, and what axe says. One story; each chapter leaves a whole
 * cluster to the next. With HOLDFAST_SCREENSHOTS=1 the pictures beside this file are taken anew.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type EmbeddedCluster, HOLDFAST, PATIENCE_MS } from '../../demo/embedded-cluster.ts';
import { GROUP, NODES } from '../../demo/embedded-config.ts';
import { ask } from '../../operator/unix-client.ts';
import { calmOf } from '../support/calm.ts';
import { endOf, LIMIT_MS, workspace } from '../support/workspace.ts';
import { chromiumPath, launch, violationsOf } from './browser.ts';

vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

if (chromiumPath === null) console.log('dashboard: not tested, there is no Chromium here');

const REASON = 'the fan of node1 is loud <b>&';

describe.runIf(chromiumPath !== null)('the dashboard', () => {
  let cluster: EmbeddedCluster;
  let browser: Browser;
  let page: Page;
  let link = '';
  let seenBy = '';
  let served: ChildProcess;
  const requests: string[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    cluster = await workspace();
    await cluster.start();
    const { owner } = await calmOf(cluster);
    seenBy = NODES.find((node) => node !== owner) ?? '';
    const argv = [HOLDFAST, '--socket', cluster.config.socketOf(seenBy), 'dashboard', '--json'];
    served = spawn(process.execPath, argv, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: cluster.environment,
    });
    link = await firstLine(served);
    browser = await launch();
    page = await browser.newPage({ viewport: { width: 1200, height: 1150 } });
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('request', (request) => requests.push(request.url()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(link);
    await page.getByRole('row', { name: new RegExp(`^${GROUP} serving`) }).waitFor();
  });

  afterAll(async () => {
    await browser?.close();
    served?.kill('SIGKILL');
    await cluster?.down();
  });

  const text = async (selector: string): Promise<string> =>
    (await page.locator(selector).textContent()) ?? '';

  /** The page must live on when the owner dies; on a busy machine the group may have come here. */
  async function ownedElsewhere(): ReturnType<typeof calmOf> {
    const now = await calmOf(cluster);
    if (now.owner !== seenBy) return now;
    const path = `/v1/groups/${GROUP}/move`;
    await ask(cluster.config.socketOf(seenBy), 'POST', path, { body: '{}' });
    await cluster.served({ not: seenBy, after: now.epoch });
    return await calmOf(cluster);
  }

  async function picture(name: string): Promise<void> {
    if (process.env['HOLDFAST_SCREENSHOTS'] !== '1') return;
    await page.screenshot({ path: join(import.meta.dirname, 'screenshots', `${name}.png`) });
  }

  test('shows who is there, over which interconnects, how far away, and who serves', async () => {
    expect(await text('#summary')).toMatch(/quorate, leader node\d; seen by node\d/);
    for (const node of NODES) await page.locator(`tr[data-node=${node}]`).waitFor();
    const other = NODES.find((node) => node !== seenBy);
    await page
      .locator(`tr[data-node=${other}]`)
      .getByText(/^\d+\.\d ms$/)
      .first()
      .waitFor();
    expect(await text('#history')).toContain('served by');
    expect(await page.locator('#chart svg rect').count()).toBeGreaterThan(0);
    expect(await text('#alarm')).toBe('');
    await picture('light');
  });

  test('says why a group is where it is', async () => {
    const { owner } = await calmOf(cluster);
    await page.getByRole('button', { name: `Why ${GROUP}` }).click();
    await page.getByRole('dialog', { name: `Why ${GROUP}` }).waitFor();
    expect(await text('#dialog-body')).toContain(`${GROUP} is served by ${owner}`);
    await picture('why');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
  });

  test.each(['light', 'dark'] as const)('has nothing that axe objects to, %s', async (theme) => {
    await page.getByLabel('Colours').selectOption(theme);
    await page.getByText('The figures').click();
    expect(await violationsOf(page)).toEqual([]);
    await page.getByRole('button', { name: `Move ${GROUP}` }).click();
    await page.getByRole('dialog').waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByText('The figures').click();
    if (theme === 'dark') await picture('dark');
  });

  test('control: axe finds a button without a name and words without contrast', async () => {
    const other = await browser.newPage();
    await other.setContent(
      '<html lang="en"><title>t</title><main><h1>h</h1><button></button>' +
        '<p style="color:#bbb;background:#fff">pale</p></main>',
    );
    const found = (await violationsOf(other)).map(({ id }) => id);
    expect(found).toEqual(expect.arrayContaining(['button-name', 'color-contrast']));
    await other.close();
  });

  test('shows a failover as it happens, and its chart', async () => {
    const { owner, epoch } = await ownedElsewhere();
    cluster.powerOff(owner);
    await page.locator(`tr[data-node=${owner}]`).getByText('dead').first().waitFor();
    await picture('failover');
    const next = await cluster.served({ not: owner, after: epoch });
    await page
      .getByRole('row', { name: new RegExp(`^${GROUP} serving ${next.node} ${next.epoch} `) })
      .waitFor();
    await page
      .locator('#chart svg', { hasText: `failover from ${owner} to ${next.node}` })
      .waitFor();
    await page.locator('#chart svg text', { hasText: /^serve$/ }).waitFor();
    await page.locator('#history li', { hasText: 'failover:' }).first().waitFor();
    await picture('after');
    cluster.startDaemon(owner);
    await cluster.rejoined(owner);
  });

  test('moves a group by keyboard alone, after a confirmation, and keeps the reason', async () => {
    const { owner, epoch } = await calmOf(cluster);
    const button = page.getByRole('button', { name: `Move ${GROUP}` });
    await button.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: `Move ${GROUP}` });
    await dialog.waitFor();
    expect(await page.locator(':focus').textContent()).toBe('Cancel');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    expect((await cluster.served()).epoch).toBe(epoch);

    await button.focus();
    await page.keyboard.press('Enter');
    await dialog.waitFor();
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.type(REASON);
    await picture('move');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    expect(await page.locator(':focus').textContent()).toBe('Move it');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    const next = await cluster.served({ not: owner, after: epoch });
    await page
      .locator('#history li', { hasText: `because ${REASON}` })
      .first()
      .waitFor();
    expect(await text('#history')).toMatch(/released by .* \(uid \d+\), because/);
    await page.getByText(`served by ${next.node}`).first().waitFor();
  });

  test('loads nothing from elsewhere, and the browser has nothing to complain about', () => {
    const origin = new URL(link).origin;
    expect(requests.length).toBeGreaterThan(10);
    expect(requests.filter((url) => !url.startsWith(origin))).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('says that the daemon is gone, and comes back with it', async () => {
    cluster.powerOff(seenBy);
    await page.locator('#alarm', { hasText: 'DAEMON_UNREACHABLE' }).waitFor();
    cluster.startDaemon(seenBy);
    await cluster.rejoined(seenBy);
    await page.locator('#alarm:empty').waitFor({ state: 'attached' });
    await page.getByRole('row', { name: new RegExp(`^${GROUP} serving`) }).waitFor();
  });

  test('ends when it is interrupted', async () => {
    served.kill('SIGINT');
    expect(await endOf(served)).toBe(0);
  });
});

async function firstLine(child: ChildProcess): Promise<string> {
  const { stdout } = child;
  if (stdout === null) throw new Error('the dashboard has no output');
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the dashboard ended with ${code}`)));
  });
  return (JSON.parse(line) as { readonly link: string }).link;
}
