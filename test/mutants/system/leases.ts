/** Until when an owner may be seen: src/membership, src/failover/lease-ledger.ts, src/node, src/guardian. */
import type { SystemMutant } from './system-mutant.ts';

const ledger = 'src/failover/lease-ledger.ts';
const desk = 'src/node/lease-desk.ts';
const guardian = 'src/guardian/guardian.ts';
const owned = 'src/node/owned-group.ts';

export const LEASES: readonly SystemMutant[] = [
  {
    name: 'lease-longer-than-patience',
    file: ledger,
    find: 'return leaseMs * (1 + 2 * clockDrift) + epsilonMs;',
    replace: 'return (leaseMs * (1 + 2 * clockDrift) + epsilonMs) / 2;',
    breaks: 'DESIGN §7: the next owner waits as long as a lease can run',
    scenario: 'leases',
    within: 12,
  },
  {
    name: 'horizon-ignored',
    file: ledger,
    find: 'const latest = Math.max(this.#horizonMs ?? now, ...grants);',
    replace: 'const latest = Math.max(now - 60_000, ...grants);',
    breaks: 'DESIGN §7: a new leader reckons with what earlier leaders granted',
    scenario: 'leases',
    within: 12,
  },
  {
    name: 'grant-without-a-quorum',
    file: desk,
    find: '    this.#waiting.set(readId, { request, receivedMs: now });\n    return readId;',
    replace:
      '    this.#waiting.set(readId, { request, receivedMs: now });\n    this.confirmed(readId);\n    return readId;',
    breaks: 'DESIGN §7: a lease is granted after a quorum round that began later than the request',
    scenario: 'leases',
    within: 12,
  },
  {
    name: 'lease-counted-from-its-answer',
    file: 'src/membership/owner-lease.ts',
    find: `    if (request === undefined || request.granted) return;
    const { serveUntilMs, downByMs } = this.#endOf(request);`,
    replace: `    if (request === undefined || request.granted) return;
    this.#requests = this.#requests.map((one) => (one === request ? { ...one, askedMs: now } : one));
    const { serveUntilMs, downByMs } = this.#endOf({ ...request, askedMs: now });`,
    also: [
      {
        file: 'src/membership/owner-lease.ts',
        find: '      one === request ? { ...one, granted: true } : one,',
        replace: '      one.requestId === requestId ? { ...one, granted: true } : one,',
      },
    ],
    breaks: 'DESIGN §7: a lease is counted from the moment of asking',
    scenario: 'late grants',
    within: 6,
  },
  {
    name: 'stale-visible-from',
    file: 'src/node/local-groups.ts',
    find: 'visibleFromMs: now + group.leaseRemainderMs,',
    replace: 'visibleFromMs: now + 0 * group.leaseRemainderMs,',
    breaks: 'DESIGN §7: the new owner waits for the rest of the old lease before it is seen',
    scenario: 'leases',
    within: 12,
  },
  {
    name: 'lease-survives-a-pause',
    file: 'src/node/driver.ts',
    find: "        this.groups.voidLeases('paused', this.#world.clock.now());\n",
    replace: '',
    breaks: 'DESIGN §7: a machine whose clock stood still gives up its leases',
    scenario: 'pauses',
    within: 12,
  },
  {
    name: 'renewal-without-the-guardian',
    file: owned,
    find: "        if (sabotage.guardian) this.lease({ kind: 'armed', requestId: effect.requestId }, now);",
    replace: "        this.lease({ kind: 'armed', requestId: effect.requestId }, now);",
    breaks: 'DESIGN §7: no acknowledgement of the guardian, no renewal',
    scenario: 'guardians',
    within: 20,
  },
  {
    name: 'guardian-told-a-later-deadline',
    file: owned,
    find: '      downByMs: until.downByMs + forever,',
    replace: '      downByMs: until.downByMs + forever + 2_000,',
    breaks: 'DESIGN §7: everything is down by t + L, also when the daemon stands still',
    scenario: 'guardians',
    within: 12,
  },
  {
    name: 'guardian-missing',
    file: guardian,
    find: '    for (const arm of [...this.#armed.values()]) this.#tearDown(arm);\n    await',
    replace: '    await',
    breaks: 'DESIGN §7: the guardian tears down when its daemon is gone',
    scenario: 'guardians',
    within: 12,
  },
  {
    name: 'teardown-forgets-the-address',
    file: guardian,
    find: 'const failures = await this.#undoUntilDone(essential);',
    replace:
      "const failures = await this.#undoUntilDone(essential.filter(({ kind }) => kind === 'kill-cgroup'));",
    breaks: 'DESIGN §7: the proof goes out when every address is down',
    scenario: 'guardians',
    within: 12,
  },
  {
    name: 'teardown-forgets-the-application',
    file: guardian,
    find: 'const failures = await this.#undoUntilDone(essential);',
    replace:
      "const failures = await this.#undoUntilDone(essential.filter(({ kind }) => kind === 'block-address'));",
    breaks: 'DESIGN §7: the proof goes out when every process is down',
    scenario: 'guardians',
    within: 12,
  },
  {
    name: 'suspended-application-not-frozen',
    file: 'src/node/executor.ts',
    find: '    if (!makes(verb)) return await agent[verb](',
    replace: `    const frozen = verb === 'suspend' && definition.type === 'application';
    if (!makes(verb)) return await agent[frozen ? 'monitor' : verb](`,
    breaks: 'DESIGN §7: at the soft expiry the application is frozen',
    scenario: 'leases',
    within: 12,
  },
];
