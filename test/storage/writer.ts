/** Writes batch after batch until it is killed, and says when each is durable. */
import { LevelLogStore } from '../../src/storage/level-log-store.ts';
import { batch, command } from './entries.ts';

const store = await LevelLogStore.open({
  directory: process.argv[2] ?? '',
  clusterId: 'alpha',
  node: 'a',
});
for (let index = 1; index < 100_000; index += 1) {
  const hardState = { term: index, votedFor: 'a', commitIndex: index - 1 };
  await store.append(batch(index, { hardState, entries: [command(index, index)] }));
  process.stdout.write(`${index}\n`);
}
