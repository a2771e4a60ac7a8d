/** Status 0 when somebody answers a frame that is not IP: `node ask-frame.ts DEVICE MAC`. */
import { monotonicClock as clock } from '../../../src/system/clock.ts';
import { link } from '../../../src/system/network.ts';
import { asksFrame } from './ether.ts';

const [device = '', mac = ''] = process.argv.slice(2);
process.exit((await asksFrame(link(device), mac, { clock, timeoutMs: 1_000 })) ? 0 : 1);
