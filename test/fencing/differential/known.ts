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
    targets: ['lio'],
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
