/**
 * Plays the daemon that is about to die: starts a guardian, arms it with the message in its argument,
 * prints the guardian's pid once that is acknowledged, and waits.
 */
import { known } from '../../../src/lib/assert.ts';
import { GuardianProcess } from './guardian-process.ts';

const guardian = await GuardianProcess.start();
guardian.write(`${known(process.argv[2], 'a message')}\n`);
await guardian.armed(1);
process.stdout.write(`${guardian.pid}\n`);
setInterval(() => {}, 60_000);
