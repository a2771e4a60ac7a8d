/**
 * In place of ssh where there is none: `wire.ts listen PORT COMMAND…` serves one connection with a
 * command's standard input and output and ends; `wire.ts connect HOST PORT` is its other end.
 */
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';

const [role, ...rest] = process.argv.slice(2);
if (role === 'listen') {
  const [port, ...command] = rest;
  const server = createServer((socket) => {
    server.close();
    const [file = '', ...args] = command;
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    socket.pipe(child.stdin);
    child.stdout.pipe(socket);
    // The other end may be gone already: the command sees its input end either way.
    for (const stream of [socket, child.stdin]) stream.on('error', () => child.stdin.end());
  });
  server.listen(Number(port), () => process.stdout.write('listening\n'));
} else {
  const [host = '', port] = rest;
  const socket = connect({ host, port: Number(port) });
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);
}
