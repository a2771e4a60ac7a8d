/**
 * How long a packet takes to each member and back over each interconnect, measured when somebody asks:
 * the time until the kernel of the other host has answered a TCP connect. It says nothing of the
 * daemon there; whether that lives is the failure detector's business.
 *
 * Many may ask at once, and each answer costs connections: one measurement serves all for a second.
 */
import { parseAddress, sourceAddress } from '../mesh/address.ts';
import { probeTcp } from '../mesh/tcp-probe.ts';
import type { ClusterStatus, LatencyStatus, MemberStatus } from './api.ts';

const LIMIT_MS = 1_000;
const GOOD_FOR_MS = 1_000;

export class LatencyDesk {
  #measured: Promise<readonly LatencyStatus[]> | null = null;
  #measuredMs = Number.NEGATIVE_INFINITY;

  /** All links of the node that `status` is of. */
  async ask(status: ClusterStatus): Promise<readonly LatencyStatus[]> {
    const now = performance.now();
    if (this.#measured === null || now - this.#measuredMs > GOOD_FOR_MS) {
      this.#measured = measure(status.members);
      this.#measuredMs = now;
    }
    return await this.#measured;
  }
}

async function measure(members: readonly MemberStatus[]): Promise<readonly LatencyStatus[]> {
  const own = members.find(({ self }) => self)?.addresses ?? {};
  const links = members
    .filter(({ self }) => !self)
    .flatMap(({ node, addresses }) =>
      Object.entries(addresses).map(([interconnect, address]) => ({ node, interconnect, address })),
    );
  return await Promise.all(
    links.map(async ({ node, interconnect, address }) => {
      const here = own[interconnect];
      const roundTripMs = await connectMs(address, here ?? null);
      return { node, interconnect, roundTripMs };
    }),
  );
}

/** null: nothing answered within a second. A refusal is an answer too. */
async function connectMs(address: string, here: string | null): Promise<number | null> {
  const startedMs = performance.now();
  const result = await probeTcp({
    address: parseAddress(address),
    source: here === null ? {} : sourceAddress(parseAddress(here)),
    timeoutMs: LIMIT_MS,
    signal: new AbortController().signal,
  });
  return result === 'silent' ? null : performance.now() - startedMs;
}
