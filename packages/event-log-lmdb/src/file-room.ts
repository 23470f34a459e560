import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { EventLogError } from '@sealtrail/event-log';
import type { LogTables, Table } from './tables.ts';
import { isNoSpace, noSpaceOn } from './write-failure.ts';

/** What a transaction writes besides its records: copies of the pages on the way to them, and the list of free pages. */
const overhead_bytes = 1024 * 1024;
/** Of one piece of work, besides its bytes: the rest of a page. */
const overhead_of_work_bytes = 4_096;
/** A record may go into pages of its own, and splits others. */
const bytes_written_ratio = 2;
/** Of pages that were given back, one in so many is counted on. */
const freed_used_ratio = 2;
/** Room is taken for more than one transaction, where the disk has it. */
const ahead_ratio = 1 / 8;
const ahead_bytes_max = 4 * 1024 * 1024;
const zeros = Buffer.alloc(256 * 1024);

/**
 * Room in LMDB's file that is taken from the disk before a transaction writes into it. LMDB (lmdb 3.5.6) does not outlive
 * a write that fails: after a commit on a full disk it has kept the write lock for ever, which stops every process that
 * has the log open, and has damaged the memory of its own.
 */
export class FileRoom {
  readonly #tables: LogTables;
  readonly #dir: string;
  readonly #file: number;

  /** Throws EventLogError `log_unavailable`. */
  constructor(tables: LogTables, dir: string) {
    this.#tables = tables;
    this.#dir = dir;
    try {
      this.#file = openSync(join(dir, 'data.mdb'), 'r+');
    } catch (cause) {
      throw new EventLogError('log_unavailable', `cannot open the file of the event log in ${dir}: see the cause`, { cause });
    }
  }

  /**
   * Inside a transaction, before its work: takes the room that `works` pieces of work need which write `bytes` bytes. Throws
   * EventLogError `log_no_space` where there is not so much, `log_unavailable`; never where the work `frees` room: it goes
   * by with what all others leave.
   */
  takeInside(bytes: number, works: number, frees: boolean): void {
    const { lastPageNumber, root } = statsOf(this.#tables.env);
    const used = (lastPageNumber + 1) * root.pageSize;
    const needed = overhead_bytes + bytes * bytes_written_ratio + works * overhead_of_work_bytes;
    const { size } = fstatSync(this.#file);
    if (size >= used + needed) return;
    // Behind the end of the file is nobody's page, and nobody else makes it longer: the transaction holds the write lock.
    const failure = this.#extend(size, used + needed + Math.min(used * ahead_ratio, ahead_bytes_max));
    if (failure === null || frees) return;
    const room = fstatSync(this.#file).size - used;
    // Pages that were given back are written to again; a reader may keep some of them, and a large record wants neighbours.
    if (room >= needed || room + this.#freed() / freed_used_ratio >= needed) return;
    throw isNoSpace(failure)
      ? noSpaceOn(this.#dir, failure)
      : new EventLogError('log_unavailable', `cannot make the event log in ${this.#dir} longer: see the cause`, { cause: failure });
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Bytes of pages that no table has. */
  #freed(): number {
    const { env, ...tables } = this.#tables;
    const { lastPageNumber, root, free } = statsOf(env);
    const held = [root, free, ...Object.values(tables).map(statsOf)].reduce((sum, tree) => sum + pagesOf(tree), meta_pages);
    return (lastPageNumber + 1 - held) * root.pageSize;
  }

  /** Gives what went wrong; null where all was written. */
  #extend(from: number, to: number): Error | null {
    try {
      for (let at = from; at < to; ) at += writeSync(this.#file, zeros, 0, Math.min(zeros.length, to - at), at);
      return null;
    } catch (error) {
      return error as Error;
    }
  }
}

interface TreeStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}
interface TableStats extends TreeStats {
  readonly lastPageNumber: number;
  /** The table of tables. */
  readonly root: TreeStats;
  /** The list of free pages. */
  readonly free: TreeStats;
}
const meta_pages = 2;

const statsOf = (table: Pick<Table, 'getStats'>): TableStats => table.getStats() as TableStats;
const pagesOf = (tree: TreeStats): number => tree.treeBranchPageCount + tree.treeLeafPageCount + tree.overflowPages;
