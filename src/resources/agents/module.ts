/**
 * An agent of one's own that is a module of JavaScript: `NAME.js` (or `.mjs`, `.ts`) in the agents directory,
 * which exports `createAgent(tools)` and returns a `ResourceAgent`. It runs inside the daemon, so it
 * can do harm: it must belong to root, and its actions must obey their signal.
 *
 * A program with OCF actions is the better choice wherever it will do (`ocf.ts`): it cannot hold the
 * daemon up.
 *
 * Parameters: `module`, `parameters` (list of K=V; the agent sees them as its own).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ResourceDefinition } from '../../cluster/definition.ts';
import type { Clock } from '../../lib/clock.ts';
import { HoldfastError } from '../../lib/error.ts';
import type { Teardown } from '../../system/teardown.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../agent.ts';
import { outcomeOf } from '../outcome.ts';
import { misconfigured, requiredText, words } from '../parameters.ts';
import { refuseStrangers } from './ocf/program.ts';

/** What a module is given. */
export type ModuleTools = {
  readonly clock: Clock;
  readonly log: (line: string) => void;
};

export type ModuleOptions = ModuleTools & { readonly agentsDirectory: string };

type Verb = Exclude<keyof ResourceAgent, 'watch' | 'teardown'>;

const VERBS = [
  'validateAll',
  'fitness',
  'prepare',
  'start',
  'stop',
  'kill',
  'suspend',
  'resume',
  'monitor',
  'watch',
  'teardown',
] as const;
const ENDINGS = ['.js', '.mjs', '.ts'] as const;

export class ModuleAgent implements ResourceAgent {
  readonly #options: ModuleOptions;
  readonly #loaded = new Map<string, ResourceAgent>();

  constructor(options: ModuleOptions) {
    this.#options = options;
  }

  validateAll(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.#act('validateAll', definition, context);
  }

  fitness(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.#act('fitness', definition, context);
  }

  prepare(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.#act('prepare', definition, context);
  }

  start(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.#act('start', definition, context);
  }

  stop(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.#act('stop', definition, context);
  }

  kill(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.#act('kill', definition, context);
  }

  suspend(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.#act('suspend', definition, context);
  }

  resume(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.#act('resume', definition, context);
  }

  monitor(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.#act('monitor', definition, context);
  }

  watch(
    definition: ResourceDefinition,
    context: ActionContext,
    changed: (outcome: Outcome) => void,
  ): void {
    this.#loaded.get(nameOf(definition))?.watch(ownView(definition), context, changed);
  }

  /** Nothing before the module was loaded, and nothing was started before that. */
  teardown(definition: ResourceDefinition, context: ActionContext): readonly Teardown[] {
    return this.#loaded.get(nameOf(definition))?.teardown(ownView(definition), context) ?? [];
  }

  #act(verb: Verb, definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const agent = await this.#agent(nameOf(definition));
      return await agent[verb](ownView(definition), context);
    });
  }

  async #agent(name: string): Promise<ResourceAgent> {
    const known = this.#loaded.get(name);
    if (known !== undefined) return known;
    const { agentsDirectory, clock, log } = this.#options;
    const places = ENDINGS.map((ending) => join(agentsDirectory, `${name}${ending}`));
    const path = places.find((place) => existsSync(place));
    if (path === undefined) throw new HoldfastError('MODULE_AGENT_INVALID', { places });
    await refuseStrangers(path);
    const found: unknown = await import(pathToFileURL(path).href).catch((cause: unknown) => {
      throw new HoldfastError('MODULE_AGENT_INVALID', { path, reason: String(cause) }, { cause });
    });
    const create = memberOf(found, 'createAgent');
    const agent: unknown = typeof create === 'function' ? create({ clock, log }) : null;
    const missing = VERBS.filter((verb) => typeof memberOf(agent, verb) !== 'function');
    if (missing.length > 0) {
      const reason =
        typeof create === 'function' ? `lacks ${missing.join(', ')}` : 'no createAgent';
      throw new HoldfastError('MODULE_AGENT_INVALID', { path, reason });
    }
    this.#loaded.set(name, agent as ResourceAgent);
    return agent as ResourceAgent;
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function nameOf(definition: ResourceDefinition): string {
  const name = requiredText(definition, 'module');
  if (!/^[\w-][\w.-]*$/.test(name)) throw misconfigured(definition, 'module', 'is no plain name');
  return name;
}

/** The module sees its own parameters, and not how the cluster wraps them. */
function ownView(definition: ResourceDefinition): ResourceDefinition {
  const entries = words(definition, 'parameters').map((entry): [string, string] => {
    const at = entry.indexOf('=');
    return [entry.slice(0, at), entry.slice(at + 1)];
  });
  return { ...definition, parameters: Object.fromEntries(entries) };
}
