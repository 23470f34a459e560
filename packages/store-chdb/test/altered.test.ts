/** Rows that someone wrote over, with values that no encoder would take: each is given, and so are all others. */
import { commitRow, createSampleLedger, type SampleLedger, stored, storeRows } from '@sealtrail/ledger-store/samples';
import { describe, expect, it } from 'vitest';
import { rowsOf, storeOfFile } from './temporary.ts';

const storeNow = storeOfFile({ page_rows_max: 2 });
const claim = new Uint8Array(16).fill(7);

let topics = 0;
async function twoBatches(): Promise<SampleLedger> {
  const ledger = createSampleLedger({ partition: { topic: `altered-${topics++}` } });
  const round = ledger.round({ tenant: 'acme', events: 4 }, { tenant: 'acme', events: 4 });
  await storeRows(storeNow(), ledger.key, claim, round);
  await stored(storeNow().insertCommit(commitRow(ledger.key, claim, 0, 0, round)));
  return ledger;
}
const alter = (table: string, change: string, ledger: SampleLedger, where: string): Promise<void> =>
  storeNow().alterUnguarded(`ALTER TABLE ${table} UPDATE ${change} WHERE topic = '${ledger.key.topic}' AND ${where}`);

const others = <T>(rows: readonly T[]): readonly T[] => rows.filter((_, i) => i !== 3);

describe('an entry', () => {
  const alterations: readonly (readonly [string, string])[] = [
    ['a text that is not UTF-8', "user_agent = unhex('ff61')"],
    ['a text cut inside a character', "actor_id = unhex('61e282')"],
    ['a text with half a surrogate pair', "resource_id = unhex('eda080')"],
    ['a list with such a text', "actor_roles = [unhex('c0af')]"],
    ['a key of a map with such a text', "attributes = map(unhex('80'), '')"],
    ['keys out of order', "attributes = map('b', '1', 'a', '2')"],
    ['a key twice', "attributes = map('a', '1', 'a', '1')"],
    ['a time before 1970', "occurred_at = toDateTime64('1969-12-31 23:59:59.999999', 6, 'UTC')"],
    ['a time after 2200', "occurred_at = toDateTime64('2200-01-01 00:00:00', 6, 'UTC')"],
    ['a token time out of range', "token_issued_at = toDateTime64('1960-01-01 00:00:00', 3, 'UTC')"],
    ['more than an event may hold', "resource_id = repeat('x', 40000)"],
    ['more than a page should hold', "resource_id = repeat('0123456789', 500000)"],
    ['a schema that nobody published', "event_schema = unhex(repeat('ab', 32))"],
  ];
  for (const [what, change] of alterations) {
    it(`with ${what} has no bytes, and the others have theirs`, async () => {
      const ledger = await twoBatches();
      const before = await rowsOf(storeNow().entries({ partition: ledger.key }));
      await alter('entries', change, ledger, 'entry = 3');
      const after = await rowsOf(storeNow().entries({ partition: ledger.key }));
      expect(after.map(({ entry }) => entry)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      expect(after[3]?.bytes).toBe(null);
      expect(others(after)).toEqual(others(before));
    });
  }

  it('keeps an altered text told from the text that a replacement character stands for', async () => {
    const ledger = await twoBatches();
    await alter('entries', "actor_id = '\ufffd'", ledger, 'entry = 1');
    expect((await rowsOf(storeNow().entries({ partition: ledger.key })))[1]?.bytes).not.toBe(null);
    await alter('entries', "actor_id = unhex('ff')", ledger, 'entry = 1');
    expect((await rowsOf(storeNow().entries({ partition: ledger.key })))[1]?.bytes).toBe(null);
  });

  it('with a number beyond what is exact, or a producer that is no text, does not lose its neighbours', async () => {
    const ledger = await twoBatches();
    await storeNow().alterUnguarded(
      `ALTER TABLE entries UPDATE position = 9223372036854775807, batch_index = -2147483648, producer = unhex('fe') WHERE topic = '${ledger.key.topic}' AND entry = 2`,
    );
    const rows = await rowsOf(storeNow().entries({ partition: ledger.key }));
    expect(rows.length).toBe(8);
    expect(rows[2]).toMatchObject({ entry: 2, position: 2 ** 63, batch_index: -2_147_483_648, producer: '\udcfe' });
  });

  it('inserted many times over comes as often, in pages that end', async () => {
    const ledger = await twoBatches();
    const { topic } = ledger.key;
    const copies = `SELECT * FROM entries WHERE topic = '${topic}' AND entry = 5`;
    await storeNow().alterUnguarded(`INSERT INTO entries SELECT e.* FROM (${copies}) AS e CROSS JOIN numbers(9) AS n`);
    const rows = await rowsOf(storeNow().entries({ partition: ledger.key }));
    expect(rows.map(({ entry }) => entry)).toEqual([0, 1, 2, 3, 4, ...Array(10).fill(5), 6, 7]);
  });

  it('numbered beyond what is exact: pages go on behind it', async () => {
    const ledger = await twoBatches();
    const { topic } = ledger.key;
    // The key column cannot be updated: the rows are inserted under other numbers.
    const numbered = (n: string): string =>
      `INSERT INTO entries SELECT * REPLACE (toInt64('${n}') AS entry) FROM (SELECT * FROM entries WHERE topic = '${topic}' AND entry = 0)`;
    for (const n of ['-9223372036854775808', '9007199254740992', '9007199254740993', '9223372036854775806', '9223372036854775807']) {
      await storeNow().alterUnguarded(numbered(n));
    }
    const rows = await rowsOf(storeNow().entries({ partition: ledger.key }));
    expect(rows.map(({ entry }) => entry)).toEqual([-(2 ** 63), 0, 1, 2, 3, 4, 5, 6, 7, 2 ** 53, 2 ** 53, 2 ** 63, 2 ** 63]);
  });
});

describe('a manifest', () => {
  const alterations: readonly string[] = [
    "audience = unhex('ff')",
    "started_at = toDateTime64('1960-01-01 00:00:00', 3, 'UTC')",
    'sequence = 9007199254740993',
    "predecessor_log = toFixedString('x', 16)",
    'header_predecessor_routine = 4',
  ];
  for (const change of alterations) {
    it(`with ${change} has no bytes, and the other has its own`, async () => {
      const ledger = await twoBatches();
      await alter('manifests', change, ledger, 'offset = 0');
      const [first, second] = await rowsOf(storeNow().manifests({ partition: ledger.key }));
      expect(first?.bytes).toBe(null);
      expect(second?.bytes).toBeInstanceOf(Uint8Array);
    });
  }

  it('without an encoding has no header hash: the row is named', async () => {
    const ledger = await twoBatches();
    const [manifest] = await rowsOf(storeNow().manifests({ partition: ledger.key }));
    await alter('manifests', "audience = unhex('ff')", ledger, 'offset = 0');
    const { tenant, producer, instance, delivery, sequence } = (manifest as NonNullable<typeof manifest>).manifest.header;
    await expect(storeNow().sealedHeader(ledger.key, { tenant, producer, instance, delivery, sequence })).rejects.toMatchObject({
      code: 'store_corrupt',
      message: 'manifest 0 of tenant acme: its columns have no canonical encoding; restore the row',
    });
  });
});

describe('a round', () => {
  it('with a text that is none has no bytes, and is given beside the one that was stored', async () => {
    const ledger = await twoBatches();
    const { topic } = ledger.key;
    const [{ hash } = { hash: claim }] = await rowsOf(storeNow().rounds(ledger.key, { from: 0, to: 9 }));
    await storeNow().alterUnguarded(
      `INSERT INTO rounds SELECT * REPLACE (toDateTime64('1960-01-01 00:00:00', 3, 'UTC') AS recorded_at) FROM (SELECT * FROM rounds WHERE topic = '${topic}')`,
    );
    const rounds = await rowsOf(storeNow().rounds(ledger.key, { from: 0, to: 9 }));
    expect(rounds.filter(({ bytes }) => bytes === null).length).toBe(1);
    expect(rounds.every((round) => Buffer.compare(round.hash, hash) === 0)).toBe(true);
  });
});

describe('commit rows', () => {
  it('altered to the ends of their types hide or show, and break no read', async () => {
    const ledger = await twoBatches();
    await alter('commits', "round_hash = unhex(repeat('00', 32))", ledger, '1');
    const { topic } = ledger.key;
    await storeNow().alterUnguarded(
      `INSERT INTO commits SELECT * REPLACE (18446744073709551615 AS to) FROM (SELECT * FROM commits WHERE topic = '${topic}')`,
    );
    expect((await rowsOf(storeNow().entries({ partition: ledger.key }))).length).toBe(8);
  });
});
