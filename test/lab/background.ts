/**
 * A program that runs in a guest in the background: started, asked after, stopped, killed. Its
 * output goes to a file of the host, written through, so that it can be read when the guest has
 * lost its power or hangs.
 *
 * It knows a program by its pid and start time: a pid alone may be another's by now.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './kernel/index.ts';
import type { Machine } from './lab.ts';

const startLimitMs = 20_000;
const stopLimitMs = 30_000;

export class Background {
  readonly guest: Machine;
  readonly name: string;
  #process: { readonly pid: number; readonly startTicks: string } | undefined;

  constructor(guest: Machine, name: string) {
    this.guest = guest;
    this.name = name;
  }

  /** @param command a shell text; it is `exec`ed, so it must be one program, with its variables in front */
  async start(command: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
    const set = Object.entries(env).map(([key, value]) => `${key}='${value}'`);
    const text = [`export ${set.join(' ')} LAB=1`, `exec ${command}`].join('; ');
    const quoted = text.replaceAll("'", `'\\''`);
    const pidFile = `/run/lab-${this.name}.pid`;
    await this.guest.ok(
      `rm -f ${pidFile}; setsid sh -c 'echo $$ > ${pidFile}; ${quoted}' </dev/null >>/lab/${this.name}.log 2>&1 &`,
    );
    // Forgotten by the shell that started it: what counts is the pid that it wrote itself.
    this.#process = await until(
      async () => {
        const { status, output } = await this.guest.exec(
          `read pid < ${pidFile} && read -r stat < /proc/$pid/stat && echo "$pid $stat"`,
        );
        if (status !== 0) return undefined;
        const pid = Number(output.split(' ')[0]);
        return { pid, startTicks: ticks(output) };
      },
      { what: `${this.guest.name}: ${this.name} starts`, limitMs: startLimitMs },
      () => this.log.slice(-2000),
    );
  }

  async isRunning(): Promise<boolean> {
    const { pid, startTicks } = this.#process ?? {};
    if (pid === undefined || !this.guest.isOn) return false;
    const { status, output } = await this.guest.exec(
      `read -r stat < /proc/${pid}/stat && echo "$stat"`,
    );
    // A zombie has ended: only its parent has not noticed.
    return status === 0 && ticks(` ${output}`) === startTicks && !/\) Z /.test(output);
  }

  /** SIGTERM, and waits for its end. */
  async stop(limitMs: number = stopLimitMs): Promise<void> {
    await this.#end('TERM', limitMs);
  }

  async kill(): Promise<void> {
    await this.#end('KILL', stopLimitMs);
  }

  /** SIGSTOP or SIGCONT of the program alone, the machine around it goes on. */
  async signal(name: 'STOP' | 'CONT' | 'TERM' | 'KILL' | 'HUP'): Promise<void> {
    if (this.#process !== undefined) await this.guest.exec(`kill -${name} ${this.#process.pid}`);
  }

  /** Everything that it said, over all of its starts. */
  get log(): string {
    const path = join(this.guest.share, `${this.name}.log`);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  async #end(signal: 'TERM' | 'KILL', limitMs: number): Promise<void> {
    if (!(await this.isRunning())) return;
    await this.signal(signal);
    await until(
      async () => !(await this.isRunning()),
      { what: `${this.guest.name}: ${this.name} ends after SIG${signal}`, limitMs },
      () => this.log.slice(-2000),
    );
  }
}

/** The 22nd field of /proc/PID/stat, whose second may hold blanks. */
function ticks(stat: string): string {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
