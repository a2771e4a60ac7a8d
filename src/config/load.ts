/**
 * From a file to what a daemon is told at its start. One file can serve all nodes: which one is
 * meant comes from `--node` or `node:`, and what differs is written as `{per-node: {…}}`.
 *
 * Everything that is wrong is found in one pass and reported at once, with its place. Nothing is
 * started, opened or asked of the machine: a file is checked anywhere. Whether devices exist and
 * ports are free is the business of those that use them.
 */
import type { NodeId } from '../lib/ids.ts';
import { type Fault, faultsToError, inFileOrder, type Path } from './fault.ts';
import { claimHosts, readGroups } from './groups.ts';
import { checkInterconnects, checkNode, readMembers } from './members.ts';
import { readNotifications } from './notifications.ts';
import { readTimes } from './read-times.ts';
import { glance, isPerNode, PER_NODE } from './resources.ts';
import { fileSchema, logSchema, operatorsSchema, watchdogSchema } from './schema.ts';
import { readPart } from './shape.ts';
import { readConfigText, Source } from './source.ts';
import type { LogConfig, NodeConfig, Sabotage } from './types.ts';
import { Uses } from './uses.ts';

/** What a command line may say in place of the file. */
export type ConfigOverrides = {
  readonly node?: NodeId | undefined;
  /** For a mere check: where no node is named, the first member stands in for all. */
  readonly anyNode?: boolean | undefined;
  readonly dataDirectory?: string | undefined;
  readonly socketPath?: string | undefined;
  readonly logLevel?: LogConfig['level'] | undefined;
  readonly sabotage?: readonly Sabotage[] | undefined;
};

export type CheckedConfig = {
  /** null when there is any error. */
  readonly config: NodeConfig | null;
  /** Errors and warnings in the order of the file. */
  readonly faults: readonly Fault[];
};

/**
 * @throws {HoldfastError} with the code of the first fault, and all of them in `context.faults`.
 * Warnings do not fail; `warned` is told each of them.
 */
export async function loadConfig(
  path: string,
  overrides: ConfigOverrides = {},
  warned: (fault: Fault) => void = () => undefined,
): Promise<NodeConfig> {
  const { config, faults } = checkConfig(path, await readConfigText(path), overrides);
  if (config === null) throw faultsToError(faults);
  for (const fault of faults) warned(fault);
  return config;
}

/** As `loadConfig`, on a text that was read from `file`. Never throws for what is in the text. */
export function checkConfig(
  file: string,
  text: string,
  overrides: ConfigOverrides = {},
): CheckedConfig {
  const source = new Source(file, text);
  const config = source.faults.length === 0 ? readFile(source, overrides) : null;
  const failed = source.faults.some((fault) => fault.severity === 'error');
  return { config: failed ? null : config, faults: inFileOrder(source.faults) };
}

function readFile(source: Source, overrides: ConfigOverrides): NodeConfig | null {
  const raw = source.value;
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    source.error('CONFIG_INVALID', [], 'expected a map of keys and values');
    return null;
  }
  const names = listOf(raw, 'members').flatMap((member) => glance(member).name ?? []);
  const standIn = overrides.anyNode === true ? names[0] : undefined;
  const node = overrides.node ?? (textOf(raw, 'node') || standIn);
  if (node === undefined) {
    source.error('CONFIG_INVALID', ['node'], 'missing: which member this is (--node or `node:`)');
  } else if (listOf(raw, 'members').length > 0) {
    checkNode(source, ['node'], node, names);
  }
  const here = onNode(source, [], raw, { node, keys: ['data-directory', 'socket'] });
  const file = readPart(source, [], here, fileSchema);
  const log = levelled(readLog(source, raw, node), overrides.logLevel);
  const watchdog = readWatchdog(source, raw);
  const operators = readOperators(source, raw);
  const notifications = readNotifications(source, listOf(raw, 'notifications'));
  const uses = new Uses(source);
  const interconnects = listOf(raw, 'interconnects').filter((each) => typeof each === 'string');
  if (Array.isArray(Reflect.get(raw, 'interconnects'))) {
    checkInterconnects(source, uses, interconnects);
  }
  const members = readMembers(source, uses, listOf(raw, 'members'), interconnects);
  claimHosts(uses, members);
  const groups = readGroups(source, uses, listOf(raw, 'groups'), names);
  const profile = Reflect.get(raw, 'profile') === 'safe' ? 'safe' : 'fast';
  const voters = Math.max(1, names.length);
  const invited = Reflect.get(raw, 'invited') === true;
  const times = readTimes(source, Reflect.get(raw, 'times'), { profile, voters, invited });
  if (file === null || node === undefined || times === null) return null;
  const socketPath = overrides.socketPath ?? file.socket;
  checkSocketPath(source, socketPath);
  return {
    clusterId: file.cluster,
    node,
    dataDirectory: overrides.dataDirectory ?? file['data-directory'],
    socketPath,
    profile: file.profile,
    times,
    interconnects: file.interconnects,
    members,
    groups,
    sabotage: overrides.sabotage ?? [],
    ...(file.invited ? { invited: true } : {}),
    ...(log === undefined ? {} : { log }),
    ...(watchdog === undefined ? {} : { watchdog }),
    ...(operators === undefined ? {} : { operators }),
    ...(notifications.length === 0 ? {} : { notifications }),
  };
}

function levelled(
  log: NodeConfig['log'],
  level: LogConfig['level'] | undefined,
): NodeConfig['log'] {
  if (level === undefined) return log;
  return { file: log?.file ?? null, trace: log?.trace ?? null, level };
}

function readOperators(source: Source, raw: object): NodeConfig['operators'] {
  const value: unknown = Reflect.get(raw, 'operators');
  if (value === undefined) return undefined;
  const read = readPart(source, ['operators'], value, operatorsSchema);
  if (read === null) return undefined;
  return {
    adminGroup: read['admin-group'] ?? null,
    readOnlyGroup: read['read-only-group'] ?? null,
  };
}

function readWatchdog(source: Source, raw: object): NodeConfig['watchdog'] {
  const value: unknown = Reflect.get(raw, 'watchdog');
  if (value === undefined) return undefined;
  const read = readPart(source, ['watchdog'], value, watchdogSchema);
  return read === null ? undefined : { device: read.device, timeoutMs: read.timeout };
}

function readLog(source: Source, raw: object, node: NodeId | undefined): NodeConfig['log'] {
  const value: unknown = Reflect.get(raw, 'log');
  if (value === undefined) return undefined;
  const at = ['log'];
  const isMap = typeof value === 'object' && value !== null;
  const own = isMap ? onNode(source, at, value, { node, keys: ['file', 'trace'] }) : value;
  const log = readPart(source, at, own, logSchema);
  if (log === null) return undefined;
  return { level: log.level, file: log.file ?? null, trace: log.trace ?? null };
}

/** `sun_path` has 108 bytes with the closing zero (unix(7)); longer ones are cut or refused. */
const MAX_SOCKET_PATH_BYTES = 107;

function checkSocketPath(source: Source, path: string): void {
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return;
  source.error('CONFIG_INVALID', ['socket'], `longer than ${MAX_SOCKET_PATH_BYTES} bytes`);
}

/** The map at `path` with `{per-node: {…}}` under `keys` replaced by the value of `node`. */
function onNode(
  source: Source,
  path: Path,
  raw: object,
  { node, keys }: { readonly node: NodeId | undefined; readonly keys: readonly string[] },
): object {
  return Object.fromEntries(
    Object.entries(raw).flatMap(([key, value]) => {
      if (!keys.includes(key) || !isPerNode(value)) return [[key, value]];
      const own = node === undefined ? undefined : value[PER_NODE][node];
      if (own !== undefined) return [[key, own]];
      if (node !== undefined) {
        source.error('CONFIG_INVALID', [...path, key, PER_NODE], `missing: a value for ${node}`);
      }
      return [];
    }),
  );
}

function listOf(raw: object, key: string): readonly unknown[] {
  const value: unknown = Reflect.get(raw, key);
  return Array.isArray(value) ? value : [];
}

function textOf(raw: object, key: string): string {
  const value: unknown = Reflect.get(raw, key);
  return typeof value === 'string' ? value : '';
}
