/**
 * The one place that knows how the daemon and its command line are started in a guest. Everything
 * is a shell text that runs in the guest, where HOLDFAST_ROOT is the repository and `node` is the
 * repository's own.
 */

export const daemonFiles = {
  /** In the guest's overlay: gone at power loss, written again at each start. */
  config: '/etc/holdfast/holdfast.yaml',
  /** On the guest's own disk: it survives power loss, as term and vote must. */
  state: '/var/lib/holdfast',
  socket: '/run/holdfast/holdfast.sock',
} as const;

/** Becomes the daemon: `exec`ed, so that the shell's pid is the daemon's. */
export const daemonCommand = `node $HOLDFAST_ROOT/src/holdfast.js run --config ${daemonFiles.config}`;

export const statusCommand = `node $HOLDFAST_ROOT/src/holdfast.js status --json --socket ${daemonFiles.socket}`;

/** Stays up and answers, and is no daemon: proves that the runtime works where the daemon will run. */
export const emptyDaemonCommand = `node -e '
const say = () => console.log("empty daemon", process.version);
require("node:net").createServer((s) => s.end(process.version)).listen(7999, "0.0.0.0", say);'`;
