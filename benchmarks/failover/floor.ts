/**
 * The floor of a run: how fast this machine takes over when nobody has to find out or to agree. The
 * old owner falls silent, and in the same moment a warm standby is told to take over by hand
 * (`hand.ts`). What is left is disk, mount, address and application, on the same laboratory.
 *
 * The cluster must be stopped. Its disk is left with keys that are not its own.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../test/lab/kernel/index.ts';
import type { Lab, Machine } from '../../test/lab/lab.ts';
import { FLOATING_IP, FLOATING_MAC, LEDGER_PORT, MOUNT_POINT } from '../../test/lab/lab-config.ts';
import { spread } from '../quantile.ts';
import { longestSilenceMs } from './answers.ts';
import type { HandWork } from './hand.ts';
import type { Prober } from './prober.ts';

export type Floor = {
  /** Outages as the client saw them. */
  readonly runs: readonly number[];
  /** Medians of the steps; disk and mount run beside the address. */
  readonly stepsMs: Readonly<Record<string, number>>;
};

export type FloorOptions = {
  readonly lab: Lab;
  readonly prober: Prober;
  readonly answerer: string;
  readonly startMs: number;
  readonly prestart: boolean;
  readonly runs: number;
  readonly say: (line: string) => void;
};

/** Above every epoch that the cluster has given. */
const FIRST_EPOCH = 1_000_000;
/** The two nodes that take over from each other. */
const HANDS = [1, 2] as const;

export async function floor(options: FloorOptions): Promise<Floor> {
  const { lab, prober, say } = options;
  const runs: number[] = [];
  const steps: Record<string, number>[] = [];
  let owner: Machine | undefined;
  // What faults have left behind (a write that was aborted, a mount that is coming off) goes with the power.
  for (const id of HANDS) {
    await lab.guest(id).powerOff();
    await lab.boot(id);
  }
  for (let i = 0; i <= options.runs; i += 1) {
    const next = lab.guest(HANDS[i % 2] ?? 1);
    const epoch = FIRST_EPOCH + i;
    await makeReady(next, workOf(options, epoch));
    if (owner !== undefined) prober.forget();
    const answered = prober.waitFor((a) => a.epoch === epoch, 20, 'the takeover by hand answers');
    owner?.freeze();
    writeFileSync(join(next.share, 'go'), '');
    await answered;
    if (owner !== undefined) {
      runs.push(longestSilenceMs(prober.answers));
      owner.thaw();
      await leave(owner);
      const told = (await next.ok('cat /lab/steps.json')).trim();
      steps.push(JSON.parse(told) as Record<string, number>);
      say(`by hand ${i}/${options.runs}: ${runs.at(-1)?.toFixed(0)} ms ${told}`);
    }
    owner = next;
  }
  const names = Object.keys(steps[0] ?? {});
  const median = (name: string): number => spread(steps.flatMap((one) => one[name] ?? [])).p50;
  return { runs, stepsMs: Object.fromEntries(names.map((name) => [name, median(name)])) };
}

function workOf({ answerer, startMs, prestart }: FloorOptions, epoch: number): HandWork {
  const place = [FLOATING_IP, String(LEDGER_PORT), MOUNT_POINT];
  return {
    key: epoch,
    device: '/dev/lab/lun0',
    directory: MOUNT_POINT,
    address: FLOATING_IP,
    port: LEDGER_PORT,
    mac: FLOATING_MAC,
    argv: [answerer, ...place, String(startMs), ...(prestart ? ['prestart'] : [])],
    prestart,
    environment: { HOLDFAST_NODE: 'hand', HOLDFAST_EPOCH: String(epoch) },
  };
}

async function makeReady(machine: Machine, work: HandWork): Promise<void> {
  for (const name of ['go', 'ready', 'steps.json']) {
    rmSync(join(machine.share, name), { force: true });
  }
  const text = JSON.stringify(work);
  const program = '$HOLDFAST_ROOT/benchmarks/failover/hand.ts';
  await machine.ok(`setsid node ${program} '${text}' </dev/null >>/lab/hand.log 2>&1 &`);
  await until(async () => (await machine.exec('test -e /lab/ready')).status === 0, {
    what: `${machine.name} is ready to take over by hand`,
    limitMs: 30_000,
  });
}

/** The old owner's mount is of a disk that refuses it: it is taken off the tree. */
async function leave(machine: Machine): Promise<void> {
  await machine.exec(
    `pkill -KILL -x answerer; umount -l ${MOUNT_POINT}; ip link del hand0; rm -f /lab/go`,
  );
}
