import { EventLogError, type EventLogReader } from '@sealtrail/event-log';
import type { Sha256 } from '@sealtrail/merkle';
import { emptyRegistry, extendRegistry, type Registry } from '@sealtrail/seal';

const READ_LIMITS = { records_max: 1_000, bytes_max: 4_194_304, wait_ms: 0 };

export interface RegistryStreamOptions {
  readonly reader: EventLogReader;
  readonly sha256: Sha256;
  /** Its one partition is read. */
  readonly topic: string;
  /** Told of records before they count, with the index of the first. What it throws, the caller gets; they are read again. */
  readonly onRecords?: (records: readonly Uint8Array[], from: number) => Promise<void>;
}

/** Follows the stream of the key registry. One a process. docs/spec/registry.md */
export class RegistryStream {
  readonly #options: RegistryStreamOptions;
  #registry: Registry;
  #reading: Promise<Registry> | null = null;

  constructor(options: RegistryStreamOptions) {
    this.#options = options;
    this.#registry = emptyRegistry(options.sha256);
  }

  /**
   * The registry up to the stream's end as it is now. Called after records were fetched: a key that was registered before a
   * batch was sent is then in it. Throws EventLogError `log_corrupt` for a stream that lost records, and for one that cannot
   * be reached: the partition waits, nothing is rejected for it.
   */
  async readToEnd(): Promise<Registry> {
    // A read under way may have looked at the end too early for this caller: wait for it, then look again.
    while (this.#reading !== null) await this.#reading.catch(() => undefined);
    this.#reading = this.#extend();
    try {
      return await this.#reading;
    } finally {
      this.#reading = null;
    }
  }

  async #extend(): Promise<Registry> {
    const { reader, sha256, topic, onRecords } = this.#options;
    const { start, end } = await reader.bounds(topic, 0);
    if (start > 0 || end < this.#registry.size) {
      throw new EventLogError(
        'log_corrupt',
        `${topic} holds records ${start} to ${end}, and ${this.#registry.size} were read; its records are kept for ever, so restore it`,
      );
    }
    while (this.#registry.size < end) {
      const from = this.#registry.size;
      const read = await reader.read(topic, 0, from, READ_LIMITS);
      if (read.kind === 'unavailable') throw read.cause;
      if (read.kind !== 'records') throw new EventLogError('log_unavailable', `${topic} gave ${read.kind} at ${from}; check the topic`);
      const records = read.records.map((record) => record.value ?? new Uint8Array(0));
      if (records.length === 0)
        throw new EventLogError('log_unavailable', `${topic} gave nothing at ${from} though it ends at ${end}; it is read again`);
      await onRecords?.(records, from);
      this.#registry = extendRegistry(sha256, this.#registry, records);
    }
    return this.#registry;
  }
}
