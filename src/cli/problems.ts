/** `holdfast problems [CODE]`: what a code means and what to do; without one, all of them. */
import { HoldfastError, isProblemCode } from '../lib/error.ts';
import { PROBLEMS, type ProblemCode } from '../lib/problems.ts';
import type { CommandContext } from './command.ts';
import { EXIT, type ExitCode, exitCodeOf } from './exit-codes.ts';
import { paint, type Terminal } from './terminal.ts';
import { wrapped } from './wrap.ts';

export type ProblemsOptions = { readonly markdown?: boolean | undefined };

const CODES = Object.keys(PROBLEMS).filter(isProblemCode).toSorted();

/** @throws {HoldfastError} USAGE for a code that there is not. */
export async function problems(
  context: CommandContext,
  code: string | undefined,
  { markdown }: ProblemsOptions,
): Promise<ExitCode> {
  const codes = code === undefined ? CODES : [known(code.toUpperCase())];
  if (context.json) context.printJson(codes.map(problemOf));
  else if (markdown === true) context.print([problemTable(codes)]);
  else context.print(codes.flatMap((one) => renderProblem(context.terminal, one)));
  return EXIT.ok;
}

function known(code: string): ProblemCode {
  if (isProblemCode(code)) return code;
  throw new HoldfastError('USAGE', { detail: `there is no code ${code}` });
}

function problemOf(code: ProblemCode) {
  return { code, exitStatus: exitCodeOf(new HoldfastError(code)), ...PROBLEMS[code] };
}

function renderProblem(terminal: Terminal, code: ProblemCode): readonly string[] {
  const { cause, remedy, exitStatus } = problemOf(code);
  const body = [`cause: ${cause}`, `remedy: ${remedy}`, `exit status: ${exitStatus}`];
  return [
    paint(terminal, 'bold', code),
    ...body.flatMap((text) => wrapped(text, terminal.width - 2).map((line) => `  ${line}`)),
  ];
}

const HEAD = `# Every code, what it means, and what to do

Made by \`holdfast problems --markdown > src/lib/PROBLEMS.md\` and held to be current by a test.

The same words stand in every refusal of the command line (with \`--json\`: \`problem.code\`), in those of
the API, and in the log. \`holdfast problems CODE\` shows one of them.

| Code | Cause | Remedy | Exit |
| ---- | ----- | ------ | ---- |
`;

/** The whole file, without the newline at its end. */
export function problemTable(codes: readonly ProblemCode[] = CODES): string {
  const rows = codes.map(problemOf).map(({ code, cause, remedy, exitStatus }) => {
    return `| \`${code}\` | ${cell(cause)} | ${cell(remedy)} | ${exitStatus} |`;
  });
  return HEAD + rows.join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
