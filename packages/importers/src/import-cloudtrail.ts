import type { BatchSigner, EventToSign } from '@sealtrail/emitter';
import type { EventLogProducer } from '@sealtrail/event-log';
import type { Sha256 } from '@sealtrail/merkle';
import { BATCH_BYTES_MAX, BATCH_EVENTS_DEFAULT, BATCH_EVENTS_MAX } from '@sealtrail/wire';
import { appendOnce, concurrent, type Placed } from './append-once.ts';
import { createCloudTrailMapper } from './cloudtrail/mapping.ts';
import { ImportError } from './errors.ts';
import { findSource, type Source } from './find-source.ts';
import { chained, type ImportPosition, idOf, positionText, REJECTED_KEPT_MAX } from './source-position.ts';
import type { SourceRecord } from './source-records.ts';

export interface CloudTrailImport {
  /** Opens the source from its beginning; called up to five times. `readSourceRecords` makes one from bytes. */
  readonly records: () => AsyncIterable<SourceRecord>;
  /** The source by a name for people, such as its file: for messages. */
  readonly shown_as: string;
  readonly tenant: string;
  readonly topic: string;
  readonly producer: EventLogProducer;
  /** Signs as a producer that the registry lets write for the tenant. */
  readonly signer: BatchSigner;
  readonly sha256: Sha256;
  /** Events a batch. Default 256. */
  readonly batch_events_max?: number;
  /** Told after every batch how many records were read. */
  readonly onProgress?: (read: number) => void;
  /** Ends the import before its next batch. */
  readonly stop?: AbortSignal;
  /**
   * Keeps other imports of a source away, by its name in the log; null when another one has it. Without it two imports of one
   * source at the same time may both append a batch before they see each other.
   */
  readonly hold?: (source: string) => Promise<SourceHold | null>;
}

export interface SourceHold {
  /** Whether it is held still. */
  holds(): Promise<boolean>;
  release(): Promise<void>;
}

/** `read` = `accepted` + `skipped` + `rejected`. */
export interface ImportOutcome {
  readonly read: number;
  /** Appended by this run. */
  readonly accepted: number;
  /** Imported by an earlier run. */
  readonly skipped: number;
  /** Could not be made into an event. */
  readonly rejected: number;
  readonly first_error: { readonly line: number; readonly reason: string } | null;
  /** Where the last batch lies; null when nothing was appended, or when the log did not say where. */
  readonly last: Placed | null;
}

/** Room that is left for the header and the framing. */
const BATCH_EVENT_BYTES_MAX: number = BATCH_BYTES_MAX - 4_096;

/**
 * Imports a CloudTrail source as batches of one tenant. Every batch is appended together with the position that it brings
 * the source to, so that a run that was cut off anywhere goes on where the log ends: each event once, whatever happens.
 * A record that cannot be read or mapped is counted and passed over; mended, it is imported by the next run.
 * Throws ImportError `input_malformed`, `input_changed`, `import_concurrent`, `append_refused`, `append_unconfirmed`,
 * `interrupted`, and what `records` throws.
 */
export async function importCloudTrail(options: CloudTrailImport): Promise<ImportOutcome> {
  const source = await findSource(options);
  if (options.hold === undefined) return importSource(options, source, null);
  const held = await options.hold(source.name);
  if (held === null) throw concurrent(options.shown_as);
  try {
    // Whoever held it before may have brought it further meanwhile.
    const isAsFound = (await options.producer.position(source.name)) === source.stored;
    return await importSource(options, isAsFound ? source : await findSource(options), held);
  } finally {
    await held.release();
  }
}

async function importSource(options: CloudTrailImport, source: Source, held: SourceHold | null): Promise<ImportOutcome> {
  const run = new ImportRun(options, source, held);
  for await (const record of options.records()) {
    const full = run.take(record);
    if (full !== null) await run.append(full);
  }
  const rest = run.rest();
  if (rest !== null) await run.append(rest);
  const outcome = run.outcome();
  if (run.holds_no_json) {
    throw new ImportError('input_malformed', `${options.shown_as} holds no JSON; give a CloudTrail file: JSON lines or {"Records":[…]}`);
  }
  return outcome;
}

/** Events that are signed together, and the position that they bring the source to. */
interface PendingBatch {
  readonly events: readonly EventToSign[];
  readonly position: ImportPosition;
}

class ImportRun {
  readonly #options: CloudTrailImport;
  readonly #held: SourceHold | null;
  readonly #source: Source;
  readonly #map: ReturnType<typeof createCloudTrailMapper>;
  readonly #events_max: number;
  /** Where the records that were taken so far bring the source. */
  #records: number;
  #chain: Uint8Array;
  readonly #rejected: Set<number>;
  readonly #mended: Set<number>;
  /** What the log holds as the source's position. */
  #stored: string | null;

  #events: EventToSign[] = [];
  #bytes = 0;
  #read = 0;
  #accepted = 0;
  #skipped = 0;
  #bad = 0;
  #sawJson = false;
  #firstError: ImportOutcome['first_error'] = null;
  #last: Placed | null = null;

  constructor(options: CloudTrailImport, source: Source, held: SourceHold | null) {
    this.#options = options;
    this.#held = held;
    this.#source = source;
    this.#map = createCloudTrailMapper(options.sha256);
    this.#events_max = Math.max(1, Math.min(options.batch_events_max ?? BATCH_EVENTS_DEFAULT, BATCH_EVENTS_MAX));
    this.#records = source.position.records;
    this.#chain = source.position.chain;
    this.#rejected = new Set(source.position.rejected);
    this.#mended = new Set(source.position.mended);
    this.#stored = source.stored;
  }

  /** True when something was read, and none of it was JSON. */
  get holds_no_json(): boolean {
    return this.#read > 0 && !this.#sawJson;
  }

  /** Takes a record in; gives back the batch that must be appended before the next one. */
  take(record: SourceRecord): PendingBatch | null {
    const place = this.#read++;
    this.#sawJson ||= record.kind === 'value' || record.is_json;
    const covered = place < this.#source.position.records;
    if (covered && (!this.#rejected.has(place) || this.#mended.has(place))) {
      // Without an id it was bad then as it is now, one of more than a position remembers.
      if (idOf(record) === null) this.#reject(record, record.kind === 'bad' ? record.reason : 'it has no eventID that is a UUID');
      else this.#skipped++;
      return null;
    }
    const mapped = record.kind === 'bad' ? { kind: 'rejected' as const, reason: record.reason } : this.#map(record.value);
    if (mapped.kind === 'rejected') {
      this.#reject(record, mapped.reason);
      if (!covered) this.#coverRejected(place, record);
      return null;
    }
    // What does not fit any more goes first, with the position as it is before this record.
    const full = this.#bytes + mapped.bytes > BATCH_EVENT_BYTES_MAX || this.#events.length >= this.#events_max ? this.rest() : null;
    if (covered) this.#mended.add(place);
    else this.#cover(place, idOf(record));
    this.#events.push(mapped.event);
    this.#bytes += mapped.bytes;
    return full;
  }

  /** The batch of what was taken since the last one. */
  rest(): PendingBatch | null {
    if (this.#events.length === 0) return null;
    const events = this.#events;
    this.#events = [];
    this.#bytes = 0;
    const position = { records: this.#records, chain: this.#chain, rejected: [...this.#rejected], mended: [...this.#mended] };
    return { events, position };
  }

  async append(batch: PendingBatch): Promise<void> {
    const { tenant, topic, producer, signer, shown_as, stop, onProgress } = this.#options;
    if (stop?.aborted === true) {
      throw new ImportError('interrupted', `the import of ${shown_as} was stopped after ${this.#accepted} events; run it again to go on`);
    }
    if (this.#held !== null && !(await this.#held.holds())) throw concurrent(shown_as);
    const signed = signer.sign({ tenant, delivery: 'ROUTINE', events: batch.events });
    const value = positionText(batch.position);
    this.#last = await appendOnce({
      producer,
      record: { topic, key: signed.key, value: signed.value },
      position: { source: this.#source.name, value },
      before: this.#stored,
      shown_as,
    });
    this.#stored = value;
    this.#accepted += batch.events.length;
    onProgress?.(this.#read);
  }

  outcome(): ImportOutcome {
    return {
      read: this.#read,
      accepted: this.#accepted,
      skipped: this.#skipped,
      rejected: this.#bad,
      first_error: this.#firstError,
      last: this.#last,
    };
  }

  #cover(place: number, id: Uint8Array | null): void {
    this.#records = place + 1;
    this.#chain = chained(this.#options.sha256, this.#chain, id);
  }

  #coverRejected(place: number, record: SourceRecord): void {
    const isKept = this.#rejected.size < REJECTED_KEPT_MAX;
    if (isKept) this.#rejected.add(place);
    this.#cover(place, isKept ? null : idOf(record));
  }

  #reject(record: SourceRecord, reason: string): void {
    this.#bad++;
    this.#firstError ??= { line: record.line, reason };
  }
}
