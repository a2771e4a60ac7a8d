/**
 * Who belongs to the cluster, as this node knows at the moment: whom it talks to, its own place among
 * the voters, and whether it was removed.
 */
import type { Member } from '../cluster/definition.ts';
import { memberOf } from '../cluster/queries.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { NodeConfig } from '../config/types.ts';
import type { NodeId } from '../lib/ids.ts';
import type { Guests } from '../mesh/mesh.ts';
import { isMember, membersOf, votersOf } from '../raft/configuration.ts';
import type { Configuration, Membership } from '../raft/types.ts';
import { admitted } from './admission.ts';
import { guestsOf } from './invitations.ts';

export type MembersChange = {
  readonly members: readonly Member[];
  readonly guests: Guests;
  /** Raft's, when it is another one; null: it is the one that was told before. */
  readonly configuration: Configuration | null;
};

export type MembersOptions = {
  readonly config: NodeConfig;
  readonly state: () => ClusterState;
  /** null: the core is being made just now. */
  readonly raft: () => Membership | null;
  readonly logged: readonly Member[];
  readonly changed: (change: MembersChange) => void;
};

const NOBODY: Configuration = { voters: [], outgoing: [], learners: [] };

export class Members {
  readonly #options: MembersOptions;
  #all: readonly Member[] = [];
  #seen: {
    readonly members: object;
    /** Guests of the mesh, see `guestsOf`. */
    readonly invitations: object;
    readonly configuration: Configuration;
  } | null = null;
  #told = false;

  constructor(options: MembersOptions) {
    this.#options = options;
  }

  get all(): readonly Member[] {
    return this.#all;
  }

  peers(): readonly NodeId[] {
    const { node: self } = this.#options.config;
    return this.#all.map((member) => member.node).filter((node) => node !== self);
  }

  /** At the end of every step; answers whether anything is different. */
  refresh(): boolean {
    const { config, logged, changed } = this.#options;
    const state = this.#options.state();
    const configuration = this.#options.raft()?.configuration ?? NOBODY;
    const { members, invitations } = state;
    const seen = this.#seen;
    const same = seen?.members === members && seen.invitations === invitations;
    if (same && seen.configuration === configuration) return false;
    const told = seen?.configuration;
    this.#seen = { members, invitations, configuration };
    const { node: self, members: bootstrap } = config;
    this.#all = admitted({ self, state, configuration, bootstrap, logged });
    changed({
      members: this.#all,
      guests: guestsOf(state),
      configuration: configuration === told ? null : configuration,
    });
    return true;
  }

  /** A member has said that this node was removed; a leader that still talks to us knows better. */
  toldRemoved(): void {
    this.#told = true;
  }

  /**
   * This node is a member no more. Either it saw itself go: committed out of the configuration
   * because it was leaving; or it was away then, and hears it now from those who shut it out.
   */
  get removed(): boolean {
    const raft = this.#options.raft();
    if (raft === null) return false;
    const { configuration, configurationIndex, commitIndex, leader } = raft;
    if (this.#told && leader === null) return true;
    this.#told = false;
    const { node: self } = this.#options.config;
    if (isMember(configuration, self) || membersOf(configuration).length === 0) return false;
    const state = this.#options.state();
    const member = memberOf(state, self);
    const left = member === null ? state.usedNames.includes(self) : member.role === 'leaving';
    return left && configurationIndex <= commitIndex;
  }

  /** The place of this node among the voters, in the order of their numbers; 0 when it has none. */
  rank(): number {
    const { config, raft } = this.#options;
    const configuration = raft()?.configuration;
    const known = this.#all.length === 0 ? config.members : this.#all;
    const voters =
      configuration === undefined ? known.map(({ node }) => node) : votersOf(configuration);
    const order = known
      .filter(({ node }) => voters.includes(node))
      .toSorted((a, b) => a.number - b.number);
    return Math.max(
      0,
      order.findIndex(({ node }) => node === config.node),
    );
  }
}
