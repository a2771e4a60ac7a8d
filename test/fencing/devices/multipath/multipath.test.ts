/**
 * A map whose paths come and go: the contract through it, each path registered and verified by a
 * takeover, and nothing gained by a live mount.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_TARGET } from '../../../../src/fencing/devices/emulated/commands.ts';
import { EmulatedTarget } from '../../../../src/fencing/devices/emulated/target.ts';
import { execute, word } from '../../../../src/fencing/devices/emulated/verbs.ts';
import { MultipathDisk } from '../../../../src/fencing/devices/multipath/multipath-disk.ts';
import type { PathCommands } from '../../../../src/fencing/devices/real-disk.ts';
import { Fence, type Held } from '../../../../src/fencing/fence.ts';
import type { FenceDevice, StrayPath } from '../../../../src/fencing/fence-device.ts';
import { packKey } from '../../../../src/fencing/protocol/key.ts';
import { multipathAbove, multipathMembers } from '../../../../src/system/block-device.ts';
import { monotonicClock } from '../../../../src/system/clock.ts';
import {
  ask,
  blank,
  FENCE_DEVICE_CONTRACT,
  type FenceLab,
} from '../../../contract/fence-device.ts';

const IDENTITY = 'naa.1';
const soon = () => AbortSignal.timeout(10_000);
const key = (epoch: number, node: number) => packKey({ tag: 7, node, epoch });

/** The machine room: which paths a node's map has, and which of them answer. */
class Room {
  readonly target = new EmulatedTarget({ ...DEFAULT_TARGET, identity: IDENTITY });
  readonly maps: Record<string, string[]> = { n1: ['sda', 'sdb'], n2: ['sdc', 'sdd'] };
  readonly dead = new Set<string>();
  /** Paths that a node has beside its map. */
  readonly outside: Record<string, string[]> = {};
  /** A new login of a path is another nexus under the old name. */
  readonly logins = new Map<string, number>();
  identities: Record<string, string | null> = {};
  opened: string[] = [];

  device(node: string): FenceDevice {
    const disk = new MultipathDisk({
      members: async () => this.maps[node] ?? [],
      open: async (path) => this.#open(node, path),
      identity: IDENTITY,
      timeoutMs: 1000,
      strays: async () => (this.outside[node] ?? []).map((path) => this.#stray(node, path)),
    });
    const { target } = this;
    return {
      identity: (signal) => disk.identity(signal),
      paths: () => disk.paths(),
      livePaths: () => disk.livePaths(),
      strayPaths: (signal) => disk.strayPaths(signal),
      execute: (command, signal) => disk.execute(command, signal),
      capabilities: (signal) => disk.capabilities(signal),
      probe: async () => ({ durationMs: target.inspect().tasks.length }),
    };
  }

  nexus(node: string, path: string): string {
    return `${node}:${path}:${this.logins.get(path) ?? 0}`;
  }

  write(node: string, path: string): string {
    for (;;) {
      const task = this.target.submitWrite(this.nexus(node, path), 1, node);
      if (typeof task === 'object' && 'id' in task) {
        return this.target.completeWrite(task.id) ? 'good' : 'aborted';
      }
      if (word(task) !== 'unit-attention') return word(task);
    }
  }

  #stray(node: string, path: string): StrayPath {
    const join = async () => {
      this.outside[node] = (this.outside[node] ?? []).filter((one) => one !== path);
      this.maps[node]?.push(path);
    };
    return { path, join, letGo: async () => {} };
  }

  #open(node: string, path: string): PathCommands {
    this.opened.push(path);
    const lost = { kind: 'path-lost', path } as const;
    // As an open device file does, it stays with the login that it was opened under.
    const nexus = this.nexus(node, path);
    const gone = () => this.dead.has(path) || nexus !== this.nexus(node, path);
    return {
      execute: async (command) => (gone() ? lost : execute(this.target, nexus, command)),
      identity: async () => (gone() ? null : (this.identities[path] ?? IDENTITY)),
      capabilities: async () => (gone() ? null : this.target.capabilities()),
      close: async () => {},
    };
  }
}

let room: Room;
const fence = new Fence({ clock: monotonicClock });

beforeEach(() => {
  room = new Room();
});

async function take(device: FenceDevice, epoch: number, node = 1): Promise<Held> {
  const taken = await fence.takeOver({
    device,
    identity: IDENTITY,
    key: key(epoch, node),
    type: 5,
    predecessorFenced: epoch > 1,
    lastEpoch: 9,
    volatileReservations: false,
    acceptLateWrites: false,
    signal: soon(),
  });
  if (!taken.ok) throw new Error(JSON.stringify(taken.error));
  return taken.value;
}

describe('the contract through a map', () => {
  it.each(FENCE_DEVICE_CONTRACT)('$name', async ({ run }) => {
    const lab: FenceLab = {
      a: room.device('n1'),
      b: room.device('n2'),
      write: async (who) => {
        return room.write(who === 'a' ? 'n1' : 'n2', who === 'a' ? 'sda' : 'sdc') === 'good'
          ? 'good'
          : 'reservation-conflict';
      },
    };
    await blank(lab);
    await run(lab);
  });
});

describe('a takeover', () => {
  it('registers and verifies every path; the old owner writes on none (pain 6: keys and multipath)', async () => {
    await take(room.device('n1'), 1);
    expect(['sda', 'sdb'].map((path) => room.write('n1', path))).toEqual(['good', 'good']);
    const held = await take(room.device('n2'), 2, 2);
    expect(held.paths).toEqual(['sdc', 'sdd']);
    expect(['sdc', 'sdd'].map((path) => room.write('n2', path))).toEqual(['good', 'good']);
    const late = ['sda', 'sdb'].map((path) => room.write('n1', path));
    expect(late).toEqual(['reservation-conflict', 'reservation-conflict']);
  });

  it('leaves out a path that does not answer', async () => {
    room.dead.add('sdb');
    expect((await take(room.device('n1'), 1)).paths).toEqual(['sda']);
  });

  it('of a map whose paths are two disks sends nothing', async () => {
    room.identities = { sdb: 'naa.2' };
    await expect(take(room.device('n1'), 1)).rejects.toThrow('DISK_IDENTITY_MISMATCH');
    expect(room.target.inspect().registrations.size).toBe(0);
  });

  it('of a map without paths says so', async () => {
    room.maps['n1'] = [];
    await expect(take(room.device('n1'), 1)).rejects.toThrow('DISK_IDENTITY_UNKNOWN');
  });
});

describe('an owner whose paths come and go', () => {
  const defend = (device: FenceDevice, held: Held) => {
    return fence.defend({ device, held, signal: soon() });
  };

  it('goes on with one, and welcomes the other back: it kept its registration', async () => {
    const device = room.device('n1');
    const held = await take(device, 1);
    room.maps['n1'] = ['sdb'];
    expect(await defend(device, held)).toMatchObject({ kind: 'mine', silent: ['sda'] });
    room.maps['n1'] = ['sda', 'sdb'];
    expect(await defend(device, held)).toMatchObject({ kind: 'mine', silent: [] });
    expect(room.write('n1', 'sda')).toBe('good');
  });

  it('goes on while a path is in the map and does not answer', async () => {
    const device = room.device('n1');
    const held = await take(device, 1);
    room.dead.add('sda');
    expect(await defend(device, held)).toMatchObject({ kind: 'mine', silent: ['sda'] });
    room.dead.clear();
    expect(await defend(device, held)).toMatchObject({ kind: 'mine', silent: [] });
  });

  it('stops when a path is back by a new login, and gains nothing (pain 5: the key is gone)', async () => {
    const device = room.device('n1');
    const held = await take(device, 1);
    room.logins.set('sda', 1);
    // The first look finds that the old login is gone; the path is then opened anew.
    expect(await defend(device, held)).toMatchObject({ kind: 'mine', silent: ['sda'] });
    expect(await defend(device, held)).toEqual({ kind: 'registration-lost', path: 'sda' });
    expect(room.write('n1', 'sda')).toBe('reservation-conflict');
    expect(room.target.inspect().registrations.has(room.nexus('n1', 'sda'))).toBe(false);
  });

  it('stops when multipathd adds a path that no takeover registered, and gains nothing', async () => {
    const device = room.device('n1');
    const held = await take(device, 1);
    room.maps['n1'] = ['sda', 'sdb', 'sde'];
    expect(await defend(device, held)).toEqual({ kind: 'registration-lost', path: 'sde' });
    expect(room.write('n1', 'sde')).toBe('reservation-conflict');
    // Under the next epoch it is registered like the others.
    expect((await take(device, 2)).paths).toEqual(['sda', 'sdb', 'sde']);
    expect(room.write('n1', 'sde')).toBe('good');
  });

  it('without the look at live paths such a path would not be noticed (negative control)', async () => {
    const { livePaths: _, ...blind } = room.device('n1');
    const held = await take(blind, 1);
    room.maps['n1'] = ['sda', 'sdb', 'sde'];
    expect(await defend(blind, held)).toMatchObject({ kind: 'mine' });
    expect(room.write('n1', 'sde')).toBe('reservation-conflict');
  });

  it('registers a path beside the map, then takes it in, and serves on', async () => {
    const device = room.device('n1');
    const held = await take(device, 1);
    room.outside['n1'] = ['sde'];
    expect(room.write('n1', 'sde')).toBe('reservation-conflict');
    expect(await defend(device, held)).toMatchObject({ kind: 'mine' });
    expect(room.maps['n1']).toEqual(['sda', 'sdb', 'sde']);
    expect(room.write('n1', 'sde')).toBe('good');
    // From then on it is looked at like the others.
    expect(await defend(device, held)).toMatchObject({ kind: 'mine', silent: [] });
    await take(room.device('n2'), 2, 2);
    expect(room.write('n1', 'sde')).toBe('reservation-conflict');
  });

  it('takes no path in when it was fenced meanwhile, or the path does not answer', async () => {
    const device = room.device('n1');
    const held = await take(device, 1);
    room.outside['n1'] = ['sde'];
    room.dead.add('sde');
    expect(await defend(device, held)).toMatchObject({ kind: 'mine' });
    expect(room.maps['n1']).toEqual(['sda', 'sdb']);
    room.dead.clear();
    await take(room.device('n2'), 2, 2);
    expect(await defend(device, held)).toMatchObject({ kind: 'fenced' });
    expect(room.maps['n1']).toEqual(['sda', 'sdb']);
    expect(room.write('n1', 'sde')).toBe('reservation-conflict');
    expect(room.target.inspect().registrations.has(room.nexus('n1', 'sde'))).toBe(false);
  });

  it('is fenced on all of them at once', async () => {
    const device = room.device('n1');
    const held = await take(device, 1);
    await take(room.device('n2'), 2, 2);
    expect(await defend(device, held)).toMatchObject({ kind: 'fenced', by: key(2, 2) });
  });

  it('does not know anything when all are gone', async () => {
    const device = room.device('n1');
    const held = await take(device, 1);
    room.maps['n1'] = [];
    expect(await defend(device, held)).toEqual({ kind: 'unreachable' });
  });

  it('asks nothing of a name that leads to another disk', async () => {
    const device = room.device('n1');
    const held = await take(device, 1);
    room.identities = { sda: 'naa.2' };
    await expect(defend(device, held)).rejects.toMatchObject({ code: 'DISK_IDENTITY_MISMATCH' });
  });

  it('opens each path once', async () => {
    const device = room.device('n1');
    const held = await take(device, 1);
    await defend(device, held);
    await ask(device, { kind: 'read-keys' });
    expect(room.opened).toEqual(['sda', 'sdb']);
  });
});

describe('sysfs', () => {
  it('tells a multipath map from others, and a path from the map above it', async () => {
    const root = await mkdtemp(join(tmpdir(), 'holdfast-sysfs-'));
    const make = (...paths: string[]) => {
      return Promise.all(paths.map((path) => mkdir(join(root, path), { recursive: true })));
    };
    try {
      await make('dm-0/dm', 'dm-0/slaves/sdb', 'dm-0/slaves/sda', 'dm-1/dm', 'dm-1/slaves/sdc');
      await make('sda/holders/dm-0', 'sdc/holders/dm-1', 'sdd');
      await writeFile(join(root, 'dm-0/dm/uuid'), 'mpath-36001405\n');
      await writeFile(join(root, 'dm-1/dm/uuid'), 'LVM-abc\n');
      expect(await multipathMembers({ name: 'dm-0' }, root)).toEqual(['/dev/sda', '/dev/sdb']);
      expect(await multipathMembers({ name: 'dm-1' }, root)).toBeNull();
      expect(await multipathMembers({ name: 'sda' }, root)).toBeNull();
      expect(await multipathAbove({ name: 'sda' }, root)).toBe('/dev/dm-0');
      expect(await multipathAbove({ name: 'sdc' }, root)).toBeNull();
      expect(await multipathAbove({ name: 'sdd' }, root)).toBeNull();
    } finally {
      await rm(root, { recursive: true });
    }
  });
});
