/**
 * The contract of the port `FenceDevice`: what every adapter and every disk must do, as a list that
 * runs in vitest (emulated disk), in a guest of the laboratory (real disks,
 * `fence-device-runner.ts`), and one day on an operator's own storage. It needs two initiators of
 * one disk that nobody else uses.
 *
 * Reference: SPC-4 §5.13; DESIGN §8.
 */
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import type {
  FenceDevice,
  PrCommand,
  PrReply,
  ReservationKey,
  ReservationType,
} from '../../src/fencing/fence-device.ts';

export type FenceLab = {
  /** Two nexuses of one disk. */
  readonly a: FenceDevice;
  readonly b: FenceDevice;
  /** One write of a block through that nexus, as an application would do it. */
  write(who: 'a' | 'b'): Promise<'good' | 'reservation-conflict'>;
  /** What this kind of disk does not have by its standard: then it must say so. */
  readonly lacks?: readonly ('reset' | 'attentions')[];
};

export type Clause = { readonly name: string; readonly run: (lab: FenceLab) => Promise<void> };

const A: ReservationKey = 0x4846_0001_0000_0001n;
const A2: ReservationKey = 0x4846_0001_0000_0003n;
const B: ReservationKey = 0x4846_0002_0000_0002n;
/** All 64 bits: a key that goes through a double or a signed number on the way is not this one. */
const WIDE: ReservationKey = 0xffff_fffe_ffff_fffdn;
const NOBODY: ReservationKey = 0x4846_0009_0000_0009n;

const TIMEOUT_MS = 20_000;
const MAX_REPEATS = 20;

type Verb = PrCommand extends infer C ? (C extends PrCommand ? Omit<C, 'path'> : never) : never;

/** One command on the first path; past unit attentions, which mean "not executed". */
export async function ask(device: FenceDevice, verb: Verb): Promise<PrReply> {
  const [path] = await device.paths();
  ok(path !== undefined, 'a device has a path');
  const command = { ...verb, path } as PrCommand;
  for (let i = 0; i < MAX_REPEATS; i += 1) {
    const reply = await device.execute(command, AbortSignal.timeout(TIMEOUT_MS));
    if (reply.kind !== 'unit-attention' && reply.kind !== 'busy') return reply;
  }
  throw new Error(`${verb.kind}: the unit attentions do not end`);
}

const verbs = (device: FenceDevice) => ({
  register: async (current: ReservationKey, key: ReservationKey) =>
    (await ask(device, { kind: 'register', current, key, aptpl: true })).kind,
  reserve: async (key: ReservationKey, type: ReservationType) =>
    (await ask(device, { kind: 'reserve', key, type })).kind,
  preempt: async (key: ReservationKey, victim: ReservationKey, type: ReservationType) =>
    (await ask(device, { kind: 'preempt', key, victim, type })).kind,
  preemptAndAbort: async (key: ReservationKey, victim: ReservationKey, type: ReservationType) =>
    (await ask(device, { kind: 'preempt-and-abort', key, victim, type })).kind,
  keys: async () => {
    const reply = await ask(device, { kind: 'read-keys' });
    ok(reply.kind === 'keys', reply.kind);
    return reply;
  },
  reservation: async () => {
    const reply = await ask(device, { kind: 'read-reservation' });
    ok(reply.kind === 'reservation', reply.kind);
    return reply;
  },
});

/** Unregisters both nexuses, whatever they hold: the disk is blank again. */
export async function blank(lab: FenceLab): Promise<void> {
  for (const device of [lab.a, lab.b]) {
    const { keys } = await verbs(device).keys();
    for (const key of new Set(keys)) await verbs(device).register(key, 0n);
  }
  deepEqual((await verbs(lab.a).keys()).keys, [], 'keys of a third nexus are on the disk');
}

/** The nexus' next command is told of what happened, once; then it is told no more. */
async function attentionOnce(lab: FenceLab, who: 'a' | 'b'): Promise<void> {
  const device = lab[who];
  const [path = ''] = await device.paths();
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const first = await device.execute({ kind: 'test-unit-ready', path }, signal);
  equal(first.kind, lab.lacks?.includes('attentions') ? 'good' : 'unit-attention');
  equal((await ask(device, { kind: 'test-unit-ready' })).kind, 'good');
}

export const FENCE_DEVICE_CONTRACT: readonly Clause[] = [
  {
    name: 'both initiators see one identity',
    run: async ({ a, b }) => {
      const identity = await a.identity(AbortSignal.timeout(TIMEOUT_MS));
      notEqual(identity, '');
      equal(await b.identity(AbortSignal.timeout(TIMEOUT_MS)), identity);
    },
  },
  {
    name: 'a blank disk has no key and no reservation',
    run: async ({ a }) => {
      deepEqual((await verbs(a).keys()).keys, []);
      const { holder, type } = await verbs(a).reservation();
      deepEqual({ holder, type }, { holder: null, type: null });
    },
  },
  {
    name: 'it can abort, reset and keep reservations through a power loss, with types 1 and 5',
    run: async ({ a, lacks }) => {
      equal(await verbs(a).register(0n, A), 'good');
      const found = await a.capabilities(AbortSignal.timeout(TIMEOUT_MS));
      const { abort, reset, aptpl, aptplActive } = found;
      const all = { ...ALL_CAPABILITIES, reset: lacks?.includes('reset') !== true };
      deepEqual({ abort, reset, aptpl, aptplActive }, all);
      ok(found.types.includes(1) && found.types.includes(5));
    },
  },
  {
    name: 'REGISTER compares before it swaps',
    run: async ({ a }) => {
      equal(await verbs(a).register(NOBODY, A), 'reservation-conflict');
      equal(await verbs(a).register(0n, A), 'good');
      equal(await verbs(a).register(0n, A2), 'reservation-conflict');
      equal(await verbs(a).register(NOBODY, A2), 'reservation-conflict');
      deepEqual((await verbs(a).keys()).keys, [A]);
      equal(await verbs(a).register(A, A2), 'good');
      deepEqual((await verbs(a).keys()).keys, [A2]);
    },
  },
  {
    name: 'REGISTER of the own key onto itself succeeds only on a registered nexus',
    run: async ({ a, b }) => {
      equal(await verbs(a).register(0n, A), 'good');
      equal(await verbs(a).register(A, A), 'good');
      equal(await verbs(b).register(A, A), 'reservation-conflict');
    },
  },
  {
    name: 'all 64 bits of a key come back',
    run: async ({ a }) => {
      equal(await verbs(a).register(0n, WIDE), 'good');
      equal(await verbs(a).reserve(WIDE, 5), 'good');
      deepEqual((await verbs(a).keys()).keys, [WIDE]);
      equal((await verbs(a).reservation()).holder, WIDE);
    },
  },
  {
    name: 'only a registrant reserves, with its own key, and only one',
    run: async ({ a, b }) => {
      equal(await verbs(a).reserve(A, 1), 'reservation-conflict');
      equal(await verbs(a).register(0n, A), 'good');
      equal(await verbs(a).reserve(B, 1), 'reservation-conflict');
      equal(await verbs(a).reserve(A, 1), 'good');
      equal(await verbs(b).register(0n, B), 'good');
      equal(await verbs(b).reserve(B, 1), 'reservation-conflict');
      const { holder, type } = await verbs(b).reservation();
      deepEqual({ holder, type }, { holder: A, type: 1 });
    },
  },
  {
    name: 'RESERVE again succeeds for the holder with the same type only',
    run: async ({ a }) => {
      equal(await verbs(a).register(0n, A), 'good');
      equal(await verbs(a).reserve(A, 5), 'good');
      equal(await verbs(a).reserve(A, 5), 'good');
      equal(await verbs(a).reserve(A, 1), 'reservation-conflict');
    },
  },
  {
    name: 'a holder that changes its key goes on holding',
    run: async ({ a }) => {
      equal(await verbs(a).register(0n, A), 'good');
      equal(await verbs(a).reserve(A, 1), 'good');
      equal(await verbs(a).register(A, A2), 'good');
      equal((await verbs(a).reservation()).holder, A2);
    },
  },
  {
    name: 'PREEMPT AND ABORT of the holder takes key and reservation, and the victim is told once',
    run: async (lab) => {
      const { a, b } = lab;
      equal(await verbs(a).register(0n, A), 'good');
      equal(await verbs(a).reserve(A, 1), 'good');
      equal(await verbs(b).register(0n, B), 'good');
      equal(await verbs(b).preemptAndAbort(B, A, 1), 'good');
      deepEqual((await verbs(b).keys()).keys, [B]);
      const { holder, type } = await verbs(b).reservation();
      deepEqual({ holder, type }, { holder: B, type: 1 });
      await attentionOnce(lab, 'a');
      equal(await verbs(a).reserve(A, 1), 'reservation-conflict');
      equal(await verbs(a).register(A, A), 'reservation-conflict');
    },
  },
  {
    name: 'PREEMPT of a registrant that does not hold removes its key and nothing else',
    run: async ({ a, b }) => {
      equal(await verbs(a).register(0n, A), 'good');
      equal(await verbs(a).reserve(A, 5), 'good');
      equal(await verbs(b).register(0n, B), 'good');
      equal(await verbs(a).preempt(A, B, 5), 'good');
      deepEqual((await verbs(a).keys()).keys, [A]);
      equal((await verbs(a).reservation()).holder, A);
    },
  },
  {
    name: 'PREEMPT of a key that nobody has, and by a nexus that is not registered, conflict',
    run: async ({ a, b }) => {
      equal(await verbs(a).register(0n, A), 'good');
      equal(await verbs(a).preemptAndAbort(A, NOBODY, 1), 'reservation-conflict');
      equal(await verbs(b).preemptAndAbort(B, A, 1), 'reservation-conflict');
      deepEqual((await verbs(a).keys()).keys, [A]);
    },
  },
  {
    name: 'a holder preempts itself to change the type',
    run: async ({ a }) => {
      equal(await verbs(a).register(0n, A), 'good');
      equal(await verbs(a).reserve(A, 5), 'good');
      equal(await verbs(a).preemptAndAbort(A, A, 1), 'good');
      deepEqual((await verbs(a).keys()).keys, [A]);
      const { holder, type } = await verbs(a).reservation();
      deepEqual({ holder, type }, { holder: A, type: 1 });
    },
  },
  {
    name: 'a holder that unregisters gives the reservation up',
    run: async ({ a, b }) => {
      equal(await verbs(a).register(0n, A), 'good');
      equal(await verbs(a).reserve(A, 1), 'good');
      equal(await verbs(b).register(0n, B), 'good');
      equal(await verbs(a).register(A, 0n), 'good');
      deepEqual((await verbs(b).keys()).keys, [B]);
      equal((await verbs(b).reservation()).holder, null);
    },
  },
  {
    name: 'PRgeneration counts REGISTER and PREEMPT and not RESERVE',
    run: async ({ a, b }) => {
      equal(await verbs(a).register(0n, A), 'good');
      const first = (await verbs(a).keys()).generation;
      equal(await verbs(a).reserve(A, 1), 'good');
      equal((await verbs(a).keys()).generation, first);
      equal(await verbs(b).register(0n, B), 'good');
      equal((await verbs(a).keys()).generation, first + 1);
      equal(await verbs(b).preemptAndAbort(B, A, 1), 'good');
      equal((await verbs(b).keys()).generation, first + 2);
    },
  },
  {
    name: 'LOGICAL UNIT RESET leaves keys and reservation, and everybody is told',
    run: async (lab) => {
      const { a, lacks } = lab;
      equal(await verbs(a).register(0n, A), 'good');
      equal(await verbs(a).reserve(A, 1), 'good');
      const reset = (await ask(a, { kind: 'logical-unit-reset' })).kind;
      equal(reset, lacks?.includes('reset') ? 'not-supported' : 'good');
      await attentionOnce(lab, 'b');
      deepEqual((await verbs(a).keys()).keys, [A]);
      equal((await verbs(a).reservation()).holder, A);
    },
  },
  {
    name: 'SYNCHRONIZE CACHE succeeds for the holder',
    run: async ({ a }) => {
      equal(await verbs(a).register(0n, A), 'good');
      equal(await verbs(a).reserve(A, 1), 'good');
      equal((await ask(a, { kind: 'synchronize-cache' })).kind, 'good');
    },
  },
  {
    name: 'type 1: the holder writes, a registrant and a stranger do not',
    run: async (lab) => {
      equal(await lab.write('b'), 'good');
      equal(await verbs(lab.a).register(0n, A), 'good');
      equal(await verbs(lab.a).reserve(A, 1), 'good');
      equal(await lab.write('a'), 'good');
      equal(await lab.write('b'), 'reservation-conflict');
      equal(await verbs(lab.b).register(0n, B), 'good');
      equal(await lab.write('b'), 'reservation-conflict');
    },
  },
  {
    name: 'type 5: every registrant writes, a stranger does not',
    run: async (lab) => {
      equal(await verbs(lab.a).register(0n, A), 'good');
      equal(await verbs(lab.a).reserve(A, 5), 'good');
      equal(await lab.write('b'), 'reservation-conflict');
      equal(await verbs(lab.b).register(0n, B), 'good');
      equal(await lab.write('b'), 'good');
      equal(await lab.write('a'), 'good');
    },
  },
  {
    name: 'who was preempted writes no more',
    run: async (lab) => {
      equal(await verbs(lab.a).register(0n, A), 'good');
      equal(await verbs(lab.a).reserve(A, 1), 'good');
      equal(await lab.write('a'), 'good');
      equal(await verbs(lab.b).register(0n, B), 'good');
      equal(await verbs(lab.b).preemptAndAbort(B, A, 1), 'good');
      equal(await lab.write('a'), 'reservation-conflict');
      equal(await lab.write('b'), 'good');
    },
  },
  {
    name: 'a probe reads the disk, also without a registration and under a reservation of another',
    run: async ({ a, b }) => {
      equal(await verbs(a).register(0n, A), 'good');
      equal(await verbs(a).reserve(A, 1), 'good');
      for (const device of [a, b]) {
        const { durationMs } = await device.probe(AbortSignal.timeout(TIMEOUT_MS));
        ok(durationMs >= 0);
      }
    },
  },
  {
    name: 'a command whose signal has aborted is not sent',
    run: async ({ a }) => {
      const [path = ''] = await a.paths();
      const command = { kind: 'register', path, current: 0n, key: A, aptpl: true } as const;
      equal((await a.execute(command, AbortSignal.abort())).kind, 'timeout');
      deepEqual((await verbs(a).keys()).keys, []);
    },
  },
];

const ALL_CAPABILITIES = { abort: true, reset: true, aptpl: true, aptplActive: true };
