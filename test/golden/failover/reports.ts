/** What nodes report and what is committed of it, at the moment at which the story says so. */
import { sha256Hex } from '../../../src/lib/sha256.ts';
import { type Form, N } from './form.ts';
import type { FailoverStage } from './stage.ts';

const EPOCH = '(?: in epoch (\\d+))?';
const secretOf = (node: string, epoch: number): string => `secret of ${node} in epoch ${epoch}`;

export const REPORTS: readonly Form[] = [
  [
    `${N} is served now`,
    (stage, [group = '']) => {
      const { epoch: expectedEpoch, owner } = stage.running.group(group);
      const guard = { group, expectedEpoch, node: owner ?? '' };
      return stage.happen(
        { kind: 'fenced', ...guard, disk: 'disk' },
        { kind: 'serving', ...guard, stamps: [] },
      );
    },
  ],
  [
    `${N} has stopped ${N}${EPOCH}`,
    (stage, [node = '', group = '', epoch]) =>
      stage.ask({
        kind: 'stopped',
        group,
        expectedEpoch: epochOf(stage, group, epoch),
        node,
        clean: true,
        proof: 'owner',
        secret: null,
      }),
  ],
  [
    `${N} gives ${N} up: ([A-Z_]+)${EPOCH}`,
    (stage, [node = '', group = '', code = '', epoch]) =>
      stage.ask({
        kind: 'takeover-failed',
        group,
        expectedEpoch: epochOf(stage, group, epoch),
        node,
        code,
        detail: '',
      }),
  ],
  [
    `${N} has pledged for ${N}`,
    (stage, [node = '', group = '']) => {
      const { epoch } = stage.running.group(group);
      const secretHash = sha256Hex(secretOf(node, epoch));
      return stage.happen({ kind: 'pledge', group, expectedEpoch: epoch, node, secretHash });
    },
  ],
  [
    `the guardian of ${N} publishes (its|a wrong) secret for ${N}${EPOCH}`,
    (stage, words) => {
      const [node = '', whose, group = '', given] = words;
      const epoch = epochOf(stage, group, given);
      const secret = whose === 'its' ? secretOf(node, epoch) : 'a guess';
      const common = { kind: 'stopped', group, expectedEpoch: epoch, node } as const;
      return stage.ask({ ...common, clean: false, proof: 'guardian', secret });
    },
  ],
];

function epochOf(stage: FailoverStage, group: string, given: string | undefined): number {
  return given === undefined ? stage.running.group(group).epoch : Number(given);
}
