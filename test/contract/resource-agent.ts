/**
 * The contract of the port `ResourceAgent`: what every agent must do whatever it manages, as a list
 * that runs in vitest (what needs no rights), in namespaces of the host and in guests of the laboratory
 * (`resource-agent-runner.ts`).
 *
 * Reference: OCF Resource Agent API 1.1, "actions"; DESIGN §9.
 */
import { deepEqual, equal, notEqual } from 'node:assert/strict';
import type { ResourceDefinition } from '../../src/cluster/definition.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../../src/resources/agent.ts';
import type { Teardown } from '../../src/system/teardown.ts';

export type AgentLab = {
  readonly agent: ResourceAgent;
  readonly definition: ResourceDefinition;
  readonly context: ActionContext;
  /** What the guardian does while there is a lease; called before each start and resume. */
  lease(): Promise<void>;
  undo(item: Teardown): Promise<void>;
  /** Whether a node that runs it is not fit to take it; only a name elsewhere may be taken twice. */
  readonly holds: boolean;
};

export type Clause = { readonly name: string; readonly run: (lab: AgentLab) => Promise<void> };

type Verb = 'prepare' | 'start' | 'stop' | 'kill' | 'suspend' | 'resume' | 'monitor';

async function act(lab: AgentLab, verb: Verb | 'validateAll' | 'fitness'): Promise<Outcome> {
  if (verb === 'start' || verb === 'resume') await lab.lease();
  return await lab.agent[verb](lab.definition, lab.context);
}

async function succeeds(lab: AgentLab, ...verbs: readonly Verb[]): Promise<void> {
  for (const verb of verbs) {
    const { status, code, detail } = await act(lab, verb);
    equal(status, 0, `${verb}: ${code} ${detail}`);
  }
}

async function isRunning(lab: AgentLab, running: boolean): Promise<void> {
  const { status, code, detail } = await act(lab, 'monitor');
  equal(status, running ? 0 : 7, `monitor: ${code} ${detail}`);
}

async function isFit(lab: AgentLab, fit: boolean): Promise<void> {
  const { status, code, detail } = await act(lab, 'fitness');
  if (fit) equal(status, 0, `fitness: ${code} ${detail}`);
  else notEqual(status, 0, 'fit to take what it holds');
}

/** Brings the laboratory back to "nothing runs here" before each clause. */
export async function reset(lab: AgentLab): Promise<void> {
  await act(lab, 'kill');
}

export const RESOURCE_AGENT_CONTRACT: readonly Clause[] = [
  {
    name: 'what was never started is not running, and to validate it changes nothing',
    run: async (lab) => {
      await isRunning(lab, false);
      const { status, code, detail } = await act(lab, 'validateAll');
      equal(status, 0, `validate-all: ${code} ${detail}`);
      await isFit(lab, true);
      await isRunning(lab, false);
    },
  },
  {
    name: 'to stop or to kill what does not run is a success',
    run: async (lab) => {
      await succeeds(lab, 'stop', 'kill', 'stop', 'kill');
      await isRunning(lab, false);
    },
  },
  {
    name: 'prepared, twice, it is not running yet, and can be given up',
    run: async (lab) => {
      await succeeds(lab, 'prepare', 'prepare');
      await isRunning(lab, false);
      await succeeds(lab, 'stop');
      await isRunning(lab, false);
      await isFit(lab, true);
    },
  },
  {
    name: 'started, with or without preparation, and started again, it runs',
    run: async (lab) => {
      await succeeds(lab, 'start');
      await isRunning(lab, true);
      await succeeds(lab, 'start');
      await isRunning(lab, true);
      await succeeds(lab, 'stop', 'prepare', 'start');
      await isRunning(lab, true);
      if (lab.holds) await isFit(lab, false);
    },
  },
  {
    name: 'stopped, and stopped again, it leaves a node that is fit to take it',
    run: async (lab) => {
      await succeeds(lab, 'start', 'stop');
      await isRunning(lab, false);
      await succeeds(lab, 'stop');
      await isFit(lab, true);
    },
  },
  {
    name: 'killed, and killed again, it leaves a node that is fit to take it, and can start',
    run: async (lab) => {
      await succeeds(lab, 'prepare', 'start', 'kill');
      await isRunning(lab, false);
      await succeeds(lab, 'kill');
      await isFit(lab, true);
      await succeeds(lab, 'start');
      await isRunning(lab, true);
    },
  },
  {
    name: 'suspended and resumed, each twice, it runs as before',
    run: async (lab) => {
      await succeeds(lab, 'start', 'suspend', 'suspend', 'resume', 'resume');
      await isRunning(lab, true);
      await succeeds(lab, 'stop');
    },
  },
  {
    name: 'suspended, it can be stopped, and killed',
    run: async (lab) => {
      await succeeds(lab, 'start', 'suspend', 'stop');
      await isRunning(lab, false);
      await succeeds(lab, 'start', 'suspend', 'kill');
      await isRunning(lab, false);
    },
  },
  {
    name: 'what it tells the guardian is plain data, undoes it, and can be undone twice',
    run: async (lab) => {
      await succeeds(lab, 'prepare', 'start');
      const items = lab.agent.teardown(lab.definition, lab.context);
      deepEqual(JSON.parse(JSON.stringify(items)), items);
      notEqual(items.length, 0, 'something must be undone');
      for (const item of [...items, ...items]) await lab.undo(item);
      await isRunning(lab, false);
      await succeeds(lab, 'start');
      await isRunning(lab, true);
    },
  },
  {
    name: 'a parameter that is missing is a code and not an exception',
    run: async (lab) => {
      const definition = { ...lab.definition, parameters: {} };
      const { status, code } = await lab.agent.validateAll(definition, lab.context);
      equal(status, 6);
      equal(code, 'RESOURCE_MISCONFIGURED');
    },
  },
];
