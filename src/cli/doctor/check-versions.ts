/** Programs and kernel: new enough, of one version, and there at all. */
import { type Findings, findingsOf } from './finding.ts';

export type VersionFacts = {
  readonly command: string;
  /** null: no daemon answers. */
  readonly daemon: string | null;
  readonly node: string;
  readonly kernel: string;
  /** Programs that a failover calls; what is missing, each with the package of Debian that has it. */
  readonly missing: readonly { readonly program: string; readonly package: string }[];
};

const LEAST_NODE = 24;
/** nft_set timeouts in milliseconds, cgroup.kill (5.14). */
const LEAST_KERNEL = [5, 14] as const;

export function checkVersions(facts: VersionFacts): Findings {
  const { good, warning, failure } = findingsOf('versions');
  const { command, daemon, node, kernel, missing } = facts;
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  const old = major < LEAST_KERNEL[0] || (major === LEAST_KERNEL[0] && minor < LEAST_KERNEL[1]);
  const nodeMajor = Number.parseInt(node.replace(/^v/, ''), 10);
  return [
    ...(daemon !== null && daemon !== command
      ? [
          warning(
            `the daemon has version ${daemon}, this command ${command}`,
            'restart the daemon: `holdfast maintenance NODE`, restart, `holdfast online NODE`',
          ),
        ]
      : [good(`holdfast ${command}`)]),
    nodeMajor < LEAST_NODE
      ? failure(`Node ${node} is too old`, `install Node ${LEAST_NODE} or newer`)
      : good(`Node ${node}`),
    old
      ? warning(`Linux ${kernel}: cgroup.kill is missing`, 'use 5.14 or newer')
      : good(`Linux ${kernel}`),
    ...missing.map(({ program, package: name }) =>
      failure(`the program ${program} is missing`, `apt-get install ${name}`),
    ),
  ];
}
