/** `holdfast apply`: groups as they are to be. The difference is shown before anything is done. */
import type { WantedGroups } from '../config/groups-file.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Answer, ApplyAnswer, MemberStatus } from '../operator/api.ts';
import { type CommandContext, printAnswer } from './command.ts';
import { EXIT, type ExitCode, exitCodeOf } from './exit-codes.ts';
import { renderFaults } from './render-faults.ts';
import { paint, type Terminal } from './terminal.ts';

export type ApplyOptions = {
  readonly file?: string | undefined;
  readonly rollback?: string | undefined;
  readonly revision?: number | undefined;
  readonly prune?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  readonly yes?: boolean | undefined;
};

export async function apply(context: CommandContext, options: ApplyOptions): Promise<ExitCode> {
  const { file, rollback, revision, yes = false, dryRun = false } = options;
  if ((file === undefined) === (rollback === undefined)) {
    throw new HoldfastError('USAGE', { detail: 'name a file with -f, or a group with --rollback' });
  }
  if (rollback !== undefined) {
    const path = `/v1/groups/${encodeURIComponent(rollback)}/rollback`;
    return await make(context, path, { revision: revision ?? null }, { yes, dryRun });
  }
  const wanted = await read(context, file ?? '');
  if (wanted === null) return exitCodeOf(new HoldfastError('CONFIG_INVALID'));
  return await make(
    context,
    '/v1/apply',
    { ...wanted, prune: options.prune === true },
    {
      yes,
      dryRun,
    },
  );
}

async function read(context: CommandContext, file: string): Promise<WantedGroups | null> {
  const { checkGroupsFile } = await import('../config/groups-file.ts');
  const { readConfigText } = await import('../config/source.ts');
  const text = await readConfigText(file);
  const { data } = await context.client.get<readonly MemberStatus[]>('/v1/members');
  const nodes = data.map(({ node }) => node);
  const { wanted, faults } = checkGroupsFile(file, text, nodes);
  if (context.json && wanted === null) context.printJson({ ok: false, faults });
  else if (!context.json) context.print(renderFaults(context.terminal, faults));
  return wanted;
}

/** First the difference, then the deed: what changed in between is refused by its revision. */
async function make(
  context: CommandContext,
  path: string,
  body: object,
  { yes, dryRun }: { readonly yes: boolean; readonly dryRun: boolean },
): Promise<ExitCode> {
  const asked = await context.client.post<ApplyAnswer>(path, { ...body, dryRun: true });
  const { changes } = asked.data;
  const { terminal } = context;
  if (!context.json) context.print(renderChanges(terminal, asked));
  if (dryRun || changes.length === 0) {
    if (context.json) context.printJson(asked);
    return EXIT.ok;
  }
  const answer = await context.client.post<ApplyAnswer>(path, { ...body, yes });
  const later = answer.data.changes.some(({ interrupts, what }) => interrupts && what === 'change');
  const line = later
    ? 'done; groups that are in use are stopped, defined and started one after the other'
    : 'done';
  return printAnswer(context, answer, { current: false, render: () => [line] });
}

export function renderChanges(
  terminal: Terminal,
  { data: { changes } }: Answer<ApplyAnswer>,
): readonly string[] {
  if (changes.length === 0) return ['nothing differs'];
  const marks = { create: '+', change: '~', delete: '-' } as const;
  return changes.flatMap(({ subject, name, what, words, interrupts }) => [
    `${marks[what]} ${subject} ${name}${interrupts ? paint(terminal, 'red', '  INTERRUPTS SERVICE') : ''}`,
    ...words.map((word) => `    ${word}`),
  ]);
}
