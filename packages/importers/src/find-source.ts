import type { EventLogProducer } from '@sealtrail/event-log';
import type { Sha256 } from '@sealtrail/merkle';
import { ImportError } from './errors.ts';
import { chained, type ImportPosition, idOf, parsePosition, START, sourceName } from './source-position.ts';
import type { SourceRecord } from './source-records.ts';

/** What the event log knows of a source before a run. */
export interface Source {
  readonly name: string;
  readonly position: ImportPosition;
  /** The position as it stands in the log; null for a source that is new. */
  readonly stored: string | null;
}

export interface SourceToFind {
  readonly records: () => AsyncIterable<SourceRecord>;
  readonly tenant: string;
  readonly producer: EventLogProducer;
  readonly sha256: Sha256;
  readonly shown_as: string;
}

/**
 * A source is named by its first event. Bad records before it may have been mended since, so that another one is first now:
 * the first events that stand within so many records are tried. A source that begins with more bad ones is refused, since
 * it would not be known again.
 */
const NAMED_WITHIN = 64;

/**
 * Finds how far a source was imported, and makes sure that it still begins with what was. Throws ImportError
 * `input_changed`, `input_malformed`, and what `records` and the log throw.
 */
export async function findSource(options: SourceToFind): Promise<Source> {
  const candidates = await firstIds(options.records());
  for (const { id, place } of candidates) {
    const name = sourceName(options.tenant, id);
    const stored = await options.producer.position(name);
    if (stored === null) continue;
    const position = parsePosition(stored);
    if (position === null) {
      throw new ImportError(
        'input_changed',
        `${options.shown_as} was imported by another version of this program; import it with that one`,
      );
    }
    // Named by a later record, it is this source only if all before it were rejected then.
    const rejected = new Set(position.rejected);
    if (!Array.from({ length: place }, (_, before) => before).every((before) => rejected.has(before))) continue;
    await verifyBeginning(options, position);
    return { name, position, stored };
  }
  if ((candidates[0]?.place ?? 0) >= NAMED_WITHIN) {
    throw new ImportError(
      'input_malformed',
      `the first ${NAMED_WITHIN} records of ${options.shown_as} are none of CloudTrail's; remove what is none`,
    );
  }
  // Without any id nothing can be imported, and the name is never written.
  return { name: sourceName(options.tenant, candidates[0]?.id ?? new Uint8Array(0)), position: START, stored: null };
}

async function firstIds(records: AsyncIterable<SourceRecord>): Promise<readonly { id: Uint8Array; place: number }[]> {
  const found: { id: Uint8Array; place: number }[] = [];
  let place = 0;
  for await (const record of records) {
    const id = idOf(record);
    if (id !== null) found.push({ id, place });
    place++;
    if (place >= NAMED_WITHIN && found.length > 0) break;
  }
  return found;
}

/** The records that the position covers must be the ones that were imported: same ids, same order. */
async function verifyBeginning(options: SourceToFind, position: ImportPosition): Promise<void> {
  const { sha256, shown_as } = options;
  const rejected = new Set(position.rejected);
  let chain = START.chain;
  let place = 0;
  for await (const record of options.records()) {
    if (place === position.records) break;
    chain = chained(sha256, chain, rejected.has(place) ? null : idOf(record));
    place++;
  }
  if (place < position.records) {
    throw new ImportError(
      'input_changed',
      `${shown_as} has ${place} records, and ${position.records} were imported of the file that begins like it; import the whole file`,
    );
  }
  if (Buffer.compare(chain, position.chain) !== 0) {
    throw new ImportError(
      'input_changed',
      `${shown_as} begins like a file that was imported, but its first ${place} records are not the same; import what is new as a file of its own`,
    );
  }
}
