/** `node write-cache-runner.ts DEVICE`: the disk whose cache is not flushed, as JSON. For guests. */
import { hiddenCache } from '../../src/system/write-cache.ts';

const [device = ''] = process.argv.slice(2);
const found = await hiddenCache(device, AbortSignal.timeout(60_000));
process.stdout.write(`${JSON.stringify(found)}\n`);
