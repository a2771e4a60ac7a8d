/**
 * A wire that a test can cut: a TCP proxy in front of one address. Cut, it forwards nothing and
 * closes nothing, as a dead cable does; what was sent meanwhile arrives when it heals. It accepts
 * even when nobody listens behind it: refusals cannot be tested through it.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Address, parseAddress } from '../../../src/mesh/address.ts';

type Pair = { readonly near: Socket; readonly far: Socket };

export class TcpGate {
  readonly #target: Address;
  readonly #own: Address;
  readonly #pairs = new Set<Pair>();
  #server: Server | null = null;
  #cut = false;

  constructor(options: { readonly own: string; readonly target: string }) {
    this.#own = parseAddress(options.own);
    this.#target = parseAddress(options.target);
  }

  start(): Promise<void> {
    const server = createServer({ pauseOnConnect: true }, (near) => this.#connect(near));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#own.port, this.#own.host, () => resolve());
    });
  }

  cut(): void {
    this.#cut = true;
    for (const { near, far } of this.#pairs) {
      near.pause();
      far.pause();
    }
  }

  heal(): void {
    this.#cut = false;
    for (const { near, far } of this.#pairs) {
      near.resume();
      far.resume();
    }
  }

  stop(): Promise<void> {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    return new Promise((resolve) => {
      if (this.#server === null) resolve();
      else this.#server.close(() => resolve());
    });
  }

  #connect(near: Socket): void {
    const far = connect(this.#target.port, this.#target.host);
    const pair = { near, far };
    this.#pairs.add(pair);
    this.#couple(near, far, pair);
    this.#couple(far, near, pair);
    if (this.#cut) far.pause();
    else near.resume();
  }

  #couple(from: Socket, to: Socket, pair: Pair): void {
    from.on('data', (data) => to.write(data));
    from.on('end', () => to.end());
    from.on('error', () => to.resetAndDestroy());
    from.on('close', () => {
      this.#pairs.delete(pair);
      to.destroySoon();
    });
  }
}
