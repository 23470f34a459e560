import { EventLogError, type EventLogReader } from '@sealtrail/event-log';
import { type LedgerStore, LedgerStoreError } from '@sealtrail/ledger-store';
import type { Sha256 } from '@sealtrail/merkle';
import { emptyRegistry, extendRegistry, type Registry } from '@sealtrail/seal';

const READ_LIMITS = { records_max: 1_000, bytes_max: 4_194_304, wait_ms: 0 };

/** Follows the registry's stream, and copies what it reads to the store. One a process. */
export class RegistryStream {
  readonly #ports: { readonly reader: EventLogReader; readonly store: LedgerStore; readonly sha256: Sha256; readonly topic: string };
  #registry: Registry;
  #reading: Promise<Registry> | null = null;

  constructor(ports: { readonly reader: EventLogReader; readonly store: LedgerStore; readonly sha256: Sha256; readonly topic: string }) {
    this.#ports = ports;
    this.#registry = emptyRegistry(ports.sha256);
  }

  /**
   * The registry up to the stream's end as it is now. Called after a round's records were fetched: a key that was
   * registered before a batch was sent is then in it. Throws when the stream or the store cannot be reached: the
   * partition waits, nothing is rejected for it.
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
    const { reader, store, sha256, topic } = this.#ports;
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
      const copied = await store.insertKeyRecords(records.map((bytes, i) => ({ index: from + i, bytes })));
      if (copied.kind !== 'stored') {
        throw new LedgerStoreError(
          'store_unavailable',
          `key records ${from} to ${from + records.length} are not plainly stored; they are inserted again`,
          {
            cause: copied.cause,
          },
        );
      }
      this.#registry = extendRegistry(sha256, this.#registry, records);
    }
    return this.#registry;
  }
}
