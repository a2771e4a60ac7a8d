import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Parameter } from '../../src/cluster/definition.ts';
import { known } from '../../src/lib/assert.ts';
import type { Outcome } from '../../src/resources/agent.ts';
import { ApplicationAgent } from '../../src/resources/agents/application.ts';
import { cgroupBase } from '../../src/system/cgroup.ts';
import { monotonicClock as clock } from '../../src/system/clock.ts';
import { PacketFilter } from '../../src/system/packet-filter.ts';
import { undo } from '../../src/system/undo.ts';
import { type AgentLab, RESOURCE_AGENT_CONTRACT, reset } from '../contract/resource-agent.ts';
import { isAlive, until } from '../system/support/until.ts';
import { contextOf, resource } from './support/definitions.ts';

const calm = new AbortController().signal;
const context = contextOf();
const base = await cgroupBase(calm);
if (base === null) process.stderr.write('control groups are not tested: none is writable here\n');

/** An address of this process alone: whatever else runs takes its ports elsewhere. */
const host = `127.77.${(process.pid >> 8) & 255}.${1 + (process.pid & 127)}`;
/** A port that no test listens on. */
const NOBODY = 1;
let directory = '';
let port = 0;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-application-'));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
  await new Promise((resolve) => server.close(resolve));
});

afterAll(() => rmSync(directory, { recursive: true }));

const application = (parameters: Readonly<Record<string, Parameter>>, stopTimeoutMs = 20_000) =>
  resource('application', parameters, { name: `app-${process.pid}`, stopTimeoutMs });

/**
 * Listens after a moment, and writes what it was told. A probe that has its answer hangs up, which is
 * an error to whoever still writes: no reason to end.
 */
const listener = `
  console.log(JSON.stringify(process.env));
  const greet = (socket) => socket.on('error', () => {}).end('hello');
  setTimeout(() => require('net').createServer(greet).listen(${0}, '${host}'), 100);
`;

describe.each([
  ['in a control group', true],
  ['in a process group', false],
])('an application %s', (_, cgroups) => {
  const skip = cgroups && base === null;
  let agent: ApplicationAgent;
  const log = () => readFileSync(join(directory, `db-app-${process.pid}.log`), 'utf8');
  const definitions: ReturnType<typeof application>[] = [];
  const make = (...args: Parameters<typeof application>) => {
    rmSync(join(directory, `db-app-${process.pid}.log`), { force: true });
    agent = new ApplicationAgent({ clock, logDirectory: directory, cgroups });
    const definition = application(...args);
    definitions.push(definition);
    return definition;
  };

  afterEach(async () => {
    for (const definition of definitions.splice(0)) await agent.kill(definition, context);
  });

  it.skipIf(skip).each(RESOURCE_AGENT_CONTRACT)('$name', async (clause) => {
    const definition = make({ command: ['sleep', '600'] });
    const filter = new PacketFilter({ clusterId: 'none', clock });
    const lab: AgentLab = {
      agent,
      definition,
      context,
      lease: async () => {},
      undo: (item) => undo(item, { filter, clock, timeoutMs: 20_000, signal: calm }),
      holds: true,
    };
    await reset(lab);
    await clause.run(lab);
  });

  it.skipIf(skip)('is started only when it answers, and is told why and where', async () => {
    const definition = make({
      command: [process.execPath, '-e', listener.replace('0', String(port))],
      environment: ['COLOUR=blue'],
      readiness: ['tcp', `${host}:${port}`],
    });
    const outcome = await agent.start(definition, context);
    expect(outcome).toMatchObject({ status: 0 });
    expect(outcome.spawnedMs).toBeLessThan(clock.now());
    // Beside what it says on standard output, Node may warn on standard error.
    const said = log()
      .split('\n')
      .find((line) => line.startsWith('{'));
    expect(JSON.parse(said ?? '')).toMatchObject({
      COLOUR: 'blue',
      HOLDFAST_GROUP: 'db',
      HOLDFAST_NODE: 'node1',
      HOLDFAST_EPOCH: '7',
      HOLDFAST_REASON: 'failover',
      HOLDFAST_PREVIOUS_OWNER: 'node2',
    });
  });

  it.skipIf(skip)('that ends before it answers did not start', async () => {
    const definition = make({
      command: ['sh', '-c', 'echo no such table >&2; exit 3'],
      readiness: ['tcp', `${host}:${NOBODY}`],
    });
    const outcome = await agent.start(definition, context);
    expect(outcome).toMatchObject({ status: 7, code: 'APPLICATION_EXITED' });
    expect(outcome.detail).toContain('status 3');
    expect(log()).toContain('no such table');
  });

  it.skipIf(skip)('that never answers is reported within its start timeout', async () => {
    const definition = {
      ...make({ command: ['sleep', '600'], readiness: `tcp:${host}:${NOBODY}` }),
      startTimeoutMs: 500,
    };
    expect(await agent.start(definition, context)).toMatchObject({
      status: 1,
      code: 'APPLICATION_NOT_ANSWERING',
    });
  });

  it.skipIf(skip)('that ends by itself is noticed at once', async () => {
    const definition = make({ command: ['sleep', '600'] });
    await agent.start(definition, context);
    const heard: Outcome[] = [];
    agent.watch(definition, context, (outcome) => heard.push(outcome));
    const item = agent
      .teardown(definition, context)
      .find((candidate) => candidate.kind === 'kill-process-group');
    const { pid } = known(item, 'a process to be killed');
    process.kill(pid, 'SIGKILL');
    await until('the end is told', () => heard.length > 0);
    expect(heard).toMatchObject([{ status: 7, code: 'APPLICATION_EXITED' }]);
  });

  it.skipIf(skip)('that is stopped is no news', async () => {
    const definition = make({ command: ['sleep', '600'] });
    await agent.start(definition, context);
    const heard: Outcome[] = [];
    agent.watch(definition, context, (outcome) => heard.push(outcome));
    await agent.stop(definition, context);
    expect(heard).toEqual([]);
  });

  it.skipIf(skip)('that does not obey is killed with its children', async () => {
    const script = 'trap "" TERM; sleep 600 & echo $! $$; while :; do wait; done';
    const definition = make({ command: ['sh', '-c', script] }, 1_000);
    await agent.start(definition, context);
    await until('it has told its processes', () => /\d+ \d+\n/.test(log()));
    const pids = log().trim().split(' ').map(Number);
    const outcome = await agent.stop(definition, context);
    expect(outcome).toMatchObject({ status: 0 });
    for (const pid of pids) expect(isAlive(pid)).toBe(false);
  });

  describe.skipIf(skip)('with prestart', () => {
    const waiter = 'echo loaded; read word || { echo unwanted; exit 1; }; echo "$word"; sleep 600';
    const early = (program = waiter) =>
      make({ command: ['sh', '-c', program], prestart: true }, 5_000);
    const toldAll = (...words: readonly string[]) =>
      until(`it has said ${words}`, () => log() === words.map((word) => `${word}\n`).join(''));

    it('runs from the preparation on, and begins when it is started', async () => {
      const definition = early();
      expect(await agent.prepare(definition, context)).toMatchObject({ status: 0 });
      await toldAll('loaded');
      expect(agent.teardown(definition, context)).toContainEqual(
        expect.objectContaining({ kind: 'kill-process-group' }),
      );
      const beganMs = clock.now();
      const outcome = await agent.start(definition, context);
      expect(outcome).toMatchObject({ status: 0 });
      expect(outcome.spawnedMs).toBeGreaterThanOrEqual(beganMs);
      await toldAll('loaded', 'start');
      expect(await agent.start(definition, context)).toMatchObject({ status: 0 });
      await toldAll('loaded', 'start');
    });

    it('recovers before it begins, and not before it is started', async () => {
      const definition = make({
        command: ['sh', '-c', waiter],
        recover: ['echo', 'recovered'],
        prestart: true,
      });
      await agent.prepare(definition, context);
      await toldAll('loaded');
      await agent.start(definition, context);
      await toldAll('loaded', 'recovered', 'start');
    });

    it.each(['stop', 'kill'] as const)('ends unheard by a %s while it waits', async (verb) => {
      const definition = early();
      await agent.prepare(definition, context);
      await toldAll('loaded');
      expect(await agent[verb](definition, context)).toMatchObject({ status: 0 });
      expect(await agent.fitness(definition, context)).toMatchObject({ status: 0 });
      expect(log()).toBe('loaded\n');
    });

    it('that has ended while it waited is started anew', async () => {
      const flag = join(directory, 'second');
      const definition = early(`[ -e ${flag} ] || { touch ${flag}; exit 1; }; ${waiter}`);
      await agent.prepare(definition, context);
      await until('the first has ended', async () => {
        const { status } = await agent.monitor(definition, context);
        return status === 7;
      });
      expect(await agent.start(definition, context)).toMatchObject({ status: 0 });
      await toldAll('loaded', 'start');
      rmSync(flag);
    });

    it('is told to begin in a restart, too', async () => {
      const definition = early();
      await agent.start(definition, context);
      await toldAll('loaded', 'start');
      await agent.kill(definition, context);
      await agent.start(definition, context);
      await toldAll('loaded', 'start', 'loaded', 'start');
    });
  });

  it.skipIf(!cgroups || skip)('cannot hide a child in a session of its own', async () => {
    const definition = make({ command: ['sh', '-c', 'setsid sleep 600 & echo $!; wait'] });
    await agent.start(definition, context);
    await until('it has told the child', () => /\d+\n/.test(log()));
    const child = Number(log());
    await agent.kill(definition, context);
    expect(isAlive(child)).toBe(false);
  });

  it.skipIf(skip)('suspended, it does nothing at all until it is resumed', async () => {
    const definition = make({ command: ['sh', '-c', 'while :; do echo tick; sleep 0.01; done'] });
    await agent.start(definition, context);
    await until('it ticks', () => log().length > 0);
    await agent.suspend(definition, context);
    // One tick may have been on its way when the stop arrived.
    await until('the last tick is written', async () => {
      const before = log().length;
      await clock.after(200, calm);
      return log().length === before;
    });
    const still = log().length;
    expect(await agent.monitor(definition, context)).toMatchObject({ status: 0 });
    expect(log().length).toBe(still);
    await agent.resume(definition, context);
    await until('it ticks again', () => log().length > still);
  });

  it.skipIf(skip)('whose program does not exist is a clear refusal', async () => {
    const definition = make({ command: ['/no/such/program'] });
    const outcome = await agent.start(definition, context);
    expect(outcome.code).toBe('COMMAND_NOT_FOUND');
    expect(outcome.status).not.toBe(0);
  });
});
