import { describe, expect, test } from 'vitest';
import { MemoryNetwork, type Parcel, type Station } from '../../src/mesh/memory-network.ts';
import { VirtualTime } from '../../src/mesh/virtual-time.ts';

const WIRE = { over: 'red', dialler: 'a', acceptor: 'b' };

function network() {
  const time = new VirtualTime();
  const made = new MemoryNetwork({ scheduler: time, latencyMs: 2 });
  const log: string[] = [];
  const station = (node: string): Station & { isRunning: boolean } => ({
    node,
    peerId: `peer-${node}`,
    isRunning: true,
    accept: () => true,
    receive: (_, parcel) => log.push(`${time.now()} ${node} ${describeParcel(parcel)}`),
  });
  const stations = { a: station('a'), b: station('b') };
  made.join(stations.a);
  made.join(stations.b);
  const knock = (): string => {
    let answer = 'nothing';
    made.knock('a', 'b', 'red', (result) => {
      answer = `${time.now()} ${result}`;
    });
    time.advance(10);
    return answer;
  };
  return { time, made, log, stations, knock };
}

function frame(number: number): Parcel {
  return { kind: 'frame', bytes: Uint8Array.of(number) };
}

function describeParcel(parcel: Parcel): string {
  return parcel.kind === 'end' ? 'end' : `${parcel.kind} ${parcel.bytes[0]}`;
}

describe('network in memory', () => {
  test('a parcel takes the latency of its way', () => {
    const { time, made, log } = network();
    made.setLatency('b', 'a', 'red', 5);
    made.carry(WIRE, 'a', frame(1));
    made.carry(WIRE, 'b', frame(2));
    time.advance(10);
    expect(log).toEqual(['2 b frame 1', '5 a frame 2']);
  });

  test('a way that becomes quicker does not change the order', () => {
    const { time, made, log } = network();
    made.setLatency('a', 'b', 'red', 5);
    made.carry(WIRE, 'a', frame(1));
    made.setLatency('a', 'b', 'red', 1);
    made.carry(WIRE, 'a', frame(2));
    time.advance(10);
    expect(log).toEqual(['5 b frame 1', '5 b frame 2']);
  });

  test('a cut is one way, and delivers late what it held', () => {
    const { time, made, log } = network();
    made.cut('a', 'b', 'red');
    made.carry(WIRE, 'a', frame(1));
    made.carry(WIRE, 'b', frame(2));
    time.advance(100);
    expect(log).toEqual(['2 a frame 2']);
    made.heal('a', 'b', 'red');
    time.advance(2);
    expect(log).toEqual(['2 a frame 2', '102 b frame 1']);
  });

  test('what a cut holds is lost with the connection', () => {
    const { time, made, log } = network();
    made.cut('a', 'b', 'red');
    made.carry(WIRE, 'a', frame(1));
    made.forget(WIRE, 'a');
    made.heal('a', 'b', 'red');
    time.advance(10);
    expect(log).toEqual([]);
  });

  test('a running process answers, an ended one refuses, a host without power is silent', () => {
    const { made, stations, knock } = network();
    expect(knock()).toBe('4 connected');
    stations.b.isRunning = false;
    expect(knock()).toBe('14 refused');
    made.powerOff('b');
    expect(knock()).toBe('20 silent');
    made.powerOn('b');
    expect(knock()).toBe('34 refused');
  });

  test('a host without power neither sends nor receives', () => {
    const { time, made, log } = network();
    made.carry(WIRE, 'a', frame(1));
    made.powerOff('b');
    made.carry(WIRE, 'b', frame(2));
    time.advance(10);
    expect(log).toEqual([]);
  });

  test('another key at the address is told from silence', () => {
    const { time, made } = network();
    let answer = '';
    const call = { wire: WIRE, greeting: Uint8Array.of(1), ownPeerId: 'peer-a' };
    made.dial({ ...call, expectedPeerId: 'peer-x' }, (result) => {
      answer = result;
    });
    time.advance(10);
    expect(answer).toBe('foreign-key');
  });
});

describe('virtual time', () => {
  test('actions run by time, then in the order of their scheduling', () => {
    const time = new VirtualTime();
    const ran: string[] = [];
    time.schedule(5, () => ran.push('late'));
    time.schedule(1, () => {
      ran.push('first');
      time.schedule(0, () => ran.push('third'));
    });
    time.schedule(1, () => ran.push('second'));
    time.advance(4);
    expect(ran).toEqual(['first', 'second', 'third']);
    expect(time.now()).toBe(4);
    time.advance(1);
    expect(ran.at(-1)).toBe('late');
  });

  test('a wait that is aborted rejects', async () => {
    const time = new VirtualTime();
    const controller = new AbortController();
    const waiting = time.after(5, controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(time.after(5, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
  });
});
