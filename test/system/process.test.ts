import { afterEach, describe, expect, it } from 'vitest';
import { monotonicClock as clock } from '../../src/system/clock.ts';
import { type LongLived, startLongLived } from '../../src/system/long-lived.ts';
import {
  groupMembers,
  isRunning,
  killGroup,
  processStat,
  signalGroup,
} from '../../src/system/process.ts';
import { run } from '../../src/system/run.ts';
import { isAlive, until } from './support/until.ts';

const bound = { clock, timeoutMs: 20_000, signal: new AbortController().signal };
const started: LongLived[] = [];

async function start(...argv: readonly string[]): Promise<LongLived> {
  const process = await startLongLived({ argv, output: { kind: 'file', path: '/dev/null' } });
  started.push(process);
  return process;
}

afterEach(async () => {
  for (const { mark } of started.splice(0)) await killGroup(mark, bound);
});

describe('a process', () => {
  it('is marked with its start, in a session of its own', async () => {
    const { mark } = await start('sleep', '600');
    const stat = processStat(mark.pid);
    expect(stat).toMatchObject({ group: mark.pid, session: mark.pid, startTicks: mark.startTicks });
    expect(isRunning(mark)).toBe(true);
    expect(isRunning({ ...mark, startTicks: mark.startTicks + 1 })).toBe(false);
  });

  it('with brackets and blanks in its name is read all the same', async () => {
    const script = 'printf "a) Z 1 (" > /proc/self/comm; cat /proc/$$/comm; sleep 600';
    const { mark } = await start('sh', '-c', script);
    expect(processStat(mark.pid)).toMatchObject({ group: mark.pid, startTicks: mark.startTicks });
  });

  it('that is missing says so', async () => {
    await expect(start('/no/such/program')).rejects.toMatchObject({ code: 'COMMAND_NOT_FOUND' });
  });
});

describe('a group of processes', () => {
  it('dies with all its members, stopped or not, also when its leader went first', async () => {
    const { mark, ended } = await start('sh', '-c', 'sleep 600 & sleep 600 & exit 0');
    await ended;
    const members = groupMembers(mark);
    expect(members).toHaveLength(2);
    signalGroup(mark, 'SIGSTOP');
    await killGroup(mark, bound);
    for (const { pid } of members) expect(isAlive(pid)).toBe(false);
  });

  it('is spared when its number belongs to somebody else now', async () => {
    const { mark } = await start('sleep', '600');
    await killGroup({ ...mark, startTicks: mark.startTicks - 1 }, bound);
    expect(isRunning(mark)).toBe(true);
  });

  it('can never be the group 0 or 1, which is everybody', async () => {
    for (const pid of [0, 1, -1, Number.NaN]) {
      await expect(killGroup({ pid, startTicks: 0 }, bound)).rejects.toThrow('cannot be led');
    }
  });

  it('that is gone is killed', async () => {
    const { mark, ended } = await start('true');
    await ended;
    await until('it is gone', () => processStat(mark.pid) === null);
    await killGroup(mark, bound);
  });
});

describe('the real-time class', () => {
  it('is left again by everything that is started from it', async () => {
    const module = new URL('../../src/system/scheduling.ts', import.meta.url).href;
    const source = `import('${module}').then(async ({ enterRealTime, isRealTime }) => {
      const fs = require('fs');
      await fs.promises.stat('/'); // libuv makes its pool
      const { allowed, reason } = enterRealTime();
      const field = (thread, n) => {
        const stat = fs.readFileSync('/proc/self/task/' + thread + '/stat', 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[n - 3]);
      };
      const others = fs.readdirSync('/proc/self/task').filter((one) => one !== String(process.pid));
      const name = (one) => fs.readFileSync('/proc/self/task/' + one + '/comm', 'utf8').trim();
      const pool = others.filter((one) => name(one) === 'libuv-worker');
      const along = pool.length > 0 && pool.every((one) => field(one, 41) === 2);
      const above = pool.some((one) => field(one, 40) < field(process.pid, 40));
      const child = require('child_process').spawnSync('cat', ['/proc/self/stat']).stdout;
      const policy = Number(String(child).split(' ')[40]);
      console.log(JSON.stringify({ allowed, reason, realTime: isRealTime(), policy, above, along }));
    })`;
    const { stdout } = await run([process.execPath, '-e', source], bound);
    const answer = JSON.parse(stdout);
    expect(answer.realTime).toBe(answer.allowed);
    expect(answer.policy).toBe(0);
    if (answer.allowed) expect(answer).toMatchObject({ above: false, along: true });
    if (!answer.allowed) expect(answer.reason).toMatch(/^E[A-Z]+$/);
  });
});
