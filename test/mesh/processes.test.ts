/** What happens to the mesh when the process of a peer ends, is killed, or is frozen. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ChildOptions } from './support/child-node.ts';
import { INTERCONNECTS, linkState, type Name, received, type TestNode } from './support/cluster.ts';
import { Libp2pCluster } from './support/libp2p-cluster.ts';
import { vote } from './support/messages.ts';

const SCRIPT = fileURLToPath(new URL('./support/child-node.ts', import.meta.url));

let cluster: Libp2pCluster;
let children: ChildProcess[];

beforeEach(async () => {
  cluster = await Libp2pCluster.create(false);
  children = [];
});
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await cluster.end();
});

async function spawnNode(name: Name): Promise<ChildProcess> {
  const options: ChildOptions = {
    name,
    members: cluster.members,
    dataDirectory: cluster.dataDirectory(name),
    interconnects: INTERCONNECTS,
  };
  const child = spawn(process.execPath, [SCRIPT, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  await printed(child, 'started');
  return child;
}

async function printed(child: ChildProcess, word: string): Promise<void> {
  let text = '';
  child.stdout?.on('data', (data) => {
    text += String(data);
  });
  await cluster.until(() => text.includes(word) || child.exitCode !== null, `child ${word}`);
  expect(text).toContain(word);
}

async function allBecome(node: TestNode, peer: Name, state: string): Promise<void> {
  const all = () => INTERCONNECTS.every((over) => linkState(node, peer, over) === state);
  await cluster.until(all, `${peer} ${state} on every interconnect`);
}

/** Asked again until it does: a frame may be lost while a link is being replaced. */
async function answers(node: TestNode, peer: Name, term: number): Promise<void> {
  await cluster.until(() => {
    if (received(node, 'raft').some(({ message }) => message.term === term)) return true;
    node.mesh.sendRaft(vote({ from: node.member.node, to: peer }, term));
    return false;
  }, `${peer} answers ${term}`);
}

/** The pair in both roles: the first name of the pair has the smaller peer id, so it dials. */
function pair(): readonly [Name, Name] {
  const [smaller, larger] = [...cluster.members].sort((one, two) =>
    one.peerId < two.peerId ? -1 : 1,
  );
  return [smaller?.node as Name, larger?.node as Name];
}

describe('processes', () => {
  test('a daemon that stops its mesh holds nothing that keeps it running', async () => {
    const [one, other] = pair();
    const node = await cluster.start(one);
    const child = await spawnNode(other);
    await allBecome(node, other, 'open');
    await answers(node, other, 1);
    child.stdin?.end();
    await cluster.until(() => child.exitCode !== null, 'it ended by itself');
    expect(child.exitCode).toBe(0);
    await allBecome(node, other, 'refused');
  });

  test.each(['dialled', 'dials'])('a killed peer that %s is known to be gone', async (role) => {
    const [smaller, larger] = pair();
    const [mine, theirs] = role === 'dials' ? [larger, smaller] : [smaller, larger];
    const node = await cluster.start(mine);
    const child = await spawnNode(theirs);
    await allBecome(node, theirs, 'open');
    child.kill('SIGKILL');
    await allBecome(node, theirs, 'refused');
    await spawnNode(theirs);
    await allBecome(node, theirs, 'open');
    await answers(node, theirs, 7);
  });

  test.each(['dialled', 'dials'])(
    'a frozen peer that %s comes back when it thaws',
    async (role) => {
      const [smaller, larger] = pair();
      const [mine, theirs] = role === 'dials' ? [larger, smaller] : [smaller, larger];
      const node = await cluster.start(mine);
      const child = await spawnNode(theirs);
      await allBecome(node, theirs, 'open');
      child.kill('SIGSTOP');
      node.mesh.sendRaft(vote({ from: mine, to: theirs }, 1));
      for (const over of INTERCONNECTS) node.mesh.reset(theirs, over);
      await allBecome(node, theirs, 'closed');
      // The kernel accepts for it, so it looks neither dead nor alive.
      const signal = new AbortController().signal;
      expect(await node.mesh.probe(theirs, 'red', signal)).toBe('connected');
      await cluster.settle();
      child.kill('SIGCONT');
      await allBecome(node, theirs, 'open');
      await answers(node, theirs, 2);
    },
  );
});
