/** A valid configuration, and small edits of its text that make it wrong in one place. */
import { checkConfig } from '../../src/config/load.ts';

export const VALID = `cluster: lab
node: node1
data-directory: /var/lib/holdfast
socket: /run/holdfast/holdfast.sock
profile: fast
interconnects: [lan-a, lan-b]
members:
  - name: node1
    number: 1
    peer-id: 12D3KooWKz233y1CGbsaU8Mpjus92eA4kqrCJdRoBZ7xkmD9ZuTn
    addresses: { lan-a: "10.1.0.1:7400", lan-b: "10.2.0.1:7400" }
  - name: node2
    number: 2
    peer-id: 12D3KooWAyMhqQvqYvv7t1SvUmDvyUH9Fiis1AHQt1F61HVL5Bsj
    addresses: { lan-a: "10.1.0.2:7400", lan-b: "10.2.0.2:7400" }
  - name: node3
    number: 3
    peer-id: 12D3KooWPj2z5pohryCFgBZtJPFe19iMkpacEaTQbcVbVUruCUwo
    addresses: { lan-a: "10.1.0.3:7400", lan-b: "10.2.0.3:7400" }
groups:
  - name: ledger
    preferred: [node1, node2]
    resources:
      - name: disk
        type: disk
        parameters:
          identity: naa.6001405000000001
      - name: data
        type: filesystem
        parameters:
          disk: disk
          directory: /srv/ledger
          type: ext4
          options: [noatime]
      - name: mac
        type: virtual-mac
        parameters:
          parent: { per-node: { node1: eth0, node2: eth0, node3: enp3s0 } }
          mac: "02:00:5e:10:00:01"
      - name: address
        type: floating-ip
        parameters:
          address: 192.0.2.10/24
          on: mac
      - name: app
        type: application
        needs: [data, address]
        start-timeout: 20s
        parameters:
          command: [/usr/bin/ledger]
          environment: { PORT: 7000 }
          readiness: { tcp: "192.0.2.10:7000" }
`;

/** The text with `from` replaced, which must stand in it exactly once unless `all` is said. */
export function edited(from: string, to: string, text = VALID): string {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${JSON.stringify(from)}: ${parts.length - 1} times`);
  return parts.join(to);
}

/**
 * Every fault as `CODE path @ what stands at its line and column`, so that a test shows that the
 * place is the right one without counting lines.
 */
export function faultsOf(text: string, severity = 'error'): readonly string[] {
  const lines = text.split('\n');
  return checkConfig('lab.yaml', text)
    .faults.filter((fault) => fault.severity === severity)
    .map(({ code, line, column, path }) => {
      const rest = (lines[line - 1] ?? '').slice(column - 1);
      return `${code} ${path} @ ${rest.split(/[,\]}]|: |$/)[0]?.slice(0, 60)}`;
    });
}

export function detailsOf(text: string): readonly string[] {
  return checkConfig('lab.yaml', text).faults.map((fault) => fault.detail);
}
