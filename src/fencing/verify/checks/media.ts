/**
 * Writes: every opcode of a machine that is not registered must be refused, a refused write must
 * leave the medium as it was, and a write that was in flight when its sender was preempted must not
 * land afterwards: that is promise P2 itself, tried on the disk.
 *
 * What is sent is what was read, so that nothing changes even if a disk lets it through or the
 * power fails. Only with `scratch` other data are sent (`verification.ts` puts the old ones back): the
 * two checks that could otherwise see no difference are unproven without it.
 *
 * Reference: SBC-3 §4.17 table (commands and reservations); SPC-4 §5.13.11.2.6 (aborting).
 */

import { WRITE_OPCODES, type WriteOpcode } from '../../devices/scsi/media-commands.ts';
import { ask, finding, type Kind, preempt, read, register, reserve, write } from '../talk.ts';
import type { Check, Finding } from '../words.ts';

const SCRATCH = 'run it with --scratch on a disk whose data do not matter';

export const OPCODES: Check = {
  name: 'write opcodes',
  needsSecond: true,
  unprovenMeans: 'a fenced machine could have a command that still writes',
  *talk({ keys }) {
    yield* register('first', 0n, keys.first);
    yield* reserve('first', keys.first, 1);
    const data = (yield* read('first')).data ?? '';
    const findings: Finding[] = [];
    for (const opcode of WRITE_OPCODES) {
      const own = yield* write('first', data, opcode);
      const strange = yield* write('second', data, opcode);
      findings.push(judge(opcode, own, strange));
    }
    return findings;
  },
};

function judge(opcode: WriteOpcode, own: Kind, strange: Kind): Finding {
  if (strange === 'reservation-conflict') {
    const holder = own === 'not-supported' ? '; the disk does not have it' : '';
    if (own === 'good' || own === 'not-supported') {
      return finding(opcode, 'works', `a stranger is refused${holder}`);
    }
    const means = 'the owner could not use it: file systems that need it will fail';
    return finding(opcode, 'limited', `the holder is answered ${own}`, means);
  }
  if (strange === 'not-supported') return finding(opcode, 'works', 'the disk does not have it');
  if (opcode.startsWith('SYNCHRONIZE')) {
    const seen = `a stranger is answered ${strange}`;
    return finding(opcode, 'differs', seen, 'nothing: a flush brings no data of its own');
  }
  const seen = `a stranger that is not registered is answered ${strange}`;
  const basic = opcode.startsWith('WRITE (');
  return finding(
    opcode,
    'unfit',
    seen,
    basic
      ? 'reservations are not enforced: no group may use this disk'
      : `a fenced machine can still write with ${opcode}: no group may use this disk`,
  );
}

export const CONFLICT_DATA: Check = {
  name: 'refused write',
  needsSecond: true,
  unprovenMeans: 'a write that is refused could land all the same',
  *talk({ keys, scratch }) {
    yield* register('first', 0n, keys.first);
    yield* reserve('first', keys.first, 1);
    const { data } = yield* read('first');
    if (data === null) return [finding('refused write', 'unfit', 'the disk cannot be read')];
    const sent = scratch ? altered(data, 0x5a) : data;
    const kind = yield* write('second', sent);
    const after = yield* read('first');
    if (kind !== 'reservation-conflict' || after.data !== data) {
      const found = after.data === data ? 'the old' : 'others';
      const seen = `the write is answered ${kind}, and the data read back are ${found}`;
      const means = 'a fenced machine can write: no group may use this disk';
      return [finding('refused write', 'unfit', seen, means)];
    }
    const seen = 'a write of a stranger is refused';
    if (scratch)
      return [finding('refused write', 'works', `${seen}; the data read back are the old`)];
    return [
      finding('refused write', 'unproven', `${seen}; the data sent were those there`, SCRATCH),
    ];
  },
};

export const IN_FLIGHT: Check = {
  name: 'writes in flight',
  needsSecond: true,
  unprovenMeans: 'a late write of a dead owner is not ruled out',
  *talk({ keys, scratch }) {
    yield* register('first', 0n, keys.first);
    yield* reserve('first', keys.first, 1);
    yield* register('second', 0n, keys.second);
    const { data } = yield* read('first');
    if (data === null) return [finding('writes in flight', 'unfit', 'the disk cannot be read')];
    const begun = yield* ask('first', {
      kind: 'begin-writes',
      data: scratch ? altered(data, 0x11) : data,
    });
    const taken = yield* preempt('second', keys.second, keys.first, { type: 1, abort: true });
    // What lands now is late: the new owner has written, and it must stay.
    const newer = scratch ? altered(data, 0x22) : data;
    const wrote = yield* write('second', newer);
    const ended = yield* ask('first', { kind: 'end-writes' });
    const after = yield* read('second');
    if (taken === 'not-supported') return [withoutAbort()];
    const good = ended.kind === 'writes' ? ended.good : 0;
    const last = ended.kind === 'writes' ? ended.last : ended.kind;
    if (begun.kind !== 'good' || taken !== 'good' || wrote !== 'good') {
      const seen = `begin ${begun.kind}, preempt ${taken}, write of the new owner ${wrote}`;
      return [finding('writes in flight', 'unfit', seen, 'a takeover under load does not work')];
    }
    if (last === 'good') {
      const seen = `the old owner wrote ${good} times and was never refused`;
      return [finding('writes in flight', 'unfit', seen, 'a fenced machine goes on writing')];
    }
    if (after.data !== newer) {
      const seen = 'a write of the old owner landed after PREEMPT AND ABORT was answered';
      return [finding('writes in flight', 'unfit', seen, 'a takeover would lose newer data')];
    }
    const seen = `${good} writes were done, then ${last}`;
    if (scratch) {
      return [finding('writes in flight', 'works', `${seen}; nothing landed afterwards`)];
    }
    return [finding('writes in flight', 'unproven', `${seen}; the data were those there`, SCRATCH)];
  },
};

function withoutAbort(): Finding {
  const seen = 'PREEMPT AND ABORT is not there, so nothing is aborted';
  return finding('writes in flight', 'limited', seen, 'takeovers rest on LOGICAL UNIT RESET alone');
}

export const FLUSH: Check = {
  name: 'flush of the owner',
  needsSecond: false,
  unprovenMeans: '',
  *talk({ keys: { first } }) {
    yield* register('first', 0n, first);
    yield* reserve('first', first, 1);
    const { kind } = yield* ask('first', { kind: 'synchronize-cache' });
    if (kind === 'good')
      return [finding('flush of the owner', 'works', 'SYNCHRONIZE CACHE is good')];
    if (kind === 'not-supported') {
      const seen = 'SYNCHRONIZE CACHE is not known: the disk has no volatile cache, or hides it';
      return [finding('flush of the owner', 'differs', seen, 'ask the maker of the storage')];
    }
    const means = 'what is told to be durable may be lost: no group may use this disk';
    return [finding('flush of the owner', 'unfit', `SYNCHRONIZE CACHE is answered ${kind}`, means)];
  },
};

/** Other bytes everywhere, and such that two masks give two contents. */
function altered(data: string, mask: number): string {
  return Buffer.from(Buffer.from(data, 'base64').map((byte) => byte ^ mask)).toString('base64');
}
