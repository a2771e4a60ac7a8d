/**
 * Who may use the page. It listens on 127.0.0.1, which every user and every web page of this machine
 * can reach, while what it can do are the rights of whoever started it. So:
 *
 * - only a browser that was given the link gets in (a random token, kept in a cookie afterwards);
 * - only requests to 127.0.0.1 or localhost are answered, so that no name of a stranger leads here
 *   (DNS rebinding);
 * - an order must come from the page itself (`Origin`), so that no other page can give one.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export type Entry =
  | { readonly kind: 'welcome' }
  /** The link was followed: the cookie is set, and the token leaves the address line. */
  | { readonly kind: 'first'; readonly cookie: string }
  | { readonly kind: 'refused'; readonly why: 'host' | 'token' | 'origin' };

const TOKEN_BYTES = 24;

export class Entrance {
  readonly token = randomBytes(TOKEN_BYTES).toString('base64url');
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** What the browser is given. */
  get link(): string {
    return `http://127.0.0.1:${this.#port}/?token=${this.token}`;
  }

  judge(method: string, url: URL, headers: IncomingHttpHeaders): Entry {
    const hosts = [`127.0.0.1:${this.#port}`, `localhost:${this.#port}`];
    if (!hosts.includes(headers.host ?? '')) return { kind: 'refused', why: 'host' };
    const given = url.searchParams.get('token');
    if (given !== null && method === 'GET') {
      if (!this.#isToken(given)) return { kind: 'refused', why: 'token' };
      const cookie = `${this.#cookieName}=${this.token}; HttpOnly; SameSite=Strict; Path=/`;
      return { kind: 'first', cookie };
    }
    if (!this.#isToken(this.#cookieIn(headers))) return { kind: 'refused', why: 'token' };
    const own = hosts.map((host) => `http://${host}`);
    if (method !== 'GET' && !own.includes(headers.origin ?? '')) {
      return { kind: 'refused', why: 'origin' };
    }
    return { kind: 'welcome' };
  }

  /** Cookies know no ports: two pages of one machine must not overwrite each other's. */
  get #cookieName(): string {
    return `holdfast-${this.#port}`;
  }

  #cookieIn({ cookie = '' }: IncomingHttpHeaders): string {
    const pairs = cookie.split(';').map((pair) => pair.trim().split('='));
    return pairs.find(([name]) => name === this.#cookieName)?.[1] ?? '';
  }

  #isToken(given: string): boolean {
    const [a, b] = [Buffer.from(given), Buffer.from(this.token)];
    return a.length === b.length && timingSafeEqual(a, b);
  }
}
