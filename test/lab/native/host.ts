/**
 * A host made of namespaces: process ids, mounts, network, name, control group. Its power is the
 * control group: one write kills everything in it, or lets it stand still.
 *
 * Death must be silent, or the kernel that all hosts share would tell the peers: it closes the
 * sockets of a killed process with a reset. So the cables are dead before the processes are
 * (`Cables.unplug`), as a host that loses its power says nothing more. For the same reason a
 * frozen host is deaf: its kernel would go on answering.
 *
 * A nexus that is killed closes its loop device before its FUSE connection, and the loop device waits
 * for answers over just that connection: it would never be gone. So the connection is aborted too.
 *
 * What it does not do: a kernel of its own. Pages that were written but not synced survive its
 * power loss; a mount of a dead host is taken apart by the kernel that lives on.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { CommandAgent } from '../kernel/command-agent.ts';
import { LabError } from '../kernel/lab-error.ts';
import { SerialLine } from '../kernel/serial-line.ts';
import { until } from '../kernel/until.ts';
import type { Answer, Machine } from '../lab.ts';
import type { Cables } from './cables.ts';

export type NativeHostOptions = {
  readonly id: number;
  /** The laboratory's run directory. */
  readonly directory: string;
  readonly root: string;
  readonly tools: string;
  readonly cables: Cables;
  /** Directory of the laboratory's control group (version 2). */
  readonly cgroup: string;
};

type Running = {
  readonly child: ChildProcess;
  readonly line: SerialLine;
  readonly ended: Promise<void>;
};

/** In the laboratory's directory: where its `fusectl` is mounted. */
export const FUSE_CONTROL = 'fuse';
const bootTimeoutMs = 20_000;

export class NativeHost implements Machine {
  readonly id: number;
  readonly name: string;
  readonly share: string;
  readonly #options: NativeHostOptions;
  readonly #agent: CommandAgent;
  #running: Running | undefined;

  constructor(options: NativeHostOptions) {
    this.#options = options;
    this.id = options.id;
    this.name = options.id === 0 ? 'storage' : `node${options.id}`;
    this.share = join(options.directory, this.name);
    this.#agent = new CommandAgent(this.name, this.share);
  }

  get isOn(): boolean {
    return this.#running !== undefined;
  }

  /** off → on. Resolves when its agent answers. @throws LabError GUEST_NOT_BOOTED */
  async boot(): Promise<void> {
    if (this.#running !== undefined) throw new LabError('USAGE', `${this.name} is already on`);
    const { directory, cables } = this.#options;
    mkdirSync(this.share, { recursive: true });
    mkdirSync(join(directory, `state-${this.name}`), { recursive: true });
    mkdirSync(this.#cgroup, { recursive: true });
    const log = openSync(join(directory, `${this.name}.console`), 'a');
    const child = spawn('setpriv', this.#argv(), {
      stdio: ['pipe', log, log, 'pipe'],
      detached: true,
      env: { ...process.env, ...this.#env() },
    });
    closeSync(log);
    const line = new SerialLine(child);
    const ended = new Promise<void>((resolve) => {
      const end = (): void => {
        line.close();
        this.#running = undefined;
        resolve();
      };
      child.on('exit', end);
      child.on('error', end);
    });
    this.#running = { child, line, ended };
    try {
      await this.#expect(line.answer('CABLES', bootTimeoutMs));
      await cables.plug(this.id, child.pid ?? 0);
      await this.#expect(line.ask('READY', bootTimeoutMs));
    } catch (error) {
      await this.powerOff();
      throw error;
    }
  }

  exec(command: string, timeoutMs?: number): Promise<Answer> {
    return this.#agent.exec(this.#running?.line, command, timeoutMs);
  }

  ok(command: string, timeoutMs?: number): Promise<string> {
    return this.#agent.ok(this.#running?.line, command, timeoutMs);
  }

  async powerOff(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#options.cables.unplug(this.id);
    this.#switch('cgroup.kill', '1');
    this.#abortConnections();
    await running.ended;
    await until(() => !this.#populated(), {
      what: `${this.name}: its last process ends`,
      limitMs: bootTimeoutMs,
      intervalMs: 2,
    });
    this.#switch('cgroup.freeze', '0');
  }

  freeze(): void {
    this.#options.cables.unplug(this.id);
    this.#switch('cgroup.freeze', '1');
  }

  /** The cables first: the kernel answers again before any process of the host has run. */
  thaw(): void {
    this.#options.cables.replug(this.id);
    this.#switch('cgroup.freeze', '0');
  }

  /** After the last power-off: nothing of it stays. */
  remove(): void {
    removeGroups(this.#cgroup);
  }

  get #cgroup(): string {
    return join(this.#options.cgroup, this.name);
  }

  /** `login.sh` has written their numbers; they are held as long as a process of the host is there. */
  #abortConnections(): void {
    const files = readdirSync(this.share).filter((name) => name.endsWith('.fuse'));
    for (const file of files.map((name) => join(this.share, name))) {
      const number = readFileSync(file, 'utf8').trim();
      rmSync(file);
      try {
        writeFileSync(join(this.#options.directory, FUSE_CONTROL, number, 'abort'), '1');
      } catch {
        // It was quicker than we are.
      }
    }
  }

  #populated(): boolean {
    return /^populated 1/m.test(readFileSync(join(this.#cgroup, 'cgroup.events'), 'utf8'));
  }

  #switch(file: string, value: string): void {
    writeFileSync(join(this.#cgroup, file), value);
  }

  async #expect(answer: Promise<number | undefined>): Promise<void> {
    if ((await answer) !== undefined) return;
    const text = readFileSync(join(this.#options.directory, `${this.name}.console`), 'utf8');
    throw new LabError('GUEST_NOT_BOOTED', `${this.name}: ${text.slice(-2000)}`);
  }

  #argv(): string[] {
    const start = join(this.#options.root, 'test/lab/native/start.sh');
    // The group is joined first, so that the namespace of control groups begins at it.
    const enter = `echo $$ > ${this.#cgroup}/cgroup.procs && exec "$@"`;
    return [
      ...['--pdeathsig', 'KILL', 'sh', '-c', enter, 'sh'],
      ...['unshare', '--net', '--mount', '--propagation', 'private', '--uts', '--ipc', '--cgroup'],
      ...['--pid', '--fork', '--kill-child', 'sh', start],
    ];
  }

  #env(): Record<string, string> {
    const { directory, root, tools } = this.#options;
    return {
      lab_id: String(this.id),
      lab_share: this.share,
      lab_state: join(directory, `state-${this.name}`),
      LAB_TOOLS: tools,
      HOLDFAST_ROOT: root,
    };
  }
}

/** Empty groups below and at `path`, deepest first. */
function removeGroups(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroups(join(path, entry.name));
  }
  rmdirSync(path);
}
