/**
 * A schema compiled to a table that the reader and the writer follow. A table and one interpreter are easier to trust
 * than generated code, and serve every published version alike (docs/decisions/0005-table-driven-codec.md).
 */
import { TIME_MS_END } from '../limits.ts';

export type Op = 'string' | 'bytes' | 'int' | 'long' | 'boolean' | 'double' | 'enum' | 'fixed' | 'array' | 'map' | 'record' | 'optional';

export type Section = 'actor' | 'object' | 'rest';

/** One node of the table. All nodes have all properties, so that the interpreter's loads stay monomorphic. */
export interface Plan {
  readonly op: Op;
  /** Field name inside a record; '' elsewhere. */
  readonly name: string;
  /** Where it stands, for messages: `actor_chain[].issuer`. */
  readonly label: string;
  readonly section: Section | null;
  readonly doc: string;
  /** Bytes of a fixed. */
  readonly size: number;
  /** Inclusive bounds of an int or a long. */
  readonly min: number;
  readonly max: number;
  readonly logical: 'timestamp-millis' | 'timestamp-micros' | null;
  readonly symbols: readonly string[];
  readonly indexes: ReadonlyMap<string, number>;
  /** Of an array or optional its item; of a record its fields. */
  readonly inner: readonly Plan[];
  readonly typeName: string;
}

const INT_MAX = 2_147_483_647;

/** Throws RangeError for a schema that uses what the canonical form leaves out (float, other unions, maps of other values, …). */
export function compileSchema(schema: unknown): Plan {
  const named = new Map<string, Plan>();
  return compile(schema, named, { name: '', label: '', section: null, doc: '' });
}

interface Place {
  readonly name: string;
  readonly label: string;
  readonly section: Section | null;
  readonly doc: string;
}

function compile(schema: unknown, named: Map<string, Plan>, place: Place): Plan {
  if (Array.isArray(schema)) {
    if (schema.length !== 2 || schema[0] !== 'null')
      throw new RangeError(`${place.label}: only unions of null and one more type are supported`);
    return node('optional', place, { inner: [compile(schema[1], named, { ...place, name: '' })] });
  }
  if (typeof schema === 'string') return primitive(schema, null, named, place);
  const object = schema as Record<string, unknown>;
  const typeName = typeof object['name'] === 'string' ? object['name'] : '';
  switch (object['type']) {
    case 'fixed': {
      const size = object['size'] as number;
      // An item without bytes would let a count announce more items than there are bytes.
      if (!(Number.isSafeInteger(size) && size >= 1)) throw new RangeError(`${place.label}: a fixed has at least one byte`);
      return remember(named, place, node('fixed', { ...place, name: '' }, { size, typeName }));
    }
    case 'enum': {
      const symbols = object['symbols'] as readonly string[];
      return remember(
        named,
        place,
        node('enum', { ...place, name: '' }, { symbols, indexes: new Map(symbols.map((symbol, i) => [symbol, i])), typeName }),
      );
    }
    case 'record': {
      const fields = object['fields'] as readonly Record<string, unknown>[];
      if (fields.length === 0) throw new RangeError(`${place.label}: a record has at least one field`);
      const inner = fields.map((field) =>
        compile(field['type'], named, {
          name: field['name'] as string,
          label: place.label === '' ? (field['name'] as string) : `${place.label}.${field['name'] as string}`,
          section: (field['section'] as Section | undefined) ?? null,
          doc: (field['doc'] as string | undefined) ?? '',
        }),
      );
      return remember(named, place, node('record', { ...place, name: '' }, { inner, typeName }));
    }
    case 'array':
      return node('array', place, {
        inner: [compile(object['items'], named, { name: '', label: `${place.label}[]`, section: null, doc: '' })],
      });
    case 'map':
      if (object['values'] !== 'string') throw new RangeError(`${place.label}: only maps of strings are supported`);
      return node('map', place, {});
    default:
      return primitive(object['type'], (object['logicalType'] as string | undefined) ?? null, named, place);
  }
}

function primitive(type: unknown, logical: string | null, named: Map<string, Plan>, place: Place): Plan {
  switch (type) {
    case 'string':
    case 'bytes':
    case 'boolean':
    case 'double':
      return node(type, place, {});
    case 'int':
      return node('int', place, { min: -INT_MAX - 1, max: INT_MAX });
    case 'long':
      if (logical === 'timestamp-millis') return node('long', place, { min: 0, max: TIME_MS_END - 1, logical });
      if (logical === 'timestamp-micros') return node('long', place, { min: 0, max: TIME_MS_END * 1000 - 1, logical });
      return node('long', place, { min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });
    default: {
      const known = typeof type === 'string' ? named.get(type.slice(type.lastIndexOf('.') + 1)) : undefined;
      if (known === undefined) throw new RangeError(`${place.label}: type ${JSON.stringify(type)} is not supported`);
      return { ...known, ...place };
    }
  }
}

function remember(named: Map<string, Plan>, place: Place, plan: Plan): Plan {
  named.set(plan.typeName, plan);
  return { ...plan, ...place };
}

function node(op: Op, place: Place, rest: Partial<Plan>): Plan {
  return {
    op,
    name: place.name,
    label: place.label,
    section: place.section,
    doc: place.doc,
    size: 0,
    min: 0,
    max: 0,
    logical: null,
    symbols: [],
    indexes: new Map(),
    inner: [],
    typeName: '',
    ...rest,
  };
}
