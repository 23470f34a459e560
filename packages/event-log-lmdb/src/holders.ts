import type { CommitOutcome, CommittedOffset } from '@sealtrail/event-log';
import { EventLogError } from '@sealtrail/event-log';
import {
  decodeCommitted,
  decodeHolder,
  encodeCommitted,
  encodeHolder,
  groupKey,
  type HolderRow,
  nobody,
  type ProcessMark,
  type TopicRow,
} from './rows.ts';
import type { LogTables } from './tables.ts';

/** One partition as one group sees it. */
export interface Seat {
  readonly topic: TopicRow;
  readonly partition: number;
  readonly group: string;
}

/** What a member was given: valid as long as the row says the same. */
export interface Tenure {
  readonly member: Uint8Array;
  readonly generation: number;
}

/**
 * Who holds which partition, and what was committed. Each partition has at most one holder a group, and a generation that
 * rises whenever the partition is given or taken. A commit is taken when it is of the running generation, judged in the
 * transaction that stores it. Methods that end in `Inside` run inside a transaction of the write queue, the others outside.
 */
export class Holders {
  readonly #tables: LogTables;
  readonly #process: ProcessMark;

  constructor(tables: LogTables, process: ProcessMark) {
    this.#tables = tables;
    this.#process = process;
  }

  row(seat: Seat): HolderRow {
    this.#tables.env.resetReadTxn();
    return this.#row(groupKey(seat.topic, seat.partition, seat.group));
  }

  holds(seat: Seat, tenure: Tenure): boolean {
    return isOf(this.row(seat), tenure);
  }

  /** Gives the partition to a member, if it still stands as `seen`; null when not. */
  claimInside(seat: Seat, member: Uint8Array, seen: HolderRow): Tenure | null {
    const key = groupKey(seat.topic, seat.partition, seat.group);
    const row = this.#row(key);
    // A holder that has answered in the meantime is alive.
    if (row.generation !== seen.generation || row.answered !== seen.answered) return null;
    const generation = row.generation + 1;
    this.#tables.holders.putSync(key, encodeHolder({ ...nobody, generation, member, process: this.#process }));
    return { member, generation };
  }

  /** Gives the partition back; does nothing when it was taken before. */
  releaseInside(seat: Seat, tenure: Tenure): void {
    if (isOf(this.#row(groupKey(seat.topic, seat.partition, seat.group)), tenure)) this.expelInside(seat);
  }

  /** Takes the partition from whoever holds it. */
  expelInside(seat: Seat): void {
    const key = groupKey(seat.topic, seat.partition, seat.group);
    const { generation } = this.#row(key);
    this.#tables.holders.putSync(key, encodeHolder({ ...nobody, generation: generation + 1 }));
  }

  /** Asks the holder for a sign of life: it answers by raising `answered` to `asked`. */
  askInside(seat: Seat): HolderRow {
    const key = groupKey(seat.topic, seat.partition, seat.group);
    const row = this.#row(key);
    const asking = { ...row, asked: row.asked + 1 };
    this.#tables.holders.putSync(key, encodeHolder(asking));
    return asking;
  }

  answerInside(seat: Seat, tenure: Tenure): void {
    const key = groupKey(seat.topic, seat.partition, seat.group);
    const row = this.#row(key);
    if (isOf(row, tenure)) this.#tables.holders.putSync(key, encodeHolder({ ...row, answered: row.asked }));
  }

  commitInside(seat: Seat, tenure: Tenure, offset: number, metadata: string): CommitOutcome {
    const key = groupKey(seat.topic, seat.partition, seat.group);
    const row = this.#row(key);
    if (!isOf(row, tenure)) {
      const told = `commit for group ${seat.group} was refused: the partition is in generation ${row.generation}, the commit of ${tenure.generation}`;
      return { kind: 'fenced', cause: new EventLogError('log_closed', `${told}; join again`) };
    }
    this.#tables.offsets.putSync(key, encodeCommitted(offset, metadata));
    return { kind: 'committed' };
  }

  committed(seat: Seat): CommittedOffset | null {
    this.#tables.env.resetReadTxn();
    const stored = this.#tables.offsets.getBinary(groupKey(seat.topic, seat.partition, seat.group));
    return stored === undefined ? null : decodeCommitted(stored);
  }

  #row(key: Buffer): HolderRow {
    const stored = this.#tables.holders.getBinary(key);
    return stored === undefined ? nobody : decodeHolder(stored);
  }
}

const isOf = (row: HolderRow, { member, generation }: Tenure): boolean =>
  row.generation === generation && row.member !== null && Buffer.compare(row.member, member) === 0;
