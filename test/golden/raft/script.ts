/**
 * The language of the Raft stories: each line is one command to the stage. README.md lists it for
 * whoever writes a story.
 */

import type { RaftStage } from './stage.ts';
import { type Interference, MESSAGE_KINDS, type MessageKind } from './wire.ts';

/** `words` are what stands in the places of the form; the answer is what there is to say at once. */
type Command = (stage: RaftStage, words: readonly string[]) => readonly string[] | undefined;
type Form = readonly [RegExp, Command];

const NODE = '([a-z][a-z0-9]*)';
const NODES = '([a-z][a-z0-9]*(?: [a-z][a-z0-9]*)*)';
const KIND = `(${[...MESSAGE_KINDS].sort((a, b) => b.length - a.length).join('|')}|entry \\d+)`;
const ACROSS = `${NODE} (->|<->) ${NODES}`;

const SCENE: readonly Form[] = [
  form(`cluster ${NODES}`, (stage, [nodes]) => stage.setVoters(list(nodes))),
  form(`learners? ${NODES}`, (stage, [nodes]) => stage.setLearners(list(nodes))),
  form(`spares? ${NODES}`, (stage, [nodes]) => stage.setSpares(list(nodes))),
  form('set (\\w+) (\\d+)', (stage, [limit = '', value]) => stage.setLimit(limit, Number(value))),
  form(`log of ${NODE}: ([\\d ]+) in term (\\d+)`, (stage, [node = '', terms, term]) =>
    stage.setLog(node, list(terms).map(Number), Number(term)),
  ),
];

const TELLING: readonly Form[] = [
  form('wait (\\d+)(ms|s)', (stage, [count, unit]) =>
    stage.wait(Number(count) * (unit === 's' ? 1_000 : 1)),
  ),
  form('until (.+)', (stage, [condition = '']) => stage.until(condition)),
  form('expect (.+)', (stage, [condition = '']) => stage.expect(condition)),
  form('show', (stage) => stage.show([])),
  form(`show ${NODES}`, (stage, [nodes]) => stage.show(list(nodes))),
];

const ASKING: readonly Form[] = [
  form(`elect ${NODE}`, (stage, [node = '']) => stage.elect(node)),
  form(`${NODE} campaigns`, ({ world }, [node = '']) => {
    world.machine(node).electionTimerFires();
  }),
  form(`propose "([^"]+)" at ${NODE}`, ({ world }, [label = '', node = '']) => {
    world.propose(label, node);
  }),
  form(`propose (\\d+) entries at ${NODE}`, ({ world }, [count, node = '']) => {
    for (let one = 0; one < Number(count); one += 1) world.propose('', node);
  }),
  form(`read at ${NODE}`, ({ world }, [node = '']) => [`(read ${world.read(node)})`]),
  form(`change to ${NODES}(?:, learners? ${NODES})? at ${NODE}`, ({ world }, words) => {
    const [voters, learners, node = ''] = words;
    world.change({ voters: list(voters), learners: list(learners) }, node);
  }),
  form(`transfer ${NODE} to ${NODE} within (\\d+)ms`, ({ world }, [from = '', to = '', ms]) => {
    world.machine(from).step({ kind: 'transfer', to, timeoutMs: Number(ms) });
  }),
  form(`forget leader at ${NODES}`, ({ world }, [nodes]) => {
    for (const id of list(nodes)) world.machine(id).step({ kind: 'forget-leader' });
  }),
  form(`compact ${NODES}`, ({ world }, [nodes]) => {
    for (const id of list(nodes)) world.machine(id).compact();
  }),
];

const MACHINES: readonly Form[] = [
  form(`crash ${NODE} right after its write`, ({ world }, [node = '']) => {
    world.machine(node).crash(true);
  }),
  form(`crash ${NODES}`, ({ world }, [nodes]) => {
    for (const id of list(nodes)) world.machine(id).crash(false);
  }),
  form(`restart ${NODES}`, ({ world }, [nodes]) => {
    for (const id of list(nodes)) world.start(id);
  }),
  form(`freeze ${NODE}`, ({ world }, [node = '']) => {
    world.machine(node).freeze();
  }),
  form(`thaw ${NODE}`, ({ world }, [node = '']) => {
    world.machine(node).thaw();
  }),
  form(`disk of ${NODE} stalls`, ({ world }, [node = '']) => {
    world.machine(node).stallDisk();
  }),
  form(`disk of ${NODE} goes on`, ({ world }, [node = '']) => {
    world.machine(node).resumeDisk();
  }),
];

const NETWORK: readonly Form[] = [
  form(`(cut|mend) ${ACROSS}`, (stage, [what, from = '', arrow, to]) =>
    stage.link({ cut: what === 'cut', from, bothWays: arrow === '<->', to: list(to) }),
  ),
  form('mend', ({ world }) => {
    world.wire.mendAll();
  }),
  form('the mesh relays', ({ world }) => {
    world.wire.relays = true;
  }),
  form(`(lose|double|hold) (the next|every) ${KIND} from ${NODE} to ${NODE}`, interfere),
  form('release(, last first)?', (stage, [backwards]) =>
    stage.release(backwards === undefined ? 'as sent' : 'last first'),
  ),
];

/** The command that a line stands for, or null where it means nothing. */
export function commandOf(line: string): ((stage: RaftStage) => readonly string[]) | null {
  for (const [pattern, command] of [SCENE, TELLING, ASKING, MACHINES, NETWORK].flat()) {
    const match = pattern.exec(line);
    if (match !== null) return (stage) => command(stage, match.slice(1)) ?? [];
  }
  return null;
}

function form(source: string, command: Command): Form {
  return [new RegExp(`^${source}$`), command];
}

function list(words: string | undefined): readonly string[] {
  return words?.trim().split(' ') ?? [];
}

function interfere(stage: RaftStage, words: readonly string[]): undefined {
  const [what, which, kind = '', from = '', to = ''] = words;
  const entry = /^entry (\d+)$/.exec(kind)?.[1];
  stage.world.wire.interfere({
    what: what as Interference['what'],
    kind: entry === undefined ? (kind as MessageKind) : 'append',
    entry: entry === undefined ? null : Number(entry),
    from: stage.someone(from),
    to: stage.someone(to),
    times: which === 'every' ? Number.POSITIVE_INFINITY : 1,
  });
}
