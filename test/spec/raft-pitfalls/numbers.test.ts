/** Each of the 36 pitfalls has a test, and its name says where the pitfall was met. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** Where each was met; one of these stands in the name of a test of that number. */
const SOURCES: readonly (readonly [number, RegExp])[] = [
  [1, /etcd#8499|etcd#9333|etcd#9352/],
  [2, /Cloudflare 2020-11-02/],
  [3, /cockroach#104042|cockroach#107060/],
  [4, /etcd#8501|etcd#8243|etcd#9586|etcd#10355/],
  [5, /openraft#1796/],
  [6, /openraft#2080/],
  [7, /openraft#2111/],
  [8, /redpanda#30817/],
  [9, /hashicorp\/raft#605|hashicorp\/raft#606/],
  [10, /canonical\/raft#196/],
  [11, /ClickHouse\/NuRaft#134/],
  [12, /d-engine#352|nomad#10437/],
  [13, /cockroach#79699|cockroach#92991/],
  [14, /hashicorp\/raft#503|etcd#13527/],
  [15, /OmniPaxos/],
  [16, /NodeDB#161|raft-java#57|PySyncObj#202|robustmq#2039|hashicorp\/raft#661/],
  [17, /CCF#8094|octo-im#42/],
  [18, /databend#16175/],
  [19, /coyote-samples#8/],
  [20, /LogCabin#44/],
  [21, /etcd#13967|etcd#13766/],
  [22, /etcd#21190|etcd#18347|etcd#21694/],
  [23, /Ongaro on raft-dev 2015/],
  [24, /etcd#7280|etcd#5004|etcd#7625|etcd-io\/raft#456/],
  [25, /etcd#12359/],
  [26, /camunda#60086/],
  [27, /openraft#1808/],
  [28, /etcd#10864/],
  [29, /etcd-io\/raft#372/],
  [30, /etcd raft doc\.go/],
  [31, /etcd raft doc\.go/],
  [32, /nebula#1769/],
  [33, /etcd#7331|etcd#14258/],
  [34, /etcd#20418|etcd#21399|etcd-io\/raft#397/],
  [35, /sofa-jraft#34|tikv#964/],
  [36, /raft-rs#144|hashicorp\/raft#581|redpanda#24404/],
];

const folder = fileURLToPath(new URL('.', import.meta.url));
const text = readdirSync(folder)
  .filter((name) => name.endsWith('.test.ts') && name !== 'numbers.test.ts')
  .map((name) => readFileSync(`${folder}/${name}`, 'utf8'))
  .join('\n');

/** Names of tests, with their numbers; groups of tests are not tests. */
function namesIn(source: string): readonly { readonly number: number; readonly name: string }[] {
  const found = source.matchAll(/(\w+)?\(\s*'(pitfall (\d+): [^']+)'/g);
  return [...found].flatMap(([, kind, name = '', number]) =>
    kind === 'describe' ? [] : [{ number: Number(number), name }],
  );
}

/** Numbers without a test that names a source of theirs. */
function missingIn(source: string): readonly number[] {
  const names = namesIn(source);
  const has = (number: number, met: RegExp): boolean =>
    names.some((one) => one.number === number && met.test(one.name));
  return SOURCES.filter(([number, met]) => !has(number, met)).map(([number]) => number);
}

test('each number from 1 to 36 has a test that names its source', () => {
  expect(SOURCES.map(([number]) => number)).toEqual(Array.from({ length: 36 }, (_, i) => i + 1));
  expect(missingIn(text)).toEqual([]);
});

test('no test has a number that is not in the list', () => {
  const strangers = namesIn(text).filter(({ number }) => number < 1 || number > 36);
  expect(strangers).toEqual([]);
});

test('control: a number whose test is taken away, or names no source, is missing', () => {
  expect(missingIn(text.replaceAll('pitfall 17: ', 'a case: '))).toEqual([17]);
  expect(missingIn(text.replaceAll('openraft#1808', 'somewhere'))).toEqual([27]);
  expect(missingIn(`describe('pitfall 1: a group (etcd#8499)', () => {})`)).toContain(1);
});
