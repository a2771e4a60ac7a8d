/**
 * The host's end of a machine's command agent (`guest/agent.sh`): a command is a file in the
 * machine's share, its output another, and only ids and statuses travel over the line.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer } from '../lab.ts';
import { LabError } from './lab-error.ts';
import type { SerialLine } from './serial-line.ts';

const commandTimeoutMs = 60_000;

export class CommandAgent {
  readonly #name: string;
  readonly #share: string;
  #commands = 0;

  /** `share` is what the machine sees as /lab. */
  constructor(name: string, share: string) {
    this.#name = name;
    this.#share = share;
  }

  /** @throws LabError GUEST_OFF when there is no line. */
  async exec(
    line: SerialLine | undefined,
    command: string,
    timeoutMs: number = commandTimeoutMs,
  ): Promise<Answer> {
    if (line === undefined) throw new LabError('GUEST_OFF', `${this.#name}: ${command}`);
    this.#commands += 1;
    const id = `c${this.#commands}`;
    const [script, output] = [join(this.#share, `${id}.sh`), join(this.#share, `${id}.out`)];
    writeFileSync(script, `${command}\n`);
    const status = await line.ask(id, timeoutMs);
    if (status === undefined) {
      return { status: -1, output: line.isClosed ? 'power lost' : 'no answer' };
    }
    const answer = { status, output: readFileSync(output, 'utf8') };
    rmSync(script);
    rmSync(output);
    return answer;
  }

  /** @throws LabError GUEST_COMMAND_FAILED when the status is not 0. */
  async ok(line: SerialLine | undefined, command: string, timeoutMs?: number): Promise<string> {
    const { status, output } = await this.exec(line, command, timeoutMs);
    if (status === 0) return output;
    throw new LabError(
      'GUEST_COMMAND_FAILED',
      `${this.#name}: ${command}: status ${status}: ${output}`,
    );
  }
}
