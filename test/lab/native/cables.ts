/**
 * The cables of native hosts: a veth pair for each host and network, one end a port of the switch
 * (`../kernel/network.ts`), the other the host's eth0 to eth3. A host without power is dead at its
 * ports: frames vanish in both directions, from one instant on.
 */
import { execFileSync } from 'node:child_process';
import { run } from '../kernel/host.ts';
import { guestMac, networks, tapOf } from '../kernel/network.ts';

/** Apart from the faults of `Network.cut`, which outlive a power cycle. */
const table = `table bridge power {
  set off { typeof iifname; }
  chain from { type filter hook prerouting priority -400; iifname @off drop; }
  chain to { type filter hook postrouting priority 400; oifname @off drop; }
}
`;

export class Cables {
  readonly #namespace: string;

  /** Of the switch. */
  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  async up(): Promise<void> {
    await run(['ip', 'netns', 'exec', this.#namespace, 'nft', '-f', '-'], { input: table });
  }

  /** Gives the host whose network namespace process `pid` is in its four cables. */
  async plug(host: number, pid: number): Promise<void> {
    await this.#pull(host);
    const lines = networks.flatMap((n) => [
      `link add ${tapOf(host, n)} type veth peer name eth${n} address ${guestMac(host, n)} netns ${pid}`,
      `link set ${tapOf(host, n)} master br${n} up`,
    ]);
    const input = `${lines.join('\n')}\n`;
    await run(['ip', '-n', this.#namespace, '-batch', '-'], { input });
    this.replug(host);
  }

  unplug(host: number): void {
    this.#now(`add element bridge power off { ${ports(host)} }`);
  }

  replug(host: number): void {
    // Deleting what is not there is an error, so it is added first.
    this.#now(
      `add element bridge power off { ${ports(host)} }
       delete element bridge power off { ${ports(host)} }`,
    );
  }

  /** The cables of an earlier boot: its namespace goes a little after its last process. */
  async #pull(host: number): Promise<void> {
    const there = await run(['ip', '-n', this.#namespace, '-br', 'link']);
    const old = networks.map((n) => tapOf(host, n)).filter((port) => there.includes(`${port}@`));
    for (const port of old) await run(['ip', '-n', this.#namespace, 'link', 'del', port]);
  }

  /** Has happened when it returns: a fault has a moment. */
  #now(script: string): void {
    execFileSync('ip', ['netns', 'exec', this.#namespace, 'nft', '-f', '-'], {
      input: `${script}\n`,
    });
  }
}

function ports(host: number): string {
  return networks.map((n) => `"${tapOf(host, n)}"`).join(', ');
}
