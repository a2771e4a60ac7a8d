/** The failover groups of a simulated cluster: a disk, its file system, an address, a ledger. */
import type {
  GroupDefinition,
  Parameter,
  ResourceDefinition,
} from '../../src/cluster/definition.ts';
import type { GroupSetting } from './script.ts';

type Parameters = Readonly<Record<string, Parameter>>;

function resource(
  name: string,
  type: string,
  needs: readonly string[],
  parameters: Parameters = {},
): ResourceDefinition {
  return {
    name,
    type,
    needs,
    parameters,
    startTimeoutMs: 3_000,
    stopTimeoutMs: 2_000,
    monitorIntervalMs: 500,
    monitorTimeoutMs: 1_000,
  };
}

export function groupOf(
  { name, paths, target }: GroupSetting,
  preferred: readonly string[],
): GroupDefinition {
  const disk: Parameters = {
    device: `emulated:/san#${name}`,
    identity: `naa.${name}`,
    'reservation-type': paths.length > 1 ? 5 : 1,
    'volatile-reservations': target.aptpl === false,
  };
  return {
    group: name,
    preferred,
    resources: [
      resource('lun', 'disk', [], disk),
      resource('data', 'filesystem', ['lun']),
      resource('ip', 'floating-ip', []),
      resource('app', 'application', ['data', 'ip']),
    ],
  };
}
