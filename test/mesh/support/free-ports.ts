/** Ports on the loopback that nobody uses: a member's address must be known before it listens. */
import { createServer } from 'node:net';

/** Each port is free on the given host at the moment of asking; all of them are different. */
export async function freePorts(host: string, count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(host)));
  const ports = servers.map(({ port }) => port);
  await Promise.all(servers.map(({ close }) => close()));
  return ports;
}

function listen(host: string): Promise<{ port: number; close: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const close = (): Promise<void> => new Promise((closed) => server.close(() => closed()));
      resolve({ port, close });
    });
  });
}
