import { createHash } from 'node:crypto';
import { currentEventSchema, type EventSchema, loadEventSchema } from '../src/index.ts';

/** A field of the next version, as it stands in the schema file; it goes to the end of the rest section. */
export interface AddedField {
  readonly name: string;
  readonly type: unknown;
  readonly default: unknown;
  readonly doc: string;
}

const APPROVAL: AddedField = { name: 'approval_id', type: ['null', 'string'], default: null, doc: 'Approval that the act rests on.' };

/** The current event schema with one more field: what the next published version may look like. For tests of stores too. */
export function evolvedEventSchema(field: AddedField = APPROVAL): EventSchema {
  const schema = JSON.parse(currentEventSchema().text) as { fields: unknown[] };
  schema.fields.push({ ...field, section: 'rest' });
  const text = `${JSON.stringify(schema, null, 2)}\n`;
  return loadEventSchema(text, Uint8Array.from(createHash('sha256').update(text).digest()));
}
