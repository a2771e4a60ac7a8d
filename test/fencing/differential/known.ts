/**
 * Where real targets differ from the standard as the emulated one has it; README.md says which
 * clause decides. Pure.
 */
import type { State } from './bench.ts';
import type { Difference } from './compare.ts';

export type TargetName = 'lio' | 'tgt';

type Known = {
  readonly id: string;
  readonly targets: readonly TargetName[];
  readonly is: (difference: Difference) => boolean;
  /** The two have drifted apart: the sequence ends. */
  readonly ends?: boolean;
};

const KNOWN: readonly Known[] = [
  {
    id: 'not-registered-is-not-ready',
    targets: ['lio'],
    is: (found) => !found.registered && answers(found, 'conflict', '2:08/00'),
  },
  {
    id: 'release-of-another-type-conflicts',
    targets: ['lio'],
    is: (found) => found.command.action === 'release' && answers(found, '5:26/04', 'conflict'),
  },
  {
    id: 'release-by-others-checks-no-key',
    targets: ['lio', 'tgt'],
    is: (found) =>
      found.registered && found.command.action === 'release' && answers(found, 'conflict', 'good'),
  },
  {
    id: 'unregister-is-not-counted',
    targets: ['lio'],
    is: (found) => isUnregister(found) && onlyDiffers(found, 'generation'),
  },
  {
    id: 'clear-forgets-aptpl',
    targets: ['lio'],
    is: (found) => found.command.action === 'clear' && onlyDiffers(found, 'aptplActive'),
  },
  {
    id: 'preempt-of-all-registrants-by-key-takes',
    targets: ['lio'],
    ends: true,
    is: ({ command, before }) =>
      (command.action === 'preempt' || command.action === 'preempt-and-abort') &&
      command.serviceKey !== 0n &&
      (before.type === 7 || before.type === 8),
  },
  {
    id: 'aptpl-is-refused-as-a-field-of-the-command',
    targets: ['tgt'],
    is: ({ aspect, command, other }) =>
      aspect === 'answer' && 'aptpl' in command && command.aptpl && other === '"5:24/00"',
  },
  {
    id: 'registering-nothing-is-counted',
    targets: ['tgt'],
    is: (found) => !found.registered && isUnregister(found) && onlyDiffers(found, 'generation'),
  },
  {
    id: 'unregistering-the-holder-counts-twice',
    targets: ['tgt'],
    is: (found) => found.registered && isUnregister(found) && onlyDiffers(found, 'generation'),
  },
  {
    id: 'reserve-checks-no-key',
    targets: ['tgt'],
    ends: true,
    is: ({ command, registered }) => command.action === 'reserve' && registered,
  },
  {
    id: 'a-release-is-told-to-its-sender',
    targets: ['tgt'],
    is: ({ aspect, command }) =>
      aspect === 'attentions' && (command.action === 'release' || 'aptpl' in command),
  },
  {
    id: 'preempt-of-key-zero',
    targets: ['tgt'],
    is: (found) =>
      found.command.action === 'preempt' &&
      found.command.serviceKey === 0n &&
      (answers(found, '5:26/00', 'good') ||
        answers(found, '5:26/00', '5:24/00') ||
        onlyDiffers(found, 'generation')),
  },
  {
    id: 'preempted-is-told-by-another-code',
    targets: ['tgt'],
    is: ({ aspect, command, one, other }) =>
      aspect === 'attentions' &&
      command.action === 'preempt' &&
      one.replaceAll('2a/05', '2a/03') === other,
  },
  {
    id: 'preempt-of-the-own-key-keeps-it',
    targets: ['tgt'],
    ends: true,
    is: ({ command }) =>
      (command.action === 'preempt' || command.action === 'preempt-and-abort') &&
      command.serviceKey === command.key,
  },
];

export type Verdict = { readonly id: string; readonly sequence: 'goes-on' | 'ends' };

/** Under which id README.md lists it; null: it is not known. */
export function knownDifference(target: TargetName, difference: Difference): Verdict | null {
  const found = KNOWN.find(({ targets, is }) => targets.includes(target) && is(difference));
  return found === undefined
    ? null
    : { id: found.id, sequence: found.ends === true ? 'ends' : 'goes-on' };
}

function answers({ aspect, one, other }: Difference, first: string, second: string): boolean {
  return aspect === 'answer' && one === `"${first}"` && other === `"${second}"`;
}

function isUnregister({ command }: Difference): boolean {
  return 'aptpl' in command && command.serviceKey === 0n;
}

function onlyDiffers({ aspect, one, other }: Difference, field: keyof State): boolean {
  if (aspect !== 'state') return false;
  const [mine, theirs] = [one, other].map((text) => JSON.parse(text) as Record<string, unknown>);
  return JSON.stringify({ ...mine, [field]: 0 }) === JSON.stringify({ ...theirs, [field]: 0 });
}
