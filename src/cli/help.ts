/**
 * The deeper half of the help: after the options of each command what it does to the cluster, and how
 * it is used; after those of the program, exit statuses and environment. Kept to what a page holds.
 */
import type { Command } from 'commander';
import { EXIT_WORDS } from './exit-codes.ts';

/** Words of the command → what stands below its options. */
export const DEPTH: Readonly<Record<string, string>> = {
  run: `Runs until SIGTERM or SIGINT; then its groups are handed over in order. Every key of the
configuration that differs per machine can also be said by a flag, or by HOLDFAST_NODE,
HOLDFAST_DATA_DIRECTORY, HOLDFAST_SOCKET, HOLDFAST_LOG_LEVEL; a flag counts most.

  holdfast run --config /etc/holdfast/holdfast.yaml --node node1`,
  init: `Writes the key and the configuration of a cluster of one, and starts nothing. Others come in with
\`holdfast invite\` and \`holdfast join\`. On a terminal it asks for what the flags do not say.

  holdfast init --cluster shop --node node1 --data-directory /var/lib/holdfast \\
    --address lan-a=10.1.0.1:7400 --address lan-b=10.2.0.1:7400`,
  'config check': `Finds every fault in one pass, each with line, column, cause and remedy, and asks nothing of the
machine. Exit status 5 when anything is wrong; warnings alone give 0.`,
  status: `Without --current it answers at once from what this node knows, and says STALE when no majority
was heard. A group that is not served says why; \`holdfast why GROUP\` says more.`,
  why: `Each sentence names the entry of the history that proves it (#1036); "now" marks what this node
merely sees. For a group that is not served the remedies follow.

  holdfast why ledger
  holdfast why node2`,
  doctor: `Looks, changes nothing: clocks, interconnects (separate cards, subnets, switches), real-time
scheduling, watchdog, ports, versions; with --config also the reservations of every disk on every
path, journals and the data directory. Exit status 1 when anything fails.`,
  timeline: `The clocks of two nodes are never compared: a phase on another node begins where its cause ended.

  holdfast timeline ledger --last 3
  holdfast timeline --svg failover.svg`,
  history: `The newest 512 entries are kept, the same on every node. Orders carry who gave them (name and uid)
and why (--because).

  holdfast history --group ledger --limit 20`,
  watch: `--after INDEX begins with what the history has since that entry, on any node: nothing is missed and
nothing comes twice. --status draws the status anew in place of a line for each event.`,
  move: `The owner stops the group in order and the other node takes it over; clients are interrupted
meanwhile. Refused, with the reason, where no node could take it.

  holdfast move ledger node2 --because 'new firmware on node1'`,
  standby: `What it runs is handed over in order, and nothing is started there until \`holdfast online\`.

  holdfast standby node1 --because 'new memory'
  holdfast standby --group ledger`,
  maintenance: `What runs is left alone, and nothing is started, stopped or moved, whatever fails. For work on the
cluster itself; \`holdfast online\` ends it.`,
  leave: `Gives up its groups, then its vote, then its place. Its name and number are never given again.`,
  invite: `The token works once, for one node, and is shown only now. Whoever has it may join in its place.

  holdfast invite --node node4 --expires 15m`,
  join: `Asks the members of the token, writes the configuration, and says how to start the daemon.

  holdfast join - --node node4 --data-directory /var/lib/holdfast \\
    --address lan-a=10.1.0.4:7400 --address lan-b=10.2.0.4:7400 < token`,
  recover: `Only when the majority is lost for good: entries that only the lost nodes had are gone, and a lost
node that comes back must not be started with its old data. Without --force nothing is done.`,
  dashboard: `The link that it prints is a key: whoever has it can do what you can. The page is reached on this
machine only; from elsewhere: ssh -L 8080:127.0.0.1:8080 NODE, and --port 8080.`,
  problems: `The same table stands in src/lib/PROBLEMS.md.

  holdfast problems NO_QUORUM`,
  completion: `  bash: holdfast completion bash > /etc/bash_completion.d/holdfast
  zsh:  holdfast completion zsh > "\${fpath[1]}/_holdfast"
  fish: holdfast completion fish > ~/.config/fish/completions/holdfast.fish`,
};

const ENVIRONMENT = `Environment:
  HOLDFAST_SOCKET          socket of the daemon, where --socket is not given
  HOLDFAST_NODE            which member this is, for run, recover and config check
  HOLDFAST_DATA_DIRECTORY  in place of data-directory:
  HOLDFAST_LOG_LEVEL       in place of log: level:
  NO_COLOR                 no colour`;

export function addDepth(program: Command): void {
  const statuses = Object.entries(EXIT_WORDS).map(
    ([status, words]) => `  ${status.padEnd(4)}${words}`,
  );
  program.addHelpText('after', `\nExit status:\n${statuses.join('\n')}\n\n${ENVIRONMENT}`);
  for (const command of program.commands) deepen(command, command.name());
}

function deepen(command: Command, words: string): void {
  const text = DEPTH[words];
  if (text !== undefined) command.addHelpText('after', `\n${text}`);
  for (const one of command.commands) deepen(one, `${words} ${one.name()}`);
}
