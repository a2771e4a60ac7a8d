/**
 * A unit whose state changes, told by D-Bus: a bus of this test's own, signals as systemd sends them, and a
 * `systemctl` that answers from a file. No systemd is needed.
 */
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/resources/agent.ts';
import { SystemdAgent } from '../../src/resources/agents/systemd.ts';
import { monotonicClock as clock } from '../../src/system/clock.ts';
import { type LongLived, startLongLived } from '../../src/system/long-lived.ts';
import { objectPathOf, watchUnit } from '../../src/system/unit-events.ts';
import { until } from '../system/support/until.ts';
import { contextOf, resource } from './support/definitions.ts';
import { must, works } from './support/shell.ts';

const missing = ['dbus-daemon', 'busctl'].filter((name) => !existsSync(`/usr/bin/${name}`));
const reason = missing.length === 0 ? null : `${missing.join(', ')} not installed`;
if (reason !== null) process.stderr.write(`units on D-Bus are not tested: ${reason}\n`);

const UNIT = 'mail-1.service';
let directory = '';
let bus: LongLived;
let busctl: readonly string[] = [];

beforeAll(async () => {
  if (reason !== null) return;
  directory = mkdtempSync(join(tmpdir(), 'holdfast-bus-'));
  const address = `unix:path=${directory}/bus`;
  busctl = ['busctl', `--address=${address}`];
  bus = await startLongLived({
    argv: ['dbus-daemon', '--session', '--nofork', `--address=${address}`],
    output: { kind: 'file', path: join(directory, 'bus.log') },
  });
  await until('the bus answers', () => works(...busctl, 'list'));
});

afterAll(() => {
  if (reason !== null) return;
  process.kill(bus.mark.pid, 'SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

/** What systemd sends when a property of this unit has changed. */
function signal(unit: string): void {
  const words = ['org.freedesktop.DBus.Properties', 'PropertiesChanged', 'sa{sv}as'];
  const changed = ['org.freedesktop.systemd1.Unit', '1', 'ActiveState', 's', 'failed', '0'];
  must(...busctl, 'emit', objectPathOf(unit), ...words, ...changed);
}

describe.skipIf(reason !== null)('a unit of systemd, by D-Bus', () => {
  it('that fails is told at once; one that only changes, and another unit, are no news', async () => {
    const answers = join(directory, 'answers');
    const state = (active: string): void =>
      writeFileSync(
        answers,
        `LoadState=loaded\nActiveState=${active}\nSubState=x\nResult=exit-code\n`,
      );
    const asked = join(directory, 'asked');
    const systemctl = join(directory, 'systemctl');
    writeFileSync(systemctl, `#!/bin/sh\necho asked >> ${asked}\ncat ${answers}\n`);
    chmodSync(systemctl, 0o755);
    const agent = new SystemdAgent({ clock, systemctl: [systemctl], busctl });
    const heard: Outcome[] = [];
    const watching = new AbortController();
    const definition = resource('systemd', { unit: UNIT });
    state('active');
    agent.watch(definition, contextOf({ signal: watching.signal }), (one) => heard.push(one));
    // The ear needs a moment; until then signals go by.
    await until('it listens, and asks', () => {
      signal(UNIT);
      return existsSync(asked);
    });
    expect(heard).toEqual([]);
    state('failed');
    signal('other.service');
    expect(heard).toEqual([]);
    signal(UNIT);
    await until('it is told', () => heard.length > 0);
    expect(heard[0]).toMatchObject({ status: 7, code: 'UNIT_FAILED' });
    watching.abort();
    const ears = () =>
      must(...busctl, 'list', '--unique', '--no-legend')
        .trim()
        .split('\n');
    await until('nobody listens any more', () => ears().every((line) => !/monitor/.test(line)));
  });

  it('is found by the path that systemd gives it', () => {
    expect(objectPathOf('mail-1.service')).toBe(
      '/org/freedesktop/systemd1/unit/mail_2d1_2eservice',
    );
    expect(objectPathOf('9.mount')).toBe('/org/freedesktop/systemd1/unit/_39_2emount');
  });

  it('is watched in vain, and in peace, where there is no bus, or no busctl', async () => {
    const { signal: calm } = new AbortController();
    const changed = (): never => {
      throw new Error('nothing can be heard');
    };
    for (const deaf of [['busctl', '--address=unix:path=/nowhere'], ['/no/such/busctl']]) {
      await watchUnit({ busctl: deaf, unit: UNIT, signal: calm, changed });
    }
  });
});
