/** A mail server on the image of a disk at one moment of its load: `mail-runner.ts` in namespaces of its own. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { noNetworks } from '../system/support/privilege.ts';
import { noCrashImages } from './support/crash-stage.ts';
import { whyNoMailServer } from './support/mail-server.ts';
import { detachLoops, reportsOf } from './support/namespaced.ts';

const RUNNER = fileURLToPath(new URL('../contract/mail-runner.ts', import.meta.url));
const TIMEOUT_MS = 120_000;

const reason = noNetworks ?? noCrashImages() ?? whyNoMailServer();
if (reason !== null) process.stderr.write(`the mail server is not tested: ${reason}\n`);
const directory = mkdtempSync(join(tmpdir(), 'holdfast-mail-'));
chmodSync(directory, 0o755);
const reports = reason === null ? await reportsOf(RUNNER, [directory], TIMEOUT_MS) : [];

afterAll(() => {
  if (reason === null) detachLoops(directory);
  rmSync(directory, { recursive: true, force: true });
});

describe.skipIf(reason !== null)('a mail server whose owner loses its power', () => {
  it('was tried, and so was the control', () => {
    expect(reports).toHaveLength(2);
  });

  it.each(reports)('$name', ({ error }) => {
    expect(error).toBeNull();
  });
});
