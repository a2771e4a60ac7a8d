/**
 * `node service.js PORT`: the application of the example. It says who serves and in which epoch, and
 * ends at once when it is asked to: there is nothing to be written.
 */
import { createServer } from 'node:http';

const { HOLDFAST_GROUP, HOLDFAST_NODE, HOLDFAST_EPOCH, HOLDFAST_REASON } = process.env;
const answer = {
  group: HOLDFAST_GROUP,
  node: HOLDFAST_NODE,
  epoch: Number(HOLDFAST_EPOCH),
  reason: HOLDFAST_REASON,
};
const server = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(`${JSON.stringify(answer)}\n`);
});
server.listen(Number(process.argv[2] ?? 8080), '0.0.0.0');
process.on('SIGTERM', () => process.exit(0));
