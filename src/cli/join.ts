/**
 * `holdfast join`: on a new machine, with a token that a member made. Asks the members to admit this
 * node, writes the configuration that it starts with, and says what to do next. It starts nothing.
 *
 * Everything that can be wrong here is found before the members are asked, since an invitation works
 * once. Asked again, with the same token, name, key and addresses, the members answer the same.
 */
import { existsSync } from 'node:fs';
import { join as joinPath, resolve } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { HoldfastError } from '../lib/error.ts';
import type { JoinGrant } from '../mesh/join-protocol.ts';
import type { JoinToken } from '../mesh/join-token.ts';
import type { CommandContext } from './command.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

export type JoinOptions = {
  readonly node?: string | undefined;
  readonly address: readonly string[];
  readonly dataDirectory: string;
  readonly config?: string | undefined;
};

/** For one member on one interconnect; longer than the member itself waits for a majority. */
const ASK_LIMIT_MS = 12_000;

/** @throws {HoldfastError} TOKEN_*, INVITATION_*, JOIN_*, CONFIG_EXISTS and whatever the members say. */
export async function join(
  context: CommandContext,
  word: string,
  options: JoinOptions,
  socketPath: string | null,
): Promise<ExitCode> {
  const token = await tokenOf(word);
  const node = nodeOf(token, options.node);
  const addresses = await addressesOf(options.address);
  const dataDirectory = resolve(options.dataDirectory);
  const path = resolve(options.config ?? joinPath(dataDirectory, 'holdfast.yaml'));
  if (existsSync(path)) throw new HoldfastError('CONFIG_EXISTS', { path });
  if (existsSync(joinPath(dataDirectory, 'log', 'CURRENT'))) {
    throw new HoldfastError('DATA_DIRECTORY_USED', { directory: dataDirectory });
  }
  const { loadOrCreateIdentity } = await import('../mesh/identity.ts');
  const { askToJoin } = await import('../mesh/join-client.ts');
  const identity = await loadOrCreateIdentity(dataDirectory);
  const asking = (member: string) => context.progress(`asks ${member}`);
  const wish = { token, node, identity, addresses, limitMs: ASK_LIMIT_MS };
  const reply = await askToJoin({ ...wish, asking });
  if (!reply.ok) throw new HoldfastError(reply.error.code, { detail: reply.error.detail });
  await write(path, reply.value, { dataDirectory, socketPath });
  return report(context, reply.value, { peerId: identity.peerId, role: token.role, path });
}

/** A word on the command line is seen by everybody on this machine; `-` reads it from stdin. */
async function tokenOf(word: string): Promise<JoinToken> {
  const { readToken } = await import('../mesh/join-token.ts');
  const text = word === '-' ? await textOf(process.stdin) : word;
  const token = await readToken(text, Date.now());
  if (token.ok) return token.value;
  throw new HoldfastError(token.error.code, { detail: token.error.detail });
}

function nodeOf({ node: made }: JoinToken, wanted: string | undefined): string {
  const node = wanted ?? made;
  if (node === null) throw new HoldfastError('USAGE', { detail: '--node is missing' });
  if (made === null || made === node) return node;
  const detail = `made for ${made}, not for ${node}`;
  throw new HoldfastError('INVITATION_MISMATCH', { detail });
}

export async function addressesOf(
  words: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const { isUnspecific, parseEndpoint } = await import('../config/values.ts');
  const addresses = new Map<string, string>();
  for (const word of words) {
    const [over = '', address = ''] = word.split(/=(.*)/s);
    const parsed = parseEndpoint(address);
    if (over === '' || parsed === null || isUnspecific(parsed.host)) {
      throw new HoldfastError('ADDRESS_INVALID', { address: word });
    }
    if (addresses.has(over)) throw new HoldfastError('DUPLICATE_NAME', { interconnect: over });
    addresses.set(over, address);
  }
  return Object.fromEntries(addresses);
}

/** What the members said is read as the daemon will read it, before it is written. */
async function write(
  path: string,
  grant: JoinGrant,
  here: { readonly dataDirectory: string; readonly socketPath: string | null },
): Promise<void> {
  const { joinedFileText, writeNewFile } = await import('../config/joined-file.ts');
  const { checkConfig } = await import('../config/load.ts');
  const { faultsToError } = await import('../config/fault.ts');
  const text = joinedFileText({ ...grant, ...here });
  const { config, faults } = checkConfig(path, text);
  if (config === null) throw faultsToError(faults);
  await writeNewFile(path, text);
}

function report(
  context: CommandContext,
  grant: JoinGrant,
  { peerId, role, path }: { readonly peerId: string; readonly role: string; readonly path: string },
): ExitCode {
  const { clusterId, node, number, members } = grant;
  if (context.json) {
    context.printJson({ ok: true, clusterId, node, number, peerId, role, config: path });
    return EXIT.ok;
  }
  const others = members.filter((member) => member.node !== node).map((member) => member.node);
  context.print([
    `${node} is member ${number} of cluster ${clusterId}, as a ${role}, beside ${others.join(', ')}`,
    `its configuration is in ${path}; look at it, then start its daemon:`,
    `  holdfast run --config ${path} --node ${node}`,
    'it receives the log first; `holdfast members` on any member shows how it goes',
  ]);
  return EXIT.ok;
}
