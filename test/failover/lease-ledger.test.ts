import { describe, expect, test } from 'vitest';
import { LeaseLedger } from '../../src/failover/lease-ledger.ts';
import { applyAll, assign, founded, group, serving, takingOver } from '../cluster/a-cluster.ts';

const OPTIONS = { leaseMs: 300, clockDrift: 0.01, epsilonMs: 4 };
/** L(1 + 2ρ) + ε. */
const LONGEST = 310;

function leading(horizonMs = 0): LeaseLedger {
  const ledger = new LeaseLedger(OPTIONS);
  ledger.becameLeader(horizonMs);
  return ledger;
}

const code = (result: ReturnType<LeaseLedger['mayGrant']>): string =>
  result.ok ? 'granted' : `${result.error.code} ${result.error.newestEpoch}`;

describe('to whom a lease may be granted', () => {
  test('the owner of the current epoch, while this node leads', () => {
    const ledger = new LeaseLedger(OPTIONS);
    expect(code(ledger.mayGrant('web', 1, serving, 'n1'))).toBe('NOT_LEADER 1');
    ledger.becameLeader(0);
    expect(code(ledger.mayGrant('web', 1, serving, 'n1'))).toBe('granted');
    expect(code(ledger.mayGrant('web', 1, takingOver, 'n1'))).toBe('granted');
    ledger.lostLeadership();
    expect(code(ledger.mayGrant('web', 1, serving, 'n1'))).toBe('NOT_LEADER 1');
  });

  test('nobody else', () => {
    const moved = applyAll(serving, assign('web', 1, 'n2'));
    const ledger = leading();
    expect(code(ledger.mayGrant('web', 1, moved, 'n1'))).toBe('STALE_EPOCH 2');
    expect(code(ledger.mayGrant('web', 2, moved, 'n1'))).toBe('NOT_OWNER 2');
    expect(code(ledger.mayGrant('web', 0, founded, 'n1'))).toBe('NOT_OWNER 0');
    expect(code(ledger.mayGrant('mail', 1, moved, 'n1'))).toBe('UNKNOWN_GROUP 0');
  });

  test('nobody from the moment the next assignment is proposed until it is applied', () => {
    const ledger = leading();
    ledger.close('web');
    expect(code(ledger.mayGrant('web', 1, serving, 'n1'))).toBe('ASSIGN_PENDING 1');
    ledger.reopen('web');
    expect(code(ledger.mayGrant('web', 1, serving, 'n1'))).toBe('granted');
  });
});

describe('what the next owner waits for', () => {
  const web = group(serving);

  test('nothing, when every earlier epoch is proven down or none was given out', () => {
    const ledger = leading(1_000);
    ledger.granted('web', 1, 1_000);
    expect(ledger.remainderMs(group(founded), 1_000)).toBe(0);
    expect(ledger.remainderMs({ ...web, unfinished: [] }, 1_000)).toBe(0);
  });

  test('the longest lease from the latest grant', () => {
    const ledger = leading(0);
    ledger.granted('web', 1, 1_000);
    ledger.granted('web', 1, 1_050);
    ledger.granted('web', 1, 1_020); // answered late: grants are not in order
    expect(ledger.remainderMs(web, 1_060)).toBe(LONGEST - 10);
    expect(ledger.remainderMs(web, 1_050 + LONGEST)).toBe(0);
    expect(ledger.remainderMs(web, 9_999)).toBe(0);
  });

  test('the longest lease from the horizon, for what earlier leaders granted', () => {
    const ledger = leading(5_000);
    expect(ledger.remainderMs(web, 5_100)).toBe(LONGEST - 100);
    ledger.granted('web', 1, 5_060);
    expect(ledger.remainderMs(web, 5_100)).toBe(LONGEST - 40);
  });

  test('every unfinished epoch counts, not only the last one', () => {
    const ledger = leading(0);
    ledger.granted('web', 1, 1_000);
    const twice = group(applyAll(serving, assign('web', 1, 'n2', { leaseRemainderMs: 250 })));
    expect(ledger.remainderMs(twice, 1_100)).toBe(LONGEST - 100);
    ledger.granted('web', 2, 1_090);
    expect(ledger.remainderMs(twice, 1_100)).toBe(LONGEST - 10);
  });

  test('a node that does not lead knows no bound that is shorter than all of it', () => {
    expect(new LeaseLedger(OPTIONS).remainderMs(web, 123)).toBe(LONGEST);
  });

  test('grants of a leadership that was lost in between are not forgotten', () => {
    const ledger = leading(0);
    ledger.granted('web', 1, 1_000);
    ledger.lostLeadership();
    ledger.becameLeader(900);
    expect(ledger.remainderMs(web, 1_100)).toBe(LONGEST - 100);
  });
});
