/**
 * `holdfast doctor`: looks at everything a failover will need on this machine, and says what to do.
 * It changes nothing (but for a small file in the data directory that it removes), and works with a
 * daemon, without one, and without a configuration; what cannot be known then is said to be unknown.
 */
import { connect } from 'node:net';
import { ASSUMED } from '../../config/times.ts';
import type { NodeConfig } from '../../config/types.ts';
import type { ClusterStatus } from '../../operator/api.ts';
import { releaseVersion } from '../../system/release.ts';
import type { CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { paint, type Style, type Terminal } from '../terminal.ts';
import { wrapped } from '../wrap.ts';
import { checkAddresses } from './check-addresses.ts';
import { checkClocks } from './check-clocks.ts';
import { checkData } from './check-data.ts';
import { checkInterconnects } from './check-interconnects.ts';
import { checkJournals } from './check-journals.ts';
import { checkPorts } from './check-ports.ts';
import { checkQuorum, type QuorumFacts } from './check-quorum.ts';
import { checkReservations } from './check-reservations.ts';
import { checkScheduling } from './check-scheduling.ts';
import { checkVersions } from './check-versions.ts';
import { checkWatchdog } from './check-watchdog.ts';
import type { Findings, Level } from './finding.ts';
import { diskFacts, journalFacts } from './measure-disks.ts';
import {
  clockFacts,
  dataFacts,
  kernelText,
  schedulingFacts,
  versionFacts,
  watchdogFacts,
} from './measure-machine.ts';
import { interconnectFacts, portFacts } from './measure-network.ts';

export type DoctorOptions = {
  readonly config?: string | undefined;
  readonly node?: string | undefined;
};

export async function doctor(context: CommandContext, options: DoctorOptions): Promise<ExitCode> {
  const status = await statusOf(context);
  const config = await configOf(options, status);
  const pid = status === null ? null : await daemonPid(context.client.socketPath);
  const findings = await examine(status, config, pid);
  const failures = findings.filter(({ level }) => level === 'failure').length;
  if (context.json) context.printJson({ ok: failures === 0, findings });
  else context.print(renderFindings(context.terminal, findings));
  return failures === 0 ? EXIT.ok : EXIT.refused;
}

/** null: no daemon answers, which the checks say in their own words. */
async function statusOf({ client }: CommandContext): Promise<ClusterStatus | null> {
  return await client.get<ClusterStatus>('/v1/status').then(
    ({ data }) => data,
    () => null,
  );
}

/** @throws HoldfastError as `loadConfig`, where a file is named. */
async function configOf(
  { config, node }: DoctorOptions,
  status: ClusterStatus | null,
): Promise<NodeConfig | null> {
  if (config === undefined) return null;
  const { loadConfig } = await import('../../config/load.ts');
  return await loadConfig(config, { node: node ?? status?.node, anyNode: true });
}

async function examine(
  status: ClusterStatus | null,
  config: NodeConfig | null,
  pid: number | null,
): Promise<Findings> {
  const members = status?.members ?? config?.members ?? [];
  const self = status?.node ?? config?.node;
  const own = members.find(({ node }) => node === self)?.addresses;
  const groups = config?.groups ?? [];
  const types = groups.flatMap(({ resources }) => resources.map(({ type }) => type));
  const unguarded = groups
    .filter(({ resources }) => !resources.some(({ type }) => type === 'disk'))
    .map(({ group }) => group);
  const version = releaseVersion();
  const arpIgnore = await kernelText('/proc/sys/net/ipv4/conf/all/arp_ignore');
  return [
    ...checkQuorum(quorumFacts(status)),
    ...checkVersions(await versionFacts(version, status?.version ?? null, types)),
    ...checkClocks(await clockFacts()),
    ...checkScheduling(await schedulingFacts(pid, config?.profile ?? null)),
    ...checkWatchdog(await watchdogFacts(pid, unguarded)),
    ...(own === undefined ? [] : checkInterconnects(await interconnectFacts(own))),
    ...checkPorts(await portFacts(members)),
    ...checkAddresses({
      floating: types.includes('floating-ip'),
      arpIgnore: arpIgnore === null ? null : Number(arpIgnore),
    }),
    ...(config === null
      ? []
      : checkData(await dataFacts(config.dataDirectory, ASSUMED[config.profile].syncMs))),
    ...checkReservations(
      config?.clusterId ?? '',
      config === null ? [] : await diskFacts(config, status),
    ),
    ...(config === null ? [] : checkJournals(await journalFacts(config))),
  ];
}

function quorumFacts(status: ClusterStatus | null): QuorumFacts {
  if (status === null) return { cluster: null };
  const voters = status.members.filter(({ raft }) => raft !== 'learner' && raft !== 'none');
  const heard = voters.filter(({ state, self }) => self || state === 'alive').length;
  return {
    cluster: { voters: voters.length, heard, quorate: status.quorate, why: status.why },
  };
}

/** The process that listens on the socket, as the kernel knows it. */
async function daemonPid(socketPath: string): Promise<number | null> {
  const { peerCredentials } = await import('../../system/peer-credentials.ts');
  return await new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('error', () => resolve(null));
    socket.once('connect', () => {
      try {
        resolve(peerCredentials(socket).pid);
      } catch {
        // Native calls do not work here: the class of the daemon stays unknown.
        resolve(null);
      } finally {
        socket.destroy();
      }
    });
  });
}

const STYLES: Readonly<Record<Level, Style>> = {
  good: 'green',
  unknown: 'dim',
  warning: 'yellow',
  failure: 'red',
};

const MARGIN = 2 + 'failure'.length + 2 + 'interconnects'.length + 2;

/** The worst last, where the eye of whoever called it is. */
export function renderFindings(terminal: Terminal, findings: Findings): readonly string[] {
  const levels: readonly Level[] = ['good', 'unknown', 'warning', 'failure'];
  const lines = levels.flatMap((level) =>
    findings
      .filter((one) => one.level === level)
      .flatMap(({ check, text, advice }) => {
        const words = [text, ...(advice === '' ? [] : [`→ ${advice}`])];
        const rows = words.flatMap((each) => wrapped(each, terminal.width - MARGIN));
        return rows.map((row, at) => {
          const mark = at === 0 ? level : '';
          const name = at === 0 ? check : '';
          const head = paint(terminal, STYLES[level], mark.padEnd(9));
          return `  ${head}${name.padEnd(15)}${row}`;
        });
      }),
  );
  const count = (level: Level): number => findings.filter((one) => one.level === level).length;
  const total = `${count('failure')} failures, ${count('warning')} warnings, ${count('unknown')} unknown`;
  return [...lines, '', total];
}
