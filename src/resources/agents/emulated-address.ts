/**
 * A floating address for the embedded demonstration, where no rights to real addresses exist: the node
 * announces on an emulated segment that the address is here, like a gratuitous ARP. The last node that
 * announced gets the traffic, whatever the others believe.
 *
 * It has no packet filter, so a frozen node is held back only by the next owner's announcement.
 *
 * Parameters: `segment` (path of a Unix socket, or host:port), `address` (a name on that segment),
 * `target` (host:port of this node's application).
 */
import type { ResourceDefinition } from '../../cluster/definition.ts';
import type { Millis } from '../../lib/ids.ts';
import { askSegment, type SegmentReply, type SegmentRequest } from '../../system/segment-client.ts';
import type { Teardown } from '../../system/teardown.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../agent.ts';
import { OK } from '../agent.ts';
import { failed, notRunning, outcomeOf } from '../outcome.ts';
import { requiredText } from '../parameters.ts';

export class EmulatedAddressAgent implements ResourceAgent {
  validateAll(definition: ResourceDefinition): Promise<Outcome> {
    return outcomeOf(async () => {
      for (const name of ['segment', 'address', 'target']) requiredText(definition, name);
      return OK;
    });
  }

  fitness(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const reply = await whoHas(definition, context, definition.monitorTimeoutMs);
      return reply.ok ? OK : failed('SEGMENT_UNREACHABLE', reply.reason);
    });
  }

  async prepare(): Promise<Outcome> {
    return OK;
  }

  start(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const target = requiredText(definition, 'target');
      const request = { kind: 'announce', ...named(definition, context), target } as const;
      const reply = await tell(definition, context, request, definition.startTimeoutMs);
      return reply.ok ? OK : failed('SEGMENT_UNREACHABLE', reply.reason);
    });
  }

  stop(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const request = { kind: 'withdraw', ...named(definition, context) } as const;
      const reply = await tell(definition, context, request, definition.stopTimeoutMs);
      return reply.ok ? OK : failed('SEGMENT_UNREACHABLE', reply.reason);
    });
  }

  kill(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.stop(definition, context);
  }

  suspend(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.stop(definition, context);
  }

  resume(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.start(definition, context);
  }

  monitor(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const reply = await whoHas(definition, context, definition.monitorTimeoutMs);
      if (!reply.ok) return failed('SEGMENT_UNREACHABLE', reply.reason);
      return reply.node === context.node
        ? OK
        : notRunning(`announced by ${reply.node ?? 'nobody'}`);
    });
  }

  watch(): void {}

  teardown(definition: ResourceDefinition, context: ActionContext): readonly Teardown[] {
    const segment = requiredText(definition, 'segment');
    return [{ kind: 'withdraw-port', segment, ...named(definition, context) }];
  }
}

function named(
  definition: ResourceDefinition,
  { node }: ActionContext,
): { readonly address: string; readonly node: string } {
  return { address: requiredText(definition, 'address'), node };
}

async function whoHas(
  definition: ResourceDefinition,
  context: ActionContext,
  timeoutMs: Millis,
): Promise<SegmentReply> {
  const { address } = named(definition, context);
  return await tell(definition, context, { kind: 'who-has', address }, timeoutMs);
}

async function tell(
  definition: ResourceDefinition,
  { signal }: ActionContext,
  request: SegmentRequest,
  timeoutMs: Millis,
): Promise<SegmentReply> {
  return await askSegment(requiredText(definition, 'segment'), request, { timeoutMs, signal });
}
