import { DISKS } from './disks.ts';
import { GROUPS } from './groups.ts';
import { LEASES } from './leases.ts';
import { OWNERSHIP } from './ownership.ts';
import type { SystemMutant } from './system-mutant.ts';

export const SYSTEM: readonly SystemMutant[] = [...OWNERSHIP, ...LEASES, ...DISKS, ...GROUPS];
