/**
 * Starts a floating address and holds its lease for so long and no longer, as an owner does whose
 * machine then stands still: `node serve-address.ts DEVICE ADDRESS/PREFIX LEASE-MS`.
 */
import { monotonicClock as clock } from '../../src/system/clock.ts';
import { addressOn, filter, floatingIp } from '../resources/stories/labs.ts';
import { contextOf } from '../resources/support/definitions.ts';

const [device = '', address = '', leaseMs = ''] = process.argv.slice(2);
await filter.open([address], clock.now() + Number(leaseMs));
const outcome = await floatingIp.start(addressOn(device, address), contextOf());
process.stdout.write(`${JSON.stringify(outcome)}\n`);
setInterval(() => {}, 60_000);
