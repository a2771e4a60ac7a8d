/**
 * Puts the paths of a disk that came back beside a live map into it again, each by the protocol of
 * `protocol/admission.ts`, after a look that found the disk ours.
 *
 * What goes wrong here is no loss: the disk is served by the other paths, and the next look tries again.
 * Reference: DESIGN §8.
 */
import { HoldfastError } from '../lib/error.ts';
import type { FenceDevice, PathId, PrCommand, PrReply, StrayPath } from './fence-device.ts';
import { admit, beginAdmission } from './protocol/admission.ts';
import type { DefenceGoal, DefenceVerdict } from './protocol/defence.ts';

type Look = {
  readonly device: FenceDevice;
  readonly held: Pick<DefenceGoal, 'key' | 'type' | 'paths'> & { readonly durable: boolean };
  readonly verdict: DefenceVerdict;
  readonly signal: AbortSignal;
};

export async function admitStrays(
  look: Look,
  ask: (command: PrCommand) => Promise<PrReply>,
): Promise<void> {
  const { device, held, verdict, signal } = look;
  if (verdict.kind !== 'mine') return;
  const strays = (await device.strayPaths?.(signal)) ?? [];
  const outside = new Set(strays.map(({ path }) => path));
  const witness = held.paths.find((path) => !verdict.silent.includes(path) && !outside.has(path));
  for (const stray of strays) {
    try {
      if (witness !== undefined) await admitOne(stray, witness, { ...look, ask });
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
    } finally {
      await stray.letGo();
    }
  }
}

async function admitOne(
  stray: StrayPath,
  witness: PathId,
  { held, signal, ask }: Look & { readonly ask: (command: PrCommand) => Promise<PrReply> },
): Promise<void> {
  const { key, type, durable } = held;
  let next = beginAdmission({ key, type, path: stray.path, witness, aptpl: durable });
  for (let [command] = next.commands; command !== undefined; [command] = next.commands) {
    next = admit(next.state, await ask(command));
  }
  const { state } = next;
  if (state.kind === 'over' && state.verdict.kind === 'admitted') await stray.join(signal);
}
