/**
 * When are two states of a node the same? When no event can tell them apart. The fingerprint is a
 * text of everything in the state that can make a difference, in one fixed order, so equal states
 * have equal texts and there are no collisions.
 *
 * Time is what needs care. A core holds moments; here a moment either never matters, since the
 * exploration lets the deadline that it belongs to fire whenever it likes, or matters only by its
 * distance from now. A moment that is not in the list is an error, not a guess: whoever adds one to
 * the core is asked what it means. `exploration.test.ts` steps pairs of states that differ in what is
 * left out here and expects the same answers.
 */
type Rule = 'dropped' | 'distance';

const MOMENTS: Readonly<Record<string, Rule>> = {
  // Deadlines fire at any time.
  electionDeadlineMs: 'dropped',
  heartbeatDeadlineMs: 'dropped',
  deadlineMs: 'dropped',
  // With heartbeats of no length a chunk may be sent, and be repeated, at any time.
  sentMs: 'dropped',
  sinceMs: 'dropped',
  // Told to whoever reads the clock (horizons, rounds of reads); nothing in the core asks for them.
  acknowledgedMs: 'dropped',
  horizonMs: 'dropped',
  beganMs: 'dropped',
  quietMs: 'dropped',
  // Stickiness and CheckQuorum.
  leaderContactMs: 'distance',
  contactMs: 'distance',
};

/** Numbers that only order the writes of one life; their place in the queue says the same. */
const ORDERS = new Set(['mark', 'nextMark']);

export function fingerprint(value: unknown, now: number): string {
  return encode(value, '', now);
}

function encode(value: unknown, key: string, now: number): string {
  switch (typeof value) {
    case 'number':
      return key.endsWith('Ms') ? moment(key, value, now) : `${value}`;
    case 'string':
      return value;
    case 'boolean':
      return value ? 't' : 'f';
    case 'object':
      return value === null ? '~' : composite(value, key, now);
    default:
      throw new Error(`${key} is ${typeof value}: say how it is encoded`);
  }
}

function moment(key: string, value: number, now: number): string {
  if (MOMENTS[key] === undefined) throw new Error(`${key}: say what this moment can decide`);
  return `${now - value}`;
}

function composite(value: object, key: string, now: number): string {
  if (Array.isArray(value)) return `[${value.map((one) => encode(one, key, now)).join()}]`;
  if (value instanceof Uint8Array) return `<${value.join('.')}>`;
  if (value instanceof Map) return map(value, key, now);
  if (Object.getPrototypeOf(value) !== Object.prototype) {
    throw new Error(`${key} is a ${value.constructor.name}: say how it is encoded`);
  }
  let text = '{';
  for (const name of Object.keys(value).sort()) {
    if (MOMENTS[name] === 'dropped' || ORDERS.has(name)) continue;
    text += `${name}:${encode((value as Record<string, unknown>)[name], name, now)} `;
  }
  return `${text}}`;
}

/** `roundsBegan` holds moments; other maps hold what can be encoded by itself. */
function map(value: ReadonlyMap<unknown, unknown>, key: string, now: number): string {
  const as = key === 'roundsBegan' ? 'contactMs' : key;
  const parts = Array.from(value, ([name, one]) => `${name}=${encode(one, as, now)}`);
  return `(${parts.sort().join()})`;
}
