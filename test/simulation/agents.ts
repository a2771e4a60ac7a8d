/**
 * The agents of a simulated machine: they do on its kernel what those of production do on a real
 * one, and fail as fate says. The disk agent is production's own, over a simulated storage network.
 */
import type { ResourceDefinition } from '../../src/cluster/definition.ts';
import {
  type ActionContext,
  NOT_RUNNING,
  OK,
  type Outcome,
  type ResourceAgent,
} from '../../src/resources/agent.ts';
import { failed } from '../../src/resources/outcome.ts';
import type { Teardown } from '../../src/system/teardown.ts';
import type { Act } from './checkers/lease.ts';
import type { FreezableClock } from './freezable-clock.ts';
import type { Kernel } from './kernel.ts';
import { Ledger } from './ledger.ts';
import type { Mount } from './mount.ts';

/** What is wrong with one machine's resources at the moment: names of resources. */
export type Illness = {
  startDelayMs: number;
  failStart: string | null;
  hangStart: string | null;
  hangStop: string | null;
  /** The monitor says that all is well, or that it is not. */
  lyingMonitor: { readonly resource: string; readonly says: 'well' | 'ill' } | null;
};

export function healthy(): Illness {
  return {
    startDelayMs: 4,
    failStart: null,
    hangStart: null,
    hangStop: null,
    lyingMonitor: null,
  };
}

export type AgentOptions = {
  /** Of the daemon: its actions stand still with it. */
  readonly clock: FreezableClock;
  readonly kernel: Kernel;
  readonly illness: () => Illness;
  readonly mount: (group: string, epoch: number) => Mount;
  /** A mount is through, and what it found. */
  readonly mounted: (group: string, mount: Mount) => void;
  /** Readers of the group are shown these records. */
  readonly read: (group: string, mount: Mount, records: readonly string[]) => void;
  readonly acts: (act: Act) => void;
  /** Something of the group can be seen here that could not. */
  readonly shown: (group: string) => void;
  readonly sabotage: ReadonlySet<string>;
};

const STOP_MS = 2;
const FOREVER_MS = 3_600_000;

abstract class SimulatedAgent implements ResourceAgent {
  protected readonly options: AgentOptions;

  constructor(options: AgentOptions) {
    this.options = options;
  }

  async validateAll(): Promise<Outcome> {
    return OK;
  }

  async fitness(_definition: ResourceDefinition, { group }: ActionContext): Promise<Outcome> {
    const { kernel, sabotage } = this.options;
    if (!kernel.holds(group) || sabotage.has('idle-proof')) return OK;
    return failed('RESOURCE_HELD', 'something is left here');
  }

  async prepare(): Promise<Outcome> {
    return OK;
  }

  async start(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    const { clock, illness } = this.options;
    const { failStart, hangStart, startDelayMs } = illness();
    const hangs = hangStart === definition.name;
    await clock.after(hangs ? FOREVER_MS : startDelayMs, context.signal);
    if (failStart === definition.name) return failed('MOUNT_FAILED', 'fate says no');
    return await this.up(definition, context);
  }

  async stop(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    const hangs = this.options.illness().hangStop === definition.name;
    await this.options.clock.after(hangs ? FOREVER_MS : STOP_MS, context.signal);
    return await this.down(definition, context, false);
  }

  async kill(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    await this.options.clock.after(STOP_MS, context.signal);
    return await this.down(definition, context, true);
  }

  async suspend(_definition: ResourceDefinition, _context: ActionContext): Promise<Outcome> {
    return OK;
  }

  async resume(_definition: ResourceDefinition, _context: ActionContext): Promise<Outcome> {
    return OK;
  }

  async monitor(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    const lie = this.options.illness().lyingMonitor;
    if (lie?.resource !== definition.name) return this.look(definition, context);
    return lie.says === 'well' ? OK : failed('APPLICATION_NOT_ANSWERING', 'a lie');
  }

  watch(
    _definition: ResourceDefinition,
    _context: ActionContext,
    _changed: (outcome: Outcome) => void,
  ): void {}

  abstract teardown(definition: ResourceDefinition, context: ActionContext): readonly Teardown[];

  protected abstract up(definition: ResourceDefinition, context: ActionContext): Promise<Outcome>;

  protected abstract down(
    definition: ResourceDefinition,
    context: ActionContext,
    force: boolean,
  ): Promise<Outcome>;

  protected abstract look(definition: ResourceDefinition, context: ActionContext): Outcome;

  /** The kernel's answer, heard when the daemon runs. */
  protected answer<T>(ask: (done: (answer: T) => void) => void): Promise<T> {
    return new Promise((resolve) => ask((answer) => this.options.clock.run(() => resolve(answer))));
  }

  protected acts(what: Act['what'], { group, epoch }: ActionContext): void {
    this.options.acts({ what, group, epoch });
  }
}

export class FilesystemAgent extends SimulatedAgent {
  teardown(_definition: ResourceDefinition, { group }: ActionContext): readonly Teardown[] {
    return [{ kind: 'unmount-lazily', path: group }];
  }

  protected async up(_definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    const { kernel, mount: make, mounted } = this.options;
    const { group, epoch } = context;
    const before = kernel.mounts.get(group);
    if (before?.isInTree === true) {
      if (before.epoch !== epoch) return failed('FILESYSTEM_BUSY', 'an older mount is there');
      return await this.#proven(before);
    }
    const mount = make(group, epoch);
    kernel.mount(group, mount);
    const problem = await this.answer<string | null>((done) =>
      mount.open((failure) => {
        // Judged when the kernel has it: a daemon that stands still hears of it later.
        if (failure === null) mounted(group, mount);
        done(failure);
      }),
    );
    if (problem === null) return OK;
    mount.detach(() => undefined);
    return failed('MOUNT_FAILED', problem);
  }

  /** Nothing that was written since it was mounted is lost: what can be read is on the disk. */
  async #proven(mount: Mount): Promise<Outcome> {
    const isSynced = await this.answer<boolean>((done) => mount.sync(mount.openFile(), done));
    if (!isSynced || !mount.isWritable)
      return failed('FILESYSTEM_READ_ONLY', 'it cannot be synced');
    return mount.lostWrites === 0
      ? OK
      : failed('WRITES_LOST', 'it shows pages that its disk has not');
  }

  protected async down(
    _definition: ResourceDefinition,
    { group }: ActionContext,
    force: boolean,
  ): Promise<Outcome> {
    const { kernel } = this.options;
    const mount = kernel.mounts.get(group);
    if (mount === undefined || !mount.isInTree) return OK;
    await this.answer<void>((done) => (force ? mount.detach(done) : mount.unmount(done)));
    return OK;
  }

  protected look(_definition: ResourceDefinition, { group }: ActionContext): Outcome {
    const mount = this.options.kernel.mounts.get(group);
    if (mount === undefined || !mount.isInTree) return NOT_RUNNING;
    return mount.isWritable ? OK : failed('FILESYSTEM_READ_ONLY', 'the disk refused a write');
  }
}

export class AddressAgent extends SimulatedAgent {
  teardown({ name }: ResourceDefinition, { group }: ActionContext): readonly Teardown[] {
    if (this.options.sabotage.has('forget-address')) return [];
    return [{ kind: 'block-address', group, address: `${group}/${name}` }];
  }

  override async suspend(definition: ResourceDefinition, context: ActionContext) {
    await this.options.clock.after(1, context.signal);
    return await this.down(definition, context);
  }

  override async resume(definition: ResourceDefinition, context: ActionContext) {
    await this.options.clock.after(1, context.signal);
    return await this.up(definition, context);
  }

  protected async up({ name }: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    this.options.kernel.addresses.set(`${context.group}/${name}`, context.epoch);
    this.options.shown(context.group);
    if (this.options.sabotage.has('guardian') || this.options.sabotage.has('forget-address')) {
      // Nobody holds the filter to the lease, so the agent opens it for good.
      this.options.kernel.open(`${context.group}/${name}`, Number.MAX_SAFE_INTEGER);
    }
    return OK;
  }

  protected async down({ name }: ResourceDefinition, { group }: ActionContext): Promise<Outcome> {
    this.options.kernel.addresses.delete(`${group}/${name}`);
    return OK;
  }

  protected look({ name }: ResourceDefinition, { group }: ActionContext): Outcome {
    return this.options.kernel.addresses.has(`${group}/${name}`) ? OK : NOT_RUNNING;
  }
}

export class ApplicationAgent extends SimulatedAgent {
  teardown({ name }: ResourceDefinition, { group }: ActionContext): readonly Teardown[] {
    return [{ kind: 'kill-cgroup', path: `${group}/${name}` }];
  }

  override async suspend({ name }: ResourceDefinition, { group, signal }: ActionContext) {
    await this.options.clock.after(1, signal);
    this.options.kernel.applications.get(`${group}/${name}`)?.freeze();
    return OK;
  }

  override async resume({ name }: ResourceDefinition, context: ActionContext) {
    await this.options.clock.after(1, context.signal);
    this.acts('resume-application', context);
    this.options.kernel.applications.get(`${context.group}/${name}`)?.thaw();
    this.options.shown(context.group);
    return OK;
  }

  override watch(
    { name }: ResourceDefinition,
    { group, signal }: ActionContext,
    changed: (outcome: Outcome) => void,
  ): void {
    const application = this.options.kernel.applications.get(`${group}/${name}`);
    application?.onExit(() => {
      this.options.clock.run(() => {
        if (!signal.aborted) changed(NOT_RUNNING);
      });
    });
  }

  protected async up({ name }: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    const { kernel } = this.options;
    const { group, epoch } = context;
    const key = `${group}/${name}`;
    if (kernel.applications.get(key)?.isAlive === true) return OK;
    const mount = kernel.mounts.get(group);
    if (mount?.isWritable !== true) {
      return { status: 1, code: 'START_FAILED', detail: 'its files are not there' };
    }
    this.acts('start-application', context);
    const acts = (what: 'append' | 'acknowledge'): void =>
      this.options.acts({ what, group, epoch });
    const acknowledgesAtOnce = this.options.sabotage.has('fsync');
    const shows = (records: readonly string[]): void => this.options.read(group, mount, records);
    const ledger = new Ledger(mount, { acts, acknowledgesAtOnce, shows });
    kernel.applications.set(key, ledger);
    ledger.start();
    this.options.shown(group);
    return OK;
  }

  protected async down({ name }: ResourceDefinition, { group }: ActionContext): Promise<Outcome> {
    this.options.kernel.kill(`${group}/${name}`);
    return OK;
  }

  protected look({ name }: ResourceDefinition, { group }: ActionContext): Outcome {
    const application = this.options.kernel.applications.get(`${group}/${name}`);
    return application?.isAlive === true ? OK : NOT_RUNNING;
  }
}
