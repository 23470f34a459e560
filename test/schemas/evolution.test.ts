/**
 * The event schema gains a field. A store that an earlier build filled is opened by a build that knows both versions: old
 * and new rows stand in one table, and all of them verify. The later build is this one with one more published schema.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent } from '@sealtrail/wire';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { evolvedEventSchema } from '../../packages/wire/test/evolved-schema.ts';

const evolved = evolvedEventSchema();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The modules as they are; or, with `evolved`, as they are in a build that was published with one more version. */
async function build(version: 'present' | 'evolved') {
  vi.resetModules();
  vi.doUnmock('../../packages/wire/src/generated/schemas.ts');
  if (version === 'evolved') {
    vi.doMock('../../packages/wire/src/generated/schemas.ts', async (original) => {
      const present = (await original()) as { readonly PUBLISHED_EVENT_SCHEMAS: readonly unknown[] };
      const names = evolved.plan.inner.map((field) => field.name);
      const added = {
        sha256: hex(evolved.sha256),
        text: evolved.text,
        valuesOf: (event: Readonly<Record<string, unknown>>) => names.map((name) => event[name]),
        eventOf: (values: readonly unknown[]) => Object.fromEntries(names.map((name, i) => [name, values[i]])),
      };
      return { ...present, PUBLISHED_EVENT_SCHEMAS: [...present.PUBLISHED_EVENT_SCHEMAS, added] };
    });
  }
  const [store, samples, evidence, merkle] = await Promise.all([
    import('@sealtrail/store-chdb'),
    import('@sealtrail/ledger-store/samples'),
    import('@sealtrail/evidence'),
    import('@sealtrail/merkle/node'),
  ]);
  return { ...store, ...samples, ...evidence, ...merkle };
}

describe('an event schema with one more field', () => {
  let dir: string | undefined;
  afterAll(async () => {
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  it('shares a table with the one before; rows of both verify, in SQL and by fsck', async () => {
    dir = await mkdtemp(join(tmpdir(), 'sealtrail-evolution-'));
    const claims = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)] as const;

    const before = await build('present');
    const old = before.createSampleLedger();
    const oldStore = await before.openChdbStore({ dir });
    const record = old.sign({ tenant: 'acme', events: 5 });
    const first = old.seal([record]);
    await before.storeRows(oldStore, old.key, claims[0], first);
    await before.stored(oldStore.insertKeyRecords(old.registry.records.map((bytes, index) => ({ index, bytes }))));
    await before.stored(oldStore.insertCommit(before.commitRow(old.key, claims[0], 0, 0, first)));
    await oldStore.close();

    const after = await build('evolved');
    // The same ledger, taken up by the later build: its first round comes out as it was, in the version that it was sealed in.
    const ledger = after.createSampleLedger();
    ledger.sign({ tenant: 'acme', kind: 'HEARTBEAT', sequence: 9 }); // registers the producer's key, as before
    const again = ledger.seal([record]);
    expect(hex(again.hash)).toBe(hex(first.hash));
    const event = (n: number): AuditEvent =>
      ({ ...after.sampleEvent(after.seededBytes(`event ${n}`)), approval_id: n % 2 === 0 ? null : `apr-${n}` }) as AuditEvent;
    const second = ledger.round({ tenant: 'acme', events: [event(0), event(1), event(2)], sequence: 1 });
    const store = await after.openChdbStore({ dir });
    try {
      await after.storeRows(store, ledger.key, claims[1], second);
      await after.stored(store.insertCommit(after.commitRow(ledger.key, claims[1], 1, second.round.from, second)));

      const { rows } = await store.select('SELECT entry, event_schema, approval_id FROM audit_events ORDER BY entry');
      expect(rows).toHaveLength(8);
      expect(new Set(rows.slice(0, 5).map((row) => row['event_schema'])).size).toBe(1);
      expect(rows.slice(5)).toMatchObject([
        { entry: 5, event_schema: hex(evolved.sha256), approval_id: null },
        { entry: 6, approval_id: 'apr-1' },
        { entry: 7, approval_id: null },
      ]);
      for (const view of ['verify_entries', 'verify_batches', 'verify_chain']) {
        expect((await store.select(`SELECT * FROM ${view}`)).rows, view).toEqual([]);
      }
      const check = () =>
        after.fsck({
          store,
          audience: ledger.identity.audience,
          sha256: after.sha256(),
          ed25519Verify: after.ed25519Verify(),
          checkpointKey: () => null,
        });
      expect(await check()).toMatchObject({ ok: true, entries: 8, findings: [] });

      // Each version's columns are bound by its own rows' leaves: the new one too.
      await store.alterUnguarded("ALTER TABLE sealtrail.entries UPDATE approval_id = 'apr-9' WHERE entry = 6 SETTINGS mutations_sync = 2");
      expect((await check()).findings).toMatchObject([{ code: 'entry_altered', tenant: 'acme', entry: 6 }]);
      expect((await store.select('SELECT entry FROM verify_entries')).rows).toEqual([{ entry: 6 }]);
    } finally {
      await store.close();
    }
  });
});
