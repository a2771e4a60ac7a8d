/** The registry: every scenario that `npm run lab` knows. */

import type { Scenario } from '../scenario.ts';
import { boot } from './boot.ts';
import { daemonKill } from './daemon-kill.ts';
import { freeze, freezeForAnHour } from './freeze.ts';
import { interconnectCut } from './interconnect-cut.ts';
import { isolate } from './isolate.ts';
import { leftovers } from './leftovers.ts';
import { loginAnew } from './login-anew.ts';
import { majorityLoss } from './majority-loss.ts';
import { movedWhileFrozen } from './moved-while-frozen.ts';
import { onePath } from './one-path.ts';
import { pathsLost } from './paths-lost.ts';
import { powerLoss } from './power-loss.ts';
import { stranger } from './stranger.ts';
import { takeoverByHand } from './takeover-by-hand.ts';
import { takeovers } from './takeovers.ts';
import { targetForgets, targetReboot, targetRestart } from './target-reboot.ts';
import { thirdHand } from './third-hand.ts';
import { stopHangs, watchdog } from './watchdog.ts';

export const scenarios: readonly Scenario[] = [
  boot,
  takeoverByHand,
  leftovers,
  powerLoss,
  freeze,
  freezeForAnHour,
  isolate,
  interconnectCut,
  daemonKill,
  majorityLoss,
  takeovers,
  movedWhileFrozen,
  thirdHand,
  stranger,
  targetReboot,
  targetForgets,
  targetRestart,
  loginAnew,
  pathsLost,
  onePath,
  watchdog,
  stopHangs,
];
