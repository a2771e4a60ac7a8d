/** A history in words, told by cores that walk it again. */
import type { RaftMessage } from '../../../src/raft/types.ts';
import type { Explorer, Finding } from './explorer.ts';
import type { Action, Moved, Node } from './node.ts';
import { memoryChain } from './node.ts';
import { Replay } from './replay.ts';
import { HEADER, unpacked } from './world.ts';

export function story(explorer: Explorer, { path, violation }: Finding): string {
  const replay = new Replay(explorer);
  const { chains } = explorer.catalogue.setting;
  const tell = (node: Node): string => {
    const { role, term, votedFor, commitIndex } = node.core.status();
    const log = chains.describe(memoryChain(chains, node, node.disk));
    const vote = votedFor === null ? '' : `, voted ${votedFor}`;
    const busy = node.writes.length === 0 ? '' : `, ${node.writes.length} being written`;
    return `${node.id} is ${role} of ${term}${vote}, log ${log}, commit ${commitIndex}${busy}`;
  };
  const lines = [0, 1, 2].map((slot) => `    ${tell(replay.node(slot))}`);
  for (const [index, via] of path.entries()) {
    const { action, slot, lost, stays } = unpacked(via);
    const deed = explorer.catalogue.actionOf(action);
    const { id } = replay.node(slot);
    const before = replay.world;
    const done = replay.take(via);
    const again = stays ? ' (and may come again)' : '';
    const missing = lost > 0 ? lostOf(explorer, before, replay.world, via) : '';
    lines.push(
      `${`${index + 1}.`.padStart(3)} ${id} ${deedOf(deed)}${again}${sentBy(done)}${missing}`,
    );
    lines.push(`    ${tell(done.node)}`);
  }
  return [...lines, `=> ${violation.invariant}: ${violation.story}`].join('\n');
}

/** What was on its way or was sent, did not arrive, and is not on its way any more. */
function lostOf(explorer: Explorer, before: Int32Array, after: Int32Array, via: number): string {
  const { catalogue } = explorer;
  const { action, slot, stays } = unpacked(via);
  const { sent } = catalogue.step(before[slot] as number, action);
  const gone = [...before.subarray(HEADER), ...sent].sort((a, b) => a - b);
  const arrived = stays ? [] : catalogue.taken(action);
  for (const message of [...after.subarray(HEADER), ...arrived]) {
    const at = gone.indexOf(message);
    if (at >= 0) gone.splice(at, 1);
  }
  const names = gone.map((number) => {
    const message = catalogue.message(number);
    return `${messageOf(message)} to ${message.to}`;
  });
  return `; lost: ${names.join(', ')}`;
}

function sentBy({ sent }: Moved): string {
  if (sent.length === 0) return '';
  return ` -> ${sent.map((message) => `${messageOf(message)} to ${message.to}`).join(', ')}`;
}

function deedOf(action: Action): string {
  switch (action.kind) {
    case 'deliver':
      return action.messages
        .map((message) => `hears from ${message.from}: ${messageOf(message)}`)
        .join(' and ');
    case 'timeout':
      return 'has waited long enough';
    case 'heartbeat':
      return 'sends heartbeats';
    case 'quorum-lost':
      return 'has heard no quorum for too long';
    case 'silence':
      return 'has heard no leader for so long that it listens to candidates';
    case 'disk-stalled':
      return 'finds that its disk hangs';
    case 'forget-leader':
      return 'is told that its leader is dead';
    case 'transfer':
      return `is asked to hand over to ${action.to}`;
    case 'transfer-expires':
      return 'gives up handing over';
    case 'write':
      return 'has its oldest write on the disk';
    case 'crash':
      return 'loses its power, and what was being written, and starts again';
    case 'compact':
      return 'saves its state machine';
    default:
      return `is given ${action.kind} ${action.number}`;
  }
}

function messageOf(message: RaftMessage): string {
  const { kind, term } = message;
  switch (message.kind) {
    case 'pre-vote':
    case 'vote':
      return `${kind}@${term} (last ${message.lastIndex}@${message.lastTerm})`;
    case 'pre-vote-reply':
    case 'vote-reply':
      return `${kind}@${term} ${message.granted ? 'yes' : 'no'}`;
    case 'append': {
      const { prevIndex, prevTerm, entries, commitIndex, readId } = message;
      const carried = entries.length === 0 ? '' : ` +${entries.length}`;
      const place = `after ${prevIndex}@${prevTerm}${carried}`;
      return `${kind}@${term} (${place}, commit ${commitIndex}, round ${readId})`;
    }
    case 'append-reply': {
      const { matchIndex, conflict, readId } = message;
      const what = conflict === null ? `up to ${matchIndex}` : `not after ${conflict.index}`;
      return `${kind}@${term} (${what}, round ${readId})`;
    }
    case 'snapshot':
      return `${kind}@${term} (of ${message.meta.index}, from byte ${message.offset})`;
    case 'snapshot-reply':
      return `${kind}@${term} (of ${message.index}, ${message.done ? 'done' : message.offset})`;
    default:
      return `${kind}@${term}`;
  }
}
