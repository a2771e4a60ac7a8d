/**
 * `holdfast disk verify` and its far side `holdfast disk attend`: what a disk does of what fencing
 * needs, as a table, before anybody trusts it. The second half wants a second initiator: another
 * node (by ssh, which starts the far side there) or another path of this machine.
 *
 * The judgements are made in `fencing/verify`; here they are brought together and printed.
 */
import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import type { RemoteInitiator } from '../fencing/verify/initiators/remote.ts';
import type { Subject } from '../fencing/verify/subject.ts';
import type { Report, VerificationOptions } from '../fencing/verify/verification.ts';
import type { Finding, Initiator, Outcome } from '../fencing/verify/words.ts';
import { HoldfastError } from '../lib/error.ts';
import { type CommandContext, problemOf } from './command.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { untilInterrupted } from './interrupted.ts';
import { renderTable } from './table.ts';
import { paint, type Style, type Terminal } from './terminal.ts';

export type VerifyWords = {
  readonly with?: string | undefined;
  readonly withCommand?: string | undefined;
  readonly second?: string | undefined;
  readonly scratch?: boolean | undefined;
  readonly powerLoss?: 'begin' | 'end' | undefined;
};
export type AttendWords = { readonly initiator: string };

const MAX_RUN = 2 ** 24;
/** It goes through a shell on the other node, and it is the disk that wrote it. */
const PLAIN_IDENTITY = /^[A-Za-z0-9 .:_+-]+$/;

/** @throws {HoldfastError} DISK_*, FOREIGN_RESERVATION, VERIFICATION_*: nothing is concluded. */
export async function verifyDisk(
  context: CommandContext,
  device: string,
  words: VerifyWords,
): Promise<ExitCode> {
  const { verify } = await import('../fencing/verify/verification.ts');
  const ending = untilInterrupted();
  const opened: { close(): Promise<void> }[] = [];
  try {
    const first = await open(device, 'verify-first', opened);
    if (words.powerLoss !== undefined) {
      const tried = await tryPowerLoss(words.powerLoss, first, ending.signal);
      return tell(context, tried, [first]);
    }
    const second = await openSecond(words, first, opened, ending.signal);
    const scratch = words.scratch === true;
    const run = randomInt(MAX_RUN);
    const { signal } = ending;
    const found = ({ check, outcome }: Finding) => context.progress(`${check}: ${outcome}`);
    const options: VerificationOptions = { first, second, scratch, run, signal, found };
    return tell(context, await verify(options), [first, second]);
  } finally {
    for (const each of opened.toReversed()) await each.close();
    ending.over();
  }
}

async function tryPowerLoss(
  half: 'begin' | 'end',
  initiator: Initiator,
  signal: AbortSignal,
): Promise<Report> {
  const { afterPowerLoss, beforePowerLoss } = await import('../fencing/verify/power-loss.ts');
  const { converse } = await import('../fencing/verify/release.ts');
  const { verificationKeys } = await import('../fencing/verify/keys.ts');
  const { verdictOf } = await import('../fencing/verify/plan.ts');
  const { first } = verificationKeys(randomInt(MAX_RUN));
  const talk = half === 'begin' ? beforePowerLoss(first) : afterPowerLoss(first);
  const identity = await identityOf(initiator, signal);
  const findings = await converse(talk, initiator, signal);
  return { identity, findings, verdict: verdictOf(findings) };
}

function tell(
  context: CommandContext,
  report: Report,
  initiators: readonly (Initiator | null)[],
): ExitCode {
  if (context.json) context.printJson({ ok: report.verdict === 'fit', ...report });
  else context.print(renderReport(context.terminal, report, initiators));
  return VERDICTS[report.verdict].exit;
}

/** Answers lines of JSON until its input ends; a refusal is a line too. */
export async function attendDisk(
  context: CommandContext,
  device: string,
  { initiator: port }: AttendWords,
): Promise<ExitCode> {
  const { openSubject } = await import('../fencing/verify/subject.ts');
  const { attend } = await import('../fencing/verify/attend.ts');
  const { lines } = await import('../system/lines.ts');
  const { MAX_LINE_BYTES } = await import('../fencing/verify/initiators/frames.ts');
  const ending = untilInterrupted();
  let subject: Subject | null = null;
  try {
    subject = await openSubject({ device, initiator: port });
    const { initiator } = subject;
    await attend({
      initiator,
      identity: await identityOf(initiator, ending.signal),
      node: hostname(),
      lines: lines(process.stdin, MAX_LINE_BYTES),
      write: (text) => process.stdout.write(text),
      signal: ending.signal,
    });
    return EXIT.ok;
  } catch (error) {
    context.printJson(problemOf(error));
    return EXIT.refused;
  } finally {
    await subject?.release();
    ending.over();
  }
}

async function open(
  device: string,
  port: string,
  opened: { close(): Promise<void> }[],
): Promise<Initiator> {
  const { openSubject } = await import('../fencing/verify/subject.ts');
  const subject = await openSubject({ device, initiator: port });
  opened.push({ close: () => subject.release() });
  return subject.initiator;
}

async function openSecond(
  words: VerifyWords,
  first: Initiator,
  opened: { close(): Promise<void> }[],
  signal: AbortSignal,
): Promise<Initiator | null> {
  const ways = [words.with, words.withCommand, words.second].filter((way) => way !== undefined);
  if (ways.length > 1) {
    const detail = 'give one of --with, --with-command and --second';
    throw new HoldfastError('USAGE', { detail });
  }
  if (words.second !== undefined) return await open(words.second, 'verify-second', opened);
  if (ways.length === 0) return null;
  const { RemoteInitiator: Remote } = await import('../fencing/verify/initiators/remote.ts');
  const { monotonicClock } = await import('../system/clock.ts');
  const argv = farCommand(words, await identityOf(first, signal));
  const said = (line: string) => process.stderr.write(`${line}\n`);
  const remote: RemoteInitiator = await Remote.start({ argv, clock: monotonicClock, said });
  opened.push(remote);
  return remote;
}

/** The far side finds the disk by its identity: names differ from node to node. */
function farCommand(words: VerifyWords, identity: string): readonly string[] {
  if (words.withCommand !== undefined) return ['sh', '-c', words.withCommand];
  const node = words.with ?? '';
  if (node === '' || node.startsWith('-')) {
    throw new HoldfastError('USAGE', { detail: `--with wants the name of a node, not ${node}` });
  }
  if (!PLAIN_IDENTITY.test(identity)) {
    const detail = `the identity ${JSON.stringify(identity)} needs --with-command and a path`;
    throw new HoldfastError('USAGE', { detail });
  }
  return ['ssh', '-o', 'BatchMode=yes', node, 'holdfast', 'disk', 'attend', `'${identity}'`];
}

async function identityOf(initiator: Initiator, signal: AbortSignal): Promise<string> {
  const answer = await initiator.ask({ kind: 'identity' }, signal);
  if (answer.kind === 'identity') return answer.identity;
  throw new HoldfastError('DISK_IDENTITY_UNKNOWN', { device: initiator.name });
}

const STYLES: Readonly<Record<Outcome, Style>> = {
  works: 'green',
  differs: 'dim',
  limited: 'yellow',
  unproven: 'yellow',
  unfit: 'red',
};

const VERDICTS = {
  fit: { exit: EXIT.ok, style: 'green', text: 'this disk can carry a failover group' },
  limited: {
    exit: EXIT.limited,
    style: 'yellow',
    text: 'this disk can carry a failover group within the limits above',
  },
  unfit: { exit: EXIT.unfit, style: 'alarm', text: 'this disk must not carry a failover group' },
} as const;

/** The table, then what each line that is not as it should be means, then one sentence. */
export function renderReport(
  terminal: Terminal,
  { identity, verdict, findings }: Report,
  initiators: readonly ({ readonly name: string } | null)[],
): readonly string[] {
  const names = initiators.flatMap((each) => (each === null ? [] : [each.name]));
  const rows = findings.map(({ check, outcome, seen }) => [
    { text: outcome, style: STYLES[outcome] },
    check,
    seen,
  ]);
  const { style, text } = VERDICTS[verdict];
  return [
    paint(terminal, 'bold', `${identity} through ${names.join(' and ')}`),
    ...renderTable(terminal, ['RESULT', 'CHECK', 'SEEN'], rows),
    ...renderMeanings(findings),
    '',
    paint(terminal, style, text),
  ];
}

function renderMeanings(findings: readonly Finding[]): readonly string[] {
  const told = findings.filter(({ outcome, means }) => outcome !== 'works' && means !== '');
  if (told.length === 0) return [];
  return ['', 'what it means:', ...told.map(({ check, means }) => `- ${check}: ${means}`)];
}
