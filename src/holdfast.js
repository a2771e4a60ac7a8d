#!/usr/bin/env node
/**
 * The command `holdfast`. It is JavaScript so that any Node can read it: on an older one it looks
 * for the Node of the project (the npm package `node`) and goes on with that.
 *
 * Node runs TypeScript as it is, but refuses to below node_modules; a package must be bundled. What
 * the bundler replaces (`config/package/bundle.ts`) is `HOLDFAST_BUNDLED_VERSION`.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const LEAST_NODE = 24;
/** EX_UNAVAILABLE of sysexits.h: neither a cluster nor a configuration is to blame. */
const UNAVAILABLE = 69;

/**
 * Commands to disks and writes of the log share one pool of threads; a dead disk must not take the
 * log's turn. Read once by libuv, when the pool is first used.
 */
const THREADS = '32';
process.env['UV_THREADPOOL_SIZE'] ??= THREADS;

// Not defined, that is, in a checkout.
const bundled = typeof HOLDFAST_BUNDLED_VERSION === 'string';
const here = fileURLToPath(import.meta.url);
const major = Number(process.versions.node.split('.')[0]);

if (!bundled && /[\\/]node_modules[\\/]/.test(here)) {
  fail(
    'holdfast is installed below node_modules without being bundled, and Node does not run TypeScript there',
    'install a bundled package, or run it from a checkout: git clone, npm install, node src/holdfast.js',
  );
} else if (major >= LEAST_NODE) {
  const { runCommandLine } = await import('./cli/main.ts');
  await runCommandLine(process.argv.slice(2), () => import('./main.ts'));
} else {
  const node = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
  if (existsSync(node)) goOnWith(node);
  else {
    fail(
      `holdfast needs Node ${LEAST_NODE} or newer; this is ${process.versions.node}`,
      'run `npm install` beside package.json, which brings the right one, or install a newer Node',
    );
  }
}

/** @param {string} node */
function goOnWith(node) {
  const args = [here, ...process.argv.slice(2)];
  // Takes the place of this process, with its pid and signals, where this Node can do that.
  if (typeof process.execve === 'function') process.execve(node, [node, ...args], process.env);
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('error', (error) =>
    fail(`${node} cannot be run: ${error.message}`, 'run `npm install`'),
  );
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (signal === 'SIGKILL' ? 9 : 15);
  });
}

/**
 * @param {string} cause
 * @param {string} remedy
 */
function fail(cause, remedy) {
  process.stderr.write(`${cause}\n  remedy: ${remedy}\n`);
  process.exitCode = UNAVAILABLE;
}
