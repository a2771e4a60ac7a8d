/**
 * Two cores out of one, and the inside of a core as plain data: what an exploration of all possible
 * histories needs, which takes many different steps from one and the same state.
 *
 * Objects that are never changed after they were made (entries, snapshots, messages, configurations,
 * votes) are shared by the twins; everything else is copied. A new field of plain data comes along
 * by itself; a new field that is changed in place (a Map, an array that grows) has to be copied here.
 * Whoever forgets it is told by the exploration, which looks at the original after its twin's step.
 *
 * Not for production: nobody there has two cores of one node.
 */
import { Outbox } from './outbox.ts';
import type { RoleState, State } from './state.ts';

export function forkOf(state: State): State {
  const { configurations, incoming, log, role, writes } = state;
  return {
    ...state,
    log: log.fork(),
    configurations: configurations.fork(),
    writes: writes.fork(),
    outbox: new Outbox(),
    role: forkRole(role),
    incoming: incoming === null ? null : { ...incoming, chunks: [...incoming.chunks] },
  };
}

function forkRole(role: RoleState): RoleState {
  switch (role.kind) {
    case 'follower':
      return role;
    case 'leader':
      return {
        ...role,
        peers: new Map(Array.from(role.peers, ([peer, progress]) => [peer, progress.fork()])),
        roundsBegan: new Map(role.roundsBegan),
        reads: role.reads.map((read) => ({ ...read })),
        bulk: { ...role.bulk },
      };
    default:
      return { ...role, votes: new Map(role.votes), proposals: [...role.proposals] };
  }
}

/** Leaves out what a step is given anew, and what a step leaves empty. */
export function imageOf(state: State): object {
  const { log, configurations, writes, role } = state;
  const { options: _options, random: _random, outbox: _outbox, ...plain } = state;
  return {
    ...plain,
    log: log.image(),
    configurations: configurations.image(),
    writes: writes.image(),
    role:
      role.kind === 'leader'
        ? {
            ...role,
            peers: new Map(Array.from(role.peers, ([peer, progress]) => [peer, progress.image()])),
          }
        : role,
  };
}
