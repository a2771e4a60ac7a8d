/** The horizon of a new leader (DESIGN §7): when an earlier one may still have been followed. */
import type { Mutant } from '../mutant.ts';

const election = 'src/raft/election.ts';
const leadership = 'src/raft/leadership.ts';
const tests = 'test/raft/election.test.ts';

export const HORIZON: readonly Mutant[] = [
  {
    name: 'horizon-without-the-own-acknowledgement',
    file: leadership,
    find: 'if (vote?.granted === true) horizonMs',
    replace: 'if (vote?.granted === true && voter !== state.options.id) horizonMs',
    breaks: 'DESIGN §7: the horizon is over all granting voters, itself included',
    caughtBy: { file: tests, test: 'after a restart the own silence is counted from the restart' },
  },
  {
    name: 'horizon-without-the-outgoing-voters',
    file: leadership,
    find: 'for (const voter of votersOf(state.configurations.inForce)) {',
    replace: 'for (const voter of state.configurations.inForce.voters) {',
    breaks: 'DESIGN §7: the horizon is over both halves of a joint configuration',
    caughtBy: { file: tests, test: 'a voter of the outgoing half' },
  },
  {
    name: 'horizon-of-the-quietest-voter',
    file: leadership,
    find: '  let horizonMs = Number.NEGATIVE_INFINITY;',
    replace: '  let horizonMs = campaign.own.horizonMs;\n  if (horizonMs < 1e9) return horizonMs;',
    breaks: 'DESIGN §7: the horizon is the latest acknowledgement of any granting voter',
    caughtBy: { file: tests, test: 'the latest moment at which a granting voter acknowledged' },
  },
  {
    name: 'horizon-without-drift',
    file: election,
    find: 'quiet * (1 - state.options.clockDrift)',
    replace: 'quiet',
    breaks: 'DESIGN §7: the clock of a voter may run faster by ρ',
    caughtBy: { file: tests, test: 'with the drift of its clock' },
  },
  {
    name: 'horizon-believes-any-number',
    file: election,
    find: 'Number.isFinite(message.quietMs) ? Math.max(0, message.quietMs) : 0;',
    replace: 'message.quietMs;',
    breaks: 'DESIGN §7: a silence that is no number shortens nothing',
    caughtBy: { file: tests, test: 'a silence that is no number shortens nothing' },
  },
  {
    name: 'restart-counts-as-silence',
    file: 'src/raft/core.ts',
    find: '      acknowledgedMs: now,',
    replace: '      acknowledgedMs: 0,',
    breaks: 'DESIGN §7: a restarted voter has been silent since its restart at most',
    caughtBy: { file: tests, test: 'after a restart the own silence is counted from the restart' },
  },
  {
    name: 'horizon-of-an-election-that-was-lost-again',
    file: 'src/raft/core.ts',
    find: "horizonMs: state.role.kind === 'leader' ? collected.horizonMs : null,",
    replace: 'horizonMs: collected.horizonMs,',
    breaks: 'DESIGN §7: a horizon is told by who leads',
    caughtBy: {
      file: 'test/raft/gathered.test.ts',
      test: 'an election that is won and lost again in between',
    },
  },
  {
    name: 'leader-forgets-its-own-rounds',
    file: 'src/raft/roles.ts',
    find: '    state.acknowledgedMs = state.now;\n',
    replace: '',
    breaks: 'DESIGN §7: a leader is the first voter of every quorum of its own',
    caughtBy: { file: tests, test: 'a former leader was the first voter of its own rounds' },
  },
  {
    name: 'acknowledgement-is-no-acknowledgement',
    file: 'src/raft/following.ts',
    find: '  state.acknowledgedMs = state.now;\n',
    replace: '',
    breaks: 'DESIGN §7: a voter remembers when it last acknowledged a leader',
    caughtBy: { file: tests, test: 'a voter tells for how long it has acknowledged nobody' },
  },
];
