/**
 * The whole environment that an OCF agent may count on, as Pacemaker gives it, so that agents need
 * not know who runs them.
 *
 * OCF_RA_VERSION_MAJOR must be there, or the shell functions of `resource-agents` take the caller for
 * an init script. A probe is a monitor with the interval 0. Messages go to standard error, and the
 * reason of a failure comes with a prefix there.
 *
 * Reference: OCF Resource Agent API 1.1, "Environment Variables"; Pacemaker Administration, "Resource
 * Agents"; /usr/lib/ocf/lib/heartbeat/ocf-directories.
 */
import type { Millis } from '../../../lib/ids.ts';

export type OcfAction = 'start' | 'stop' | 'monitor' | 'validate-all' | 'meta-data';

export type OcfCall = {
  readonly root: string;
  readonly provider: string;
  readonly type: string;
  readonly instance: string;
  readonly node: string;
  readonly action: OcfAction;
  readonly parameters: Readonly<Record<string, string>>;
  readonly timeoutMs: Millis;
  /** 0 for everything but a recurring monitor: a probe. */
  readonly intervalMs: Millis;
  readonly checkLevel: number;
};

/** Scratch files of agents; gone after a reboot. */
export const OCF_SCRATCH = '/run/resource-agents';
export const REASON_PREFIX = 'ocf-exit-reason:';
/** Of Pacemaker 2.1: agents ask for features by it. */
const FEATURE_SET = '3.16.2';

export function ocfEnvironment(call: OcfCall): Readonly<Record<string, string>> {
  const parameters = Object.fromEntries(
    Object.entries(call.parameters).map(([name, value]) => [`OCF_RESKEY_${name}`, value]),
  );
  return {
    ...parameters,
    OCF_ROOT: call.root,
    OCF_RA_VERSION_MAJOR: '1',
    OCF_RA_VERSION_MINOR: '1',
    OCF_RESOURCE_INSTANCE: call.instance,
    OCF_RESOURCE_PROVIDER: call.provider,
    OCF_RESOURCE_TYPE: call.type,
    OCF_CHECK_LEVEL: String(call.checkLevel),
    OCF_OUTPUT_FORMAT: 'text',
    OCF_EXIT_REASON_PREFIX: REASON_PREFIX,
    OCF_RESKEY_crm_feature_set: FEATURE_SET,
    OCF_RESKEY_CRM_meta_name: call.action,
    OCF_RESKEY_CRM_meta_timeout: String(Math.round(call.timeoutMs)),
    OCF_RESKEY_CRM_meta_interval: String(Math.round(call.intervalMs)),
    OCF_RESKEY_CRM_meta_on_node: call.node,
    OCF_RESKEY_CRM_meta_on_node_uuid: call.node,
    HA_RSCTMP: OCF_SCRATCH,
    HA_LOGTAG: call.instance,
    // Neither syslog nor a file: everything goes to standard error, which is kept.
    HA_LOGFACILITY: 'none',
    HA_LOGFILE: '',
    HA_DEBUGLOG: '',
  };
}

/** The agent's own reason, if it gave one; else the last line that it wrote. */
export function reasonIn(output: string): string {
  const lines = output.trim().split('\n');
  const reason = lines.findLast((line) => line.startsWith(REASON_PREFIX));
  return (reason?.slice(REASON_PREFIX.length) ?? lines.at(-1) ?? '').trim().slice(0, 300);
}
