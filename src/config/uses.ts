/**
 * What may be used only once in a cluster: names, numbers, identities, addresses, disks, mount
 * points. The second use is the fault, and it names the first.
 */
import type { Path } from './fault.ts';
import type { Source } from './source.ts';

export class Uses {
  readonly #source: Source;
  readonly #seen = new Map<string, Path>();

  constructor(source: Source) {
    this.#source = source;
  }

  /** `kind` in words; `value` as written in the message, compared as it is. */
  use(
    code: 'DUPLICATE_NAME' | 'DUPLICATE_ADDRESS',
    kind: string,
    value: string | number,
    path: Path,
  ): void {
    const key = `${kind}\u0000${value}`;
    const first = this.#seen.get(key);
    if (first === undefined) {
      this.#seen.set(key, path);
      return;
    }
    const where = this.#source.lineOf(first);
    this.#source.error(code, path, `${kind} ${value} is already used in ${where}`);
  }

  /** Marks a first use without complaint: several members may share one host. */
  claim(kind: string, value: string | number, path: Path): void {
    const key = `${kind}\u0000${value}`;
    if (!this.#seen.has(key)) this.#seen.set(key, path);
  }

  /** An empty list of uses for what must be unique only inside one part of the file. */
  within(): Uses {
    return new Uses(this.#source);
  }
}
