/**
 * SHA-256 in plain arithmetic, for the pure core: applying a log entry must be able to compare a
 * published secret with its pledge, and `node:crypto` is not allowed there.
 *
 * A few dozen bytes are hashed a few times per failover, so this is written to be checked by eye
 * against the standard, not to be fast. It is no general cryptography module: no HMAC, no streams.
 *
 * Reference: FIPS 180-4 §4.1.2 (functions), §4.2.2 (constants), §5.1.1 (padding), §6.2.2 (the loop).
 */
import { known } from './assert.ts';

/** FIPS 180-4 §4.2.2: the cube roots of the first sixty-four primes, 32 bits of each fraction. */
const K = Uint32Array.of(
  ...[0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4],
  ...[0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe],
  ...[0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f],
  ...[0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7],
  ...[0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc],
  ...[0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b],
  ...[0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116],
  ...[0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3],
  ...[0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7],
  0xc67178f2,
);

/** FIPS 180-4 §5.3.3. */
const INITIAL = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
] as const;

/** The digest of bytes, or of the UTF-8 bytes of a text, as 64 lower-case hexadecimal digits. */
export function sha256Hex(message: string | Uint8Array): string {
  const bytes = typeof message === 'string' ? new TextEncoder().encode(message) : message;
  const padded = pad(bytes);
  const view = new DataView(padded.buffer);
  const hash = Uint32Array.from(INITIAL);
  for (let block = 0; block < padded.length; block += 64) compress(hash, schedule(view, block));
  return Array.from(hash, (word) => word.toString(16).padStart(8, '0')).join('');
}

/** §5.1.1: a one bit, zeroes, and the length in bits as 64 bits. */
function pad(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(message.length / 0x2000_0000));
  view.setUint32(padded.length - 4, (message.length * 8) >>> 0);
  return padded;
}

/** §6.2.2 step 1. */
function schedule(view: DataView, block: number): Uint32Array {
  const w = new Uint32Array(64);
  for (let t = 0; t < 16; t += 1) w[t] = view.getUint32(block + t * 4);
  for (let t = 16; t < 64; t += 1) {
    const a = word(w, t - 15);
    const b = word(w, t - 2);
    const sigma0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
    const sigma1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
    w[t] = sigma1 + word(w, t - 7) + sigma0 + word(w, t - 16);
  }
  return w;
}

/** §6.2.2 steps 2 to 4. */
function compress(hash: Uint32Array, w: Uint32Array): void {
  const [h0, h1, h2, h3, h4, h5, h6, h7] = INITIAL.map((_, i) => word(hash, i));
  let [a, b, c, d] = [known(h0, 'a'), known(h1, 'b'), known(h2, 'c'), known(h3, 'd')];
  let [e, f, g, h] = [known(h4, 'e'), known(h5, 'f'), known(h6, 'g'), known(h7, 'h')];
  for (let t = 0; t < 64; t += 1) {
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const choose = (e & f) ^ (~e & g);
    const t1 = (h + sum1 + choose + word(K, t) + word(w, t)) >>> 0;
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const t2 = (sum0 + majority) >>> 0;
    [h, g, f, e] = [g, f, e, (d + t1) >>> 0];
    [d, c, b, a] = [c, b, a, (t1 + t2) >>> 0];
  }
  [a, b, c, d, e, f, g, h].forEach((value, i) => {
    hash[i] = word(hash, i) + value;
  });
}

function rotate(value: number, bits: number): number {
  return (value >>> bits) | (value << (32 - bits));
}

function word(words: Uint32Array, index: number): number {
  return known(words[index], 'a word of the block');
}
