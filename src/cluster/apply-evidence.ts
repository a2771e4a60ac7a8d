/**
 * Evidence that an epoch is over (DESIGN §7): the owner's own word, or a secret that its guardian
 * publishes after a teardown. The owner pledges the hash of the secret before it serves, so nobody
 * who did not hold the secret can end an epoch.
 */
import { sha256Hex } from '../lib/sha256.ts';
import { expected } from './apply-ownership.ts';
import { disowned } from './apply-takeover.ts';
import {
  accept,
  type Change,
  groupNamed,
  isRefusal,
  recorded,
  refuse,
  withGroup,
} from './change.ts';
import type { Command } from './command.ts';
import { notesCleanStops } from './level.ts';
import { unfinishedEpoch } from './queries.ts';
import type { ClusterState, GroupState, HistoryEntry, UnfinishedEpoch } from './state.ts';

type Of<K extends Command['kind']> = Extract<Command, { readonly kind: K }>;

/** Below feature level 4 only the words of the history say how an epoch ended: they begin so. */
const STOPPED_IN_ORDER = 'in order';

const SHA256_HEX = /^[0-9a-f]{64}$/;

/** Only the owner of the current epoch pledges, and only once. */
export function applyPledge(state: ClusterState, command: Of<'pledge'>): Change {
  const group = expected(state, command);
  if (isRefusal(group)) return group;
  const { node, secretHash } = command;
  const { epoch } = group;
  const unfinished = unfinishedEpoch(group, epoch);
  if (group.owner !== node || unfinished === null) {
    return refuse(state, 'NOT_OWNER', `${node} does not own ${command.group} in epoch ${epoch}`);
  }
  if (!SHA256_HEX.test(secretHash)) {
    return refuse(state, 'EVIDENCE_REFUSED', 'the pledge is not a SHA-256 in hexadecimal');
  }
  if (unfinished.secretHash === secretHash) return accept(state, epoch);
  if (unfinished.secretHash !== null) {
    return refuse(state, 'EVIDENCE_REFUSED', `epoch ${epoch} has another pledge already`);
  }
  const pledged = group.unfinished.map((one) =>
    one.epoch === epoch ? { ...one, secretHash } : one,
  );
  return accept(withGroup(state, { ...group, unfinished: pledged }), epoch);
}

/**
 * An epoch, the current one or an earlier one, is proven down. `clean: false`: it was torn down by
 * force; it is down all the same. If it was the current one, nobody owns the group afterwards.
 */
export function applyStopped(state: ClusterState, index: number, command: Of<'stopped'>): Change {
  const group = groupNamed(state, command.group);
  if (isRefusal(group)) return group;
  const { node, expectedEpoch: epoch, clean, proof } = command;
  const unfinished = unfinishedEpoch(group, epoch);
  if (unfinished === null) {
    return refuse(state, 'STALE_EPOCH', `epoch ${epoch} of ${command.group} is over already`);
  }
  if (unfinished.node !== node) {
    return refuse(state, 'NOT_OWNER', `${node} does not own ${command.group} in epoch ${epoch}`);
  }
  if (proof === 'guardian' && !opens(command.secret, unfinished)) {
    return refuse(state, 'EVIDENCE_REFUSED', `epoch ${epoch} of ${command.group}`);
  }
  const left = group.unfinished.filter((one) => one.epoch !== epoch);
  const ended: GroupState = {
    ...(epoch === group.epoch ? disowned(group) : group),
    unfinished: left,
  };
  const line = { index, event: 'stopped', group: command.group, epoch, node } as const;
  const detail = `${clean ? STOPPED_IN_ORDER : 'by force'}, says the ${proof}`;
  const noted = notesCleanStops(state) ? { clean } : {};
  return accept(recorded(withGroup(state, ended), { ...line, ...noted, detail }), group.epoch);
}

/** Whether this `stopped` says that everything was stopped in order. */
export function wasClean({ clean, detail }: HistoryEntry): boolean {
  return clean ?? detail.startsWith(STOPPED_IN_ORDER);
}

function opens(secret: string | null, { secretHash }: UnfinishedEpoch): boolean {
  return secret !== null && secretHash !== null && sha256Hex(secret) === secretHash;
}
