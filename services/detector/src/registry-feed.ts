import { EventLogError, type EventLogReader } from '@sealtrail/event-log';
import type { Sha256 } from '@sealtrail/merkle';
import { emptyRegistry, extendRegistry, type Registry } from '@sealtrail/seal';

const READ_LIMITS = { records_max: 1_000, bytes_max: 4_194_304, wait_ms: 0 };

/** Follows the stream of the key registry. One a process. */
export class RegistryFeed {
  readonly #reader: EventLogReader;
  readonly #sha256: Sha256;
  readonly #topic: string;
  #registry: Registry;
  #reading: Promise<Registry> | null = null;

  constructor(reader: EventLogReader, sha256: Sha256, topic: string) {
    this.#reader = reader;
    this.#sha256 = sha256;
    this.#topic = topic;
    this.#registry = emptyRegistry(sha256);
  }

  /** The registry up to the stream's end as it is now. Throws EventLogError. */
  async readToEnd(): Promise<Registry> {
    // One that is under way may have looked at the end too early for this caller.
    while (this.#reading !== null) await this.#reading.catch(() => undefined);
    this.#reading = this.#extend();
    try {
      return await this.#reading;
    } finally {
      this.#reading = null;
    }
  }

  async #extend(): Promise<Registry> {
    const { end } = await this.#reader.bounds(this.#topic, 0);
    while (this.#registry.size < end) {
      const read = await this.#reader.read(this.#topic, 0, this.#registry.size, READ_LIMITS);
      if (read.kind === 'unavailable') throw read.cause;
      if (read.kind !== 'records' || read.records.length === 0) {
        throw new EventLogError(
          'log_unavailable',
          `${this.#topic} gave nothing at ${this.#registry.size} though it ends at ${end}; check it`,
        );
      }
      this.#registry = extendRegistry(
        this.#sha256,
        this.#registry,
        read.records.map(({ value }) => value ?? new Uint8Array(0)),
      );
    }
    return this.#registry;
  }
}
