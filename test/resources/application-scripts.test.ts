/** Application recovery as the old scripts knew it: commands that are told why, and put data right. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Parameter } from '../../src/cluster/definition.ts';
import type { ActionContext, Outcome } from '../../src/resources/agent.ts';
import { ApplicationAgent } from '../../src/resources/agents/application.ts';
import { cgroupBase } from '../../src/system/cgroup.ts';
import { monotonicClock as clock } from '../../src/system/clock.ts';
import { killGroup } from '../../src/system/process.ts';
import { isAlive, until } from '../system/support/until.ts';
import { contextOf, resource } from './support/definitions.ts';

const calm = new AbortController().signal;
const root = mkdtempSync(join(tmpdir(), 'holdfast-scripts-'));
const noCgroups = (await cgroupBase(calm)) === null;
if (noCgroups) process.stderr.write('background applications are not tested: no control groups\n');
const notRoot = process.getuid?.() !== 0;
if (notRoot) process.stderr.write('other users are not tested: needs root\n');

let directory = '';
let agent: ApplicationAgent;
let rounds = 0;
const definitions: ReturnType<typeof resource>[] = [];

const path = (name: string) => join(directory, name);
const read = (name: string) => readFileSync(path(name), 'utf8').trim().split('\n');
/** A command that adds a line with what it was told. */
const tells = (what: string) => [
  'sh',
  '-c',
  `echo ${what} $HOLDFAST_REASON $HOLDFAST_CLEAN $HOLDFAST_EPOCH "from $HOLDFAST_PREVIOUS_OWNER" >> story`,
];
const app = (parameters: Readonly<Record<string, Parameter>>, stopTimeoutMs = 20_000) => {
  const name = `scripts-${process.pid}-${rounds}`;
  const definition = resource('application', { directory, ...parameters }, { name, stopTimeoutMs });
  definitions.push(definition);
  return definition;
};
const told = (fields: Partial<ActionContext>) => contextOf({ clean: false, ...fields });

beforeEach(() => {
  rounds += 1;
  directory = mkdtempSync(join(root, 'd-'));
  agent = new ApplicationAgent({ clock, logDirectory: directory });
});
afterEach(async () => {
  for (const definition of definitions.splice(0)) await agent.kill(definition, contextOf());
});
afterAll(() => rmSync(root, { recursive: true }));

describe('an application with a recovery step', () => {
  it('starts only after it, and both are told why', async () => {
    const definition = app({
      recover: tells('recover'),
      command: ['sh', '-c', `${tells('start')[2]}; exec sleep 600`],
    });
    expect(await agent.start(definition, told({}))).toMatchObject({ status: 0 });
    await until('it has told', () => read('story').length === 2);
    expect(read('story')).toEqual([
      'recover failover no 7 from node2',
      'start failover no 7 from node2',
    ]);
  });

  it('cleans up what a power loss left half-written, and only then', async () => {
    const clean = 'if [ "$HOLDFAST_CLEAN" != yes ]; then rm -f half-*; fi';
    const definition = app({ recover: ['sh', '-c', clean], command: ['sleep', '600'] });
    writeFileSync(path('half-1'), '');
    await agent.start(definition, told({ clean: true }));
    expect(existsSync(path('half-1'))).toBe(true);
    await agent.stop(definition, told({ clean: true }));
    await agent.start(definition, told({ epoch: 8, clean: false }));
    expect(existsSync(path('half-1'))).toBe(false);
  });

  it('is not started when it fails, and says with what status', async () => {
    const definition = app({
      recover: ['sh', '-c', 'echo "index is torn" >&2; exit 4'],
      command: ['touch', path('started')],
    });
    const outcome = await agent.start(definition, told({}));
    expect(outcome).toMatchObject({ status: 1, code: 'RECOVERY_FAILED' });
    expect(outcome.detail).toContain('status 4');
    expect(read(`db-${definition.name}.log`)).toContain('index is torn');
    expect(existsSync(path('started'))).toBe(false);
    expect(await agent.monitor(definition, told({}))).toMatchObject({ status: 7 });
  });

  it('that never returns ends with the start, and leaves no process', async () => {
    const definition = {
      ...app({ recover: ['sh', '-c', 'echo $$ > pid; sleep 600'], command: ['sleep', '600'] }),
      startTimeoutMs: 600,
    };
    const outcome = await agent.start(definition, told({}));
    expect(outcome).toMatchObject({ status: 1, code: 'RECOVERY_FAILED' });
    await until('it is gone', () => !isAlive(Number(read('pid')[0])));
  });

  it('is told of a restart when it ended here, and whether it ended in order', async () => {
    const definition = app({ command: ['sh', '-c', `${tells('start')[2]}; exec sleep 600`] });
    const heard: Outcome[] = [];
    await agent.start(definition, told({ reason: 'boot', previousOwner: null, clean: true }));
    await until('it has told', () => existsSync(path('story')));
    agent.watch(definition, told({}), (outcome) => heard.push(outcome));
    for (const item of agent.teardown(definition, told({}))) {
      if (item.kind === 'kill-process-group') {
        await killGroup(item, { clock, timeoutMs: 5_000, signal: calm });
      }
    }
    await until('its end is told', () => heard.length > 0);
    await agent.start(definition, told({ reason: 'boot' }));
    await until('it has told again', () => read('story').length === 2);
    await agent.stop(definition, told({}));
    await agent.start(definition, told({ reason: 'boot' }));
    await until('and again', () => read('story').length === 3);
    expect(read('story')).toEqual([
      'start boot yes 7 from ',
      'start restart no 7 from node2',
      'start restart yes 7 from node2',
    ]);
  });
});

describe('an application with commands of its own', () => {
  const daemon = 'setsid sh -c "echo \\$\\$ > pid; exec sleep 600" > /dev/null 2>&1 < /dev/null &';
  const runs = ['command', 'sh', '-c', 'test -d /proc/$(cat pid)'];
  const background = (parameters: Readonly<Record<string, Parameter>> = {}) =>
    app({ start: ['sh', '-c', daemon], readiness: runs, ...parameters });

  it.skipIf(noCgroups)(
    'runs in the background, is monitored, and its end is told at once',
    async () => {
      const definition = background();
      expect(await agent.start(definition, told({}))).toMatchObject({ status: 0 });
      expect(await agent.monitor(definition, told({}))).toMatchObject({ status: 0 });
      expect(await agent.fitness(definition, told({}))).toMatchObject({ code: 'RESOURCE_HELD' });
      const heard: Outcome[] = [];
      agent.watch(definition, told({}), (outcome) => heard.push(outcome));
      process.kill(Number(read('pid')[0]), 'SIGKILL');
      await until('its end is told', () => heard.length > 0);
      expect(heard).toMatchObject([{ status: 7, code: 'APPLICATION_EXITED' }]);
      expect(await agent.monitor(definition, told({}))).toMatchObject({ status: 7 });
    },
  );

  it.skipIf(noCgroups)('is ended by its stop command, which is told why as well', async () => {
    const stop = ['sh', '-c', `${tells('stop')[2]}; kill $(cat pid)`];
    const definition = background({ stop });
    await agent.start(definition, told({ reason: 'move' }));
    expect(await agent.stop(definition, told({ reason: 'move' }))).toEqual({
      status: 0,
      code: null,
      detail: '',
    });
    expect(read('story')).toEqual(['stop move no 7 from node2']);
    expect(isAlive(Number(read('pid')[0]))).toBe(false);
  });

  it.skipIf(noCgroups)(
    'is ended all the same when its stop command hangs, and that is told',
    async () => {
      const definition = { ...background({ stop: ['sleep', '600'] }), stopTimeoutMs: 1_000 };
      await agent.start(definition, told({}));
      const outcome = await agent.stop(definition, told({}));
      expect(outcome.status).toBe(0);
      expect(outcome.detail).toContain('sleep took longer than 500 ms');
      expect(isAlive(Number(read('pid')[0]))).toBe(false);
    },
  );

  it.skipIf(noCgroups)('whose start command fails did not start', async () => {
    const definition = background({ start: ['sh', '-c', 'exit 9'] });
    const outcome = await agent.start(definition, told({}));
    expect(outcome).toMatchObject({ status: 7, code: 'APPLICATION_EXITED' });
    expect(outcome.detail).toContain('status 9');
  });

  it('needs a probe, since nothing else tells that it runs', async () => {
    const definition = app({ start: ['true'] });
    expect(await agent.validateAll(definition, told({}))).toMatchObject({
      status: 6,
      code: 'RESOURCE_MISCONFIGURED',
    });
  });

  it('gets the signal that ends it in order', async () => {
    const script =
      'trap "echo fast >> story; exit 0" INT; trap "" TERM; touch up; while :; do sleep 0.01; done';
    const definition = app({ command: ['sh', '-c', script], 'stop-signal': 'SIGINT' });
    await agent.start(definition, told({}));
    await until('it listens', () => existsSync(path('up')));
    expect(await agent.stop(definition, told({}))).toMatchObject({ status: 0, detail: '' });
    expect(read('story')).toEqual(['fast']);
  });

  it.skipIf(notRoot)('runs in the name of its user, and an unknown one is refused', async () => {
    const definition = app({ command: ['sh', '-c', 'id -un >&2; exec sleep 600'], user: 'nobody' });
    await agent.start(definition, told({}));
    await until('it has told', () => read(`db-${definition.name}.log`).includes('nobody'));
    const unknown = app({ command: ['true'], user: 'nobody-at-all' });
    expect(await agent.validateAll(unknown, told({}))).toMatchObject({ code: 'USER_UNKNOWN' });
  });
});

describe('a monitor of an application', () => {
  it('tells a refusal, silence and degradation apart', async () => {
    const says = (script: string) => ({
      ...app({ command: ['sleep', '600'], monitor: ['command', 'sh', '-c', script] }),
      monitorTimeoutMs: 1_000,
    });
    const definition = says('exit 0');
    await agent.start(definition, told({}));
    const asked = async (script: string) => await agent.monitor(says(script), told({}));
    expect(await asked('exit 0')).toMatchObject({ status: 0 });
    expect(await asked('echo no replica; exit 190')).toMatchObject({
      status: 190,
      code: 'APPLICATION_DEGRADED',
      detail: 'status 190: no replica',
    });
    expect(await asked('exit 1')).toMatchObject({ code: 'APPLICATION_NOT_ANSWERING' });
    expect(await asked('sleep 600')).toMatchObject({ code: 'MONITOR_TIMED_OUT' });
  });
});
