/** sd_notify(3), against a real datagram socket. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Supervisor } from '../../src/system/sd-notify.ts';
import { NotifySocket } from './support/notify-socket.ts';

const PID = 4_711;

let directory = '';
let socket: NotifySocket | null = null;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-notify-'));
});

afterEach(() => {
  socket?.close();
  socket = null;
  rmSync(directory, { recursive: true, force: true });
});

describe('the service supervisor', () => {
  it.each([
    ['at a path', () => join(directory, 'notify')],
    ['in the abstract namespace', () => `@holdfast-notify-${process.pid}`],
  ])('hears each word as one datagram, %s', (_, name) => {
    socket = new NotifySocket(name());
    const supervisor = Supervisor.of({ NOTIFY_SOCKET: socket.name }, PID);
    supervisor?.tell({ READY: 1, STATUS: 'leader,\nserves ledger' });
    supervisor?.tell({ WATCHDOG: 1 });
    supervisor?.tell({ STOPPING: 1 });
    expect(supervisor?.fault).toBe('');
    expect(socket.heard()).toEqual([
      'READY=1\nSTATUS=leader, serves ledger',
      'WATCHDOG=1',
      'STOPPING=1',
    ]);
  });

  it('that does not listen is no fault that anybody else notices', () => {
    const supervisor = Supervisor.of({ NOTIFY_SOCKET: join(directory, 'nobody') }, PID);
    supervisor?.tell({ READY: 1 });
    expect(supervisor?.fault).toBe('ENOENT');
  });

  it('that reads too slowly is not waited for', () => {
    socket = new NotifySocket(join(directory, 'notify'));
    const supervisor = Supervisor.of({ NOTIFY_SOCKET: socket.name }, PID);
    let told = 0;
    while (supervisor?.fault === '' && told < 100_000) {
      supervisor.tell({ WATCHDOG: 1 });
      told += 1;
    }
    expect(supervisor?.fault).toBe('EAGAIN');
  });

  it.each([
    ['nobody', {}],
    ['a place that is no socket', { NOTIFY_SOCKET: 'notify' }],
    ['a path that no address holds', { NOTIFY_SOCKET: `/${'x'.repeat(108)}` }],
  ])('is not there when the environment names %s', (_, environment) => {
    expect(Supervisor.of(environment, PID)).toBeNull();
  });
});

describe('the watchdog', () => {
  const of = (environment: Record<string, string>): number | null | undefined =>
    Supervisor.of({ NOTIFY_SOCKET: '/run/notify', ...environment }, PID)?.watchdogMs;

  it('is what the supervisor says, in microseconds, if it means this process', () => {
    expect(of({ WATCHDOG_USEC: '3000000' })).toBe(3_000);
    expect(of({ WATCHDOG_USEC: '3000000', WATCHDOG_PID: String(PID) })).toBe(3_000);
  });

  it('is off when it is not asked for, means another process, or is no number', () => {
    expect(of({})).toBeNull();
    expect(of({ WATCHDOG_USEC: '3000000', WATCHDOG_PID: '1' })).toBeNull();
    expect(of({ WATCHDOG_USEC: 'soon' })).toBeNull();
    expect(of({ WATCHDOG_USEC: '0' })).toBeNull();
  });
});

it('takes its variables away from whatever the daemon starts', () => {
  const environment = {
    NOTIFY_SOCKET: '/run/notify',
    WATCHDOG_USEC: '1',
    WATCHDOG_PID: '1',
    PATH: '/',
  };
  Supervisor.of(environment, PID);
  expect(environment).toEqual({ PATH: '/' });
});
