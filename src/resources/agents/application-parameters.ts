/**
 * The parameters of an application, read once for each action.
 *
 * - `command`: a program that stays; it is supervised. Or `start`: a command that ends when the
 *   application runs in the background (an old start script); then `readiness` says whether it runs.
 * - `prestart: true`: the program of `command` is started as soon as the group is this node's, while disk,
 *   mount and the old lease still take their time, and waits: see `application-run.ts`.
 * - `stop`: a command that ends it; else `stop-signal` (default SIGTERM) goes to all its processes.
 * - `recover`: a command before each start, which puts right what a power loss left half-written.
 * - `readiness`: see `readiness.ts`; `monitor`: the same, for the time after the start.
 * - `user`, `directory`, `environment` (list of K=V): for all these commands.
 *
 * Commands are lists of words; no shell reads them.
 */
import { constants } from 'node:os';
import type { ResourceDefinition } from '../../cluster/definition.ts';
import { misconfigured, optionalText, words } from '../parameters.ts';
import { type Probe, readProbe } from './readiness.ts';

export type Command = readonly string[];

export type Wanted = {
  readonly main:
    | { readonly kind: 'supervised'; readonly argv: Command }
    | { readonly kind: 'background'; readonly argv: Command };
  readonly prestart: boolean;
  readonly recover: Command | null;
  readonly stop: Command | null;
  readonly stopSignal: NodeJS.Signals;
  readonly user: string | null;
  readonly directory: string | null;
  readonly environment: Readonly<Record<string, string>>;
  readonly readiness: Probe;
  readonly monitor: Probe;
};

/** @throws HoldfastError RESOURCE_MISCONFIGURED */
export function readApplication(definition: ResourceDefinition): Wanted {
  const readiness = readProbe(definition, 'readiness');
  const monitor = readProbe(definition, 'monitor');
  return {
    main: readMain(definition, readiness),
    prestart: readPrestart(definition),
    recover: optionalCommand(definition, 'recover'),
    stop: optionalCommand(definition, 'stop'),
    stopSignal: readSignal(definition),
    user: optionalText(definition, 'user'),
    directory: optionalText(definition, 'directory'),
    environment: readEnvironment(definition),
    readiness,
    monitor: monitor.kind === 'none' ? readiness : monitor,
  };
}

function readMain(definition: ResourceDefinition, readiness: Probe): Wanted['main'] {
  const command = optionalCommand(definition, 'command');
  const start = optionalCommand(definition, 'start');
  if (command !== null && start === null) return { kind: 'supervised', argv: command };
  if (start === null || command !== null) {
    throw misconfigured(definition, 'command', 'expected either `command` or `start`');
  }
  if (readiness.kind === 'none') {
    throw misconfigured(definition, 'readiness', 'is missing: nothing else tells that it runs');
  }
  return { kind: 'background', argv: start };
}

function readPrestart(definition: ResourceDefinition): boolean {
  const wanted = definition.parameters['prestart'] === true;
  if (wanted && optionalCommand(definition, 'command') === null) {
    throw misconfigured(definition, 'prestart', 'needs `command`: only a program that stays waits');
  }
  return wanted;
}

function optionalCommand(definition: ResourceDefinition, name: string): Command | null {
  const command = words(definition, name);
  return command.length === 0 ? null : command;
}

function readSignal(definition: ResourceDefinition): NodeJS.Signals {
  const name = optionalText(definition, 'stop-signal') ?? 'SIGTERM';
  const signal = Object.keys(constants.signals).find((known) => known === name);
  if (signal === undefined) throw misconfigured(definition, 'stop-signal', `no signal ${name}`);
  return signal as NodeJS.Signals;
}

function readEnvironment(definition: ResourceDefinition): Readonly<Record<string, string>> {
  return Object.fromEntries(
    words(definition, 'environment').map((entry) => {
      const at = entry.indexOf('=');
      if (at < 1) throw misconfigured(definition, 'environment', `no NAME=VALUE: ${entry}`);
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}
