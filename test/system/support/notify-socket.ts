/** What a service manager is to its service: a datagram socket, by path or abstract name. */
import { rmSync } from 'node:fs';
import { cLibrary } from '../../../src/system/native.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2_000_000;
const MSG_DONTWAIT = 0x40;
const LONGEST_WORD = 4_096;

export class NotifySocket {
  readonly name: string;
  readonly #fd: number;
  readonly #words: string[] = [];

  /** A name that begins with @ is abstract: it is in no directory. */
  constructor(name: string) {
    this.name = name;
    const { socket, bind } = cLibrary();
    const path = Buffer.from(name.startsWith('@') ? `\0${name.slice(1)}` : `${name}\0`);
    const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), path]);
    this.#fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(this.#fd, address, address.length) !== 0) throw new Error(`cannot bind ${name}`);
  }

  /** Everything that was heard so far, oldest first. */
  heard(): readonly string[] {
    const { recv } = cLibrary();
    const buffer = Buffer.alloc(LONGEST_WORD);
    for (;;) {
      const length = recv(this.#fd, buffer, buffer.length, MSG_DONTWAIT);
      if (length < 0) return this.#words;
      this.#words.push(buffer.toString('utf8', 0, Number(length)));
    }
  }

  close(): void {
    cLibrary().close(this.#fd);
    if (!this.name.startsWith('@')) rmSync(this.name, { force: true });
  }
}
