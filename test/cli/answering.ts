/** A socket with a daemon behind it that is all answers, made anew for each test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { createOperatorServer, type OperatorServer } from '../../src/operator/server.ts';
import { FakeDaemon } from '../operator/fake-daemon.ts';

export type Answering = {
  /** Of the socket, and for whatever else a test writes; gone after it. */
  readonly directory: string;
  readonly socket: string;
  readonly daemon: FakeDaemon;
  /** From then on nobody answers. */
  stop(): Promise<void>;
};

/** To be called where hooks may be set; what it answers changes with each test. */
export function answeringDaemon(): Answering {
  let directory = '';
  let daemon = new FakeDaemon();
  let server: OperatorServer | null = null;
  const socket = (): string => join(directory, 'holdfast.sock');
  const stop = async (): Promise<void> => await server?.stop();

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
    daemon = new FakeDaemon();
    server = createOperatorServer({ daemon, socketPath: socket() });
    await server.start();
  });
  afterEach(async () => {
    await stop();
    rmSync(directory, { recursive: true, force: true });
  });

  return {
    get directory() {
      return directory;
    },
    get socket() {
      return socket();
    },
    get daemon() {
      return daemon;
    },
    stop,
  };
}
