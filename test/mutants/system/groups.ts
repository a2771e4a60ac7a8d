/** What starts and stops when: src/failover/group-run.ts, src/node/executor.ts, the planner. */
import type { SystemMutant } from './system-mutant.ts';

const run = 'src/failover/group-run.ts';
const executor = 'src/node/executor.ts';

export const GROUPS: readonly SystemMutant[] = [
  {
    name: 'mount-before-fence',
    file: run,
    find: "needsAre(slot, (need) => need.state === 'started')) continue;",
    replace:
      "needsAre(slot, (need) => slot.class === 'mount' || need.state === 'started')) continue;",
    also: [
      {
        file: run,
        find: 'if (usesDisks && !this.#slots.disksAreOurs(slot)) continue;',
        replace: 'void usesDisks;',
      },
    ],
    breaks: 'DESIGN §2: fence, then mount',
    scenario: 'writes',
    within: 8,
  },
  {
    name: 'visible-without-a-lease',
    file: run,
    find: 'return this.#leaseValid && !this.#suspended && this.#mayBeSeen;',
    replace: 'return !this.#suspended && this.#mayBeSeen;',
    breaks: 'DESIGN §7: nothing is visible without a lease',
    scenario: 'unheard owners',
    within: 6,
  },
  {
    name: 'stopped-said-at-the-beginning',
    file: run,
    find: "        if (this.#runs) this.#enter('stopping', '');\n",
    replace: `        if (this.#runs) {
          this.#enter('stopping', '');
          this.#report({ kind: 'stopped', clean: true });
        }
`,
    also: [
      {
        file: run,
        find: "        this.#kill('SUPERSEDED', 'a newer epoch of the group exists');\n",
        replace: '',
      },
    ],
    breaks: 'DESIGN §7: `stopped` is said when everything that can be seen is down',
    scenario: 'slow stops',
    within: 6,
  },
  {
    name: 'restart-without-asking-the-disk',
    file: run,
    find: "    for (const one of this.#slots.storage) if (one.state === 'started') one.proof = 'due';\n",
    replace: '',
    breaks: 'P3: an application starts anew only on what is on the disk',
    scenario: 'applications',
    within: 4,
  },
  {
    name: 'epoch-not-compared',
    file: run,
    find: "        this.#kill('SUPERSEDED', 'a newer epoch of the group exists');\n",
    replace: '',
    also: [
      {
        file: 'src/failover/lease-ledger.ts',
        find: `    if (known.epoch !== epoch) return failure({ code: 'STALE_EPOCH', newestEpoch });
    if (known.owner !== from) return failure({ code: 'NOT_OWNER', newestEpoch });
`,
        replace: '    void [epoch, from];\n',
      },
      {
        file: executor,
        find: "if (!isStop(verb) && verb !== 'suspend' && epoch < newest && !this.#options.acceptOldEpochs) {",
        replace: 'if (epoch < 0 * newest) {',
      },
    ],
    breaks: 'DESIGN §7: a newer epoch ends the older one, which gets no lease and starts nothing',
    scenario: 'epochs',
    within: 8,
  },
  {
    name: 'acknowledged-before-it-is-durable',
    file: 'src/node/raft-loop.ts',
    find: '    if (ready.persist !== null) this.#persist(ready.persist, ready.sendAfterPersist, now);',
    replace: `    if (ready.persist !== null) this.#persist(ready.persist, [], now);
    const early = ready.persist === null ? [] : ready.sendAfterPersist;
    for (const message of early) this.#hooks.send(message);
    if (ready.persist !== null) void early;`,
    breaks: 'DESIGN §4: term, vote and entries are durable before what depends on them is sent',
    scenario: 'forgetful voters',
    within: 8,
  },
];
