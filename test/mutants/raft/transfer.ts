/** Leadership transfer: src/raft/transfer.ts. */
import type { Mutant } from '../mutant.ts';

const file = 'src/raft/transfer.ts';
const tests = 'test/raft/transfer.test.ts';

export const TRANSFER: readonly Mutant[] = [
  {
    name: 'anyone-may-hand-over',
    file,
    find: "const follows = state.role.kind === 'follower' && state.leader === from;",
    replace: "const follows = state.role.kind === 'follower' && state.leader !== null;",
    breaks: 'thesis §3.10: only the present leader asks for an election',
    caughtBy: { file: tests, test: 'is asked only by the leader that it follows' },
  },
  {
    name: 'hand-over-to-one-that-lags',
    file,
    find: '  if (lead.peers.get(to)?.match !== state.log.lastIndex) return;\n',
    replace: '',
    breaks: 'thesis §3.10: the target is brought up to date first',
    caughtBy: { file: tests, test: '§3.10 brings the target up to date, then tells it' },
  },
  {
    name: 'proposals-while-handing-over',
    file: 'src/raft/leadership.ts',
    find: '  else if (role.transfer !== null) {',
    replace: '  else if (role.transfer !== null && proposalId < 0) {',
    breaks: 'thesis §3.10, hashicorp/raft#581: who hands over takes no proposals',
    caughtBy: { file: tests, test: '§3.10 brings the target up to date, then tells it' },
  },
  {
    name: 'hand-over-without-end',
    file,
    find: "    end(state, lead, 'timed-out');",
    replace: '    void end;',
    breaks: 'thesis §3.10: a handover that does not succeed is given up',
    caughtBy: { file: tests, test: '§3.10 goes on at the bound' },
  },
  {
    name: 'hand-over-bound-pushed-out',
    file,
    find: '  if (role.transfer?.to === to) return;\n',
    replace: '',
    breaks: 'thesis §3.10: the bound of a handover counts from its beginning',
    caughtBy: { file: tests, test: 'which a repeated request does not push out' },
  },
  {
    name: 'hand-over-to-a-learner',
    file,
    find: 'const able = to !== options.id && isVoter(configurations.inForce, to);',
    replace: "const able = role.kind === 'leader' && role.peers.has(to);",
    breaks: 'thesis §3.10, §4.2.1: only a voter can be asked to lead',
    caughtBy: { file: tests, test: 'refuses at once what is not another voter' },
  },
  {
    name: 'refused-hand-over-goes-on',
    file,
    find: "  if (lead.transfer?.to === from) end(state, lead, 'refused');\n",
    replace: '  void [state, lead, from];\n',
    breaks: 'raft-rs#144: a leader whose target refuses goes on at once',
    caughtBy: { file: tests, test: 'goes on at once when the target refuses' },
  },
  {
    name: 'refusal-of-anyone-ends-the-hand-over',
    file,
    find: "  if (lead.transfer?.to === from) end(state, lead, 'refused');\n",
    replace: "  if (lead.transfer?.to !== null || from === '') end(state, lead, 'refused');\n",
    breaks: 'DESIGN §4: only the target refuses',
    caughtBy: { file: tests, test: 'is not moved by a refusal of another node' },
  },
  {
    name: 'joint-configuration-left-while-handing-over',
    file: 'src/raft/change.ts',
    find: '  if (lead.transfer !== null) return;\n',
    replace: '',
    breaks: 'thesis §3.10: the log does not grow while a leader hands over',
    caughtBy: { file: tests, test: 'leaves a joint configuration only afterwards' },
  },
  {
    name: 'refusal-waits-for-a-stalled-disk',
    file,
    find: 'if (identityIsDurable(state)) sendNow(state, to, body);',
    replace: 'if (state.term < 0) sendNow(state, to, body);',
    breaks: 'DESIGN §4: a follower whose disk stalls says so',
    caughtBy: { file: tests, test: 'whose disk is stalled says no, without waiting for its disk' },
  },
];
