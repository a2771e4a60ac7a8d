/**
 * The client's side: processes in the laboratory's namespace, which is .254 on every network. Load
 * generators and probes run here, on the host's kernel and at the host's speed. They end with the
 * laboratory.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { run } from './host.ts';

export type ClientProcess = ChildProcessByStdio<Writable, Readable, Readable>;

export class Client {
  readonly #namespace: string;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** Starts a process in the namespace; it dies with this process. */
  spawn(argv: readonly string[], env: Readonly<Record<string, string>> = {}): ClientProcess {
    return spawn('ip', [...this.#enter(), 'setpriv', '--pdeathsig', 'KILL', ...argv], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
  }

  /** Runs a program to its end and answers its output. @throws LabError COMMAND_FAILED */
  run(argv: readonly string[], timeoutMs?: number): Promise<string> {
    const all = ['ip', ...this.#enter(), ...argv] as const;
    return run(all, timeoutMs === undefined ? {} : { timeoutMs });
  }

  async reaches(address: string): Promise<boolean> {
    return this.run(['busybox', 'ping', '-c', '1', '-W', '1', address]).then(
      () => true,
      () => false,
    );
  }

  #enter(): readonly string[] {
    return ['netns', 'exec', this.#namespace];
  }
}
