/** The commands that change something: move, leave, promote, demote, online, standby, maintenance. */
import type { MemberRole, Mode } from '../cluster/command.ts';
import { HoldfastError } from '../lib/error.ts';
import type { MoveAnswer, RoleAnswer } from '../operator/api.ts';
import { type CommandContext, printAnswer } from './command.ts';
import type { ExitCode } from './exit-codes.ts';

export async function move(
  context: CommandContext,
  group: string,
  to: string | null,
): Promise<ExitCode> {
  const path = `/v1/groups/${encodeURIComponent(group)}/move`;
  const answer = await context.client.post<MoveAnswer>(path, { to });
  const { from } = answer.data;
  const source = from === null ? '' : ` from ${from}`;
  const line = `${group} moves${source} to ${answer.data.to ?? 'another node'}`;
  return printAnswer(context, answer, {
    current: false,
    render: () => [`${line}; \`holdfast watch\` shows how it goes`],
  });
}

const ROLE_WORDS: Readonly<Record<MemberRole, string>> = {
  voter: 'will vote',
  learner: 'will only receive the log',
  leaving: 'gives up its groups and leaves the cluster',
};

export async function setRole(
  context: CommandContext,
  role: MemberRole,
  node: string,
  options: { readonly force?: boolean | undefined },
): Promise<ExitCode> {
  const path = `/v1/members/${encodeURIComponent(node)}/role`;
  const force = options.force === true;
  const answer = await context.client.post<RoleAnswer>(path, { role, force });
  const { from, to } = answer.data;
  const line =
    from === to ? `${node} is wanted as ${to} already` : `${node} ${ROLE_WORDS[to]} (was ${from})`;
  return printAnswer(context, answer, {
    current: false,
    render: () => [`${line}; \`holdfast members\` and \`holdfast watch\` show how it goes`],
  });
}

export type SubjectOptions = {
  readonly group?: string | undefined;
  readonly cluster?: boolean | undefined;
};

/** @throws {HoldfastError} USAGE unless exactly one of node, group and cluster is named. */
export async function setMode(
  context: CommandContext,
  mode: Mode,
  node: string | null,
  options: SubjectOptions,
): Promise<ExitCode> {
  const subjects = [
    ...(node === null ? [] : [{ kind: 'node', node }]),
    ...(options.group === undefined ? [] : [{ kind: 'group', group: options.group }]),
    ...(options.cluster === true ? [{ kind: 'cluster' }] : []),
  ];
  const [subject] = subjects;
  if (subject === undefined || subjects.length > 1) {
    throw new HoldfastError('USAGE', { detail: 'name a NODE, or --group GROUP, or --cluster' });
  }
  const answer = await context.client.post<null>('/v1/mode', { subject, mode });
  const named = node ?? options.group ?? `cluster ${answer.clusterId}`;
  return printAnswer(context, answer, { current: false, render: () => [`${named} is ${mode}`] });
}
