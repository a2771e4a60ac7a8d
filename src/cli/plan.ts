/** `holdfast plan`: what would happen, and why. Nothing is touched. */
import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { decodeState, encodeState } from '../cluster/codec.ts';
import type { Basis, WhatIf } from '../failover/what-if.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Answer } from '../operator/api.ts';
import { type CommandContext, printAnswer } from './command.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { renderStaleness } from './render-status.ts';
import { paint, type Terminal } from './terminal.ts';

export type PlanOptions = {
  readonly if?: readonly string[] | undefined;
  readonly from?: string | undefined;
  readonly save?: string | undefined;
};

export async function plan(context: CommandContext, options: PlanOptions): Promise<ExitCode> {
  const texts = options.if ?? [];
  if (options.save !== undefined) return await save(context, options.save);
  if (options.from !== undefined) return await planFrom(context, options.from, texts);
  const query = texts.map((text) => `if=${encodeURIComponent(text)}`).join('&');
  const answer = await context.client.get<WhatIf>(`/v1/plan${query === '' ? '' : `?${query}`}`);
  const { terminal } = context;
  return printAnswer(context, answer, {
    current: false,
    render: () => [...renderStaleness(terminal, answer), ...renderPlan(terminal, answer.data)],
  });
}

async function save(context: CommandContext, file: string): Promise<ExitCode> {
  const answer = await context.client.get<Basis>('/v1/plan/basis');
  await writeFile(file, `${JSON.stringify(answer)}\n`);
  if (context.json) context.printJson({ ok: true, file });
  else context.print([`${file}: ask it with \`holdfast plan --from ${file} --if "NODE dies"\``]);
  return EXIT.ok;
}

async function planFrom(
  context: CommandContext,
  file: string,
  texts: readonly string[],
): Promise<ExitCode> {
  const { whatIf } = await import('../failover/what-if.ts');
  const result = whatIf(await readBasis(file), texts);
  if (!result.ok) throw new HoldfastError(result.error.code, { detail: result.error.detail });
  if (context.json) context.printJson({ ok: true, data: result.value });
  else context.print(renderPlan(context.terminal, result.value));
  return EXIT.ok;
}

const seen = z.looseObject({
  node: z.string(),
  state: z.enum(['alive', 'suspect', 'dead']),
  links: z.record(z.string(), z.looseObject({ state: z.string() })),
  fitness: z.array(z.looseObject({ group: z.string(), fit: z.boolean() })),
  groups: z.array(z.looseObject({ group: z.string(), epoch: z.number(), state: z.string() })),
});
const saved = z.looseObject({
  data: z.looseObject({
    state: z.unknown(),
    view: z.looseObject({ self: z.string(), nodes: z.record(z.string(), seen) }),
    times: z.looseObject({
      heartbeatMs: z.number(),
      detectionMs: z.number(),
      fitnessIntervalMs: z.number(),
    }),
    wallMs: z.number().nullable(),
  }),
});

/** @throws HoldfastError CONFIG_NOT_FOUND, CONFIG_INVALID: the file is not what `--save` wrote. */
async function readBasis(file: string): Promise<Basis> {
  try {
    const answer = saved.parse(JSON.parse(await readFile(file, 'utf8'))) as unknown;
    const { data } = answer as Answer<Basis>;
    const checked = decodeState(encodeState(data.state));
    if (!checked.ok) throw new Error(checked.error.detail);
    return { ...data, state: checked.value };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const code = missing ? 'CONFIG_NOT_FOUND' : 'CONFIG_INVALID';
    throw new HoldfastError(code, { place: file, detail }, { cause: error });
  }
}

export function renderPlan(
  terminal: Terminal,
  { steps, waiting, owners, noQuorum }: WhatIf,
): readonly string[] {
  if (noQuorum !== '') return [paint(terminal, 'red', noQuorum)];
  const lines = steps.flatMap(({ what, why, nodes }, at) => [
    `${at + 1}. ${what}`,
    ...(why === '' ? [] : [`   because: ${why}`]),
    ...nodes.map(({ node, why: said }) => paint(terminal, 'dim', `   ${node}: ${said}`)),
  ]);
  const waits = waiting.map(({ group, code, why }) =>
    paint(terminal, 'yellow', `${group} would wait, ${code}: ${why}`),
  );
  const ends = Object.entries(owners).map(
    ([group, owner]) => `${group}: ${owner ?? paint(terminal, 'red', 'nowhere')}`,
  );
  return [
    ...(lines.length === 0 ? ['nothing would happen'] : lines),
    ...waits,
    '',
    'in the end:',
    ...ends.map((line) => `  ${line}`),
  ];
}
