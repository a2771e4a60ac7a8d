/** Debian's Chromium under playwright-core; nothing is downloaded, and it asks nobody anything. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** null: there is none on this machine. */
export const chromiumPath = CHROMIUM.find((path) => existsSync(path)) ?? null;

export async function launch(): Promise<Browser> {
  if (chromiumPath === null) throw new Error('no Chromium: apt-get install chromium');
  return await chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

export type Violation = { readonly id: string; readonly targets: string };

/** What axe finds against WCAG 2.2, levels A and AA, and its own best practices. */
export async function violationsOf(page: Page): Promise<readonly Violation[]> {
  await page.evaluate(readFileSync(AXE, 'utf8'));
  return await page.evaluate(async () => {
    type Axe = {
      run(): Promise<{ violations: { id: string; nodes: { target: string[]; html: string }[] }[] }>;
    };
    const { violations } = await (globalThis as unknown as { axe: Axe }).axe.run();
    return violations.map(({ id, nodes }) => {
      return { id, targets: nodes.map(({ target, html }) => `${target} ${html}`).join('; ') };
    });
  });
}
