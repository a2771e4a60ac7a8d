/**
 * A directory that this node's NFS server gives to clients, for as long as it owns the group. The server
 * itself (`nfs-server.service`) runs on every node and belongs to none of them.
 *
 * The order does the rest: file system, export, floating IP. On the way down the export goes before
 * the mount, and locks that the kernel still holds for clients are dropped, or the mount would stay
 * busy. `fsid=` is demanded, because a file handle must mean the same on every node.
 *
 * Not moved: the server's own memory of its clients below /var/lib/nfs. Clients of NFSv4 reclaim
 * their locks in the grace period of the next owner only if that directory lies on the shared disk
 * (see README).
 *
 * Parameters: `directory`, `clients` (list: addresses, networks, `*`), `options` (list of export options).
 *
 * Reference: exportfs(8), exports(5); Linux Documentation/filesystems/nfs/knfsd-stats.rst, nfsctl.
 */
import { readFile, realpath, writeFile } from 'node:fs/promises';
import type { ResourceDefinition } from '../../cluster/definition.ts';
import type { Millis } from '../../lib/ids.ts';
import { run } from '../../system/run.ts';
import type { Teardown } from '../../system/teardown.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../agent.ts';
import { OK } from '../agent.ts';
import { failed, notRunning, outcomeOf } from '../outcome.ts';
import { misconfigured, requiredText, words } from '../parameters.ts';

export type NfsExportOptions = {
  readonly exportfs?: string;
  /** The kernel server's own files. */
  readonly nfsd?: string;
};

type Export = {
  readonly directory: string;
  readonly clients: readonly string[];
  readonly options: readonly string[];
};

export class NfsExportAgent implements ResourceAgent {
  readonly #exportfs: string;
  readonly #nfsd: string;

  constructor({ exportfs, nfsd }: NfsExportOptions = {}) {
    this.#exportfs = exportfs ?? 'exportfs';
    this.#nfsd = nfsd ?? '/proc/fs/nfsd';
  }

  validateAll(definition: ResourceDefinition): Promise<Outcome> {
    return outcomeOf(async () => {
      read(definition);
      return OK;
    });
  }

  fitness(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const running = await this.#serverRuns();
      if (running.status !== 0) return running;
      const { directory } = read(definition);
      const exported = await this.#exported(definition, context);
      return exported.length === 0 ? OK : failed('RESOURCE_HELD', `${directory} is exported here`);
    });
  }

  async prepare(): Promise<Outcome> {
    return OK;
  }

  start(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const running = await this.#serverRuns();
      if (running.status !== 0) return running;
      const { directory, clients, options } = read(definition);
      for (const client of clients) {
        const argv = ['-i', '-o', options.join(','), `${client}:${directory}`];
        const refusal = await this.#ask(argv, context, definition.startTimeoutMs);
        if (refusal !== null) return failed('EXPORT_REFUSED', refusal);
      }
      return OK;
    });
  }

  stop(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const { directory, clients } = read(definition);
      for (const client of clients) {
        const exported = await this.#exported(definition, context);
        if (!exported.includes(client)) continue;
        const argv = ['-u', `${client}:${directory}`];
        const refusal = await this.#ask(argv, context, definition.stopTimeoutMs);
        if (refusal !== null) return failed('EXPORT_REFUSED', refusal);
      }
      // Without a kernel server there are no locks.
      await writeFile(`${this.#nfsd}/unlock_filesystem`, directory).catch(() => {});
      return OK;
    });
  }

  kill(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.stop(definition, context);
  }

  /** The floating IP of the group falls silent; nobody reaches the export without it. */
  async suspend(): Promise<Outcome> {
    return OK;
  }

  async resume(): Promise<Outcome> {
    return OK;
  }

  monitor(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const { directory, clients } = read(definition);
      const exported = await this.#exported(definition, context);
      const missing = clients.filter((client) => !exported.includes(client));
      if (missing.length > 0) return notRunning(`${directory} is not exported to ${missing[0]}`);
      return await this.#serverRuns();
    });
  }

  /** The table of exports changes only by `exportfs`: the monitor reads it. */
  watch(): void {}

  teardown(definition: ResourceDefinition): readonly Teardown[] {
    const { directory, clients } = read(definition);
    return clients.map((client) => ({
      kind: 'run-command',
      argv: [this.#exportfs, '-u', `${client}:${directory}`],
      environment: [],
    }));
  }

  async #serverRuns(): Promise<Outcome> {
    const threads = await readFile(`${this.#nfsd}/threads`, 'utf8').catch(() => '');
    if (Number(threads) > 0) return OK;
    return failed('NFS_SERVER_DOWN', `${this.#nfsd}/threads says ${threads.trim() || 'nothing'}`);
  }

  /** To whom the directory is exported now. */
  async #exported(
    definition: ResourceDefinition,
    { signal }: ActionContext,
  ): Promise<readonly string[]> {
    const { directory } = read(definition);
    const real = await realpath(directory).catch(() => directory);
    const bound = { signal, timeoutMs: definition.monitorTimeoutMs };
    const { stdout } = await run([this.#exportfs, '-s'], bound);
    return stdout.split('\n').flatMap((line) => {
      const [path, client = ''] = line.trim().split(/\s+/);
      return path === directory || path === real ? [client.replace(/\(.*$/, '')] : [];
    });
  }

  async #ask(
    words: readonly string[],
    { signal }: ActionContext,
    timeoutMs: Millis,
  ): Promise<string | null> {
    const { status, stderr } = await run([this.#exportfs, ...words], { signal, timeoutMs });
    return status === 0 ? null : stderr.trim() || `status ${status}`;
  }
}

function read(definition: ResourceDefinition): Export {
  const directory = requiredText(definition, 'directory');
  const clients = words(definition, 'clients');
  if (clients.length === 0) throw misconfigured(definition, 'clients', 'is empty');
  const options = words(definition, 'options').flatMap((text) => text.split(','));
  if (!options.some((option) => option.startsWith('fsid='))) {
    throw misconfigured(definition, 'options', 'lack fsid=, the same on every node');
  }
  return { directory, clients, options };
}
