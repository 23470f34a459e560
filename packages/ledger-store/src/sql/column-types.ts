/**
 * What ClickHouse type holds a field of a schema. Types are chosen so that the canonical bytes can be told from the column:
 * a time keeps its own scale, null stays null, an int wraps nowhere.
 */
import { fixedLiteral, identifier, quoted } from './literals.ts';
import type { ValueType } from './value-types.ts';

/** How a field is stored where its type leaves a choice; what is not named here takes the plain type. */
interface StorageHint {
  readonly low_cardinality?: true;
  readonly as?: 'UUID' | 'IPv6';
  readonly codec?: string;
}

const SMALL = 'ZSTD(1)';
const ASCENDING = 'DoubleDelta, ZSTD(1)';
/** Random bytes do not compress: packing them costs and saves nothing. */
const RANDOM = 'NONE';

const HINTS: Readonly<Record<string, StorageHint>> = {
  actor_salt: { codec: RANDOM },
  object_salt: { codec: RANDOM },
  actor_issuer: { low_cardinality: true },
  actor_client_id: { low_cardinality: true },
  actor_roles: { low_cardinality: true },
  actor_scopes: { low_cardinality: true },
  token_key_id: { low_cardinality: true },
  token_algorithm: { low_cardinality: true },
  source_ip: { as: 'IPv6' },
  event_id: { as: 'UUID' },
  occurred_at: { codec: ASCENDING },
  action: { low_cardinality: true },
  resource_type: { low_cardinality: true },
  reason: { low_cardinality: true },
  http_method: { low_cardinality: true },
  http_route: { low_cardinality: true },
  trace_id: { codec: RANDOM },
  leaf_hash: { codec: RANDOM },
  manifest_hash: { codec: RANDOM },
  tenant: { low_cardinality: true },
  producer: { low_cardinality: true },
  audience: { low_cardinality: true },
  topic: { low_cardinality: true },
  entry: { codec: ASCENDING },
  offset: { codec: ASCENDING },
  position: { codec: ASCENDING },
  first_entry: { codec: ASCENDING },
  signature: { codec: RANDOM },
};

const hintOf = (name: string): StorageHint => HINTS[name] ?? {};

export const codecOf = (name: string): string => hintOf(name).codec ?? SMALL;

/** The column's type in a table. */
export const columnType = (type: ValueType, name: string): string => storedType(type, hintOf(name));

function storedType(type: ValueType, hint: StorageHint): string {
  const inner = type.inner[0] as ValueType;
  switch (type.op) {
    case 'string':
      return hint.low_cardinality ? 'LowCardinality(String)' : 'String';
    case 'fixed':
      return hint.as ?? `FixedString(${type.size})`;
    case 'optional':
      if (hint.low_cardinality) return `LowCardinality(Nullable(${storedType(inner, {})}))`;
      return `Nullable(${storedType(inner, hint)})`;
    case 'array':
      return `Array(${storedType(inner, hint)})`;
    case 'record':
      return tupleType(type, (field) => storedType(field, {}));
    case 'map':
      return 'Map(LowCardinality(String), String)';
    default:
      return plainType(type);
  }
}

/**
 * The type that a container of Avro rows is read as; INSERT … SELECT converts. The engine reads Avro several times slower
 * into LowCardinality, and not at all into UUID.
 */
export function plainType(type: ValueType): string {
  switch (type.op) {
    case 'string':
    case 'bytes':
      return 'String';
    case 'int':
      return 'Int32';
    case 'long':
      return longType(type);
    case 'boolean':
      return 'Bool';
    case 'double':
      return 'Float64';
    case 'enum':
      return enumType(type.symbols);
    case 'fixed':
      return `FixedString(${type.size})`;
    case 'optional':
      return `Nullable(${plainType(type.inner[0] as ValueType)})`;
    case 'array':
      return `Array(${plainType(type.inner[0] as ValueType)})`;
    case 'record':
      return tupleType(type, plainType);
    case 'map':
      return 'Map(String, String)';
  }
}

const tupleType = (type: ValueType, of: (field: ValueType) => string): string =>
  `Tuple(${type.inner.map((field) => `${identifier(field.name)} ${of(field)}`).join(', ')})`;

/** Whether a column holds its type's default: what it has once its section is erased. */
export function defaultCondition(type: ValueType, name: string): string {
  const column = identifier(name);
  switch (type.op) {
    case 'optional':
      return `isNull(${column})`;
    case 'string':
    case 'bytes':
    case 'array':
    case 'map':
      return `empty(${column})`;
    case 'enum':
    case 'int':
    case 'long':
    case 'boolean':
      return `toInt64(${column}) = 0`;
    case 'double':
      return `${column} = 0`;
    case 'fixed':
      return `${fixedBytes(name, column)} = ${fixedLiteral(new Uint8Array(type.size))}`;
    case 'record':
      throw new RangeError(`${name}: a record inside is several columns`);
  }
}

/** What INSERT … SELECT makes of a plainly read `value` for a column; the value alone where the engine converts by itself. */
export function fromPlain(type: ValueType, name: string, value: string = identifier(name)): string {
  switch (hintOf(name).as) {
    case 'UUID':
      return `toUUID(UUIDNumToString(${value}))`;
    case 'IPv6':
      return `CAST(${value}, ${type.op === 'optional' ? `'Nullable(IPv6)'` : `'IPv6'`})`;
    default:
      return value;
  }
}

/** A stored column as a reader selects it: FORMAT Avro then writes what the schema says. IPv6 is a fixed there already. */
export const toPlain = (name: string): string => (hintOf(name).as === 'UUID' ? `UUIDToNum(${identifier(name)})` : identifier(name));

/** Of a fixed column, not null: its bytes as a FixedString, whatever type stores it. */
export function fixedBytes(name: string, value: string): string {
  switch (hintOf(name).as) {
    case 'UUID':
      return `UUIDToNum(${value})`;
    case 'IPv6':
      return `reinterpretAsFixedString(${value})`;
    default:
      return value;
  }
}

function longType(type: ValueType): string {
  switch (type.logical) {
    case 'timestamp-millis':
      return `DateTime64(3, 'UTC')`;
    case 'timestamp-micros':
      return `DateTime64(6, 'UTC')`;
    case null:
      return 'Int64';
  }
}

const enumType = (symbols: readonly string[]): string => `Enum8(${symbols.map((symbol, i) => `${quoted(symbol)} = ${i}`).join(', ')})`;
