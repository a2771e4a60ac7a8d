/**
 * Where an emulated disk is: `/run/disk.sock` or `127.0.0.1:4321`, and in a configuration
 * `emulated:ADDRESS#LUN`. It knows no other form and does not resolve names.
 */
import type { NetConnectOpts } from 'node:net';
import { HoldfastError } from '../../../lib/error.ts';

const SCHEME = 'emulated:';

export type EmulatedAddress = { readonly address: string; readonly lun: string };

export function isEmulated(device: string): boolean {
  return device.startsWith(SCHEME);
}

/** @throws HoldfastError DISK_DEVICE_INVALID */
export function parseEmulated(device: string): EmulatedAddress {
  const match = /^emulated:([^#]+)#([A-Za-z0-9._-]{1,64})$/.exec(device);
  const [, address, lun] = match ?? [];
  if (address === undefined || lun === undefined) {
    throw new HoldfastError('DISK_DEVICE_INVALID', { device, wanted: 'emulated:SOCKET#LUN' });
  }
  toSocket(address);
  return { address, lun };
}

/** @throws HoldfastError DISK_DEVICE_INVALID */
export function toSocket(address: string): NetConnectOpts {
  if (address.startsWith('/')) return { path: address };
  const match = /^(\[[0-9a-f:]+\]|[0-9.]+|localhost):([0-9]{1,5})$/.exec(address);
  const [, host, port] = match ?? [];
  if (host === undefined || port === undefined || Number(port) > 65_535) {
    throw new HoldfastError('DISK_DEVICE_INVALID', { address, wanted: '/PATH or HOST:PORT' });
  }
  return { host: host.replace(/[[\]]/g, ''), port: Number(port) };
}
