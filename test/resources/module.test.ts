/** An agent of one's own that is a module: loaded, held to the port, refused when others may write it. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ModuleAgent } from '../../src/resources/agents/module.ts';
import { monotonicClock as clock } from '../../src/system/clock.ts';
import { RESOURCE_AGENT_CONTRACT, reset } from '../contract/resource-agent.ts';
import { contextOf, resource } from './support/definitions.ts';

const agentsDirectory = mkdtempSync(join(tmpdir(), 'holdfast-modules-'));
afterAll(() => rmSync(agentsDirectory, { recursive: true }));

const SWITCH = `
const OK = { status: 0, code: null, detail: '' };
export function createAgent({ log }) {
  const on = new Set();
  const well = async () => OK;
  const off = async ({ parameters }) => (on.delete(parameters.name), OK);
  return {
    async validateAll({ parameters }) {
      return parameters.name ? OK : { status: 6, code: 'RESOURCE_MISCONFIGURED', detail: 'no name' };
    },
    async fitness({ parameters }) {
      return on.has(parameters.name) ? { status: 1, code: 'RESOURCE_HELD', detail: 'on' } : OK;
    },
    prepare: well,
    async start({ parameters }) { on.add(parameters.name); log('on'); return OK; },
    stop: off, kill: off, suspend: well, resume: well,
    async monitor({ parameters }) {
      return on.has(parameters.name) ? OK : { status: 7, code: null, detail: 'off' };
    },
    watch() {},
    teardown: ({ parameters }) => [{ kind: 'run-command', argv: ['switch-off', parameters.name], environment: [] }],
  };
}
`;
const lines: string[] = [];
const agent = new ModuleAgent({ clock, log: (line) => lines.push(line), agentsDirectory });
const on = (module: string) => resource('module', { module, parameters: ['name=lamp'] });
const context = contextOf();
writeFileSync(join(agentsDirectory, 'switch.mjs'), SWITCH, { mode: 0o644 });

describe('a module', () => {
  it.each(RESOURCE_AGENT_CONTRACT)('$name', async (clause) => {
    const definition = on('switch');
    const lab = {
      agent,
      definition,
      context,
      lease: async () => {},
      undo: async () => void (await agent.stop(definition, context)),
      holds: true,
    };
    await reset(lab);
    await clause.run(lab);
  });

  it('may tell the log, and what the guardian must undo is data as everywhere', () => {
    expect(lines).toContain('on');
    expect(agent.teardown(on('switch'), context)).toEqual([
      { kind: 'run-command', argv: ['switch-off', 'lamp'], environment: [] },
    ]);
    expect(agent.teardown(on('never-loaded'), context)).toEqual([]);
  });

  it('that lacks actions, cannot be read, or is not there is refused with the reason', async () => {
    writeFileSync(
      join(agentsDirectory, 'half.mjs'),
      'export const createAgent = () => ({ start() {} });',
    );
    writeFileSync(join(agentsDirectory, 'torn.mjs'), 'export const {');
    writeFileSync(join(agentsDirectory, 'plain.mjs'), 'export const x = 1;');
    const told = async (name: string) => await agent.start(on(name), context);
    expect((await told('half')).detail).toContain('lacks validateAll');
    expect((await told('torn')).code).toBe('MODULE_AGENT_INVALID');
    expect((await told('plain')).detail).toContain('no createAgent');
    expect((await told('absent')).code).toBe('MODULE_AGENT_INVALID');
    expect((await told('../switch')).code).toBe('RESOURCE_MISCONFIGURED');
  });

  it('that others may write is refused', async () => {
    const path = join(agentsDirectory, 'open.mjs');
    writeFileSync(path, SWITCH);
    chmodSync(path, 0o666);
    expect(await agent.start(on('open'), context)).toMatchObject({ code: 'AGENT_NOT_TRUSTED' });
  });
});
