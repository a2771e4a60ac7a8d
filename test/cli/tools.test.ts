/** What helps beside the cluster: codes, completion, help, a beginning. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { completionScript } from '../../src/cli/completion.ts';
import { EXIT, EXIT_WORDS } from '../../src/cli/exit-codes.ts';
import { DEPTH } from '../../src/cli/help.ts';
import { frame } from '../../src/cli/live.ts';
import { problemTable } from '../../src/cli/problems.ts';
import { createProgram } from '../../src/cli/program.ts';
import { PROBLEMS } from '../../src/lib/problems.ts';
import { holdfast } from './holdfast.ts';

const program = createProgram(
  '0',
  () => undefined,
  () => Promise.reject(new Error('no daemon is started here')),
);
let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-tools-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const source = (path: string): string =>
  readFileSync(new URL(`../../src/${path}`, import.meta.url), 'utf8');

describe('the table of codes', () => {
  it('is current (else: node src/holdfast.js problems --markdown > src/lib/PROBLEMS.md)', () => {
    expect(source('lib/PROBLEMS.md')).toBe(`${problemTable()}\n`);
  });

  it('has a row for each code, with cause and remedy', () => {
    const rows = problemTable()
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    expect(rows).toHaveLength(Object.keys(PROBLEMS).length);
    for (const row of rows) expect(row).toMatch(/^\| `[A-Z0-9_]+` \| .{8,} \| .{8,} \| \d+ \|$/);
  });

  it('one code is explained, and one that there is not is refused', async () => {
    const { code, stdout } = await holdfast(['problems', 'no_quorum']);
    expect(code).toBe(EXIT.ok);
    expect(stdout).toMatch(/^NO_QUORUM\n {2}cause: .*\n {2}remedy: .*\n {2}exit status: 6/);
    expect((await holdfast(['problems', 'NONSENSE'])).code).toBe(EXIT.usage);
  });
});

describe('exit statuses', () => {
  it('stand in the page of the folder and in the help, each of them', async () => {
    const page = source('cli/README.md');
    const { stdout } = await holdfast(['--help']);
    for (const status of Object.values(EXIT)) {
      expect(page).toMatch(new RegExp(`^\\| ${status} +\\|`, 'm'));
      expect(stdout).toContain(`  ${String(status).padEnd(4)}${EXIT_WORDS[status]}`);
    }
  });
});

describe('the help', () => {
  it('goes deeper only for commands that there are', () => {
    const words = program.commands.flatMap((command) => [
      command.name(),
      ...command.commands.map((one) => `${command.name()} ${one.name()}`),
    ]);
    expect(Object.keys(DEPTH).filter((key) => !words.includes(key))).toEqual([]);
    for (const text of Object.values(DEPTH)) {
      for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    }
  });

  it('of a command has an example', async () => {
    expect((await holdfast(['move', '--help'])).stdout).toContain('holdfast move ledger node2');
  });
});

describe('completion', () => {
  /** What bash offers for these words, the last of which is being typed. */
  function offered(words: readonly string[]): readonly string[] {
    const script = join(directory, 'completion.bash');
    writeFileSync(script, completionScript(program, 'bash'));
    // Stands for the daemon: the script asks a `holdfast` for names.
    const stub = 'holdfast() { [ "$2" = nodes ] && echo node1 node2 || echo ledger; }';
    const line = ['holdfast', ...words].map((word) => `'${word}'`).join(' ');
    const run = `${stub}; source ${script}; COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _holdfast
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', run], { encoding: 'utf8' }).trim().split('\n');
  }

  it.each<readonly [readonly string[], readonly string[]]>([
    [['time'], ['timeline']],
    [['config', ''], ['check']],
    [['move', 'le'], ['ledger']],
    [
      ['standby', 'node'],
      ['node1', 'node2'],
    ],
    [['standby', '--gr'], ['--group']],
    [['standby', '--group', ''], ['ledger']],
    [['timeline', '--sv'], ['--svg']],
    [['nonsense', 'x'], ['']],
  ])('bash offers for %j', (words, wanted) => {
    expect(offered(words)).toEqual(wanted);
  });

  it('knows every command, and none that is hidden', () => {
    const script = completionScript(program, 'bash');
    for (const name of ['doctor', 'why', 'dashboard', 'init']) expect(script).toContain(name);
    expect(offered([''])).not.toContain('complete-names');
  });

  it.each(['zsh', 'fish'] as const)('%s reads its script', (shell) => {
    const script = join(directory, 'script');
    writeFileSync(script, completionScript(program, shell));
    const { error, status, stderr } = spawnSync(shell, ['-n', script], { encoding: 'utf8' });
    if (error !== undefined) console.log(`completion for ${shell}: not tried, it is not here`);
    else expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(readFileSync(script, 'utf8')).toContain('timeline');
  });

  it('for a shell that there is not is refused', async () => {
    expect((await holdfast(['completion', 'tcsh'])).code).toBe(EXIT.usage);
  });

  it('offers no names, and no complaint, where no daemon answers', async () => {
    const ended = await holdfast(['complete-names', 'nodes', '--socket', '/nowhere.sock']);
    expect(ended).toEqual({ code: EXIT.ok, stdout: '', stderr: '' });
  });
});

describe('init', () => {
  const words = (...more: string[]): string[] => [
    ...['init', '--cluster', 'shop', '--node', 'node1', '--data-directory', join(directory, 'd')],
    ...['--address', 'lan-a=127.0.0.1:7400', '--address', 'lan-b=127.0.1.1:7400', ...more],
  ];

  it('makes a key and a configuration that is good, and says what comes next', async () => {
    const { code, stdout, stderr } = await holdfast(words());
    expect({ code, stderr }).toEqual({ code: EXIT.ok, stderr: '' });
    const path = join(directory, 'd', 'holdfast.yaml');
    expect(stdout).toContain(`holdfast run --config ${path}`);
    expect(stdout).toContain('holdfast join TOKEN');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await holdfast(['config', 'check', path])).code).toBe(EXIT.ok);
    const again = await holdfast(words('--json'));
    expect(again.stdout).toContain('CONFIG_EXISTS');
  });

  it.each([
    ['no name', ['init', '--address', 'a=127.0.0.1:1', '--address', 'b=127.0.1.1:1'], 2, 'USAGE'],
    ['one interconnect', ['init', '--cluster', 'c', '--node', 'n'], 2, 'USAGE'],
  ])('with %s where nobody can be asked writes nothing', async (_what, argv, code, problem) => {
    const more = ['--data-directory', join(directory, 'none'), '--json'];
    const ended = await holdfast([...argv, ...more]);
    expect(ended.code).toBe(code);
    expect(ended.stdout).toContain(problem);
  });

  it('with what the daemon would refuse writes nothing', async () => {
    const argv = words('--profile', 'reckless', '--json');
    const { code, stdout } = await holdfast(argv);
    expect(code).toBe(EXIT.configuration);
    expect(stdout).toContain('CONFIG_INVALID');
    expect(() => statSync(join(directory, 'd', 'holdfast.yaml'))).toThrow('ENOENT');
  });
});

describe('a status on the wall', () => {
  it('is drawn over itself and cut where the screen ends', () => {
    const drawn = frame(['one', 'two', 'three'], 3);
    expect(drawn).toBe('\u001b[Hone\u001b[K\ntwo\u001b[K\n\u001b[J');
  });
});
