/** Every mutant of the consensus core. */
import type { Mutant } from '../mutant.ts';
import { CATCHING_UP } from './catching-up.ts';
import { DISK } from './disk.ts';
import { ELECTIONS } from './elections.ts';
import { FOLLOWING } from './following.ts';
import { HORIZON } from './horizon.ts';
import { LEADING } from './leading.ts';
import { MEMBERSHIP } from './membership.ts';
import { QUORUMS } from './quorums.ts';
import { ROUNDS } from './rounds.ts';
import { SNAPSHOTS } from './snapshots.ts';
import { TERMS } from './terms.ts';
import { TRANSFER } from './transfer.ts';

export const RAFT: readonly Mutant[] = [
  ...ELECTIONS,
  ...TERMS,
  ...HORIZON,
  ...FOLLOWING,
  ...LEADING,
  ...TRANSFER,
  ...CATCHING_UP,
  ...QUORUMS,
  ...ROUNDS,
  ...MEMBERSHIP,
  ...DISK,
  ...SNAPSHOTS,
];
