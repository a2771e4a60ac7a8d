/**
 * Whether the interconnects fail apart. Two that share a card, a cable, a subnet or a switch are one:
 * what cuts the one cuts the other, and the nodes cannot tell a dead peer from a dead network.
 */
import { type Finding, type Findings, findingsOf } from './finding.ts';

export type InterconnectFacts = {
  readonly interconnect: string;
  readonly address: string;
  /** The network device that has the address; null: none of this machine has it. */
  readonly device: string | null;
  /** Such as `10.1.0.0/24`. */
  readonly subnet: string | null;
  readonly loopback: boolean;
  readonly carrier: boolean | null;
  /** What the device rests on (VLAN, bond, bridge), down to cards: names of devices. */
  readonly cards: readonly string[];
  /** Where the cards sit, such as `0000:03:00`: two ports of one card are one piece of hardware. */
  readonly slots: readonly string[];
  /** Chassis ids of the switches at the other end, by LLDP; empty: not known. */
  readonly switches: readonly string[];
};

const { good, unknown, warning, failure } = findingsOf('interconnects');

export function checkInterconnects(all: readonly InterconnectFacts[]): Findings {
  const number =
    all.length < 2
      ? [failure('there is one interconnect only', 'add a second one on a network of its own')]
      : [];
  const here = all.filter(({ device }) => device !== null);
  const pairs = here.flatMap((a, i) => here.slice(i + 1).map((b) => pair(a, b)));
  return [...number, ...all.flatMap(single), ...pairs];
}

function single({ interconnect, address, device, carrier, loopback }: InterconnectFacts): Findings {
  if (device === null) {
    const text = `${interconnect}: no network device of this machine has ${address}`;
    return [failure(text, 'give the address to a device, or mend `addresses:` of this member')];
  }
  if (loopback) {
    return [warning(`${interconnect} runs over loopback`, 'only good for trying it out')];
  }
  return carrier === false
    ? [failure(`${interconnect}: ${device} has no carrier`, 'look at cable and switch port')]
    : [];
}

/** The most telling thing that two interconnects share. */
function pair(a: InterconnectFacts, b: InterconnectFacts): Finding {
  const names = `${a.interconnect} and ${b.interconnect}`;
  if (a.loopback || b.loopback) {
    return unknown(`${names}: loopback has no paths`, 'look again on the real machines');
  }
  if (a.device !== null && a.device === b.device) {
    return failure(`${names} share the device ${a.device}: they fail together`, APART);
  }
  const card = shared(a.cards, b.cards);
  if (card !== undefined) {
    return failure(`${names} share the port ${card}: they fail together`, APART);
  }
  if (a.subnet !== null && a.subnet === b.subnet) {
    const text = `${names} are in one subnet, ${a.subnet}: the kernel may send both over one device`;
    return failure(text, 'give each interconnect a subnet of its own');
  }
  const slot = shared(a.slots, b.slots);
  if (slot !== undefined) {
    return warning(`${names} are two ports of one card (${slot})`, APART);
  }
  const both = shared(a.switches, b.switches);
  if (both !== undefined) return failure(`${names} end at one switch (${both})`, TWO_SWITCHES);
  if (a.switches.length === 0 || b.switches.length === 0) {
    const text = `${names} use separate devices; whether they use separate switches is not known`;
    return unknown(text, 'install lldpd on the nodes, or pull the power of one switch and look');
  }
  return good(`${names} use separate devices, subnets and switches`);
}

const APART = 'use a card and a cable of its own for each interconnect';
const TWO_SWITCHES = 'connect them to two switches with separate power';

function shared(a: readonly string[], b: readonly string[]): string | undefined {
  return a.find((each) => b.includes(each));
}
