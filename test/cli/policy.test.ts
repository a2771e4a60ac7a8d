/** `plan`, `apply`, `drain` and `drill` with the words of a shell, against a daemon that is all answers. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { exitCodeOf } from '../../src/cli/exit-codes.ts';
import { createProgram } from '../../src/cli/program.ts';
import { QUORATE } from '../operator/fake-daemon.ts';
import { answeringDaemon } from './answering.ts';

const here = answeringDaemon();

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** In this process: a child for each would take longer than everything that is tested here. */
async function ask(...args: string[]): Promise<Ended> {
  let [code, stdout, stderr] = [-1, '', ''];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    stdout += String(chunk);
    return true;
  });
  const writeError = vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    stderr += String(chunk);
    return true;
  });
  try {
    const ended = (status: number): void => {
      code = status;
    };
    const noDaemon = () => Promise.reject(new Error('no daemon is started here'));
    const program = createProgram('0.1.0', ended, noDaemon);
    await program.parseAsync([...args, '--socket', here.socket], { from: 'user' });
  } catch (error) {
    code = exitCodeOf(error);
    stderr += `${String(error)} ${JSON.stringify(error)}`;
  } finally {
    write.mockRestore();
    writeError.mockRestore();
  }
  return { code, stdout, stderr };
}

const verbs = (): readonly unknown[] => here.daemon.asked.map(([verb]) => verb);
const file = (name: string, text: string): string => {
  const path = join(here.directory, name);
  writeFileSync(path, text);
  return path;
};

describe('plan', () => {
  it('says what would happen and why, and asks for nothing else', async () => {
    const { code, stdout } = await ask('plan', '--if', 'n1 dies');
    expect(code).toBe(0);
    expect(stdout).toContain('1. web goes from n1 to n2, as failover\n   because: ');
    expect(stdout).toContain('   n3: fit');
    expect(stdout).toContain('in the end:\n  web: n2\n');
    expect(verbs()).toEqual(['plan']);
  });

  it('of what is not understood is a matter of usage', async () => {
    const { code, stderr } = await ask('plan', '--if', 'the roof burns');
    expect(code).toBe(2);
    expect(stderr).toContain('BAD_SUPPOSITION');
  });

  it('answers without a daemon from what was kept', async () => {
    const kept = join(here.directory, 'status.json');
    expect((await ask('plan', '--save', kept)).code).toBe(0);
    await here.stop();
    const { code, stdout } = await ask('plan', '--from', kept, '--if', 'n1 dies', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, data: { owners: { web: 'n2' } } });
    writeFileSync(kept, readFileSync(kept, 'utf8').replace('"usedNames"', '"usedNumbs"'));
    expect((await ask('plan', '--from', kept)).code).toBe(5);
  });
});

describe('apply', () => {
  const NEW = 'groups:\n  - { name: mail, resources: [], preferred: [node1] }\n';

  it('shows the difference, and makes it', async () => {
    const { code, stdout } = await ask('apply', '-f', file('g.yaml', NEW));
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: '+ group mail\n    new, with no resources\ndone\n',
    });
    const dry = here.daemon.asked.flatMap(([verb, asked]) =>
      verb === 'apply' ? [(asked as { dryRun: boolean }).dryRun] : [],
    );
    expect(dry).toEqual([true, false]);
  });

  it('with --dry-run only shows it', async () => {
    expect((await ask('apply', '-f', file('g.yaml', NEW), '--dry-run')).code).toBe(0);
    expect(verbs()).toEqual(['status', 'apply']);
  });

  it('refuses what would interrupt service, and does it with --yes', async () => {
    const path = file('g.yaml', 'groups:\n  - { name: web, resources: [] }\n');
    const refused = await ask('apply', '-f', path);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain('~ group web  INTERRUPTS SERVICE\n    resource disk: gone\n');
    expect(refused.stderr).toContain('WOULD_INTERRUPT');
    expect((await ask('apply', '-f', path, '--yes')).code).toBe(0);
  });

  it('says everything that is wrong with the file, and asks for nothing', async () => {
    const { code, stdout } = await ask('apply', '-f', file('g.yaml', 'groops: []\n'));
    expect(code).toBe(5);
    expect(stdout).toContain('did you mean "groups"?');
    expect(verbs()).toEqual(['status']);
  });

  it('rolls back', async () => {
    expect((await ask('apply', '--rollback', 'web', '--revision', '2')).code).toBe(0);
    expect(here.daemon.asked[0]).toEqual([
      'rollback',
      { group: 'web', revision: 2, dryRun: true, yes: false },
      expect.any(String),
    ]);
    expect((await ask('apply')).code).toBe(2);
  });
});

describe('drain', () => {
  it('waits until the node carries nothing', async () => {
    const { code, stdout } = await ask('drain', 'node3');
    expect(code).toBe(0);
    expect(stdout).toContain('node3 is in standby and carries nothing');
  });

  it('says what the node still carries when it takes too long', async () => {
    here.daemon.clusterStatus = {
      ...QUORATE,
      groups: QUORATE.groups.map((one) => ({ ...one, why: 'NO_FIT_NODE: node3: in standby' })),
    };
    const { code, stderr } = await ask('drain', 'node2', '--timeout', '500ms');
    expect(code).toBe(6);
    expect(stderr).toContain('ledger (NO_FIT_NODE: node3: in standby)');
    expect(stderr.split('\n').filter((line) => line.startsWith('node2 still carries'))).toEqual([
      'node2 still carries ledger (NO_FIT_NODE: node3: in standby)',
    ]);
    const { stderr: silent } = await ask('--json', 'drain', 'node2', '--timeout', '500ms');
    expect(silent).not.toContain('still carries');
  });
});

describe('drill', () => {
  it('that is never served ends with its limit', async () => {
    const { code, stderr } = await ask('drill', 'ledger', 'node1', '--timeout', '500ms');
    expect(code).toBe(6);
    expect(stderr).toMatch(/^ledger: \w+ on node/);
    expect(here.daemon.asked).toContainEqual([
      'move',
      { group: 'ledger', to: 'node1', wishMs: 0 },
      expect.any(String),
    ]);
  });

  it('holds the failover against the budget', async () => {
    here.daemon.servesAfterMove = true;
    const slow = await ask('drill', 'ledger', '--within', '1ms');
    expect(slow.code).toBe(1);
    expect(slow.stdout).toContain('its budget is 1 ms');
    expect(slow.stderr).toContain('BUDGET_EXCEEDED');
  });
});
