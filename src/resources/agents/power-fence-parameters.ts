/**
 * The parameters of a `power-fence` resource. Each device is committed as one word of JSON, since a
 * definition holds only scalars and lists of words; `config/power-devices.ts` writes them.
 */
import type { ResourceDefinition } from '../../cluster/definition.ts';
import type { PowerDevice, PowerGoal } from '../../fencing/power/plan.ts';
import { misconfigured, optionalText, words } from '../parameters.ts';

export type PowerParameters = {
  readonly action: PowerGoal['action'];
  readonly policy: 'required' | 'best-effort';
  readonly devices: readonly (PowerDevice & { readonly node: string })[];
};

/** @throws HoldfastError RESOURCE_MISCONFIGURED */
export function powerParameters(definition: ResourceDefinition): PowerParameters {
  const action = optionalText(definition, 'action') ?? 'off';
  if (action !== 'off' && action !== 'reboot') {
    throw misconfigured(definition, 'action', 'is off or reboot');
  }
  const policy = optionalText(definition, 'policy') ?? 'required';
  if (policy !== 'required' && policy !== 'best-effort') {
    throw misconfigured(definition, 'policy', 'is required or best-effort');
  }
  const devices = words(definition, 'devices').map((word) => device(definition, word));
  if (devices.length === 0) throw misconfigured(definition, 'devices', 'is empty');
  return { action, policy, devices };
}

function device(definition: ResourceDefinition, word: string) {
  try {
    const read = JSON.parse(word) as Partial<PowerDevice & { readonly node: string }>;
    const { node, program, options, level, delayMs, retries, retryDelayMs, timeoutMs, verify } =
      read;
    const numbers = [level, delayMs, retries, retryDelayMs, timeoutMs];
    if (
      typeof node === 'string' &&
      typeof program === 'string' &&
      typeof options === 'object' &&
      typeof verify === 'boolean' &&
      numbers.every((number) => typeof number === 'number' && number >= 0)
    ) {
      return read as PowerDevice & { readonly node: string };
    }
  } catch {
    // No JSON: it is refused like what has the wrong fields.
  }
  throw misconfigured(definition, 'devices', 'has an entry that is none');
}
