/**
 * Asks a real disk what changes nothing, and prints each answer's kind: `node ask-runner.ts ADAPTER
 * DEVICE`. For guests of the laboratory, where the way to the disk may be dead.
 */
import { ADAPTERS, openFenceDevice } from '../../src/fencing/devices/choose.ts';

const [name, device = ''] = process.argv.slice(2);
const adapter = ADAPTERS.find((candidate) => candidate === name);
if (adapter === undefined) throw new Error(`adapter ${name} is not one of ${ADAPTERS.join(', ')}`);

// Longer than the kernel holds a command for a session that does not answer.
const timeoutMs = 60_000;
const signal = AbortSignal.timeout(2 * timeoutMs);
const disk = await openFenceDevice({ device, adapter, initiator: 'unused', timeoutMs });
const [path = ''] = await disk.paths();
const answers: Record<string, string> = {};
for (const kind of ['read-keys', 'test-unit-ready', 'read-reservation'] as const) {
  answers[kind] = (await disk.execute({ kind, path }, signal)).kind;
}
answers['identity'] = await disk.identity(signal).then(
  () => 'known',
  (error: { readonly code?: string }) => error.code ?? String(error),
);
answers['capabilities'] = await disk.capabilities(signal).then(
  () => 'known',
  (error: { readonly code?: string }) => error.code ?? String(error),
);
await disk.close();
process.stdout.write(`${JSON.stringify(answers)}\n`);
