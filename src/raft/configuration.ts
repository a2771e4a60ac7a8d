/**
 * Which configuration is in force.
 *
 * A configuration counts from the moment it is *appended*, committed or not (Raft §6), so the one in
 * force is the last one in the log. Truncation takes it back and its predecessor returns; a snapshot
 * replaces everything, since the entries that held the older ones are gone.
 *
 * Does not judge whether a change of configuration is lawful: that belongs to whoever proposes one.
 *
 * Reference: Raft §6, thesis §4.1.
 */
import type { NodeId } from '../lib/ids.ts';
import type { Configuration, Entry } from './types.ts';

/** Votes, and is counted, in either half of the configuration. */
export function isVoter(configuration: Configuration, node: NodeId): boolean {
  return configuration.voters.includes(node) || configuration.outgoing.includes(node);
}

/** Receives the log. */
export function isMember(configuration: Configuration, node: NodeId): boolean {
  return isVoter(configuration, node) || configuration.learners.includes(node);
}

/** Everyone whose vote counts, each once. */
export function votersOf(configuration: Configuration): readonly NodeId[] {
  if (configuration.outgoing.length === 0) return configuration.voters;
  return [...new Set([...configuration.voters, ...configuration.outgoing])];
}

/** Everyone who receives the log, each once. */
export function membersOf(configuration: Configuration): readonly NodeId[] {
  return [...new Set([...votersOf(configuration), ...configuration.learners])];
}

export function isSameConfiguration(one: Configuration, other: Configuration): boolean {
  return (
    isSameSet(one.voters, other.voters) &&
    isSameSet(one.outgoing, other.outgoing) &&
    isSameSet(one.learners, other.learners)
  );
}

/** Neither names a node twice. */
export function isSameSet(one: readonly NodeId[], other: readonly NodeId[]): boolean {
  return one.length === other.length && one.every((node) => other.includes(node));
}

type Placed = { readonly index: number; readonly configuration: Configuration };

export class ConfigurationHistory {
  /** In force where no later entry says otherwise: from the snapshot, or the bootstrap at index 0. */
  #base: Placed;
  /** Ascending by index; all in the log above the base. */
  #later: Placed[] = [];

  constructor(index: number, configuration: Configuration) {
    this.#base = { index, configuration };
  }

  /** A history that goes its own way from here; see fork.ts. */
  fork(): ConfigurationHistory {
    const twin = new ConfigurationHistory(this.#base.index, this.#base.configuration);
    twin.#later = [...this.#later];
    return twin;
  }

  /** All that decides how it goes on, as plain data. */
  image(): object {
    return { base: this.#base, later: this.#later };
  }

  get inForce(): Configuration {
    return (this.#later.at(-1) ?? this.#base).configuration;
  }

  /** Index of the entry that the configuration in force came with. */
  get index(): number {
    return (this.#later.at(-1) ?? this.#base).index;
  }

  /** The configuration that was in force once the entry at `index` was appended. */
  at(index: number): Configuration {
    return this.#placedAt(index).configuration;
  }

  #placedAt(index: number): Placed {
    return this.#later.findLast((one) => one.index <= index) ?? this.#base;
  }

  appended(entry: Entry): void {
    if (entry.kind !== 'configuration') return;
    this.#later.push({ index: entry.index, configuration: entry.configuration });
  }

  /** The log lost everything from `index` on. */
  truncated(index: number): void {
    while ((this.#later.at(-1)?.index ?? -1) >= index) this.#later.pop();
  }

  /** The log up to `index` went into a snapshot of our own; what is in force there stays. */
  compacted(index: number): void {
    this.#base = this.#placedAt(index);
    this.#later = this.#later.filter((one) => one.index > index);
  }

  /** A leader's snapshot replaced the log. */
  replaced(index: number, configuration: Configuration): void {
    this.#base = { index, configuration };
    this.#later = [];
  }
}
