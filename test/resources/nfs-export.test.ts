/**
 * The contract on an `exportfs` that only keeps the table: the kernels of laboratories have no NFS server.
 * What exportfs(8) itself does is not shown here.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { NfsExportAgent } from '../../src/resources/agents/nfs-export.ts';
import { monotonicClock as clock } from '../../src/system/clock.ts';
import { PacketFilter } from '../../src/system/packet-filter.ts';
import { undo } from '../../src/system/undo.ts';
import { RESOURCE_AGENT_CONTRACT, reset } from '../contract/resource-agent.ts';
import { contextOf, resource } from './support/definitions.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-nfs-'));
afterAll(() => rmSync(root, { recursive: true }));

const table = join(root, 'etab');
const nfsd = join(root, 'nfsd');
const EXPORTFS = `#!/bin/sh
table=${table}; touch $table
case "$1" in
  -s) cat $table ;;
  -u) grep -vxF "$(grep -F "\${2#*:}  \${2%%:*}(" $table)" $table > $table.new; mv $table.new $table ;;
  -i) case "$3" in *reject*) echo "exportfs: unknown keyword" >&2; exit 1 ;; esac
      grep -qF "\${4#*:}  \${4%%:*}(" $table || echo "\${4#*:}  \${4%%:*}($3)" >> $table ;;
esac
`;
const exportfs = join(root, 'exportfs');
const agent = new NfsExportAgent({ exportfs, nfsd });
const definition = resource('nfs-export', {
  directory: join(root, 'data'),
  clients: ['192.0.2.0/24', '*.example.net'],
  options: ['rw', 'sync', 'fsid=7'],
});
const context = contextOf();

beforeEach(() => {
  mkdirSync(join(root, 'data'), { recursive: true });
  mkdirSync(nfsd, { recursive: true });
  writeFileSync(exportfs, EXPORTFS, { mode: 0o755 });
  writeFileSync(join(nfsd, 'threads'), '8\n');
});

describe('an NFS export', () => {
  it.each(RESOURCE_AGENT_CONTRACT)('$name', async (clause) => {
    const filter = new PacketFilter({ clusterId: 'none', clock });
    const signal = new AbortController().signal;
    const lab = {
      agent,
      definition,
      context,
      lease: async () => {},
      undo: (item: Parameters<typeof undo>[0]) =>
        undo(item, { filter, clock, timeoutMs: 20_000, signal }),
      holds: true,
    };
    await reset(lab);
    await clause.run(lab);
  });

  it('drops the locks that the kernel holds for clients when it goes', async () => {
    await agent.start(definition, context);
    await agent.stop(definition, context);
    expect(readFileSync(join(nfsd, 'unlock_filesystem'), 'utf8')).toBe(join(root, 'data'));
  });

  it('needs a server that runs, on the owner and on every node that may become one', async () => {
    writeFileSync(join(nfsd, 'threads'), '0\n');
    expect(await agent.fitness(definition, context)).toMatchObject({ code: 'NFS_SERVER_DOWN' });
    expect(await agent.start(definition, context)).toMatchObject({ status: 5 });
    rmSync(nfsd, { recursive: true });
    expect(await agent.fitness(definition, context)).toMatchObject({ code: 'NFS_SERVER_DOWN' });
  });

  it('that the server refuses is told in its words', async () => {
    const refused = {
      ...definition,
      parameters: { ...definition.parameters, options: ['reject', 'fsid=7'] },
    };
    const outcome = await agent.start(refused, context);
    expect(outcome).toMatchObject({ code: 'EXPORT_REFUSED', detail: 'exportfs: unknown keyword' });
  });

  it('without fsid= is refused: a file handle must mean the same on every node', async () => {
    const loose = { ...definition, parameters: { ...definition.parameters, options: ['rw'] } };
    expect(await agent.validateAll(loose)).toMatchObject({ code: 'RESOURCE_MISCONFIGURED' });
  });
});
