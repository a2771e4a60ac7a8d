/**
 * `node client.ts HOST:PORT [--clients N] [--answer-timeout-ms N] [--acknowledged FILE]`: load
 * generators and a prober as one process, for a laboratory that runs it where its clients are. It
 * is told by lines on its standard input and answers with one JSON line each: `status`, `stop` (no
 * more appends), `verify`. It says each outage by itself.
 */

import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { LoadGenerator, listAll } from './load-generator.ts';
import { Prober } from './prober.ts';
import { compare } from './verify.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clients: { type: 'string', default: '2' },
    'answer-timeout-ms': { type: 'string', default: '300' },
    acknowledged: { type: 'string' },
  },
});
const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(positionals[0] ?? '') ?? [];
if (host === undefined) {
  process.stderr.write('usage: client.ts HOST:PORT [--clients N]\n');
  process.exit(2);
}
const endpoint = { host, port: Number(port) };
const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

const loads = Array.from(
  { length: Number(values.clients) },
  (_, i) =>
    new LoadGenerator({
      ...endpoint,
      client: `${process.pid}-${i}`, // A name of its own: an earlier run's records are not its business.
      answerTimeoutMs: Number(values['answer-timeout-ms']),
      ...(values.acknowledged === undefined ? {} : { acknowledgedFile: values.acknowledged }),
      onOutage: (outage) => say({ event: 'outage', client: i, ...outage }),
    }),
);
const prober = new Prober(endpoint);

function status(): object {
  return {
    acknowledged: loads.reduce((sum, load) => sum + load.acknowledged, 0),
    outages: loads.flatMap((load) => load.outages),
    probes: prober.answers.count,
    owners: prober.answers.owners,
    violations: prober.answers.violations,
  };
}

async function obey(line: string): Promise<void> {
  switch (line.trim()) {
    case 'status':
      return say({ event: 'status', ...status() });
    case 'stop':
      await Promise.all([...loads, prober].map((part) => part.stop()));
      return say({ event: 'stopped', ...status() });
    case 'verify': {
      const listed = await listAll(endpoint, 30_000);
      return say({
        event: 'verdict',
        ...compare(
          loads.flatMap((load) => load.sent),
          listed,
        ),
      });
    }
    default:
      return say({ event: 'error', detail: `not known: ${line}` });
  }
}

for (const part of [...loads, prober]) part.start();
say({ event: 'started', clients: loads.length });
let last: Promise<void> = Promise.resolve();
for await (const line of createInterface({ input: process.stdin })) {
  last = last
    .then(() => obey(line))
    .catch((error) => say({ event: 'error', detail: String(error) }));
}
await last;
process.exit(0);
