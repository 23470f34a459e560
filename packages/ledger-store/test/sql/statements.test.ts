import { eventSchemaFields, knownEventSchemas, manifestCodec, type Plan } from '@sealtrail/wire';
import { describe, expect, it } from 'vitest';
import {
  AvroBytes,
  bytesLiteral,
  columnName,
  ENTRIES,
  erasedExpression,
  flatColumns,
  flatValues,
  identifier,
  numberLiteral,
  numbersLiteral,
  pageStatement,
  quoted,
  schemaStatements,
  tableDefinitions,
  textLiteral,
  tiedStatement,
  unflatten,
  valueTypes,
} from '../../src/sql/index.ts';
import { parseResultType } from '../../src/sql/result-types.ts';

describe('tables', () => {
  it('have a column for every field of every published schema, once', () => {
    const names = ENTRIES.columns.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const schema of knownEventSchemas())
      expect(names).toEqual(expect.arrayContaining(eventSchemaFields(schema).map(({ name }) => name)));
  });

  it('say what every column means, and order by columns that they have', () => {
    for (const { name, columns, order_by, doc } of tableDefinitions()) {
      expect(doc, name).not.toBe('');
      for (const column of columns) expect(column.doc, `${name}.${column.name}`).not.toBe('');
      for (const column of order_by) expect(columns.map((one) => one.name)).toContain(column);
    }
  });

  it('are fsynced, each of them', () => {
    for (const statement of schemaStatements(true).filter((sql) => sql.startsWith('CREATE TABLE'))) {
      expect(statement).toContain('SETTINGS fsync_after_insert = 1, fsync_part_directory = 1');
    }
  });

  it('have their checks only where they are asked for', () => {
    expect(
      schemaStatements(true)
        .join('\n')
        .match(/CONSTRAINT/g)?.length,
    ).toBe(3);
    expect(schemaStatements(false).join('\n')).not.toContain('CONSTRAINT');
  });
});

describe('columns of a record', () => {
  const fields = manifestCodec().fields;

  it('of the header keep their names, save those that the manifest has too', () => {
    expect(['version', 'tenant', 'predecessor', 'sequence'].map((name) => columnName(['header', name]))).toEqual([
      'header_version',
      'tenant',
      'header_predecessor',
      'sequence',
    ]);
    const names = flatColumns(fields).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('give the record back, with null where all columns of a record inside are null', () => {
    const record = { version: 1, predecessor: null, header: { version: 2, predecessor: { instance: 'i', routine: 1, critical: 2 } } };
    const given = unflatten(fields, flatValues(fields, record));
    expect(given).toMatchObject(record);
    const mixed = unflatten(fields, { ...flatValues(fields, record), predecessor_size: 3, predecessor_log: null, predecessor_root: null });
    expect(mixed['predecessor']).toEqual({ log: null, size: 3, root: null });
  });
});

describe('literals', () => {
  it('of texts and bytes are hex, of names nothing but letters', () => {
    expect(textLiteral("'; --")).toBe("unhex('273b202d2d')");
    expect(bytesLiteral(Uint8Array.of(0, 255))).toBe("unhex('00ff')");
    expect(quoted("it's \\")).toBe("'it\\'s \\\\'");
    expect(identifier('from')).toBe('`from`');
    for (const name of ['', 'a b', '`', 'a;', '1a']) expect(() => identifier(name)).toThrow(RangeError);
  });

  it('of numbers are whole ones', () => {
    expect(numberLiteral(-5)).toBe('toInt64(-5)');
    for (const value of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(() => numberLiteral(value)).toThrow(RangeError);
      expect(() => numbersLiteral([1, value])).toThrow(RangeError);
    }
  });
});

describe('pages', () => {
  const query = {
    from: 't',
    order: ['a', 'b'].map((name) => ({ name, type: valueTypes.long })),
    rest: [{ name: 'event_id', type: valueTypes.fixed(16) }],
    condition: 'x = 1',
    read: () => null,
  };

  it('begin after the row that the page before ended with', () => {
    expect(pageStatement(query, 5, null)).toMatch(
      /^SELECT `a`, `b`, UUIDToNum\(`event_id`\) AS `event_id_bytes` FROM t WHERE \(x = 1\) ORDER BY `a`, `b` LIMIT 5 SETTINGS /,
    );
    expect(tiedStatement(query, ['1', '2'])).toContain('WHERE (x = 1) AND (`a` = 1) AND (`b` = 2) SETTINGS ');
    expect(pageStatement(query, 5, ['1', '2'])).toContain('(`a` >= 1 AND ((`a` > 1) OR (`a` = 1 AND `b` > 2)))');
  });
});

describe('expressions', () => {
  it('refuse a schema that uses what they cannot encode, rather than encode it otherwise', () => {
    const plan = (manifestCodec().fields.find(({ name }) => name === 'log') ?? {}) as Plan;
    const array: Plan = { ...plan, op: 'array', inner: [{ ...plan, op: 'long' }] };
    expect(() => new AvroBytes().fields([array])).toThrow(RangeError);
    expect(() => new AvroBytes().fields([{ ...plan, op: 'optional', inner: [{ ...plan, op: 'array' }] }])).toThrow(RangeError);
  });

  it('of erased sections name each column of the section, and none of the rest', () => {
    const sql = erasedExpression();
    for (const schema of knownEventSchemas()) {
      for (const { name, section } of eventSchemaFields(schema)) expect(sql.includes(`\`${name}\``), name).toBe(section !== 'rest');
    }
  });
});

describe('types of answers', () => {
  it('are taken apart', () => {
    expect(parseResultType("DateTime64(6, 'UTC')")).toMatchObject({ name: 'DateTime64', numbers: [6] });
    expect(parseResultType("Enum8('a\\'b' = -1, 'c, d' = 2)").symbols).toEqual(
      new Map([
        [-1, "a'b"],
        [2, 'c, d'],
      ]),
    );
    const tuple = parseResultType('Array(Tuple(`a b` Nullable(String), c Map(LowCardinality(String), Array(UInt8))))').types[0];
    expect(tuple).toMatchObject({ name: 'Tuple', names: ['a b', 'c'] });
    expect(tuple?.types[1]).toMatchObject({ name: 'Map', types: [{ name: 'LowCardinality' }, { name: 'Array' }] });
    expect(parseResultType('Tuple(String, UInt8)').names).toBe(null);
  });
});
