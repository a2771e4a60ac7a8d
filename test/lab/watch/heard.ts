/**
 * Which guest a client *heard*. A frame shows twice: on the guest's port of the switch, and,
 * unless a cut swallowed it, on the switch's own interface, which is the client. The first tells
 * who spoke, the second that it was heard; with a virtual MAC nothing in the frame itself tells
 * who spoke, and the answers of two owners are the same bytes. What makes the two showings one
 * frame is the kernel's time of arrival, which the frame keeps on its way. Pure.
 */

import { type Speech, speechOf } from './frame.ts';
import type { Arrival } from './packet-socket.ts';

export type Heard = Speech & { readonly at: number; readonly guest: number };

const pendingLimit = 512;

export class HeardSpeech {
  readonly #client: number;
  readonly #ports: ReadonlyMap<number, number>;
  readonly #addresses: ReadonlySet<string>;
  #spoken: { readonly bytes: string; readonly heard: Heard }[] = [];

  /** @param ports interface index → guest @param client the bridge's interface index */
  constructor(ports: ReadonlyMap<number, number>, client: number, addresses: readonly string[]) {
    this.#ports = ports;
    this.#client = client;
    this.#addresses = new Set(addresses);
  }

  /** Arrivals go in in their order; answers what was heard with this one. */
  observe({ interfaceIndex, at, frame }: Arrival): Heard | undefined {
    const guest = this.#ports.get(interfaceIndex);
    if (guest === undefined && interfaceIndex !== this.#client) return undefined;
    const speech = speechOf(frame);
    if (speech === undefined || !this.#addresses.has(speech.address)) return undefined;
    const bytes = Buffer.from(frame.subarray(0, 64)).toString('latin1');
    if (guest !== undefined) {
      this.#spoken.push({ bytes, heard: { ...speech, at, guest } });
      if (this.#spoken.length > pendingLimit) this.#spoken.shift();
      return undefined;
    }
    const index = this.#spoken.findIndex(
      (spoken) => spoken.heard.at === at && spoken.bytes === bytes,
    );
    return index < 0 ? undefined : this.#spoken.splice(index, 1)[0]?.heard;
  }
}
