import { commitRow, createSampleLedger, storeRows } from '@sealtrail/ledger-store/samples';
import { columnType, ENTRIES, erasedAssignments, eventColumns, MANIFESTS, type TableColumn } from '@sealtrail/ledger-store/sql';
import { beforeAll, describe, expect, it } from 'vitest';
import { storeOfFile, valueOf } from './temporary.ts';

const storeNow = storeOfFile();
const ledger = createSampleLedger();
const claim = new Uint8Array(16).fill(7);

beforeAll(async () => {
  const round = ledger.round({ tenant: 'acme', predecessor: { instance: new Uint8Array(16), routine: 1, critical: 2 } });
  await storeRows(storeNow(), ledger.key, claim, round);
  await storeNow().insertCommit(commitRow(ledger.key, claim, 0, 0, round));
});

/** Inserts the row of entry or position 0 again with one column changed. */
const insertAgain = (table: string, change: string): Promise<void> =>
  storeNow().alterUnguarded(
    // The row is chosen inside: in the outer WHERE the changed column would stand for the stored one.
    `INSERT INTO ${table} SELECT * REPLACE (${change}) FROM (SELECT * FROM ${table} WHERE ${table === 'entries' ? 'entry' : 'position'} = 0 LIMIT 1)`,
  );

/** Another value of the column's type, whatever the value is. */
function otherThan({ name, type }: TableColumn): string {
  const column = `\`${name}\``;
  const stored = columnType(type, name);
  const inner = type.op === 'optional' ? type.inner[0] : type;
  if (stored.includes('UUID')) return `reinterpretAsUUID(bitNot(reinterpretAsUInt128(${column})))`;
  if (stored.includes('IPv6')) return `if(isNull(${column}), toIPv6('::1'), NULL)`;
  switch (inner?.op) {
    case 'string':
      return type.op === 'optional' ? `if(isNull(${column}), '', NULL)` : `concat(${column}, 'x')`;
    case 'fixed':
      if (type.op === 'optional') return `if(isNull(${column}), toFixedString('x', ${inner.size}), NULL)`;
      // One bit of the last byte.
      return `toFixedString(concat(substring(${column}, 1, ${inner.size - 1}), char(bitXor(ascii(substring(${column}, ${inner.size}, 1)), 1))), ${inner.size})`;
    case 'enum':
      return `CAST((toInt8(${column}) + 1) % ${inner.symbols.length}, '${stored.replaceAll("'", "\\'")}')`;
    case 'int':
    case 'long':
      if (type.op === 'optional') return `if(isNull(${column}), CAST(0, '${stored.replaceAll("'", "\\'")}'), NULL)`;
      if (inner.logical === null) return `${column} + 1`;
      return `addMilliseconds(${column}, 1)`;
    case 'array':
      return `if(empty(${column}), arrayResize(${column}, 1), arraySlice(${column}, 2))`;
    case 'map':
      return `if(empty(${column}), map('k', ''), mapFromArrays(mapKeys(${column}), arrayMap(v -> concat(v, 'x'), mapValues(${column}))))`;
    default:
      throw new RangeError(`${name}: a change of ${stored} is missing`);
  }
}

describe('the CHECK on leaf_hash', () => {
  for (const column of [...eventColumns(), ...ENTRIES.columns.filter(({ name }) => ['leaf_hash', 'event_schema'].includes(name))]) {
    it(`refuses a row with another ${column.name}, and nothing of the insert is stored`, async () => {
      const before = await valueOf(storeNow(), 'SELECT count() FROM entries');
      await expect(insertAgain('entries', `${otherThan(column)} AS \`${column.name}\``)).rejects.toMatchObject({
        code: 'store_corrupt',
        message: 'the engine refused row 1 of an insert: its columns do not recompute to its hash; nothing was stored',
      });
      expect(await valueOf(storeNow(), 'SELECT count() FROM entries')).toBe(before);
    });
  }

  it('takes the row as it is', async () => {
    await insertAgain('entries', 'entry AS entry');
    await storeNow().alterUnguarded('ALTER TABLE entries DELETE WHERE entry = 0 AND _part_offset > 0');
  });

  for (const section of ['actor', 'object'] as const) {
    const digest = `toNullable(unhex('${'5a'.repeat(32)}')) AS ${section}_digest`;
    it(`refuses a digest of the ${section} section that is not its own`, async () => {
      const empty = erasedAssignments(section).map((assignment) => assignment.replace(/^(`\w+`) = (.*)$/s, '$2 AS $1'));
      await expect(insertAgain('entries', [...empty, digest].join(', '))).rejects.toMatchObject({ code: 'store_corrupt' });
    });
  }
});

describe('the CHECK on manifest_hash', () => {
  for (const column of MANIFESTS.columns.filter(({ name }) => name !== 'claim')) {
    it(`refuses a row with another ${column.name}`, async () => {
      await expect(insertAgain('manifests', `${otherThan(column)} AS \`${column.name}\``)).rejects.toMatchObject({ code: 'store_corrupt' });
    });
  }

  it('takes the row as it is', async () => {
    await insertAgain('manifests', 'position AS position');
  });
});
