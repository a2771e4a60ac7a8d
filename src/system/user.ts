/**
 * Starting a program in the name of another user: the words to put before its own. `setpriv` becomes the
 * program itself, so that the pid stays the same and signals arrive.
 *
 * Reference: setpriv(1), id(1).
 */
import { HoldfastError } from '../lib/error.ts';
import { type RunOptions, run } from './run.ts';

/** @throws HoldfastError USER_UNKNOWN when this node does not know the user; as `run` does. */
export async function asUser(user: string, bound: RunOptions): Promise<readonly string[]> {
  const number = async (of: '-u' | '-g'): Promise<string> => {
    const { status, stdout } = await run(['id', of, '--', user], bound);
    if (status !== 0) throw new HoldfastError('USER_UNKNOWN', { user });
    return stdout.trim();
  };
  const [uid, gid] = [await number('-u'), await number('-g')];
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--'];
}
