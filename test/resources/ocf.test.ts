/** Agents of the OCF standard: what they are told, what their answers mean, what is refused beforehand. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Parameter } from '../../src/cluster/definition.ts';
import type { OcfStatus } from '../../src/resources/agent.ts';
import { parseOcfDuration } from '../../src/resources/agents/ocf/duration.ts';
import { faultsOf, parseMetaData } from '../../src/resources/agents/ocf/meta-data.ts';
import { OcfProgram } from '../../src/resources/agents/ocf/program.ts';
import { failureClass, outcomeOfStatus } from '../../src/resources/agents/ocf/status.ts';
import { OcfAgent } from '../../src/resources/agents/ocf.ts';
import { cgroupBase } from '../../src/system/cgroup.ts';
import { monotonicClock as clock } from '../../src/system/clock.ts';
import { PacketFilter } from '../../src/system/packet-filter.ts';
import { undo } from '../../src/system/undo.ts';
import { RESOURCE_AGENT_CONTRACT, reset } from '../contract/resource-agent.ts';
import { isAlive, until } from '../system/support/until.ts';
import { contextOf, resource } from './support/definitions.ts';

const calm = new AbortController().signal;
const HEARTBEAT = '/usr/lib/ocf/resource.d/heartbeat';
const notInstalled = !existsSync(`${HEARTBEAT}/Dummy`);
if (notInstalled) process.stderr.write('agents of resource-agents are not tested: not installed\n');
const noCgroups = (await cgroupBase(calm)) === null;
if (noCgroups) process.stderr.write('freezing OCF agents is not tested: no control groups\n');

const root = mkdtempSync(join(tmpdir(), 'holdfast-ocf-'));
afterAll(() => rmSync(root, { recursive: true }));

/** An agent as the standard wants it: it runs a daemon, and remembers each call with its environment. */
const DAEMON = `#!/bin/sh
state="$OCF_RESKEY_state"
case "$1" in meta-data) ;; *) [ -z "$state" ] || env | sort > "$state.env.$1" ;; esac
alive() { [ -f "$state.pid" ] && kill -0 "$(cat "$state.pid")" 2>/dev/null &&
  ! grep -q '^State:.Z' /proc/$(cat "$state.pid")/status; }
case "$1" in
  meta-data) cat <<END
<?xml version="1.0"?>
<resource-agent name="daemon" version="1.1">
  <version>1.1</version>
  <parameters>
    <parameter name="state" required="1"><content type="string"/></parameter>
    <parameter name="port"><content type="integer" default="80"/></parameter>
  </parameters>
  <actions>
    <action name="start" timeout="20s"/><action name="stop" timeout="20"/>
    <action name="monitor" timeout="10s" interval="10s" depth="0"/>
    <action name="meta-data" timeout="5s"/><action name="validate-all" timeout="5s"/>
  </actions>
</resource-agent>
END
  ;;
  start)
    [ -f "$state.refuse" ] && { echo "ocf-exit-reason:the moon is full" >&2; exit "$(cat "$state.refuse")"; }
    [ -f "$state.hang" ] && sleep 600
    alive || { setsid sleep 600 > /dev/null 2>&1 < /dev/null & echo $! > "$state.pid"; } ;;
  stop) alive && kill "$(cat "$state.pid")"; rm -f "$state.pid" ;;
  monitor)
    [ -f "$state.monitor" ] && { echo "one of two legs" >&2; exit "$(cat "$state.monitor")"; }
    alive || exit 7 ;;
  validate-all) ;;
  *) exit 3 ;;
esac
exit 0
`;

function install(directory: string, name: string, text: string, mode = 0o755): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

let agent: OcfAgent;
let state = '';
let rounds = 0;
const agentsDirectory = join(root, 'agents');
const definitions: ReturnType<typeof resource>[] = [];
const context = contextOf({ clean: false });
const define = (parameters: Readonly<Record<string, Parameter>> = {}) => {
  const given = { agent: 'test:daemon', parameters: [`state=${state}`], ...parameters };
  const definition = resource('ocf', given, { name: `ocf-${process.pid}-${rounds}` });
  definitions.push(definition);
  return definition;
};
const environmentOf = (action: string) =>
  Object.fromEntries(
    readFileSync(`${state}.env.${action}`, 'utf8')
      .split('\n')
      .map((line): [string, string] => {
        const at = line.indexOf('=');
        return [line.slice(0, at), line.slice(at + 1)];
      }),
  );

beforeEach(() => {
  rounds += 1;
  state = join(root, `state-${rounds}`);
  install(join(root, 'resource.d', 'test'), 'daemon', DAEMON);
  agent = new OcfAgent({ clock, logDirectory: root, places: { root, agentsDirectory } });
});
afterEach(async () => {
  for (const definition of definitions.splice(0)) await agent.kill(definition, context);
});

describe('an OCF agent', () => {
  it.each(RESOURCE_AGENT_CONTRACT)('$name', async (clause) => {
    const filter = new PacketFilter({ clusterId: 'none', clock });
    const lab = {
      agent,
      definition: define(),
      context,
      lease: async () => {},
      undo: (item: Parameters<typeof undo>[0]) =>
        undo(item, { filter, clock, timeoutMs: 20_000, signal: calm }),
      holds: true,
    };
    await reset(lab);
    await clause.run(lab);
  });

  it('gets the whole environment of the standard, and what an application is told', async () => {
    const definition = define({ parameters: [`state=${state}`, 'port=8080'], 'check-level': 10 });
    expect(await agent.start(definition, context)).toMatchObject({ status: 0 });
    expect(environmentOf('start')).toMatchObject({
      OCF_ROOT: root,
      OCF_RA_VERSION_MAJOR: '1',
      OCF_RA_VERSION_MINOR: '1',
      OCF_RESOURCE_INSTANCE: definition.name,
      OCF_RESOURCE_PROVIDER: 'test',
      OCF_RESOURCE_TYPE: 'daemon',
      OCF_CHECK_LEVEL: '0',
      OCF_RESKEY_port: '8080',
      OCF_RESKEY_CRM_meta_name: 'start',
      OCF_RESKEY_CRM_meta_timeout: '18000',
      OCF_RESKEY_CRM_meta_interval: '0',
      OCF_RESKEY_CRM_meta_on_node: 'node1',
      OCF_EXIT_REASON_PREFIX: 'ocf-exit-reason:',
      HOLDFAST_REASON: 'failover',
      HOLDFAST_CLEAN: 'no',
    });
    await agent.monitor(definition, context);
    expect(environmentOf('monitor')).toMatchObject({
      OCF_CHECK_LEVEL: '10',
      OCF_RESKEY_CRM_meta_interval: '1000',
    });
    await agent.stop(definition, context);
    await agent.fitness(definition, context);
    expect(environmentOf('monitor'), 'a probe').toMatchObject({
      OCF_CHECK_LEVEL: '0',
      OCF_RESKEY_CRM_meta_interval: '0',
    });
  });

  it('that fails says why, in its own words, with the class of its status', async () => {
    const definition = define();
    const cases: readonly (readonly [OcfStatus, string])[] = [
      [1, 'OCF_FAILED'],
      [2, 'OCF_ARGUMENTS'],
      [4, 'OCF_PERMISSION'],
      [5, 'OCF_NOT_INSTALLED'],
      [6, 'OCF_NOT_CONFIGURED'],
    ];
    for (const [status, code] of cases) {
      writeFileSync(`${state}.refuse`, String(status));
      const outcome = await agent.start(definition, context);
      expect(outcome).toMatchObject({ status, code });
      expect(outcome.detail).toContain('the moon is full');
    }
    rmSync(`${state}.refuse`);
  });

  it('that does not return is killed within its timeout', async () => {
    writeFileSync(`${state}.hang`, '');
    const definition = { ...define(), startTimeoutMs: 500 };
    expect(await agent.start(definition, context)).toMatchObject({ code: 'ACTION_TIMED_OUT' });
    rmSync(`${state}.hang`);
  });

  it('whose monitor is degraded runs on; one outside the standard is a failure', async () => {
    const definition = define();
    await agent.start(definition, context);
    const says = async (status: number) => {
      writeFileSync(`${state}.monitor`, String(status));
      const outcome = await agent.monitor(definition, context);
      rmSync(`${state}.monitor`);
      return outcome;
    };
    expect(await says(190)).toMatchObject({ status: 190, code: 'OCF_DEGRADED' });
    expect((await says(190)).detail).toContain('one of two legs');
    expect(await says(8)).toMatchObject({ status: 0 });
    expect(await says(77)).toMatchObject({ status: 1, code: 'OCF_FAILED' });
  });

  it('that runs where nobody owns it makes the node unfit', async () => {
    const definition = define();
    writeFileSync(`${state}.monitor`, '0');
    const outcome = await agent.fitness(definition, context);
    rmSync(`${state}.monitor`);
    expect(outcome).toMatchObject({ code: 'RESOURCE_HELD' });
  });

  it.skipIf(noCgroups)('is frozen with what it started, and killed with it', async () => {
    const definition = define();
    await agent.start(definition, context);
    const pid = Number(readFileSync(`${state}.pid`, 'utf8'));
    await agent.suspend(definition, context);
    expect(
      readFileSync(`/proc/${pid}/wchan`, 'utf8') + readFileSync(`/proc/${pid}/stat`, 'utf8'),
    ).toMatch(/do_freezer_trap|\) [SD] /);
    expect(await agent.monitor(definition, context)).toMatchObject({ status: 0 });
    await agent.kill(definition, context);
    await until('it is gone', () => !isAlive(pid));
  });
});

describe('parameters are held against what the agent says of itself', () => {
  const refused = async (parameters: readonly string[]) =>
    await agent.validateAll(define({ parameters }), context);

  it('an unknown one, a missing one and one of a wrong kind are refused by name', async () => {
    const wrong = await refused([`state=${state}`, 'prot=80']);
    expect(wrong).toMatchObject({ status: 6, code: 'RESOURCE_MISCONFIGURED' });
    expect(wrong.detail).toContain('daemon has no parameter prot');
    expect((await refused([])).detail).toContain('needs the parameter state');
    expect((await refused([`state=${state}`, 'port=http'])).detail).toContain('of type integer');
    expect(await refused([`state=${state}`, 'port=80'])).toMatchObject({ status: 0 });
  });

  it('they are refused before anything starts', async () => {
    const definition = define({ parameters: [`state=${state}`, 'prot=80'] });
    expect(await agent.start(definition, context)).toMatchObject({ status: 6 });
    expect(existsSync(`${state}.env.start`)).toBe(false);
  });

  it('what is no meta-data is an answer too', () => {
    for (const xml of ['', 'usage: daemon start|stop', '<resource-agent/>', '<a><b></a>']) {
      expect(() => parseMetaData(xml)).toThrow(
        expect.objectContaining({ code: 'OCF_META_DATA_GARBLED' }),
      );
    }
    expect(
      parseMetaData('<resource-agent name="x"><parameters/><actions/></resource-agent>'),
    ).toEqual({
      name: 'x',
      parameters: [],
      actions: [],
    });
  });

  it('no entity of a foreign file is followed', () => {
    const xml = `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>
      <resource-agent name="&e;"><parameters/><actions/></resource-agent>`;
    expect(() => parseMetaData(xml)).toThrow(/not the meta-data/);
  });

  it('durations are read as the standard and Pacemaker write them', () => {
    const read = ['20', '20s', '500ms', '2min', '1h', '1x', '', undefined].map(parseOcfDuration);
    expect(read).toEqual([20_000, 20_000, 500, 120_000, 3_600_000, null, null, null]);
  });
});

describe('an agent of one’s own', () => {
  it('is a program in the agents directory', async () => {
    install(agentsDirectory, 'mine', DAEMON);
    const definition = define({ agent: 'mine' });
    expect(await agent.start(definition, context)).toMatchObject({ status: 0 });
    expect(environmentOf('start')).toMatchObject({ OCF_RESOURCE_PROVIDER: 'holdfast' });
    expect(await agent.monitor(definition, context)).toMatchObject({ status: 0 });
  });

  it('that others may write is refused, and one that is not there is named', async () => {
    install(agentsDirectory, 'open', DAEMON, 0o777);
    expect(await agent.prepare(define({ agent: 'open' }), context)).toMatchObject({
      status: 4,
      code: 'AGENT_NOT_TRUSTED',
    });
    expect(await agent.prepare(define({ agent: 'absent' }), context)).toMatchObject({
      status: 5,
      code: 'OCF_AGENT_MISSING',
    });
    expect(await agent.prepare(define({ agent: '../../bin/sh' }), context)).toMatchObject({
      status: 6,
    });
    rmSync(join(agentsDirectory, 'open'));
    definitions.length = 0;
  });
});

describe('exit statuses', () => {
  it('fall into the classes of the standard', () => {
    const classes = ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 190, 191] as const).map(failureClass);
    expect(classes).toEqual([
      'soft',
      'soft',
      'hard',
      'hard',
      'hard',
      'hard',
      'fatal',
      'soft',
      'soft',
      'soft',
      'soft',
      'soft',
    ]);
  });

  it('have a code unless all is well or nothing runs', () => {
    expect(outcomeOfStatus(0, 'a', '')).toEqual({ status: 0, code: null, detail: '' });
    expect(outcomeOfStatus(7, 'a', '').code).toBeNull();
    for (const status of [1, 2, 3, 4, 5, 6, 9, 190, 191, 42, -1]) {
      expect(outcomeOfStatus(status, 'a', '').code).toMatch(/^OCF_/);
    }
  });
});

describe.skipIf(notInstalled)('the package resource-agents', () => {
  it('says of all its agents what can be read here', async () => {
    const names = readdirSync(HEARTBEAT).filter((name) => !name.startsWith('.'));
    const unread: string[] = [];
    for (const name of names) {
      const program = new OcfProgram(`heartbeat:${name}`, {
        root: '/usr/lib/ocf',
        agentsDirectory,
      });
      const metaData = await program.metaData(calm).catch((error: unknown) => String(error));
      if (typeof metaData === 'string') unread.push(`${name}: ${metaData}`);
      else if (!metaData.actions.some((action) => action.name === 'start')) unread.push(name);
    }
    process.stderr.write(
      `meta-data of ${names.length - unread.length} of ${names.length} agents\n`,
    );
    // Those need programs that are not installed even to speak of themselves.
    expect(unread.filter((line) => !/COMMAND_NOT_FOUND|begins":""/.test(line))).toEqual([]);
    expect(names.length).toBeGreaterThan(100);
  }, 120_000);

  it('has agents whose faults are found before they start', async () => {
    const program = new OcfProgram('heartbeat:IPaddr2', { root: '/usr/lib/ocf', agentsDirectory });
    const metaData = await program.metaData(calm);
    expect(faultsOf(metaData, { ip: '192.0.2.9' })).toEqual([]);
    expect(faultsOf(metaData, { ipaddress: '192.0.2.9' })).toHaveLength(2);
  });
});
