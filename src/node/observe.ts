/** Turns the driver's news into log lines and metrics. Watches only. */
import type { Logger } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
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
      break;
    }
    case 'local': {
      const { group, epoch, state, detail } = news;
      logger.info(`group ${group} is ${state} here`, { epoch, detail });
      break;
    }
    case 'applied': {
      const seen = news.before.history.at(-1)?.index ?? 0;
      for (const entry of news.after.history) {
        if (entry.index <= seen) continue;
        const { event, group, node, epoch, detail } = entry;
        logger.info(`history: ${event}`, { group, node, epoch, detail });
        for (const stamp of entry.stamps) {
          if (group !== null) metrics.observePhase(group, stamp);
        }
      }
      for (const group of Object.values(news.after.groups)) {
        const { phase, owner, epoch, definition } = group;
        metrics.observeGroup({ group: definition.group, phase, owner, epoch });
      }
      break;
    }
  }
}
