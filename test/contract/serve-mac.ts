/**
 * One node of a stage: serves an address (on a virtual MAC, or on the device itself) with a lease of a minute
 * until it is killed, and answers frames that are not IP: `node serve-mac.ts mac|plain DEVICE ADDRESS/PREFIX`.
 * Prints a line when it serves.
 */
import { virtualMacDevice } from '../../src/resources/agents/virtual-mac.ts';
import { monotonicClock as clock } from '../../src/system/clock.ts';
import { link } from '../../src/system/network.ts';
import { addressOn, filter, floatingIp, lease, virtualMac } from '../resources/stories/labs.ts';
import { contextOf, resource } from '../resources/support/definitions.ts';
import { answerFrames } from '../resources/support/ether.ts';

const [how = '', device = '', address = ''] = process.argv.slice(2);
const mac = resource('virtual-mac', { parent: device }, { name: 'mac' });
// The same cluster on both nodes of the stage: the MAC address follows from its name.
const context = contextOf({ clusterId: 'stage', resources: [mac] });
const definition =
  how === 'mac' ? resource('floating-ip', { address, on: 'mac' }) : addressOn(device, address);
if (how === 'mac') await virtualMac.start(mac, context);
const serving = how === 'mac' ? virtualMacDevice('mac', context) : device;
answerFrames(link(serving), clock);
await lease(address);
const outcome = await floatingIp.start(definition, context);
process.stdout.write(`${JSON.stringify({ ...outcome, mac: link(serving).mac })}\n`);
setInterval(() => void filter.open([address], clock.now() + 60_000), 10_000);
