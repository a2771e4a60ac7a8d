/** Three members of ours on loopback: two interconnects, synced `level`, times of the profile `fast`. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultTimes } from '../../src/config/times.ts';
import type { NodeConfig } from '../../src/config/types.ts';
import { known } from '../../src/lib/assert.ts';
import { loadOrCreateIdentity } from '../../src/mesh/identity.ts';
import { freeEndpoints } from '../../test/demo/loopback.ts';
import { type Contender, MEMBERS, PATIENCE_MS } from './contender.ts';
import type { Measured } from './figures.ts';
import type { Load } from './load.ts';
import type { MemberSetup, Reply, Request } from './member.ts';
import { end, kill, signalGroup, startModule } from './processes.ts';
import { until } from './waiting.ts';

const MEMBER = fileURLToPath(new URL('member.ts', import.meta.url));
const INTERCONNECTS = ['red', 'blue'] as const;
const PORTS_PER_MEMBER = INTERCONNECTS.length + 1;

export type LeaderLoad = { readonly measured: Measured; readonly cpuMs: number };

export class HoldfastCluster implements Contender {
  readonly name = 'holdfast, profile fast';
  readonly #directory: string;
  readonly #execArgv: readonly string[];
  readonly #children = new Map<number, ChildProcess>();
  #doors: readonly string[] = [];

  /** @param execArgv options of Node for the members, such as `--cpu-prof` */
  constructor(directory: string, execArgv: readonly string[] = []) {
    this.#directory = directory;
    this.#execArgv = execArgv;
  }

  get doors(): readonly string[] {
    return this.#doors;
  }

  async start(): Promise<void> {
    await this.#lay();
    await Promise.all(Array.from({ length: MEMBERS }, (_, i) => this.restart(i)));
    await until('a leader of ours', PATIENCE_MS, () => this.leader());
  }

  async stop(): Promise<void> {
    const children = [...this.#children.values()];
    this.#children.clear();
    await Promise.all(children.map((child) => end(child, () => child.send({ kind: 'stop' }))));
    await Promise.all(children.map(kill));
  }

  async leader(): Promise<number | null> {
    for (const child of this.#children.values()) {
      const { leader } = await this.#ask(child, { kind: 'leader' });
      const number = Number(leader?.replace('node', ''));
      if (number >= 1 && this.#children.has(number - 1)) return number - 1;
    }
    return null;
  }

  /** A load from inside the leader's own process. */
  async loadLeader(load: Load): Promise<LeaderLoad> {
    const leader = await until('a leader of ours', PATIENCE_MS, () => this.leader());
    const child = known(this.#children.get(leader), 'leader');
    const { measured, cpuMs } = await this.#ask(child, { kind: 'load', load });
    return { measured: known(measured, 'measured'), cpuMs: known(cpuMs, 'cpuMs') };
  }

  kill(member: number): void {
    const child = known(this.#children.get(member), 'member');
    this.#children.delete(member);
    signalGroup(child, 'SIGKILL');
  }

  async restart(member: number): Promise<void> {
    const child = startModule({
      argv: [MEMBER, this.#path(member, 'setup.json')],
      log: this.#path(member, 'output'),
      execArgv: this.#execArgv,
    });
    await Promise.race([once(child, 'message'), this.#failure(child, member)]);
    this.#children.set(member, child);
  }

  async #failure(child: ChildProcess, member: number): Promise<never> {
    await once(child, 'exit');
    throw new Error(`member ${member} did not start, see ${this.#path(member, 'output')}`);
  }

  async #lay(): Promise<void> {
    const endpoints = await freeEndpoints(MEMBERS * PORTS_PER_MEMBER);
    const endpoint = (member: number, which: number): string =>
      known(endpoints[member * PORTS_PER_MEMBER + which], 'endpoint');
    this.#doors = Array.from({ length: MEMBERS }, (_, i) => endpoint(i, INTERCONNECTS.length));
    const members = await Promise.all(
      this.#doors.map(async (_, i) => {
        const dataDirectory = this.#path(i, 'data');
        await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
        const { peerId } = await loadOrCreateIdentity(dataDirectory);
        const addresses = Object.fromEntries(
          INTERCONNECTS.map((over, which) => [over, endpoint(i, which)]),
        );
        return { node: `node${i + 1}`, number: i + 1, peerId, addresses };
      }),
    );
    for (const [i, { node }] of members.entries()) {
      const config: NodeConfig = {
        clusterId: `benchmark-${process.pid}`,
        node,
        dataDirectory: this.#path(i, 'data'),
        socketPath: this.#path(i, 'socket'),
        profile: 'fast',
        times: defaultTimes('fast', MEMBERS),
        interconnects: INTERCONNECTS,
        members,
        groups: [],
        sabotage: [],
      };
      const setup: MemberSetup = { config, door: known(this.#doors[i], 'door') };
      await writeFile(this.#path(i, 'setup.json'), JSON.stringify(setup));
    }
  }

  #path(member: number, name: string): string {
    return join(this.#directory, `member${member + 1}`, name);
  }

  async #ask(child: ChildProcess, request: Request): Promise<Reply> {
    const gone = new AbortController();
    const ended = (): void => gone.abort(new Error('the member ended'));
    child.once('exit', ended);
    try {
      const answer = once(child, 'message', { signal: gone.signal });
      child.send(request);
      const [reply] = (await answer) as [Reply];
      return reply;
    } finally {
      child.off('exit', ended);
    }
  }
}
