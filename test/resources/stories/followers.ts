/** Addresses for every kind of client: who follows a group to its next owner, and by what. */
import { equal, notEqual } from 'node:assert/strict';
import { until } from '../../system/support/until.ts';
import { works } from '../support/shell.ts';
import { SwitchStage } from '../support/switch-stage.ts';
import type { Story } from './addresses.ts';

const FOUR = '192.0.2.60';
const SIX = '2001:db8::60';

async function staged(act: (stage: SwitchStage) => Promise<void>): Promise<void> {
  const stage = await SwitchStage.build();
  try {
    await act(stage);
  } finally {
    await stage.destroy();
  }
}

/** User-mode Linux filters frames only on bridges; its nodes would need another stage. */
export function canFollow(): boolean {
  return works('nft', 'add table inet probe; delete table inet probe');
}

export const followerStories: readonly Story[] = [
  {
    name: 'a client that ignores gratuitous ARP follows a virtual MAC to the next owner (pain 18: stale ARP)',
    run: () =>
      staged(async (stage) => {
        const mac = await stage.serve('one', 'mac', `${FOUR}/24`);
        stage.isDeaf(FOUR, mac);
        equal(stage.answersClient(FOUR), true, 'the first owner');
        stage.powerOff('one');
        equal(stage.answersClient(FOUR), false, 'nobody');
        equal(await stage.serve('two', 'mac', `${FOUR}/24`), mac, 'the MAC address moves along');
        equal(stage.answersClient(FOUR), true, 'the next owner');
      }),
  },
  {
    name: 'the same client does not follow an address without a virtual MAC: the control',
    run: () =>
      staged(async (stage) => {
        stage.isDeaf(FOUR, await stage.serve('one', 'plain', `${FOUR}/24`));
        equal(stage.answersClient(FOUR), true);
        stage.powerOff('one');
        await stage.serve('two', 'plain', `${FOUR}/24`);
        equal(stage.answersClient(FOUR), false);
      }),
  },
  {
    name: 'frames that are not IP follow the virtual MAC, and not the MAC of a card',
    run: () =>
      staged(async (stage) => {
        const mac = await stage.serve('one', 'mac', `${FOUR}/24`);
        equal(stage.answersFrames(mac), true, 'the first owner');
        stage.powerOff('one');
        equal(stage.answersFrames(mac), false, 'nobody');
        await stage.serve('two', 'mac', `${FOUR}/24`);
        equal(stage.answersFrames(mac), true, 'the next owner');
        const card = /link\/ether (\S+)/.exec(stage.on('one', 'ip', '-o', 'link', 'show', 'wire'));
        equal(stage.answersFrames(card?.[1] ?? ''), false, 'the control');
      }),
  },
  {
    name: 'a client of IPv6 follows the unsolicited advertisement to another MAC',
    run: () =>
      staged(async (stage) => {
        const before = await stage.serve('one', 'plain', `${SIX}/64`);
        equal(stage.answersClient(SIX), true, 'the first owner');
        equal(stage.neighbour(SIX), before);
        stage.powerOff('one');
        const after = await stage.serve('two', 'plain', `${SIX}/64`);
        notEqual(after, before);
        await until('the client knows', () => stage.neighbour(SIX) === after);
        equal(stage.answersClient(SIX), true, 'the next owner');
      }),
  },
];
