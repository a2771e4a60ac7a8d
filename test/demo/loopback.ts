/**
 * Addresses on loopback that nobody else uses. On Linux all of 127.0.0.0/8 is this machine, so each
 * cluster of a process gets an address of its own, and its ports lie below those that the kernel
 * gives to outgoing connections: a node that starts again finds its ports free, however busy the
 * machine is. Elsewhere there is one address, and free ports are asked for.
 */
import { createServer } from 'node:net';

/** Below `net.ipv4.ip_local_port_range`, above what needs a privilege. */
const FIRST_PORT = 7_400;
let clusters = 0;

/** `count` endpoints `host:port`, each once. */
export async function freeEndpoints(count: number): Promise<readonly string[]> {
  if (process.platform !== 'linux') {
    return (await freePorts(count)).map((port) => `127.0.0.1:${port}`);
  }
  const host = ownHost(process.pid);
  const first = FIRST_PORT + clusters * count;
  clusters += 1;
  return Array.from({ length: count }, (_, i) => `${host}:${first + i}`);
}

/** Process ids have at most 22 bits: 7, 8 and 7 of them, none of them in 127.0.0.0/16. */
function ownHost(pid: number): string {
  return `127.${1 + ((pid >> 15) & 0x7f)}.${(pid >> 7) & 0xff}.${((pid & 0x7f) << 1) | 1}`;
}

/** All are held until the last is found, so that none is given out twice. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  return await Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      await new Promise((resolve) => server.close(resolve));
      return typeof address === 'object' && address !== null ? address.port : 0;
    }),
  );
}
