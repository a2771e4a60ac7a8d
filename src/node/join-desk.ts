/**
 * Answers the bearer of an invitation: proposes its admission, wherever the leader is, and says what
 * the new node has to know. Any member does this; none of them is asked for more than its own state.
 *
 * The same wish gets the same answer as long as the invitation is remembered, so that a newcomer whose
 * answer was lost asks again. Everything is decided when `admit-member` is applied; what is looked at
 * before is for a better word.
 */

import type { Applied } from '../cluster/apply.ts';
import { invitationOf } from '../cluster/apply-invitations.ts';
import type { Command } from '../cluster/command.ts';
import type { Member } from '../cluster/definition.ts';
import { memberOf, membersInOrder } from '../cluster/queries.ts';
import type { ClusterState, Invitation } from '../cluster/state.ts';
import type { NodeConfig } from '../config/types.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Millis, NodeId } from '../lib/ids.ts';
import { failure, success } from '../lib/result.ts';
import { parseAddress } from '../mesh/address.ts';
import type { JoinRequest } from '../mesh/doorway.ts';
import type { JoinReply, JoinWish } from '../mesh/join-protocol.ts';

export type JoinDeskOptions = {
  readonly config: NodeConfig;
  readonly state: () => ClusterState;
  readonly wallMs: () => Millis;
  /** Whether the node votes in Raft's configuration. */
  readonly votes: (node: NodeId) => boolean;
  /** Runs inside the loop of the driver. */
  readonly inLoop: (run: () => void) => void;
  readonly submit: (command: Command, settled: (outcome: Applied | null) => void) => void;
};

/** Two newcomers at two members are given the same number; the later one asks for the next. */
const MAX_TRIES = 8;
const LAST_NUMBER = 65_535;

export class JoinDesk {
  readonly #options: JoinDeskOptions;

  constructor(options: JoinDeskOptions) {
    this.#options = options;
  }

  answer(request: JoinRequest): Promise<JoinReply> {
    return new Promise((resolve) => {
      this.#options.inLoop(() => this.#try(request, MAX_TRIES, resolve));
    });
  }

  #try(request: JoinRequest, tries: number, reply: (reply: JoinReply) => void): void {
    const state = this.#options.state();
    const { wish } = request;
    const invitation = invitationOf(state, request.invitation);
    const known = this.#answerAtOnce(state, invitation, wish);
    if (known !== null) {
      reply(known);
      return;
    }
    const { node, peerId, addresses } = wish;
    const member: Member = { node, number: nextNumber(state), peerId, addresses };
    const command = { kind: 'admit-member', member, invitation: request.invitation } as const;
    this.#options.submit(command, (outcome) => {
      const again = outcome !== null && (outcome.ok || AGAIN.includes(outcome.code));
      if (again && tries > 0) this.#try(request, tries - 1, reply);
      else if (outcome === null) reply(refusal('NO_QUORUM', 'no majority admitted it in time'));
      else if (!outcome.ok) reply(refusal(outcome.code, outcome.detail));
      else reply(refusal('INTERNAL', 'it was admitted and is not there'));
    });
  }

  /** null: it has to be proposed first. */
  #answerAtOnce(
    state: ClusterState,
    invitation: Invitation | null,
    wish: JoinWish,
  ): JoinReply | null {
    if (invitation === null) return refusal('INVITATION_UNKNOWN', 'it is not open here');
    const { usedBy, expiresAtMs, node } = invitation;
    if (usedBy !== null) {
      const came = memberOf(state, usedBy)?.member;
      const same = came !== undefined && isSame(came, wish);
      if (same && !this.#options.votes(usedBy)) return this.#grant(state, came);
      // A voter that asks again has lost its data, and with it what it had promised (Raft §5.1).
      const more = same ? ' and votes already: whoever lost its data joins under another name' : '';
      return refusal('INVITATION_USED', `${usedBy} came in by it${more}`);
    }
    if (expiresAtMs <= this.#options.wallMs()) {
      return refusal(
        'INVITATION_EXPIRED',
        `it was good until ${new Date(expiresAtMs).toISOString()}`,
      );
    }
    const former = state.removed.find(({ peerId }) => peerId === wish.peerId);
    if (former !== undefined) return refusal('REMOVED', `this key was that of ${former.node}`);
    if (node !== null && node !== wish.node) {
      return refusal('INVITATION_MISMATCH', `made for ${node}, not for ${wish.node}`);
    }
    return this.#addressFault(wish);
  }

  #addressFault({ addresses }: JoinWish): JoinReply | null {
    const { interconnects } = this.#options.config;
    const wanted = `one address for each of ${interconnects.join(', ')}`;
    const named = Object.keys(addresses);
    const same = named.length === interconnects.length;
    if (!same || !interconnects.every((over) => named.includes(over))) {
      return refusal('ADDRESS_INVALID', `${wanted}; given: ${named.join(', ') || 'none'}`);
    }
    for (const [over, text] of Object.entries(addresses)) {
      try {
        parseAddress(text);
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
        return refusal(error.code, `${over}: ${text}`);
      }
    }
    return null;
  }

  #grant(state: ClusterState, { node, number }: Member): JoinReply {
    const { clusterId, profile, times, interconnects } = this.#options.config;
    const members = membersInOrder(state).map(({ member }) => member);
    return success({ clusterId, node, number, profile, times, interconnects, members });
  }
}

/** Somebody else was quicker: the state has changed, and so may the answer. */
const AGAIN: readonly string[] = ['NUMBER_USED', 'INVITATION_USED'];

function isSame(member: Member, { node, peerId, addresses }: JoinWish): boolean {
  const names = new Set([...Object.keys(member.addresses), ...Object.keys(addresses)]);
  const same = [...names].every((over) => member.addresses[over] === addresses[over]);
  return same && member.node === node && member.peerId === peerId;
}

/** Numbers are parts of reservation keys: the next one that was never given. */
function nextNumber({ usedNumbers }: ClusterState): number {
  const next = Math.max(0, ...usedNumbers) + 1;
  if (next <= LAST_NUMBER) return next;
  const used = new Set(usedNumbers);
  for (let number = 1; number < LAST_NUMBER; number += 1) if (!used.has(number)) return number;
  return LAST_NUMBER;
}

function refusal(
  code: Extract<JoinReply, { ok: false }>['error']['code'],
  detail: string,
): JoinReply {
  return failure({ code, detail });
}
