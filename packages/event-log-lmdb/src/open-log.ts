import { asError, EventLogError, type ReadLimits, type ReadOutcome } from '@sealtrail/event-log';
import { Changes } from './changes.ts';
import type { ConsumerRun } from './consumer.ts';
import { FileRoom } from './file-room.ts';
import { type HandleMark, markHandle } from './handle-mark.ts';
import { Holders } from './holders.ts';
import { thisProcess } from './process-life.ts';
import { Records } from './records.ts';
import { type LogTables, openTables } from './tables.ts';
import { WriteQueue } from './write-queue.ts';

export interface OpenLogOptions {
  readonly dir: string;
  readonly clock_ms: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly size_bytes_max: number;
  readonly session_timeout_ms: number;
  readonly handles: 'one' | 'several';
}

/** An environment that is open, and what its parts share. */
export class OpenLog {
  readonly clock_ms: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly session_timeout_ms: number;
  readonly records: Records;
  readonly holders: Holders;
  readonly queue: WriteQueue;
  /** Consumers that are running. */
  readonly runs: Set<ConsumerRun> = new Set();
  readonly #tables: LogTables;
  readonly #mark: HandleMark | null;
  readonly #room: FileRoom;
  readonly #changes = new Changes();
  #closed: Promise<void> | null = null;

  constructor(tables: LogTables, mark: HandleMark | null, options: OpenLogOptions) {
    this.#tables = tables;
    this.#mark = mark;
    this.clock_ms = options.clock_ms;
    this.random = options.random;
    this.session_timeout_ms = options.session_timeout_ms;
    this.records = new Records(tables, options.size_bytes_max, options.random);
    this.holders = new Holders(tables, thisProcess());
    this.#room = new FileRoom(tables, options.dir);
    this.queue = new WriteQueue(tables.env, options.dir, this.#room, () => this.#changes.wake());
  }

  static async open(options: OpenLogOptions): Promise<OpenLog> {
    const mark = options.handles === 'one' ? markHandle(options.dir) : null;
    try {
      return new OpenLog(await openTables(options.dir), mark, options);
    } catch (thrown) {
      mark?.remove();
      throw thrown;
    }
  }

  get closed(): boolean {
    return this.#closed !== null;
  }

  assertOpen(): void {
    if (this.closed) throw this.closedError();
  }

  closedError(): EventLogError {
    return new EventLogError('log_closed', 'the event log was closed: open another');
  }

  /** Reads, and waits for the first record; `ended` says what is told when the signal aborts. */
  async read(
    topic: string,
    partition: number,
    from: number,
    limits: ReadLimits,
    signal: AbortSignal,
    ended: () => ReadOutcome,
  ): Promise<ReadOutcome> {
    const read = (): ReadOutcome => {
      if (signal.aborted) return ended();
      if (this.closed) return { kind: 'unavailable', cause: this.closedError() };
      return this.records.read(topic, partition, from, limits);
    };
    const readSome = (): ReadOutcome | null => {
      const found = read();
      return limits.wait_ms > 0 && found.kind === 'records' && found.records.length === 0 ? null : found;
    };
    try {
      return await this.#changes.until(readSome, read, limits.wait_ms, signal);
    } catch (thrown) {
      return { kind: 'unavailable', cause: asError(thrown) };
    }
  }

  /** Lets writes that are under way end, and gives back what consumers hold. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // Begins after `closed` is true: what it wakes must see that.
    await Promise.resolve();
    this.#changes.wake();
    await Promise.allSettled(Array.from(this.runs, (run) => run.close()));
    await this.queue.idle();
    this.#room.close();
    await this.#tables.env.close();
    this.#mark?.remove();
  }
}
