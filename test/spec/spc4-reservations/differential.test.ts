/**
 * Random sequences of service actions on the emulated target and on a second model of SPC-4 §5.13:
 * after each, status, keys, holder, type, PRgeneration, attentions and rights are the same.
 */
import { expect, test } from 'vitest';
import type { Status } from '../../../src/fencing/devices/emulated/commands.ts';
import { EmulatedTarget } from '../../../src/fencing/devices/emulated/target.ts';
import { seededRandom } from '../../../src/lib/random.ts';
import { pick, randomCommand } from '../../fencing/differential/commands.ts';
import { blank } from './bench.ts';
import { SecondModel } from './second-model.ts';

const NEXUSES = ['a', 'b', 'c', 'd'];
const SEEDS = 300;
const COMMANDS = 150;

function word(status: Status): string {
  if (typeof status === 'object') return status.code;
  return status === 'reservation-conflict' ? 'conflict' : status;
}

function attentionsOf(target: EmulatedTarget, nexus: string): string[] {
  const codes: string[] = [];
  for (let status = target.testUnitReady(nexus); typeof status === 'object'; ) {
    codes.push(status.code);
    status = target.testUnitReady(nexus);
  }
  return codes;
}

/** The first difference, in words; null where there is none. */
function compared(seed: number, target: EmulatedTarget): string | null {
  const random = seededRandom(seed);
  const model = new SecondModel();
  for (const nexus of NEXUSES) attentionsOf(target, nexus);
  for (let step = 0; step < COMMANDS; step += 1) {
    const nexus = pick(random, NEXUSES);
    const own = model.records.find((record) => record.nexus === nexus)?.key ?? 0n;
    const sent = randomCommand(random, own);
    const answers = [word(target.reserveOut(nexus, sent)), model.out(nexus, sent)];
    const told = NEXUSES.map((other) => attentionsOf(target, other).join());
    const wanted = NEXUSES.map((other) => (model.attentions.get(other) ?? []).join());
    model.attentions.clear();
    const pairs = [answers, [told.join(';'), wanted.join(';')], states(target, model)];
    for (const [one, other] of pairs) {
      if (one !== other)
        return `seed ${seed}, step ${step}, ${nexus} ${text(sent)}: ${one} ≠ ${other}`;
    }
  }
  return null;
}

function states(target: EmulatedTarget, model: SecondModel): readonly [string, string] {
  const { registrations, reservation, aptplActive } = target.inspect();
  const keys = target.readKeys('a');
  const mine = {
    keys: [...registrations].sort(),
    type: reservation?.type ?? 0,
    holder: reservation?.holder ?? null,
    generation: typeof keys === 'object' && 'keys' in keys ? keys.generation : -1,
    aptplActive,
    rights: NEXUSES.map((nexus) => [
      typeof target.fork().read(nexus, 0) === 'object',
      typeof target.fork().submitWrite(nexus, 0, '') === 'object',
    ]),
  };
  const other = {
    keys: model.records.map(({ nexus, key }) => [nexus, key] as const).sort(),
    type: model.type,
    holder: model.records.find(({ holds }) => holds)?.nexus ?? null,
    generation: model.generation,
    aptplActive: model.aptpl,
    rights: NEXUSES.map((nexus) => [model.may(nexus, false), model.may(nexus, true)]),
  };
  return [text(mine), text(other)];
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint' ? `0x${part.toString(16)}` : part,
  );
}

test(`${SEEDS} sequences of ${COMMANDS} service actions: both models agree`, () => {
  for (let seed = 0; seed < SEEDS; seed += 1) expect(compared(seed, blank())).toBeNull();
});

class Spoilt extends EmulatedTarget {
  /** Forgets that a PREEMPT counts. */
  override readKeys(nexus: string): ReturnType<EmulatedTarget['readKeys']> {
    const answer = super.readKeys(nexus);
    return typeof answer === 'object' && 'keys' in answer && answer.generation > 5
      ? { ...answer, generation: answer.generation - 1 }
      : answer;
  }
}

test('control: a target that counts one change less is noticed', () => {
  const { options } = blank();
  expect(compared(1, new Spoilt(options))).toContain('≠');
});
