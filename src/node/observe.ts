/** Turns the driver's news into log lines and metrics. Watches only. */
import { historySince } from '../cluster/queries.ts';
import type { Logger } from '../observability/logger.ts';
import { type Metrics, ROLES } from '../observability/metrics.ts';
import type { ClusterStatus } from '../operator/api.ts';
import type { DriverNews } from './driver-news.ts';

export function observe(news: DriverNews, metrics: Metrics, logger: Logger): void {
  switch (news.kind) {
    case 'leadership':
      logger.info('leader', { leader: news.leader, term: news.term });
      break;
    case 'configuration':
      logger.info('members of Raft', news.configuration);
      break;
    case 'link': {
      const { node, over, state } = news;
      logger.info(`interconnect ${over} to ${node} is ${state}`);
      metrics.observeLink(node, over, state);
      metrics.countLinkChange(node, over, state);
      break;
    }
    case 'local': {
      const { group, epoch, state, detail } = news;
      logger.info(`group ${group} is ${state} here`, { epoch, detail });
      break;
    }
    case 'applied': {
      const seen = news.before.history.at(-1)?.index ?? 0;
      for (const entry of historySince(news.after, seen)) {
        const { event, group, node, epoch, detail } = entry;
        logger.info(`history: ${event}`, { group, node, epoch, detail });
        for (const stamp of entry.stamps) {
          if (group !== null) metrics.observePhase(group, stamp);
        }
      }
      for (const group of Object.keys(news.before.groups)) {
        if (!Object.hasOwn(news.after.groups, group)) metrics.forgetGroup(group);
      }
      for (const group of Object.values(news.after.groups)) {
        const { phase, owner, epoch, definition } = group;
        metrics.observeGroup({ group: definition.group, phase, owner, epoch });
      }
      break;
    }
  }
}

/** What is read when somebody asks, since it changes all the time: terms, indices, leases, links. */
export function observeStatus(metrics: Metrics, status: ClusterStatus, appliedIndex: number): void {
  const { leader, term, commitIndex, logStalled, quorate, members, groups } = status;
  const role = ROLES.find((one) => one === status.role) ?? 'follower';
  metrics.observeRaft({ role, leader, term, commitIndex, appliedIndex, logStalled });
  metrics.observeQuorate(quorate);
  for (const { node, links } of members) {
    for (const { interconnect, state } of links) metrics.observeLink(node, interconnect, state);
  }
  for (const { group, phase, owner, epoch, local } of groups) {
    metrics.observeGroup({ group, phase, owner, epoch });
    metrics.observeLease(group, local.leaseRemainingMs);
  }
}

/** Every event of the driver comes by; how late the loop ran is in one of them. */
export function observeEvent(event: object, metrics: Metrics): void {
  const late = 'kind' in event && event.kind === 'woke-late' && 'byMs' in event;
  if (late && typeof event.byMs === 'number') metrics.observeLateness(event.byMs);
}
