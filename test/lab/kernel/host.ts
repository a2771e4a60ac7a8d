/**
 * Commands on the host itself: short, bounded, and an error that shows what the command said.
 * Nothing here knows about guests; a guest is commanded over its own line (`guest.ts`).
 */

import { execFile } from 'node:child_process';
import { LabError } from './lab-error.ts';

const commandTimeoutMs = 30_000;

export type HostCommand = {
  readonly input?: string;
  readonly timeoutMs?: number;
};

/** Runs a program to its end and answers its standard output. @throws LabError COMMAND_FAILED */
export function run(
  argv: readonly [string, ...string[]],
  options: HostCommand = {},
): Promise<string> {
  const [file, ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      { timeout: options.timeoutMs ?? commandTimeoutMs, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else
          reject(new LabError('COMMAND_FAILED', `${argv.join(' ')}: ${stderr || error.message}`));
      },
    );
    child.stdin?.on('error', () => {}); // The program may end without reading all of its input.
    child.stdin?.end(options.input ?? '');
  });
}
