/**
 * `npm run containers [-- COMMAND …]`: an engine, the base image and our own image; then the command
 * (without one: the end-to-end tests of this folder) with the environment in which it finds them; then
 * everything is taken away again. Status 0 with a printed reason where there can be no engine.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Engine } from './engine/engine.ts';
import { buildImage, buildPreviousImage, ensureBaseImage, IMAGE, root } from './engine/images.ts';
import { whyNoEngine } from './engine/packages.ts';

const began = performance.now();
const say = (line: string): void => {
  console.error(`${((performance.now() - began) / 1_000).toFixed(0).padStart(4)} s  ${line}`);
};

const VITEST = [join(root, 'node_modules/.bin/vitest'), 'run'];

function run(argv: readonly string[], environment: object): Promise<number> {
  const [file = '', ...words] = argv;
  const child = spawn(file, words, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => child.kill(signal));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

const why = process.env['DOCKER_HOST'] === undefined ? whyNoEngine() : null;
if (why !== null) say(`not run: ${why}`);
else {
  const engine = await Engine.start(say);
  try {
    say(`engine: ${engine.host}`);
    ensureBaseImage(engine, say);
    buildImage(engine, say);
    say('image built');
    const previous = await buildPreviousImage(engine, say);
    const words = process.argv.slice(2);
    process.exitCode = await run(words.length === 0 ? VITEST : words, {
      ...engine.environment,
      VITEST_CONTAINERS: '1',
      HOLDFAST_IMAGE: IMAGE,
      ...(previous === null ? {} : { HOLDFAST_PREVIOUS_IMAGE: previous }),
      ...(engine.namespace === null ? {} : { HOLDFAST_ENGINE_NAMESPACE: engine.namespace }),
      TESTCONTAINERS_RYUK_DISABLED: 'true',
    });
  } finally {
    await engine.stop();
    say('engine gone');
  }
}
