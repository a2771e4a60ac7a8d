/** Numbers of groups, as this machine's own file has them; directories such as LDAP are not asked. */
import { readFileSync } from 'node:fs';

const MAX_ID = 0xffff_fffe;

/** The number of a group that is named, or is a number already; null: no such group here. */
export function groupId(nameOrNumber: string, path = '/etc/group'): number | null {
  if (/^\d+$/.test(nameOrNumber)) {
    const id = Number(nameOrNumber);
    return id <= MAX_ID ? id : null;
  }
  const lines = readFileSync(path, 'utf8').split('\n');
  const fields = lines.map((line) => line.split(':')).find(([name]) => name === nameOrNumber);
  const id = Number(fields?.[2] ?? Number.NaN);
  return Number.isInteger(id) ? id : null;
}
