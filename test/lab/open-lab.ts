/** From a name to a laboratory that is up. */
import { KernelLab, type LabOptions } from './kernel/index.ts';
import type { Lab } from './lab.ts';
import { NativeLab } from './native/native-lab.ts';

export const labKinds = ['kernel', 'native'] as const;
export type LabKind = (typeof labKinds)[number];

export function isLabKind(name: string): name is LabKind {
  return labKinds.some((kind) => kind === name);
}

/** Whoever opens it ends it with `down`. When it fails, nothing is left. */
export async function openLab(kind: LabKind, options: LabOptions): Promise<Lab> {
  const lab = kind === 'kernel' ? new KernelLab() : new NativeLab();
  await lab.up(options);
  return lab;
}
