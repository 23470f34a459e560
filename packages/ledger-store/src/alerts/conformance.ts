/** What every alert store must pass. Runs under vitest: `alertStoreConformance(name, harness)` in a test file. */
import { type AlertRecord, alertCodec } from '@sealtrail/wire';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arbitraryRecord } from '../arbitrary-event.ts';
import { shown } from '../conformance-harness.ts';
import { createMemoryAlertStore } from './memory.ts';
import {
  ALERT_FATES,
  type AlertActionRow,
  type AlertQuery,
  type AlertRow,
  type AlertStore,
  DELIVERY_STATES,
  type DeliveryRow,
} from './port.ts';

export interface AlertStoreHarness {
  /** An empty store. */
  open(): Promise<AlertStore>;
  /** Closes and removes it. */
  discard?(store: AlertStore): Promise<void>;
}

const bytes16 = (n: number): Uint8Array => {
  const bytes = new Uint8Array(16);
  // The last byte of 0 is a zero: fixed strings that lose it lose the row.
  bytes.set([0xa0 + (n & 0x0f), n & 0xff, (n >> 8) & 0xff]);
  return bytes;
};
const RAISED = 1_735_689_600_000;

function alertRow(n: number, parts: Partial<AlertRecord> = {}, rest: Partial<Omit<AlertRow, 'alert'>> = {}): AlertRow {
  const alert: AlertRecord = {
    id: bytes16(n),
    rule_id: `rule ${n % 3}`,
    rule_version: new Uint8Array(32).fill(n & 0xff),
    rule_title: 'Many failures',
    level: n % 2 === 0 ? 'HIGH' : 'LOW',
    tags: ['attack.t1110'],
    tenant: n % 5 === 0 ? 'globex' : 'acme',
    group: new Map([['actor_id', `user ${n}`]]),
    first_seen: RAISED * 1_000 - 1,
    last_seen: RAISED * 1_000,
    raised_at: RAISED + Math.floor(n / 2),
    anchor_event_id: bytes16(n),
    value: n,
    late: n % 2 === 1,
    events_count: 3,
    evidence: [
      {
        event_id: bytes16(n),
        topic: 'audit.events',
        incarnation: 1,
        partition: 0,
        offset: n,
        index: 0,
        leaf_hash: new Uint8Array(32).fill(1),
      },
    ],
    ...parts,
  };
  return { alert, fate: 'GROUPED', fate_detail: '', risk_score: 60, risk_accumulated: 61.5, groups: [`group ${n % 4}`], ...rest };
}

function deliveryRow(n: number, parts: Partial<DeliveryRow> = {}): DeliveryRow {
  return {
    message_id: `msg_${n}`,
    notifier: n % 3 === 0 ? 'pager' : 'chat',
    sequence: 0,
    state: 'QUEUED',
    attempts: 0,
    created_at: RAISED + Math.floor(n / 2),
    updated_at: RAISED + n,
    next_attempt_at: RAISED + n,
    status: null,
    reason: null,
    level: 'HIGH',
    alerts_count: n,
    groups: [`group ${n % 4}`],
    alerts: [bytes16(n), bytes16(0)],
    body: JSON.stringify({ n }),
    ...parts,
  };
}

const action = (n: number, parts: Partial<AlertActionRow> = {}): AlertActionRow => ({
  id: `act_${n}`,
  action: 'ACKNOWLEDGED',
  alert_id: bytes16(n),
  silence_id: null,
  matchers: null,
  silence_from: null,
  silence_until: null,
  by: 'olga',
  why: "looked into it: é 😀 \\ '",
  at: RAISED + Math.floor(n / 2),
  ...parts,
});

const stored = async (outcome: Promise<unknown>): Promise<void> => expect(await outcome).toEqual({ kind: 'stored' });
const idsOf = (rows: readonly AlertRow[]): unknown => shown(rows.map(({ alert }) => alert.id));

/** Any alert that the codec accepts. */
const arbitraryAlert: fc.Arbitrary<AlertRecord> = (
  arbitraryRecord(alertCodec().fields) as fc.Arbitrary<unknown> as fc.Arbitrary<AlertRecord>
).map((alert) => ({
  ...alert,
  first_seen: Math.min(alert.first_seen, alert.last_seen),
  last_seen: Math.max(alert.first_seen, alert.last_seen),
  events_count: (Math.abs(alert.events_count) % 1_000_000) + alert.evidence.length,
}));

export function alertStoreConformance(name: string, harness: AlertStoreHarness): void {
  describe(`${name} as an alert store`, () => {
    let store: AlertStore;
    const reference = createMemoryAlertStore();
    beforeAll(async () => {
      store = await harness.open();
    });
    afterAll(async () => harness.discard?.(store));
    /** Into the store under test and into the reference, which are compared with each other. */
    const insertAlerts = async (rows: readonly AlertRow[]): Promise<void> => {
      await stored(store.insertAlerts(rows));
      await stored(reference.insertAlerts(rows));
    };

    it('is empty at first, and takes nothing as something', async () => {
      expect(await store.alerts({ rows_max: 10 })).toEqual([]);
      expect(await store.actions({ rows_max: 10 })).toEqual([]);
      expect(await store.deliveries({ rows_max: 10 })).toEqual([]);
      expect(await store.queuedDeliveries('chat', 10)).toEqual([]);
      expect([await store.alert(bytes16(1)), await store.delivery('chat', 'msg_1')]).toEqual([null, null]);
      await stored(store.insertAlerts([]));
      await stored(store.insertActions([]));
      await stored(store.insertDeliveries([]));
      for (const rows_max of [0, 1_001, 1.5]) await expect(store.alerts({ rows_max })).rejects.toThrow(RangeError);
    });

    it('gives back whatever an alert holds, with the same canonical bytes', async () => {
      const alerts = fc.sample(arbitraryAlert, { numRuns: 60, seed: 5 });
      const rows = alerts.map((alert, n) => {
        // Ids and times of their own, far from those of the other tests.
        const id = new Uint8Array(alert.id);
        id[0] = 0xff;
        id[1] = n;
        return alertRow(
          0,
          { ...alert, id },
          { fate: ALERT_FATES[n % ALERT_FATES.length] as AlertRow['fate'], fate_detail: alert.rule_title, risk_accumulated: n / 3 },
        );
      });
      await stored(store.insertAlerts(rows));
      for (const row of rows) {
        const found = await store.alert(row.alert.id);
        expect(shown(alertCodec().encode(found?.alert as AlertRecord))).toBe(shown(alertCodec().encode(row.alert)));
        expect(shown({ ...found, alert: null })).toEqual(shown({ ...row, alert: null }));
      }
    });

    it('gives one row an alert, the one whose fate counts most, however often it was inserted', async () => {
      const again = alertRow(900);
      const at = { raised_at: RAISED + 9_000_000 };
      await insertAlerts([
        alertRow(900, at, { fate: 'DUPLICATE', groups: [] }),
        alertRow(901, at, { fate: 'SILENCED', fate_detail: 's1', groups: [] }),
      ]);
      await insertAlerts([alertRow(900, at), alertRow(901, at, { fate: 'DUPLICATE' })]);
      await insertAlerts([alertRow(900, at, { fate: 'LOW_RISK', fate_detail: '30' })]);
      const raised = { from: at.raised_at, to: at.raised_at + 1 };
      expect((await store.alert(again.alert.id))?.fate).toBe('GROUPED');
      expect((await store.alerts({ raised, rows_max: 10 })).map(({ fate, fate_detail }) => [fate, fate_detail])).toEqual([
        ['SILENCED', 's1'],
        ['GROUPED', ''],
      ]);
      expect(await store.alerts({ raised, fates: ['DUPLICATE', 'LOW_RISK'], rows_max: 10 })).toEqual([]);
      expect((await store.alerts({ raised, fates: ['SILENCED'], rows_max: 10 })).length).toBe(1);
      expect(await store.alerts({ raised, fates: [], rows_max: 10 })).toEqual([]);
    });

    it('lists alerts by any conditions, latest first, page by page', async () => {
      const rows = Array.from({ length: 45 }, (_, n) => alertRow(n));
      await insertAlerts(rows.slice(20));
      await insertAlerts(rows.slice(0, 25));
      const raised = { from: RAISED, to: RAISED + 1_000 };
      const queries: Omit<AlertQuery, 'rows_max'>[] = [
        { raised },
        { raised, tenant: 'globex' },
        { raised, rule_id: 'rule 1', levels: ['LOW', 'CRITICAL'] },
        { raised, levels: [] },
        { raised, group: 'group 3' },
        { raised: { from: RAISED + 3, to: RAISED + 9 }, fates: ['GROUPED'] },
        { raised, tenant: "'; DROP" },
        { raised, except: { rule_id: 'rule 1', tenant_prefix: 'glo' } },
        { raised, except: { rule_id: 'rule 1', tenant_prefix: 'Glo' }, tenant: 'globex' },
        { raised, except: { rule_id: 'rule 2', tenant_prefix: '' }, levels: ['LOW'] },
        { raised, after: { raised_at: RAISED + 10, id: bytes16(20) } },
      ];
      for (const query of queries) {
        const wanted = await reference.alerts({ ...query, rows_max: 1_000 });
        expect(idsOf(await store.alerts({ ...query, rows_max: 1_000 }))).toEqual(idsOf(wanted));
        const paged: AlertRow[] = [];
        for (let after = query.after; ; ) {
          const page = await store.alerts({ ...query, ...(after === undefined ? {} : { after }), rows_max: 7 });
          paged.push(...page);
          if (page.length < 7) break;
          after = page.at(-1)?.alert;
        }
        expect(idsOf(paged)).toEqual(idsOf(wanted));
      }
    });

    it('leaves out of a list a rule in tenants of a kind, and no other rule or tenant', async () => {
      const at = { raised_at: RAISED + 20_000 };
      const named = (n: number, rule_id: string, tenant: string): AlertRow => alertRow(n, { ...at, rule_id, tenant });
      await insertAlerts([
        named(950, 'canary', 'own.canary.0'),
        named(951, 'canary', 'acme'),
        named(952, 'other', 'own.canary.0'),
        named(953, 'canary', 'Own.canary.0'),
        named(954, 'canary', 'own.canary'),
      ]);
      const raised = { from: at.raised_at, to: at.raised_at + 1 };
      const except = { rule_id: 'canary', tenant_prefix: 'own.canary.' };
      const found = await store.alerts({ raised, except, rows_max: 4 });
      expect(found.map(({ alert }) => `${alert.rule_id} ${alert.tenant}`).sort()).toEqual([
        'canary Own.canary.0',
        'canary acme',
        'canary own.canary',
        'other own.canary.0',
      ]);
      expect((await store.alerts({ raised, rows_max: 10 })).length).toBe(5);
    });

    it('keeps what people did: who, why, when', async () => {
      const rows = [
        ...Array.from({ length: 12 }, (_, n) => action(n)),
        action(20, {
          action: 'SILENCED',
          alert_id: null,
          silence_id: 's1',
          matchers: '[{"label":"rule"}]',
          silence_from: RAISED,
          silence_until: RAISED + 5,
        }),
        action(21, { action: 'UNSILENCED', alert_id: null, silence_id: 's1' }),
      ];
      for (const target of [store, reference]) {
        await stored(target.insertActions(rows));
        await stored(target.insertActions(rows.slice(0, 3)));
      }
      for (const query of [
        {},
        { alert_id: bytes16(3) },
        { silence_id: 's1' },
        { actions: ['SILENCED'] as const },
        { actions: [] },
        { after: { at: RAISED + 3, id: 'act_6' } },
      ])
        expect(shown(await store.actions({ ...query, rows_max: 100 }))).toEqual(
          shown(await reference.actions({ ...query, rows_max: 100 })),
        );
      expect((await store.actions({ rows_max: 5 })).length).toBe(5);
      expect(shown(await store.actions({ silence_id: 's1', rows_max: 5 }))).toEqual(shown([rows[13], rows[12]]));
    });

    it('gives of a message the row with the largest sequence, whatever the order of arrival', async () => {
      const later = deliveryRow(1, {
        sequence: 2,
        state: 'DEAD',
        attempts: 2,
        status: 503,
        reason: 'http_status',
        next_attempt_at: null,
        updated_at: RAISED + 50,
      });
      const rows = [
        ...Array.from({ length: 30 }, (_, n) => deliveryRow(n)),
        later,
        deliveryRow(1, { sequence: 1, attempts: 1, updated_at: RAISED + 40 }),
        deliveryRow(4, { sequence: 1, state: 'DELIVERED', status: 204, next_attempt_at: null }),
        deliveryRow(5, { sequence: 1, attempts: 1, next_attempt_at: RAISED + 900 }),
      ];
      for (const target of [store, reference]) for (const row of rows) await stored(target.insertDeliveries([row]));
      expect(shown(await store.delivery('chat', 'msg_1'))).toEqual(shown(later));
      expect(await store.delivery('pager', 'msg_1')).toBe(null);
      for (const query of [
        {},
        { notifier: 'chat' },
        { states: ['DEAD'] as const },
        { states: DELIVERY_STATES.slice(0, 2), group: 'group 1' },
        { states: [] },
        { after: { created_at: RAISED + 7, notifier: 'chat', message_id: 'msg_14' } },
      ])
        expect(shown(await store.deliveries({ ...query, rows_max: 100 }))).toEqual(
          shown(await reference.deliveries({ ...query, rows_max: 100 })),
        );
      for (const notifier of ['chat', 'pager', 'other']) {
        for (const rowsMax of [1, 4, 100])
          expect(shown(await store.queuedDeliveries(notifier, rowsMax))).toEqual(
            shown(await reference.queuedDeliveries(notifier, rowsMax)),
          );
      }
      // Sent again: queued once more.
      const again = deliveryRow(1, { sequence: 3, updated_at: RAISED + 60 });
      await stored(store.insertDeliveries([again]));
      expect((await store.queuedDeliveries('chat', 1))[0]?.message_id).toBe('msg_1');
      expect(await store.deliveries({ states: ['DEAD'], rows_max: 10 })).toEqual([]);
    });
  });
}
