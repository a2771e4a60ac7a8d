/** What a test needs of the machine; where it is missing the test is skipped and says why. */
import { spawnSync } from 'node:child_process';

function reasonAgainstNetworks(): string | null {
  if (process.getuid?.() !== 0) return 'needs root for a network namespace of its own';
  const probe = spawnSync('unshare', ['-n', 'nft', 'add', 'table', 'inet', 'probe'], {
    timeout: 20_000,
  });
  return probe.status === 0 ? null : 'needs unshare(1), nft(8) and a kernel with nf_tables';
}

/** Null when network namespaces and packet filters can be used here. */
export const noNetworks = reasonAgainstNetworks();
if (noNetworks !== null) process.stderr.write(`tests of networks are skipped: ${noNetworks}\n`);
