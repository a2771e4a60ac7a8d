/**
 * What the environment may say in place of the file: for containers and units that differ in nothing
 * else. A flag counts more than the environment, the environment more than the file. A value that
 * cannot be meant is refused, as it would be in the file.
 */
import { HoldfastError } from '../lib/error.ts';
import type { ConfigOverrides } from './load.ts';
import { LOG_LEVELS } from './types.ts';
import { absolutePath, name } from './values.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {HoldfastError} CONFIG_INVALID with the variable's name */
export function overridesOf(env: Environment): ConfigOverrides {
  const level = env['HOLDFAST_LOG_LEVEL'];
  const logLevel = LOG_LEVELS.find((one) => one === level);
  if (level !== undefined && logLevel === undefined) {
    throw wrong('HOLDFAST_LOG_LEVEL', `expected one of ${LOG_LEVELS.join(', ')}`);
  }
  return {
    node: read(env, 'HOLDFAST_NODE', name),
    dataDirectory: read(env, 'HOLDFAST_DATA_DIRECTORY', absolutePath),
    socketPath: read(env, 'HOLDFAST_SOCKET', absolutePath),
    logLevel,
  };
}

function read(env: Environment, variable: string, schema: typeof name): string | undefined {
  const value = env[variable];
  if (value === undefined || value === '') return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw wrong(variable, result.error.issues.map(({ message }) => message).join('; '));
}

function wrong(variable: string, detail: string): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', { place: 'the environment', variable, detail });
}

/** What is said in `first` counts; what it leaves open is as in `second`. */
export function over(first: ConfigOverrides, second: ConfigOverrides): ConfigOverrides {
  const said = Object.entries(first).filter(([, value]) => value !== undefined);
  return { ...second, ...Object.fromEntries(said) };
}
