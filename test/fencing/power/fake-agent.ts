/**
 * A fence agent as a program, and the machine behind it: a shell script that keeps to
 * FenceAgentAPI.md, except where a test tells it not to.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PowerDevice } from '../../../src/fencing/power/plan.ts';

/**
 * `answers` holds one line for each run: `good`, `lies` (says done and does nothing), `breaks` (does
 * it and says that it failed), `fails`, `hangs`. Without a line it is good.
 */
const SCRIPT = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
action=; plug=main
while IFS= read -r line; do
  echo "$line" >> told
  case $line in action=*) action=\${line#action=} ;; plug=*) plug=\${line#plug=} ;; esac
done
echo "$plug $action" >> runs
[ "$action" = metadata ] && { echo '<resource-agent name="fake"/>'; exit 0; }
how=$(head -n 1 answers 2>/dev/null); sed -i 1d answers 2>/dev/null
case $how in
  hangs) exec sleep 600 ;;
  fails) echo "board: no route" >&2; exit 1 ;;
esac
case $action in
  status) [ "$(cat "power-$plug" 2>/dev/null)" = off ] && exit 2; exit 0 ;;
  off|on) [ "$how" = lies ] || echo "$action" > "power-$plug"; [ "$how" = breaks ] && exit 1; exit 0 ;;
  *) exit 1 ;;
esac
`;

export class FakeAgent {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async make(): Promise<FakeAgent> {
    const agent = new FakeAgent(await mkdtemp(join(tmpdir(), 'holdfast-power-')));
    await writeFile(agent.program, SCRIPT);
    await chmod(agent.program, 0o755);
    return agent;
  }

  get program(): string {
    return join(this.directory, 'fence_fake');
  }

  async answers(...how: readonly string[]): Promise<void> {
    await writeFile(join(this.directory, 'answers'), how.map((each) => `${each}\n`).join(''));
  }

  /** `PLUG ACTION` of each run. */
  async runs(): Promise<readonly string[]> {
    const text = await readFile(join(this.directory, 'runs'), 'utf8').catch(() => ''); // none yet
    return text.split('\n').filter((line) => line !== '');
  }

  async told(): Promise<string> {
    return await readFile(join(this.directory, 'told'), 'utf8');
  }

  device(fields: Partial<PowerDevice> = {}): PowerDevice {
    return {
      program: this.program,
      options: {},
      level: 1,
      delayMs: 0,
      retries: 1,
      retryDelayMs: 0,
      timeoutMs: 10_000,
      verify: true,
      ...fields,
    };
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true });
  }
}
