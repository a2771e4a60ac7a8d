/** All checkers of one history. Each has a file of its own and a test that makes it speak. */
import { HistoryChecker } from './history.ts';
import { LateWriteChecker } from './late-writes.ts';
import { LeaseChecker } from './lease.ts';
import { MountChecker } from './mounts.ts';
import { OwnershipChecker } from './ownership.ts';
import { RaftChecker } from './raft.ts';
import { RecordChecker } from './records.ts';
import type { Report } from './report.ts';
import { ReservationChecker } from './reservations.ts';
import { StrangerChecker } from './strangers.ts';
import { VisibleChecker } from './visible.ts';

export class Checkers {
  readonly raft: RaftChecker;
  readonly ownership: OwnershipChecker;
  readonly lateWrites: LateWriteChecker;
  readonly mounts: MountChecker;
  readonly visible: VisibleChecker;
  readonly records: RecordChecker;
  readonly lease: LeaseChecker;
  readonly strangers: StrangerChecker;
  readonly reservations: ReservationChecker;
  readonly history: HistoryChecker;

  constructor(report: Report, times: ConstructorParameters<typeof LeaseChecker>[1]) {
    this.raft = new RaftChecker(report);
    this.ownership = new OwnershipChecker(report);
    this.lateWrites = new LateWriteChecker(report);
    this.mounts = new MountChecker(report);
    this.visible = new VisibleChecker(report);
    this.records = new RecordChecker(report);
    this.lease = new LeaseChecker(report, times);
    this.strangers = new StrangerChecker(report);
    this.reservations = new ReservationChecker(report);
    this.history = new HistoryChecker(report);
  }
}
