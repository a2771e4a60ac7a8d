/**
 * A program of the fence-agents package (any of them, or one that behaves the same): told what to do
 * by `name=value` lines on its standard input, so that no password stands in a list of processes,
 * and answering by its exit status.
 *
 * Reference: FenceAgentAPI.md of ClusterLabs/fence-agents.
 */
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError } from '../../lib/error.ts';
import { commandEnvironment, run } from '../../system/run.ts';
import type { AgentAction, PowerDevice, PowerInput } from './plan.ts';

export type Ask = AgentAction | 'metadata';

/** Of what an agent says, as a reason. */
const MAX_SAID = 200;

/** Never rejects for what an agent does; an agent that is not there is said like one that fails. */
export async function askAgent(
  device: PowerDevice,
  action: Ask,
  signal: AbortSignal,
): Promise<PowerInput> {
  const { program, options, timeoutMs } = device;
  const lines = Object.entries({ ...options, action }).map(([name, value]) => `${name}=${value}\n`);
  try {
    const ended = await run([program], { input: lines.join(''), signal, timeoutMs });
    return { status: ended.status, said: lastLine(ended.stderr) };
  } catch (error) {
    if (!(error instanceof HoldfastError)) {
      if (signal.aborted) return { status: null, said: 'given up' };
      throw error;
    }
    return { status: null, said: error.code };
  }
}

/** Is there such a program on this node? It is not started: a fitness check asks every second. */
export async function isInstalled(program: string): Promise<boolean> {
  const places = program.includes('/')
    ? [program]
    : (commandEnvironment()['PATH'] ?? '').split(':').map((place) => join(place, program));
  const found = places.map(async (place) => {
    await access(place, constants.X_OK);
    return true;
  });
  return await Promise.any(found).catch(() => false); // none of the places has it
}

function lastLine(text: string): string {
  return (text.trim().split('\n').at(-1) ?? '').slice(0, MAX_SAID);
}
