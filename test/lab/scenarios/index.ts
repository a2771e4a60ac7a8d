/** The registry: every scenario that `npm run lab` knows. */

import type { Scenario } from '../scenario.ts';
import { boot } from './boot.ts';
import { daemonKill } from './daemon-kill.ts';
import { freeze } from './freeze.ts';
import { interconnectCut } from './interconnect-cut.ts';
import { isolate } from './isolate.ts';
import { leftovers } from './leftovers.ts';
import { majorityLoss } from './majority-loss.ts';
import { powerLoss } from './power-loss.ts';
import { takeoverByHand } from './takeover-by-hand.ts';
import { takeovers } from './takeovers.ts';

export const scenarios: readonly Scenario[] = [
  boot,
  takeoverByHand,
  leftovers,
  powerLoss,
  freeze,
  isolate,
  interconnectCut,
  daemonKill,
  majorityLoss,
  takeovers,
];
