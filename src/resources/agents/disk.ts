/**
 * Agent `disk`: a shared disk belongs to the owner of its group, and the disk itself enforces it.
 *
 * The intuition: to start is to take the disk away from everybody else and to prove it; to stop is
 * to do nothing, since the reservation is the disk's high-water mark: a disk that nobody reserves
 * is one that every thawed machine can write. The next owner preempts what this one left.
 *
 * It does not mount (agent `filesystem`), never unregisters (`holdfast disk release` does), and
 * never registers while this node uses the disk (`fencing/idle-proof.ts`).
 *
 * Reference: DESIGN §8; OCF Resource Agent API 1.1 (exit statuses).
 */
import type { ResourceDefinition } from '../../cluster/definition.ts';
import {
  type DeviceChoice,
  type OpenDevice,
  openFenceDevice,
} from '../../fencing/devices/choose.ts';
import { Fence, type Held } from '../../fencing/fence.ts';
import type { PrReply } from '../../fencing/fence-device.ts';
import { type IdleProof, type NotIdle, proveIdle } from '../../fencing/idle-proof.ts';
import type { DefenceVerdict } from '../../fencing/protocol/defence.ts';
import { clusterTag, formatKey, isOurs, packKey, unpackKey } from '../../fencing/protocol/key.ts';
import type { TakeoverRule } from '../../fencing/protocol/takeover-state.ts';
import { Turns } from '../../fencing/turns.ts';
import { type Clock, WITHDRAWN } from '../../lib/clock.ts';
import { HoldfastError } from '../../lib/error.ts';
import type { Epoch, Millis } from '../../lib/ids.ts';
import type { ProblemCode } from '../../lib/problems.ts';
import type { Result } from '../../lib/result.ts';
import { findBlockDevice, findByIdentity, multipathAbove } from '../../system/block-device.ts';
import { monotonicClock } from '../../system/clock.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../agent.ts';
import { NOT_RUNNING, OK } from '../agent.ts';
import { type DiskParameters, diskParameters } from './disk-parameters.ts';

export type DiskAgentOptions = {
  /** Name of this node's initiator port on emulated disks. */
  readonly initiator: string;
  /**
   * Tests only: `fence` starts without taking the disk over, so that a checker must report the
   * harm.
   */
  readonly sabotage: { readonly fence: boolean; readonly omit?: readonly TakeoverRule[] };
  readonly clock?: Clock;
  /** How a disk is opened, and how this node proves that it holds nothing of it. */
  readonly open?: (choice: DeviceChoice) => Promise<OpenDevice>;
  readonly proveIdle?: (device: OpenDevice) => Promise<Result<IdleProof, NotIdle>>;
  /** Of one command to the disk; default 2000. */
  readonly commandTimeoutMs?: Millis;
};

/** What this node took, by group and resource. */
type Taken = { readonly epoch: Epoch; readonly device: OpenDevice; readonly held: Held | null };

const DEGRADED = 190;
const MAX_ATTENTIONS = 8;

export function createDiskAgent(options: DiskAgentOptions): ResourceAgent {
  const agent = new DiskAgent(options);
  return {
    validateAll: (definition, context) => agent.validate(definition, context),
    fitness: (definition, context) => agent.fitness(definition, context),
    prepare: (definition, context) => agent.validate(definition, context),
    start: (definition, context) => agent.start(definition, context),
    stop: async (definition, context) => agent.forget(definition, context),
    kill: async (definition, context) => agent.forget(definition, context),
    // A disk is not visible outside, and a reservation stays in place.
    suspend: async () => OK,
    resume: async () => OK,
    monitor: (definition, context) => agent.monitor(definition, context),
    watch: (definition, context, changed) => void agent.watch(definition, context, changed),
    // Nothing to undo: the reservation is what must stay when this daemon is gone.
    teardown: () => [],
  };
}

class DiskAgent {
  readonly #options: DiskAgentOptions;
  readonly #clock: Clock;
  readonly #fence: Fence;
  /**
   * A fitness check claims the disk for a moment; a start must not find it claimed by ourselves.
   */
  readonly #turns = new Turns();
  readonly #open = new Map<string, OpenDevice>();
  readonly #taken = new Map<string, Taken>();

  constructor(options: DiskAgentOptions) {
    this.#options = options;
    this.#clock = options.clock ?? monotonicClock;
    this.#fence = new Fence({ clock: this.#clock });
  }

  /** Parameters, and a disk with that identity; nothing is changed. */
  async validate(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return await this.#withDisk(definition, context, async (_, device) => {
      await device.identity(context.signal);
      return OK;
    });
  }

  async fitness(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    if (this.#takenNow(definition, context) !== null) return OK;
    return await this.#withDisk(definition, context, async (parameters, device) => {
      const { signal } = context;
      await device.identity(signal);
      const capabilities = await device.capabilities(signal);
      if (!capabilities.aptpl && !parameters.volatileReservations) {
        return failed('VOLATILE_RESERVATIONS');
      }
      if (!capabilities.types.includes(parameters.type)) {
        return failed('RESERVATION_TYPE_UNSUPPORTED');
      }
      const stranger = await strangerOn(device, context);
      if (stranger !== null) return stranger;
      await device.probe(signal);
      const proof = await this.#proveIdle(device);
      if (!proof.ok) return notIdle(proof.error);
      await proof.value.release();
      return OK;
    });
  }

  async start(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    // Started already: asked again it is looked at, since by now it may be mounted.
    if (this.#takenNow(definition, context) !== null) {
      return await this.monitor(definition, context);
    }
    return await this.#withDisk(definition, context, async (parameters, device) => {
      const taken = nameOf(definition, context);
      if (this.#options.sabotage.fence) {
        this.#taken.set(taken, { epoch: context.epoch, device, held: null });
        return { ...OK, detail: 'sabotage: the disk was not fenced' };
      }
      const proof = await this.#proveIdle(device);
      if (!proof.ok) return notIdle(proof.error);
      try {
        const result = await this.#fence.takeOver({
          device,
          identity: parameters.identity,
          key: packKey({
            tag: clusterTag(context.clusterId),
            node: context.nodeNumber,
            epoch: context.epoch,
          }),
          type: parameters.type,
          predecessorFenced: context.predecessorFenced,
          predecessor: context.predecessor,
          lastEpoch: Math.max(context.lastEpoch, context.epoch),
          volatileReservations: parameters.volatileReservations,
          acceptLateWrites: parameters.acceptLateWrites,
          omit: this.#options.sabotage.omit ?? [],
          signal: context.signal,
        });
        if (!result.ok) return failed(result.error.code, result.error.detail);
        await proof.value.dropPages();
        this.#taken.set(taken, { epoch: context.epoch, device, held: result.value });
        return { ...OK, detail: summary(result.value) };
      } finally {
        await proof.value.release();
      }
    });
  }

  forget(definition: ResourceDefinition, context: ActionContext): Outcome {
    this.#taken.delete(nameOf(definition, context));
    return OK;
  }

  async monitor(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    const taken = this.#takenNow(definition, context);
    if (taken === null) return NOT_RUNNING;
    return await guarded(context.signal, async () => {
      const verdict = await this.#look(taken, context.signal);
      if (verdict !== null && verdict.status !== 0) return verdict;
      await taken.device.probe(context.signal);
      return OK;
    });
  }

  /** Looks each `monitorIntervalMs`; tells when the disk is lost, once, and ends. */
  async watch(
    definition: ResourceDefinition,
    context: ActionContext,
    changed: (outcome: Outcome) => void,
  ): Promise<void> {
    const { signal } = context;
    while (!signal.aborted) {
      const due = await this.#clock.after(definition.monitorIntervalMs, signal).then(
        () => true,
        () => false, // Aborted: nobody watches any more.
      );
      const taken = this.#takenNow(definition, context);
      if (!due || taken === null) return;
      const outcome = await this.#lookWithin(taken, definition.monitorTimeoutMs, signal);
      const lost = outcome.code === 'DISK_FENCED' || outcome.code === 'DISK_REGISTRATION_LOST';
      if (!lost || signal.aborted) continue;
      changed(outcome);
      return;
    }
  }

  async #lookWithin(taken: Taken, timeoutMs: Millis, signal: AbortSignal): Promise<Outcome> {
    const bound = new AbortController();
    const over = new AbortController();
    const giveUp = () => bound.abort();
    signal.addEventListener('abort', giveUp, { once: true });
    void this.#clock.after(timeoutMs, over.signal).then(giveUp, () => {}); // answered before
    try {
      return await guarded(bound.signal, async () => await this.#look(taken, bound.signal));
    } finally {
      signal.removeEventListener('abort', giveUp);
      over.abort(WITHDRAWN);
    }
  }

  async #look(taken: Taken, signal: AbortSignal): Promise<Outcome> {
    if (taken.held === null) return OK;
    return verdictOutcome(
      await this.#fence.defend({ device: taken.device, held: taken.held, signal }),
    );
  }

  async #proveIdle(device: OpenDevice): Promise<Result<IdleProof, NotIdle>> {
    const { proveIdle: prove } = this.#options;
    return await (prove === undefined ? proveIdle(device.blockDevices) : prove(device));
  }

  #takenNow(definition: ResourceDefinition, context: ActionContext): Taken | null {
    const taken = this.#taken.get(nameOf(definition, context)) ?? null;
    return taken?.epoch === context.epoch ? taken : null;
  }

  async #withDisk(
    definition: ResourceDefinition,
    context: ActionContext,
    work: (parameters: DiskParameters, device: OpenDevice) => Promise<Outcome>,
  ): Promise<Outcome> {
    const parameters = diskParameters(definition);
    if (!parameters.ok) {
      return { status: 6, code: parameters.error.code, detail: parameters.error.detail };
    }
    const name = parameters.value.identity ?? parameters.value.devices.join();
    return await this.#turns.take(name, context.signal, LATE, () =>
      guarded(context.signal, async () => {
        const device = await this.#device(name, parameters.value);
        try {
          return await work(parameters.value, device);
        } catch (error) {
          // The names may lead elsewhere by now (a new login): the next attempt opens them anew.
          this.#drop(name, device);
          throw error;
        }
      }),
    );
  }

  /**
   * The open device of a disk, opened anew when its names lead to other block devices than before.
   */
  async #device(name: string, parameters: DiskParameters): Promise<OpenDevice> {
    const devices = await whereabouts(parameters);
    const open = this.#open.get(name);
    if (open !== undefined && (parameters.adapter === 'emulated' || samePaths(open, devices))) {
      return open;
    }
    if (open !== undefined) this.#drop(name, open);
    const openDevice = this.#options.open ?? openFenceDevice;
    const device = await openDevice({
      device: devices,
      adapter: parameters.adapter,
      initiator: this.#options.initiator,
      identity: parameters.identity,
      ...(this.#options.commandTimeoutMs === undefined
        ? {}
        : { timeoutMs: this.#options.commandTimeoutMs }),
    });
    this.#open.set(name, device);
    return device;
  }

  #drop(name: string, device: OpenDevice): void {
    if (this.#open.get(name) === device) this.#open.delete(name);
    // What an epoch still holds goes on being looked at; it is closed with the process.
    const inUse = [...this.#taken.values()].some((taken) => taken.device === device);
    if (!inUse) void device.close().catch(() => {}); // It is given up either way.
  }
}

/** Types 1 and 3 allow one path: then the first that is found, and only that one may be mounted. */
async function whereabouts(parameters: DiskParameters): Promise<readonly string[]> {
  const { devices, identity, type } = parameters;
  const found = devices.length > 0 || identity === null ? devices : await findByIdentity(identity);
  if (found.length === 0) throw new HoldfastError('DISK_NOT_FOUND', { identity });
  const used = type === 1 || type === 3 ? found.slice(0, 1) : found;
  if (parameters.adapter === 'emulated') return used;
  const disks = await Promise.all(used.map(findBlockDevice));
  if (type === 1 || type === 3) return disks.map((disk) => disk.path);
  // Paths that a multipath map uses are used through the map.
  const above = await Promise.all(disks.map((disk) => multipathAbove(disk)));
  const maps = new Set(above.filter((map) => map !== null));
  // A path that a map does not have is put into it by the defence, and is not used beside it.
  return maps.size > 0 ? [...maps] : disks.map((disk) => disk.path);
}

/**
 * The device under which an owner of the disk mounts it: the path that is fenced, whether the
 * definition names it or its identity found it.
 *
 * @throws HoldfastError DISK_NOT_FOUND, RESOURCE_MISCONFIGURED
 */
export async function deviceOfDisk(definition: ResourceDefinition): Promise<string> {
  const parameters = diskParameters(definition);
  if (!parameters.ok) {
    const { detail } = parameters.error;
    throw new HoldfastError('RESOURCE_MISCONFIGURED', { resource: definition.name, detail });
  }
  const [device] = await whereabouts(parameters.value);
  if (device === undefined) throw new HoldfastError('DISK_NOT_FOUND', { disk: definition.name });
  return device;
}

function samePaths(open: OpenDevice, devices: readonly string[]): boolean {
  const paths = (open.blockDevices ?? []).map((device) => device.path);
  return paths.length === devices.length && devices.every((device) => paths.includes(device));
}

async function strangerOn(device: OpenDevice, context: ActionContext): Promise<Outcome | null> {
  const [path] = await device.paths();
  if (path === undefined) return failed('DISK_PATHS_LOST');
  let reply: PrReply = { kind: 'timeout', path };
  for (let attempt = 0; attempt <= MAX_ATTENTIONS; attempt += 1) {
    reply = await device.execute({ kind: 'read-keys', path }, context.signal);
    if (reply.kind !== 'unit-attention') break;
  }
  if (reply.kind !== 'keys') {
    return failed(reply.kind === 'not-supported' ? 'RESERVATIONS_UNSUPPORTED' : 'DISK_PATHS_LOST');
  }
  const tag = clusterTag(context.clusterId);
  const stranger = reply.keys.find((key) => !isOurs(key, tag));
  if (stranger !== undefined) return failed('FOREIGN_RESERVATION', `key ${formatKey(stranger)}`);
  const newer = reply.keys.find((key) => unpackKey(key).epoch > context.lastEpoch);
  return newer === undefined ? null : failed('STATE_ROLLED_BACK', `key ${formatKey(newer)}`);
}

function verdictOutcome(verdict: DefenceVerdict): Outcome {
  switch (verdict.kind) {
    case 'mine': {
      const [stranger] = verdict.strangers;
      if (stranger !== undefined) {
        const detail = `key ${formatKey(stranger)}`;
        return { status: DEGRADED, code: 'FOREIGN_RESERVATION', detail };
      }
      if (verdict.silent.length > 0) {
        return { status: DEGRADED, code: 'DISK_PATH_LOST', detail: verdict.silent.join(', ') };
      }
      return OK;
    }
    case 'fenced':
      return failed('DISK_FENCED', verdict.by === null ? '' : `key ${formatKey(verdict.by)}`);
    case 'registration-lost':
      return failed('DISK_REGISTRATION_LOST', verdict.path);
    default:
      return failed('DISK_PATHS_LOST');
  }
}

/** Operating failures become outcomes; a programmer's error stays one. */
async function guarded(signal: AbortSignal, work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    if (signal.aborted) return LATE;
    const status = error.code === 'COMMAND_NOT_FOUND' ? 5 : 1;
    return { status, code: error.code, detail: error.message };
  }
}

const LATE: Outcome = failed('TAKEOVER_TIMED_OUT', 'the disk did not answer within the deadline');

function notIdle({ code, device, users }: NotIdle): Outcome {
  return failed(code, `${device}: ${users.join(', ') || 'an exclusive opener'}`);
}

function failed(code: ProblemCode, detail = ''): Outcome {
  return { status: 1, code, detail };
}

function summary({ rounds, commands, wasReset, guaranteed }: Held): string {
  const doubt = guaranteed ? '' : '; late writes are possible on this target';
  const reset = wasReset ? ', reset' : '';
  return `${commands} commands in ${rounds} round(s)${reset}${doubt}`;
}

function nameOf(definition: ResourceDefinition, { group }: ActionContext): string {
  return `${group}/${definition.name}`;
}
