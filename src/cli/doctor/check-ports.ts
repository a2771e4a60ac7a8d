/**
 * Whether every member's port is reached from here over every interconnect. A firewall that lets one
 * direction pass, or one interconnect only, shows here before it shows in a failover.
 */
import { type Findings, findingsOf } from './finding.ts';

export type PortFacts = {
  readonly node: string;
  readonly interconnect: string;
  readonly address: string;
  readonly outcome: 'accepted' | 'refused' | 'silent' | 'unreachable';
};

export function checkPorts(all: readonly PortFacts[]): Findings {
  const { good, unknown, failure } = findingsOf('ports');
  if (all.length === 0) {
    return [unknown('no member is known', 'start the daemon, or name --config FILE')];
  }
  const bad = all.filter(({ outcome }) => outcome !== 'accepted');
  if (bad.length === 0) return [good(`all ${all.length} ports of the members accept connections`)];
  return bad.map(({ node, interconnect, address, outcome }) => {
    const where = `${node} at ${address} (${interconnect})`;
    switch (outcome) {
      case 'refused':
        return failure(`${where} refuses: the host is there and no daemon listens`, START);
      case 'silent':
        return failure(`${where} does not answer: it is down, or a firewall drops`, FIREWALL);
      default:
        return failure(`${where} cannot be reached from this machine`, 'look at routes and cables');
    }
  });
}

const START = 'start the daemon there, and look at its log when it does not stay';
const FIREWALL = 'let TCP and UDP to this port pass in both directions between all members';
