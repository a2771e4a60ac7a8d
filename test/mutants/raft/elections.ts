/** Pre-vote, vote, stickiness, and who may ask: src/raft/election.ts and what it leans on. */
import type { Mutant } from '../mutant.ts';

const file = 'src/raft/election.ts';
const tests = 'test/raft/election.test.ts';

export const ELECTIONS: readonly Mutant[] = [
  {
    name: 'pre-vote-without-log-check',
    file,
    find: `!hearsLeaderOtherThan(state, message.from) &&
    state.log.isUpToDate(message.lastIndex, message.lastTerm);`,
    replace: '!hearsLeaderOtherThan(state, message.from);',
    breaks: 'thesis §9.6: a pre-vote is granted by the checks of the vote',
    caughtBy: { file: tests, test: '§5.4.1 log 1,1,2 against a candidate at 2/2: false' },
  },
  {
    name: 'vote-without-log-check',
    file,
    find: `(state.role.kind === 'follower' || state.role.kind === 'pre-candidate') &&
    state.log.isUpToDate(lastIndex, lastTerm);`,
    replace: "(state.role.kind === 'follower' || state.role.kind === 'pre-candidate');",
    breaks: 'Raft §5.4.1: no vote for a log that is behind',
    caughtBy: { file: tests, test: '§5.4.1 log 1,1,2 against a candidate at 9/1: false' },
  },
  {
    name: 'log-compared-by-length',
    file: 'src/raft/log.ts',
    find: '    if (lastTerm !== this.lastTerm) return lastTerm > this.lastTerm;\n',
    replace: '',
    breaks: 'Raft §5.4.1: the later last term wins, whatever the lengths',
    caughtBy: { file: tests, test: '§5.4.1 log 1,1,2 against a candidate at 1/3: true' },
  },
  {
    name: 'log-compared-by-term',
    file: 'src/raft/log.ts',
    find: 'return lastIndex >= this.lastIndex;',
    replace: 'return true;',
    breaks: 'Raft §5.4.1: with equal last terms the longer log wins',
    caughtBy: { file: tests, test: '§5.4.1 log 1,1,2 against a candidate at 2/2: false' },
  },
  {
    name: 'second-vote-in-a-term',
    file,
    find: '(state.votedFor === from || (state.votedFor === null && state.leader === null)) &&',
    replace: 'state.leader === null &&',
    breaks: 'Raft §5.2: one vote in a term',
    caughtBy: { file: tests, test: '§5.2 one vote in a term, also after a restart' },
  },
  {
    name: 'vote-before-fsync',
    file,
    find: "sendAfterPersist(state, from, { kind: 'vote-reply'",
    replace: "sendNow(state, from, { kind: 'vote-reply'",
    breaks: 'Raft figure 2: the vote is on stable storage before the reply leaves',
    caughtBy: { file: tests, test: '§5.2 the reply leaves after term and vote are durable' },
  },
  {
    name: 'vote-request-before-fsync',
    file,
    find: "sendAfterPersist(state, voter, { kind: 'vote'",
    replace: "sendNow(state, voter, { kind: 'vote'",
    breaks: 'Raft figure 2: the own vote is on stable storage before anyone hears of it',
    caughtBy: { file: tests, test: 'whose request waits for its own vote on disk' },
  },
  {
    name: 'own-vote-counts-before-durable',
    file,
    find: "state.role = { kind: 'candidate', votes: new Map(), own, proposals: [] };",
    replace:
      "state.role = { kind: 'candidate', votes: new Map([[state.options.id, own]]), own, proposals: [] };",
    breaks: 'Raft §5.2: a candidate counts its own vote when a crash cannot take it back',
    caughtBy: { file: tests, test: 'the own vote counts only when it is durable' },
  },
  {
    name: 'pre-vote-raises-own-term',
    file,
    find: `  becomeFollower(state, state.term, null);
  if (!mayCampaign(state)) return;`,
    replace: `  becomeFollower(state, state.term + 1, null);
  if (!mayCampaign(state)) return;`,
    breaks: 'thesis §9.6: who asks for pre-votes keeps its term',
    caughtBy: { file: tests, test: 'asks for pre-votes and keeps its term' },
  },
  {
    name: 'election-overtakes-the-vote-on-its-way',
    file,
    find: `  if (state.role.kind === 'candidate' && !identityIsDurable(state)) return;
`,
    replace: '',
    breaks: 'Raft §5.2 with an asynchronous disk: one election for each vote that is being written',
    caughtBy: { file: tests, test: 'whose vote is not on its disk yet starts no other election' },
  },
  {
    name: 'pre-vote-raises-term-of-voter',
    file: 'src/raft/receiving.ts',
    find: '    onPreVote(state, message);\n    return null;',
    replace: `    if (message.term > state.term) becomeFollower(state, message.term, null);
    onPreVote(state, message);
    return null;`,
    breaks: 'thesis §9.6: a pre-vote changes nothing at the voter',
    caughtBy: { file: tests, test: 'a pre-vote changes nothing at the voter' },
  },
  {
    name: 'election-without-pre-vote',
    file,
    find: '  const votes = new Map([[state.options.id, own]]);',
    replace: `  if (state.term >= 0) return campaign(state, false);
  const votes = new Map([[state.options.id, own]]);`,
    breaks: 'thesis §9.6: a node asks before it raises the term',
    caughtBy: {
      file: tests,
      test: 'a candidate whose election stays open asks for pre-votes again',
    },
  },
  {
    name: 'pre-vote-of-another-campaign-counts',
    file,
    find: '|| (message.granted && message.term !== ours)) return;',
    replace: ') return;',
    breaks: 'Raft §5.2: a vote is for one candidate in one term',
    caughtBy: { file: tests, test: 'a pre-vote that was granted for an earlier campaign' },
  },
  {
    name: 'refused-pre-vote-without-term',
    file,
    find: 'granted ? message.term : state.term);',
    replace: 'message.term);',
    breaks: 'etcd-io/raft doc.go: a refused pre-vote carries the term of the voter',
    caughtBy: { file: tests, test: 'a refusal the own one' },
  },
  {
    name: 'term-of-refused-pre-vote-ignored',
    file: 'src/raft/receiving.ts',
    find: '        return false;\n      }\n      break;',
    replace: '        return false;\n      }\n      return false;',
    breaks: 'Raft §5.1: who hears of a higher term adopts it',
    caughtBy: { file: tests, test: 'a refused pre-vote carries the higher term' },
  },
  {
    name: 'no-stickiness',
    file,
    find: 'return now < heardMs + options.electionTimeoutMs;',
    replace: 'return now < heardMs;',
    breaks: 'thesis §4.2.3: who hears a leader helps nobody to replace it',
    caughtBy: { file: tests, test: 'stickiness: who hears a leader refuses pre-votes' },
  },
  {
    name: 'endless-stickiness',
    file,
    find: 'return now < heardMs + options.electionTimeoutMs;',
    replace: 'return heardMs + options.electionTimeoutMs > 0;',
    breaks: 'thesis §4.2.3: stickiness ends with the election timeout',
    caughtBy: { file: tests, test: 'stickiness: who hears a leader refuses pre-votes' },
  },
  {
    name: 'stickiness-against-the-leader-itself',
    file,
    find: 'if (leader === null || leader === from) return false;',
    replace: 'if (leader === null) return false;',
    breaks: 'hashicorp/raft#605: a leader that asks for votes has given up leading',
    caughtBy: { file: tests, test: 'stickiness does not protect a leader from itself' },
  },
  {
    name: 'stickiness-against-a-handover',
    file: 'src/raft/receiving.ts',
    find: 'if (!message.transfer && hearsLeaderOtherThan',
    replace: 'if (hearsLeaderOtherThan',
    breaks: 'thesis §3.10, §4.2.3: an election that the leader asked for is not refused',
    caughtBy: { file: tests, test: 'a vote that the leader asked for is granted' },
  },
  {
    name: 'stalled-node-campaigns',
    file,
    find: '  if (diskStalled) return false;\n',
    replace: '',
    breaks: 'DESIGN §4: nobody campaigns while a write is missing',
    caughtBy: { file: tests, test: 'a node whose disk is stalled does not campaign' },
  },
  {
    name: 'stalled-voter-promises-its-vote',
    file,
    find: '    !state.diskStalled &&\n',
    replace: '',
    breaks: 'thesis §9.6: a pre-vote is granted by who would grant the vote',
    caughtBy: { file: tests, test: 'a voter whose disk is stalled' },
  },
  {
    name: 'learner-campaigns',
    file: 'src/raft/configuration.ts',
    find: 'return configuration.voters.includes(node) || configuration.outgoing.includes(node);',
    replace: 'return membersOf(configuration).includes(node);',
    breaks: 'thesis §4.2.1: a learner does not vote and is not elected',
    caughtBy: { file: tests, test: 'a node that is no voter never campaigns' },
  },
  {
    name: 'all-campaign-at-once',
    file,
    find: 'const place = Math.max(0, others.indexOf(options.id));',
    replace: 'const place = Math.min(0, others.indexOf(options.id));',
    breaks: 'DESIGN §4: at a proof of death the voters campaign one gap apart',
    caughtBy: { file: 'test/raft/forget-leader.test.ts', test: 'the second waits for one gap' },
  },
];
