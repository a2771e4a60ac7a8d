/**
 * A host with its own Linux kernel: a user-mode-linux process. Its power is that process: SIGKILL
 * is power loss, SIGSTOP freezes the machine in the middle of whatever it did. It is commanded
 * over a serial line, so that it answers while all of its networks are cut.
 *
 * setpriv and unshare tie it to this process: when the laboratory dies, however it dies, the
 * kernel ends the guest and everything in it, frozen or not. The wrapper ends last, so its end
 * proves that no process of the guest, not even its disk thread, is left: only then may the same
 * disk be given to a new boot.
 *
 * It knows nothing of storage targets or of Holdfast: see `kernel-lab.ts` and `../cluster.ts`.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer, Machine } from '../lab.ts';
import { CommandAgent } from './command-agent.ts';
import { LabError } from './lab-error.ts';
import { guestMac, networks, tapOf } from './network.ts';
import { SerialLine } from './serial-line.ts';

export type GuestOptions = {
  readonly id: number;
  readonly namespace: string;
  /** The laboratory's run directory on the host. */
  readonly directory: string;
  /** The repository: visible in the guest at the same path. */
  readonly root: string;
  readonly memoryMb: number;
  /** Image files on the host, in order: /dev/ubda is the guest's own disk, mounted at /var/lib/holdfast. */
  readonly disks: readonly string[];
  /** Libraries to load into the guest's kernel process. */
  readonly preload: readonly string[];
};

const bootTimeoutMs = 90_000;

export class Guest implements Machine {
  readonly id: number;
  readonly name: string;
  /** A directory of the host that the guest sees as /lab, written through: it survives power loss. */
  readonly share: string;
  readonly #options: GuestOptions;
  #running:
    | { readonly child: ChildProcess; readonly line: SerialLine; readonly ended: Promise<void> }
    | undefined;
  #kernelPid: number | undefined;
  readonly #agent: CommandAgent;

  constructor(options: GuestOptions) {
    this.#options = options;
    this.id = options.id;
    this.name = options.id === 0 ? 'storage' : `node${options.id}`;
    this.share = join(options.directory, this.name);
    this.#agent = new CommandAgent(this.name, this.share);
  }

  get isOn(): boolean {
    return this.#running !== undefined;
  }

  /** off → on. Resolves when the guest's agent answers. @throws LabError GUEST_NOT_BOOTED */
  async boot(): Promise<void> {
    if (this.#running !== undefined) throw new LabError('USAGE', `${this.name} is already on`);
    const { directory } = this.#options;
    rmSync(join(directory, `uml-${this.name}`), { recursive: true, force: true });
    mkdirSync(join(this.share, 'overlay'), { recursive: true });
    writeFileSync(this.#clockShift, Buffer.alloc(8)); // A fresh boot reads the host's clock again.
    const log = openSync(join(directory, `${this.name}.console`), 'a');
    const child = spawn('ip', this.#argv(), { stdio: ['pipe', log, log, 'pipe'], detached: true });
    closeSync(log);
    const line = new SerialLine(child);
    const ended = new Promise<void>((resolve) => {
      const end = (): void => {
        line.close();
        this.#running = undefined;
        this.#kernelPid = undefined;
        resolve();
      };
      child.on('exit', end);
      child.on('error', end);
    });
    this.#running = { child, line, ended };
    if ((await line.answer('READY', bootTimeoutMs)) === undefined) {
      await this.powerOff();
      const text = readFileSync(join(directory, `${this.name}.console`), 'utf8');
      throw new LabError('GUEST_NOT_BOOTED', `${this.name}: ${text.slice(-2000)}`);
    }
    this.#kernelPid = childrenOf(child.pid)[0];
  }

  /** Runs a shell command; a program that it leaves in the background must have its output redirected. */
  exec(command: string, timeoutMs?: number): Promise<Answer> {
    return this.#agent.exec(this.#running?.line, command, timeoutMs);
  }

  /** Runs a command that must succeed and answers its output. @throws LabError GUEST_COMMAND_FAILED */
  ok(command: string, timeoutMs?: number): Promise<string> {
    return this.#agent.ok(this.#running?.line, command, timeoutMs);
  }

  /** on or frozen → off, as when the plug is pulled. Resolves when no process of the guest is left. */
  async powerOff(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    const pid = this.#kernelPid ?? childrenOf(running.child.pid)[0] ?? running.child.pid;
    if (pid !== undefined) signal(pid, 'SIGKILL');
    await running.ended;
  }

  /** on → frozen: the whole machine stands still, in the middle of an instruction. */
  freeze(): void {
    signal(this.#pid(), 'SIGSTOP');
  }

  /** frozen → on: it goes on as if nothing had happened, with a clock that jumps. */
  thaw(): void {
    signal(this.#pid(), 'SIGCONT');
  }

  /** frozen: when it is thawed, its clock will have run so much longer. Needs `LabOptions.clocks`. */
  moveClock(byMs: number): void {
    const now = readFileSync(this.#clockShift);
    now.writeBigInt64LE(now.readBigInt64LE() + BigInt(byMs) * 1_000_000n);
    writeFileSync(this.#clockShift, now, { flag: 'r+' });
  }

  get #clockShift(): string {
    return join(this.#options.directory, `${this.name}.clock-shift`);
  }

  #pid(): number {
    if (this.#kernelPid === undefined) throw new LabError('GUEST_OFF', this.name);
    return this.#kernelPid;
  }

  #argv(): string[] {
    const { id, namespace, directory, root, memoryMb, disks, preload } = this.#options;
    return [
      ...['netns', 'exec', namespace, 'setpriv', '--pdeathsig', 'KILL'],
      ...['unshare', '--pid', '--fork', '--kill-child'],
      ...(preload.length === 0
        ? []
        : ['env', `LD_PRELOAD=${preload.join(':')}`, `LAB_CLOCK_SHIFT=${this.#clockShift}`]),
      'linux.uml',
      ...[`mem=${memoryMb}M`, `uml_dir=${directory}/`, `umid=uml-${this.name}`],
      ...['rootfstype=hostfs', 'rootflags=/', 'ro', `init=${root}/test/lab/kernel/guest/init.sh`],
      ...[`lab_share=${this.share}`, `lab_id=${id}`, `HOLDFAST_ROOT=${root}`],
      ...['con=null', 'con0=null,fd:1', 'ssl=null', 'ssl0=fd:0,fd:3', 'quiet', 'panic=1'],
      ...disks.map((image, i) => `ubd${i}=${image}`),
      // gro=1 is required: without it iSCSI stalls.
      ...networks.map(
        (n) => `vec${n}:transport=tap,ifname=${tapOf(id, n)},mac=${guestMac(id, n)},depth=64,gro=1`,
      ),
    ];
  }
}

function signal(pid: number, name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already: its end is observed by the exit of the wrapper.
  }
}

function childrenOf(pid: number | undefined): readonly number[] {
  if (pid === undefined) return [];
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}
