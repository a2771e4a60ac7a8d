/**
 * The rules of DESIGN §8, each with the way to switch it off and what must then be found. A rule
 * lives in the state machines (taken out of their source or left out by `omit`) or in what drives
 * them (a switch of the world).
 */
import type { TakeoverRule } from '../../../src/fencing/protocol/takeover-state.ts';
import type { Harm } from './layout.ts';
import type { Patch } from './protocol.ts';

/** Rules that the state machines leave to their surroundings. */
export type Off =
  /** REGISTER does not compare. */
  | 'compare-and-swap'
  /** A machine that has the disk mounted attacks all the same. */
  | 'idle-proof'
  /** A machine attacks although an attempt of its own is under way. */
  | 'one-attempt'
  /** A command may overtake an earlier one of the same path that was given up. */
  | 'one-command'
  /** A path that lost its registration is registered again under a live mount. */
  | 'live-mount-gains-nothing'
  /** Whoever unmounts unregisters. */
  | 'never-release'
  /** The mount uses every path, also those that the takeover did not verify. */
  | 'verified-paths-only'
  /** REGISTER without APTPL. */
  | 'aptpl';

export type Rule = {
  readonly name: string;
  /** Where the harm shows. */
  readonly scope: string;
  /** null: nothing may be found, and `why` says what the rule is there for then. */
  readonly harm: Harm | null;
  readonly why?: string;
  /** Takes too long for CI. */
  readonly long?: boolean;
  readonly omit?: readonly TakeoverRule[];
  readonly patches?: readonly Patch[];
  readonly off?: Off;
};

const takeover = (find: string, replace: string): Patch => ({ file: 'takeover.ts', find, replace });
const judgement = (find: string, replace: string): Patch => ({
  file: 'takeover-rules.ts',
  find,
  replace,
});

export const RULES: readonly Rule[] = [
  {
    name: 'superseded check',
    scope: 'two-attackers',
    harm: 'late-write',
    omit: ['superseded-check'],
  },
  {
    name: 'preempt only older keys',
    scope: 'two-attackers',
    harm: 'late-write',
    patches: [
      takeover(
        'return obstacle(read) ?? {',
        "return (state.next === 'register' ? obstacle(read) : null) ?? {",
      ),
      takeover('if (stop !== null) return stop;\n      if (state.next', 'if (state.next'),
    ],
  },
  {
    name: 'the holder is judged as well as the keys',
    scope: 'stranger',
    harm: 'stolen',
    patches: [
      takeover(
        'const read = withHolder(facts, reply.holder);\n      const stop = obstacle(read);',
        'const read = facts;\n      const stop = null;',
      ),
    ],
  },
  {
    name: 'abort, or reset where it is missing',
    scope: 'two-attackers',
    harm: 'late-write',
    omit: ['abort', 'reset'],
  },
  {
    name: 'reset where the Fenced before is not committed',
    scope: 'slow-aborts',
    harm: 'late-write',
    patches: [judgement('!facts.goal.predecessorFenced || ', '')],
  },
  {
    name: 'reset where nobody was there to abort',
    scope: 'two-attackers',
    harm: 'late-write',
    patches: [judgement(' || !facts.abortedSome', '')],
  },
  {
    name: 'reset where an abort was not confirmed to us',
    scope: 'late-registration',
    harm: 'late-write',
    patches: [judgement('facts.unaborted.length > 0 || ', '')],
  },
  {
    name: 'reset where the reservation was gone for a while',
    scope: 'released',
    harm: 'late-write',
    patches: [judgement(' || facts.gap) return', ') return')],
  },
  {
    name: "only the abort of the predecessor's key counts",
    scope: 'hidden-predecessor',
    harm: 'late-write',
    patches: [judgement('unpackKey(victim).epoch >= (goal.predecessor ?? 0)', 'true')],
  },
  {
    name: 'an abort of our own key counts for nobody',
    scope: 'logins-1',
    harm: 'late-write',
    patches: [takeover('if (victim === facts.goal.key) return', 'if (victim === 0n) return')],
  },
  {
    name: 'what an own nexus of before holds is taken over',
    scope: 'logins-1',
    harm: 'stuck',
    patches: [takeover(' && !facts.elsewhere ?', ' ?')],
  },
  {
    name: 'verify again after a reset',
    scope: 'released',
    harm: 'late-write',
    patches: [
      takeover(
        'return verify({ ...facts, wasReset: true, gap: false, unaborted: [] });',
        'return settle({ ...facts, wasReset: true, gap: false, unaborted: [] });',
      ),
    ],
  },
  { name: 'verify', scope: 'logins', harm: 'no-right', omit: ['verify'] },
  {
    name: 'verify on every path',
    scope: 'logins',
    harm: 'no-right',
    omit: ['verify-every-path'],
  },
  {
    name: 'touch each path by a REGISTER of the own key',
    scope: 'logins',
    harm: 'no-right',
    patches: [
      takeover(
        "if (check !== undefined && (check !== 'holding'",
        "if (check !== undefined && check !== 'registration' && (check !== 'holding'",
      ),
    ],
  },
  {
    name: 'SYNCHRONIZE CACHE',
    scope: 'power-loss',
    harm: 'lost-data',
    patches: [
      takeover(
        "return { kind: lateWritePossible(facts) ? 'resetting' : 'flushing', facts };",
        "return lateWritePossible(facts) ? { kind: 'resetting', facts } : held(facts);",
      ),
    ],
  },
  {
    name: 'a unit attention means not executed',
    scope: 'attentions-and-power',
    harm: 'lost-data',
    patches: [
      takeover(
        "    case 'unit-attention':\n",
        [
          "    case 'unit-attention':\n",
          "      if (!state.kind.startsWith('reading') && state.kind !== 'verifying')\n",
          "        return emit(onSuccess(calm(state), { kind: 'good' }));\n",
          '      return emit(repeat(state, reply.path));\n',
        ].join(''),
      ),
    ],
  },
  {
    name: 'APTPL',
    scope: 'power-loss',
    harm: 'late-write',
    off: 'aptpl',
  },
  {
    name: 'never release on stop',
    scope: 'two-attackers',
    harm: 'late-write',
    off: 'never-release',
  },
  {
    name: 'a node that holds something registers nothing',
    scope: 'appointed-again',
    harm: 'late-write',
    off: 'idle-proof',
  },
  {
    name: 'a live mount never gains a registration',
    scope: 'two-attackers-5',
    harm: 'late-write',
    off: 'live-mount-gains-nothing',
  },
  {
    name: 'only verified paths carry IO',
    scope: 'two-paths',
    harm: 'late-write',
    off: 'verified-paths-only',
  },
  {
    name: 'one attempt at a time on a node',
    scope: 'one-machine-twice',
    harm: 'late-write',
    off: 'one-attempt',
  },
  {
    name: 'one command at a time on a path',
    scope: 'one-machine-twice',
    harm: 'late-write',
    off: 'one-command',
  },
  {
    name: 'compare and swap, not REGISTER AND IGNORE EXISTING KEY',
    scope: 'overtaking',
    harm: 'late-write',
    off: 'compare-and-swap',
  },
  {
    name: 'read keys again after REGISTER',
    scope: 'two-attackers',
    harm: null,
    why: 'PREEMPT names a key that was read, conflicts when it is gone, and the keys are read once more at the end',
    patches: [
      takeover(
        "{ kind: 'reading-keys', facts, next: 'preempt' }",
        "{ kind: 'reading-reservation', facts, next: 'preempt' }",
      ),
    ],
  },
  {
    name: 'a key that the cluster never committed means a state rolled back',
    scope: 'two-attackers',
    harm: null,
    why: 'such a key is newer, so that the takeover is superseded anyway; the code tells an operator why',
    patches: [judgement('if (unheardOf !== undefined)', 'if (false)')],
  },
  {
    name: 'the defence preempts only older keys',
    scope: 'defence',
    harm: null,
    long: true,
    why: 'the newer one preempts the owner all the same; it would only take more rounds',
    patches: [
      { file: 'defence.ts', find: 'if (rival !== undefined)', replace: 'if (false)' },
      {
        file: 'defence.ts',
        find: "return place === 'older' || place === 'own-older';",
        replace: "return place !== 'mine';",
      },
    ],
  },
  {
    name: 'the owner stops when it finds that it was fenced',
    scope: 'defence',
    harm: null,
    why: 'the disk refuses its writes; stopping is for whoever reads from it and for its addresses',
    patches: [
      {
        file: 'defence.ts',
        find: 'if (rival !== undefined)',
        replace: 'if (false)',
      },
      {
        file: 'defence.ts',
        find: 'if (!facts.keys.includes(key) || holder !== key)',
        replace: 'if (false)',
      },
    ],
  },
  {
    name: 'a foreign key is never stolen',
    scope: 'stranger',
    harm: 'stolen',
    patches: [
      judgement("if (stranger !== undefined) return failed('FOREIGN_RESERVATION', stranger);", ''),
    ],
  },
];
