/**
 * One OCF agent as a program on this node: where it lies, what it says of itself, and calls of it that
 * start nothing (meta-data, monitor, validate-all). `start` and `stop` go through `application-run.ts`,
 * so that what they leave behind can be found again.
 *
 * `heartbeat:IPaddr2` is the agent of that provider below OCF_ROOT; a name without a colon is an agent
 * of one's own in the agents directory. One's own must belong to root (or to whoever runs the daemon)
 * and be writable for nobody else: it runs with all rights.
 *
 * Reference: OCF Resource Agent API 1.1, "Locating resource agents".
 */
import { access, constants, mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HoldfastError } from '../../../lib/error.ts';
import { type Completion, run } from '../../../system/run.ts';
import { OCF_SCRATCH, type OcfCall, ocfEnvironment } from './environment.ts';
import { type OcfMetaData, parseMetaData } from './meta-data.ts';

export type OcfPlaces = {
  /** OCF_ROOT. */
  readonly root: string;
  readonly agentsDirectory: string;
};

export const OCF_PLACES: OcfPlaces = {
  root: '/usr/lib/ocf',
  agentsDirectory: '/etc/holdfast/agents',
};

const META_DATA_TIMEOUT_MS = 5_000;

export class OcfProgram {
  readonly path: string;
  readonly provider: string;
  readonly type: string;
  readonly #root: string;
  readonly #isOwn: boolean;
  /** By change of the file: what it says of itself changes only with it. */
  #known: { readonly changedMs: number; readonly metaData: OcfMetaData } | null = null;

  constructor(name: string, { root, agentsDirectory }: OcfPlaces) {
    const parts = name.split(':');
    const [provider = '', type = ''] = parts.length === 1 ? ['holdfast', name] : parts.slice(-2);
    this.#root = root;
    this.#isOwn = parts.length === 1;
    this.provider = provider;
    this.type = type;
    this.path = this.#isOwn
      ? join(agentsDirectory, type)
      : join(root, 'resource.d', provider, type);
  }

  environment(call: Omit<OcfCall, 'root' | 'provider' | 'type'>): Readonly<Record<string, string>> {
    return ocfEnvironment({ root: this.#root, provider: this.provider, type: this.type, ...call });
  }

  /** @throws HoldfastError OCF_AGENT_MISSING, AGENT_NOT_TRUSTED, OCF_META_DATA_GARBLED; as `run` does. */
  async metaData(signal: AbortSignal): Promise<OcfMetaData> {
    const changedMs = await this.#check();
    if (this.#known?.changedMs === changedMs) return this.#known.metaData;
    const bound = { signal, timeoutMs: META_DATA_TIMEOUT_MS };
    const { stdout } = await this.call(
      {
        action: 'meta-data',
        instance: this.type,
        node: '',
        parameters: {},
        intervalMs: 0,
        checkLevel: 0,
        timeoutMs: META_DATA_TIMEOUT_MS,
      },
      bound.signal,
    );
    const metaData = parseMetaData(stdout);
    this.#known = { changedMs, metaData };
    return metaData;
  }

  /** Runs the agent beside everything else; its status is the answer. */
  async call(
    call: Omit<OcfCall, 'root' | 'provider' | 'type'>,
    signal: AbortSignal,
  ): Promise<Completion> {
    await mkdir(OCF_SCRATCH, { recursive: true });
    const environment = this.environment(call);
    const { timeoutMs } = call;
    return await run([this.path, call.action], { signal, timeoutMs, environment });
  }

  async #check(): Promise<number> {
    const context = { agent: `${this.provider}:${this.type}`, path: this.path };
    try {
      await access(this.path, constants.X_OK);
    } catch (cause) {
      throw new HoldfastError('OCF_AGENT_MISSING', context, { cause });
    }
    if (this.#isOwn) await refuseStrangers(this.path);
    return (await stat(this.path)).mtimeMs;
  }
}

/**
 * What runs with all rights must not be written by others: neither the file nor its directory.
 *
 * @throws HoldfastError AGENT_NOT_TRUSTED
 */
export async function refuseStrangers(path: string): Promise<void> {
  for (const place of [path, dirname(path)]) {
    const { uid, mode } = await stat(place);
    const ours = uid === 0 || uid === process.getuid?.();
    if (!ours || (mode & 0o022) !== 0) throw new HoldfastError('AGENT_NOT_TRUSTED', { place, uid });
  }
}
