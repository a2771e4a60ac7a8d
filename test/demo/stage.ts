/**
 * What the demonstration needs of the world it is played in. Two worlds implement it: real kernels in
 * the laboratory, and three daemons on loopback with an emulated disk. The story is the same.
 */
import type { Timeline } from '../../src/operator/api.ts';
import type { Load } from '../lab/clients.ts';

export type Owner = { readonly node: string; readonly epoch: number };

export type Finding = { readonly ok: boolean; readonly words: string };

export type Stage = {
  readonly mode: 'kernel' | 'embedded';
  /** One sentence: what is real here and what is not. */
  readonly about: string;
  readonly load: Load;
  /** Waits, bounded, until the group is served in an epoch after `after`, by somebody but `not`. */
  served(options?: { readonly not?: string; readonly after?: number }): Promise<Owner>;
  /** Waits, bounded, until clients get answers. */
  answered(): Promise<void>;
  timelines(): Promise<readonly Timeline[]>;
  powerOff(node: string): Promise<void>;
  /** The node boots again and rejoins; resolves when all nodes hear each other. */
  powerOn(node: string): Promise<void>;
  freeze(node: string): Promise<void>;
  thaw(node: string): Promise<void>;
  /** After a thaw: the old owner tries to write. `ok`: the disk refused it. */
  writeOfOldOwner(node: string): Promise<Finding>;
  /** `ok`: the node shows the group's address no more, and holds no mount of its disk. */
  letGo(node: string): Promise<Finding>;
  /** `ok`: nobody ever could write beside another, no address stood twice. */
  oneOwner(): Promise<Finding>;
  down(): Promise<void>;
};
