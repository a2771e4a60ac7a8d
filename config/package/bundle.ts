/**
 * The program as it is installed: `holdfast.js` (everything, one file), `guardian.js` (small, so that
 * it starts at once and outlives the daemon in little memory), `emulated-storage.js` (a disk for the
 * demonstration), and beside them the two native modules, which no bundler can take in.
 *
 * The native code is that of the machine it is built on.
 */
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(join(root, 'package.json'));

const ENTRIES = {
  holdfast: 'src/holdfast.js',
  guardian: 'src/guardian/main.ts',
  'emulated-storage': 'src/fencing/devices/emulated/main.ts',
} as const;

/** Packages written before there were ES modules ask for `require`, also when they are bundled. */
const BANNER = [
  "import { createRequire as holdfastRequire } from 'node:module';",
  'const require = holdfastRequire(import.meta.url);',
  "const __filename = new URL(import.meta.url).pathname, __dirname = __filename.replace(/[^/]+$/, '');",
].join('\n');

/** Of koffi, what runs: not its C++ sources, documentation and other C libraries. */
const RUN = /\.(c?js|json|node)$|LICENSE/;
const NOT_RUN = /\/(vendor|doc|lib|musl_[^/]+)$/;

const DATABASE_BINDING = './native/classic-level.node';

/** The database looks for its native half beside its own sources, which are gone. */
const databaseBinding: Plugin = {
  name: 'database-binding',
  setup({ onLoad }) {
    onLoad({ filter: /classic-level[\\/]binding\.js$/ }, () => ({
      contents: `module.exports = require('${DATABASE_BINDING}')`,
    }));
  },
};

export type Bundle = {
  readonly version: string;
  readonly outDirectory: string;
  /** Whose sources: this checkout's, or another's that uses the same packages. */
  readonly source?: string;
};

/** Builds into `outDirectory`, which is emptied first. `version` is what the program says of itself. */
export async function bundle({ version, outDirectory, source = root }: Bundle): Promise<void> {
  rmSync(outDirectory, { recursive: true, force: true });
  await build({
    absWorkingDir: source,
    entryPoints: { ...ENTRIES },
    outdir: outDirectory,
    bundle: true,
    platform: 'node',
    format: 'esm',
    // Also an older Node must be able to read it, to say that it is too old.
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'warning',
    banner: { js: BANNER },
    define: { HOLDFAST_BUNDLED_VERSION: JSON.stringify(version) },
    external: [DATABASE_BINDING, 'koffi'],
    plugins: [databaseBinding],
  });
  chmodSync(join(outDirectory, 'holdfast.js'), 0o755);
  copyNatives(outDirectory);
  copyPage(outDirectory);
}

/** What `src/dashboard/assets.ts` gives out to browsers; it takes the types out itself. */
const PAGE = ['dashboard/page', 'observability/chart', 'observability/story', 'lib'] as const;

function copyPage(outDirectory: string): void {
  for (const folder of PAGE) {
    cpSync(join(root, 'src', folder), join(outDirectory, 'web', folder), {
      recursive: true,
      filter: (path) => statSync(path).isDirectory() || /\.(ts|css|html)$/.test(path),
    });
  }
}

export function packageVersion(): string {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
}

function copyNatives(outDirectory: string): void {
  const { arch } = process;
  const database = dirname(require.resolve('classic-level/package.json', { paths: levelPaths() }));
  const native = join(outDirectory, 'native');
  mkdirSync(native);
  const file = arch === 'arm64' ? 'classic-level.armv8.node' : 'classic-level.node';
  cpSync(join(database, 'prebuilds', `linux-${arch}`, file), join(outDirectory, DATABASE_BINDING));
  const modules = join(root, 'node_modules');
  for (const name of ['koffi', `@koromix/koffi-linux-${arch}`]) {
    cpSync(join(modules, name), join(outDirectory, 'node_modules', name), {
      recursive: true,
      filter: (path) => (statSync(path).isDirectory() ? !NOT_RUN.test(path) : RUN.test(path)),
    });
  }
}

function levelPaths(): string[] {
  return [dirname(require.resolve('level/package.json'))];
}
