/**
 * `holdfast recover`: the majority is lost for good, and one survivor is made a cluster of its own.
 * Offline, on the store of a node whose daemon does not run. Without `--force` nothing is changed,
 * and the operator reads what would be given up.
 */
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { membersInOrder } from '../cluster/queries.ts';
import { HoldfastError } from '../lib/error.ts';
import { EPOCH_JUMP, recover as recoverStore, type Survey, survey } from '../storage/recovery.ts';
import type { CommandContext } from './command.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { renderTable } from './table.ts';
import { paint, type Terminal } from './terminal.ts';

export type RecoverOptions = {
  readonly config: string;
  readonly node?: string | undefined;
  readonly dataDirectory?: string | undefined;
  readonly show?: boolean | undefined;
  readonly force?: boolean | undefined;
};

type Lines = readonly string[];

/** @throws {HoldfastError} RECOVER_*, DATA_DIRECTORY_LOCKED while the daemon runs. */
export async function recover(context: CommandContext, options: RecoverOptions): Promise<ExitCode> {
  const { over, overridesOf } = await import('../config/environment.ts');
  const { loadConfig } = await import('../config/load.ts');
  const { node: wanted, dataDirectory } = options;
  const config = await loadConfig(
    options.config,
    over({ node: wanted, dataDirectory }, overridesOf(process.env)),
  );
  const { clusterId, node } = config;
  const store = { directory: join(config.dataDirectory, 'log'), clusterId, node };
  const { terminal } = context;
  const before = await survey(store);
  if (options.show === true) return print(context, before, renderSurvey(terminal, before));
  if (options.force !== true) {
    if (!context.json) {
      context.print([...renderSurvey(terminal, before), '', ...renderWarning(terminal, before)]);
    }
    throw new HoldfastError('RECOVER_NOT_FORCED', facts(before));
  }
  if (!context.json) context.print(renderWarning(terminal, before));
  const after = await recoverStore(store, operatorName());
  return print(context, after, renderDone(terminal, before, after));
}

function print(context: CommandContext, found: Survey, lines: Lines): ExitCode {
  if (context.json) context.printJson({ ok: true, ...facts(found) });
  else context.print(lines);
  return EXIT.ok;
}

/** What a script compares between survivors: the greatest last term, then the greatest last index. */
function facts(found: Survey) {
  const { clusterId, node, term, lastIndex, lastTerm, commitIndex, configuration, state } = found;
  const groups = Object.values(state.groups).map(({ definition, owner, epoch, phase }) => {
    return { group: definition.group, owner, epoch, phase };
  });
  return {
    clusterId,
    node,
    term,
    lastTerm,
    lastIndex,
    commitIndex,
    configuration,
    members: membersInOrder(state).map(({ member }) => member.node),
    lastEpoch: state.lastEpoch,
    mode: state.mode,
    groups,
  };
}

function renderSurvey(terminal: Terminal, found: Survey): Lines {
  const { configuration, state } = found;
  const { node, clusterId, term, lastTerm, lastIndex, commitIndex } = found;
  const voters = [...new Set([...configuration.voters, ...configuration.outgoing])];
  const groups = Object.values(state.groups).map(({ definition, phase, owner, epoch }) => [
    definition.group,
    phase,
    owner ?? 'nobody',
    String(epoch),
  ]);
  return [
    paint(terminal, 'bold', `what ${node} remembers of cluster ${clusterId}`),
    `  its log ends at term ${lastTerm}, index ${lastIndex}; its term is ${term}`,
    `  it knows that everything up to index ${commitIndex} was committed; the rest may have been`,
    `  members ${membersInOrder(state)
      .map(({ member }) => member.node)
      .join(', ')}; voters ${voters.join(', ')}; last epoch ${state.lastEpoch}`,
    ...(groups.length === 0
      ? ['  no groups']
      : renderTable(terminal, ['  GROUP', 'PHASE', 'OWNER', 'EPOCH'], groups.map(indented))),
    'of several survivors, recover the one whose log ends at the greatest term, then index: run',
    '`holdfast recover --show` on each of them',
  ];
}

function indented([first = '', ...rest]: readonly string[]): readonly string[] {
  return [`  ${first}`, ...rest];
}

function renderWarning(terminal: Terminal, { node, state, lastIndex }: Survey): Lines {
  const lost = membersInOrder(state)
    .map(({ member }) => member.node)
    .filter((other) => other !== node);
  const names = lost.join(', ');
  return [
    paint(terminal, 'alarm', `RECOVERY GIVES UP ${names}.`),
    `- ${names} must be OFF FOR GOOD, unplugged or erased. If they only cannot be reached from here,`,
    '  they go on serving, and there will be two clusters that do not know of each other.',
    `- What they committed and ${node} never received is lost: everything behind index ${lastIndex}.`,
    `- ${names} are removed: none of them comes back, but as a new node with a new invitation.`,
    `- The epochs jump by ${EPOCH_JUMP}, so that no disk holds a reservation of a newer epoch.`,
    '- Nothing is served until you say so: the cluster will be under maintenance.',
  ];
}

function renderDone(terminal: Terminal, before: Survey, after: Survey): Lines {
  const { node, term, lastIndex, state } = after;
  return [
    '',
    paint(terminal, 'bold', `${node} is a cluster of its own now`),
    `  term ${before.term} -> ${term}, index ${before.lastIndex} -> ${lastIndex}`,
    `  last epoch ${before.state.lastEpoch} -> ${state.lastEpoch}`,
    'next: start its daemon, look at `holdfast status`, and when everything is as it should be:',
    '  holdfast online --cluster',
    'then bring new nodes in: `holdfast invite` here, `holdfast join` there',
  ];
}

/** For the history. */
function operatorName(): string {
  try {
    return process.env['SUDO_USER'] ?? userInfo().username;
  } catch {
    // A user without an entry in the password file has no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
