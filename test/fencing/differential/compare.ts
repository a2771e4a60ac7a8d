/**
 * The same random service actions to two targets, and after each everything that can be seen: the
 * answer, who is told what, keys, reservation, generation, rights. Nothing is assumed of either.
 */
import type { ReserveOut } from '../../../src/fencing/devices/emulated/commands.ts';
import { seededRandom } from '../../../src/lib/random.ts';
import type { Bench, State } from './bench.ts';
import { randomCommand } from './commands.ts';

export const ASPECTS = ['answer', 'attentions', 'state', 'rights'] as const;
export type Difference = {
  readonly seed: number;
  readonly step: number;
  readonly aspect: (typeof ASPECTS)[number];
  readonly nexus: number;
  readonly command: ReserveOut;
  /** Whether the nexus was registered, and what was reserved, before. */
  readonly registered: boolean;
  readonly before: State;
  /** The first target's, and the second's. */
  readonly one: string;
  readonly other: string;
};

export type Scope = {
  readonly seed: number;
  readonly nexuses: number;
  readonly commands: number;
  /** Of a difference that is known: does it leave both in a state that can be compared further? */
  readonly known: (difference: Difference) => 'goes-on' | 'ends' | null;
};

export type Sequence = { readonly steps: number; readonly differences: readonly Difference[] };

type Seen = {
  readonly answer: string;
  readonly attentions: string;
  readonly state: State;
  readonly rights: string;
};

const CLEARING_KEY = 0xfeedn;

/** Runs one sequence; it ends at its length, or where the two have drifted apart. */
export async function compareSequence(one: Bench, other: Bench, scope: Scope): Promise<Sequence> {
  const random = seededRandom(scope.seed);
  const nexuses = Array.from({ length: scope.nexuses }, (_, nexus) => nexus);
  const own = new Map<number, bigint>();
  const from = await blank(one, nexuses);
  let otherFrom = await blank(other, nexuses);
  /** The second target forgot APTPL in a known way: not compared before it is set anew. */
  let forgot = false;
  let before = counted(await one.state(0), from);
  const differences: Difference[] = [];
  for (let step = 0; step < scope.commands; step += 1) {
    const nexus = random.below(scope.nexuses);
    const key = own.get(nexus) ?? 0n;
    const command = randomCommand(random, key);
    const mine = await carryOut(one, nexuses, nexus, command, from);
    const told = await carryOut(other, nexuses, nexus, command, otherFrom);
    if ('aptpl' in command && told.answer === 'good') forgot = false;
    const theirs: Seen = forgot ? withAptpl(told, mine.state.aptplActive) : told;
    const found: Difference[] = ASPECTS.filter(
      (aspect) => text(mine[aspect]) !== text(theirs[aspect]),
    ).map((aspect) => ({
      ...{ seed: scope.seed, step, aspect, nexus, command, registered: key !== 0n, before },
      one: text(mine[aspect]),
      other: text(theirs[aspect]),
    }));
    differences.push(...found);
    if (found.some((each) => scope.known(each) !== 'goes-on')) {
      return { steps: step + 1, differences };
    }
    // What is known is not found again at every later step.
    otherFrom += theirs.state.generation - mine.state.generation;
    forgot ||= theirs.state.aptplActive !== mine.state.aptplActive;
    before = mine.state;
    note(own, nexus, command, mine);
  }
  return { steps: scope.commands, differences };
}

async function carryOut(
  bench: Bench,
  nexuses: readonly number[],
  nexus: number,
  command: ReserveOut,
  from: number,
): Promise<Seen> {
  const answer = await bench.out(nexus, command);
  const attentions: string[] = [];
  for (const each of nexuses) attentions.push((await bench.attentions(each)).join('+'));
  const state = counted(await bench.state(0), from);
  const rights: string[] = [];
  for (const each of nexuses) {
    const may = [await bench.may(each, 'read'), await bench.may(each, 'write')];
    rights.push(may.map(Number).join(''));
  }
  return { answer, attentions: attentions.join(), state, rights: rights.join() };
}

function counted(state: State, from: number): State {
  return { ...state, generation: state.generation - from };
}

function withAptpl(seen: Seen, aptplActive: boolean): Seen {
  return { ...seen, state: { ...seen.state, aptplActive } };
}

/** What every nexus is registered with, as far as the answers tell. */
function note(
  own: Map<number, bigint>,
  nexus: number,
  command: ReserveOut,
  { answer, state, attentions }: Seen,
): void {
  if (answer !== 'good') return;
  if ('aptpl' in command) own.set(nexus, command.serviceKey);
  const told = attentions.split(',');
  for (const [each, key] of own) {
    const gone = !state.keys.includes(key) || /2a\/0[35]/.test(told[each] ?? '');
    if (gone) own.delete(each);
  }
}

/** No registration, no attention; answers the generation to count from. */
async function blank(bench: Bench, nexuses: readonly number[]): Promise<number> {
  for (const nexus of nexuses) await bench.attentions(nexus);
  const register = { action: 'register-and-ignore', key: 0n, aptpl: false } as const;
  await bench.out(0, { ...register, serviceKey: CLEARING_KEY });
  await bench.out(0, { action: 'clear', key: CLEARING_KEY });
  for (const nexus of nexuses) await bench.attentions(nexus);
  return (await bench.state(0)).generation;
}

export function text(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint' ? `0x${part.toString(16)}` : part,
  );
}
