/**
 * A node as a container: on several networks with addresses of its own, with data that outlives it,
 * and with the rights that the compose file gives.
 */
import { existsSync } from 'node:fs';
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';

export type Attachment = { readonly network: string; readonly address: string };

export type NodeContainerOptions = {
  readonly image: string;
  readonly name: string;
  readonly command: readonly string[];
  readonly attachments: readonly Attachment[];
  /** A volume for its data; null: it has none. */
  readonly volume: string | null;
  /** What its log says when it is up. */
  readonly ready: RegExp;
};

const CAPABILITIES = ['NET_ADMIN', 'NET_RAW', 'SYS_NICE'];
const ROOTS = ['CHOWN', 'DAC_OVERRIDE', 'SETUID', 'SETGID', 'SETPCAP'];
/**
 * Whether the kernel rations real-time scheduling by control group; and a container's ration. The period
 * is short: who has used up its ration stands still until the next one.
 */
const RATIONED = existsSync('/sys/fs/cgroup/cpu/cpu.rt_runtime_us');
const PERIOD_US = 100_000;
const RUNTIME_US = 20_000;
const START_LIMIT_MS = 150_000;

export class NodeContainer extends GenericContainer {
  readonly #attachments: readonly Attachment[];

  constructor(options: NodeContainerOptions) {
    super(options.image);
    const [first] = options.attachments;
    if (first === undefined) throw new Error('a node without a network');
    this.#attachments = options.attachments;
    this.withHostname(options.name).withCommand([...options.command]);
    this.withDroppedCapabilities('ALL').withAddedCapabilities(...CAPABILITIES, ...ROOTS);
    this.withNetworkMode(first.network).withAutoRemove(false);
    this.withWaitStrategy(Wait.forLogMessage(options.ready)).withStartupTimeout(START_LIMIT_MS);
    this.createOpts.NetworkingConfig = { EndpointsConfig: { [first.network]: settings(first) } };
    // Asked by the tests, and not every few seconds by the engine as well.
    this.createOpts.Healthcheck = { Test: ['NONE'] };
    if (RATIONED) {
      this.hostConfig.CpuRealtimePeriod = PERIOD_US;
      this.hostConfig.CpuRealtimeRuntime = RUNTIME_US;
    }
    this.hostConfig.Sysctls = { 'net.ipv4.conf.all.promote_secondaries': '1' };
    if (options.volume !== null) this.hostConfig.Binds = [`${options.volume}:/var/lib/holdfast`];
  }

  /** testcontainers knows one network; the others are joined before the first process runs. */
  protected override async containerCreated(id: string): Promise<void> {
    const { container } = await getContainerRuntimeClient();
    for (const attachment of this.#attachments.slice(1)) {
      const network = container.dockerode.getNetwork(attachment.network);
      await network.connect({ Container: id, EndpointConfig: settings(attachment) });
    }
  }
}

function settings({ address }: Attachment): object {
  return { IPAMConfig: { IPv4Address: address } };
}
