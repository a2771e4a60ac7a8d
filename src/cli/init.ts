/**
 * `holdfast init`: the beginning of a cluster, on its first machine. Makes the key, writes a
 * configuration of one member, and says how the others come in. It starts nothing and overwrites
 * nothing. What the flags do not say is asked for on a terminal.
 */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join as joinPath, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline/promises';
import { HoldfastError } from '../lib/error.ts';
import type { CommandContext } from './command.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { addressesOf } from './join.ts';

export type InitOptions = {
  readonly cluster?: string | undefined;
  readonly node?: string | undefined;
  readonly address?: readonly string[] | undefined;
  readonly profile?: string | undefined;
  readonly dataDirectory?: string | undefined;
  readonly config?: string | undefined;
};

type Answers = {
  readonly cluster: string;
  readonly node: string;
  readonly address: readonly string[];
  readonly profile: string;
  readonly dataDirectory: string;
};

const USUAL_DIRECTORY = '/var/lib/holdfast';

/** @throws {HoldfastError} USAGE, CONFIG_EXISTS, DATA_DIRECTORY_USED, and what the file is refused for. */
export async function init(
  context: CommandContext,
  options: InitOptions,
  socketPath: string | null,
): Promise<ExitCode> {
  const answers = await complete(options);
  const addresses = await addressesOf(answers.address);
  const dataDirectory = resolve(answers.dataDirectory);
  const path = resolve(options.config ?? joinPath(dataDirectory, 'holdfast.yaml'));
  if (existsSync(path)) throw new HoldfastError('CONFIG_EXISTS', { path });
  if (existsSync(joinPath(dataDirectory, 'log', 'CURRENT'))) {
    throw new HoldfastError('DATA_DIRECTORY_USED', { directory: dataDirectory });
  }
  const { foundedFileText } = await import('../config/founded-file.ts');
  const { checkConfig } = await import('../config/load.ts');
  const { faultsToError } = await import('../config/fault.ts');
  const { writeNewFile } = await import('../config/joined-file.ts');
  const { loadOrCreateIdentity } = await import('../mesh/identity.ts');
  const { peerId } = await loadOrCreateIdentity(dataDirectory);
  const { cluster: clusterId, node, profile } = answers;
  const founded = { clusterId, node, peerId, profile, addresses, dataDirectory, socketPath };
  const text = foundedFileText(founded);
  const { config, faults } = checkConfig(path, text);
  if (config === null) throw faultsToError(faults);
  await writeNewFile(path, text);
  if (context.json) context.printJson({ ok: true, clusterId, node, peerId, config: path });
  else context.print(nextSteps(answers, path));
  return EXIT.ok;
}

function nextSteps({ cluster, node }: Answers, path: string): readonly string[] {
  return [
    `${node} is the first member of cluster ${cluster}; its configuration is in ${path}`,
    'start its daemon:',
    `  holdfast run --config ${path}`,
    'then, for each further machine, a token here and a command there:',
    '  holdfast invite --node NAME',
    '  holdfast join TOKEN --address lan-a=HOST:PORT --address lan-b=HOST:PORT --data-directory DIR',
    'three members bear the loss of one; groups are added with `holdfast apply`',
  ];
}

/** Asks for what is missing. @throws {HoldfastError} USAGE where nobody can be asked. */
async function complete(options: InitOptions): Promise<Answers> {
  const { cluster, node, address = [], profile, dataDirectory } = options;
  const missing = [
    ...(cluster === undefined ? ['--cluster'] : []),
    ...(node === undefined ? ['--node'] : []),
    ...(address.length < 2 ? ['--address (at least twice)'] : []),
  ];
  if (missing.length > 0 && process.stdin.isTTY !== true) {
    throw new HoldfastError('USAGE', { detail: `missing: ${missing.join(', ')}` });
  }
  const asked = missing.length === 0 ? null : createInterface(process.stdin, process.stderr);
  try {
    return {
      cluster: cluster ?? (await ask(asked, 'name of the cluster', 'cluster')),
      node: node ?? (await ask(asked, 'name of this node', hostname().split('.')[0] ?? 'node1')),
      address: address.length >= 2 ? address : await askAddresses(asked, address),
      profile: profile ?? 'fast',
      dataDirectory:
        dataDirectory ?? (await ask(asked, 'directory for its key and log', USUAL_DIRECTORY)),
    };
  } finally {
    asked?.close();
  }
}

async function ask(terminal: Interface | null, words: string, usual: string): Promise<string> {
  const answer = (await terminal?.question(`${words} [${usual}]: `)) ?? '';
  return answer.trim() === '' ? usual : answer.trim();
}

async function askAddresses(
  terminal: Interface | null,
  known: readonly string[],
): Promise<readonly string[]> {
  const addresses = [...known];
  while (addresses.length < 2) {
    const usual = `lan-${addresses.length === 0 ? 'a' : 'b'}`;
    const name = await ask(terminal, `interconnect ${addresses.length + 1}`, usual);
    const where = (await terminal?.question(`address of this node on ${name} (HOST:PORT): `)) ?? '';
    addresses.push(`${name}=${where.trim()}`);
  }
  return addresses;
}
