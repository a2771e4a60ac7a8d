/**
 * A route that moves with its group: what the owner sends to a network leaves by this device, through
 * this gateway, from this address. It belongs behind the floating IP that it uses as its source.
 *
 * It shows nothing to the outside, so a soft expiry leaves it.
 *
 * Parameters: `destination` (network with prefix, or `default`), `device` or `on` (a virtual-mac
 * resource), `gateway`, `source`, `metric`, `table`.
 *
 * Reference: ip-route(8); DESIGN §9.
 */
import { isIPv6 } from 'node:net';
import type { ResourceDefinition } from '../../cluster/definition.ts';
import { link } from '../../system/network.ts';
import { addRoute, deleteRoute, hasRoute, type Route } from '../../system/routes.ts';
import type { Teardown } from '../../system/teardown.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../agent.ts';
import { OK } from '../agent.ts';
import { failed, notRunning, outcomeOf } from '../outcome.ts';
import { optionalText, requiredText } from '../parameters.ts';
import { deviceOf } from './floating-ip-place.ts';

export class RouteAgent implements ResourceAgent {
  validateAll(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      routeOf(definition, context);
      return OK;
    });
  }

  fitness(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const route = routeOf(definition, context);
      // A virtual MAC's device is made only on the owner.
      if (optionalText(definition, 'on') === null) link(route.device);
      return hasRoute(route)
        ? failed('RESOURCE_HELD', `a route to ${route.destination} is still here`)
        : OK;
    });
  }

  async prepare(): Promise<Outcome> {
    return OK;
  }

  start(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      addRoute(routeOf(definition, context));
      return OK;
    });
  }

  stop(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      deleteRoute(routeOf(definition, context));
      return OK;
    });
  }

  kill(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.stop(definition, context);
  }

  async suspend(): Promise<Outcome> {
    return OK;
  }

  async resume(): Promise<Outcome> {
    return OK;
  }

  monitor(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const route = routeOf(definition, context);
      return hasRoute(route) ? OK : notRunning(`no route to ${route.destination}`);
    });
  }

  /** A route goes with its address or its device, and those are watched. */
  watch(): void {}

  teardown(definition: ResourceDefinition, context: ActionContext): readonly Teardown[] {
    return [{ kind: 'delete-route', route: routeOf(definition, context) }];
  }
}

function routeOf(definition: ResourceDefinition, context: ActionContext): Route {
  const { table, metric } = definition.parameters;
  const gateway = optionalText(definition, 'gateway');
  const destination = requiredText(definition, 'destination');
  const everything = gateway !== null && isIPv6(gateway) ? '::/0' : '0.0.0.0/0';
  return {
    destination: destination === 'default' ? everything : destination,
    device: deviceOf(definition, context),
    gateway,
    source: optionalText(definition, 'source'),
    metric: typeof metric === 'number' ? metric : 0,
    table: typeof table === 'number' ? table : null,
  };
}
