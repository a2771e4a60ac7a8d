/**
 * Who counts as a member here, and is let in (P7).
 *
 * The committed members do. Beside them, while the own state machine does not know better yet:
 *
 * - whoever is in Raft's configuration and was admitted by an entry of the own log. A daemon that
 *   starts anew may not know that the entry is committed, and would shut out the very nodes whose
 *   votes could tell it so. But a leader takes only members into the configuration, so that entry is;
 * - those of the bootstrap list who are in the configuration, since the list is written down one
 *   member at a time; and all of the list until this node finds itself among the members, since
 *   before that it cannot know who they are.
 *
 * Whoever was removed votes no more, and is let in no more.
 */
import { decodeEnvelope } from '../cluster/codec.ts';
import type { Member } from '../cluster/definition.ts';
import { memberOf } from '../cluster/queries.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { NodeId } from '../lib/ids.ts';
import { membersOf } from '../raft/configuration.ts';
import type { Configuration, Entry } from '../raft/types.ts';

export type AdmissionQuestion = {
  readonly self: NodeId;
  readonly state: ClusterState;
  /** Raft's configuration in force. */
  readonly configuration: Configuration;
  readonly bootstrap: readonly Member[];
  /** From `admissionsIn` the log that this daemon found. */
  readonly logged: readonly Member[];
};

export function admitted(question: AdmissionQuestion): readonly Member[] {
  const { self, state, configuration, bootstrap, logged } = question;
  const counted = membersOf(configuration);
  const young = !state.usedNames.includes(self);
  const unknown = ({ node }: Member): boolean => memberOf(state, node) === null;
  const vouched = logged.filter((one) => unknown(one) && counted.includes(one.node));
  const listed = bootstrap.filter(
    (one) =>
      unknown(one) &&
      (counted.includes(one.node) || (young && !state.usedNames.includes(one.node))) &&
      !vouched.some(({ node }) => node === one.node),
  );
  return [...Object.values(state.members).map(({ member }) => member), ...vouched, ...listed];
}

/** Whom the entries admit, committed or not; the last word for each name. */
export function admissionsIn(entries: readonly Entry[]): readonly Member[] {
  const byName = new Map<NodeId, Member>();
  for (const entry of entries) {
    if (entry.kind !== 'command') continue;
    const decoded = decodeEnvelope(entry.data);
    // What cannot be read is found when it is applied, and stops the daemon there.
    if (!decoded.ok || decoded.value.command.kind !== 'admit-member') continue;
    const { member } = decoded.value.command;
    byName.set(member.node, member);
  }
  return [...byName.values()];
}
