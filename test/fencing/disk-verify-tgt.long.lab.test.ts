/**
 * `holdfast disk verify` on tgt, a real target that lacks and breaks some of what fencing needs: each
 * of its known faults has to be found: no PREEMPT AND ABORT, no APTPL, and five opcodes with which a
 * machine that is not registered still writes.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../lab/kernel/index.ts';
import { NativeLab } from '../lab/native/native-lab.ts';

const DISK = '/dev/lab/lun0';
const NODE = `${repositoryRoot}/node_modules/.bin/node`;
const HOLDFAST = `${NODE} ${repositoryRoot}/src/holdfast.js`;
const WIRE = `${NODE} ${repositoryRoot}/test/fencing/wire.ts`;
const PATIENCE_MS = 240_000;

type Finding = { readonly check: string; readonly outcome: string; readonly seen: string };

type Report = { readonly verdict: string; readonly findings: readonly Finding[] };

const lab = new NativeLab();

beforeAll(async () => {
  await lab.up({ nodes: 2, luns: 1, lunSizeMb: 64 });
});
afterAll(async () => {
  await lab.down();
});

describe('holdfast disk verify on tgt', () => {
  it('finds what tgt lacks, and says that it must not be trusted', async () => {
    const [first, second] = [lab.guest(1), lab.guest(2)];
    await second.ok(
      `(${WIRE} listen 7799 ${HOLDFAST} disk attend ${DISK} >/run/attend 2>&1 &)
       for i in $(seq 300); do sleep 0.1; grep -qs listening /run/attend && break; done`,
      PATIENCE_MS,
    );
    const command = `${HOLDFAST} --json disk verify ${DISK} --scratch`;
    const far = `--with-command '${WIRE} connect 10.99.1.12 7799'`;
    const { output } = await first.exec(`${command} ${far} 2>&1`, PATIENCE_MS);
    const last = output.trim().split('\n').at(-1) ?? '';
    expect(last, output).toMatch(/^\{.*"verdict"/);
    const { findings, verdict } = JSON.parse(last) as Report;
    const besides = findings.filter(({ outcome }) => outcome !== 'works');
    expect(besides.map(({ check, outcome }) => `${check}: ${outcome}`)).toEqual(
      expect.arrayContaining([
        'power loss (APTPL): limited',
        'PREEMPT AND ABORT: limited',
        'WRITE SAME (10): unfit',
        'WRITE SAME (16): unfit',
        'WRITE AND VERIFY (10): unfit',
        'WRITE AND VERIFY (16): unfit',
        'ORWRITE (16): unfit',
      ]),
    );
    // What tgt does hold to: the reservation itself, and ordinary writes.
    const works = findings.filter(({ outcome }) => outcome === 'works').map(({ check }) => check);
    expect(works).toEqual(expect.arrayContaining(['registration', 'one holder', 'PREEMPT']));
    expect(works).toEqual(expect.arrayContaining(['WRITE (10)', 'WRITE (16)', 'refused write']));
    expect(verdict).toBe('unfit');
  });
});
