/** The demonstration on real kernels: machines, SCSI target, cables and clients of the laboratory. */
import { FailoverLab } from '../lab/failover-lab.ts';
import { KernelLab, until } from '../lab/kernel/index.ts';
import { FLOATING_IP, MOUNT_POINT } from '../lab/lab-config.ts';
import { observe, violations } from '../lab/observer.ts';
import type { Finding, Stage } from './stage.ts';

const LET_GO_LIMIT_MS = 90_000;

export async function kernelStage(say: (line: string) => void): Promise<Stage> {
  const lab = new KernelLab();
  try {
    say('booting a storage machine and three nodes, each with a kernel of its own');
    await lab.up({ nodes: 3, luns: 1, say });
    const all = await FailoverLab.start({ lab, say });
    return new KernelStage(lab, all);
  } catch (error) {
    await lab.down();
    throw error;
  }
}

class KernelStage implements Stage {
  readonly mode = 'kernel';
  readonly about =
    'four machines with kernels of their own (user-mode Linux), a SCSI target with persistent ' +
    'reservations, ext4, macvlan, ARP';
  readonly #lab: KernelLab;
  readonly #all: FailoverLab;

  constructor(lab: KernelLab, all: FailoverLab) {
    this.#lab = lab;
    this.#all = all;
  }

  get load(): Stage['load'] {
    return this.#all.load;
  }

  served(options: Parameters<Stage['served']>[0] = {}): ReturnType<Stage['served']> {
    const { not, after } = options;
    return this.#all.served({
      ...(not === undefined ? {} : { not: idOf(not) }),
      ...(after === undefined ? {} : { after }),
    });
  }

  answered(): Promise<void> {
    return this.#all.answered();
  }

  async timelines(): ReturnType<Stage['timelines']> {
    const owner = await this.served();
    return await this.#all.timelines(idOf(owner.node));
  }

  powerOff(node: string): Promise<void> {
    return this.#lab.guest(idOf(node)).powerOff();
  }

  async powerOn(node: string): Promise<void> {
    await this.#all.cluster.bootAgain(idOf(node));
    await this.#all.whole();
  }

  async freeze(node: string): Promise<void> {
    this.#lab.guest(idOf(node)).freeze();
  }

  async thaw(node: string): Promise<void> {
    this.#lab.guest(idOf(node)).thaw();
  }

  async writeOfOldOwner(node: string): Promise<Finding> {
    const { status, output } = await this.#lab
      .guest(idOf(node))
      .exec(
        'dd if=/dev/zero of=/dev/lab/lun0 bs=4096 count=1 seek=100000 oflag=direct 2>&1',
        30_000,
      );
    const words =
      output
        .trim()
        .split('\n')
        .find((line) => line.includes('error')) ?? output.trim();
    return { ok: status !== 0, words: `the disk refuses a write of ${node}: ${words}` };
  }

  async letGo(node: string): Promise<Finding> {
    const look = `ip -o -4 addr show | grep -c '${FLOATING_IP}/'; grep -c ' ${MOUNT_POINT} ' /proc/mounts; true`;
    const gone = await until(
      async () => {
        const { status, output } = await this.#lab.guest(idOf(node)).exec(look, 10_000);
        return (
          status === 0 &&
          output
            .trim()
            .split('\n')
            .every((line) => line === '0')
        );
      },
      { what: 'address and mount are gone', limitMs: LET_GO_LIMIT_MS, intervalMs: 200 },
    ).then(
      () => true,
      () => false,
    );
    return { ok: gone, words: `address and mount are gone from ${node}` };
  }

  async oneOwner(): Promise<Finding> {
    const found = violations(await observe(this.#lab, 1));
    return {
      ok: found.length === 0,
      words:
        found.length === 0
          ? 'one machine can write the disk, one machine has the address'
          : found.join('; '),
    };
  }

  down(): Promise<void> {
    return this.#lab.down();
  }
}

function idOf(node: string): number {
  return Number(node.replace('node', ''));
}
