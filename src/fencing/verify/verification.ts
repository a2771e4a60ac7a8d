/**
 * Carries the plan out on one or two initiators: each check begins and ends on a disk without keys
 * of ours, whatever it did in between, and the data are the same afterwards.
 *
 * The fear: somebody begins to use the disk while it is being tried. A key that is not of this
 * verification ends it at once; a cluster, on its side, sees the keys of the verification and
 * refuses the disk (FOREIGN_RESERVATION).
 *
 * Whether the disk is free is asked before (`free.ts`). It prints nothing.
 */
import { HoldfastError } from '../../lib/error.ts';
import type { ReservationKey } from '../fence-device.ts';
import { formatKey } from '../protocol/key.ts';
import { isVerificationKey, verificationKeys } from './keys.ts';
import { CHECKS, type Verdict, verdictOf } from './plan.ts';
import type { Answer, Check, Finding, Initiator, Talk, Verb, Who } from './words.ts';

export type VerificationOptions = {
  readonly first: Initiator;
  readonly second: Initiator | null;
  /** Other data may be written, and are put back. */
  readonly scratch: boolean;
  /** 0 … 2²⁴−1: tells this run's keys from another's. */
  readonly run: number;
  /** The operator's patience: between two questions it ends, and cleans up. */
  readonly signal: AbortSignal;
  readonly checks?: readonly Check[];
  readonly found?: (finding: Finding) => void;
};

export type Report = {
  readonly identity: string;
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
};

/** To clean up, also after the operator gave up. */
const CLEANING_MS = 30_000;
const MAX_REPEATS = 20;

/**
 * @throws HoldfastError DISK_IDENTITY_MISMATCH, RESERVATIONS_UNSUPPORTED, FOREIGN_RESERVATION (a
 *   key of somebody else), DISK_PATHS_LOST, DISK_NOT_RESTORED, VERIFICATION_ENDED (the signal)
 */
export async function verify(given: VerificationOptions): Promise<Report> {
  const identity = await sameIdentity(given);
  const options = await withAptpl(given);
  await blank(options, options.signal);
  const before = await readData(options, options.signal);
  const findings: Finding[] = [];
  const tell = (found: readonly Finding[]) => {
    findings.push(...found);
    for (const each of found) options.found?.(each);
  };
  for (const check of options.checks ?? CHECKS) {
    if (check.needsSecond && options.second === null) tell([untried(check)]);
    else tell(await carryOut(check, options, before));
  }
  return { identity, verdict: verdictOf(findings), findings };
}

async function carryOut(
  check: Check,
  options: VerificationOptions,
  before: string,
): Promise<readonly Finding[]> {
  const { scratch, second, run } = options;
  const talk = check.talk({ second: second !== null, scratch, keys: verificationKeys(run) });
  try {
    return await converse(check, talk, options);
  } finally {
    const cleaning = AbortSignal.timeout(CLEANING_MS);
    await settleDown(options, cleaning);
    await blank(options, cleaning);
    await putBack(options, before, cleaning);
  }
}

/** A path that is lost against the plan says nothing about the disk: no check concludes from it. */
async function converse(
  check: Check,
  talk: Talk<readonly Finding[]>,
  options: VerificationOptions,
): Promise<readonly Finding[]> {
  let away: Who | null = null;
  let next = talk.next();
  while (next.done !== true) {
    if (options.signal.aborted)
      throw new HoldfastError('VERIFICATION_ENDED', { check: check.name });
    const { who, verb } = next.value;
    if (verb.kind === 'lose-path') away = who;
    if (verb.kind === 'regain-path') away = null;
    const answer = await of(options, who).ask(verb, options.signal);
    const silent = answer.kind === 'path-lost' || answer.kind === 'timeout';
    if (silent && away !== who && !options.signal.aborted) {
      const context = { check: check.name, device: of(options, who).name, command: verb.kind };
      throw new HoldfastError('DISK_PATHS_LOST', { ...context, answer: answer.kind });
    }
    next = talk.next(answer);
  }
  return next.value;
}

/** A path that was taken away is used again, and no write of a check is out any more. */
async function settleDown(options: VerificationOptions, signal: AbortSignal): Promise<void> {
  for (const who of both(options)) {
    await of(options, who).ask({ kind: 'regain-path' }, signal);
    await of(options, who).ask({ kind: 'end-writes' }, signal);
  }
}

/**
 * Unregisters what this verification registered. Its keys are tried, not those that are read: a
 * disk that keeps fewer bits lists others. What a node left that does not answer any more is
 * preempted. @throws HoldfastError FOREIGN_RESERVATION, DISK_PATHS_LOST, RESERVATIONS_UNSUPPORTED
 */
async function blank(options: VerificationOptions, signal: AbortSignal): Promise<void> {
  const keys = verificationKeys(options.run);
  const register = async (who: Who, current: bigint, key: bigint) => {
    await patiently(options, who, { kind: 'register', current, key, aptpl: true }, signal);
  };
  if ((await keysOf(options, signal)).length === 0) return;
  for (const who of both(options)) {
    for (const current of Object.values(keys)) await register(who, current, 0n);
  }
  const ours = (await keysOf(options, signal)).filter((key) => Object.values(keys).includes(key));
  if (ours.length > 0) await register('first', 0n, keys.first);
  for (const victim of ours) {
    const preempt = { kind: 'preempt-and-abort', key: keys.first, victim, type: 1 } as const;
    const answer = await patiently(options, 'first', preempt, signal);
    if (answer.kind === 'good') continue;
    await patiently(options, 'first', { ...preempt, kind: 'preempt' }, signal);
  }
  if (ours.length > 0) await register('first', keys.first, 0n);
  const [key] = await keysOf(options, signal);
  if (key !== undefined) throw strange(key);
}

async function keysOf(
  options: VerificationOptions,
  signal: AbortSignal,
): Promise<readonly ReservationKey[]> {
  const answer = await patiently(options, 'first', { kind: 'read-keys' }, signal);
  if (answer.kind === 'keys') return answer.keys;
  const { name } = options.first;
  if (answer.kind === 'not-supported') {
    throw new HoldfastError('RESERVATIONS_UNSUPPORTED', { device: name });
  }
  throw new HoldfastError('DISK_PATHS_LOST', { device: name, answer: answer.kind });
}

function strange(key: ReservationKey): HoldfastError {
  const what = isVerificationKey(key)
    ? 'left by a verification that was cut short: `holdfast disk release` takes it away'
    : 'somebody uses the disk';
  return new HoldfastError('FOREIGN_RESERVATION', { key: formatKey(key), what });
}

async function readData(options: VerificationOptions, signal: AbortSignal): Promise<string> {
  const answer = await patiently(options, 'first', { kind: 'read' }, signal);
  if (answer.kind === 'data') return answer.data;
  throw new HoldfastError('DISK_PATHS_LOST', { read: answer.kind });
}

/** Nobody is registered now, so everybody may write. @throws HoldfastError DISK_NOT_RESTORED */
async function putBack(
  options: VerificationOptions,
  before: string,
  signal: AbortSignal,
): Promise<void> {
  if ((await readData(options, signal)) === before) return;
  const write = { kind: 'write', opcode: 'WRITE (10)', data: before } as const;
  await patiently(options, 'first', write, signal);
  await patiently(options, 'first', { kind: 'synchronize-cache' }, signal);
  if ((await readData(options, signal)) === before) return;
  throw new HoldfastError('DISK_NOT_RESTORED', { device: options.first.name });
}

/**
 * A target without PTPL_C refuses REGISTER with APTPL: it is asked without, so that one lack is not
 * taken for all others.
 */
async function withAptpl(options: VerificationOptions): Promise<VerificationOptions> {
  const answer = await patiently(options, 'first', { kind: 'capabilities' }, options.signal);
  if (answer.kind === 'capabilities' && answer.capabilities.aptpl) return options;
  const volatile = (initiator: Initiator): Initiator => ({
    name: initiator.name,
    ask: (verb, signal) => {
      return initiator.ask(verb.kind === 'register' ? { ...verb, aptpl: false } : verb, signal);
    },
    close: () => initiator.close(),
  });
  const { first, second } = options;
  return { ...options, first: volatile(first), second: second === null ? null : volatile(second) };
}

async function sameIdentity(options: VerificationOptions): Promise<string> {
  const found = new Map<string, string>();
  for (const who of both(options)) {
    const answer = await patiently(options, who, { kind: 'identity' }, options.signal);
    const { name } = of(options, who);
    if (answer.kind === 'not-supported') throw new HoldfastError('DISK_IDENTITY_UNKNOWN', { name });
    if (answer.kind !== 'identity') {
      throw new HoldfastError('DISK_PATHS_LOST', { device: name, answer: answer.kind });
    }
    found.set(answer.identity, name);
  }
  const [identity, another] = found.keys();
  if (identity === undefined || another !== undefined) {
    throw new HoldfastError('DISK_IDENTITY_MISMATCH', Object.fromEntries(found));
  }
  return identity;
}

/** Past unit attentions and BUSY, as `talk.ts` does it for the checks. */
async function patiently(
  options: VerificationOptions,
  who: Who,
  verb: Verb,
  signal: AbortSignal,
): Promise<Answer> {
  let answer: Answer = { kind: 'busy' };
  for (let attempt = 0; attempt <= MAX_REPEATS; attempt += 1) {
    answer = await of(options, who).ask(verb, signal);
    if (answer.kind !== 'unit-attention' && answer.kind !== 'busy') return answer;
  }
  return answer;
}

function of({ first, second }: VerificationOptions, who: Who): Initiator {
  return who === 'first' || second === null ? first : second;
}

function both({ second }: VerificationOptions): readonly Who[] {
  return second === null ? ['first'] : ['first', 'second'];
}

function untried({ name, unprovenMeans }: Check): Finding {
  const seen = 'not tried: it needs a second node or path';
  return { check: name, outcome: 'unproven', seen, means: unprovenMeans };
}
