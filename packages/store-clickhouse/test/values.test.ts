/** Bytes on their way to a server and back: every one, in every kind of field, packed or not; and parts that cannot be read. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commitRow, createSampleLedger, sampleEvent, seededBytes, stored, storeRows } from '@sealtrail/ledger-store/samples';
import { describe, expect, it } from 'vitest';
import { databaseOf, rowsOf, servedForFile } from './served.ts';

const served = servedForFile();
const claim = new Uint8Array(16).fill(7);
const hex = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('hex');

describe('a value', () => {
  for (const compression of ['none', 'gzip'] as const) {
    it(`may hold every byte and every kind of character (${compression})`, async () => {
      const store = await served().open({ compression });
      const ledger = createSampleLedger({ seed: compression });
      // Each of the 256 bytes in fixed fields, each character of one and two bytes in texts, and some of three and four.
      const text = `${Array.from({ length: 0x800 }, (_, i) => String.fromCodePoint(i)).join('')}\u2028\ufeff\uffff😀\u{10ffff}`;
      const events = Array.from({ length: 16 }, (_, i) => {
        const id = Uint8Array.from({ length: 16 }, (_unused, j) => 16 * i + j);
        return {
          ...sampleEvent(seededBytes(`${i}`)),
          event_id: id,
          actor_salt: id,
          object_salt: id,
          trace_id: id,
          source_ip: id,
          token_id_hash: new Uint8Array(32).fill(i),
          actor_id: text.slice(128 * i, 128 * (i + 1)),
          user_agent: text.slice(-6),
          attributes: new Map([[text.slice(128 * i, 128 * i + 8), text.slice(128 * i)]]),
        };
      });
      const round = ledger.round({ tenant: 'acme', events });
      expect(round.rejected).toEqual([]);
      await storeRows(store, ledger.key, claim, round);
      await stored(store.insertCommit(commitRow(ledger.key, claim, 0, 0, round)));
      const { first_event, ends, record } = (round.batches[0] as (typeof round.batches)[0]).batch;
      const rows = await rowsOf(store.entries({ partition: ledger.key }));
      const starts = [first_event, ...events.map((_, i) => ends[3 * i + 2] as number)];
      expect(rows.map(({ bytes }) => hex(bytes))).toEqual(events.map((_, i) => hex(record.subarray(starts[i], starts[i + 1]))));
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
      await stored(store.insertKeyRecords([{ index: 0, bytes }]));
      expect(await store.keyRecords()).toEqual([{ index: 0, bytes }]);
    });
  }

  it('from outside never ends a statement', async () => {
    const store = await served().open();
    const ledger = createSampleLedger();
    for (const evil of ["' OR 1 = 1 --", '\\', "'; DROP TABLE sealtrail.entries; --", 'sealtrail.`entries`', '{x:String}', '\0']) {
      expect(await rowsOf(store.entries({ partition: ledger.key, tenant: evil }))).toEqual([]);
      expect(await rowsOf(store.manifests({ partition: { ...ledger.key, topic: evil } }))).toEqual([]);
      expect(await store.head(ledger.key, evil)).toBe(null);
      const note = { origin: evil, size: 1, root: new Uint8Array(32), note: evil };
      await stored(store.insertCheckpoint(note));
      expect(await store.latestCheckpoint(evil)).toEqual(note);
    }
  });
});

it('a part that cannot be read is named, and read past', async () => {
  const store = await served().open();
  const ledger = createSampleLedger();
  const database = databaseOf(store);
  // Parts stay what they are.
  await served().alter(`SYSTEM STOP MERGES ${database}.entries`);
  const rounds = [ledger.round({ tenant: 'acme' }), ledger.round({ tenant: 'acme' })];
  for (const round of rounds) {
    await storeRows(store, ledger.key, claim, round);
    await stored(store.insertCommit(commitRow(ledger.key, claim, 0, 0, round)));
  }
  const path = String(
    await served().value(
      `SELECT path FROM system.parts WHERE database = '${database}' AND table = 'entries' AND active ORDER BY name LIMIT 1`,
    ),
  );
  const file = join(path, 'data.bin');
  const bytes = await readFile(file);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
  await writeFile(file, bytes);
  // Nothing of the file as it was stays in memory.
  for (const sql of [
    `DETACH TABLE ${database}.entries SYNC`,
    `ATTACH TABLE ${database}.entries`,
    `SYSTEM STOP MERGES ${database}.entries`,
  ]) {
    await served().alter(sql);
  }
  await expect(rowsOf(store.entries({ partition: ledger.key }))).rejects.toMatchObject({ code: 'store_corrupt' });
  const unreadable = await store.unreadableParts();
  expect(unreadable).toMatchObject([{ table: 'entries' }]);
  const past = store.withoutParts(unreadable);
  expect((await rowsOf(past.entries({ partition: ledger.key }))).map(({ entry }) => entry)).toEqual([3, 4, 5]);
  expect(await past.insertEntries(ledger.key, claim, rounds[0]?.batches ?? [])).toMatchObject({ kind: 'in_doubt' });
  await past.close();
  expect((await store.commits(ledger.key)).length).toBe(1);
});
