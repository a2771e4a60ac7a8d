/** What can be undone without the daemon: plain data for the guardian, executed by `system/undo.ts`. */
import type { Route } from './routes.ts';

export type Teardown =
  /** Removes the address from the packet filter's set: it falls silent at once. */
  | { readonly kind: 'block-address'; readonly group: string; readonly address: string }
  | { readonly kind: 'delete-address'; readonly device: string; readonly address: string }
  | { readonly kind: 'delete-link'; readonly device: string }
  | { readonly kind: 'delete-route'; readonly route: Route }
  | { readonly kind: 'kill-cgroup'; readonly path: string }
  /** `startTicks` is field 22 of /proc/PID/stat: a reused pid is never killed. */
  | {
      readonly kind: 'kill-process-group';
      readonly pid: number;
      readonly startTicks: number;
    }
  | { readonly kind: 'unmount-lazily'; readonly path: string }
  /** For what only a program can undo; it ends with status 0 when all is down. K=V in `environment`. */
  | {
      readonly kind: 'run-command';
      readonly argv: readonly string[];
      readonly environment: readonly string[];
    }
  /** Embedded demo only: withdraw a port from the emulated network segment. */
  | {
      readonly kind: 'withdraw-port';
      readonly segment: string;
      readonly address: string;
      readonly node: string;
    };
