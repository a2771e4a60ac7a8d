/** The public face of the kernel laboratory. */

export type { Answer } from '../lab.ts';
export type { ClientProcess } from './client.ts';
export type { Guest } from './guest.ts';
export { KernelLab, type LabOptions, repositoryRoot } from './kernel-lab.ts';
export { LabError, type LabErrorCode } from './lab-error.ts';
export {
  type Cut,
  clientAddress,
  guestAddress,
  guestMac,
  type NetworkNumber,
  networkNames,
  networks,
  tapOf,
} from './network.ts';
export { until } from './until.ts';
