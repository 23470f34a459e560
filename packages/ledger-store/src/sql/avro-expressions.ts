/**
 * Canonical Avro bytes, and the leaf hashes over them, as SQL over the columns: for the CHECK constraints and for the
 * views that verify in SQL. Everything is generated from the compiled schemas.
 */
import {
  type EventField,
  type EventSchema,
  eventSchemaFields,
  knownEventSchemas,
  manifestCodec,
  type Plan,
  type RecordCodec,
} from '@sealtrail/wire';
import { fixedBytes } from './column-types.ts';
import { columnName } from './flat.ts';
import { bytesLiteral, identifier } from './literals.ts';

/** Bytes of a field whose column is named as the field is. */
export const avroExpression = (field: EventField | Plan): string => bytesOf('plan' in field ? field.plan : field, [field.name]);

/** Bytes of fields one after the other. */
export const fieldsExpression = (fields: readonly Plan[]): string => concat(fields.map((field) => bytesOf(field, [field.name])));

/** Bytes of one section of an event. */
export const sectionExpression = (schema: EventSchema, section: 'actor' | 'object' | 'rest'): string =>
  fieldsExpression(
    eventSchemaFields(schema)
      .filter((field) => field.section === section)
      .map((field) => field.plan),
  );

/** A: the digest of the actor section, of an erased one the digest that was kept. */
export const actorDigestExpression = (schema: EventSchema): string =>
  digestExpression('A', 'actor_digest', sectionExpression(schema, 'actor'));
/** O: the digest of the object section. */
export const objectDigestExpression = (schema: EventSchema): string =>
  digestExpression('O', 'object_digest', sectionExpression(schema, 'object'));

const digestExpression = (letter: string, kept: string, section: string): string =>
  `if(isNull(${identifier(kept)}), SHA256(concat('${letter}', ${section})), assumeNotNull(${identifier(kept)}))`;

/** SHA-256(0x00 ‖ "E" ‖ 0x01 ‖ A ‖ O ‖ rest) of a row of entries that is in this schema. */
export const leafHashExpression = (schema: EventSchema): string =>
  `SHA256(concat(char(0), 'E', char(1), ${actorDigestExpression(schema)}, ${objectDigestExpression(schema)}, ${sectionExpression(schema, 'rest')}))`;

/** The leaf of a row of entries in whatever schema it says; zeros, which no row has, for a schema that is not known. */
export function anyLeafHashExpression(schemas: readonly EventSchema[] = knownEventSchemas()): string {
  const branches = schemas.flatMap((schema) => [`event_schema = ${bytesLiteral(schema.sha256)}`, leafHashExpression(schema)]);
  return `multiIf(${branches.join(', ')}, toFixedString('', 32))`;
}

/** Whether the sections of a row that have a kept digest hold nothing but their types' defaults. */
export function erasedExpression(schemas: readonly EventSchema[] = knownEventSchemas()): string {
  const branches = schemas.flatMap((schema) => {
    const erased = (section: 'actor' | 'object'): string =>
      `(isNull(${identifier(`${section}_digest`)}) OR ${sectionExpression(schema, section)} = ${bytesLiteral(erasedSection(schema, section))})`;
    return [`event_schema = ${bytesLiteral(schema.sha256)}`, `${erased('actor')} AND ${erased('object')}`];
  });
  return `multiIf(${branches.join(', ')}, 0)`;
}

/** Canonical bytes of a section whose fields all have their types' defaults. */
export function erasedSection(schema: EventSchema, section: 'actor' | 'object'): Uint8Array {
  const fields = eventSchemaFields(schema).filter((field) => field.section === section);
  // Of every other type the default is one zero byte: an empty string, null, symbol 0, number 0, no items.
  return new Uint8Array(fields.reduce((size, { plan }) => size + (plan.op === 'fixed' ? plan.size : 1), 0));
}

/** Bytes of a record from its flat columns. */
export const recordExpression = <T>(codec: RecordCodec<T>): string => concat(codec.fields.map((field) => bytesOf(field, [field.name])));

/** SHA-256(0x00 ‖ letter ‖ 0x01 ‖ bytes) of a record from its flat columns. */
export const recordHashExpression = <T>(codec: RecordCodec<T>): string =>
  `SHA256(concat(char(0), '${codec.letter}', char(1), ${recordExpression(codec)}))`;

/** The leaf hash that a row of manifests recomputes to. */
export const manifestHashExpression = (): string => recordHashExpression(manifestCodec());

/** SHA-256 over the header's bytes of a row of manifests. */
export function headerHashExpression(): string {
  const header = manifestCodec().fields.find((field) => field.name === 'header') as Plan;
  return `SHA256(${bytesOf(header, ['header'])})`;
}

function bytesOf(plan: Plan, path: readonly string[]): string {
  const inner = plan.inner[0] as Plan;
  // A record inside has a column for each of its fields; anything else is one column.
  if (plan.op === 'record') return concat(plan.inner.map((field) => bytesOf(field, [...path, field.name])));
  if (plan.op === 'optional' && inner.op === 'record') return optionalRecord(inner, path);
  const name = columnName(path);
  return valueBytes(plan, identifier(name), name);
}

/** A column each for the fields, all null or none; a mixture gives a union branch that does not exist. */
function optionalRecord(record: Plan, path: readonly string[]): string {
  const names = record.inner.map((field) => columnName([...path, field.name]));
  const nulls = names.map((name) => `isNull(${identifier(name)})`);
  const bytes = record.inner.map((field, i) => {
    const name = names[i] as string;
    return valueBytes(field, `assumeNotNull(${identifier(name)})`, name);
  });
  return `multiIf(${nulls.join(' AND ')}, char(0), NOT (${nulls.join(' OR ')}), ${concat(['char(2)', ...bytes])}, char(4))`;
}

/** Bytes of a value; `value` may stand several times in what is returned, so it is a column or as cheap. */
function valueBytes(plan: Plan, value: string, name: string): string {
  switch (plan.op) {
    case 'string':
    case 'bytes':
      return `sealtrail_string(${value})`;
    case 'int':
    case 'long':
      return `sealtrail_long(${ticks(plan, value)})`;
    case 'enum':
      return `sealtrail_enum(${value})`;
    case 'fixed':
      return fixedBytes(name, value);
    case 'optional': {
      const inner = plan.inner[0] as Plan;
      return `if(isNull(${value}), char(0), concat(char(2), ${valueBytes(inner, `assumeNotNull(${value})`, name)}))`;
    }
    case 'array':
      return `if(empty(${value}), char(0), concat(sealtrail_length(length(${value})), arrayStringConcat(arrayMap(x -> ${item(plan.inner[0] as Plan)}, ${value})), char(0)))`;
    case 'map':
      return `sealtrail_map(${value})`;
    case 'record':
      throw new RangeError(`${name}: a record inside a column is only supported as an item of an array`);
  }
}

function item(plan: Plan): string {
  // arrayStringConcat wants String; of a FixedString, concat keeps zero bytes at the end where a cast drops them.
  if (plan.op === 'fixed') return `concat(x, '')`;
  if (plan.op !== 'record') return valueBytes(plan, 'x', '');
  return concat(plan.inner.map((field, i) => valueBytes(field, `tupleElement(x, ${i + 1})`, '')));
}

/** Of a time its ticks, at its own scale. */
function ticks(plan: Plan, value: string): string {
  switch (plan.logical) {
    case 'timestamp-millis':
      return `toUnixTimestamp64Milli(${value})`;
    case 'timestamp-micros':
      return `toUnixTimestamp64Micro(${value})`;
    case null:
      return value;
  }
}

const concat = (parts: readonly string[]): string =>
  parts.length === 1 ? `concat(${parts[0] as string}, '')` : `concat(${parts.join(', ')})`;
