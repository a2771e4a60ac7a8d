/** Invitations: made, listed and taken back on a member; their bearer uses `holdfast join`. */
import { parseDuration } from '../config/values.ts';
import { HoldfastError } from '../lib/error.ts';
import type { InvitationStatus, InviteAnswer } from '../operator/api.ts';
import { type CommandContext, printAnswer } from './command.ts';
import type { ExitCode } from './exit-codes.ts';
import { renderStaleness } from './render-status.ts';
import { type Cell, renderTable } from './table.ts';
import type { Terminal } from './terminal.ts';

export type InviteOptions = {
  readonly node?: string | undefined;
  readonly learner?: boolean | undefined;
  readonly expires?: string | undefined;
  readonly revoke?: string | undefined;
  readonly list?: boolean | undefined;
};

/** @throws {HoldfastError} USAGE; whatever the cluster says. */
export async function invite(context: CommandContext, options: InviteOptions): Promise<ExitCode> {
  const { revoke, list } = options;
  if (list === true) return await listInvitations(context);
  if (revoke !== undefined) return await revokeInvitation(context, revoke);
  const lifetimeMs = parseDuration(options.expires ?? '1h');
  if (lifetimeMs === null) {
    throw new HoldfastError('USAGE', { detail: '--expires is a duration such as 30min or 1h' });
  }
  const answer = await context.client.post<InviteAnswer>('/v1/invitations', {
    node: options.node ?? null,
    role: options.learner === true ? 'learner' : 'voter',
    lifetimeMs,
  });
  return printAnswer(context, answer, {
    current: false,
    render: () => renderInvitation(answer.data),
  });
}

/** The token stands alone on its line, so that it can be copied, or cut out by `grep`. */
function renderInvitation({ token, peerId, node, role, expiresAtMs }: InviteAnswer): Lines {
  const name = node ?? 'NAME';
  return [
    token,
    '',
    `Whoever has this line may bring one node in as a ${role}, until ${timeText(expiresAtMs)}. On the new machine:`,
    `  holdfast join TOKEN --node ${name} --address INTERCONNECT=HOST:PORT … --data-directory DIR`,
    `Take it back with: holdfast invite --revoke ${peerId}`,
  ];
}

type Lines = readonly string[];

async function listInvitations(context: CommandContext): Promise<ExitCode> {
  const path = '/v1/invitations';
  const answer = await context.client.get<readonly InvitationStatus[]>(path);
  const { terminal } = context;
  return printAnswer(context, answer, {
    current: false,
    render: () => [...renderStaleness(terminal, answer), ...renderList(terminal, answer.data)],
  });
}

function renderList(terminal: Terminal, invitations: readonly InvitationStatus[]): Lines {
  if (invitations.length === 0) return ['no invitation is remembered'];
  const rows = invitations.map((each): readonly Cell[] => [
    each.peerId,
    each.node ?? 'any name',
    each.role,
    each.usedBy === null ? 'open' : { text: `used by ${each.usedBy}`, style: 'dim' },
    timeText(each.expiresAtMs),
    each.by,
  ]);
  return renderTable(terminal, ['INVITATION', 'FOR', 'ROLE', 'STATE', 'UNTIL', 'BY'], rows);
}

async function revokeInvitation(context: CommandContext, peerId: string): Promise<ExitCode> {
  const path = `/v1/invitations/${encodeURIComponent(peerId)}/revoke`;
  const answer = await context.client.post<null>(path, {});
  return printAnswer(context, answer, {
    current: false,
    render: () => [`the invitation ${peerId} is taken back`],
  });
}

function timeText(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
