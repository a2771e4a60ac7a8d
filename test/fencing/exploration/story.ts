/** A history in words: what each step sent, what the disk answered, and how the disk is then. */
import type { PrCommand } from '../../../src/fencing/fence-device.ts';
import type { Catalogue } from './catalogue.ts';
import type { Explorer, Finding } from './explorer.ts';
import { ATTEMPT, type Harm, LATE, LOOK, TARGET, unpacked } from './layout.ts';
import { keyName, nexusName } from './names.ts';
import type { Worlds } from './world.ts';

const MEANING: Readonly<Record<Harm, string>> = {
  'late-write': 'that write is of an older epoch, and a newer one holds the disk',
  'no-right': 'it was told that it holds the disk, and cannot write to it',
  'lost-data': 'what the owner read when it took the disk is gone',
  stolen: "a stranger's key was removed",
  stuck: 'from here the newest attacker does not get there, even alone',
};

export function story({ worlds }: Explorer, finding: Finding): string {
  let world = worlds.first();
  const lines = [`    ${diskOf(worlds, world)}`];
  for (const [number, action] of finding.path.entries()) {
    const before = world;
    worlds.follow(before, (taken) => {
      if (taken === action) world = worlds.next.slice();
    });
    const deed = deedOf(worlds, before, world, action);
    lines.push(`${String(number + 1).padStart(3)}. ${deed}`);
    const disk = diskOf(worlds, world);
    if (disk !== diskOf(worlds, before)) lines.push(`    ${disk}`);
  }
  return [...lines, `=> ${finding.harm}: ${MEANING[finding.harm]}`].join('\n');
}

function deedOf(worlds: Worlds, before: Int32Array, after: Int32Array, action: number): string {
  const { kind, who, what } = unpacked(action);
  const { catalogue, scope } = worlds;
  const machine = (scope.machines[who - 1] ?? 0) + 1;
  const attempt = `epoch ${who} (m${machine})`;
  const path = scope.paths[what] ?? '?';
  switch (kind) {
    case 'start':
      return `${attempt} begins to take the disk`;
    case 'command':
    case 'half':
      return `${attempt}: ${sentOf(catalogue, before, after, who)}${kind === 'half' ? ', aborts to come' : ''}`;
    case 'rest':
      return `${attempt}: the aborts are done`;
    case 'give-up':
      return `${attempt} waits no longer: ${commandName(pending(catalogue, before, who))} is late`;
    case 'deadline':
      return `${attempt} ends at its deadline: ${commandName(pending(catalogue, before, who))} is late`;
    case 'crash':
      return `m${who + 1} dies and boots`;
    case 'late':
    case 'late-half': {
      const list = catalogue.lists.at(before[LATE] as number);
      const operation = catalogue.operations.at(list[what] as number);
      const late = operation.kind === 'command' ? operation : null;
      const cut = kind === 'late-half' ? ', and its aborts never come' : '';
      return `late from ${nexusName(late?.nexus ?? 0)}: ${commandName(late?.command ?? null)}${cut}`;
    }
    case 'submit':
      return `epoch ${worlds.mount(before, who)}'s mount on m${who + 1} writes on path ${path}`;
    case 'land':
      return `the write of epoch ${what & 7} by ${nexusName(what >> 3)} LANDS`;
    case 'unmount':
      return `m${who + 1} unmounts`;
    case 'commit':
      return `epoch ${who}'s Fenced is committed`;
    case 'power':
      return 'the target loses power';
    case 'login':
      return `m${who + 1} logs in anew on path ${path}`;
    case 'release':
      return `m${machine} gives its key back (release)`;
    case 'clear':
      return 'a third hand clears the disk';
    case 'eat':
      return `another command of m${who + 1} eats an attention`;
    case 'stranger':
      return 'a stranger registers';
    case 'look':
      return `m${who + 1} looks after its disk`;
    case 'look-on': {
      const { command } = catalogue.looks.at(before[LOOK + who] as number);
      return `m${who + 1} looks: ${commandName(command)}`;
    }
    default:
      return `m${who + 1} registers path ${path} again under its mount`;
  }
}

function pending(catalogue: Catalogue, world: Int32Array, epoch: number): PrCommand | null {
  return catalogue.attempts.at(world[ATTEMPT + epoch - 1] as number).command;
}

function sentOf(
  catalogue: Catalogue,
  before: Int32Array,
  after: Int32Array,
  epoch: number,
): string {
  const { state } = catalogue.attempts.at(after[ATTEMPT + epoch - 1] as number);
  const command = pending(catalogue, before, epoch);
  const end = state.kind === 'failed' ? `failed: ${state.code}` : state.kind;
  return `${commandName(command)} → ${end}`;
}

function commandName(command: PrCommand | null): string {
  if (command === null) return 'nothing';
  const on = `on ${command.path}`;
  switch (command.kind) {
    case 'register':
      return `REGISTER ${keyName(command.current)} → ${keyName(command.key)} ${on}`;
    case 'reserve':
      return `RESERVE by ${keyName(command.key)} ${on}`;
    case 'preempt':
    case 'preempt-and-abort': {
      const verb = command.kind === 'preempt' ? 'PREEMPT' : 'PREEMPT AND ABORT';
      return `${verb} of ${keyName(command.victim)} by ${keyName(command.key)} ${on}`;
    }
    default:
      return `${command.kind.toUpperCase().replaceAll('-', ' ')} ${on}`;
  }
}

function diskOf(worlds: Worlds, world: Int32Array): string {
  const disk = worlds.catalogue.targets.at(world[TARGET] as number).inspect();
  const keys = [...disk.registrations].map(([nexus, key]) => `${nexus}=${keyName(key)}`);
  const holder = disk.reservation === null ? 'nobody' : (disk.reservation.holder ?? 'all');
  const tasks = disk.tasks.map(({ nexus, data }) => `${data} by ${nexus}`);
  const flying = tasks.length === 0 ? '' : `; in flight: ${tasks.sort().join(', ')}`;
  return `[${keys.sort().join(' ') || 'no keys'}; held by ${holder}${flying}]`;
}
