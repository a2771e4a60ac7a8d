/**
 * A container engine for the tests: the one that answers already, or one of our own in a network
 * namespace (`engine.sh`), which touches no rule, bridge or service of this machine and leaves nothing.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ensureEnginePackages } from './packages.ts';

const SCRIPT = fileURLToPath(new URL('engine.sh', import.meta.url));
/** Images need a place that is on a disk and takes overlays; a temporary file system may be neither. */
const PLACE = '/var/tmp';
const END_LIMIT_MS = 60_000;

export class Engine {
  /** As DOCKER_HOST. */
  readonly host: string;
  /** The network namespace that its bridges are in; null: this one. */
  readonly namespace: string | null;
  readonly #process: ChildProcess | null;

  private constructor(host: string, namespace: string | null, process: ChildProcess | null) {
    this.host = host;
    this.namespace = namespace;
    this.#process = process;
  }

  static async start(say: (line: string) => void): Promise<Engine> {
    const host = process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock';
    if (answers(host)) return new Engine(host, null, null);
    ensureEnginePackages(say);
    const directory = mkdtempSync(join(PLACE, 'holdfast-engine-'));
    const namespace = `hfe${process.pid}`;
    // In a group of its own: a Ctrl-C at the terminal must not reach what cleans up.
    const child = spawn('sh', [SCRIPT, namespace, directory], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    });
    child.stdin.on('error', () => undefined); // it ended: `exit` says so
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', () => resolve());
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the engine ended with status ${code}`)));
    });
    return new Engine(`unix://${directory}/docker.sock`, namespace, child);
  }

  get environment(): Readonly<Record<string, string | undefined>> {
    return { ...process.env, DOCKER_HOST: this.host, DOCKER_BUILDKIT: '0' };
  }

  /** Runs the engine's command line; answers its standard output. */
  docker(words: readonly string[], input?: Buffer): string {
    return execFileSync('docker', [...words], {
      env: this.environment,
      encoding: 'utf8',
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      maxBuffer: 64 * 1024 * 1024,
      ...(input === undefined ? {} : { input }),
    }).trim();
  }

  /** Ends it and everything in it; one that was there before goes on. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const late = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
    child.stdin?.end();
    await ended;
    clearTimeout(late);
  }
}

function answers(host: string): boolean {
  const environment = { ...process.env, DOCKER_HOST: host };
  return spawnSync('docker', ['version'], { env: environment, stdio: 'ignore' }).status === 0;
}
