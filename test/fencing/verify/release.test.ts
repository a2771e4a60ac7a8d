/** Every key is taken off a disk, whatever kind of reservation there is, and by whomever it is held. */
import { describe, expect, it } from 'vitest';
import type { ReservationType } from '../../../src/fencing/fence-device.ts';
import { converse, look, release } from '../../../src/fencing/verify/release.ts';
import { type Fault, type Storage, storage } from './model-initiator.ts';

const MINE = 0xf846_5646_8000_0011n;
const calm = new AbortController().signal;

function use({ target }: Storage, nexus: string, key: bigint, type?: ReservationType): void {
  const out = { action: 'register', key: 0n, serviceKey: key, aptpl: true } as const;
  while (target.reserveOut(nexus, out) !== 'good');
  if (type !== undefined)
    expect(target.reserveOut(nexus, { action: 'reserve', key, type })).toBe('good');
}

const bare = { keys: [], holder: null, type: null };

describe('a disk that is released', () => {
  it.each([1, 3, 5, 6, 7, 8] as const)('with type %i and three machines', async (type) => {
    const made = storage();
    use(made, 'node1', 11n, type);
    use(made, 'node2', 12n);
    use(made, 'node3', 13n);
    expect((await converse(look(), made.first, calm)).keys).toEqual([11n, 12n, 13n]);
    expect(await converse(release(MINE), made.first, calm)).toEqual(bare);
    expect(made.target.inspect().registrations.size).toBe(0);
  });

  it('by a machine that holds it itself', async () => {
    const made = storage();
    use(made, 'first', 11n, 1);
    use(made, 'node2', 12n);
    expect(await converse(release(MINE), made.first, calm)).toEqual(bare);
  });

  it('without PREEMPT AND ABORT', async () => {
    const made = storage({ target: { abort: false } });
    use(made, 'node1', 11n, 5);
    expect(await converse(release(MINE), made.first, calm)).toEqual(bare);
  });

  it('that nobody uses is not touched', async () => {
    const asked: string[] = [];
    const fault: Fault = ({ verb }) => {
      asked.push(verb.kind);
      return null;
    };
    const made = storage({ fault });
    expect(await converse(release(MINE), made.first, calm)).toEqual(bare);
    expect(new Set(asked)).toEqual(new Set(['read-keys', 'read-reservation']));
  });

  it('while a machine registers again and again says what is left', async () => {
    const fault: Fault = ({ verb }, { target, go }) => {
      const answer = go();
      if (verb.kind === 'register' && verb.key === 0n && answer.kind === 'good') {
        const out = { action: 'register', key: 0n, serviceKey: 99n, aptpl: true } as const;
        for (let i = 0; i < 9 && target.reserveOut('node2', out) !== 'good'; i += 1);
      }
      return answer;
    };
    const made = storage({ fault });
    use(made, 'node1', 11n, 1);
    expect((await converse(release(MINE), made.first, calm)).keys).toEqual([99n]);
  });

  it('on a path that is lost says so', async () => {
    const made = storage();
    use(made, 'node1', 11n, 1);
    await made.first.ask({ kind: 'lose-path' }, calm);
    await expect(converse(release(MINE), made.first, calm)).rejects.toMatchObject({
      code: 'DISK_PATHS_LOST',
    });
  });
});
