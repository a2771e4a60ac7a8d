import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { run } from '../../src/system/run.ts';

const calm = () => new AbortController().signal;

describe('a command', () => {
  test('answers its status and both outputs, and a failure is no exception', async () => {
    const answer = await run(['sh', '-c', 'echo out; echo err >&2; exit 24'], {
      signal: calm(),
      timeoutMs: 20_000,
    });
    expect(answer).toEqual({ status: 24, stdout: 'out\n', stderr: 'err\n' });
  });

  test('reads its input to the end', async () => {
    const input = 'x'.repeat(300_000);
    const answer = await run(['cat'], { signal: calm(), timeoutMs: 20_000, input });
    expect(answer.stdout).toBe(input);
  });

  test('that does not read its input still answers its status', async () => {
    const input = 'x'.repeat(300_000);
    const answer = await run(['false'], { signal: calm(), timeoutMs: 20_000, input });
    expect(answer.status).toBe(1);
  });

  test('ended by a signal counts as 128 + its number', async () => {
    const answer = await run(['sh', '-c', 'kill -9 $$'], { signal: calm(), timeoutMs: 20_000 });
    expect(answer.status).toBe(137);
  });

  test('that is not installed says so', async () => {
    await expect(
      run(['holdfast-no-such-program'], { signal: calm(), timeoutMs: 20_000 }),
    ).rejects.toMatchObject({ code: 'COMMAND_NOT_FOUND' });
  });

  test('that writes without end is stopped', async () => {
    await expect(run(['yes'], { signal: calm(), timeoutMs: 20_000 })).rejects.toMatchObject({
      code: 'COMMAND_OUTPUT_TOO_LARGE',
    });
  });

  test('that outlives its deadline is killed with everything it started', async () => {
    const failure = await run(['sh', '-c', 'sleep 600 & echo $! $$ >&2; wait'], {
      signal: calm(),
      timeoutMs: 400,
    }).catch((error: unknown) => error as { code: string; context: { stderr: string } });
    expect(failure).toMatchObject({ code: 'COMMAND_TIMED_OUT' });
    const pids = (failure as { context: { stderr: string } }).context.stderr.trim().split(' ');
    expect(pids).toHaveLength(2);
    for (const pid of pids)
      await expect.poll(() => alive(Number(pid)), { timeout: 20_000 }).toBe(false);
  });

  test('is killed when the caller loses interest, and rejects with the reason', async () => {
    const interest = new AbortController();
    const running = run(['sleep', '600'], { signal: interest.signal, timeoutMs: 60_000 });
    interest.abort(new Error('no longer owner'));
    await expect(running).rejects.toThrow('no longer owner');
  });

  test('is not started at all under a signal that has already aborted', async () => {
    await expect(
      run(['holdfast-no-such-program'], {
        signal: AbortSignal.abort(new Error('over')),
        timeoutMs: 1,
      }),
    ).rejects.toThrow('over');
  });

  test('that leaves a background child with the pipe open still ends', async () => {
    const answer = await run(['sh', '-c', 'sleep 600 & echo $!'], {
      signal: calm(),
      timeoutMs: 60_000,
    });
    expect(answer.status).toBe(0);
    process.kill(Number(answer.stdout), 'SIGKILL');
  });
});

function alive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
