/** Scripts drawn from few faults, or directed at one rule, so that what is rare among all comes often. */
import {
  forgetfulVoters,
  lateGrants,
  silencedOwners,
  slowStops,
  unheardOwners,
} from './directed.ts';
import { type Script, type ScriptOptions, type Strike, scriptOf } from './script.ts';

/** `strikes`: instead of those that are drawn. */
type Scenario = Omit<ScriptOptions, 'seed'> & {
  readonly strikes?: (seed: number) => readonly Strike[];
};

const small = { nodes: 3, groups: 2, safetyMs: 15_000 } as const;
const patient = { ...small, leaseMs: 1_200 } as const;
const directed = { nodes: 3, groups: 1, safetyMs: 13_000, thinkMs: 15 } as const;

export const SCENARIOS = {
  /** Everything, as `npm run sim` draws it. */
  mixed: {},
  storm: { family: 'storm', nodes: 3, groups: 4, safetyMs: 15_000 },
  /** The owner's side fails, or is not heard. */
  owners: {
    ...patient,
    nodes: 5,
    faults: ['daemon-killed', 'daemon-stopped', 'machine-frozen', 'isolated', 'power-loss'],
  },
  /** Leaders and leases. */
  leases: {
    ...patient,
    faults: [
      'isolated',
      'partition',
      'daemon-stopped',
      'leadership-transfer',
      'bad-weather',
      'slow-interconnect',
    ],
  },
  /** Owners that are heard again, not long after somebody else has their groups. */
  epochs: { ...small, faults: ['isolated', 'partition', 'cut-pair', 'machine-hiccup'] },
  guardians: {
    ...small,
    faults: ['guardian-killed', 'guardian-gone', 'daemon-killed', 'daemon-stopped', 'isolated'],
  },
  /** Takeovers that meet each other, and commands that come late. */
  takeovers: {
    ...small,
    groups: 1,
    thinkMs: 15,
    faults: ['late-reservation', 'daemon-killed', 'isolated', 'move', 'late-writes', 'power-loss'],
  },
  writes: {
    ...small,
    thinkMs: 15,
    faults: ['late-writes', 'daemon-stopped', 'san-partition', 'move', 'isolated', 'target-reset'],
  },
  logs: { ...small, faults: ['power-loss', 'log-stalls', 'move', 'application-dies'] },
  /** Mounts that nobody sees any more, and that have something to write. */
  mounts: {
    nodes: 3,
    groups: 1,
    thinkMs: 15,
    faults: ['late-writes', 'daemon-stopped', 'san-partition', 'move', 'isolated'],
  },
  disks: {
    ...small,
    faults: ['target-power-loss', 'target-reset', 'stranger', 'move', 'daemon-killed'],
  },
  applications: {
    ...small,
    faults: ['application-dies', 'write-error', 'daemon-stopped', 'move', 'isolated', 'power-loss'],
  },
  operators: {
    ...small,
    groups: 1,
    thinkMs: 15,
    faults: ['standby', 'move', 'machine-frozen', 'stop-hangs', 'late-writes'],
  },
  starts: {
    ...patient,
    faults: ['start-slow', 'start-fails', 'isolated', 'daemon-stopped'],
  },
  pauses: { ...small, faults: ['machine-paused', 'leadership-transfer'] },
  'silenced owners': { ...directed, strikes: silencedOwners },
  'unheard owners': { ...directed, strikes: unheardOwners },
  'forgetful voters': { ...directed, safetyMs: 25_000, strikes: forgetfulVoters },
  'late grants': { ...directed, thinkMs: 1_000, strikes: lateGrants },
  'slow stops': { ...directed, strikes: slowStops },
} as const satisfies Readonly<Record<string, Scenario>>;

export type ScenarioName = keyof typeof SCENARIOS;

export function scenarioScript(name: ScenarioName, seed: number): Script {
  const { strikes, ...drawn }: Scenario = SCENARIOS[name];
  const script = scriptOf({ ...drawn, seed });
  return strikes === undefined ? script : { ...script, strikes: strikes(seed) };
}
