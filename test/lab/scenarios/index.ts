/** The registry: every scenario that `npm run lab` knows. */

import type { Scenario } from '../scenario.ts';
import { boot } from './boot.ts';
import { takeoverByHand } from './takeover-by-hand.ts';

export const scenarios: readonly Scenario[] = [boot, takeoverByHand];
