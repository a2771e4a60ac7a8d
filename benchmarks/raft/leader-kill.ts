/**
 * How long nobody can write after the leader's process was killed: on the client's clock, from the
 * SIGKILL to the first acknowledgement of a write that was begun after it, through either of the other
 * members. The client begins a write at each of them every few milliseconds and waits for all, so that
 * a write which was lost with the leader costs nothing.
 */
import { known } from '../../src/lib/assert.ts';
import { monotonicClock } from '../../src/system/clock.ts';
import { type Contender, PATIENCE_MS, type Say } from './contender.ts';
import { type Latency, latency } from './figures.ts';
import { payload } from './load.ts';
import { PutClient } from './put-client.ts';
import { pause, until } from './waiting.ts';

const EVERY_MS = 5;
/** More puts than these are not begun at one member; a member without a leader holds them back. */
const MAX_WAITING = 512;
/** So long a cluster is left alone before the next kill. */
const REST_MS = 1_000;

export async function measureLeaderKills(
  contender: Contender,
  runs: number,
  say: Say,
): Promise<Latency> {
  const timesMs: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    await until(`${contender.name} is whole`, PATIENCE_MS, () => isWhole(contender));
    await pause(REST_MS);
    const leader = await until('a leader', PATIENCE_MS, () => contender.leader());
    timesMs.push(await killOnce(contender, leader));
    await contender.restart(leader);
    say(
      `${contender.name}: kill ${run + 1} of ${runs}: ${known(timesMs.at(-1), 'time').toFixed(0)} ms`,
    );
  }
  return latency(timesMs);
}

async function killOnce(contender: Contender, leader: number): Promise<number> {
  const doors = contender.doors.filter((_, i) => i !== leader);
  const survivors = await Promise.all(doors.map((door) => PutClient.open(door)));
  // Both know the way to the leader, and the client's code is warm.
  await Promise.all(survivors.map((client) => client.put(payload(0))));
  const beganMs = monotonicClock.now();
  contender.kill(leader);
  let endedMs: number | null = null;
  for (let waiting = 0; endedMs === null && waiting < MAX_WAITING; waiting += 1) {
    for (const client of survivors) {
      client.put(payload(waiting)).then(
        () => {
          endedMs ??= monotonicClock.now();
        },
        () => undefined, // refused: a later one will do
      );
    }
    await pause(EVERY_MS);
  }
  const first = await until('a write after the kill', PATIENCE_MS, async () => endedMs);
  for (const client of survivors) client.close();
  return first - beganMs;
}

/** Every member takes a write: it runs, and knows the leader. */
async function isWhole(contender: Contender): Promise<true | null> {
  try {
    for (const door of contender.doors) {
      const client = await PutClient.open(door);
      await client.put(payload(0)).finally(() => client.close());
    }
    return true;
  } catch {
    // One that was killed starts again.
    return null;
  }
}
