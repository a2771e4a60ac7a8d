/**
 * Who may do what: decided by the uid and the groups that the kernel noted for the connection, never
 * by what a request says of itself.
 *
 * Where no groups are configured, the permissions of the socket are the whole rule, as they are for
 * any local daemon: whoever can connect may do everything. With groups, root and the daemon's own user
 * may do everything, the members of one group everything, those of the other ask only.
 */
import type { PeerCredentials } from '../system/peer-credentials.ts';

export type Access = 'admin' | 'read-only' | 'none';

/** Numbers of groups; null: not configured. */
export type AccessRules = {
  readonly adminGroup: number | null;
  readonly readOnlyGroup: number | null;
};

export const OPEN: AccessRules = { adminGroup: null, readOnlyGroup: null };

export function accessOf(peer: PeerCredentials, rules: AccessRules, ownUid: number): Access {
  const { adminGroup, readOnlyGroup } = rules;
  if (adminGroup === null && readOnlyGroup === null) return 'admin';
  if (peer.uid === 0 || peer.uid === ownUid) return 'admin';
  if (adminGroup !== null && peer.groups.includes(adminGroup)) return 'admin';
  return readOnlyGroup !== null && peer.groups.includes(readOnlyGroup) ? 'read-only' : 'none';
}

/** Owner, group and permissions of the socket: who may connect at all. */
export function socketRights({ adminGroup, readOnlyGroup }: AccessRules): {
  readonly group: number | null;
  readonly mode: number;
} {
  // Two groups cannot stand on one file: then anybody may connect, and each request is judged.
  return { group: adminGroup, mode: readOnlyGroup === null ? 0o660 : 0o666 };
}
