import { Fault, Reader } from './avro/reader.ts';
import { WireError } from './errors.ts';
import { type EventSchema, refusalOf } from './event.ts';

/**
 * Reads single fields of events of one schema, one event at a time: whoever needs few of them does not pay for all. Events
 * are checked when their ends are found: what was walked is well-formed.
 */
export interface EventReader {
  /** The number of a field, for `field`; -1 where the schema has none of that name. */
  indexOf(name: string): number;
  /** Goes to the event that fills bytes[start, end). Throws WireError `not_canonical`. */
  open(bytes: Uint8Array, start: number, end: number): void;
  /** A field's value, as `EventSchema.decode` gives it, of the event that was opened. */
  field(index: number): unknown;
}

/** Makes a reader. It keeps the event that is open, and nothing else. */
export function createEventReader(schema: EventSchema): EventReader {
  const fields = schema.plan.inner;
  const indexes = new Map(fields.map(({ name }, i) => [name, i]));
  /** Where each field ends. */
  const ends = new Uint32Array(fields.length);
  let from = 0;
  let reader = new Reader(new Uint8Array(0), 0, 0);
  return {
    indexOf: (name) => indexes.get(name) ?? -1,
    open(bytes, start, end) {
      try {
        reader = new Reader(bytes, start, end);
        reader.skipEach(fields, ends);
        if (reader.at !== end) throw new Fault('malformed', `${end - reader.at} bytes follow the event`, reader.at);
      } catch (error) {
        const { detail, at } = refusalOf(error);
        throw new WireError('not_canonical', `byte ${at}: ${detail}`);
      }
      from = start;
    },
    field(index) {
      reader.at = index === 0 ? from : (ends[index - 1] as number);
      return reader.read(fields[index] as (typeof fields)[number]);
    },
  };
}
