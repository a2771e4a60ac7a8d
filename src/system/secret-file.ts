/**
 * A secret that is kept in a file: read only when nobody but its owner can, since a secret that others
 * read is none, and whoever set it up should hear that at once.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { HoldfastError } from '../lib/error.ts';

const OTHERS = 0o077;
const MAX_BYTES = 4_096;

/** Without blanks at its ends. @throws HoldfastError SECRET_FILE_EXPOSED, SECRET_FILE_UNREADABLE */
export function readSecretFile(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new HoldfastError('SECRET_FILE_UNREADABLE', { path, detail: String(cause) }, { cause });
  }
  try {
    const facts = fstatSync(fd);
    const mode = facts.mode & 0o777;
    const own = facts.uid === 0 || facts.uid === process.getuid?.();
    if ((mode & OTHERS) !== 0 || !own) {
      throw new HoldfastError('SECRET_FILE_EXPOSED', { path, mode: `0${mode.toString(8)}` });
    }
    const text = facts.isFile() && facts.size <= MAX_BYTES ? readFileSync(fd, 'utf8').trim() : '';
    if (text !== '' && !/[\0\r\n]/.test(text)) return text;
    const detail = 'expected a file with one line, of at most 4096 bytes';
    throw new HoldfastError('SECRET_FILE_UNREADABLE', { path, detail });
  } finally {
    closeSync(fd);
  }
}
