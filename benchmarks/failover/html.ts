import type { CampaignResult } from './campaign.ts';

export function html(result: CampaignResult): string {
  return JSON.stringify(result);
}
