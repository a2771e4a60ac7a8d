/**
 * Holds the house rules that a compiler does not know: imports go down the layers, pure modules stay
 * pure, files and functions stay small, every module folder has its page. Each rule has a negative
 * control: a made-up file that breaks it must be reported.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Layer of each module; a module imports only from lower layers, or as ALLOWED says. */
const LAYERS: Readonly<Record<string, number>> = {
  lib: 0,
  raft: 1,
  cluster: 1,
  membership: 1,
  failover: 2,
  system: 3,
  mesh: 3.5,
  storage: 3.5,
  config: 3.5,
  observability: 3.5,
  fencing: 3.5,
  resources: 3.5,
  node: 4,
  // Below the node, which speaks its language; it imports lib and system only.
  guardian: 3.8,
  operator: 5,
  dashboard: 5.5,
  cli: 6,
  'main.ts': 7,
  'holdfast.js': 8,
};

/** Imports within a layer, or against it for types only, that the design names. */
const ALLOWED: ReadonlySet<string> = new Set([
  'membership→cluster',
  'resources→fencing',
  'resources→config',
  'mesh→config',
]);

/** One file of a module that others may import although the module stands above them. */
const PUBLIC_TYPES: ReadonlySet<string> = new Set(['src/operator/api.ts']);

const PURE: readonly string[] = [
  'src/lib/',
  'src/raft/',
  'src/cluster/',
  'src/membership/',
  'src/failover/',
  'src/fencing/protocol/',
  'src/resources/ordering.ts',
];

const IMPURITIES: readonly (readonly [RegExp, string])[] = [
  [/from 'node:/, 'a node: import (move the IO to an adapter and pass the result in)'],
  [/\bDate\b\s*[.(]|new Date/, 'Date (take `now` as an argument)'],
  [/\bMath\.random\b/, 'Math.random (take a `Random` as an argument)'],
  [/\bset(Timeout|Interval|Immediate)\b/, 'a timer (answer with a deadline)'],
  [/\bprocess\./, 'process (pass what is needed in)'],
  [/\bconsole\./, 'console (emit an effect)'],
  [/\basync\b|\bawait\b|\bPromise\b/, 'async code (answer with an effect; the driver awaits)'],
  [/\bperformance\./, 'performance (take `now` as an argument)'],
];

/** Files whose purpose is a port that adapters implement asynchronously. */
const PORTS: ReadonlySet<string> = new Set(['src/lib/clock.ts', 'src/raft/log-store.ts']);

type Source = { readonly path: string; readonly text: string };

function walk(directory: string): string[] {
  return readdirSync(join(root, directory), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? walk(join(directory, entry.name)) : [join(directory, entry.name)],
  );
}

function moduleOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function importsOf(source: Source): string[] {
  return [...source.text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) =>
    normalize(join(dirname(source.path), match[1] ?? '')),
  );
}

function directionProblems(source: Source): string[] {
  const from = moduleOf(source.path);
  return importsOf(source).flatMap((target) => {
    const to = moduleOf(target);
    if (from === to || PUBLIC_TYPES.has(target) || ALLOWED.has(`${from}→${to}`)) return [];
    const [low, high] = [LAYERS[to], LAYERS[from]];
    if (low === undefined || high === undefined) return [`${source.path}: unknown module ${to}`];
    if (from === 'guardian' && to !== 'lib' && to !== 'system')
      return [`${source.path}: the guardian imports lib and system only, not ${to}`];
    return low < high ? [] : [`${source.path}: ${from} must not import ${to} (layers go down)`];
  });
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"])\/\/.*$/gm, '$1');
}

function purityProblems(source: Source): string[] {
  if (!PURE.some((prefix) => source.path.startsWith(prefix))) return [];
  if (PORTS.has(source.path) || !source.path.endsWith('.ts')) return [];
  const text = withoutComments(source.text);
  return IMPURITIES.filter(([pattern]) => pattern.test(text)).map(
    ([, instead]) => `${source.path}: is pure, yet uses ${instead}`,
  );
}

function nativeProblems(source: Source): string[] {
  if (!source.path.startsWith('src/') || source.path.startsWith('src/system/')) return [];
  if (source.path === 'src/holdfast.js') return [];
  const native = /from '(node:child_process|koffi)'|import\('(node:child_process|koffi)'\)/;
  return native.test(source.text)
    ? [`${source.path}: child processes and native calls belong to src/system`]
    : [];
}

/** One list that is read as a whole (STYLE rule 5): long, and without any logic. */
const CATALOGUES: ReadonlySet<string> = new Set(['src/lib/problems.ts']);

function sizeProblems(source: Source): string[] {
  const lines = source.text.split('\n');
  const long = lines.findIndex((line) => line.length > 120);
  const limit = source.path.startsWith('src/') ? 400 : 500;
  const tooLong = lines.length > limit && !CATALOGUES.has(source.path);
  return [
    ...(tooLong ? [`${source.path}: ${lines.length} lines, split before ${limit}`] : []),
    ...(long >= 0 ? [`${source.path}:${long + 1}: a line of more than 120 characters`] : []),
  ];
}

function styleProblems(source: Source): string[] {
  const opening = /^(#!.*\n)?\/(\*\*|\/)/;
  const banned = /(Manager|Handler|Service|Helper|Util)(s)?\.ts$|(^|\/)(util|utils|helpers)\//i;
  return [
    ...(source.path.startsWith('src/') && !opening.test(source.text) && !hasDocOnTop(source.text)
      ? [`${source.path}: open with a comment that says what the file is`]
      : []),
    ...(banned.test(source.path) ? [`${source.path}: name it after what it is`] : []),
    ...(/catch\s*(\([^)]*\))?\s*\{\s*\}/.test(source.text)
      ? [`${source.path}: an empty catch: say why nothing is done`]
      : []),
  ];
}

/** Imports may stand before the opening comment. */
function hasDocOnTop(text: string): boolean {
  const rest = text.replace(/^(import[\s\S]*?;\n)+/, '').trimStart();
  return rest.startsWith('/**');
}

const WORKPLACE = [
  ['/wo', 'rk/'].join(''),
  ['registry.', 'npmjs'].join(''),
  ['/tmp/', 'hf'].join(''),
];

function workplaceProblems(source: Source): string[] {
  return WORKPLACE.filter((word) => source.text.includes(word)).map(
    (word) => `${source.path}: names a place of one machine: ${word}`,
  );
}

const CHECKS = [
  directionProblems,
  purityProblems,
  nativeProblems,
  sizeProblems,
  styleProblems,
  workplaceProblems,
] as const;

const CODE = /\.(ts|js|mjs)$/;
const read = (path: string): Source => ({ path, text: readFileSync(join(root, path), 'utf8') });
const sources = ['src', 'test', 'benchmarks', 'config', 'docker']
  .filter((name) => existsSync(join(root, name)))
  .flatMap(walk)
  .map((path) => relative(root, join(root, path)));

describe('the tree', () => {
  it('keeps every rule of the house', () => {
    const problems = sources.flatMap((path) => {
      const source = read(path);
      if (!CODE.test(path)) return workplaceProblems(source);
      if (path.startsWith('src/')) return CHECKS.flatMap((check) => check(source));
      return [...sizeProblems(source), ...workplaceProblems(source)];
    });
    expect(problems).toEqual([]);
  });

  it('has one page for each module', () => {
    const modules = readdirSync(join(root, 'src')).filter((name) =>
      statSync(join(root, 'src', name)).isDirectory(),
    );
    const missing = modules.filter((name) => !sources.includes(`src/${name}/README.md`));
    expect(missing).toEqual([]);
  });
});

describe('each rule reports a file that breaks it', () => {
  const cases: readonly (readonly [string, Source, RegExp])[] = [
    [
      'an import that goes up',
      { path: 'src/raft/x.ts', text: "/** x */\nimport { a } from '../mesh/mesh.ts';" },
      /must not import mesh/,
    ],
    [
      'a guardian that knows too much',
      { path: 'src/guardian/x.ts', text: "/** x */\nimport { a } from '../raft/types.ts';" },
      /lib and system only/,
    ],
    [
      'a clock in pure code',
      { path: 'src/raft/x.ts', text: '/** x */\nexport const t = Date.now();' },
      /is pure/,
    ],
    [
      'a process started outside src/system',
      { path: 'src/node/x.ts', text: "/** x */\nimport { spawn } from 'node:child_process';" },
      /belong to src\/system/,
    ],
    [
      'a file without an opening comment',
      { path: 'src/raft/x.ts', text: 'export const a = 1;' },
      /open with a comment/,
    ],
    [
      'a swallowed error',
      { path: 'src/node/x.ts', text: '/** x */\ntry { a(); } catch {}' },
      /empty catch/,
    ],
    [
      'a path of one machine',
      { path: 'src/node/x.ts', text: `/** x */\nconst p = '${WORKPLACE[0]}x';` },
      /one machine/,
    ],
    ['a long file', { path: 'src/node/x.ts', text: `/** x */${'\n'.repeat(500)}` }, /split before/],
  ];
  it.each(cases)('%s', (_name, source, expected) => {
    expect(CHECKS.flatMap((check) => check(source)).join('\n')).toMatch(expected);
  });
});
