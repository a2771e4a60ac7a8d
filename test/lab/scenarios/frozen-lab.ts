/**
 * A small laboratory in the most awkward state: one node frozen. Says its namespace, run directory
 * and pids, and stays until it is killed. The scenario `leftovers` starts it as a process of its
 * own.
 */

import { KernelLab } from '../kernel/index.ts';

const lab = new KernelLab();
await lab.up({ nodes: 1, memoryMb: 256 });
lab.client.spawn(['sleep', '600']);
lab.guest(1).freeze();
console.log(JSON.stringify({ namespace: lab.namespace, directory: lab.directory }));
setInterval(() => {}, 60_000);
