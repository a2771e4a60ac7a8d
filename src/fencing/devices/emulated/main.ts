/**
 * The emulated storage as a process: `node main.ts --listen ADDRESS --lun NAME=IDENTITY … [--file
 * PATH]`. Prints one line of JSON with the address when it listens; SIGTERM ends it. Demo and tests
 * only.
 */
import { parseArgs } from 'node:util';
import { monotonicClock } from '../../../system/clock.ts';
import { DEFAULT_TARGET, type TargetOptions } from './commands.ts';
import { DiskServer } from './server.ts';

const { values } = parseArgs({
  options: {
    listen: { type: 'string', default: '127.0.0.1:0' },
    lun: { type: 'string', multiple: true, default: ['0=naa.6001405000000000'] },
    file: { type: 'string' },
    blocks: { type: 'string', default: '65536' },
    'write-delay-ms': { type: 'string', default: '0' },
  },
});

const disks: Record<string, TargetOptions> = {};
for (const lun of values.lun) {
  const [name = '0', identity = `t10.EMULATED ${name}`] = lun.split('=');
  disks[name] = { ...DEFAULT_TARGET, identity };
}
const server = new DiskServer({
  address: values.listen,
  disks,
  file: values.file ?? null,
  blocks: Number(values.blocks),
  writeDelayMs: Number(values['write-delay-ms']),
  clock: monotonicClock,
});
const address = await server.start();
process.stdout.write(`${JSON.stringify({ listening: address })}\n`);
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void server.stop());
}
