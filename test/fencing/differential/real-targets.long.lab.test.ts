/**
 * The emulated target against LIO and against tgt: random service actions from three nexuses, and
 * nothing differs but what README.md lists. And what libiscsi's own suite says of both.
 */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { extraSession } from '../../lab/extra-session.ts';
import { KernelLab, repositoryRoot } from '../../lab/kernel/index.ts';
import { startTgt, TGT_LUN, TGT_NAME, TGT_PORTAL } from '../../lab/userland-target.ts';
import { conformance } from './conformance.ts';

const long = process.env['HOLDFAST_LONG'] === '1';
const SEQUENCES = long ? 300 : 30;
const COMMANDS = 40;
/** No sequence begins later: a busy machine does fewer of them. */
const SECONDS = long ? 400 : 40;
const LIMIT_MS = 580_000;
const RUNNER = `${repositoryRoot}/test/fencing/differential/runner.ts`;

/** No READ FULL STATUS; who gives a reservation up is told so itself. */
const TGT_FAILS = [
  'PrinServiceactionRange.Range',
  ...['EA', 'WE', 'EARO', 'WERO'].map((type) => `ProutReserve.Ownership${type}`),
];

type Report = {
  readonly sequences: number;
  readonly steps: number;
  readonly sent: number;
  readonly slowest: object;
  readonly known: Readonly<Record<string, number>>;
  readonly unknown: readonly object[];
};

if (!long) {
  process.stderr.write('long form only (npm test -- --long): random service actions on tgt\n');
}
const lab = new KernelLab();

beforeAll(async () => {
  await lab.up({ nodes: 3, luns: 2, lunSizeMb: 64, memoryMb: 256 });
  // Their names are used by the extra sessions of the first machine.
  await Promise.all([2, 3].map((id) => lab.guest(id).powerOff()));
});
afterAll(() => lab.down());

async function compared(target: 'lio' | 'tgt', devices: readonly string[]): Promise<Report> {
  const argv = ['node', RUNNER, target, SECONDS, SEQUENCES, COMMANDS, ...devices];
  const output = await lab.guest(1).ok(argv.join(' '), LIMIT_MS);
  const report = JSON.parse(output) as Report;
  const { unknown, ...counts } = report;
  process.stderr.write(`${JSON.stringify(counts)}, ${unknown.length} not listed\n`);
  return report;
}

const other = (id: number) => `iqn.2026-01.lab:node${id}`;

function without(program: string): boolean {
  const missing = !existsSync(`/usr/sbin/${program}`) && !existsSync(`/usr/bin/${program}`);
  if (missing) process.stderr.write(`not run: ${program} is not installed\n`);
  return missing;
}

describe('LIO', () => {
  it(`up to ${SEQUENCES} sequences of ${COMMANDS} service actions: only listed differences`, async () => {
    const first = (await lab.guest(1).ok('readlink -f /dev/lab/lun0')).trim();
    const devices = [first];
    for (const id of [2, 3]) {
      devices.push(await extraSession(lab.guest(1), { initiator: other(id), lun: 0 }));
    }
    const { steps, unknown } = await compared('lio', devices);
    expect(unknown).toEqual([]);
    expect(steps).toBeGreaterThan(COMMANDS);
  });

  it.skipIf(without('iscsi-test-cu'))('passes the suites of libiscsi', async () => {
    const verdicts = await conformance(lab, 'iscsi://10.99.0.10:3260/iqn.2026-01.lab:san/1');
    expect(verdicts.filter(({ passed }) => !passed)).toEqual([]);
    expect(verdicts.length).toBeGreaterThan(15);
  });
});

describe.skipIf(without('tgtd'))('tgt', () => {
  beforeAll(() => startTgt(lab.storage));

  it.skipIf(!long)(
    `up to ${SEQUENCES} sequences of ${COMMANDS} service actions: only listed differences`,
    async () => {
      const devices: string[] = [];
      for (const id of [1, 2, 3]) {
        const session = { initiator: other(id), lun: TGT_LUN, portal: TGT_PORTAL };
        devices.push(await extraSession(lab.guest(1), session));
      }
      const { steps, unknown } = await compared('tgt', devices);
      expect(unknown).toEqual([]);
      expect(steps).toBeGreaterThan(COMMANDS);
    },
  );

  it.skipIf(without('iscsi-test-cu'))('fails the tests of libiscsi that are listed', async () => {
    const verdicts = await conformance(lab, `iscsi://${TGT_PORTAL}/${TGT_NAME}/${TGT_LUN}`);
    const failed = verdicts.filter(({ passed }) => !passed).map(({ test }) => test);
    expect(failed).toEqual(TGT_FAILS);
    expect(verdicts.length).toBeGreaterThan(15);
  });
});
