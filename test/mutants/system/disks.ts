/** The disk takes no write of an older owner: src/fencing, src/resources/agents/disk.ts. */
import type { SystemMutant } from './system-mutant.ts';

const takeover = 'src/fencing/protocol/takeover.ts';
const rules = 'src/fencing/protocol/takeover-rules.ts';
const agent = 'src/resources/agents/disk.ts';

export const DISKS: readonly SystemMutant[] = [
  {
    name: 'takeover-without-reading-again',
    file: takeover,
    find: "if (left.length === 0) return { kind: 'reading-keys', facts, next: 'preempt' };",
    replace:
      "if (left.length === 0) return { kind: 'reading-reservation', facts, next: 'preempt' };",
    also: [
      {
        file: takeover,
        find: 'const read = withHolder(facts, reply.holder);',
        replace: 'const read = withHolder(facts, null);',
      },
    ],
    breaks: 'DESIGN §8.2: after REGISTER the keys are read again, and who holds is judged',
    scenario: 'takeovers',
    within: 24,
  },
  {
    name: 'register-and-ignore',
    file: 'src/fencing/devices/emulated/verbs.ts',
    find: "        action: 'register',\n        key: command.current,",
    replace: "        action: 'register-and-ignore',\n        key: command.current,",
    breaks: 'DESIGN §8: REGISTER compares and swaps, it never ignores the key that is there',
    scenario: 'exploration of overtaking',
    within: 1,
  },
  {
    name: 'newer-keys-preempted',
    file: rules,
    find: "const rivals = facts.keys.filter((key) => standing(goal.key, key) === 'rival');",
    replace: "const rivals = facts.keys.filter((key) => standing(goal.key, key) === 'stranger');",
    breaks: 'DESIGN §8.3: a newer key is never preempted',
    scenario: 'takeovers',
    within: 24,
  },
  {
    name: 'strangers-preempted',
    file: rules,
    find: "const stranger = facts.keys.find((key) => standing(goal.key, key) === 'stranger');",
    replace:
      "const stranger = facts.keys.find((key) => key === 0n && standing(goal.key, key) === 'stranger');",
    breaks: 'DESIGN §8.1: a key that is not of this cluster is never stolen',
    scenario: 'disks',
    within: 12,
  },
  {
    name: 'preempt-without-abort',
    file: takeover,
    find: "kind: canAbort ? 'preempt-and-abort' : 'preempt',",
    replace: "kind: canAbort ? 'preempt' : 'preempt',",
    breaks: 'DESIGN §8.3: PREEMPT AND ABORT, since writes are under way',
    scenario: 'writes',
    within: 24,
  },
  {
    name: 'no-reset-where-abort-is-missing',
    file: rules,
    find: '  if (facts.unaborted.length > 0 || facts.gap) return true;\n',
    replace: '  if (facts.unaborted.length > 0 || facts.gap) return false;\n',
    breaks: 'DESIGN §8.5: where an abort is not certain, LOGICAL UNIT RESET',
    scenario: 'writes',
    within: 40,
  },
  {
    name: 'register-without-aptpl',
    file: takeover,
    find: "        aptpl: goal.aptpl,\n      };\n    case 'reserving'",
    replace: "        aptpl: false,\n      };\n    case 'reserving'",
    also: [
      {
        file: takeover,
        find: "return { kind: 'register', path, current: key, key, aptpl };",
        replace: "return { kind: 'register', path, current: key, key, aptpl: aptpl && false };",
      },
    ],
    breaks: 'DESIGN §8: every REGISTER sets APTPL',
    scenario: 'disks',
    within: 2,
  },
  {
    name: 'defence-off',
    file: agent,
    find: '    if (taken.held === null) return OK;',
    replace: '    if (taken.held === null || taken.epoch > 0) return OK;',
    breaks: 'DESIGN §8: the owner looks after its key and reservation',
    scenario: 'disks',
    within: 16,
  },
  {
    name: 'registers-beside-a-lost-mount',
    file: agent,
    find: '    return await (prove === undefined ? proveIdle(device.blockDevices) : prove(device));',
    replace:
      '    const proof = await prove?.(device);\n    return proof?.ok === true ? proof : await proveIdle(null);',
    breaks: 'DESIGN §8: a node that holds something registers nothing',
    scenario: 'mounts',
    within: 24,
  },
  {
    name: 'reservation-given-back',
    file: agent,
    find: '    this.#taken.delete(nameOf(definition, context));\n    return OK;',
    replace: `    const before = this.#taken.get(nameOf(definition, context));
    const { signal } = new AbortController();
    for (const path of before?.held?.paths ?? []) {
      const current = before?.held?.key ?? 0n;
      const command = { kind: 'register', path, current, key: 0n, aptpl: true } as const;
      void before?.device.execute(command, signal);
    }
    this.#taken.delete(nameOf(definition, context));
    return OK;`,
    breaks: 'DESIGN §8: whoever stops leaves key and reservation in place',
    scenario: 'operators',
    within: 32,
  },
  {
    name: 'takeover-not-made',
    file: agent,
    find: '      if (this.#options.sabotage.fence) {',
    replace: '      if (!this.#options.sabotage.fence) {',
    breaks: 'P2: the disk is taken before it is mounted',
    scenario: 'writes',
    within: 4,
  },
];
