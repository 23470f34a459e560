/** The hashes of the formats (docs/spec) as SQL: for the CHECK constraints, and for the views that verify in SQL. */
import {
  type EventField,
  type EventSchema,
  eventSchemaFields,
  knownEventSchemas,
  manifestCodec,
  type Plan,
  type RecordCodec,
} from '@sealtrail/wire';
import { AvroBytes, concat } from './avro-bytes.ts';
import { defaultCondition } from './column-types.ts';
import { bytesLiteral, identifier } from './literals.ts';

type Section = 'actor' | 'object' | 'rest';

/** Canonical bytes of a field whose columns are named as it is. */
export const avroExpression = (field: EventField | Plan): string => fieldsExpression(['plan' in field ? field.plan : field]);

/** Bytes of fields one after the other. */
export function fieldsExpression(fields: readonly Plan[]): string {
  const bytes = new AvroBytes();
  return bytes.expression(concat(bytes.fields(fields)));
}

const fieldsOf = (schema: EventSchema, section: Section): readonly Plan[] =>
  eventSchemaFields(schema)
    .filter((field) => field.section === section)
    .map((field) => field.plan);

/** Bytes of one section of an event. */
export const sectionExpression = (schema: EventSchema, section: Section): string => fieldsExpression(fieldsOf(schema, section));

/** A or O: the digest of the section, of an erased one the digest that was kept. */
function digestOf(bytes: AvroBytes, schema: EventSchema, section: 'actor' | 'object'): string {
  const kept = identifier(`${section}_digest`);
  const letter = section === 'actor' ? 'A' : 'O';
  return `if(isNull(${kept}), SHA256(concat('${letter}', ${bytes.fields(fieldsOf(schema, section)).join(', ')})), assumeNotNull(${kept}))`;
}

function digestExpression(schema: EventSchema, section: 'actor' | 'object'): string {
  const bytes = new AvroBytes();
  return bytes.expression(digestOf(bytes, schema, section));
}

/** A: the digest of the actor section, of an erased one the digest that was kept. */
export const actorDigestExpression = (schema: EventSchema): string => digestExpression(schema, 'actor');
/** O: the digest of the object section. */
export const objectDigestExpression = (schema: EventSchema): string => digestExpression(schema, 'object');

/** SHA-256(0x00 ‖ "E" ‖ 0x01 ‖ A ‖ O ‖ rest) of a row of entries that is in this schema. */
export function leafHashExpression(schema: EventSchema): string {
  const bytes = new AvroBytes();
  const parts = [digestOf(bytes, schema, 'actor'), digestOf(bytes, schema, 'object'), ...bytes.fields(fieldsOf(schema, 'rest'))];
  return bytes.expression(`SHA256(concat(${PREFIX('E')}, ${parts.join(', ')}))`);
}

/** What stands before the bytes that a leaf hash is over. */
const PREFIX = (letter: string): string => `'\\0${letter}\\x01'`;

/** The leaf of a row of entries in whatever schema it says; zeros, which no row has, for a schema that is not known. */
export function anyLeafHashExpression(schemas: readonly EventSchema[] = knownEventSchemas()): string {
  const branches = schemas.flatMap((schema) => [`event_schema = ${bytesLiteral(schema.sha256)}`, leafHashExpression(schema)]);
  return `multiIf(${branches.join(', ')}, toFixedString('', 32))`;
}

/** Whether the sections of a row that have a kept digest hold nothing but their types' defaults. */
export function erasedExpression(schemas: readonly EventSchema[] = knownEventSchemas()): string {
  const sections = (['actor', 'object'] as const).map((section) => {
    const columns = new Map(schemas.flatMap((schema) => fieldsOf(schema, section).map((field) => [field.name, field])));
    return `(isNull(${section}_digest) OR (${[...columns].map(([name, field]) => defaultCondition(field, name)).join(' AND ')}))`;
  });
  return sections.join(' AND ');
}

/** Bytes of a record from its flat columns. */
export const recordExpression = <T>(codec: RecordCodec<T>): string => fieldsExpression(codec.fields);

/** SHA-256(0x00 ‖ letter ‖ 0x01 ‖ bytes) of a record from its flat columns. */
export function recordHashExpression<T>(codec: RecordCodec<T>): string {
  const bytes = new AvroBytes();
  return bytes.expression(`SHA256(concat(${PREFIX(codec.letter)}, ${bytes.fields(codec.fields).join(', ')}))`);
}

/** The leaf hash that a row of manifests recomputes to. */
export const manifestHashExpression = (): string => recordHashExpression(manifestCodec());

/** SHA-256 over the header's bytes of a row of manifests. */
export function headerHashExpression(): string {
  const header = manifestCodec().fields.find((field) => field.name === 'header') as Plan;
  const bytes = new AvroBytes();
  return bytes.expression(`SHA256(${concat(bytes.fields([header]))})`);
}
