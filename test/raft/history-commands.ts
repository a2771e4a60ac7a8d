/**
 * What can happen to a cluster, as commands that fast-check strings together and takes away again
 * until only those are left that matter. The model is what a client may rely on: the list of committed
 * entries only ever grows at its end, and each of its commands was proposed and is there once.
 */
import fc from 'fast-check';
import type { NodeId } from '../../src/lib/ids.ts';
import type { ChangeTarget, Entry } from '../../src/raft/types.ts';
import type { HandCluster } from './hand-cluster.ts';

export type Model = {
  readonly committed: Entry[];
  /** Not committed yet, and perhaps never. */
  readonly proposed: Set<string>;
  /** To see whether a command applies: a node that is down proposes nothing. */
  readonly cluster: HandCluster;
};

export type Command = fc.Command<Model, HandCluster>;
type Applies = (cluster: HandCluster) => boolean;

const NODES = ['a', 'b', 'c'] as const;
const MAX_COMMANDS = 60;

class Happening implements Command {
  readonly #words: string;
  readonly #act: (cluster: HandCluster, model: Model) => void;
  readonly #applies: Applies;

  constructor(
    words: string,
    act: (cluster: HandCluster, model: Model) => void,
    applies: Applies = () => true,
  ) {
    this.#words = words;
    this.#act = act;
    this.#applies = applies;
  }

  check({ cluster }: Readonly<Model>): boolean {
    return this.#applies(cluster);
  }

  run(model: Model, cluster: HandCluster): void {
    this.#act(cluster, model);
    compare(model);
  }

  toString(): string {
    return this.#words;
  }
}

/** Nothing that was committed changes or goes; nothing is committed that nobody proposed, or twice. */
export function compare({ cluster, committed, proposed }: Model): void {
  const { checker } = cluster;
  for (const known of committed) {
    if (checker.committedAt(known.index) === known) continue;
    throw new Error(`entry ${known.index} was committed and is another one now`);
  }
  for (let index = committed.length + 1; index <= checker.highestCommitted; index += 1) {
    const entry = checker.committedAt(index);
    if (entry === null) throw new Error(`entry ${index} was committed and nobody applied it`);
    if (entry.kind === 'command') {
      const text = new TextDecoder().decode(entry.data);
      if (!proposed.delete(text)) throw new Error(`${text} is committed twice, or is of nobody`);
    }
    committed.push(entry);
  }
}

let serial = 0;

/** Each with a text of its own, so that nothing can be committed twice unnoticed. */
export function propose({ cluster, proposed }: Model, id: NodeId): void {
  serial += 1;
  proposed.add(`p${serial}`);
  cluster.propose(id, `p${serial}`);
}

const node = fc.constantFrom(...NODES);
const place = fc.nat(11);
const up =
  (id: NodeId): Applies =>
  (cluster) =>
    cluster.isUp(id);
const down =
  (id: NodeId): Applies =>
  (cluster) =>
    !cluster.isUp(id);
const writing =
  (id: NodeId): Applies =>
  (cluster) =>
    cluster.node(id).writes.length > 0;
const travelling: Applies = (cluster) => cluster.wire.length > 0;

/** Every set of voters as often as every other; who does not vote may learn. */
const target: fc.Arbitrary<ChangeTarget> = fc
  .tuple(fc.integer({ min: 1, max: 7 }), fc.nat(7))
  .map(([voting, learning]) => {
    const chosen = (bits: number): readonly NodeId[] =>
      NODES.filter((_, i) => (bits >> i) % 2 === 1);
    return { voters: chosen(voting), learners: chosen(learning & ~voting) };
  });

function onMessage(words: string, act: (cluster: HandCluster, at: number) => void) {
  return place.map((any) => {
    const happens = (c: HandCluster): void => act(c, any % c.wire.length);
    return new Happening(`${words} ${any}`, happens, travelling);
  });
}

function onNode(
  words: string,
  act: (cluster: HandCluster, id: NodeId, model: Model) => void,
  applies: (id: NodeId) => Applies = up,
) {
  return node.map((id) => {
    return new Happening(`${words} ${id}`, (c, model) => act(c, id, model), applies(id));
  });
}

/** At whoever leads, and now and then at somebody who does not. */
function onLeader(
  words: string,
  act: (cluster: HandCluster, id: NodeId, model: Model) => void,
): fc.Arbitrary<Command> {
  return fc.tuple(node, fc.nat(7)).map(([id, astray]) => {
    const asked = (c: HandCluster): NodeId => (astray === 0 ? id : (c.leader ?? id));
    return new Happening(
      `${words} at ${astray === 0 ? id : 'the leader'}`,
      (c, model) => act(c, asked(c), model),
      (c) => c.isUp(asked(c)),
    );
  });
}

function deliverAll(cluster: HandCluster): void {
  for (let left = cluster.wire.length; left > 0; left -= 1) cluster.deliver();
}

function syncAll(cluster: HandCluster): void {
  for (const id of NODES) {
    for (let left = cluster.node(id).writes.length; left > 0; left -= 1) cluster.sync(id);
  }
}

/** With how often each is drawn. Large steps let a history get past one election. */
const COMMANDS: readonly (readonly [number, fc.Arbitrary<Command>])[] = [
  [8, onLeader('propose', (_, id, model) => propose(model, id))],
  [6, onMessage('deliver', (c, at) => c.deliver(at))],
  [3, onMessage('drop', (c, at) => c.wire.splice(at, 1))],
  [3, onMessage('duplicate', (c, at) => c.wire.push(...c.wire.slice(at, at + 1)))],
  [4, onNode('sync', (c, id) => c.sync(id), writing)],
  [6, fc.constant(new Happening('deliver all', deliverAll))],
  [6, fc.constant(new Happening('sync all', syncAll))],
  [6, fc.nat(250).map((ms) => new Happening(`run ${ms} ms`, (c) => c.run(ms)))],
  [3, onLeader('read', (c, id) => c.read(id))],
  [2, onNode('deadline', (c, id) => c.deadline(id))],
  [1, onNode('forget leader', (c, id) => c.step(id, { kind: 'forget-leader' }))],
  [4, onNode('compact', (c, id) => c.compact(id))],
  [5, onNode('restart', (c, id) => c.restart(id), down)],
  [
    2,
    fc.tuple(node, fc.nat(2)).map(([id, kept]) => {
      return new Happening(`crash ${id}: ${kept} written`, (c) => c.crash(id, kept), up(id));
    }),
  ],
  [
    4,
    target.chain((to) => {
      const words = `change to ${to.voters.join('')}+${to.learners.join('')}`;
      return onLeader(words, (c, id) => c.change(id, to));
    }),
  ],
  [
    1,
    node.chain((to) =>
      onLeader(`transfer to ${to}`, (c, id) =>
        c.step(id, { kind: 'transfer', to, timeoutMs: 100 }),
      ),
    ),
  ],
];

export function histories(replayPath: string | null): fc.Arbitrary<Iterable<Command>> {
  const one = fc.oneof(...COMMANDS.map(([weight, arbitrary]) => ({ weight, arbitrary })));
  const options = { maxCommands: MAX_COMMANDS, size: 'max' as const };
  return fc.commands([one], replayPath === null ? options : { ...options, replayPath });
}
